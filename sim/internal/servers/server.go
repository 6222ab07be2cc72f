package servers

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/contract"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

func (w *World) drawBehaviour() witness.Behaviour {
	o := &w.O
	for i, rate := range [witness.NumBehaviours]int32{
		witness.SlowStart: o.SlowStart, witness.DieEarly: o.DieEarly, witness.ExitEarly: o.ExitEarly, witness.DieBusy: o.DieBusy, witness.Silent: o.Silent,
		witness.TakenFirst: o.TakenFirst, witness.Liar: o.Liar, witness.Garbage: o.Garbage, witness.Drain: o.Drain, witness.DeafTerm: o.DeafTerm,
		witness.DeafCut: o.DeafCut, witness.Hog: o.Hog, witness.Closer: o.Closer, witness.SlowTerm: o.SlowTerm,
		witness.DieIdle: o.DieIdle, witness.Mute: o.Mute, witness.NoProgram: o.NoProgram,
	} {
		if w.Choose.Chance(rate, tape.Behaviour) {
			return witness.Behaviour(i)
		}
	}
	return witness.Good
}

// birth draws who the new process is.
func (w *World) birth(s *Server, entry *core.ServiceConfig) {
	slot := s.P.Slot
	b := w.drawBehaviour()
	if program := w.Programs[s.P.Path]; program != nil {
		b = program.Behaviour
	}
	s.behaviour, s.Deaf = b, b == witness.DeafTerm
	if b == witness.Silent {
		s.Deaf = w.Choose.Below(2, tape.Behaviour) == 1
	}
	w.drawServer(s, entry)
	s.Good = b == witness.Good && s.settings.MaxIdle > 0
	boot := core.Millisecond/8 + w.Choose.Delay(core.Duration(w.O.BootMS)*core.Millisecond, tape.Behaviour)
	switch b {
	case witness.DieEarly:
		status := [4]core.ExitStatus{core.ExitedWith(1), core.KilledBy(core.SIGSEGV), core.ExitedWith(75), core.KilledBy(core.SIGTERM)}
		w.Soon(boot, agenda.ServerDies, slot, int32(status[w.Choose.Below(4, tape.Behaviour)]))
		return
	case witness.ExitEarly:
		w.Soon(boot, agenda.ServerDies, slot, int32(core.ExitedWith(0)))
		return
	case witness.NoProgram:
		w.Soon(core.Second, agenda.ServerDies, slot, int32(core.ExitedWith(1)))
		return
	case witness.Silent:
		return
	case witness.DieBusy, witness.DieIdle, witness.Drain:
		s.diesAt = 1 + int32(w.Choose.Below(3, tape.Behaviour))
	case witness.SlowStart:
		boot += w.Choose.Delay(100*core.Second, tape.Behaviour)
	case witness.Garbage, witness.Liar:
		w.Soon(boot+w.Choose.Pause(core.Second, tape.Behaviour), agenda.ServerSpeaks, slot, 0)
	case witness.Closer:
		w.Soon(boot+w.Choose.Delay(5*core.Second, tape.Behaviour), agenda.ServerCloses, slot, 0)
	}
	w.Soon(boot, agenda.ServerStarts, slot, 0)
}

