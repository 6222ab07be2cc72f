package sockets

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// File modes of endpoints with a path (spec runtime, 6).
const (
	socketMode = 0o666
	fifoMode   = 0o622
)

// drainLimit bounds the reads that empty a new FIFO: a pipe holds at most 1 MiB by
// default.
const drainLimit = 256

// opening is one Open in progress.
type opening struct {
	kernel    Calls
	paths     *Paths
	request   *Request
	listener  Listener
	number    int
	watch     func(number int, fd sys.FD) core.Errno // the last step; may be nil
	displaced bool                                   // the file that was at the path is set aside
	named     bool                                   // the path names the file that we created
	step      core.ListenStep
	errno     core.Errno
	undo      core.Errno
}

// try records the result of a step and reports whether to continue.
func (o *opening) try(step core.ListenStep, e core.Errno) bool {
	if e != 0 {
		o.step, o.errno = step, e
	}
	return e == 0
}

// newOpening returns an opening that has done nothing yet.
func newOpening(p *Paths, r *Request) opening {
	return opening{kernel: p.k, paths: p, request: r, listener: Listener{
		FD:             sys.None,
		Type:           r.Type,
		Endpoint:       r.Endpoint,
		Owner:          r.Owner,
		SwitchIdentity: r.SwitchIdentity,
	}}
}

// outcome returns the result of run.
func (o *opening) outcome() Opened {
	if o.errno != 0 {
		return Opened{Listener: Listener{FD: sys.None}, Step: o.step, Errno: o.errno, Undo: o.undo}
	}
	return Opened{Listener: o.listener}
}

// run performs the steps with the identity that they need, and undoes them if one
// fails.
func (o *opening) run() {
	switch r := o.request; {
	case r.Type == core.Inet:
		if !o.inet() || !o.watched() {
			o.closeSocket()
		}
	case r.Type != core.FIFO && len(r.Endpoint.Path) > sys.SocketPathLimit:
		o.try(core.StepName, core.ENAMETOOLONG)
	default:
		o.withPath()
	}
}

// withPath creates an endpoint that has a path.
func (o *opening) withPath() {
	var done bool
	switch o.request.Type {
	case core.FIFO:
		done = o.fifo()
	case core.UnixDatagram:
		done = o.unixSocket(sys.Datagram)
	case core.Unix, core.Pass:
		done = o.unixSocket(sys.Stream)
	default:
		done = o.try(core.StepSocket, core.EINVAL)
	}
	if !done || !o.watched() {
		o.undoPath()
	}
}

// watched performs the last step.
func (o *opening) watched() bool {
	return o.watch == nil || o.try(core.StepDescriptors, o.watch(o.number, o.listener.FD))
}

// inet creates a listening TCP socket. An IPv6 socket takes no IPv4 clients, since
// those have a socket of their own. SO_REUSEPORT lets a new master start while
// children of a killed one still hold the old socket (spec quirks, Q13).
func (o *opening) inet() bool {
	k, r := o.kernel, o.request
	family := sys.FamilyOf(r.Endpoint)
	fd, e := k.Socket(family, sys.Stream)
	if !o.try(core.StepSocket, e) {
		return false
	}
	o.listener.FD = fd
	options := []struct {
		option sys.Option
		value  int
		wanted bool
	}{
		{sys.OptionOnlyIPv6, 1, family == sys.FamilyInet6},
		{sys.OptionReuseAddress, 1, true},
		{sys.OptionReusePort, 1, true},
	}
	for _, s := range options {
		if s.wanted && !o.try(core.StepOption, k.SetOption(fd, s.option, s.value)) {
			return false
		}
	}
	return o.try(core.StepBind, k.Bind(fd, r.Endpoint)) &&
		o.window(fd) &&
		o.try(core.StepListen, k.Listen(fd, r.Backlog))
}

// window sets the buffer sizes, and so the TCP window, before the first connection
// inherits them.
func (o *opening) window(fd sys.FD) bool {
	size := o.request.WindowSize
	if size <= 0 {
		return true
	}
	return o.try(core.StepOption, o.kernel.SetOption(fd, sys.OptionSendBuffer, size)) &&
		o.try(core.StepOption, o.kernel.SetOption(fd, sys.OptionReceiveBuffer, size))
}

