// Package sockets creates and removes the endpoints that services listen on: inet,
// unix-domain and datagram sockets, and FIFOs. It performs the steps in the order,
// and with the owner, mode and options, that servers and clients rely on (spec
// runtime, 6).
//
// It does not watch or accept, hands out no descriptors, and resolves no names. A
// Listener is a value of the caller's; Paths remembers only which files are set
// aside. All system calls go through Calls, one method per call. If a step fails,
// everything created before is undone.
package sockets

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Calls is the set of system calls that this package makes; sys.Linux is the real
// one.
type Calls interface {
	sys.IdentitySwitch
	Socket(family sys.Family, kind sys.SocketKind) (sys.FD, core.Errno)
	SetOption(fd sys.FD, option sys.Option, value int) core.Errno
	Bind(fd sys.FD, to core.Endpoint) core.Errno
	Listen(fd sys.FD, backlog int) core.Errno
	Shutdown(fd sys.FD) core.Errno
	Close(fd sys.FD) core.Errno
	Read(fd sys.FD, p []byte) (int, core.Errno)
	Open(path string, mode sys.OpenMode) (sys.FD, core.Errno)
	Mkfifo(path string, mode uint32) core.Errno
	Chmod(path string, mode uint32) core.Errno
	Fchmod(fd sys.FD, mode uint32) core.Errno
	Lstat(path string) (sys.FileStatus, core.Errno)
	Fstat(fd sys.FD) (sys.FileStatus, core.Errno)
	Unlink(path string) core.Errno
	Rename(from, to string) core.Errno
}

var _ Calls = sys.Linux{}

// Request describes an endpoint to open.
type Request struct {
	Type           core.ServiceType
	Endpoint       core.Endpoint
	Backlog        int          // not used for unix-dgram and fifo
	WindowSize     int          // inet: bytes; 0 keeps the system's default
	Owner          core.Account // creates and listens on everything but inet
	SwitchIdentity bool         // take the owner's identity for that
	// SetAside renames an existing file at the path instead of removing it, so that
	// Abandon can put it back or Commit can remove it.
	SetAside bool
}

// RequestFor returns the request for endpoint number listener of the entry.
// setAside is for a path that one of our services still uses.
func RequestFor(entry *core.ServiceConfig, listener int, setAside bool) Request {
	return Request{
		Type:           entry.Type,
		Endpoint:       entry.Endpoints[listener],
		Backlog:        int(entry.Backlog),
		WindowSize:     int(entry.WindowSize),
		Owner:          entry.Owner,
		SwitchIdentity: entry.SwitchIdentity,
		SetAside:       setAside,
	}
}

// Listener is one open endpoint. It may be copied and moved; exactly one copy is
// removed or abandoned in the end, once.
type Listener struct {
	FD             sys.FD
	Type           core.ServiceType
	Endpoint       core.Endpoint
	File           sys.FileID // the file that we created; zero for inet
	Owner          core.Account
	SwitchIdentity bool
}

// Open creates the listener: non-blocking, close-on-exec, not watched. If that
// fails, it returns the step and its error and leaves nothing behind.
//
// An existing file at the path is removed or, with SetAside, renamed. A directory
// is left alone and fails StepRemove with EISDIR.
func (p *Paths) Open(r Request) (Listener, core.ListenStep, core.Errno) {
	var one [1]Opened
	p.OpenAll([]Request{r}, one[:], nil)
	return one[0].Listener, one[0].Step, one[0].Errno
}

// Opened is the result of one Open.
type Opened struct {
	Listener Listener // has no descriptor after an error
	Step     core.ListenStep
	Errno    core.Errno
	Undo     core.Errno // after an error: the first error while the steps were undone, for the log
}

// OpenAll is Open for each request, in order, with results in opened, which has the
// same length. watch, unless nil, is the last step of request number n: if it
// fails, the listener is undone before the next one is begun. The identity is
// switched once for adjacent requests of one owner, since that takes seven system
// calls, as many as the listener itself.
func (p *Paths) OpenAll(requests []Request, opened []Opened, watch func(n int, fd sys.FD) core.Errno) {
	for first := 0; first < len(requests); {
		end := first + neighbours(requests[first:])
		p.openAs(requests, opened, first, end, watch)
		first = end
	}
}

