package servers

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// WakeServer lets a server look, after a moment, at what can be read.
func (w *World) WakeServer(slot int32) {
	s := &w.Servers[slot]
	if s.woken || !s.starts || !s.watching && s.cutSeen {
		return
	}
	s.woken = true
	w.Soon(w.Choose.Delay(core.Millisecond, tape.Accept), agenda.ServerReady, slot, 0)
}

// clientFor returns a listener of the server that has a client; nil: none has.
func (s *Server) clientFor() *object.Description {
	for _, d := range s.P.FDs[wire.ListenFD:] {
		if d.HasClient() {
			return d
		}
	}
	return nil
}

// beReady lets the server see what can be read: the closed channel first. Another
// process may have been faster with a client. A server that reports too early does it
// here.
func (w *World) beReady(s *Server) {
	s.woken = false
	w.seeCut(s)
	if !s.P.Alive() || !s.watching {
		return
	}
	refused := true
	for _, d := range s.P.FDs[wire.ListenFD:] {
		refused = refused && d.Refuses()
		if d.Refuses() {
			w.Kernel.Rest(s.P, d)
		}
	}
	if refused && s.clientFor() == nil {
		return // it is readable for ever, and nobody will come
	}
	s.watching = false
	if s.behaviour == witness.TakenFirst && s.clientFor() != nil {
		w.report(s, wire.Taken)
		s.watching = true
		s.behaviour = witness.SlowStart // once is enough
		s.woken = true
		w.Soon(core.Millisecond+w.Choose.Delay(core.Second, tape.Behaviour), agenda.ServerReady, s.P.Slot, 0)
		return
	}
	for _, d := range s.P.FDs[wire.ListenFD:] {
		w.Kernel.Rest(s.P, d)
	}
	w.server(s.P.Slot, child.ConnectionReady)
}

// acceptFor accepts at most one client and begins its session.
func (w *World) acceptFor(s *Server) child.EventKind {
	l := s.clientFor()
	if l == nil {
		return child.AcceptMissed
	}
	conn, ok := w.Kernel.Accept(l)
	w.Judge.Took(l)
	if !ok {
		return child.AcceptMissed
	}
	w.held(s, s.Conduct.Accepts(w.Now))
	if conn != nil && s.P.Transport == core.Pass.String() {
		s.passes, s.looks = conn, 0
		return w.passed(s)
	}
	w.beginSession(s, conn)
	return child.Accepted
}

// passed takes the descriptor that comes over the connection, or waits for it.
func (w *World) passed(s *Server) child.EventKind {
	conn := s.passes
	d, over := w.Kernel.Passed(conn)
	switch {
	case d != nil:
		s.passes = nil
		w.beginPassed(s, conn, d)
		return child.Accepted
	case over || s.looks >= passLooks:
		s.passes = nil
		w.Kernel.Release(conn)
		return child.AcceptMissed
	}
	s.looks++
	s.Conduct.Waits = true
	w.Soon(core.Millisecond, agenda.ServerPassed, s.P.Slot, 0)
	return child.EventNone
}

// passLooks is how often a server looks for a descriptor from a client who may be none
// of its kind.
const passLooks = 5

// passedOver looks again for a descriptor.
func (w *World) passedOver(s *Server) {
	if s.passes == nil {
		return
	}
	if answer := w.passed(s); answer != child.EventNone {
		w.server(s.P.Slot, answer)
	}
}

// beginPassed begins a session over a descriptor that was passed. The connection over
// which it came stays open as long: this is how the client knows.
func (w *World) beginPassed(s *Server, conn, d *object.Description) {
	w.Kernel.Release(d)
	w.beginSession(s, conn)
}

