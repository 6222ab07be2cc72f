package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// say writes a message of a process as far as there is room. ok is false when
// nobody reads any more; whole when all of it is written.
func (w *World) say(s *server, b []byte, limit int) (whole, ok bool) {
	status := s.p.StatusOf()
	if status == nil {
		return false, false
	}
	if s.saying.unsent > 0 { // it still writes the one before
		n := copy(s.saying.rest[s.saying.unsent:], b)
		s.saying.unsent += n
		if n < len(b) {
			s.good = false
		}
		return false, true
	}
	n, e := w.kernel.Say(status, b[:min(limit, len(b))])
	if e != 0 && e != core.EAGAIN {
		return false, false
	}
	if n < len(b) {
		s.saying.unsent = copy(s.saying.rest[:], b[n:])
		w.soon(core.Microsecond+w.choose.Delay(core.Duration(w.o.StatusDelayUS)*core.Microsecond, tape.Status), agenda.RestWritten, s.p.Slot, 0)
	}
	return s.saying.unsent == 0, true
}

// writeRest goes on with a message that did not fit or was cut in two.
func (w *World) writeRest(s *server) {
	status := s.p.StatusOf()
	if s.saying.unsent == 0 || status == nil {
		return
	}
	n, e := w.kernel.Say(status, s.saying.rest[:s.saying.unsent])
	if e != 0 && e != core.EAGAIN { // it is cut
		s.saying.unsent = 0
		w.answerReports(s, child.ReportFailed)
		return
	}
	copy(s.saying.rest[:], s.saying.rest[n:s.saying.unsent])
	s.saying.unsent -= n
	if s.saying.unsent > 0 {
		w.soon(core.Millisecond, agenda.RestWritten, s.p.Slot, 0)
		return
	}
	w.answerReports(s, child.Reported)
}

// answerReports answers the reports that waited until they were written.
func (w *World) answerReports(s *server, answer child.EventKind) {
	for s.saying.waits > 0 && s.p.Alive() {
		s.saying.waits--
		w.server(s.p.Slot, answer)
	}
}

// report is how a server tells the master what it is, in the manner of its
// behaviour. It returns the server's own answer, if there is one.
func (w *World) report(s *server, status wire.Status) (answer child.EventKind) {
	if s.behaviour == witness.Mute {
		if status == wire.Available {
			return child.Reported // so it believes
		}
		return child.EventNone
	}
	msg := wire.Message{PID: int32(s.p.PID), Generation: uint32(s.p.Generation), Status: status}
	if s.behaviour == witness.Liar && w.choose.Below(2, tape.Status) == 1 {
		w.lie(s, &msg)
	}
	var room [wire.StatusSize]byte
	b := msg.Append(room[:0])
	limit := len(b)
	if w.choose.Chance(w.o.StatusSplit, tape.Status) {
		limit = 1 + int(w.choose.Below(wire.StatusSize-1, tape.Status))
		s.good = false
	}
	w.note(witness.ServerReports, noted{Generation: s.p.Generation, Number: int64(status)})
	w.held(s, s.conduct.Reports(status, s.machine.Clients()))
	whole, ok := w.say(s, b, limit)
	if ok && whole && w.choose.Chance(w.o.StatusTwice, tape.Status) {
		w.say(s, b, len(b))
	}
	switch {
	case status != wire.Available:
		return child.EventNone
	case !ok && s.behaviour != witness.DeafCut:
		w.note(witness.ReportFails, noted{Generation: s.p.Generation})
		s.conduct.Told = true
		return child.ReportFailed
	case ok && !whole: // it waits until there is room
		s.saying.waits++
		s.conduct.Waits = true
		return child.EventNone
	}
	return child.Reported
}

// lie falsifies a message: another's pid, a generation of the past, another
// status.
func (w *World) lie(s *server, msg *wire.Message) {
	switch w.choose.Below(5, tape.Status) {
	case 0:
		msg.Generation--
	case 1:
		msg.PID = int32(kernel.FirstPID) + int32(w.choose.Below(uint32(w.kernel.PIDs), tape.Status))
	case 2:
		msg.Status = wire.Status(2 + w.choose.Below(3, tape.Status))
	case 3: // the message of another child, word for word
		other := &w.servers[w.choose.Below(kernel.MaxProcesses/4, tape.Status)]
		if other.p != nil && other.p.Alive() && other != s {
			msg.PID, msg.Generation = int32(other.p.PID), uint32(other.p.Generation)
		}
	default:
		msg.Status = wire.Taken + wire.Available - msg.Status
	}
}

// flood writes messages until the channel is full: some are true, and all are in one
// piece unless the last has no room.
func (w *World) flood(s *server) {
	status := s.p.StatusOf()
	s.good = false
	for n := w.choose.Below(120, tape.Status); n > 0 && status != nil && s.saying.unsent == 0; n-- {
		msg := wire.Message{PID: int32(s.p.PID), Generation: uint32(s.p.Generation), Status: wire.Status(n % 2)}
		var room [wire.StatusSize]byte
		if written, e := w.kernel.Say(status, msg.Append(room[:0])); e != 0 || written < wire.StatusSize {
			return
		}
	}
}

// serverSpeaks is a message that nobody asked for.
func (w *World) serverSpeaks(s *server) {
	switch s.behaviour {
	case witness.Garbage:
		var b [wire.StatusSize]byte
		n := 1 + int(w.choose.Below(wire.StatusSize, tape.Status))
		for i := range n {
			b[i] = byte(w.choose.Below(256, tape.Status))
		}
		w.say(s, b[:n], n)
		if w.choose.Below(4, tape.Status) == 3 {
			w.flood(s)
		}
	case witness.Liar:
		msg := wire.Message{PID: int32(s.p.PID), Generation: uint32(s.p.Generation), Status: wire.Status(w.choose.Below(2, tape.Status))}
		w.lie(s, &msg)
		var room [wire.StatusSize]byte
		b := msg.Append(room[:0])
		w.say(s, b, len(b))
	default:
		return
	}
	w.soon(core.Millisecond+w.choose.Pause(5*core.Second, tape.Status), agenda.ServerSpeaks, s.p.Slot, 0)
}
