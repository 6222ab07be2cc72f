// Package trigger sends wakeup requests to services (spec runtime, 9) without
// ever waiting: what takes time is a state of an Attempt, and the caller
// watches its descriptor and owns the time limits (Differs: Q19).
//
// It refuses to resolve names, to read anything that a service says, and to try
// again. What it asks of the system goes through Kernel.
package trigger

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Kernel is what this package asks of the system; sys.Linux is the real one.
type Kernel interface {
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

var _ Kernel = sys.Linux{}

// State is where an attempt stands.
type State uint8

// The states of an attempt. The zero value is never valid.
//
//	Begin ──► Connecting ──Continue──► Open ──Close──►
//	   │           └──Continue──► Failed or Done
//	   ├──► Open, Done or Failed
const (
	// Connecting: watch FD for writability, or an error or hangup, then
	// Continue.
	Connecting State = iota + 1
	// Open: the request is out. Watch FD for reading: whatever comes, be it
	// end-of-file, is the receiver's answer; then Close.
	Open
	// Done: the request is out and there is no connection: a fifo, or one whose
	// other end is gone already.
	Done
	// Failed: the request did not go out.
	Failed
)

// Attempt is one wakeup request under way. It may be copied; one copy is used
// on. Close must follow.
type Attempt struct {
	State State
	FD    sys.FD // what to watch; sys.None when nothing is held
	Type  core.ServiceType

	// A passed connection's pipe stays open on both sides until Close.
	pipeRead, pipeWrite sys.FD
}

// Begin starts a wakeup request for the service of entry. listener is an open
// listener of the service, which an inet service is asked for its address: the
// truth even when the entry says port 0 or has changed since; with sys.None the
// entry's first endpoint is used.
//
// The error goes with the state Failed. Nothing is held then, nor with Done. A type that cannot be woken
// (unix-dgram) gives EOPNOTSUPP; a unix-domain listener with a full queue fails
// at once with EAGAIN.
func Begin(k Kernel, entry *core.ServiceConfig, listener sys.FD) (Attempt, core.Errno) {
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

// Continue goes on with an attempt that is Connecting and whose descriptor is
// ready. The error goes with the state Failed; the state stays Connecting when
// the readiness was a false alarm. It closes nothing: FD is in the caller's poll set,
// which has to lose it first.
func (a *Attempt) Continue(k Kernel) core.Errno {
	if a.State != Connecting {
		return 0
	}
	if e := k.SocketError(a.FD); e != 0 {
		return a.fail(e)
	}
	return a.request(k)
}

// Close ends the attempt whatever its state, and leaves it Done unless it
// Failed.
func (a *Attempt) Close(k Kernel) {
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

// Descriptors are those that the attempt holds.
func (a *Attempt) Descriptors() []sys.FD {
	var held []sys.FD
	for _, fd := range [...]sys.FD{a.FD, a.pipeRead, a.pipeWrite} {
		if fd != sys.None {
			held = append(held, fd)
		}
	}
	return held
}

// fail hands e on.
func (a *Attempt) fail(e core.Errno) core.Errno {
	a.State = Failed
	return e
}

func (a *Attempt) connect(k Kernel, to core.Endpoint) core.Errno {
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
// original asks the resolver for the name column, or for localhost, which the
// service need not listen on.
func (a *Attempt) connectInet(k Kernel, entry *core.ServiceConfig, listener sys.FD) core.Errno {
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

// reachable turns a wildcard into the loopback address of its family.
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

// request sends the request over the connection that now stands.
func (a *Attempt) request(k Kernel) core.Errno {
	if a.Type == core.Pass {
		return a.passPipe(k)
	}
	_, e := k.Send(a.FD, []byte{wire.WakeupByte})
	if a.Type == core.Inet && (e == core.EAGAIN || e == core.ENOTCONN) {
		a.State = Connecting // the connection does not stand yet, after all
		return 0
	}
	if e == 0 {
		_, e = k.Send(a.FD, []byte{wire.WakeupEnd})
	}
	if e != 0 {
		// A receiver that is gone already is no failure of ours: the original
		// does not report write errors either (spec runtime, 9). One that is
		// still there would wait for the rest, and end-of-file frees it.
		a.State = Done
		return 0
	}
	a.State = Open
	return 0
}

// passPipe passes the read end of a pipe as the client connection and writes
// the request into the pipe.
func (a *Attempt) passPipe(k Kernel) core.Errno {
	read, write, e := k.Pipe()
	if e != 0 {
		return a.fail(e)
	}
	a.pipeRead, a.pipeWrite = read, write
	if e := k.SendDescriptor(a.FD, 0, read); e != 0 {
		return a.fail(e)
	}
	// Two bytes always fit an empty pipe, and we hold its read end ourselves.
	if _, e := k.Write(write, []byte{wire.WakeupByte}); e != 0 {
		return a.fail(e)
	}
	if _, e := k.Write(write, []byte{wire.WakeupEnd}); e != 0 {
		return a.fail(e)
	}
	a.State = Open
	return 0
}
