//go:build !linux

package boot

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultSignals cannot be implemented on this system: the Go runtime keeps signals
// that nobody asked for, and we can take them back on Linux only. PIPE is ignored
// nevertheless.
func DefaultSignals() error {
	signal.Ignore(syscall.SIGPIPE)
	return errors.New("default signal actions can be restored on Linux only")
}

// Catch delivers the signals to c from now on.
func Catch(c chan<- os.Signal, signals ...syscall.Signal) {
	for _, s := range signals {
		signal.Notify(c, s)
	}
}

// IgnoreSignal ignores s in this process; children would inherit that.
func IgnoreSignal(s syscall.Signal) { signal.Ignore(s) }

// ArmDeadman makes the process end within five seconds at the latest.
func ArmDeadman() { ArmDeadmanFor(deadmanDelay) }

// ArmDeadmanFor is ArmDeadman with another delay.
func ArmDeadmanFor(delay time.Duration) {
	time.AfterFunc(delay, func() { os.Exit(1) })
}

// DieBySignal ends this process by s as far as the runtime lets it, and by exit
// status 1 otherwise. It does not return.
func DieBySignal(s syscall.Signal) {
	ArmDeadman()
	signal.Reset(s)
	_ = unix.Kill(unix.Getpid(), s)
	time.Sleep(failurePause)
	os.Exit(1)
}
