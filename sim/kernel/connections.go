package kernel

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// listener returns who listens at the endpoint.
func (k *Kernel) listener(to core.Endpoint, kind sys.SocketKind) (*Description, core.Errno) {
	if to.Path == "" {
		var wild *Description
		for _, s := range k.bound {
			switch {
			case s.state != listening || !overlap(s.address, to.Address):
			case s.address.Addr() == to.Address.Addr():
				return s, 0
			case wild == nil:
				wild = s
			}
		}
		if wild != nil {
			return wild, 0
		}
		return nil, core.ECONNREFUSED
	}
	f, e := k.lookup(to.Path)
	switch {
	case e != 0:
		return nil, e
	case f.socket == nil:
		return nil, core.ECONNREFUSED
	case f.socket.protocol != kind:
		return nil, eprototype
	case kind == sys.Stream && f.socket.state != listening:
		return nil, core.ECONNREFUSED
	}
	return f.socket, 0
}

// attach queues a connection of s with the listener. A full queue is EAGAIN.
func (k *Kernel) attach(s *Description, to core.Endpoint) core.Errno {
	l, e := k.listener(to, sys.Stream)
	if e != 0 {
		return e
	}
	return k.enqueue(s, l)
}

// enqueue queues a connection of s with l.
func (k *Kernel) enqueue(s, l *Description) core.Errno {
	if len(l.queue) > l.backlog {
		return core.EAGAIN
	}
	t := k.newSocket(l.family, sys.Stream)
	t.state, s.state, t.peer, s.peer = connected, connected, s, t
	t.refs++
	l.queue = append(l.queue, t)
	k.changed(l)
	return 0
}

// Connect begins a connection: at once over a path, later over an address.
func (k *Kernel) Connect(fd sys.FD, to core.Endpoint) core.Errno {
	if e := k.enter(callConnect); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callConnect)
	switch {
	case e != 0:
		return e
	case s.state != fresh:
		return sys.EALREADY
	case to.Path != "":
		s.target = to
		return k.attach(s, to)
	case to.Address.Addr().IsUnspecified():
		k.breach("a connection to %s, which is no address", to)
	}
	s.state, s.wants, s.target = connecting, to, to
	k.connecting = append(k.connecting, s)
	k.host.DaemonReady() // the next wait decides
	return core.EINPROGRESS
}

// decide settles the connections under way: they stand, are refused, or wait
// for room in a full queue.
func (k *Kernel) decide() {
	left := k.connecting[:0]
	for _, s := range k.connecting {
		e := core.EAGAIN
		if !k.Choose.Chance(k.Odds.Network, tape.Kernel) { // else the network takes its time
			e = k.attach(s, s.wants)
		}
		switch e {
		case 0:
		case core.EAGAIN:
			left = append(left, s)
			continue
		default:
			s.state, s.pending = failed, e
		}
		k.changed(s)
	}
	k.connecting = left
}

// SocketError takes the pending error.
func (k *Kernel) SocketError(fd sys.FD) core.Errno {
	if e := k.enter(callSocketError); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callSocketError)
	if e != 0 {
		return e
	}
	pending := s.pending
	s.pending = 0
	return pending
}

// LocalAddress is what an inet socket is bound to.
func (k *Kernel) LocalAddress(fd sys.FD) (netip.AddrPort, core.Errno) {
	if e := k.enter(callLocalAddress); e != 0 {
		return netip.AddrPort{}, e
	}
	s, e := k.socketAt(fd, callLocalAddress)
	switch {
	case e != 0:
		return netip.AddrPort{}, e
	case s.family == sys.FamilyUnix:
		return netip.AddrPort{}, sys.EAFNOSUPPORT
	}
	return s.address, 0
}

// Send writes to a connection.
func (k *Kernel) Send(fd sys.FD, p []byte) (int, core.Errno) {
	failure := k.enter(callSend)
	s, e := k.socketAt(fd, callSend)
	if e != 0 {
		return 0, e
	}
	n, e := 0, failure
	if e == 0 {
		n, e = k.send(s, p)
	}
	if e != 0 && (s.sent > 0 || s.family == sys.FamilyUnix || e != core.EAGAIN && e != core.ENOTCONN) {
		k.wakeups = append(k.wakeups, s.target) // a receiver that is gone is no failure
	}
	k.sentRequest(s, p[:n])
	return n, e
}

