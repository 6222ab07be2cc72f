package servers

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// say writes a message of a process as far as there is room. ok is false when
// nobody reads any more; whole when all of it is written.
func (w *World) say(s *Server, b []byte, limit int) (whole, ok bool) {
	status := s.P.StatusOf()
	if status == nil {
		return false, false
	}
	if s.saying.unsent > 0 { // it still writes the one before
		n := copy(s.saying.rest[s.saying.unsent:], b)
		s.saying.unsent += n
		if n < len(b) {
			s.Good = false
		}
		return false, true
	}
	n, e := w.Kernel.Say(status, b[:min(limit, len(b))])
	if e != 0 && e != core.EAGAIN {
		return false, false
	}
	if n < len(b) {
		s.saying.unsent = copy(s.saying.rest[:], b[n:])
		w.Soon(core.Microsecond+w.Choose.Delay(core.Duration(w.O.StatusDelayUS)*core.Microsecond, tape.Status), agenda.RestWritten, s.P.Slot, 0)
	}
	return s.saying.unsent == 0, true
}

// writeRest goes on with a message that did not fit or was cut in two.
func (w *World) writeRest(s *Server) {
	status := s.P.StatusOf()
	if s.saying.unsent == 0 || status == nil {
		return
	}
	n, e := w.Kernel.Say(status, s.saying.rest[:s.saying.unsent])
	if e != 0 && e != core.EAGAIN { // it is cut
		s.saying.unsent = 0
		w.answerReports(s, child.ReportFailed)
		return
	}
	copy(s.saying.rest[:], s.saying.rest[n:s.saying.unsent])
	s.saying.unsent -= n
	if s.saying.unsent > 0 {
		w.Soon(core.Millisecond, agenda.RestWritten, s.P.Slot, 0)
		return
	}
	w.answerReports(s, child.Reported)
}

// answerReports answers the reports that waited until they were written.
func (w *World) answerReports(s *Server, answer child.EventKind) {
	for s.saying.waits > 0 && s.P.Alive() {
		s.saying.waits--
		w.server(s.P.Slot, answer)
	}
}

// report is how a server tells the master what it is, in the manner of its
// behaviour. It returns the server's own answer, if there is one.
func (w *World) report(s *Server, status wire.Status) (answer child.EventKind) {
	if s.behaviour == witness.Mute {
		if status == wire.Available {
			return child.Reported // so it believes
		}
		return child.EventNone
	}
	msg := wire.Message{PID: int32(s.P.PID), Generation: uint32(s.P.Generation), Status: status}
	if s.behaviour == witness.Liar && w.Choose.Below(2, tape.Status) == 1 {
		w.lie(s, &msg)
	}
	var room [wire.StatusSize]byte
	b := msg.Append(room[:0])
	limit := len(b)
	if w.Choose.Chance(w.O.StatusSplit, tape.Status) {
		limit = 1 + int(w.Choose.Below(wire.StatusSize-1, tape.Status))
		s.Good = false
	}
	w.Note(witness.ServerReports, stage.Noted{Generation: s.P.Generation, Number: int64(status)})
	w.held(s, s.Conduct.Reports(w.Now, status, s.machine.Clients()))
	whole, ok := w.say(s, b, limit)
	if ok && whole && w.Choose.Chance(w.O.StatusTwice, tape.Status) {
		w.say(s, b, len(b))
	}
	switch {
	case status != wire.Available:
		return child.EventNone
	case !ok && s.behaviour != witness.DeafCut:
		w.Note(witness.ReportFails, stage.Noted{Generation: s.P.Generation})
		s.Conduct.Told = true
		return child.ReportFailed
	case ok && !whole: // it waits until there is room
		s.saying.waits++
		s.Conduct.Waits = true
		return child.EventNone
	}
	return child.Reported
}

// lie falsifies a message: another's pid, a generation of the past, another
// status.
func (w *World) lie(s *Server, msg *wire.Message) {
	switch w.Choose.Below(5, tape.Status) {
	case 0:
		msg.Generation--
	case 1:
		msg.PID = int32(kernel.FirstPID) + int32(w.Choose.Below(uint32(w.Kernel.PIDs), tape.Status))
	case 2:
		msg.Status = wire.Status(2 + w.Choose.Below(3, tape.Status))
	case 3: // the message of another child, word for word
		other := &w.Servers[w.Choose.Below(kernel.MaxProcesses/4, tape.Status)]
		if other.P != nil && other.P.Alive() && other != s {
			msg.PID, msg.Generation = int32(other.P.PID), uint32(other.P.Generation)
		}
	default:
		msg.Status = wire.Taken + wire.Available - msg.Status
	}
}

// flood writes messages until the channel is full: some are true, and all are in one
// piece unless the last has no room.
func (w *World) flood(s *Server) {
	status := s.P.StatusOf()
	s.Good = false
	for n := w.Choose.Below(120, tape.Status); n > 0 && status != nil && s.saying.unsent == 0; n-- {
		msg := wire.Message{PID: int32(s.P.PID), Generation: uint32(s.P.Generation), Status: wire.Status(n % 2)}
		var room [wire.StatusSize]byte
		if written, e := w.Kernel.Say(status, msg.Append(room[:0])); e != 0 || written < wire.StatusSize {
			return
		}
	}
}

// serverSpeaks is a message that nobody asked for.
func (w *World) serverSpeaks(s *Server) {
	switch s.behaviour {
	case witness.Garbage:
		var b [wire.StatusSize]byte
		n := 1 + int(w.Choose.Below(wire.StatusSize, tape.Status))
		for i := range n {
			b[i] = byte(w.Choose.Below(256, tape.Status))
		}
		w.say(s, b[:n], n)
		if w.Choose.Below(4, tape.Status) == 3 {
			w.flood(s)
		}
	case witness.Liar:
		msg := wire.Message{PID: int32(s.P.PID), Generation: uint32(s.P.Generation), Status: wire.Status(w.Choose.Below(2, tape.Status))}
		w.lie(s, &msg)
		var room [wire.StatusSize]byte
		b := msg.Append(room[:0])
		w.say(s, b, len(b))
	default:
		return
	}
	w.Soon(core.Millisecond+w.Choose.Pause(5*core.Second, tape.Status), agenda.ServerSpeaks, s.P.Slot, 0)
}
