package object

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// listener returns who listens at the endpoint.
func (t *Table) listener(to core.Endpoint, kind sys.SocketKind) (*Description, core.Errno) {
	if to.Path == "" {
		var wild *Description
		for _, s := range t.bound {
			switch {
			case s.State != Listening || !overlap(s.Address, to.Address):
			case s.Address.Addr() == to.Address.Addr():
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
	f, e := t.InodeAt(to.Path)
	switch {
	case e != 0:
		return nil, e
	case f.Socket == nil:
		return nil, core.ECONNREFUSED
	case f.Socket.Protocol != kind:
		return nil, fault.EPROTOTYPE
	case kind == sys.Stream && f.Socket.State != Listening:
		return nil, core.ECONNREFUSED
	}
	return f.Socket, 0
}

// Attach queues a connection of s with the listener. A full queue is EAGAIN.
func (t *Table) Attach(s *Description, to core.Endpoint) core.Errno {
	l, e := t.listener(to, sys.Stream)
	if e != 0 {
		return e
	}
	return t.enqueue(s, l)
}

// enqueue queues a connection of s with l.
func (t *Table) enqueue(s, l *Description) core.Errno {
	if len(l.queue) > l.Backlog {
		return core.EAGAIN
	}
	end := t.NewSocket(l.Family, sys.Stream)
	end.State, s.State, end.Peer, s.Peer = Connected, Connected, s, end
	end.Refs++
	l.queue = append(l.queue, end)
	t.Changed(l)
	return 0
}

// Decide settles the connections under way: they stand, are refused, or wait
// for room in a full queue.
func (t *Table) Decide() {
	left := t.Undecided[:0]
	for _, s := range t.Undecided {
		e := core.EAGAIN
		if !t.Choose.Chance(t.Odds.Network, tape.Kernel) { // else the network takes its time
			e = t.Attach(s, s.Wants)
		} else if t.Choose.Chance(t.Odds.Network/8, tape.Kernel) { // or nobody answers
			e = core.ETIMEDOUT
		}
		switch e {
		case 0:
		case core.EAGAIN:
			left = append(left, s)
			continue
		default:
			s.State, s.Pending = failed, e
		}
		t.Changed(s)
	}
	t.Undecided = left
}

// Refused reports whether a connection could not be made.
func (d *Description) Refused() bool { return d.State == failed }

// Pass sends a byte and a description.
func (t *Table) Pass(s *Description, with byte, d *Description) core.Errno {
	one := [1]byte{with}
	if _, e := t.SendOver(s, one[:]); e != 0 {
		return e
	}
	if s.Peer == nil { // it was reset
		return 0
	}
	d.Refs++
	s.Peer.passed = append(s.Peer.passed, d)
	return 0
}

// SendOver writes all of p into a connection, or nothing.
func (t *Table) SendOver(s *Description, p []byte) (int, core.Errno) {
	switch {
	case s.State == Connecting:
		return 0, core.EAGAIN
	case s.State == failed:
		return 0, core.EPIPE
	case s.State != Connected:
		return 0, core.ENOTCONN
	case s.reset && s.Family != sys.FamilyUnix:
		s.reset = false
		return 0, core.ECONNRESET
	case s.Shut:
		return 0, core.EPIPE
	case s.Peer == nil: // inet: the other side answers with a reset
		s.Shut = true
		return len(p), 0
	case len(s.Peer.Bytes)+len(p) > s.Peer.Limit:
		return 0, core.EAGAIN
	}
	s.Peer.Bytes = append(s.Peer.Bytes, p...)
	t.Changed(s.Peer)
	return len(p), 0
}

func (t *Table) receive(s *Description, p []byte) (int, core.Errno) {
	switch {
	case s.Protocol == sys.Datagram:
		if s.grams == 0 {
			return 0, core.EAGAIN
		}
		s.grams--
		s.taken++
		return min(len(p), 1), 0
	case s.State != Connected:
		return 0, core.ENOTCONN
	case len(s.Bytes) > 0:
		n := copy(p, s.Bytes)
		s.Bytes = s.Bytes[:copy(s.Bytes, s.Bytes[n:])]
		if s.Peer != nil {
			t.Changed(s.Peer) // there is room
		}
		return n, 0
	case s.reset:
		s.reset, s.Shut = false, true
		return 0, core.ECONNRESET
	case s.Shut || s.ended:
		return 0, 0
	}
	return 0, core.EAGAIN
}

func (s *socket) readiness() readiness {
	switch {
	case s.Protocol == sys.Datagram:
		return readiness{read: s.grams > 0 || s.Shut, write: true, hangup: s.Shut}
	case s.State == Listening:
		return readiness{read: len(s.queue) > 0}
	case s.State == Refusing:
		return readiness{read: true, write: s.Family != sys.FamilyUnix, hangup: true}
	case s.State == Connecting:
		return readiness{}
	case s.State == failed:
		return readiness{read: true, write: true, hangup: true, failure: s.Pending != 0}
	case s.State == Fresh:
		return readiness{write: true, hangup: true}
	}
	return readiness{
		read:    len(s.Bytes) > 0 || s.Shut || s.ended || s.reset,
		write:   s.Shut || s.ended || s.Peer != nil && len(s.Peer.Bytes) < s.Peer.Limit,
		hangup:  s.Shut,
		failure: s.reset,
	}
}

// Connecting reports whether connections of the daemon are not decided.
func (t *Table) Connecting() bool { return len(t.Undecided) > 0 }
