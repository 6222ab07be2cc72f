package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
)

// report is how a server tells the master what it is, in the manner of its
// behaviour. It gives the server's own answer, if there is one.
func (w *World) report(slot int32, s wire.Status) (answer child.EventKind) {
	p := &w.kernel.processes[slot]
	if p.behaviour == Mute {
		if s == wire.Available {
			return child.Reported // so it believes
		}
		return child.EventNone
	}
	msg := wire.Message{PID: int32(p.pid), Generation: uint32(p.generation), Status: s}
	if p.behaviour == Liar && w.choose.Below(2, PlaceStatus) == 1 {
		w.lie(p, &msg)
	}
	var room [wire.StatusSize]byte
	b := msg.Append(room[:0])
	limit := len(b)
	if w.choose.Chance(w.o.StatusSplit, PlaceStatus) {
		limit = 1 + int(w.choose.Below(wire.StatusSize-1, PlaceStatus))
		p.good = false
	}
	w.note(ServerReports, noted{Generation: p.generation, Number: int64(s)})
	whole, ok := w.say(slot, b, limit)
	if ok && whole && w.choose.Chance(w.o.StatusTwice, PlaceStatus) {
		w.say(slot, b, len(b))
	}
	switch {
	case s != wire.Available:
		return child.EventNone
	case !ok && p.behaviour != DeafCut:
		w.note(ReportFails, noted{Generation: p.generation})
		return child.ReportFailed
	case ok && !whole: // it waits until there is room
		p.channel.waits++
		return child.EventNone
	}
	return child.Reported
}

// lie falsifies a message: another's pid, a generation of the past, another
// status.
func (w *World) lie(p *process, msg *wire.Message) {
	switch w.choose.Below(5, PlaceStatus) {
	case 0:
		msg.Generation--
	case 1:
		msg.PID = int32(w.choose.Below(uint32(w.kernel.pids), PlaceStatus)) + 1
	case 2:
		msg.Status = wire.Status(2 + w.choose.Below(3, PlaceStatus))
	case 3: // the message of another child, word for word
		other := &w.kernel.processes[w.choose.Below(maxProcesses/4, PlaceStatus)]
		if other.state == processAlive && other != p {
			msg.PID, msg.Generation = int32(other.pid), uint32(other.generation)
		}
	default:
		msg.Status = wire.Taken + wire.Available - msg.Status
	}
}

// serverSpeaks is a message that nobody asked for.
func (w *World) serverSpeaks(slot int32) {
	p := &w.kernel.processes[slot]
	switch p.behaviour {
	case Garbage:
		var b [wire.StatusSize]byte
		n := 1 + int(w.choose.Below(wire.StatusSize, PlaceStatus))
		for i := range n {
			b[i] = byte(w.choose.Below(256, PlaceStatus))
		}
		w.say(slot, b[:n], n)
	case Liar:
		msg := wire.Message{PID: int32(p.pid), Generation: uint32(p.generation), Status: wire.Status(w.choose.Below(2, PlaceStatus))}
		w.lie(p, &msg)
		var room [wire.StatusSize]byte
		b := msg.Append(room[:0])
		w.say(slot, b, len(b))
	default:
		return
	}
	w.soon(core.Millisecond+w.choose.Delay(5*core.Second, PlaceStatus), serverSpeaks, slot, 0)
}

// descendantSpeaks: what a child left behind writes into the channel that it
// inherited, whether its parent is reaped or not.
func (w *World) descendantSpeaks(slot int32) {
	p := &w.kernel.processes[slot]
	if p.channel.cut || p.state != processZombie {
		return
	}
	msg := wire.Message{PID: int32(p.pid), Generation: uint32(p.generation), Status: wire.Status(w.choose.Below(2, PlaceStatus))}
	var room [wire.StatusSize]byte
	p.channel.write(msg.Append(room[:0]))
	w.met(DescendantSpoke, true)
	w.noticeStatus(slot)
}
