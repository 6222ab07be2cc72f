package object

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// State is where a socket stands.
type State uint8

// The states.
const (
	Fresh      State = iota // made, perhaps with an address
	Listening               // takes connections
	Refusing                // was shut down while listening
	Connecting              // asked for, not decided
	Connected
	failed // the attempt to connect failed
)

// socket is the part of a description that sockets have.
type socket struct {
	Family    sys.Family
	Protocol  sys.SocketKind
	State     State
	ReusePort bool
	Options   [sys.OptionReceiveBuffer + 1]int

	Inode   *Inode         // of a socket file
	Address netip.AddrPort // of an inet socket; not valid: none
	owner   uint32         // effective user at bind
	Cred    uint32         // effective user at listen: SO_PEERCRED of clients
	Backlog int
	queue   []*Description // connections to be accepted
	taken   uint64         // connections accepted or datagrams read since ever

	Peer       *Description
	Bytes      []byte
	Limit      int
	passed     []*Description  // descriptors on their way to the reader
	grams      int             // datagrams that wait
	Shut       bool            // nothing goes in or out any more
	ended      bool            // inet: the other side has closed
	reset      bool            // the next read gives ECONNRESET
	Pending    core.Errno      // for SocketError
	Wants      core.Endpoint   // while connecting
	Reports    bool            // the daemon's end of a status channel
	Broken     bool            // a call on it failed on purpose: what it says may be lost
	Unreadable bool            // a read of it failed on purpose, for good
	Child      core.Generation // with reports: at the other end
	Sent       int             // bytes that the daemon has sent over a connection that it asked for
	Target     core.Endpoint   // of such a connection
	client     int32           // whose connection it is; 0: no client's
}

// gramLimit is how many datagrams wait at most.
const gramLimit = 10

// NewSocket returns a socket that nobody holds yet.
func (t *Table) NewSocket(family sys.Family, protocol sys.SocketKind) *Description {
	d := t.Describe(SocketKind)
	d.Family, d.Protocol, d.Limit = family, protocol, t.BufferSize
	return d
}

// ConnectedPair returns two stream sockets that are connected.
func (t *Table) ConnectedPair(family sys.Family) (a, b *Description) {
	a, b = t.NewSocket(family, sys.Stream), t.NewSocket(family, sys.Stream)
	a.State, b.State, a.Peer, b.Peer = Connected, Connected, b, a
	return a, b
}

// BindInet: two sockets share an address only when both have SO_REUSEPORT and
// were bound by the same user. Addresses of 192.0.2.0/24 are not ours.
func (t *Table) BindInet(s *Description, a netip.AddrPort) core.Errno {
	if unavailable.Contains(a.Addr()) {
		return core.EADDRNOTAVAIL
	}
	if t.UID != 0 {
		t.Breach("%s is bound by user %d", a, t.UID)
		return core.EACCES
	}
	for _, o := range t.bound {
		if overlap(o.Address, a) && !(o.ReusePort && s.ReusePort && o.owner == t.UID) {
			return core.EADDRINUSE
		}
	}
	s.Address, s.owner = a, t.UID
	t.bound = append(t.bound, s)
	return 0
}

// unavailable are addresses that no interface has.
var unavailable = netip.MustParsePrefix("192.0.2.0/24")

func overlap(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && a.Addr().Is4() == b.Addr().Is4() &&
		(a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified())
}

// DropQueue resets the clients that were not accepted.
func (t *Table) DropQueue(s *Description) {
	queue := s.queue
	s.queue = s.queue[:0]
	for _, d := range queue {
		if d.Peer != nil {
			d.Peer.reset = true
		}
		t.Release(d)
	}
}

// closeSocket ends a socket that nobody holds. The other side of a connection
// reads what is queued and then end-of-file, or a reset if something that it
// sent was never read.
func (t *Table) closeSocket(s *Description) {
	if s.Address.IsValid() {
		t.bound = drop(t.bound, s)
	}
	if s.State == Connecting {
		t.Undecided = drop(t.Undecided, s)
	}
	s.State = Fresh
	t.DropQueue(s)
	for _, d := range s.passed {
		t.Release(d)
	}
	s.passed = s.passed[:0]
	if s.Inode != nil {
		s.Inode.Socket = nil
		t.dropInode(s.Inode)
		s.Inode = nil
	}
	p := s.Peer
	if p == nil {
		return
	}
	p.reset = p.reset || len(s.Bytes) > 0
	p.Peer, s.Peer = nil, nil
	if s.Family == sys.FamilyUnix || p.reset {
		p.Shut = true
	}
	p.ended = true
	t.Changed(p)
}
