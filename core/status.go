package core

import "github.com/stationmaster/stationmaster/core/wire"

// complaintLimit bounds the log lines that one child can cause with bad status
// messages.
const complaintLimit = 16

// channelGrace is how long a child may live with a closed status channel before
// a line is logged. An exiting child closes its channel a moment before it can
// be reaped, which is not worth a line.
const channelGrace = 1 * Second

// statusReceived handles bytes from the status channel of generation g. Pid and
// generation in the message must be those of the channel's owner: what a child
// says about other processes is not trusted (spec runtime, 7.2).
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

// childTaken and childAvailable ignore a report that repeats the known state.
func (m *Machine) childTaken(c *child) {
	if c.state == childIdle {
		m.updateChild(c, childBusy, c.retired)
	}
}

// childAvailable also records that the child has served: its end is no longer a
// bad startup.
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

// childChannelClosed starts the wait for the child's end. The child can report
// no more and keeps its last state until it is reaped.
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
