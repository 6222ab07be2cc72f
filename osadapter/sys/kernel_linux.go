package sys

import (
	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// Linux is the Linux kernel. The zero value is ready for use; its methods hold
// no state. Unless a method says otherwise it is called from the thread of the
// event loop.
type Linux struct{}

// Missing says in one line what this system lacks to run the daemon; empty
// means nothing.
func Missing() string { return "" }

// interruptLimit bounds how often an interrupted call is tried again.
const interruptLimit = 100

// number turns an error of the kernel into its number.
func number(err error) core.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(unix.Errno); ok {
		return core.Errno(e)
	}
	return core.EIO
}

// retry carries out call until no signal interrupts it.
func retry(call func() error) core.Errno {
	var err error
	for range interruptLimit {
		if err = call(); err != unix.EINTR {
			break
		}
	}
	return number(err)
}
