// Package trigger sends wakeup requests to services (spec runtime, 9) and never
// blocks: what takes time is a state of an Attempt, while the caller watches its
// descriptor and enforces the time limits (Differs: Q19).
//
// It resolves no names, interprets no answers, and does not retry. All system calls
// go through Calls.
package trigger

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Calls is the set of system calls that this package makes; sys.Linux is the real
// one.
type Calls interface {
	sys.IdentitySwitch
	Socket(family sys.Family, kind sys.SocketKind) (sys.FD, core.Errno)
	Connect(fd sys.FD, to core.Endpoint) core.Errno
	SocketError(fd sys.FD) core.Errno
	LocalAddress(fd sys.FD) (netip.AddrPort, core.Errno)
	Send(fd sys.FD, p []byte) (int, core.Errno)
	SendDescriptor(fd sys.FD, with byte, passed sys.FD) core.Errno
	Pipe() (read, write sys.FD, e core.Errno)
	Write(fd sys.FD, p []byte) (int, core.Errno)
	Open(path string, mode sys.OpenMode) (sys.FD, core.Errno)
	Lstat(path string) (sys.FileStatus, core.Errno)
	Fstat(fd sys.FD) (sys.FileStatus, core.Errno)
	Close(fd sys.FD) core.Errno
}

var _ Calls = sys.Linux{}

// State is the progress of an attempt.
type State uint8

// The states of an attempt. The zero value is never valid.
//
//	Begin ──► Connecting ──Continue──► Open ──Close──►
//	   │           └──Continue──► Failed or Done
//	   ├──► Open, Done or Failed
const (
	// Connecting: watch FD for writability, an error or a hangup, then call
	// Continue.
	Connecting State = iota + 1
	// Open: the request was sent. Watch FD for reading: whatever arrives, even
	// end-of-file, is the receiver's answer; then call Close.
	Open
	// Done: the request was sent and no connection is left: a fifo, or a socket
	// whose other end is closed.
	Done
	// Failed: the request was not sent.
	Failed
)

// Attempt is one wakeup request in progress. It may be copied; only one copy may be
// used, and it must be closed.
type Attempt struct {
	State State
	FD    sys.FD // watch this; sys.None if nothing is held
	Type  core.ServiceType

	// The pipe of a passed connection stays open on both sides until Close.
	pipeRead, pipeWrite sys.FD
}

// Cost returns how many descriptors an attempt for a service of this type holds until it
// is closed.
func Cost(t core.ServiceType) int {
	switch t {
	case core.Unix, core.Inet:
		return 1
	case core.Pass:
		return 3 // the connection and both ends of the pipe
	}
	return 0
}

// Begin starts a wakeup request for the service of entry. listener is an open
// listener of the service; Begin asks an inet listener for its address, which is
// right even if the entry says port 0 or has changed since. With sys.None, the
// entry's first endpoint is used.
//
// An error comes with the state Failed. In the states Failed and Done the attempt
// holds no descriptor. A type that cannot be woken (unix-dgram) fails with
// EOPNOTSUPP; a unix-domain listener with a full queue fails at once with EAGAIN.
func Begin(k Calls, entry *core.ServiceConfig, listener sys.FD) (Attempt, core.Errno) {
	a := Attempt{State: Failed, FD: sys.None, Type: entry.Type, pipeRead: sys.None, pipeWrite: sys.None}
	e := core.EOPNOTSUPP
	switch entry.Type {
	case core.Unix, core.Pass:
		e = a.connect(k, core.Endpoint{Path: entry.Endpoints[0].Path})
	case core.Inet:
		e = a.connectInet(k, entry, listener)
	case core.FIFO:
		e = a.fifo(k, entry)
	}
	if a.State == Failed || a.State == Done {
		a.Close(k)
	}
	return a, e
}

