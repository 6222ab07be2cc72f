package boot

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ExitFatal ends the process after its fatal line was logged: a pause of one
// second, then exit status 1. What last does for the log comes before the pause
// and again after it, for a syslog daemon that begins meanwhile. It does not
// return.
func ExitFatal(last func()) {
	last()
	Pause(failurePause)
	last()
	os.Exit(1)
}

// ExitPanic ends the process after its panic line was logged: a pause of one
// second, then death by SIGABRT; last is as with ExitFatal. It does not return.
func ExitPanic(last func()) {
	last()
	Pause(failurePause)
	last()
	DieBySignal(syscall.SIGABRT)
}

// Pause sleeps without a timer of the Go runtime, which would open descriptors
// for its first one, and crash when that is what failed.
func Pause(d time.Duration) {
	for until := time.Now().Add(d); ; {
		left := time.Until(until)
		if left <= 0 {
			return
		}
		// A signal, such as the runtime's own, ends it early.
		_, _ = unix.Poll(nil, int((left+time.Millisecond-1)/time.Millisecond))
	}
}
