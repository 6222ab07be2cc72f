package sys

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// StatusPair creates a status channel: a pair of connected stream sockets. Ours is
// non-blocking; the child's is blocking, as the child expects (spec runtime, 7.1).
func (k Linux) StatusPair() (ours, theirs FD, e core.Errno) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return None, None, number(err)
	}
	ours, theirs = FD(p[0]), FD(p[1])
	// A new socket has no other flag that could be lost, so the flags are not read
	// first.
	if _, err := unix.FcntlInt(uintptr(p[0]), unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		k.Close(ours)
		k.Close(theirs)
		return None, None, number(err)
	}
	return ours, theirs, 0
}

// Socket creates a non-blocking socket.
func (Linux) Socket(family Family, kind SocketKind) (FD, core.Errno) {
	var domain int
	switch family {
	case FamilyUnix:
		domain = unix.AF_UNIX
	case FamilyInet4:
		domain = unix.AF_INET
	case FamilyInet6:
		domain = unix.AF_INET6
	default:
		return None, core.EINVAL
	}
	flags := unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	switch kind {
	case Stream:
		flags |= unix.SOCK_STREAM
	case Datagram:
		flags |= unix.SOCK_DGRAM
	default:
		return None, core.EINVAL
	}
	fd, err := unix.Socket(domain, flags, 0)
	if err != nil {
		return None, number(err)
	}
	return FD(fd), 0
}

// SetOption sets a socket option.
func (Linux) SetOption(fd FD, option Option, value int) core.Errno {
	level, name := unix.SOL_SOCKET, 0
	switch option {
	case OptionOnlyIPv6:
		level, name = unix.IPPROTO_IPV6, unix.IPV6_V6ONLY
	case OptionReuseAddress:
		name = unix.SO_REUSEADDR
	case OptionReusePort:
		name = unix.SO_REUSEPORT
	case OptionSendBuffer:
		name = unix.SO_SNDBUF
	case OptionReceiveBuffer:
		name = unix.SO_RCVBUF
	default:
		return core.EINVAL
	}
	return number(unix.SetsockoptInt(int(fd), level, name, value))
}

// Bind binds the socket to the address; for a path this creates the file.
func (Linux) Bind(fd FD, to core.Endpoint) core.Errno {
	address, e := socketAddress(fd, to)
	if e != 0 {
		return e
	}
	return number(unix.Bind(int(fd), address))
}

// Listen makes the socket accept connections. Clients see the identity of this
// moment as SO_PEERCRED (spec go-traps, G4).
func (Linux) Listen(fd FD, backlog int) core.Errno {
	return number(unix.Listen(int(fd), backlog))
}

// Connect begins a connection: 0 means that it is established, EINPROGRESS that the
// descriptor becomes writable when it is decided and SocketError returns the
// result. A unix-domain listener with a full queue fails with EAGAIN at once.
func (Linux) Connect(fd FD, to core.Endpoint) core.Errno {
	address, e := socketAddress(fd, to)
	if e != 0 {
		return e
	}
	e = number(unix.Connect(int(fd), address))
	if e == core.EINTR { // the kernel continues it (POSIX, connect)
		return core.EINPROGRESS
	}
	return e
}

// SocketError returns and clears the pending error of a socket, 0 if there is none.
func (Linux) SocketError(fd FD) core.Errno {
	pending, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return number(err)
	}
	return core.Errno(pending)
}

// LocalAddress returns the address and port that an inet socket is bound to; other
// sockets fail with EAFNOSUPPORT.
func (Linux) LocalAddress(fd FD) (netip.AddrPort, core.Errno) {
	address, err := unix.Getsockname(int(fd))
	if err != nil {
		return netip.AddrPort{}, number(err)
	}
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), 0
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr)
		if a.ZoneId != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(a.ZoneId), 10))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port)), 0
	default:
		return netip.AddrPort{}, EAFNOSUPPORT
	}
}

// Send writes to a connected socket without blocking and without SIGPIPE; it fails
// with EPIPE if the other side is closed.
func (Linux) Send(fd FD, p []byte) (n int, e core.Errno) {
	return send(fd, p, nil)
}

// SendDescriptor sends one byte, and with it the descriptor passed, over a
// unix-domain stream.
func (Linux) SendDescriptor(fd FD, with byte, passed FD) core.Errno {
	_, e := send(fd, []byte{with}, unix.UnixRights(int(passed)))
	return e
}

func send(fd FD, p, control []byte) (n int, e core.Errno) {
	e = ignoringEINTR(func() (err error) {
		n, err = unix.SendmsgN(int(fd), p, control, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		return err
	})
	return max(n, 0), e
}

// Shutdown ends both directions of a connection; a listening socket refuses new
// clients, also in processes that share it.
func (Linux) Shutdown(fd FD) core.Errno {
	return number(unix.Shutdown(int(fd), unix.SHUT_RDWR))
}

// socketAddress converts an endpoint to what the kernel takes. fd is any socket.
func socketAddress(fd FD, e core.Endpoint) (unix.Sockaddr, core.Errno) {
	if e.Path != "" {
		return pathAddress(e.Path)
	}
	ip, port := e.Address.Addr(), int(e.Address.Port())
	switch {
	case ip.Is4():
		return &unix.SockaddrInet4{Addr: ip.As4(), Port: port}, 0
	case ip.Is6():
		zone, errno := zoneNumber(fd, ip.Zone())
		return &unix.SockaddrInet6{Addr: ip.As16(), Port: port, ZoneId: zone}, errno
	default:
		return nil, core.EINVAL
	}
}

func pathAddress(path string) (unix.Sockaddr, core.Errno) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, core.EINVAL
	}
	if path[0] == '@' { // package unix would use the abstract namespace
		path = "./" + path
	}
	if len(path) > SocketPathLimit {
		return nil, core.ENAMETOOLONG
	}
	return &unix.SockaddrUnix{Name: path}, 0
}

// zoneNumber returns the index of the network interface that a link-local address
// names, by index or name.
func zoneNumber(fd FD, zone string) (uint32, core.Errno) {
	if zone == "" {
		return 0, 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), 0
	}
	request, err := unix.NewIfreq(zone)
	if err != nil {
		return 0, ENODEV
	}
	if err := unix.IoctlIfreq(int(fd), unix.SIOCGIFINDEX, request); err != nil {
		return 0, number(err)
	}
	return request.Uint32(), 0
}
