package kernel

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// What children and clients do. None of it fails by a Fault.

// Await has the process woken when the description can be read, now if it can.
func (k *Kernel) Await(p *Process, d *Description) {
	d.waiting |= 1 << p.Slot
	if d.readiness().readable() {
		k.host.Readable(1 << p.Slot)
	}
}

// Rest ends what Await began.
func (k *Kernel) Rest(p *Process, d *Description) { d.waiting &^= 1 << p.Slot }

// Readable reports whether a read of the description would say something.
func (d *Description) Readable() bool { return d.readiness().readable() }

// HasClient reports whether a client waits in a listener.
func (d *Description) HasClient() bool {
	if d.kind == pipeKind {
		return len(d.pipe.bytes) > 0
	}
	return len(d.queue) > 0 || d.grams > 0
}

// Waiting is how many clients wait in a listener.
func (d *Description) Waiting() int32 {
	if d.kind == pipeKind {
		return int32(len(d.pipe.bytes))
	}
	return int32(len(d.queue) + d.grams)
}

// Taken counts how often somebody took clients from a listener.
func (d *Description) Taken() uint64 {
	if d.kind == pipeKind {
		return d.pipe.taken
	}
	return d.socket.taken
}

// Refuses reports whether a listener was shut down.
func (d *Description) Refuses() bool {
	return d.kind == socketKind && (d.state == refusing || d.shut)
}

// Accept takes what waits in a listener of the process: a connection, or with ok
// alone what a FIFO or a datagram socket held.
func (k *Kernel) Accept(l *Description) (conn *Description, ok bool) {
	switch {
	case !l.HasClient():
		return nil, false
	case l.kind == pipeKind || l.protocol == sys.Datagram:
		var scrap [4096]byte
		_, e := k.read(l, scrap[:])
		return nil, e == 0
	}
	conn = l.queue[0]
	l.queue = l.queue[:copy(l.queue, l.queue[1:])]
	l.socket.taken++
	return conn, true
}

// Passed takes a descriptor that came over a connection; nil when there is none yet.
// over says that none will come.
func (k *Kernel) Passed(conn *Description) (d *Description, over bool) {
	if len(conn.passed) == 0 {
		return nil, conn.shut || conn.ended || conn.reset
	}
	var one [1]byte
	k.receive(conn, one[:])
	d = conn.passed[0]
	conn.passed = conn.passed[:copy(conn.passed, conn.passed[1:])]
	return d, false
}

// ClientOf is the client at the other end of a connection; 0: it is the daemon, or
// nobody any more.
func (d *Description) ClientOf() int32 {
	if d.peer == nil {
		return 0
	}
	return d.peer.client
}

// Say writes into a connection as much as there is room for.
func (k *Kernel) Say(d *Description, b []byte) (n int, e core.Errno) {
	if d.state == connected && d.peer != nil && !d.shut {
		room := max(0, d.peer.limit-len(d.peer.bytes))
		b = b[:min(len(b), room)]
		if len(b) == 0 {
			return 0, core.EAGAIN
		}
	}
	return k.send(d, b)
}

// StatusOf is the process's end of its status channel; nil when it has closed it.
func (p *Process) StatusOf() *Description {
	if len(p.FDs) <= wire.StatusFD {
		return nil
	}
	return p.FDs[wire.StatusFD]
}

// Hold keeps a description for one more owner.
func (d *Description) Hold() *Description {
	d.refs++
	return d
}

// Knock is a client's: it queues a connection of the client's with whoever listens
// at the endpoint. The client holds what it gets.
func (k *Kernel) Knock(to core.Endpoint, client int32) (*Description, core.Errno) {
	l, e := k.listener(to, sys.Stream)
	if e != 0 {
		return nil, e
	}
	return k.KnockAt(l, client)
}

// KnockAt is Knock at a listener that the caller knows.
func (k *Kernel) KnockAt(l *Description, client int32) (*Description, core.Errno) {
	if l.state != listening {
		return nil, core.ECONNREFUSED
	}
	s := k.newSocket(l.family, sys.Stream)
	s.refs++
	if e := k.enqueue(s, l); e != 0 {
		k.Release(s)
		return nil, e
	}
	s.client = client
	return s, 0
}

// PassNothing sends a descriptor of no use over a client's connection.
func (k *Kernel) PassNothing(conn *Description) {
	null := k.describe(deviceKind)
	null.refs++
	k.pass(conn, 0, null)
	k.Release(null)
}

// Ended reports whether a client's connection is over.
func (d *Description) Ended() bool { return d.ended || d.shut || d.reset || d.peer == nil }

// WriteFIFO is a client's: it writes one byte.
func (k *Kernel) WriteFIFO(path string) core.Errno {
	f, e := k.lookup(path)
	switch {
	case e != 0:
		return e
	case f.pipe == nil || f.pipe.readers == 0:
		return sys.ENXIO
	}
	one := [1]byte{'c'}
	_, e = k.writePipe(f.pipe, one[:])
	return e
}

// SendDatagram is a client's.
func (k *Kernel) SendDatagram(path string) core.Errno {
	s, e := k.listener(core.Endpoint{Path: path}, sys.Datagram)
	switch {
	case e != 0:
		return e
	case s.shut:
		return core.EPIPE
	case s.grams >= gramLimit:
		return core.EAGAIN
	}
	s.grams++
	k.changed(s)
	return 0
}

// Listener returns who listens at the endpoint, for services of the type.
func (k *Kernel) Listener(t core.ServiceType, to core.Endpoint) (*Description, core.Errno) {
	switch t {
	case core.FIFO:
		f, e := k.lookup(to.Path)
		if e != 0 {
			return nil, e
		}
		if f.pipe == nil || f.pipe.readers == 0 {
			return nil, sys.ENXIO
		}
		return f.pipe.ends[0], 0
	case core.UnixDatagram:
		return k.listener(to, sys.Datagram)
	}
	return k.listener(to, sys.Stream)
}

// Description returns what a descriptor of the daemon refers to; nil: it is not open.
func (k *Kernel) Description(fd sys.FD) *Description {
	if fd < 0 || int(fd) >= len(k.table) {
		return nil
	}
	return k.table[fd]
}

// Disown makes a client's connection nobody's.
func (d *Description) Disown() { d.client = 0 }

// ProcessOf returns the process of an identity that is not reaped; nil: there is none.
func (k *Kernel) ProcessOf(pid core.PID) *Process { return k.process(pid) }

// ListensAs holds a listener that was made for the entry against what it asks for, and
// returns what is wrong.
func (d *Description) ListensAs(entry *core.ServiceConfig, end core.Endpoint) string {
	o := &d.options
	window := int(entry.WindowSize)
	switch {
	case d.kind != socketKind || entry.Type == core.UnixDatagram:
		return ""
	case d.backlog != int(entry.Backlog):
		return fmt.Sprintf("a backlog of %d, not %d", d.backlog, entry.Backlog)
	case entry.Type != core.Inet:
		return ""
	case o[sys.OptionReuseAddress] != 1 || o[sys.OptionReusePort] != 1:
		return "no address that can be used again"
	case (o[sys.OptionOnlyIPv6] == 1) != end.Address.Addr().Is6():
		return "clients of the other family"
	case o[sys.OptionSendBuffer] != window || o[sys.OptionReceiveBuffer] != window:
		return fmt.Sprintf("buffers of %d and %d, not %d", o[sys.OptionSendBuffer], o[sys.OptionReceiveBuffer], window)
	}
	return ""
}