// unixSocket creates a unix-domain socket. The mode is set by path: the umask
// clears bits at bind, and fchmod does not change the file.
func (o *opening) unixSocket(kind sys.SocketKind) bool {
	k, r := o.kernel, o.request
	path := r.Endpoint.Path
	fd, e := k.Socket(sys.FamilyUnix, kind)
	if !o.try(core.StepSocket, e) {
		return false
	}
	o.listener.FD = fd
	if !o.clearPath() || !o.try(core.StepBind, k.Bind(fd, r.Endpoint)) {
		return false
	}
	o.named = true
	status, e := k.Lstat(path)
	if !o.try(core.StepStat, e) {
		return false
	}
	o.listener.File = status.ID
	return o.try(core.StepMode, k.Chmod(path, socketMode)) &&
		(kind == sys.Datagram || o.try(core.StepListen, k.Listen(fd, r.Backlog)))
}

// fifo creates a FIFO and opens it for reading and writing: with a writer of our
// own it never reports end-of-file, and on Linux it is not readable while empty.
func (o *opening) fifo() bool {
	k, path := o.kernel, o.request.Endpoint.Path
	if !o.clearPath() || !o.try(core.StepCreate, k.Mkfifo(path, fifoMode)) {
		return false
	}
	o.named = true
	fd, e := k.Open(path, sys.OpenReadWrite)
	if !o.try(core.StepOpen, e) {
		return false
	}
	o.listener.FD = fd
	status, e := k.Fstat(fd)
	if !o.try(core.StepStat, e) {
		return false
	}
	if status.Type != sys.NamedPipe {
		return o.try(core.StepNotFIFO, core.EINVAL)
	}
	o.listener.File = status.ID
	if !o.try(core.StepMode, k.Fchmod(fd, fifoMode)) {
		return false
	}
	o.drain(fd)
	return true
}

// drain discards what was written before the mode was right; it does not count as a
// request.
func (o *opening) drain(fd sys.FD) {
	var scrap [4096]byte
	for range drainLimit {
		if n, e := o.kernel.Read(fd, scrap[:]); n <= 0 || e != 0 {
			return
		}
	}
}

// clearPath makes the path free: an existing file is removed or set aside.
func (o *opening) clearPath() bool {
	k, p, r := o.kernel, o.paths, o.request
	path := r.Endpoint.Path
	if !r.SetAside {
		p.dropAside(r.Endpoint) // none of our services uses the path: nothing has to be put back there
		return o.try(core.StepRemove, unlink(k, path))
	}
	if a := p.aside[keyOf(r.Endpoint)]; a != nil {
		if !o.try(core.StepRemove, unlink(k, path)) {
			return false
		}
		a.owed, o.displaced = false, true
		return true
	}
	a := &aside{path: path, owner: r.Owner, switchIdentity: r.SwitchIdentity}
	status, e := k.Lstat(path)
	switch {
	case e == core.ENOENT:
		a.nothing = true
	case e != 0:
		return o.try(core.StepAside, e)
	case status.Type == sys.Directory:
		return o.try(core.StepRemove, core.EISDIR)
	default:
		a.file = status.ID
		if !o.try(core.StepAside, k.Rename(path, a.name())) {
			return false
		}
	}
	p.aside[keyOf(r.Endpoint)] = a
	o.displaced = true
	return true
}

// undoPath restores the path and closes the descriptor. A file that cannot be put
// back is remembered.
func (o *opening) undoPath() {
	at := o.request.Endpoint
	if o.displaced {
		o.undo = sys.Retry(func() core.Errno { return o.paths.giveBack(at, o.remove) })
		if o.undo != 0 {
			o.paths.owe(at)
		}
	} else {
		o.undo = o.remove()
	}
	o.closeSocket()
}

// remove removes the file that we created at the path.
func (o *opening) remove() core.Errno {
	l := &o.listener
	switch {
	case !o.named:
		return 0
	case l.File == (sys.FileID{}): // created this moment, and the kernel did not report its identity
		return unlink(o.kernel, l.Endpoint.Path)
	default:
		return l.removeFile(o.kernel)
	}
}

func (o *opening) closeSocket() {
	if o.listener.FD != sys.None {
		o.listener.close(o.kernel)
	}
}