// switches reports whether the request needs its owner's identity.
func (r *Request) switches() bool { return r.Type != core.Inet && r.SwitchIdentity }

// neighbours returns the number of requests, from the first on, that need the same
// identity.
func neighbours(requests []Request) int {
	first := &requests[0]
	n := 1
	for n < len(requests) && requests[n].switches() == first.switches() &&
		(!first.switches() || requests[n].Owner == first.Owner) {
		n++
	}
	return n
}

// openAs opens the requests from first to end, which need the same identity.
func (p *Paths) openAs(requests []Request, opened []Opened, first, end int, watch func(int, sys.FD) core.Errno) {
	open := func() {
		for i := first; i < end; i++ {
			o := newOpening(p, &requests[i])
			o.number, o.watch = i, watch
			o.run()
			opened[i] = o.outcome()
		}
	}
	if !requests[first].switches() {
		open()
		return
	}
	if step, e := sys.AsOwner(p.k, requests[first].Owner, open); e != 0 {
		for i := first; i < end; i++ {
			opened[i] = Opened{Listener: Listener{FD: sys.None}, Step: step, Errno: e}
		}
	}
}

// Remove ends the listener of a removed service. New clients are refused at once,
// even while children still hold the socket, and the file is removed, whatever its
// name is by then, if it is the one that we created (Differs: Q12). It returns the
// first error, for the log; the descriptor is closed in any case.
func (p *Paths) Remove(l *Listener) core.Errno {
	var first core.Errno
	if l.Type != core.FIFO {
		first = p.k.Shutdown(l.FD)
	}
	if l.Endpoint.Path != "" {
		first = firstOf(first, p.asOwner(l.Owner, l.SwitchIdentity, func() core.Errno {
			return firstOf(l.removeFile(p.k), p.outdated(l))
		}))
	}
	return firstOf(first, l.close(p.k))
}

// Abandon undoes Open when a reload fails: the file is removed if it still is ours,
// and the one that was set aside is renamed back over it, so that the path is never
// empty for a client. Listeners that share a path may be abandoned in any order. It
// returns the first error, for the log; the descriptor is closed in any case, and
// Owed lists a file that could not be put back.
func (p *Paths) Abandon(l *Listener) core.Errno {
	var first core.Errno
	if l.Endpoint.Path != "" {
		first = sys.Retry(func() core.Errno {
			return p.asOwner(l.Owner, l.SwitchIdentity, func() core.Errno {
				return p.giveBack(l.Endpoint, func() core.Errno { return l.removeFile(p.k) })
			})
		})
	}
	if first != 0 {
		p.owe(l.Endpoint)
	}
	return firstOf(first, l.close(p.k))
}

// Commit removes the file that was set aside for the listener, when a reload is
// committed. The error is for the log.
func (p *Paths) Commit(l *Listener) core.Errno {
	a := p.take(l.Endpoint)
	if a == nil || a.nothing {
		return 0
	}
	return sys.Retry(func() core.Errno {
		return p.asOwner(a.owner, a.switchIdentity, func() core.Errno { return unlink(p.k, a.name()) })
	})
}

// removeFile unlinks the path if it still names our file. The descriptor is open,
// so the inode number cannot have been reused.
func (l *Listener) removeFile(k Calls) core.Errno {
	status, e := k.Lstat(l.Endpoint.Path)
	switch {
	case e == core.ENOENT:
		return 0
	case e != 0:
		return e
	case status.ID != l.File:
		return 0
	}
	return unlink(k, l.Endpoint.Path)
}

func (l *Listener) close(k Calls) core.Errno {
	fd := l.FD
	l.FD = sys.None
	return k.Close(fd)
}

// unlink removes a name; a missing file is no error.
func unlink(k Calls, path string) core.Errno {
	if e := k.Unlink(path); e != core.ENOENT {
		return e
	}
	return 0
}

func firstOf(a, b core.Errno) core.Errno {
	if a != 0 {
		return a
	}
	return b
}
