package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// wakeServer lets a server look, after a moment, at what can be read.
func (w *World) wakeServer(slot int32) {
	s := &w.servers[slot]
	if s.woken || !s.starts || !s.watching && s.cutSeen {
		return
	}
	s.woken = true
	w.soon(w.choose.Delay(core.Millisecond, tape.Accept), agenda.ServerReady, slot, 0)
}

// clientFor returns a listener of the server that has a client; nil: none has.
func (s *server) clientFor() *object.Description {
	for _, d := range s.p.FDs[wire.ListenFD:] {
		if d.HasClient() {
			return d
		}
	}
	return nil
}

// beReady lets the server see what can be read: the closed channel first. Another
// process may have been faster with a client. A server that reports too early does it
// here.
func (w *World) beReady(s *server) {
	s.woken = false
	w.seeCut(s)
	if !s.p.Alive() || !s.watching {
		return
	}
	refused := true
	for _, d := range s.p.FDs[wire.ListenFD:] {
		refused = refused && d.Refuses()
		if d.Refuses() {
			w.kernel.Rest(s.p, d)
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
		w.soon(core.Millisecond+w.choose.Delay(core.Second, tape.Behaviour), agenda.ServerReady, s.p.Slot, 0)
		return
	}
	for _, d := range s.p.FDs[wire.ListenFD:] {
		w.kernel.Rest(s.p, d)
	}
	w.server(s.p.Slot, child.ConnectionReady)
}

// acceptFor accepts at most one client and begins its session.
func (w *World) acceptFor(s *server) child.EventKind {
	l := s.clientFor()
	if l == nil {
		return child.AcceptMissed
	}
	conn, ok := w.kernel.Accept(l)
	w.expectMore(l)
	if !ok {
		return child.AcceptMissed
	}
	w.held(s, s.conduct.Accepts(w.now))
	if conn != nil && s.p.Transport == core.Pass.String() {
		s.passes, s.looks = conn, 0
		return w.passed(s)
	}
	w.beginSession(s, conn)
	return child.Accepted
}

// passed takes the descriptor that comes over the connection, or waits for it.
func (w *World) passed(s *server) child.EventKind {
	conn := s.passes
	d, over := w.kernel.Passed(conn)
	switch {
	case d != nil:
		s.passes = nil
		w.beginPassed(s, conn, d)
		return child.Accepted
	case over || s.looks >= passLooks:
		s.passes = nil
		w.kernel.Release(conn)
		return child.AcceptMissed
	}
	s.looks++
	s.conduct.Waits = true
	w.soon(core.Millisecond, agenda.ServerPassed, s.p.Slot, 0)
	return child.EventNone
}

// passLooks is how often a server looks for a descriptor from a client who may be none
// of its kind.
const passLooks = 5

// passedOver looks again for a descriptor.
func (w *World) passedOver(s *server) {
	if s.passes == nil {
		return
	}
	if answer := w.passed(s); answer != child.EventNone {
		w.server(s.p.Slot, answer)
	}
}

// beginPassed begins a session over a descriptor that was passed. The connection over
// which it came stays open as long: this is how the client knows.
func (w *World) beginPassed(s *server, conn, d *object.Description) {
	w.kernel.Release(d)
	w.beginSession(s, conn)
}

// beginSession schedules what the client does.
func (w *World) beginSession(s *server, conn *object.Description) {
	slot := s.p.Slot
	s.sessions++
	ref := w.newSession()
	x := &w.sessions[ref]
	*x = session{conn: conn, slot: slot, client: -1}
	if conn != nil {
		x.client = conn.ClientOf() - 1
	}
	if x.client >= 0 {
		c := &w.clients[x.client]
		c.generation, x.number = s.p.Generation, c.number
	} else {
		w.came++
		x.number = w.came
	}
	if conn != nil && x.client < 0 {
		w.note(witness.WakeupArrived, noted{Service: s.service})
	}
	w.note(witness.ClientAccepted, noted{Client: x.number, Service: s.service, Generation: s.p.Generation})
	s.conduct.Begins()
	span := core.Microsecond + w.choose.Delay(core.Duration(w.o.ServiceMS)*core.Millisecond, tape.Session)
	if program := w.programs[s.p.Path]; program != nil {
		span += program.work
	}
	switch {
	case s.behaviour == witness.Hog:
		span += core.Duration(1+w.choose.Below(4, tape.Session)) * 3600 * core.Second
	case s.diesAt == s.sessions && s.behaviour == witness.DieBusy:
		status := [3]core.ExitStatus{core.KilledBy(core.SIGSEGV), core.ExitedWith(1), core.KilledBy(core.SIGKILL)}
		w.soon(span/2, agenda.ServerDies, slot, int32(status[w.choose.Below(3, tape.Session)]))
	case s.diesAt == s.sessions && s.behaviour == witness.Drain:
		w.soon(span/2, agenda.ServerDies, slot, int32(core.ExitedWith(0)))
	}
	span = max(core.Microsecond, w.moment(span))
	s.busyUntil = max(s.busyUntil, w.now.Add(span))
	w.soon(span, agenda.ServerServed, slot, ref)
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
func (w *World) requests(s *server, ref int32, span core.Duration) {
	switch s.settings.Skeleton {
	case child.Multi:
		for n := core.Duration(1); n <= 1+core.Duration(w.choose.Below(2, tape.Session)); n++ {
			w.soon(span*(2*n-1)/6, agenda.RequestBegins, s.p.Slot, ref)
			w.soon(span*2*n/6, agenda.RequestEnds, s.p.Slot, ref)
		}
	case child.EventDriven:
		w.soon(span/4, agenda.RequestEnds, s.p.Slot, ref)
	}
}

// closeSession ends a connection of a server; why says what it means for the client.
func (w *World) closeSession(ref int32, why witness.Happened) {
	x := &w.sessions[ref]
	conn := x.conn
	s := &w.servers[x.slot]
	generation := s.p.Generation
	if why == witness.ClientServed {
		s.conduct.Serves(w.now)
	}
	if x.client < 0 || conn == nil {
		w.note(why, noted{Client: x.number, Generation: generation})
	}
	*x = session{slot: -1, client: -1}
	if conn != nil {
		w.closing = why
		w.kernel.Release(conn)
		w.closing = witness.ClientLost
	}
}

// endSession closes the client's connection.
func (w *World) endSession(s *server, ref int32) {
	if w.sessions[ref].slot != s.p.Slot {
		return
	}
	w.closeSession(ref, witness.ClientServed)
	w.server(s.p.Slot, child.Served)
	if s.behaviour == witness.DieIdle && s.p.Alive() && s.sessions >= s.diesAt {
		status := [3]core.ExitStatus{core.ExitedWith(1), core.ExitedWith(75), core.KilledBy(core.SIGSEGV)}
		w.soon(w.choose.Delay(core.Second, tape.Session), agenda.ServerDies, s.p.Slot, int32(status[w.choose.Below(3, tape.Session)]))
	}
}
