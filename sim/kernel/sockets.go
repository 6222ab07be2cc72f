package kernel

import (
	"net/netip"
	"slices"

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

type socket struct {
	family    sys.Family
	kind      sys.SocketKind
	state     socketState
	reusePort bool

	inode   *inode         // of a socket file
	address netip.AddrPort // of an inet socket; not valid: none
	owner   uint32         // effective user at bind
	cred    uint32         // effective user at listen: SO_PEERCRED of clients
	backlog int
	queue   []*description // connections to be accepted

	peer    *socket
	bytes   []byte
	limit   int
	passed  []*description // descriptors on their way to the reader
	grams   [][]byte       // of a datagram socket
	taken   int            // datagrams that were read since ever
	shut    bool           // nothing goes in or out any more
	ended   bool           // inet: the other side has closed
	reset   bool           // the next read gives ECONNRESET
	pending core.Errno     // for SocketError
	wants   core.Endpoint  // while connecting
}

// gramLimit is how many datagrams wait at most.
const gramLimit = 10

func (k *Kernel) newSocket(family sys.Family, kind sys.SocketKind) *socket {
	return &socket{family: family, kind: kind, limit: k.BufferSize}
}

// Socket makes a socket.
func (k *Kernel) Socket(family sys.Family, kind sys.SocketKind) (sys.FD, core.Errno) {
	if e := k.enter(callSocket); e != 0 {
		return sys.None, e
	}
	if !k.room(1) {
		return sys.None, core.EMFILE
	}
	return k.install(k.describe(description{kind: socketKind, socket: k.newSocket(family, kind)})), 0
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
	return k.install(a), k.install(b), 0
}

func (k *Kernel) connectedPair(family sys.Family) (a, b *description) {
	s, t := k.newSocket(family, sys.Stream), k.newSocket(family, sys.Stream)
	s.state, t.state, s.peer, t.peer = connected, connected, t, s
	return k.describe(description{kind: socketKind, socket: s}), k.describe(description{kind: socketKind, socket: t})
}

// SetOption sets an option.
func (k *Kernel) SetOption(fd sys.FD, option sys.Option, value int) core.Errno {
	if e := k.enter(callSetOption); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callSetOption)
	if e == 0 && option == sys.OptionReusePort {
		s.reusePort = value != 0
	}
	return e
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
func (k *Kernel) bindInet(s *socket, a netip.AddrPort) core.Errno {
	if netip.MustParsePrefix("192.0.2.0/24").Contains(a.Addr()) {
		return core.EADDRNOTAVAIL
	}
	if a.Port() < 1024 && k.uid != 0 {
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
	case s.kind != sys.Stream:
		return core.EOPNOTSUPP
	case s.inode == nil && !s.address.IsValid() || s.state != fresh:
		return core.EINVAL
	}
	s.state, s.backlog, s.cred = listening, backlog, k.uid
	return 0
}

// Shutdown ends both directions of a connection, or makes a listening socket
// refuse. An inet listener loses its address and resets who waits; a
// unix-domain one keeps who waits until it is closed by all.
func (k *Kernel) Shutdown(fd sys.FD) core.Errno {
	if e := k.enter(callShutdown); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, callShutdown)
	switch {
	case e != 0:
		return e
	case s.state == listening:
		s.state = refusing
		if s.family != sys.FamilyUnix {
			k.unbind(s)
			k.dropQueue(s)
		}
		return 0
	case s.state == connected:
		s.shut = true
		if s.peer != nil {
			s.peer.shut = true
		}
		return 0
	case s.family == sys.FamilyUnix: // Linux marks it, connected or not
		s.shut = true
		return 0
	}
	return core.ENOTCONN
}

func (k *Kernel) unbind(s *socket) {
	k.bound = slices.DeleteFunc(k.bound, func(o *socket) bool { return o == s })
}

// dropQueue resets the clients that were not accepted.
func (k *Kernel) dropQueue(s *socket) {
	queue := s.queue
	s.queue = nil
	for _, d := range queue {
		if d.socket.peer != nil {
			d.socket.peer.reset = true
		}
		k.release(d)
	}
}

// closeSocket ends a socket that nobody holds. The other side of a connection
// reads what is queued and then end-of-file, or a reset if something that it
// sent was never read.
func (k *Kernel) closeSocket(s *socket) {
	k.unbind(s)
	k.connecting = slices.DeleteFunc(k.connecting, func(o *socket) bool { return o == s })
	k.dropQueue(s)
	for _, d := range s.passed {
		k.release(d)
	}
	s.passed = nil
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
}

// listener finds who listens at the endpoint.
func (k *Kernel) listener(to core.Endpoint, kind sys.SocketKind) (*socket, core.Errno) {
	if to.Path == "" {
		var wild *socket
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
	case f.socket.kind != kind:
		return nil, eprototype
	case kind == sys.Stream && f.socket.state != listening:
		return nil, core.ECONNREFUSED
	}
	return f.socket, 0
}

// attach queues a connection of s with the listener. A full queue is EAGAIN.
func (k *Kernel) attach(s *socket, to core.Endpoint) core.Errno {
	l, e := k.listener(to, sys.Stream)
	if e != 0 {
		return e
	}
	if len(l.queue) > l.backlog {
		return core.EAGAIN
	}
	t := k.newSocket(l.family, sys.Stream)
	t.state, s.state, t.peer, s.peer = connected, connected, s, t
	d := k.describe(description{kind: socketKind, socket: t})
	d.refs++
	l.queue = append(l.queue, d)
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
		return k.attach(s, to)
	}
	s.state, s.wants = connecting, to
	k.connecting = append(k.connecting, s)
	return core.EINPROGRESS
}

// decide settles the connections under way: they stand, are refused, or wait
// for room in a full queue.
func (k *Kernel) decide() {
	k.connecting = slices.DeleteFunc(k.connecting, func(s *socket) bool {
		if k.dice.chance(300) {
			return false // the network takes its time
		}
		switch e := k.attach(s, s.wants); e {
		case 0:
			return true
		case core.EAGAIN:
			return false
		default:
			s.state, s.pending = failed, e
			return true
		}
	})
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
	if e := k.enter(callSend); e != 0 {
		return 0, e
	}
	s, e := k.socketAt(fd, callSend)
	if e != 0 {
		return 0, e
	}
	return s.send(p)
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
	return s.pass(with, d)
}

func (s *socket) pass(with byte, d *description) core.Errno {
	if _, e := s.send([]byte{with}); e != 0 {
		return e
	}
	d.refs++
	s.peer.passed = append(s.peer.passed, d)
	return 0
}

func (s *socket) send(p []byte) (int, core.Errno) {
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
	return len(p), 0
}

func (s *socket) receive(p []byte) (int, core.Errno) {
	switch {
	case s.kind == sys.Datagram:
		if len(s.grams) == 0 {
			return 0, core.EAGAIN
		}
		n := copy(p, s.grams[0])
		s.grams = s.grams[1:]
		s.taken++
		return n, 0
	case s.state != connected:
		return 0, core.ENOTCONN
	case len(s.bytes) > 0:
		n := copy(p, s.bytes)
		s.bytes = s.bytes[n:]
		return n, 0
	case s.reset:
		s.reset, s.shut = false, true
		return 0, core.ECONNRESET
	case s.shut || s.ended:
		return 0, 0
	}
	return 0, core.EAGAIN
}

// readiness is what a poll set can report.
type readiness struct{ read, write, hangup, failure bool }

func (s *socket) readiness() readiness {
	switch {
	case s.kind == sys.Datagram:
		return readiness{read: len(s.grams) > 0 || s.shut, write: true, hangup: s.shut}
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