// drawServer draws every setting of a server.
func (w *World) drawServer(s *Server, entry *core.ServiceConfig) {
	o := &w.O
	set := child.Settings{
		MaxUse: o.MaxUse, MaxIdle: core.Duration(o.MaxIdleMS) * core.Millisecond,
		AcceptLock: w.Choose.Chance(o.AcceptLock, tape.Behaviour),
	}
	switch {
	case entry.Type == core.UnixDatagram:
		set.Skeleton, set.EarlyUnlock = child.Datagram, true
	case entry.Type == core.FIFO:
		set.Skeleton, set.EarlyUnlock = child.Trigger, true
	case w.Choose.Chance(o.Concurrent, tape.Behaviour):
		set.Skeleton = child.Multi
		if w.Choose.Below(2, tape.Behaviour) == 1 {
			set.Skeleton = child.EventDriven
		}
		set.Drain = w.Choose.Below(2, tape.Behaviour) == 1
		if o.MaxClients > 0 {
			set.MaxClients = int32(w.Choose.Below(uint32(o.MaxClients)+1, tape.Behaviour))
		}
	default:
		set.Skeleton = child.Single
	}
	if o.RetireMS > 0 && w.Choose.Below(2, tape.Behaviour) == 1 {
		set.RetireAfter = core.Millisecond + w.Choose.Delay(core.Duration(o.RetireMS)*core.Millisecond, tape.Behaviour)
	}
	if program := w.Programs[s.P.Path]; program != nil {
		set.MaxUse, set.MaxIdle = program.MaxUse, program.MaxIdle
	}
	s.settings, s.Conduct = set, contract.Conduct{Settings: set}
	s.lockKey = lockOf(entry)
	s.locks = set.AcceptLock && set.Skeleton != child.Multi && set.Skeleton != child.EventDriven
	s.machine.Reset(w.Now, set)
}

// locksOfName is how many accept locks one name can have.
const locksOfName = 16 + mastercf.InetIdentities

// lockOf returns the number of the accept lock of a service: its identity.
func lockOf(e *core.ServiceConfig) int32 {
	for i := range int32(options.MaxNames) {
		if mastercf.Names.Paths[i] != e.Path && mastercf.Names.Others[i] != e.Path {
			continue
		}
		key := i * locksOfName
		switch {
		case e.Type != core.Inet && e.Canonical == mastercf.Names.Public[i]:
			return key + int32(e.Type) + 8
		case e.Type != core.Inet:
			return key + int32(e.Type)
		}
		for k := range mastercf.Names.Inet[i] {
			if mastercf.Names.Inet[i][k] == e.Canonical {
				return key + 16 + int32(k)
			}
		}
	}
	return 0
}

// server steps the child's machine and does what it wants, until it wants
// nothing more at this instant.
func (w *World) server(slot int32, first child.EventKind) {
	s := &w.Servers[slot]
	var queue [16]child.EventKind
	queue[0] = first
	count := 1
	for i := 0; i < count; i++ {
		w.InChild = true
		actions := s.machine.Step(w.Now, child.PlainEvent(queue[i]))
		w.InChild = false
		for k := range actions {
			answer := w.serve(s, actions[k])
			if !s.P.Alive() {
				return
			}
			if answer != child.EventNone && count < len(queue) {
				queue[count] = answer
				count++
			}
		}
		if broken, ok := s.machine.Check(); !ok {
			w.Fail("assert-child", "generation %d: %s", s.P.Generation, broken)
			return
		}
	}
	w.armServer(s)
}

// serve carries out one action of a server and returns its immediate answer.
func (w *World) serve(s *Server, a child.Action) child.EventKind {
	switch a.Kind {
	case child.Lock:
		return w.lock(s)
	case child.Unlock:
		w.unlock(s.P.Slot)
	case child.Watch:
		if s.locks && w.locks[s.lockKey] != s.P.Slot+1 {
			w.Fail(witness.Contract, "generation %d waits for a client without the accept lock", s.P.Generation)
		}
		s.watching = true
		for _, d := range s.P.FDs[wire.ListenFD:] {
			w.Kernel.Await(s.P, d)
		}
	case child.Accept:
		return w.acceptFor(s)
	case child.Report:
		return w.report(s, a.Status)
	case child.Serve:
		// the session was begun by acceptFor
	case child.Exit:
		s.leaving = true
		w.exit(s.P.Slot, core.ExitedWith(a.Code))
	}
	return child.EventNone
}

// armServer keeps one happening in the schedule for the server's deadline, or
// an earlier one.
func (w *World) armServer(s *Server) {
	when, ok := s.machine.Deadline()
	if !ok || s.timed && s.timerAt <= when {
		return
	}
	s.timerAt, s.timed = when, true
	w.Soon(max(0, when.Sub(w.Now)), agenda.ServerTimer, s.P.Slot, 0)
}

