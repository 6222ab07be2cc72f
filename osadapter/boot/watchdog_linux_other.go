//go:build linux && !amd64 && !arm64

package boot

import (
	"syscall"
	"time"
)

// InstallWatchdog makes a SIGALRM from outside do nothing. There is no assembly for
// this processor, so the loop's watchdog is the only one.
func InstallWatchdog() error {
	Catch(discarded, syscall.SIGALRM)
	return nil
}

// FeedWatchdog does nothing here.
func FeedWatchdog() {}

func endWithin(time.Duration) bool { return false }

func stopWatchdog() {}
