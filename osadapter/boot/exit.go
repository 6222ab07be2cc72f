package boot

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// ExitFatal ends the process after its fatal line was logged: a pause of one
// second, then exit status 1. It calls last, which flushes the log, before the
// pause and again after it, for a syslog daemon that starts meanwhile; then release
// releases what the process holds. It does not return.
func ExitFatal(last, release func()) {
	last()
	Pause(failurePause)
	last()
	release()
	os.Exit(1)
}

// ExitPanic ends the process after its panic line was logged: a pause of one
// second, then death by SIGABRT; last and release are as in ExitFatal. It does not
// return.
func ExitPanic(last, release func()) {
	last()
	Pause(failurePause)
	last()
	release()
	DieBySignal(syscall.SIGABRT)
}

// Pause sleeps without a timer of the Go runtime, whose first timer opens
// descriptors and crashes if it cannot, which may be what failed.
func Pause(d time.Duration) {
	for until := time.Now().Add(d); ; {
		left := time.Until(until)
		if left <= 0 {
			return
		}
		// A signal, such as one of the runtime's own, ends it early.
		_, _ = unix.Poll(nil, int((left+time.Millisecond-1)/time.Millisecond))
	}
}

// Release releases what others wait for, just before the process ends: the locks, the
// listeners, which the next master needs, and the status channels, whose end tells
// children that we are gone. The kernel does this when the last thread has ended,
// but a thread that waits for a disk may never end. Other files stay open: closing
// one on such a disk can take forever.
func Release(locks []*lock.Lock) {
	for _, l := range locks {
		_ = l.Close() // nothing is buffered
	}
	closeChannels()
}
