//go:build linux

package parity

import (
	"encoding/json"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launch describes how a program is started, and by what kind of parent. The zero
// value of each field is the careful parent.
type launch struct {
	Program string
	Argv    []string
	Env     []string
	Dir     string
	Umask   int // as it stands; newLaunch sets 022

	Stdin, Stdout, Stderr string   // see openKind
	Extra                 []string // descriptors 3 and up, see openKind

	Ignored, Blocked []int
	Session          string // "": the parent's; "session": leader of its own; "group": leader of a group
	UID, GID         int
	Groups           []int
	OpenFiles        [2]uint64 // soft and hard limit
	Limits           map[int][2]uint64
	Nice             int
	Alarm            int        // seconds of an alarm that is still set
	Child            string     // a child of the parent, which ends when this file exists
	PIDNamespace     bool       // the program is process 1 of a namespace
	Filter           string     // on its system calls, see setFilter
	Dead             [][]string // programs that ran before and were not reaped
}

// become is the role of the process that turns into the program: it makes every
// mistake that a parent can make.
func become() {
	runtime.LockOSThread() // identities, priority and signal mask belong to a thread
	var l launch
	must(json.Unmarshal([]byte(os.Getenv("PARITY_LAUNCH")), &l))
	if l.Child != "" {
		leaveChild(l.Child)
	}
	leaveDead(l.Dead)
	must(os.Chdir(l.Dir))
	unix.Umask(l.Umask)
	switch l.Session {
	case "session":
		_, err := unix.Setsid()
		must(err)
	case "group":
		must(unix.Setpgid(0, 0))
	}
	must(unix.Setpriority(unix.PRIO_PROCESS, 0, l.Nice))
	if l.Alarm != 0 {
		_, err := unix.Setitimer(unix.ItimerReal, unix.Itimerval{Value: unix.Timeval{Sec: int64(l.Alarm)}})
		must(err)
	}
	program, err := unix.BytePtrFromString(l.Program)
	must(err)
	argv, err := syscall.SlicePtrFromStrings(l.Argv)
	must(err)
	env, err := syscall.SlicePtrFromStrings(l.Env)
	must(err)
	for which, limit := range l.Limits {
		var now unix.Rlimit
		must(unix.Getrlimit(which, &now))
		hard := min(limit[1], now.Max)
		must(syscall.Setrlimit(which, &syscall.Rlimit{Cur: min(limit[0], hard), Max: hard}))
	}
	l.setDescriptors()
	must(syscall.Setrlimit(unix.RLIMIT_NOFILE, &syscall.Rlimit{Cur: l.OpenFiles[0], Max: l.OpenFiles[1]}))
	must(syscall.Setgroups(l.Groups))
	if l.GID != 0 {
		must(syscall.Setgid(l.GID))
	}
	if l.UID != 0 {
		must(syscall.Setuid(l.UID))
	}
	l.setSignals()
	l.setFilter()
	// Nothing may happen in between: the runtime's own handlers are gone.
	_, _, e := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(program)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	unix.RawSyscall(unix.SYS_EXIT_GROUP, 200+uintptr(e)%50, 0, 0)
}

// leaveChild starts a process that ends later, as sh -c 'something & exec program'
// does.
func leaveChild(until string) {
	script := []string{"sh", "-c", `while [ ! -e "$0" ]; do sleep 0.02; done`, until}
	_, err := syscall.ForkExec("/bin/sh", script, &syscall.ProcAttr{Env: []string{"PATH=/usr/bin:/bin"}})
	must(err)
}

// setDescriptors moves 0, 1, 2 and the extra ones to their places. The runtime's
// descriptors are close-on-exec.
func (l *launch) setDescriptors() {
	kinds := append([]string{l.Stdin, l.Stdout, l.Stderr}, l.Extra...)
	const away = 500
	for i, kind := range kinds {
		if kind == "closed" {
			continue
		}
		fd, err := openKind(kind)
		must(err)
		must(unix.Dup3(fd, away+i, unix.O_CLOEXEC))
		must(unix.Close(fd))
	}
	for i, kind := range kinds {
		if kind == "closed" {
			_ = unix.Close(i)
			continue
		}
		must(unix.Dup3(away+i, i, 0))
	}
}

// openKind opens a descriptor: "" or "null", "pipe" (whose other end is closed),
// "socket", "full" (/dev/full), "closed", or the path of a file that is appended
// to.
func openKind(kind string) (int, error) {
	switch kind {
	case "", "null":
		return unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	case "full":
		return unix.Open("/dev/full", unix.O_RDWR|unix.O_CLOEXEC, 0)
	case "pipe":
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return -1, err
		}
		return ends[1], unix.Close(ends[0])
	case "socket":
		return unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	}
	return unix.Open(kind, unix.O_RDWR|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
}

// setSignals sets the default action of every signal except those to be ignored,
// and blocks those to be blocked, on every thread that could continue.
func (l *launch) setSignals() {
	signal.Reset()
	var mask uint64
	for _, n := range l.Blocked {
		mask |= 1 << (n - 1)
	}
	type action struct{ handler, flags, restorer, mask uint64 }
	all := ^uint64(0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), 0, 8, 0, 0)
	for n := 1; n <= 64; n++ {
		var a action
		for _, ignored := range l.Ignored {
			if ignored == n {
				a.handler = 1 // SIG_IGN
			}
		}
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&a)), 0, 8, 0, 0)
	}
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0)
}
