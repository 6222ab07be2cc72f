//go:build amd64 || arm64

package boot

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A timer of the kernel sends SIGALRM, which a few instructions of assembly handle:
// they count the ticks and end the process at the last one. They do not need the Go
// runtime, which may be blocked. They do need a thread that can be interrupted,
// which the loop's is not while the kernel keeps it, in a disk that hangs or in the
// start of a child; so the signal goes to a thread that only sleeps. Ticks are
// counted, instead of letting one end the process, because a process that was
// stopped for an hour (SIGSTOP, a frozen container) gets exactly one tick when it
// continues.

// ticks is the number of ticks since the watchdog was fed.
var ticks atomic.Uint32

// watchdogTimer is the ID of the kernel's timer, negative until there is one.
var watchdogTimer atomic.Int32

func init() { watchdogTimer.Store(-1) }

// tickHandler and tickReturn return the addresses of the assembly.
func tickHandler() uintptr
func tickReturn() uintptr

// kernelAction is the kernel's struct sigaction.
type kernelAction struct {
	handler uintptr
	flags   uint64
	restore uintptr
	mask    uint64
}

const (
	actionInfo    = 0x4 // SA_SIGINFO
	actionOnStack = 0x08000000
	actionRestart = 0x10000000
	actionRestore = 0x04000000 // SA_RESTORER
	notifyThread  = 4          // SIGEV_THREAD_ID
)

// signalEvent is the kernel's struct sigevent.
type signalEvent struct {
	value  uint64
	signal int32
	notify int32
	thread int32
	_      [44]byte
}

// InstallWatchdog creates the timer, which does not run before it is fed, and takes
// SIGALRM over: one from outside does nothing from now on. Neither is inherited by
// children, nor by a program that we execute. It uses a thread, and DefaultSignals
// must be called first.
func InstallWatchdog() error {
	action := kernelAction{
		handler: tickHandler(),
		flags:   actionInfo | actionOnStack | actionRestart | actionRestore,
		restore: tickReturn(),
		mask:    ^uint64(0),
	}
	_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(syscall.SIGALRM),
		uintptr(unsafe.Pointer(&action)), 0, kernelSetSize, 0, 0)
	if e != 0 {
		return &failure{"handle SIGALRM", e}
	}
	event := signalEvent{signal: int32(syscall.SIGALRM), notify: notifyThread, thread: sleepingThread()}
	var number int32
	_, _, e = unix.RawSyscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC,
		uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&number)))
	if e != 0 {
		return &failure{"timer_create", e}
	}
	watchdogTimer.Store(number)
	return nil
}

// sleepingThread returns a thread that only sleeps.
func sleepingThread() int32 {
	number := make(chan int)
	go func() {
		runtime.LockOSThread()
		number <- unix.Gettid()
		select {}
	}()
	return int32(<-number)
}

// FeedWatchdog says that all is well, and starts or restarts the timer.
func FeedWatchdog() { feedWatchdog(watchdogTick) }

func feedWatchdog(tick time.Duration) {
	ticks.Store(0)
	setTimer(tick, tick)
}

// setTimer sets the first tick and the interval of the next ones; zero for none. It
// reports whether there is a timer.
func setTimer(first, then time.Duration) bool {
	number := watchdogTimer.Load()
	if number < 0 {
		return false
	}
	spec := [2]unix.Timespec{unix.NsecToTimespec(then.Nanoseconds()), unix.NsecToTimespec(first.Nanoseconds())}
	_, _, e := unix.RawSyscall6(unix.SYS_TIMER_SETTIME, uintptr(number), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	return e == 0
}

// endWithin makes the next tick end the process after the delay, with exit status
// 1. It reports whether it can.
func endWithin(delay time.Duration) bool {
	ticks.Store(watchdogTicks - 1)
	return setTimer(delay, delay)
}

// stopWatchdog stops the timer: SIGALRM is about to get another meaning.
func stopWatchdog() { setTimer(0, 0) }
