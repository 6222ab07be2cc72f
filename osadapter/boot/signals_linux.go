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
	// The C library and the runtime use these for calls that concern all threads. A
	// handler of the runtime stays; an ignore that a parent left does not.
	firstThreadSignal = 32
	lastThreadSignal  = 33
	kernelSetSize     = 8 // bytes of the kernel's signal set
)

// faultSignals are sent by the hardware as well as from outside. The runtime
// handles them, because a fault of ours must become a panic with a trace.
var faultSignals = []syscall.Signal{
	syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP,
}

// endSignals are those with which the runtime itself ends a process, by the signal.
var endSignals = []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM}

// caught has a bit for each signal that Catch delivers.
var caught atomic.Uint64

// DefaultSignals restores for every signal the effect that it has on a program that does
// nothing about signals, whatever the parent left and the Go runtime installed:
// USR1, QUIT, ALRM and the like end the process directly (spec go-traps, G18), and
// ignores are undone (G2). Exceptions: PIPE is ignored, also in children; URG,
// which does nothing by default, stays with the runtime; faults of our own still
// become panics, while SEGV, BUS, ILL, FPE and TRAP from outside end the process.
// Process 1 survives all of them, as the kernel arranges, including HUP, INT and
// TERM until Catch; STKFLT and 34 can still end it in rare moments.
//
// Call it once, at start; then use Catch for signals that are to be handled, never
// signal.Notify. For short moments during the call a signal is ignored.
func DefaultSignals() error {
	signal.Ignore(syscall.SIGPIPE)
	for _, s := range endSignals {
		if signal.Ignored(s) {
			if err := kernelDefault(s); err != nil {
				return err
			}
		}
		if process1() {
			signal.Notify(discarded, s)
		}
	}
	for s := syscall.Signal(1); s <= lastSignal; s++ {
		if !resettable(s) {
			continue
		}
		// Ignore makes the runtime forget its handler; otherwise it would assume
		// that it is in place when the signal is caught later.
		signal.Ignore(s)
		if err := kernelDefault(s); err != nil {
			return err
		}
		if process1() && s != syscall.SIGCHLD {
			// The kernel spares process 1 signals that it does not handle, but not
			// while one thread has the signal blocked, as the runtime has when it
			// creates another. The runtime does not offer PROF, STKFLT and 34.
			signal.Notify(discarded, s)
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

// discarded receives signals and is never read.
var discarded = make(chan os.Signal, 1)

// resettable reports whether DefaultSignals sets the kernel's default action for s.
func resettable(s syscall.Signal) bool {
	switch s {
	case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGPIPE, syscall.SIGURG,
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM,
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP:
		return false
	}
	return s < firstThreadSignal || s > lastThreadSignal
}

// forwardFaults makes fault signals from outside, which the runtime delivers like
// others, end the process unless Catch handles them.
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

// Catch delivers the signals to c from now on. c must have room: the runtime does
// not wait for it. DefaultSignals must be called first.
func Catch(c chan<- os.Signal, signals ...syscall.Signal) {
	for _, s := range signals {
		signal.Notify(c, s)
		caught.Or(1 << s)
	}
}

// IgnoreSignal ignores s in this process; children would inherit that.
func IgnoreSignal(s syscall.Signal) { signal.Ignore(s) }

// ArmDeadman makes the process end within five seconds at the latest, by SIGALRM
// (spec runtime, 12; Q37), or, for process 1, which the kernel spares, with exit
// status 1.
func ArmDeadman() { ArmDeadmanFor(deadmanDelay) }

// ArmDeadmanFor is ArmDeadman with another delay.
func ArmDeadmanFor(delay time.Duration) {
	if process1() && endWithin(delay) {
		return
	}
	stopWatchdog()
	// Nothing can be done about errors: the process goes on to end without it.
	_ = kernelDefault(syscall.SIGALRM)
	_, _ = unix.Setitimer(unix.ItimerReal, unix.Itimerval{
		Value: unix.NsecToTimeval(delay.Nanoseconds()),
	})
}

// DieBySignal ends this process by s, so that its parent sees exactly that (spec
// go-traps, G8). It arms ArmDeadman first and does not return. The default action
// of s must end a process; the kernel does not let PID 1 die by it, so exit status
// 1 is the last resort.
func DieBySignal(s syscall.Signal) {
	ArmDeadman()
	runtime.LockOSThread()
	_ = kernelDefault(s)
	var set unix.Sigset_t
	addSignal(&set, s)
	addSignal(&set, syscall.SIGALRM)
	_ = unix.PthreadSigmask(unix.SIG_UNBLOCK, &set, nil)
	// Sent to this thread, so it dies before the call returns.
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), s)
	Pause(failurePause)
	os.Exit(1)
}

func addSignal(set *unix.Sigset_t, s syscall.Signal) {
	const bits = 8 * int(unsafe.Sizeof(set.Val[0]))
	at := int(s) - 1
	set.Val[at/bits] |= 1 << (at % bits)
}

// kernelIgnores asks the kernel, bypassing the runtime.
func kernelIgnores(s syscall.Signal) bool {
	const ignore = 1     // SIG_IGN; the handler comes first in the kernel's structure
	var action [8]uint64 // no architecture has a larger one
	_, _, number := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), 0,
		uintptr(unsafe.Pointer(&action)), kernelSetSize, 0, 0)
	return number == 0 && *(*uintptr)(unsafe.Pointer(&action)) == ignore
}

// kernelDefault sets the default action, bypassing the runtime.
func kernelDefault(s syscall.Signal) error {
	// The default action is all zeros in the kernel's structure, whose layout and
	// size differ between architectures; none is larger than this.
	var action [8]uint64
	_, _, number := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s),
		uintptr(unsafe.Pointer(&action)), 0, kernelSetSize, 0, 0)
	if number != 0 {
		return &failure{"set the default action of signal " + s.String(), number}
	}
	return nil
}