// Continue continues an attempt that is Connecting and whose descriptor is ready.
// An error comes with the state Failed; the state stays Connecting if the
// descriptor was reported ready too early. It closes nothing, because FD must first
// be removed from the caller's poll set.
func (a *Attempt) Continue(k Calls) core.Errno {
	if a.State != Connecting {
		return 0
	}
	if e := k.SocketError(a.FD); e != 0 {
		return a.fail(e)
	}
	return a.request(k)
}

// Close ends the attempt in any state, and leaves it Done unless it is Failed.
func (a *Attempt) Close(k Calls) {
	for _, fd := range []*sys.FD{&a.FD, &a.pipeRead, &a.pipeWrite} {
		if *fd != sys.None {
			k.Close(*fd)
			*fd = sys.None
		}
	}
	if a.State != Failed {
		a.State = Done
	}
}

// Descriptors returns the descriptors that the attempt holds.
func (a *Attempt) Descriptors() []sys.FD {
	var held []sys.FD
	for _, fd := range [...]sys.FD{a.FD, a.pipeRead, a.pipeWrite} {
		if fd != sys.None {
			held = append(held, fd)
		}
	}
	return held
}

// fail returns e, with the state Failed.
func (a *Attempt) fail(e core.Errno) core.Errno {
	a.State = Failed
	return e
}

func (a *Attempt) connect(k Calls, to core.Endpoint) core.Errno {
	fd, e := k.Socket(sys.FamilyOf(to), sys.Stream)
	if e != 0 {
		return e
	}
	a.FD = fd
	switch e := k.Connect(fd, to); e {
	case 0:
		return a.request(k)
	case core.EINPROGRESS:
		a.State = Connecting
		return 0
	default:
		return a.fail(e)
	}
}

// connectInet connects to one of the service's own addresses. Differs: Q20, the
// original resolves the name column, or localhost, on which the service may not
// listen.
func (a *Attempt) connectInet(k Calls, entry *core.ServiceConfig, listener sys.FD) core.Errno {
	address := entry.Endpoints[0].Address
	if listener != sys.None {
		bound, e := k.LocalAddress(listener)
		if e != 0 {
			return e
		}
		address = bound
	}
	return a.connect(k, core.Endpoint{Address: reachable(address)})
}

// reachable replaces a wildcard by the loopback address of its family.
func reachable(a netip.AddrPort) netip.AddrPort {
	switch ip := a.Addr(); {
	case !ip.IsUnspecified():
		return a
	case ip.Is4():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	default:
		return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
	}
}

// request sends the request over the established connection.
func (a *Attempt) request(k Calls) core.Errno {
	if a.Type == core.Pass {
		return a.passPipe(k)
	}
	_, e := k.Send(a.FD, []byte{wire.WakeupByte})
	if a.Type == core.Inet && (e == core.EAGAIN || e == core.ENOTCONN) {
		a.State = Connecting // the connection is not established yet, after all
		return 0
	}
	if e == 0 {
		_, e = k.Send(a.FD, []byte{wire.WakeupEnd})
	}
	if e != 0 {
		// A receiver that is gone is no failure of ours: the original does not
		// report write errors either (spec runtime, 9). One that still reads gets
		// end-of-file instead of the rest.
		a.State = Done
		return 0
	}
	a.State = Open
	return 0
}

// passPipe passes the read end of a pipe as the client connection and writes the
// request into the pipe.
func (a *Attempt) passPipe(k Calls) core.Errno {
	read, write, e := k.Pipe()
	if e != 0 {
		return a.fail(e)
	}
	a.pipeRead, a.pipeWrite = read, write
	if e := k.SendDescriptor(a.FD, 0, read); e != 0 {
		return a.fail(e)
	}
	// Two bytes always fit into an empty pipe, and we hold its read end ourselves.
	if _, e := k.Write(write, []byte{wire.WakeupByte}); e != 0 {
		return a.fail(e)
	}
	if _, e := k.Write(write, []byte{wire.WakeupEnd}); e != 0 {
		return a.fail(e)
	}
	a.State = Open
	return 0
}
