package boot

import (
	"os"
	"syscall"
	"time"
)

// ExitFatal ends the process after its fatal line was logged: a pause of one
// second, then exit status 1. It does not return.
func ExitFatal() {
	time.Sleep(failurePause)
	os.Exit(1)
}

// ExitPanic ends the process after its panic line was logged: a pause of one
// second, then death by SIGABRT. It does not return.
func ExitPanic() {
	time.Sleep(failurePause)
	DieBySignal(syscall.SIGABRT)
}