// ServerHappens is what comes to a server from the schedule.
func (w *World) ServerHappens(d *agenda.Due) {
	slot := d.Ref
	s := &w.Servers[slot]
	if !s.P.Alive() {
		return
	}
	if s.P.Executing { // it begins when its program is executed
		w.stash = append(w.stash, *d)
		return
	}
	switch d.What {
	case agenda.ServerStarts:
		s.starts = true
		s.Conduct.Ready(w.Now)
		w.Note(witness.ServerReady, stage.Noted{Generation: s.P.Generation})
		if status := s.P.StatusOf(); status != nil {
			w.Kernel.Await(s.P, status)
		}
		w.server(slot, child.Started)
	case agenda.ServerReady:
		w.beReady(s)
	case agenda.ServerLocks:
		w.lockGranted(s)
	case agenda.ServerTimer:
		s.timed = false
		if !s.Locking { // who blocks in the lock looks at the time afterwards
			w.server(slot, child.TimerExpired)
		}
	case agenda.ServerPassed:
		w.passedOver(s)
	case agenda.ServerServed:
		w.endSession(s, d.Arg)
	case agenda.RequestBegins:
		if w.sessions[d.Arg].slot == slot {
			s.Conduct.RequestBegins()
			w.server(slot, child.RequestBegan)
		}
	case agenda.RequestEnds:
		if w.sessions[d.Arg].slot == slot {
			s.Conduct.RequestEnds()
			w.server(slot, child.RequestEnded)
		}
	case agenda.RestWritten:
		w.writeRest(s)
	case agenda.ServerSpeaks:
		w.serverSpeaks(s)
	case agenda.ServerDies:
		w.exit(slot, core.ExitStatus(d.Arg))
	case agenda.ServerCloses:
		s.Good = false
		if s.P.StatusOf() != nil {
			w.Kernel.CloseFile(s.P, wire.StatusFD)
		}
	}
}

// seeCut lets the server notice that its channel is closed, as soon as its
// kind of server looks.
func (w *World) seeCut(s *Server) {
	if s.behaviour == witness.DeafCut || !s.starts || s.Locking || s.cutSeen {
		return
	}
	status := s.P.StatusOf()
	if status == nil || !status.Readable() {
		return
	}
	s.cutSeen = true
	w.Kernel.Rest(s.P, status)
	for s.saying.unsent = 0; s.saying.waits > 0; s.saying.waits-- {
		w.server(s.P.Slot, child.ReportFailed)
		if !s.P.Alive() {
			return
		}
	}
	w.server(s.P.Slot, child.ChannelClosed)
}

// lock gets the accept lock, or waits for it.
func (w *World) lock(s *Server) child.EventKind {
	w.held(s, s.Conduct.Locks())
	holder := &w.locks[s.lockKey]
	switch {
	case w.Choose.Chance(w.O.CallFail, tape.Accept): // its file system has no locks to give
		s.Conduct.Failed = true
		return child.LockFailed
	case *holder == 0:
		*holder = s.P.Slot + 1
		return child.LockGranted
	}
	s.Locking = true
	return child.EventNone
}

// unlock gives the lock to one of those who wait for it.
func (w *World) unlock(slot int32) {
	s := &w.Servers[slot]
	holder := &w.locks[s.lockKey]
	if *holder != slot+1 {
		return
	}
	*holder = 0
	first := int32(w.Choose.Below(4, tape.Accept))
	for i := range int32(kernel.MaxProcesses) {
		next := (first + i) % kernel.MaxProcesses
		q := &w.Servers[next]
		if q.Locking && q.lockKey == s.lockKey && q.P.Alive() {
			*holder = next + 1
			w.Soon(w.Choose.Delay(core.Millisecond, tape.Accept), agenda.ServerLocks, next, 0)
			return
		}
	}
}

// lockGranted: now the server learns of what it missed while it was blocked.
func (w *World) lockGranted(s *Server) {
	s.Locking = false
	w.server(s.P.Slot, child.LockGranted)
	if !s.P.Alive() {
		return
	}
	if when, ok := s.machine.Deadline(); ok && when <= w.Now {
		w.server(s.P.Slot, child.TimerExpired)
	}
	if s.P.Alive() {
		w.seeCut(s)
	}
}
