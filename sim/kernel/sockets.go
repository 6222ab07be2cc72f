package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
)

// Socket makes a socket.
func (k *Kernel) Socket(family sys.Family, kind sys.SocketKind) (sys.FD, core.Errno) {
	if e := k.Enter(fault.Socket); e != 0 {
		return sys.None, e
	}
	if !k.Room(1) {
		return sys.None, core.EMFILE
	}
	return k.Install(k.NewSocket(family, kind)), 0
}

// StatusPair makes a pair of connected stream sockets.
func (k *Kernel) StatusPair() (ours, theirs sys.FD, e core.Errno) {
	if e := k.Enter(fault.StatusPair); e != 0 {
		return sys.None, sys.None, e
	}
	if !k.Room(2) {
		return sys.None, sys.None, core.EMFILE
	}
	a, b := k.ConnectedPair(sys.FamilyUnix)
	a.Reports, a.Limit = true, k.ChannelSize
	return k.Install(a), k.Install(b), 0
}

// SetOption sets an option.
func (k *Kernel) SetOption(fd sys.FD, option sys.Option, value int) core.Errno {
	if e := k.Enter(fault.SetOption); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, fault.SetOption)
	if e != 0 {
		return e
	}
	s.Options[option] = value
	s.ReusePort = s.ReusePort || option == sys.OptionReusePort && value != 0
	return 0
}

// Bind gives the socket its address; for a path it makes the file.
func (k *Kernel) Bind(fd sys.FD, to core.Endpoint) core.Errno {
	if e := k.Enter(fault.Bind); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, fault.Bind)
	switch {
	case e != 0:
		return e
	case s.Inode != nil || s.Address.IsValid():
		return core.EINVAL
	case to.Path == "":
		return k.BindInet(s, to.Address)
	}
	f, e := k.Create(to.Path, sys.SocketFile, 0o777&^umask)
	if e == core.EEXIST {
		return core.EADDRINUSE
	}
	if e != 0 {
		return e
	}
	f.Holds++
	f.Socket, s.Inode = s, f
	return 0
}

// Listen makes the socket take connections.
func (k *Kernel) Listen(fd sys.FD, backlog int) core.Errno {
	if e := k.Enter(fault.Listen); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, fault.Listen)
	switch {
	case e != 0:
		return e
	case s.Protocol != sys.Stream:
		return core.EOPNOTSUPP
	case s.Inode == nil && !s.Address.IsValid() || s.State != object.Fresh:
		return core.EINVAL
	}
	s.State, s.Backlog, s.Cred = object.Listening, backlog, k.UID
	k.Changed(s)
	return 0
}

// Shutdown ends both directions of a connection, or makes a listening socket
// refuse. An inet listener keeps its address and resets who waits; a
// unix-domain one keeps who waits until it is closed by all.
func (k *Kernel) Shutdown(fd sys.FD) core.Errno {
	failure := k.Enter(fault.Shutdown)
	s, e := k.socketAt(fd, fault.Shutdown)
	switch {
	case e != 0:
		return e
	case failure != 0:
		s.Broken = true
		return failure
	case s.State == object.Listening:
		s.State = object.Refusing
		k.Changed(s)
		if s.Family != sys.FamilyUnix {
			k.DropQueue(s)
		}
		return 0
	case s.State == object.Connected:
		s.Shut = true
		k.Changed(s)
		if p := s.Peer; p != nil {
			p.Shut = true
			k.Changed(p)
		}
		return 0
	case s.Family == sys.FamilyUnix: // Linux marks it, connected or not
		s.Shut = true
		return 0
	}
	return core.ENOTCONN
}
