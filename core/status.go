package core

import "github.com/stationmaster/stationmaster/core/wire"

// complaintLimit bounds the lines that one child can bring into the log by
// sending nonsense.
const complaintLimit = 16

// channelGrace is how long a child may live on with a closed status channel
// before a line is logged. A child that exits closes it a moment before it can
// be reaped, and that is no news.
const channelGrace = 1 * Second

// statusReceived takes what came over the status channel of generation g.
// Pid and generation in the message are checked against the owner of the
// channel: what a child says of others is gossip (spec runtime, 7.2).
func (m *Machine) statusReceived(g Generation, ev *Event) {
	c := m.children.get(uint64(g))
	if c == nil || c.state == childStarting {
		return
	}
	if ev.N != wire.StatusSize {
		m.complain(c, LogPartialStatus, int64(ev.N))
		return
	}
	msg := wire.ParseMessage(ev.Bytes)
	switch {
	case PID(msg.PID) != c.pid:
		m.complain(c, LogForeignStatus, int64(msg.PID))
	case msg.Generation != uint32(c.generation):
		m.complain(c, LogStaleStatus, int64(msg.Generation))
	case msg.Status == wire.Taken:
		m.childTaken(c)
	case msg.Status == wire.Available:
		m.childAvailable(c)
	default:
		m.complain(c, LogUnknownStatus, int64(msg.Status))
	}
}

// childTaken and childAvailable ignore a report of what is known already.
func (m *Machine) childTaken(c *child) {
	if c.state == childIdle {
		m.updateChild(c, childBusy, c.retired)
	}
}

// childAvailable also notes that the child has served: from now on its end is
// no bad startup.
func (m *Machine) childAvailable(c *child) {
	if c.state == childBusy {
		c.served = true
		m.updateChild(c, childIdle, c.retired)
	}
}

func (m *Machine) complain(c *child, code LogCode, number int64) {
	if c.complaints >= complaintLimit {
		return
	}
	c.complaints++
	if c.complaints == complaintLimit {
		code = LogMuted
	}
	a := m.log(code)
	a.Entry, a.PID, a.Number = c.entry, c.pid, number
}

// childChannelClosed: the child can report no more. It keeps its last state
// until it is reaped.
func (m *Machine) childChannelClosed(g Generation) {
	c := m.children.get(uint64(g))
	if c == nil || c.retired || c.closed {
		return
	}
	c.closed = true
	m.timers.arm(&c.timer, m.now.Add(channelGrace))
}

func (m *Machine) channelStillClosed(c *child) {
	a := m.log(LogChannelClosed)
	a.Entry, a.PID = c.entry, c.pid
}
