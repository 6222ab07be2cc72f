package object

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Readable reports whether a read of the description would say something.
func (d *Description) Readable() bool { return d.readiness().readable() }

// HasClient reports whether a client waits in a listener.
func (d *Description) HasClient() bool {
	if d.Kind == PipeKind {
		return len(d.Pipe.bytes) > 0
	}
	return len(d.queue) > 0 || d.grams > 0
}

// Waiting is how many clients wait in a listener.
func (d *Description) Waiting() int32 {
	if d.Kind == PipeKind {
		return int32(len(d.Pipe.bytes))
	}
	return int32(len(d.queue) + d.grams)
}

// Taken counts how often somebody took clients from a listener.
func (d *Description) Taken() uint64 {
	if d.Kind == PipeKind {
		return d.Pipe.taken
	}
	return d.socket.taken
}

// Listens reports whether clients can come to a listener.
func (d *Description) Listens() bool { return d.Kind == SocketKind && d.State == Listening && !d.Shut }

// Refuses reports whether a listener was shut down.
func (d *Description) Refuses() bool {
	return d.Kind == SocketKind && (d.State == Refusing || d.Shut)
}

// Accept takes what waits in a listener of the process: a connection, or with ok
// alone what a FIFO or a datagram socket held.
func (t *Table) Accept(l *Description) (conn *Description, ok bool) {
	switch {
	case !l.HasClient():
		return nil, false
	case l.Kind == PipeKind || l.Protocol == sys.Datagram:
		var scrap [4096]byte
		_, e := t.ReadFrom(l, scrap[:])
		return nil, e == 0
	}
	conn = l.queue[0]
	l.queue = l.queue[:copy(l.queue, l.queue[1:])]
	l.socket.taken++
	return conn, true
}

// Passed takes a descriptor that came over a connection; nil when there is none yet.
// over says that none will come.
func (t *Table) Passed(conn *Description) (d *Description, over bool) {
	if len(conn.passed) == 0 {
		return nil, conn.Shut || conn.ended || conn.reset
	}
	var one [1]byte
	t.receive(conn, one[:])
	d = conn.passed[0]
	conn.passed = conn.passed[:copy(conn.passed, conn.passed[1:])]
	return d, false
}

// ClientOf is the client at the other end of a connection; 0: it is the daemon, or
// nobody any more.
func (d *Description) ClientOf() int32 {
	if d.Peer == nil {
		return 0
	}
	return d.Peer.client
}

// Say writes into a connection as much as there is room for.
func (t *Table) Say(d *Description, b []byte) (n int, e core.Errno) {
	if d.State == Connected && d.Peer != nil && !d.Shut {
		room := max(0, d.Peer.Limit-len(d.Peer.Bytes))
		b = b[:min(len(b), room)]
		if len(b) == 0 {
			return 0, core.EAGAIN
		}
	}
	return t.SendOver(d, b)
}

// Hold keeps a description for one more owner.
func (d *Description) Hold() *Description {
	d.Refs++
	return d
}

// Knock is a client's: it queues a connection of the client's with whoever listens
// at the endpoint. The client holds what it gets.
func (t *Table) Knock(to core.Endpoint, client int32) (*Description, core.Errno) {
	l, e := t.listener(to, sys.Stream)
	if e != 0 {
		return nil, e
	}
	return t.KnockAt(l, client)
}

// KnockAt is Knock at a listener that the caller knows.
func (t *Table) KnockAt(l *Description, client int32) (*Description, core.Errno) {
	if l.State != Listening {
		return nil, core.ECONNREFUSED
	}
	s := t.NewSocket(l.Family, sys.Stream)
	s.Refs++
	if e := t.enqueue(s, l); e != 0 {
		t.Release(s)
		return nil, e
	}
	s.client = client
	return s, 0
}

// PassNothing sends a descriptor of no use over a client's connection.
func (t *Table) PassNothing(conn *Description) {
	null := t.Describe(DeviceKind)
	null.Refs++
	t.Pass(conn, 0, null)
	t.Release(null)
}

// Ended reports whether a client's connection is over.
func (d *Description) Ended() bool { return d.ended || d.Shut || d.reset || d.Peer == nil }

// WriteFIFO is a client's: it writes one byte.
func (t *Table) WriteFIFO(path string) core.Errno {
	f, e := t.InodeAt(path)
	switch {
	case e != 0:
		return e
	case f.Pipe == nil || f.Pipe.Readers == 0:
		return sys.ENXIO
	}
	one := [1]byte{'c'}
	_, e = t.WritePipe(f.Pipe, one[:])
	return e
}

// SendDatagram is a client's.
func (t *Table) SendDatagram(path string) core.Errno {
	s, e := t.listener(core.Endpoint{Path: path}, sys.Datagram)
	switch {
	case e != 0:
		return e
	case s.Shut:
		return core.EPIPE
	case s.grams >= gramLimit:
		return core.EAGAIN
	}
	s.grams++
	t.Changed(s)
	return 0
}

// Listener returns who listens at the endpoint, for services of the type.
func (t *Table) Listener(kind core.ServiceType, to core.Endpoint) (*Description, core.Errno) {
	switch kind {
	case core.FIFO:
		f, e := t.InodeAt(to.Path)
		if e != 0 {
			return nil, e
		}
		if f.Pipe == nil || f.Pipe.Readers == 0 {
			return nil, sys.ENXIO
		}
		return f.Pipe.ends[0], 0
	case core.UnixDatagram:
		return t.listener(to, sys.Datagram)
	}
	return t.listener(to, sys.Stream)
}

// Disown makes a client's connection nobody's.
func (d *Description) Disown() { d.client = 0 }

// ListensAs holds a listener that was made for the entry against what it asks for, and
// returns what is wrong.
func (d *Description) ListensAs(entry *core.ServiceConfig, end core.Endpoint) string {
	o := &d.Options
	window := int(entry.WindowSize)
	switch {
	case d.Kind != SocketKind || entry.Type == core.UnixDatagram:
		return ""
	case d.Backlog != int(entry.Backlog):
		return fmt.Sprintf("a backlog of %d, not %d", d.Backlog, entry.Backlog)
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
