package sys

import (
	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// Linux is the Linux kernel. The zero value is ready for use; its methods keep no
// state. Unless a method says otherwise, it is called on the thread of the event
// loop.
type Linux struct{}

// Missing says in one line what this system lacks to run the daemon; "" if nothing.
func Missing() string { return "" }

// interruptLimit bounds how often an interrupted call is retried.
const interruptLimit = 100

// number returns the number of a system error, and 0 for nil.
func number(err error) core.Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(unix.Errno); ok {
		return core.Errno(e)
	}
	return core.EIO
}

// ignoringEINTR calls call until no signal interrupts it.
func ignoringEINTR(call func() error) core.Errno {
	var err error
	for range interruptLimit {
		if err = call(); err != unix.EINTR {
			break
		}
	}
	return number(err)
}
