package sys

import (
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// shell runs a script without a "#!" line, as execvp does (spec go-traps, G19).
const shell = "/bin/sh"

// Start starts a process. It gets p.Files and no other descriptor, our working
// directory, umask, limits, session and process group. Signals that the runtime was
// told to ignore stay ignored, all others get the default action (spec runtime,
// 7.1; spec go-traps, G2, G9, G10). Files keep their blocking mode.
//
// It waits up to p.Patience for the exec. EINPROGRESS means that it has not
// happened by then; Launched returns the result later. Other errors come with the
// step that failed. If there is a process nevertheless, it is about to end by
// itself and must be reaped like others.
//
// If the list of calls cannot be used (see launch_linux.go), package syscall starts
// the process. Then Start, and the Go runtime with it, waits for the exec, however
// long that takes, and must not run at the same time as Wait.
func (Linux) Start(p *Process) (Launch, core.StartStep, core.Errno) {
	if l, step, e, tried := start(p); tried {
		return l, step, e
	}
	pid, step, e := forkExec(p)
	if e == core.ENOEXEC && step == core.StartExec && len(p.Argv) > 0 {
		again := *p
		again.Path, again.Argv = shell, append([]string{shell, p.Path}, p.Argv[1:]...)
		pid, step, e = forkExec(&again)
	}
	return Launch{PID: pid}, step, e
}

// forkExec is Start by means of package syscall, for systems where the list does
// not work. The errors of the fork and of the exec arrive as one number; missing
// processes, memory and descriptors count as the fork's, where they come from
// unless an exec itself runs out of memory.
func forkExec(p *Process) (core.PID, core.StartStep, core.Errno) {
	files := make([]uintptr, len(p.Files))
	for i, fd := range p.Files {
		files[i] = uintptr(fd)
	}
	attributes := syscall.ProcAttr{Env: p.Env, Files: files, Sys: &syscall.SysProcAttr{}}
	if p.Root {
		attributes.Sys.Credential = &syscall.Credential{Groups: []uint32{0}}
	}
	pid, err := syscall.ForkExec(p.Path, p.Argv, &attributes)
	if err != nil {
		e := number(err)
		return 0, startStep(e), e
	}
	return core.PID(pid), core.StartNone, 0
}

// ReserveLow opens n descriptors for Process.Low, or as many as it can; none where
// the kernel would copy the table incorrectly. They refer to a file of their own.
// It is useful only while low numbers are free.
func (Linux) ReserveLow(n int) (low []FD) {
	var system unix.Utsname
	if unix.Uname(&system) != nil || !copiesPart(unix.ByteSliceToString(system.Release[:])) {
		return nil
	}
	var fd int
	open := func() (err error) {
		if len(low) == 0 {
			fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		} else {
			fd, err = unix.FcntlInt(uintptr(low[0]), unix.F_DUPFD_CLOEXEC, 0)
		}
		return err
	}
	for len(low) < n && ignoringEINTR(open) == 0 {
		if fd >= int(LowEnd) {
			_ = unix.Close(fd)
			break
		}
		low = append(low, FD(fd))
	}
	return low
}

// copiesPart reports whether a kernel of that release copies a part of a table
// correctly. Others mark free numbers as used in the copy (CVE-2024-45025): a child
// would get its 65th descriptor above all of ours. A distribution may have fixed an
// older release; it counts as not fixed, and its children get a copy of everything.
func copiesPart(release string) bool {
	var version [3]int
	for i, digits := range strings.SplitN(release, ".", len(version)) {
		if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = digits[:end]
		}
		version[i], _ = strconv.Atoi(digits)
	}
	switch [2]int(version[:2]) {
	case [2]int{5, 10}:
		return version[2] >= 225
	case [2]int{5, 15}:
		return version[2] >= 166
	case [2]int{6, 1}:
		return version[2] >= 107
	case [2]int{6, 6}:
		return version[2] >= 48
	case [2]int{6, 10}:
		return version[2] >= 7
	}
	return version[0] > 6 || version[0] == 6 && version[1] > 10
}

// startStep returns the step that fails with the error number.
func startStep(e core.Errno) core.StartStep {
	switch e {
	case core.EAGAIN, core.ENOMEM, core.EMFILE, core.ENFILE, ENOSYS:
		return core.StartFork
	case core.EBADF: // no room above the highest descriptor to arrange those of the child
		return core.StartFork
	default:
		return core.StartExec
	}
}

// Wait takes the status of one child that ended, in no particular order, without
// waiting. PID 0 means that there is none. Wait and WaitFor are the only places
// that reap (spec go-traps, G13): other code that starts processes here loses their
// statuses.
func (Linux) Wait() (Reaped, core.Errno) {
	r, e := wait(-1)
	if e == core.ECHILD {
		return Reaped{}, 0
	}
	return r, e
}

// WaitFor is Wait for one child, at a cost that does not depend on their number.
// ECHILD means that the status was lost.
func (Linux) WaitFor(pid core.PID) (Reaped, core.Errno) { return wait(int(pid)) }

// AwaitEnd waits until a child has ended, and returns at once if one has; Wait
// takes its status. ECHILD means that there is no child.
func (Linux) AwaitEnd() core.Errno {
	return ignoringEINTR(func() error {
		return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil)
	})
}

func wait(target int) (Reaped, core.Errno) {
	var status unix.WaitStatus
	pid := 0
	e := ignoringEINTR(func() (err error) {
		pid, err = unix.Wait4(target, &status, unix.WNOHANG, nil)
		return err
	})
	switch {
	case e != 0:
		return Reaped{}, e
	case pid <= 0:
		return Reaped{Alive: true}, 0
	case status.Stopped():
		return Reaped{PID: core.PID(pid), Stopped: core.Signal(status.StopSignal())}, 0
	case status.Signaled():
		return Reaped{PID: core.PID(pid), Status: core.KilledBy(core.Signal(status.Signal()))}, 0
	default:
		return Reaped{PID: core.PID(pid), Status: core.ExitedWith(uint8(status.ExitStatus()))}, 0
	}
}

// Kill sends a signal to the process pid, or to the process group -pid if pid is
// negative. It returns ESRCH if there is none. The kernel's special meanings are
// refused with EINVAL: 0 (our own group, which need not be ours alone) always, and
// -1 (everybody) unless this is process 1, whose group is everybody (spec runtime,
// 12).
func (Linux) Kill(pid core.PID, s core.Signal) core.Errno {
	if pid == 0 || pid == -1 && unix.Getpid() != 1 {
		return core.EINVAL
	}
	return number(unix.Kill(int(pid), unix.Signal(s)))
}

// Adopts reports whether processes that we did not start can become our children:
// this is process 1, or a child subreaper.
func (Linux) Adopts() bool {
	if unix.Getpid() == 1 {
		return true
	}
	var reaper int32
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&reaper)), 0, 0, 0)
	return err == nil && reaper != 0
}

// PID returns the process ID of this process.
func (Linux) PID() core.PID { return core.PID(unix.Getpid()) }
