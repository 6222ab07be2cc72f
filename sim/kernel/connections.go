package kernel

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
)

// Connect begins a connection: at once over a path, later over an address.
func (k *Kernel) Connect(fd sys.FD, to core.Endpoint) core.Errno {
	if e := k.Enter(fault.Connect); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, fault.Connect)
	switch {
	case e != 0:
		return e
	case s.State != object.Fresh:
		return sys.EALREADY
	case to.Path != "":
		s.Target = to
		return k.Attach(s, to)
	case to.Address.Addr().IsUnspecified():
		k.Breach("a connection to %s, which is no address", to)
	}
	s.State, s.Wants, s.Target = object.Connecting, to, to
	k.Undecided = append(k.Undecided, s)
	k.host.DaemonReady() // the next wait decides
	return core.EINPROGRESS
}

// SocketError takes the pending error.
func (k *Kernel) SocketError(fd sys.FD) core.Errno {
	if e := k.Enter(fault.SocketError); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, fault.SocketError)
	if e != 0 {
		return e
	}
	pending := s.Pending
	s.Pending = 0
	return pending
}

// LocalAddress is what an inet socket is bound to.
func (k *Kernel) LocalAddress(fd sys.FD) (netip.AddrPort, core.Errno) {
	if e := k.Enter(fault.LocalAddress); e != 0 {
		return netip.AddrPort{}, e
	}
	s, e := k.socketAt(fd, fault.LocalAddress)
	switch {
	case e != 0:
		return netip.AddrPort{}, e
	case s.Family == sys.FamilyUnix:
		return netip.AddrPort{}, sys.EAFNOSUPPORT
	}
	return s.Address, 0
}

// Send writes to a connection.
func (k *Kernel) Send(fd sys.FD, p []byte) (int, core.Errno) {
	failure := k.Enter(fault.Send)
	s, e := k.socketAt(fd, fault.Send)
	if e != 0 {
		return 0, e
	}
	n, e := 0, failure
	if e == 0 {
		n, e = k.SendOver(s, p)
	}
	if e != 0 && !s.Refused() && (s.Sent > 0 || s.Family == sys.FamilyUnix || e != core.EAGAIN && e != core.ENOTCONN) {
		k.wakeups = append(k.wakeups, s.Target) // a receiver that is gone is no failure
	}
	k.sentRequest(s, p[:n])
	return n, e
}

// SendDescriptor sends a byte and a descriptor.
func (k *Kernel) SendDescriptor(fd sys.FD, with byte, passed sys.FD) core.Errno {
	if e := k.Enter(fault.SendDescriptor); e != 0 {
		return e
	}
	s, e := k.socketAt(fd, fault.SendDescriptor)
	d := k.at(passed, fault.SendDescriptor)
	if e != 0 || d == nil {
		return core.EBADF
	}
	e = k.Pass(s, with, d)
	if e == 0 && d.Kind == object.PipeKind && d.Reads {
		d.Pipe.Passed = s.Target
	}
	return e
}

// sentRequest notes what the daemon has sent over a connection that it asked for: a
// request is the letter W and a zero.
func (k *Kernel) sentRequest(s *object.Description, p []byte) {
	if !k.Requests {
		return
	}
	for _, c := range p {
		if s.Sent >= len(Request) || c != Request[s.Sent] {
			k.Breach("byte %d of a request to %s is %x", s.Sent, s.Target, c)
			return
		}
		if s.Sent++; s.Sent == len(Request) {
			k.wakeups = append(k.wakeups, s.Target)
		}
	}
}

const Request = "W\x00"

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
