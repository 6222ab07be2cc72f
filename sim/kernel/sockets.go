package kernel

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// socketState is where a socket stands.
type socketState uint8

const (
	fresh      socketState = iota // made, perhaps with an address
	listening                     // takes connections
	refusing                      // was shut down while listening
	connecting                    // asked for, not decided
	connected
	failed // the attempt to connect failed
)

// socket is the part of a description that sockets have.
type socket struct {
	family    sys.Family
	protocol  sys.SocketKind
	state     socketState
	reusePort bool
	options   [sys.OptionReceiveBuffer + 1]int

	inode   *inode         // of a socket file
	address netip.AddrPort // of an inet socket; not valid: none
	owner   uint32         // effective user at bind
	cred    uint32         // effective user at listen: SO_PEERCRED of clients
	backlog int
	queue   []*Description // connections to be accepted
	taken   uint64         // connections accepted or datagrams read since ever

	peer    *Description
	bytes   []byte
	limit   int
	passed  []*Description  // descriptors on their way to the reader
	grams   int             // datagrams that wait
	shut    bool            // nothing goes in or out any more
	ended   bool            // inet: the other side has closed
	reset   bool            // the next read gives ECONNRESET
	pending core.Errno      // for SocketError
	wants   core.Endpoint   // while connecting
	reports bool            // the daemon's end of a status channel
	broken  bool            // a call on it failed on purpose: what it says may be lost
	child   core.Generation // with reports: at the other end
	sent    int             // bytes that the daemon has sent over a connection that it asked for
	target  core.Endpoint   // of such a connection
	client  int32           // whose connection it is; 0: no client's
}

// gramLimit is how many datagrams wait at most.
const gramLimit = 10

func (k *Kernel) newSocket(family sys.Family, protocol sys.SocketKind) *Description {
	d := k.describe(socketKind)
	d.family, d.protocol, d.limit = family, protocol, k.BufferSize
	return d
}

// Socket makes a socket.
func (k *Kernel) Socket(family sys.Family, kind sys.SocketKind) (sys.FD, core.Errno) {
	if e := k.enter(callSocket); e != 0 {
		return sys.None, e
	}
	if !k.room(1) {
		return sys.None, core.EMFILE
	}
	return k.install(k.newSocket(family, kind)), 0
}

// StatusPair makes a pair of connected stream sockets.
func (k *Kernel) StatusPair() (ours, theirs sys.FD, e core.Errno) {
	if e := k.enter(callStatusPair); e != 0 {
		return sys.None, sys.None, e
	}
	if !k.room(2) {
		return sys.None, sys.None, core.EMFILE
	}
	a, b := k.connectedPair(sys.FamilyUnix)
	a.reports, a.limit = true, k.ChannelSize
	return k.install(a), k.install(b), 0
}

func (k *Kernel) connectedPair(family sys.Family) (a, b *Description) {
	a, b = k.newSocket(family, sys.Stream), k.newSocket(family, sys.Stream)
	a.state, b.state, a.peer, b.peer = connected, connected, b, a
	return a, b
}

// SetOption sets an option.
func (k *Kernel) SetOption(fd sys.FD, option sys.Option, value int) core.Errno {
	if e := k.enter(callSetOption); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callSetOption)
	if e != 0 {
		return e
	}
	s.options[option] = value
	s.reusePort = s.reusePort || option == sys.OptionReusePort && value != 0
	return 0
}

// Bind gives the socket its address; for a path it makes the file.
func (k *Kernel) Bind(fd sys.FD, to core.Endpoint) core.Errno {
	if e := k.enter(callBind); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callBind)
	switch {
	case e != 0:
		return e
	case s.inode != nil || s.address.IsValid():
		return core.EINVAL
	case to.Path == "":
		return k.bindInet(s, to.Address)
	}
	f, e := k.create(to.Path, sys.SocketFile, 0o777&^umask)
	if e == core.EEXIST {
		return core.EADDRINUSE
	}
	if e != 0 {
		return e
	}
	f.holds++
	f.socket, s.inode = s, f
	return 0
}

// bindInet: two sockets share an address only when both have SO_REUSEPORT and
// were bound by the same user. Addresses of 192.0.2.0/24 are not ours.
func (k *Kernel) bindInet(s *Description, a netip.AddrPort) core.Errno {
	if unavailable.Contains(a.Addr()) {
		return core.EADDRNOTAVAIL
	}
	if k.uid != 0 {
		k.breach("%s is bound by user %d", a, k.uid)
		return core.EACCES
	}
	for _, o := range k.bound {
		if overlap(o.address, a) && !(o.reusePort && s.reusePort && o.owner == k.uid) {
			return core.EADDRINUSE
		}
	}
	s.address, s.owner = a, k.uid
	k.bound = append(k.bound, s)
	return 0
}

// unavailable are addresses that no interface has.
var unavailable = netip.MustParsePrefix("192.0.2.0/24")

func overlap(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && a.Addr().Is4() == b.Addr().Is4() &&
		(a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified())
}

// Listen makes the socket take connections.
func (k *Kernel) Listen(fd sys.FD, backlog int) core.Errno {
	if e := k.enter(callListen); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callListen)
	switch {
	case e != 0:
		return e
	case s.protocol != sys.Stream:
		return core.EOPNOTSUPP
	case s.inode == nil && !s.address.IsValid() || s.state != fresh:
		return core.EINVAL
	}
	s.state, s.backlog, s.cred = listening, backlog, k.uid
	k.changed(s)
	return 0
}

// Shutdown ends both directions of a connection, or makes a listening socket
// refuse. An inet listener keeps its address and resets who waits; a
// unix-domain one keeps who waits until it is closed by all.
func (k *Kernel) Shutdown(fd sys.FD) core.Errno {
	failure := k.enter(callShutdown)
	s, e := k.socketAt(fd, callShutdown)
	switch {
	case e != 0:
		return e
	case failure != 0:
		s.broken = true
		return failure
	case s.state == listening:
		s.state = refusing
		k.changed(s)
		if s.family != sys.FamilyUnix {
			k.dropQueue(s)
		}
		return 0
	case s.state == connected:
		s.shut = true
		k.changed(s)
		if p := s.peer; p != nil {
			p.shut = true
			k.changed(p)
		}
		return 0
	case s.family == sys.FamilyUnix: // Linux marks it, connected or not
		s.shut = true
		return 0
	}
	return core.ENOTCONN
}

// dropQueue resets the clients that were not accepted.
func (k *Kernel) dropQueue(s *Description) {
	queue := s.queue
	s.queue = s.queue[:0]
	for _, d := range queue {
		if d.peer != nil {
			d.peer.reset = true
		}
		k.Release(d)
	}
}

// closeSocket ends a socket that nobody holds. The other side of a connection
// reads what is queued and then end-of-file, or a reset if something that it
// sent was never read.
func (k *Kernel) closeSocket(s *Description) {
	if s.address.IsValid() {
		k.bound = drop(k.bound, s)
	}
	if s.state == connecting {
		k.connecting = drop(k.connecting, s)
	}
	s.state = fresh
	k.dropQueue(s)
	for _, d := range s.passed {
		k.Release(d)
	}
	s.passed = s.passed[:0]
	if s.inode != nil {
		s.inode.socket = nil
		k.dropInode(s.inode)
		s.inode = nil
	}
	p := s.peer
	if p == nil {
		return
	}
	p.reset = p.reset || len(s.bytes) > 0
	p.peer, s.peer = nil, nil
	if s.family == sys.FamilyUnix || p.reset {
		p.shut = true
	}
	p.ended = true
	k.changed(p)
}
