//go:build linux && amd64

package faults

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// runtimesOwn is the index of the poll set that the Go runtime creates: after the
// first, with which boot.NeutralizeRuntime checks whether it can. An error between
// the two ends the runtime with a trace, which cannot be helped.
const runtimesOwn = 1

// selfLabel is the label of the program when it executes itself.
const selfLabel = "itself"

// describe returns the name of a call and its object. It is not ok for calls of the
// Go runtime itself, before main and beside it, and for those that the tests leave
// alone.
func (w *watcher) describe(n *notification) (call, label string, ok bool) {
	tid, a := int(n.tid), n.args
	path := func(at int) string { return w.normal(readText(tid, a[at])) }
	fd := func() string { return w.kind(tid, int(int32(a[0]))) }
	switch n.nr {
	case unix.SYS_OPENAT:
		call, label = "open", path(1)
		if a[2]&unix.O_CREAT != 0 {
			label += " (make)"
		}
	case unix.SYS_READ:
		call, label = "read", fd()
	case unix.SYS_WRITE:
		call, label = "write", fd()
	case unix.SYS_PREAD64:
		call, label = "pread", fd()
	case unix.SYS_PWRITE64:
		call, label = "pwrite", fd()
	case unix.SYS_FSTAT:
		call, label = "fstat", fd()
	case unix.SYS_NEWFSTATAT:
		if call, label = "stat", path(1); a[3]&unix.AT_SYMLINK_NOFOLLOW != 0 {
			call = "lstat"
		}
	case unix.SYS_FCHMODAT:
		call, label = "chmod", path(1)
	case unix.SYS_FCHMOD:
		call, label = "fchmod", fd()
	case unix.SYS_UNLINKAT:
		call, label = "unlink", path(1)
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		call, label = "rename", path(1)
	case unix.SYS_MKNODAT:
		call, label = "mkfifo", path(1)
	case unix.SYS_READLINKAT:
		call, label = "readlink", path(1)
	case unix.SYS_GETDENTS64:
		call, label = "getdents", fd()
	case unix.SYS_CHDIR:
		call, label = "chdir", path(0)
	case unix.SYS_FLOCK:
		call, label = "flock", fd()
	case unix.SYS_FSYNC:
		call, label = "fsync", fd()
	case unix.SYS_FCNTL:
		call, label = fcntl(a[1]), fd()
	case unix.SYS_DUP2, unix.SYS_DUP3:
		call, label = "dup", strconv.Itoa(int(a[1]))
	case unix.SYS_SETSID:
		call = "setsid"
	case unix.SYS_PRLIMIT64:
		call = "get-limit"
		if a[2] != 0 {
			call = "set-limit"
		}
	default:
		return w.describeIdentity(n)
	}
	switch {
	case strings.HasPrefix(label, "/sys/"), label == "/proc/*/cgroup", label == "/proc/*/mountinfo":
		return "", "", false // of the runtime, before main
	case label == eventLabel && w.first(tid, label) == int(int32(a[0])):
		return "", "", false
	case label == eventLabel:
		label = wakerLabel
	}
	return call, label, call != ""
}

// What the runtime creates for itself precedes ours.
const (
	pollLabel  = "anon_inode:[eventpoll]"
	eventLabel = "anon_inode:[eventfd]"
)

// describeIdentity is describe for the calls that change identities. The runtime
// makes some of them on every thread, and ends the process if they differ: only the
// first of these is ours.
func (w *watcher) describeIdentity(n *notification) (call, label string, ok bool) {
	tid, a := int(n.tid), n.args
	value := func(at int) string {
		if int32(a[at]) == 0 {
			return "0"
		}
		return "owner"
	}
	everyThread := tid != w.daemon && w.known[tid] == daemon
	switch n.nr {
	case unix.SYS_SETGROUPS:
		return "setgroups", w.group(tid, a[1]), !everyThread
	case unix.SYS_SETGID:
		return "setgid", value(0), !everyThread
	case unix.SYS_SETUID:
		return "setuid", value(0), !everyThread
	case unix.SYS_SETRESGID:
		return "setresgid", value(1), true
	case unix.SYS_SETRESUID:
		return "setresuid", value(1), true
	}
	return w.describeMore(n)
}

