package logs

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// System is what a log asks of the system around it, one method for about one system
// call. Errors are a unix.Errno. Calls that a signal interrupts are started again. Only
// Await and AwaitWritable wait, and not longer than they are told; what a disk has to do
// is done beside (disk.Carrier).
//
// The log itself has no goroutine, no clock and no system call of its own, so that a
// simulated world can be the system of the log that runs in production.
type System interface {
	disk.Carrier
	// Zone returns the time zone that the variable TZ names, or the system's without it.
	Zone(value string, present bool) *time.Location

	// Connect makes a unix-domain socket and connects it to the path. No call on it waits,
	// children do not get it, and its number is above the standard ones.
	Connect(path string, kind Kind) (fd int, err error)
	// Write makes one write to a socket, or to what CopyOfStderr returned.
	Write(fd int, b []byte) (n int, err error)
	// Receive takes one datagram without waiting for one.
	Receive(fd int, buffer []byte) (n int, err error)
	// LocalPath returns the path that a unix-domain socket is bound to; empty if it has none
	// or is none.
	LocalPath(fd int) string
	// Writable reports whether a write would take something at once.
	Writable(fd int) bool
	// AwaitWritable waits until then, at most for limit; fd -1 never becomes writable.
	AwaitWritable(fd int, limit time.Duration)
	Close(fd int)

	// CopyOfStderr returns a private copy of descriptor 2, or -1 if that is closed or
	// /dev/null.
	CopyOfStderr() int
	// AppendOnly has what is written to a plain file go to its end.
	AppendOnly(fd int)

	// Later has act called, on a goroutine of its own, after a while. Only a log that is
	// Origin.Alone asks for it.
	Later(d time.Duration, act func()) (cancel func())
}

// Kind is a kind of socket.
type Kind uint8

// The kinds that take log lines.
const (
	Datagram Kind = iota + 1
	Stream
)

// descriptors is what a System and the Files of a job have in common.
type descriptors interface {
	Writable(fd int) bool
	Write(fd int, b []byte) (n int, err error)
}

// writeIfReady writes a short text to a descriptor that is not ours to make
// non-blocking, unless it is not taken now. A pipe that is ready takes at least
// one page at once; no line is that long. The error says why it was not taken.
func writeIfReady(to descriptors, fd int, text string) error {
	if !to.Writable(fd) {
		return unix.EAGAIN
	}
	_, err := to.Write(fd, []byte(text))
	return err
}
