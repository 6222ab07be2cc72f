//go:build linux

package parity

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A program can be started with a filter on its system calls (launch.Filter).
// become installs it just before it executes the program.
const (
	// askedForks: the test decides whether a process may fork.
	askedForks = "forks"
	// noIPv6Sockets: IPv6 sockets do not exist on this machine.
	noIPv6Sockets = "no IPv6"
)

func noFilter() string { return "" }

const (
	dataNumber = 0  // struct seccomp_data: the call
	dataFirst  = 16 // and the low half of its first argument
)

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func equals(k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

const (
	loadWord = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	giveWord = unix.BPF_RET | unix.BPF_K
)

// filters are the filter programs. Threads are not processes: the flags of clone
// distinguish them.
var filters = map[string][]unix.SockFilter{
	askedForks: {
		statement(loadWord, dataNumber),
		equals(unix.SYS_FORK, 5, 0),
		equals(unix.SYS_VFORK, 4, 0),
		equals(unix.SYS_CLONE3, 3, 0),
		equals(unix.SYS_CLONE, 0, 3),
		statement(loadWord, dataFirst),
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.CLONE_THREAD, Jt: 1, Jf: 0},
		statement(giveWord, unix.SECCOMP_RET_USER_NOTIF),
		statement(giveWord, unix.SECCOMP_RET_ALLOW),
	},
	noIPv6Sockets: {
		statement(loadWord, dataNumber),
		equals(unix.SYS_SOCKET, 0, 3),
		statement(loadWord, dataFirst),
		equals(unix.AF_INET6, 0, 1),
		statement(giveWord, unix.SECCOMP_RET_ERRNO|uint32(unix.EAFNOSUPPORT)),
		statement(giveWord, unix.SECCOMP_RET_ALLOW),
	},
}

// setFilter installs the filter on this thread. With one that asks, it then stops
// until the test has taken the descriptor for the questions.
func (l *launch) setFilter() {
	code := filters[l.Filter]
	if len(code) == 0 {
		return
	}
	flags := 0
	if l.Filter == askedForks {
		flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&program)))
	if e != 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 97, 0, 0)
	}
	if flags != 0 {
		pid, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
		unix.RawSyscall(unix.SYS_KILL, pid, uintptr(unix.SIGSTOP), 0)
	}
}

// forks decides about the forks of a master.
type forks struct {
	refuse atomic.Int64 // how many forks remain to be refused
	fd     int
	stop   int // closed at the end
	done   sync.WaitGroup
}

// startAsking starts a master whose forks the test decides about; the first ones
// are refused.
func (s *station) startAsking(refused int64) (*process, *forks) {
	l := s.command()
	l.Filter = askedForks
	p := s.launch(l)
	s.eventually("it stands still with its filter", func() bool { return stateOf(p.pid) == "T" && listenerOf(p.pid) != "" })
	f := &forks{}
	f.refuse.Store(refused)
	s.require("take the listener", f.take(p.pid))
	s.cleanups = append(s.cleanups, f.close)
	p.signal(unix.SIGCONT)
	s.awaitLog(startedText, 1)
	return p, f
}

func listenerOf(pid int) string {
	paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, path := range paths {
		if target, err := os.Readlink(path); err == nil && target == "anon_inode:seccomp notify" {
			return filepath.Base(path)
		}
	}
	return ""
}

func (f *forks) take(pid int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(process)
	number, err := strconv.Atoi(listenerOf(pid))
	if err != nil {
		return fmt.Errorf("no listener: %w", err)
	}
	if f.fd, err = unix.PidfdGetfd(process, number, 0); err != nil {
		return fmt.Errorf("pidfd_getfd: %w", err)
	}
	if f.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		unix.Close(f.fd)
		return fmt.Errorf("eventfd: %w", err)
	}
	f.done.Go(f.answer)
	return nil
}

func (f *forks) close() {
	_, _ = unix.Write(f.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.done.Wait()
	unix.Close(f.stop)
	unix.Close(f.fd)
}

// A question and an answer in the kernel's format.
type (
	question struct {
		id         uint64
		pid, flags uint32
		number     int32
		machine    uint32
		at         uint64
		arguments  [6]uint64
	}
	decision struct {
		id    uint64
		value int64
		errno int32
		flags uint32
	}
)

const goOn = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE

// answer answers until it is told to stop or no process can ask any more.
func (f *forks) answer() {
	for {
		fds := []unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}, {Fd: int32(f.stop), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return
		}
		if fds[1].Revents != 0 || fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0 {
			return
		}
		var q question
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(f.fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&q))); e != 0 {
			continue // the asking process has ended
		}
		d := decision{id: q.id, flags: goOn}
		refused := f.refuse.Load() > 0
		if refused {
			d.flags, d.errno = 0, -int32(syscall.EAGAIN)
		}
		// A signal withdraws the question, and the master asks again after it.
		_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(f.fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&d)))
		if refused && e == 0 {
			f.refuse.Add(-1)
		}
	}
}