// describeMore is describe for sockets, pipes and the poll set.
func (w *watcher) describeMore(n *notification) (call, label string, ok bool) {
	tid, a := int(n.tid), n.args
	switch n.nr {
	case unix.SYS_SOCKET:
		call, label = "socket", family(a[0])+" "+socketType(a[1])
	case unix.SYS_SOCKETPAIR:
		call = "socketpair"
	case unix.SYS_SETSOCKOPT:
		call, label = "setsockopt", fmt.Sprint(a[1], " ", a[2])
	case unix.SYS_GETSOCKOPT:
		call = "socket-error"
	case unix.SYS_BIND:
		call, label = "bind", w.address(tid, a[1], a[2])
	case unix.SYS_LISTEN:
		call, label = "listen", w.bound[int(a[0])]
	case unix.SYS_CONNECT:
		call, label = "connect", w.address(tid, a[1], a[2])
	case unix.SYS_SHUTDOWN:
		call = "shutdown"
	case unix.SYS_GETSOCKNAME:
		call = "getsockname"
	case unix.SYS_SENDMSG:
		call = "send"
		if b := readMemory(tid, a[1], 48); len(b) == 48 && binary.NativeEndian.Uint64(b[40:]) > 0 {
			call = "send-descriptor"
		}
	case unix.SYS_SENDTO:
		call = "sendto"
	case unix.SYS_RECVFROM:
		call = "recvfrom"
	case unix.SYS_PIPE2:
		call, label = "pipe", fmt.Sprintf("%#o", a[1])
	case unix.SYS_EPOLL_CREATE1:
		call, label, w.made = "epoll-create", strconv.Itoa(w.made), w.made+1
		if label == strconv.Itoa(runtimesOwn) {
			return "", "", false
		}
	case unix.SYS_EVENTFD2:
		call, label = "eventfd", strconv.Itoa(w.made)
		if label == strconv.Itoa(runtimesOwn+1) {
			return "", "", false
		}
	case unix.SYS_EPOLL_CTL:
		call = map[uint64]string{unix.EPOLL_CTL_ADD: "epoll-add", unix.EPOLL_CTL_MOD: "epoll-modify", unix.EPOLL_CTL_DEL: "epoll-remove"}[a[1]]
		if label = w.kind(tid, int(int32(a[2]))); w.isRuntimes(tid, int(a[0])) {
			return "", "", false
		}
	case unix.SYS_EPOLL_WAIT, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2:
		if call = "epoll-wait"; w.isRuntimes(tid, int(a[0])) {
			return "", "", false
		}
	case unix.SYS_POLL, unix.SYS_PPOLL:
		call = "poll"
	default:
		return w.describeProcess(n)
	}
	return call, label, call != ""
}

// describeProcess is describe for the calls that start, end and signal processes.
func (w *watcher) describeProcess(n *notification) (call, label string, ok bool) {
	tid, a := int(n.tid), n.args
	switch n.nr {
	case unix.SYS_CLONE:
		if call = "fork"; a[0]&unix.CLONE_THREAD != 0 {
			return "", "", false
		}
	case unix.SYS_CLONE3:
		call = "fork"
	case unix.SYS_EXECVE:
		if call, label = "execute", w.normal(readText(tid, a[0])); label == w.binary || label == "/proc/*/exe" {
			label = selfLabel
		}
	case unix.SYS_WAIT4:
		call, label = "wait", "any"
		if int32(a[0]) > 0 {
			label = "one"
		}
	case unix.SYS_WAITID:
		call = "await-end"
	case unix.SYS_KILL:
		call = "kill"
		if label = strconv.Itoa(int(a[1])); int32(a[0]) < 0 {
			label += " to the group"
		}
	}
	return call, label, call != ""
}