// beginSession schedules what the client does.
func (w *World) beginSession(s *Server, conn *object.Description) {
	slot := s.P.Slot
	s.sessions++
	ref := w.newSession()
	x := &w.sessions[ref]
	*x = session{conn: conn, slot: slot, client: -1}
	if conn != nil {
		x.client = conn.ClientOf() - 1
	}
	if x.client >= 0 {
		c := &w.Clients[x.client]
		c.Generation, x.number = s.P.Generation, c.Number
	} else {
		w.Came++
		x.number = w.Came
	}
	if conn != nil && x.client < 0 {
		w.Note(witness.WakeupArrived, stage.Noted{Service: s.Service})
	}
	w.Note(witness.ClientAccepted, stage.Noted{Client: x.number, Service: s.Service, Generation: s.P.Generation})
	s.Conduct.Begins()
	span := core.Microsecond + w.Choose.Delay(core.Duration(w.O.ServiceMS)*core.Millisecond, tape.Session)
	if program := w.Programs[s.P.Path]; program != nil {
		span += program.Work
	}
	switch {
	case s.behaviour == witness.Hog:
		span += core.Duration(1+w.Choose.Below(4, tape.Session)) * 3600 * core.Second
	case s.diesAt == s.sessions && s.behaviour == witness.DieBusy:
		status := [3]core.ExitStatus{core.KilledBy(core.SIGSEGV), core.ExitedWith(1), core.KilledBy(core.SIGKILL)}
		w.Soon(span/2, agenda.ServerDies, slot, int32(status[w.Choose.Below(3, tape.Session)]))
	case s.diesAt == s.sessions && s.behaviour == witness.Drain:
		w.Soon(span/2, agenda.ServerDies, slot, int32(core.ExitedWith(0)))
	}
	span = max(core.Microsecond, w.Moment(span))
	s.BusyUntil = max(s.BusyUntil, w.Now.Add(span))
	w.Soon(span, agenda.ServerServed, slot, ref)
	w.requests(s, ref, span)
}

// newSession returns the number of one that is over.
func (w *World) newSession() int32 {
	for i := range w.sessions {
		if w.sessions[i].slot < 0 {
			return int32(i)
		}
	}
	w.sessions = append(w.sessions, session{slot: -1})
	return int32(len(w.sessions) - 1)
}

// requests schedules what a client of a concurrent server asks. It ends before
// the session does.
func (w *World) requests(s *Server, ref int32, span core.Duration) {
	switch s.settings.Skeleton {
	case child.Multi:
		for n := core.Duration(1); n <= 1+core.Duration(w.Choose.Below(2, tape.Session)); n++ {
			w.Soon(span*(2*n-1)/6, agenda.RequestBegins, s.P.Slot, ref)
			w.Soon(span*2*n/6, agenda.RequestEnds, s.P.Slot, ref)
		}
	case child.EventDriven:
		w.Soon(span/4, agenda.RequestEnds, s.P.Slot, ref)
	}
}

// closeSession ends a connection of a server; why says what it means for the client.
func (w *World) closeSession(ref int32, why witness.Happened) {
	x := &w.sessions[ref]
	conn := x.conn
	s := &w.Servers[x.slot]
	generation := s.P.Generation
	if why == witness.ClientServed {
		s.Conduct.Serves(w.Now)
	}
	if x.client < 0 || conn == nil {
		w.Note(why, stage.Noted{Client: x.number, Generation: generation})
	}
	*x = session{slot: -1, client: -1}
	if conn != nil {
		w.Closing = why
		w.Kernel.Release(conn)
		w.Closing = witness.ClientLost
	}
}

// endSession closes the client's connection.
func (w *World) endSession(s *Server, ref int32) {
	if w.sessions[ref].slot != s.P.Slot {
		return
	}
	w.closeSession(ref, witness.ClientServed)
	s.Conduct.Parting = true
	w.server(s.P.Slot, child.Served)
	s.Conduct.Parting = false
	if s.behaviour == witness.DieIdle && s.P.Alive() && s.sessions >= s.diesAt {
		status := [3]core.ExitStatus{core.ExitedWith(1), core.ExitedWith(75), core.KilledBy(core.SIGSEGV)}
		w.Soon(w.Choose.Delay(core.Second, tape.Session), agenda.ServerDies, s.P.Slot, int32(status[w.Choose.Below(3, tape.Session)]))
	}
}
