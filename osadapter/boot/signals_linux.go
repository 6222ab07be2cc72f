package boot

import (
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	lastSignal = 64
	// The C library and the runtime use these for calls that concern all
	// threads. A handler that the runtime has there stays; an ignore that a
	// parent left does not.
	firstThreadSignal = 32
	lastThreadSignal  = 33
	kernelSetSize     = 8 // bytes of the kernel's signal set
)

// faultSignals come from the hardware as well as from outside. The runtime keeps
// them, because a fault of ours must become a panic with a trace.
var faultSignals = []syscall.Signal{
	syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP,
}

// endSignals end a process by the runtime's own hand, by the signal itself.
var endSignals = []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM}

// caught has a bit for each signal that Catch delivers.
var caught atomic.Uint64

// DefaultSignals gives every signal the effect that it has on a program that
// does nothing about signals, whatever the parent left and the Go runtime
// installed: USR1, QUIT, ALRM and the like end the process by themselves (spec
// go-traps, G18), and ignores are undone (G2). Except: PIPE is ignored, and
// stays so in children; URG, which does nothing by default, stays with the
// runtime; faults of our own still become panics, while SEGV, BUS, ILL, FPE and
// TRAP from outside end the process by themselves. Process 1 lives through them all,
// as the kernel has it, HUP, INT and TERM included until they are caught; STKFLT and
// 34 can still end it in a rare moment.
//
// It is called once, at start; signals that are to be handled are then had with
// Catch, never with signal.Notify. For tiny moments in it a signal is ignored.
func DefaultSignals() error {
	signal.Ignore(syscall.SIGPIPE)
	for _, s := range endSignals {
		if signal.Ignored(s) {
			if err := kernelDefault(s); err != nil {
				return err
			}
		}
		if process1() {
			signal.Notify(deaf, s)
		}
	}
	for s := syscall.Signal(1); s <= lastSignal; s++ {
		if !resettable(s) {
			continue
		}
		// Ignore makes the runtime forget its handler; otherwise it would
		// believe it in place when the signal is caught later.
		signal.Ignore(s)
		if err := kernelDefault(s); err != nil {
			return err
		}
		if process1() && s != syscall.SIGCHLD {
			// The kernel spares process 1 what it does not handle, but not while one
			// thread has the signal blocked, as the runtime has when it makes another.
			// PROF, STKFLT and 34 cannot be had from the runtime.
			signal.Notify(deaf, s)
		}
	}
	for s := syscall.Signal(firstThreadSignal); s <= lastThreadSignal; s++ {
		if kernelIgnores(s) {
			if err := kernelDefault(s); err != nil {
				return err
			}
		}
	}
	forwardFaults()
	return nil
}

func process1() bool { return os.Getpid() == 1 }

// deaf takes signals that nobody hears.
var deaf = make(chan os.Signal, 1)

// resettable reports which signals DefaultSignals puts into the kernel's hands.
func resettable(s syscall.Signal) bool {
	switch s {
	case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGPIPE, syscall.SIGURG,
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM,
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP:
		return false
	}
	return s < firstThreadSignal || s > lastThreadSignal
}

// forwardFaults lets fault signals from outside, which the runtime delivers
// like others, end the process unless Catch has taken them over.
func forwardFaults() {
	arrived := make(chan os.Signal, len(faultSignals))
	for _, s := range faultSignals {
		signal.Notify(arrived, s)
	}
	go func() {
		for s := range arrived {
			// The kernel spares process 1 those that it does not handle; so do we.
			if number, ok := s.(syscall.Signal); ok && caught.Load()&(1<<number) == 0 && !process1() {
				DieBySignal(number)
			}
		}
	}()
}

// Catch delivers the signals to c from now on. c must have room: the runtime
// does not wait for it. It needs DefaultSignals before it.
func Catch(c chan<- os.Signal, signals ...syscall.Signal) {
	for _, s := range signals {
		signal.Notify(c, s)
		caught.Or(1 << s)
	}
}

// IgnoreSignal makes this process deaf to s; children would be, too.
func IgnoreSignal(s syscall.Signal) { signal.Ignore(s) }

// ArmDeadman makes sure that the process ends within five seconds, by SIGALRM
// if by nothing else (spec runtime, 12; Q37); process 1, which the kernel spares that,
// by exit status 1.
func ArmDeadman() { ArmDeadmanFor(deadmanDelay) }

// ArmDeadmanFor is ArmDeadman with another delay.
func ArmDeadmanFor(delay time.Duration) {
	if process1() && endWithin(delay) {
		return
	}
	muzzleWatchdog()
	// Errors cannot be helped: the way to the end goes on without it.
	_ = kernelDefault(syscall.SIGALRM)
	_, _ = unix.Setitimer(unix.ItimerReal, unix.Itimerval{
		Value: unix.NsecToTimeval(delay.Nanoseconds()),
	})
}

// DieBySignal ends this process by s, so that whoever waits for it sees exactly
// that (spec go-traps, G8). It arms the dead-man's switch first and does not
// return. s is one whose default action ends a process; the kernel does not let
// PID 1 die by it, so that exit status 1 is the last resort.
func DieBySignal(s syscall.Signal) {
	ArmDeadman()
	runtime.LockOSThread()
	_ = kernelDefault(s)
	var set unix.Sigset_t
	addSignal(&set, s)
	addSignal(&set, syscall.SIGALRM)
	_ = unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
	// To this thread: it dies of it before the call returns.
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), s)
	Pause(failurePause)
	os.Exit(1)
}

func addSignal(set *unix.Sigset_t, s syscall.Signal) {
	const bits = 8 * int(unsafe.Sizeof(set.Val[0]))
	at := int(s) - 1
	set.Val[at/bits] |= 1 << (at % bits)
}

// kernelIgnores asks the kernel, behind the runtime's back.
func kernelIgnores(s syscall.Signal) bool {
	const ignore = 1     // SIG_IGN; the handler comes first in the kernel's structure
	var action [8]uint64 // no architecture has a larger one
	_, _, number := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), 0,
		uintptr(unsafe.Pointer(&action)), kernelSetSize, 0, 0)
	return number == 0 && *(*uintptr)(unsafe.Pointer(&action)) == ignore
}

// kernelDefault sets the default action behind the runtime's back.
func kernelDefault(s syscall.Signal) error {
	// The default action is all zeros in the kernel's structure, whose layout
	// and size differ between architectures; none is larger than this.
	var action [8]uint64
	_, _, number := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s),
		uintptr(unsafe.Pointer(&action)), 0, kernelSetSize, 0, 0)
	if number != 0 {
		return &failure{"set the default action of signal " + s.String(), number}
	}
	return nil
}
