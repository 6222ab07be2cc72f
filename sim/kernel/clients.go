package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// ClientState is how a client fares.
type ClientState uint8

// The states of a client.
const (
	Knocking  ClientState = iota // the queue of the listener is full
	Waiting                      // for an answer
	Served                       // had an answer
	Refused                      // nobody listens
	Abandoned                    // was queued or accepted, and got no answer
)

var clientStates = [...]string{"knocking", "waiting", "served", "refused", "abandoned"}

// String gives the state's word.
func (s ClientState) String() string { return clientStates[s] }

// Client wants one answer from whoever listens at an endpoint.
type Client struct {
	kernel *Kernel
	Type   core.ServiceType
	To     core.Endpoint
	State  ClientState
	Errno  core.Errno // why it was refused

	own    *description
	gram   *socket // what a datagram went to
	fifo   *pipe   // what a byte went into
	target int     // served when as much was taken from gram or fifo
}

// NewClient makes a client and lets it knock.
func (k *Kernel) NewClient(t core.ServiceType, to core.Endpoint) *Client {
	c := &Client{kernel: k, Type: t, To: to}
	c.knock()
	return c
}

// step lets the client go on and tells whether its state changed.
func (c *Client) step() bool {
	switch c.State {
	case Knocking:
		c.knock()
		return c.State != Knocking
	case Waiting:
		c.look()
		return c.State != Waiting
	}
	return false
}

func (c *Client) done(s ClientState, e core.Errno) {
	c.State, c.Errno = s, e
	if c.own != nil {
		c.kernel.release(c.own)
		c.own = nil
	}
}

// Leave ends the client's wait.
func (c *Client) Leave() {
	if c.State == Knocking || c.State == Waiting {
		c.done(Abandoned, 0)
	}
}

func (c *Client) knock() {
	var e core.Errno
	switch c.Type {
	case core.FIFO:
		e = c.writeFIFO()
	case core.UnixDatagram:
		e = c.sendGram()
	default:
		e = c.connect()
	}
	switch e {
	case 0:
		c.State = Waiting
	case core.EAGAIN:
	default:
		c.done(Refused, e)
	}
}

func (c *Client) writeFIFO() core.Errno {
	f, e := c.kernel.lookup(c.To.Path)
	switch {
	case e != 0:
		return e
	case f.pipe == nil || f.pipe.readers == 0:
		return sys.ENXIO
	}
	if _, e := f.pipe.write([]byte{'c'}); e != 0 {
		return e
	}
	c.fifo, c.target = f.pipe, f.pipe.taken+len(f.pipe.bytes)
	return 0
}

func (c *Client) sendGram() core.Errno {
	s, e := c.kernel.listener(c.To, sys.Datagram)
	switch {
	case e != 0:
		return e
	case s.shut:
		return core.EPIPE
	case len(s.grams) >= gramLimit:
		return core.EAGAIN
	}
	s.grams = append(s.grams, []byte("c"))
	c.gram, c.target = s, s.taken+len(s.grams)
	return 0
}

func (c *Client) connect() core.Errno {
	k := c.kernel
	s := k.newSocket(sys.FamilyOf(c.To), sys.Stream)
	if e := k.attach(s, c.To); e != 0 {
		return e
	}
	c.own = k.describe(description{kind: socketKind, socket: s})
	c.own.refs++
	if c.Type == core.Pass {
		null := k.describe(description{kind: deviceKind})
		null.refs++
		s.pass(0, null)
		k.release(null)
		return 0
	}
	s.send([]byte{'c'})
	return 0
}

func (c *Client) look() {
	switch {
	case c.fifo != nil:
		if c.fifo.taken >= c.target {
			c.done(Served, 0)
		} else if c.fifo.readers == 0 {
			c.done(Abandoned, 0)
		}
	case c.gram != nil:
		if c.gram.taken >= c.target {
			c.done(Served, 0)
		} else if c.gram.inode == nil {
			c.done(Abandoned, 0)
		}
	default:
		var b [1]byte
		switch n, e := c.own.socket.receive(b[:]); {
		case e == core.EAGAIN:
		case n == 1 && b[0] == answer:
			c.done(Served, 0)
		default:
			c.done(Abandoned, e)
		}
	}
}
