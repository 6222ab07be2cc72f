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

// DefaultSignals is not had on this system: the Go runtime keeps signals that
// nobody asked for, and we know how to take them back on Linux only. PIPE is
// ignored nevertheless.
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

// IgnoreSignal makes this process deaf to s; children would be, too.
func IgnoreSignal(s syscall.Signal) { signal.Ignore(s) }

// ArmDeadman makes sure that the process ends within five seconds.
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
