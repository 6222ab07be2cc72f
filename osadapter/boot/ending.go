package boot

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// ExitFatal ends the process after its fatal line was logged: a pause of one
// second, then exit status 1. What last does for the log comes before the pause
// and again after it, for a syslog daemon that begins meanwhile; then letGo gives
// up what the process has. It does not return.
func ExitFatal(last, letGo func()) {
	last()
	Pause(failurePause)
	last()
	letGo()
	os.Exit(1)
}

// ExitPanic ends the process after its panic line was logged: a pause of one
// second, then death by SIGABRT; last and letGo are as with ExitFatal. It does not
// return.
func ExitPanic(last, letGo func()) {
	last()
	Pause(failurePause)
	last()
	letGo()
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

// LetGo gives up what others wait for, just before the process ends: the locks, the
// listeners, which the next master needs, and the channels by whose end children
// learn that we are gone. The kernel does it when the last thread has ended, and a
// thread that waits for a disk may never end. Other files stay open: to close one that
// is on such a disk can take for ever.
func LetGo(locks []*lock.Lock) {
	for _, l := range locks {
		_ = l.Close() // nothing was buffered
	}
	closeChannels()
}
