package child

import (
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	machine "github.com/stationmaster/stationmaster/core/child"
)

// triggerLimit is how long the sender of a wakeup may take (spec child, 5).
const triggerLimit = 10 * time.Second

// serveOne serves one client, trigger or datagram to its end.
func (p *Process) serveOne(a arrival) {
	switch p.kind {
	case machine.Single:
		if c := p.open(a); c != nil {
			p.server.Stream(p, c)
			p.close(c)
		}
	case machine.Trigger:
		p.serveTrigger(a)
	case machine.Datagram:
		p.server.Datagram(p, a.message)
	}
}

// serveTrigger reads the request of a wakeup, unless it was read instead of an
// accept. The sender waits until we close the connection.
func (p *Process) serveTrigger(a arrival) {
	if a.fd < 0 {
		p.server.Trigger(p, a.message)
		return
	}
	c := p.open(a)
	if c == nil {
		return
	}
	defer p.close(c)
	if request, ok := p.readTrigger(c); ok {
		p.server.Trigger(p, request)
	}
}

// readTrigger reads one request; ok is false if the sender sent nothing.
func (p *Process) readTrigger(c *Conn) (request []byte, ok bool) {
	// A descriptor without deadlines (a plain file) never blocks.
	_ = c.SetReadDeadline(time.Now().Add(triggerLimit))
	b := make([]byte, maxTrigger)
	n, err := c.Read(b)
	if n > 0 {
		return b[:n], true
	}
	if err != nil && err != io.EOF {
		p.Warnf("read trigger: %v", err)
	}
	return nil, false
}

// serveSession serves one of many clients to its end.
func (p *Process) serveSession(l *loop, a arrival) {
	defer p.crashed()
	if c := p.open(a); c != nil {
		p.server.Sessions(p, c)
		p.close(c)
	}
	l.fromClient(machine.Served)
}

// serveRequests serves the requests of one of many clients, each between two
// reports.
func (p *Process) serveRequests(l *loop, a arrival) {
	defer p.crashed()
	if c := p.open(a); c != nil {
		for {
			if _, err := c.reader.Peek(1); err != nil {
				break
			}
			l.fromClient(machine.RequestBegan)
			err := p.server.Requests(p, c)
			l.fromClient(machine.RequestEnded)
			if err != nil {
				break
			}
		}
		p.close(c)
	}
	l.fromClient(machine.Served)
}

// open makes a connection of what was accepted. If it returns nil, the client is
// lost and the reason has been logged.
func (p *Process) open(a arrival) (c *Conn) {
	var err error
	switch p.options.transport {
	case "pass":
		c, err = receivePassed(a.fd, p.kind != machine.Trigger)
	case "inet":
		keepAlive(a.fd)
		c, err = connFrom(a.fd)
	default:
		c, err = connFrom(a.fd)
	}
	if err != nil {
		p.Warnf("connection dropped: %v", err)
		return nil
	}
	return c
}

func (p *Process) close(c *Conn) {
	// The client may be gone; an error does not matter.
	_ = c.Close()
}

// serveStandard serves one client on standard input and output (-S).
func (p *Process) serveStandard() {
	c := newConn(fileConn{os.Stdin, os.Stdout})
	switch p.kind {
	case machine.Single:
		p.server.Stream(p, c)
	case machine.EventDriven:
		p.server.Sessions(p, c)
	case machine.Multi:
		for {
			if _, err := c.reader.Peek(1); err != nil {
				return
			}
			if p.server.Requests(p, c) != nil {
				return
			}
		}
	case machine.Trigger:
		b := make([]byte, maxTrigger)
		if n, _ := unix.Read(0, b); n > 0 {
			p.server.Trigger(p, b[:n])
		}
	}
}