// fcntl returns the name of a command that can fail on an open descriptor.
func fcntl(command uint64) string {
	switch command {
	case unix.F_SETFL:
		return "set-status-flags"
	case unix.F_DUPFD, unix.F_DUPFD_CLOEXEC:
		return "duplicate"
	}
	return ""
}

func family(n uint64) string {
	switch n {
	case unix.AF_UNIX:
		return "unix"
	case unix.AF_INET:
		return "inet"
	case unix.AF_INET6:
		return "inet6"
	case unix.AF_NETLINK:
		return "netlink"
	}
	return strconv.Itoa(int(n))
}

func socketType(n uint64) string {
	text := strconv.Itoa(int(n & 0xf))
	if n&unix.SOCK_NONBLOCK == 0 {
		text += " blocking"
	}
	return text
}

// group returns whose group list setgroups is about to set.
func (w *watcher) group(tid int, at uint64) string {
	if b := readMemory(tid, at, 4); len(b) == 4 && binary.NativeEndian.Uint32(b) == 0 {
		return "0"
	}
	return "owner"
}

// address formats a struct sockaddr.
func (w *watcher) address(tid int, at, size uint64) string {
	b := readMemory(tid, at, int(min(size, 128)))
	if len(b) < 3 {
		return "?"
	}
	switch binary.NativeEndian.Uint16(b) {
	case unix.AF_UNIX:
		text, _, _ := strings.Cut(string(b[2:]), "\x00")
		return w.normal(text)
	case unix.AF_INET:
		return "port " + strconv.Itoa(int(binary.BigEndian.Uint16(b[2:])))
	case unix.AF_NETLINK:
		return "netlink"
	}
	return "?"
}

// isRuntimes reports whether the poll set is that of the Go runtime.
func (w *watcher) isRuntimes(tid, set int) bool { return w.first(tid, pollLabel) == set }

// first returns the lowest descriptor of a kind, -1 if there is none.
func (w *watcher) first(tid int, kind string) int {
	const highest = 64 // they are created early
	for fd := range highest {
		if target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, fd)); target == kind {
			return fd
		}
	}
	return -1
}

var (
	inNumbers   = regexp.MustCompile(`:\[\d+\]`)
	procNumbers = regexp.MustCompile(`^/proc/(self|\d+)/`)
)

// kind returns what a descriptor refers to.
func (w *watcher) kind(tid, fd int) string {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, fd))
	if err != nil {
		return "none"
	}
	return w.normal(strings.TrimSuffix(target, " (deleted)"))
}

// normal removes from a path what differs between two lives.
func (w *watcher) normal(path string) string {
	path = inNumbers.ReplaceAllString(path, "")
	path = procNumbers.ReplaceAllString(path, "/proc/*/")
	if path != w.binary && strings.HasPrefix(path, w.directory+"/") {
		path = path[len(w.directory)+1:]
	}
	return path
}

// readText reads a string from a thread's memory, up to its end.
func readText(tid int, at uint64) string {
	text, _, _ := strings.Cut(string(readMemory(tid, at, 256)), "\x00")
	return text
}

// readMemory reads what is mapped of a thread's memory, at most size bytes.
func readMemory(tid int, at uint64, size int) []byte {
	const page = 4096
	b := make([]byte, size)
	// The next page may not be mapped.
	first := min(size, int(page-at%page))
	got := 0
	for _, part := range [][2]int{{0, first}, {first, size}} {
		if part[0] == part[1] {
			break
		}
		local := []unix.Iovec{{Base: &b[part[0]], Len: uint64(part[1] - part[0])}}
		remote := []unix.RemoteIovec{{Base: uintptr(at) + uintptr(part[0]), Len: part[1] - part[0]}}
		n, err := unix.ProcessVMReadv(tid, local, remote, 0)
		if err != nil {
			break
		}
		got += n
	}
	return b[:got]
}
