package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What entry recorded before the Go runtime started. Without entry (another
// processor) all of it is empty, and the notes have fewer lines.
var (
	entered         byte
	statusText      [4096]byte
	statusLength    int64
	limitsText      [4096]byte
	limitsLength    int64
	descriptorFlags [128]int8 // F_GETFD of each, negative: not open
)

// notes returns what this process was given, a line "name: value" for each thing.
func notes() []string {
	lines := []string{
		"argv: " + strings.Join(os.Args, "|"),
		fmt.Sprintf("pid: %d", unix.Getpid()),
		"cwd: " + cwd(),
		fmt.Sprintf("parent: %d", unix.Getppid()),
		fmt.Sprintf("process group: %d", unix.Getpgrp()),
		"session: " + session(),
	}
	env := os.Environ()
	slices.Sort(env)
	for _, v := range env {
		lines = append(lines, "env "+v)
	}
	lines = append(lines, fromStatus()...)
	lines = append(lines, fromLimits()...)
	lines = append(lines, descriptors()...)
	if nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		lines = append(lines, fmt.Sprintf("nice: %d", 20-nice))
	}
	if timer, err := unix.Getitimer(unix.ItimerReal); err == nil {
		lines = append(lines, fmt.Sprintf("alarm set: %v", timer.Value.Sec+timer.Value.Usec != 0))
	}
	return lines
}

func cwd() string {
	dir, err := os.Readlink("/proc/self/cwd")
	if err != nil {
		return err.Error()
	}
	return dir
}

func session() string {
	id, err := unix.Getsid(0)
	if err != nil {
		return err.Error()
	}
	return strconv.Itoa(id)
}

// statusNames are the lines of /proc/self/status that are reported.
var statusNames = []string{"Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapEff", "CapBnd"}

func fromStatus() []string {
	var lines []string
	for _, line := range strings.Split(string(statusText[:max(0, statusLength)]), "\n") {
		name, value, _ := strings.Cut(line, ":")
		if !slices.Contains(statusNames, name) {
			continue
		}
		value = strings.Join(strings.Fields(value), " ")
		if strings.HasPrefix(name, "Sig") || name == "ShdPnd" {
			value = signals(value)
		}
		lines = append(lines, "status "+name+": "+value)
	}
	return lines
}

// signals returns the numbers in a mask.
func signals(mask string) string {
	bits, err := strconv.ParseUint(mask, 16, 64)
	if err != nil {
		return mask
	}
	var numbers []string
	for i := range 64 {
		if bits&(1<<i) != 0 {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	if len(numbers) == 0 {
		return "none"
	}
	return strings.Join(numbers, " ")
}

func fromLimits() []string {
	var lines []string
	for i, line := range strings.Split(string(limitsText[:max(0, limitsLength)]), "\n") {
		if i == 0 || line == "" {
			continue
		}
		lines = append(lines, "limit "+strings.Join(strings.Fields(line), " "))
	}
	return lines
}

func descriptors() []string {
	if entered == 0 {
		return nil
	}
	var lines []string
	for fd, flags := range descriptorFlags {
		if flags < 0 {
			continue
		}
		text := fmt.Sprintf("fd %d: %s", fd, describe(fd))
		if flags&unix.FD_CLOEXEC != 0 {
			text += " cloexec"
		}
		lines = append(lines, text)
	}
	return lines
}

// describe returns the type and the flags of a descriptor, and for a socket its
// family, address and options.
func describe(fd int) string {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err.Error()
	}
	var words []string
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		words = append(words, socket(fd)...)
	case unix.S_IFIFO:
		words = append(words, "fifo")
		if target := link(fd); !strings.HasPrefix(target, "pipe:") {
			words[0] += " " + target
		} else {
			words[0] = "pipe"
		}
	case unix.S_IFCHR:
		words = append(words, "device "+link(fd))
	case unix.S_IFREG:
		words = append(words, "file "+link(fd))
	case unix.S_IFDIR:
		words = append(words, "directory "+link(fd))
	default:
		words = append(words, link(fd))
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err.Error()
	}
	words = append(words, [...]string{"read", "write", "read/write", "path"}[flags&unix.O_ACCMODE])
	for _, f := range []struct {
		bit  int
		name string
	}{{unix.O_NONBLOCK, "nonblock"}, {unix.O_APPEND, "append"}, {unix.O_ASYNC, "async"}} {
		if flags&f.bit != 0 {
			words = append(words, f.name)
		}
	}
	return strings.Join(words, " ")
}

func link(fd int) string {
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return err.Error()
	}
	return target
}

// socketOptions are reported as numbers.
var socketOptions = []struct {
	name          string
	level, option int
	family        int // 0: any
}{
	{"listening", unix.SOL_SOCKET, unix.SO_ACCEPTCONN, 0},
	{"reuseaddr", unix.SOL_SOCKET, unix.SO_REUSEADDR, 0},
	{"reuseport", unix.SOL_SOCKET, unix.SO_REUSEPORT, 0},
	{"keepalive", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
	{"rcvbuf", unix.SOL_SOCKET, unix.SO_RCVBUF, 0},
	{"sndbuf", unix.SOL_SOCKET, unix.SO_SNDBUF, 0},
	{"passcred", unix.SOL_SOCKET, unix.SO_PASSCRED, 0},
	{"v6only", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, unix.AF_INET6},
	{"nodelay", unix.IPPROTO_TCP, unix.TCP_NODELAY, unix.AF_INET},
	{"defer", unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, unix.AF_INET},
	{"fastopen", unix.IPPROTO_TCP, unix.TCP_FASTOPEN, unix.AF_INET},
}

func socket(fd int) []string {
	words := []string{"socket"}
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return append(words, err.Error())
	}
	kind, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	words = append(words, familyNames[family], kindNames[kind], address(fd))
	for _, o := range socketOptions {
		if o.family != 0 && o.family != family {
			continue
		}
		if n, err := unix.GetsockoptInt(fd, o.level, o.option); err == nil {
			words = append(words, fmt.Sprintf("%s=%d", o.name, n))
		}
	}
	if c, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil && family == unix.AF_UNIX {
		words = append(words, fmt.Sprintf("peercred=%d/%d/%d", c.Pid, c.Uid, c.Gid))
	}
	return words
}

var (
	familyNames = map[int]string{unix.AF_UNIX: "unix", unix.AF_INET: "inet", unix.AF_INET6: "inet6"}
	kindNames   = map[int]string{unix.SOCK_STREAM: "stream", unix.SOCK_DGRAM: "dgram", unix.SOCK_SEQPACKET: "seqpacket"}
)

func address(fd int) string {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return err.Error()
	}
	switch a := sa.(type) {
	case *unix.SockaddrUnix:
		return fmt.Sprintf("%q", a.Name)
	case *unix.SockaddrInet4:
		return fmt.Sprintf("%d.%d.%d.%d:%d", a.Addr[0], a.Addr[1], a.Addr[2], a.Addr[3], a.Port)
	case *unix.SockaddrInet6:
		return fmt.Sprintf("[%x]:%d", a.Addr, a.Port)
	}
	return "?"
}
