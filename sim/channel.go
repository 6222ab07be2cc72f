package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
)

// channelSize is how many bytes a status channel holds; who writes more waits.
const channelSize = 4 * wire.StatusSize

// channel is one child's status channel.
type channel struct {
	bytes   [channelSize]byte
	queued  int
	rest    [3 * wire.StatusSize]byte // what the child still has to write
	unsent  int                       // bytes of rest
	waits   int                       // a report of available waits for its answer until rest is written
	closed  bool                      // the child's end is closed
	cut     bool                      // our end is closed
	noticed bool                      // a reading is on its way
}

// write puts bytes into the channel. It reports how many found room.
func (c *channel) write(b []byte) int {
	n := copy(c.bytes[c.queued:], b)
	c.queued += n
	return n
}

// say writes a message of a process as far as there is room. ok is false when
// nobody reads any more; whole when all of it is written.
func (w *World) say(slot int32, b []byte, limit int) (whole, ok bool) {
	c := &w.kernel.processes[slot].channel
	if c.cut || c.closed {
		return false, false
	}
	if c.unsent > 0 { // it still writes the one before
		n := copy(c.rest[c.unsent:], b)
		c.unsent += n
		if n < len(b) {
			w.kernel.processes[slot].good = false
		}
		return false, true
	}
	n := c.write(b[:min(limit, len(b))])
	if n < len(b) {
		c.unsent = copy(c.rest[:], b[n:])
		w.soon(core.Microsecond+w.choose.Delay(core.Duration(w.o.StatusDelayUS)*core.Microsecond, PlaceStatus), restWritten, slot, 0)
	}
	w.noticeStatus(slot)
	return c.unsent == 0, true
}

// writeRest goes on with a message that did not fit or was cut in two.
func (w *World) writeRest(slot int32) {
	p := &w.kernel.processes[slot]
	c := &p.channel
	if c.unsent == 0 || c.cut {
		c.unsent = 0
		return
	}
	n := c.write(c.rest[:c.unsent])
	copy(c.rest[:], c.rest[n:c.unsent])
	c.unsent -= n
	w.noticeStatus(slot)
	switch {
	case c.unsent > 0:
		w.soon(core.Millisecond, restWritten, slot, 0)
	default:
		for ; c.waits > 0; c.waits-- {
			w.server(slot, child.PlainEvent(child.Reported))
		}
	}
}

// noticeStatus lets the adapter read the channel after a while.
func (w *World) noticeStatus(slot int32) {
	c := &w.kernel.processes[slot].channel
	if c.cut || c.noticed || c.queued == 0 && !c.closed {
		return
	}
	c.noticed = true
	w.soon(w.choose.Delay(core.Duration(w.o.StatusDelayUS)*core.Microsecond, PlaceStatus), statusNoticed, slot, 0)
}

// statusIsReady reads what the child reports. Before the answer to its start
// nothing is delivered.
func (w *World) statusIsReady(slot int32) {
	p := &w.kernel.processes[slot]
	p.channel.noticed = false
	if p.channel.cut || !p.answered {
		return
	}
	w.read(slot)
	if p.channel.closed {
		p.channel.cut = true
		w.post(core.ChildChannelClosedEvent(p.generation))
	}
}

// read delivers what is queued, in pieces of a message's size.
func (w *World) read(slot int32) {
	p := &w.kernel.processes[slot]
	c := &p.channel
	for at := 0; at < c.queued; at += wire.StatusSize {
		var piece [wire.StatusSize]byte
		n := copy(piece[:], c.bytes[at:c.queued])
		w.post(core.StatusReceivedEvent(p.generation, piece, n))
	}
	c.queued = 0
}

// cutChannel is what RetireChild asks for.
func (w *World) cutChannel(slot int32) {
	p := &w.kernel.processes[slot]
	if p.channel.cut {
		return
	}
	w.note(ChannelCut, noted{Generation: p.generation})
	w.read(slot)
	p.channel.cut, p.channel.unsent = true, 0
	if p.state == processAlive {
		w.soon(w.choose.Delay(core.Millisecond, PlaceStatus), serverCut, slot, 0)
	}
}