// SendDescriptor sends a byte and a descriptor.
func (k *Kernel) SendDescriptor(fd sys.FD, with byte, passed sys.FD) core.Errno {
	if e := k.enter(callSendDescriptor); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callSendDescriptor)
	d := k.at(passed, callSendDescriptor)
	if e != 0 || d == nil {
		return core.EBADF
	}
	e = k.pass(s, with, d)
	if e == 0 && d.kind == pipeKind && d.reads {
		d.pipe.passed = s.target
	}
	return e
}

// sentRequest notes what the daemon has sent over a connection that it asked for: a
// request is the letter W and a zero.
func (k *Kernel) sentRequest(s *Description, p []byte) {
	if !k.Requests {
		return
	}
	for _, c := range p {
		if s.sent >= len(request) || c != request[s.sent] {
			k.breach("byte %d of a request to %s is %x", s.sent, s.target, c)
			return
		}
		if s.sent++; s.sent == len(request) {
			k.wakeups = append(k.wakeups, s.target)
		}
	}
}

const request = "W\x00"

// TakeWakeup reports whether a request for a wakeup has gone to the endpoint, and
// forgets one.
func (k *Kernel) TakeWakeup(to core.Endpoint) bool {
	for i := range k.wakeups {
		if k.wakeups[i] == to {
			k.wakeups = append(k.wakeups[:i], k.wakeups[i+1:]...)
			return true
		}
	}
	return false
}

func (k *Kernel) pass(s *Description, with byte, d *Description) core.Errno {
	one := [1]byte{with}
	if _, e := k.send(s, one[:]); e != 0 {
		return e
	}
	if s.peer == nil { // it was reset
		return 0
	}
	d.refs++
	s.peer.passed = append(s.peer.passed, d)
	return 0
}

func (k *Kernel) send(s *Description, p []byte) (int, core.Errno) {
	switch {
	case s.state == connecting:
		return 0, core.EAGAIN
	case s.state == failed:
		return 0, core.EPIPE
	case s.state != connected:
		return 0, core.ENOTCONN
	case s.reset && s.family != sys.FamilyUnix:
		s.reset = false
		return 0, core.ECONNRESET
	case s.shut:
		return 0, core.EPIPE
	case s.peer == nil: // inet: the other side answers with a reset
		s.shut = true
		return len(p), 0
	case len(s.peer.bytes)+len(p) > s.peer.limit:
		return 0, core.EAGAIN
	}
	s.peer.bytes = append(s.peer.bytes, p...)
	k.changed(s.peer)
	return len(p), 0
}

func (k *Kernel) receive(s *Description, p []byte) (int, core.Errno) {
	switch {
	case s.protocol == sys.Datagram:
		if s.grams == 0 {
			return 0, core.EAGAIN
		}
		s.grams--
		s.taken++
		return min(len(p), 1), 0
	case s.state != connected:
		return 0, core.ENOTCONN
	case len(s.bytes) > 0:
		n := copy(p, s.bytes)
		s.bytes = s.bytes[:copy(s.bytes, s.bytes[n:])]
		if s.peer != nil {
			k.changed(s.peer) // there is room
		}
		return n, 0
	case s.reset:
		s.reset, s.shut = false, true
		return 0, core.ECONNRESET
	case s.shut || s.ended:
		return 0, 0
	}
	return 0, core.EAGAIN
}

func (s *socket) readiness() readiness {
	switch {
	case s.protocol == sys.Datagram:
		return readiness{read: s.grams > 0 || s.shut, write: true, hangup: s.shut}
	case s.state == listening:
		return readiness{read: len(s.queue) > 0}
	case s.state == refusing:
		return readiness{read: true, write: s.family != sys.FamilyUnix, hangup: true}
	case s.state == connecting:
		return readiness{}
	case s.state == failed:
		return readiness{read: true, write: true, hangup: true, failure: s.pending != 0}
	case s.state == fresh:
		return readiness{write: true, hangup: true}
	}
	return readiness{
		read:    len(s.bytes) > 0 || s.shut || s.ended || s.reset,
		write:   s.shut || s.ended || s.peer != nil && len(s.peer.bytes) < s.peer.limit,
		hangup:  s.shut,
		failure: s.reset,
	}
}
