package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/contract"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

func (w *World) drawBehaviour() witness.Behaviour {
	o := &w.o
	for i, rate := range [witness.NumBehaviours]int32{
		witness.SlowStart: o.SlowStart, witness.DieEarly: o.DieEarly, witness.ExitEarly: o.ExitEarly, witness.DieBusy: o.DieBusy, witness.Silent: o.Silent,
		witness.TakenFirst: o.TakenFirst, witness.Liar: o.Liar, witness.Garbage: o.Garbage, witness.Drain: o.Drain, witness.DeafTerm: o.DeafTerm,
		witness.DeafCut: o.DeafCut, witness.Hog: o.Hog, witness.Closer: o.Closer, witness.SlowTerm: o.SlowTerm,
		witness.DieIdle: o.DieIdle, witness.Mute: o.Mute, witness.NoProgram: o.NoProgram,
	} {
		if w.choose.Chance(rate, tape.Behaviour) {
			return witness.Behaviour(i)
		}
	}
	return witness.Good
}

// birth draws who the new process is.
func (w *World) birth(s *server, entry *core.ServiceConfig) {
	slot := s.p.Slot
	b := w.drawBehaviour()
	if program := w.programs[s.p.Path]; program != nil {
		b = program.behaviour
	}
	s.behaviour, s.deaf = b, b == witness.DeafTerm
	if b == witness.Silent {
		s.deaf = w.choose.Below(2, tape.Behaviour) == 1
	}
	w.drawServer(s, entry)
	s.good = b == witness.Good && s.settings.MaxIdle > 0
	boot := core.Millisecond/8 + w.choose.Delay(core.Duration(w.o.BootMS)*core.Millisecond, tape.Behaviour)
	switch b {
	case witness.DieEarly:
		status := [4]core.ExitStatus{core.ExitedWith(1), core.KilledBy(core.SIGSEGV), core.ExitedWith(75), core.KilledBy(core.SIGTERM)}
		w.soon(boot, agenda.ServerDies, slot, int32(status[w.choose.Below(4, tape.Behaviour)]))
		return
	case witness.ExitEarly:
		w.soon(boot, agenda.ServerDies, slot, int32(core.ExitedWith(0)))
		return
	case witness.NoProgram:
		w.soon(core.Second, agenda.ServerDies, slot, int32(core.ExitedWith(1)))
		return
	case witness.Silent:
		return
	case witness.DieBusy, witness.DieIdle, witness.Drain:
		s.diesAt = 1 + int32(w.choose.Below(3, tape.Behaviour))
	case witness.SlowStart:
		boot += w.choose.Delay(100*core.Second, tape.Behaviour)
	case witness.Garbage, witness.Liar:
		w.soon(boot+w.choose.Pause(core.Second, tape.Behaviour), agenda.ServerSpeaks, slot, 0)
	case witness.Closer:
		w.soon(boot+w.choose.Delay(5*core.Second, tape.Behaviour), agenda.ServerCloses, slot, 0)
	}
	w.soon(boot, agenda.ServerStarts, slot, 0)
}

// drawServer draws every setting of a server.
func (w *World) drawServer(s *server, entry *core.ServiceConfig) {
	o := &w.o
	set := child.Settings{
		MaxUse: o.MaxUse, MaxIdle: core.Duration(o.MaxIdleMS) * core.Millisecond,
		AcceptLock: w.choose.Chance(o.AcceptLock, tape.Behaviour),
	}
	switch {
	case entry.Type == core.UnixDatagram:
		set.Skeleton, set.EarlyUnlock = child.Datagram, true
	case entry.Type == core.FIFO:
		set.Skeleton, set.EarlyUnlock = child.Trigger, true
	case w.choose.Chance(o.Concurrent, tape.Behaviour):
		set.Skeleton = child.Multi
		if w.choose.Below(2, tape.Behaviour) == 1 {
			set.Skeleton = child.EventDriven
		}
		set.Drain = w.choose.Below(2, tape.Behaviour) == 1
		if o.MaxClients > 0 {
			set.MaxClients = int32(w.choose.Below(uint32(o.MaxClients)+1, tape.Behaviour))
		}
	default:
		set.Skeleton = child.Single
	}
	if o.RetireMS > 0 && w.choose.Below(2, tape.Behaviour) == 1 {
		set.RetireAfter = core.Millisecond + w.choose.Delay(core.Duration(o.RetireMS)*core.Millisecond, tape.Behaviour)
	}
	if program := w.programs[s.p.Path]; program != nil {
		set.MaxUse, set.MaxIdle = program.maxUse, program.maxIdle
	}
	s.settings, s.conduct = set, contract.Conduct{Settings: set}
	s.lockKey = lockOf(entry)
	s.locks = set.AcceptLock && set.Skeleton != child.Multi && set.Skeleton != child.EventDriven
	s.machine.Reset(w.now, set)
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
	s := &w.servers[slot]
	var queue [16]child.EventKind
	queue[0] = first
	count := 1
	for i := 0; i < count; i++ {
		w.inChild = true
		actions := s.machine.Step(w.now, child.PlainEvent(queue[i]))
		w.inChild = false
		for k := range actions {
			answer := w.serve(s, actions[k])
			if !s.p.Alive() {
				return
			}
			if answer != child.EventNone && count < len(queue) {
				queue[count] = answer
				count++
			}
		}
		if broken, ok := s.machine.Check(); !ok {
			w.fail("assert-child", "generation %d: %s", s.p.Generation, broken)
			return
		}
	}
	w.armServer(s)
}

// serve carries out one action of a server and returns its immediate answer.
func (w *World) serve(s *server, a child.Action) child.EventKind {
	switch a.Kind {
	case child.Lock:
		return w.lock(s)
	case child.Unlock:
		w.unlock(s.p.Slot)
	case child.Watch:
		if s.locks && w.locks[s.lockKey] != s.p.Slot+1 {
			w.fail(Contract, "generation %d waits for a client without the accept lock", s.p.Generation)
		}
		s.watching = true
		for _, d := range s.p.FDs[wire.ListenFD:] {
			w.kernel.Await(s.p, d)
		}
	case child.Accept:
		return w.acceptFor(s)
	case child.Report:
		return w.report(s, a.Status)
	case child.Serve:
		// the session was begun by acceptFor
	case child.Exit:
		s.leaving = true
		w.exit(s.p.Slot, core.ExitedWith(a.Code))
	}
	return child.EventNone
}

// armServer keeps one happening in the schedule for the server's deadline, or
// an earlier one.
func (w *World) armServer(s *server) {
	when, ok := s.machine.Deadline()
	if !ok || s.timed && s.timerAt <= when {
		return
	}
	s.timerAt, s.timed = when, true
	w.soon(max(0, when.Sub(w.now)), agenda.ServerTimer, s.p.Slot, 0)
}

// serverHappens is what comes to a server from the schedule.
func (w *World) serverHappens(d *agenda.Due) {
	slot := d.Ref
	s := &w.servers[slot]
	if !s.p.Alive() {
		return
	}
	if s.p.Executing { // it begins when its program is executed
		w.stash = append(w.stash, *d)
		return
	}
	switch d.What {
	case agenda.ServerStarts:
		s.starts = true
		s.conduct.Ready(w.now)
		w.note(witness.ServerReady, noted{Generation: s.p.Generation})
		if status := s.p.StatusOf(); status != nil {
			w.kernel.Await(s.p, status)
		}
		w.server(slot, child.Started)
	case agenda.ServerReady:
		w.beReady(s)
	case agenda.ServerLocks:
		w.lockGranted(s)
	case agenda.ServerTimer:
		s.timed = false
		if !s.locking { // who blocks in the lock looks at the time afterwards
			w.server(slot, child.TimerExpired)
		}
	case agenda.ServerPassed:
		w.passedOver(s)
	case agenda.ServerServed:
		w.endSession(s, d.Arg)
	case agenda.RequestBegins:
		if w.sessions[d.Arg].slot == slot {
			w.server(slot, child.RequestBegan)
		}
	case agenda.RequestEnds:
		if w.sessions[d.Arg].slot == slot {
			w.server(slot, child.RequestEnded)
		}
	case agenda.RestWritten:
		w.writeRest(s)
	case agenda.ServerSpeaks:
		w.serverSpeaks(s)
	case agenda.ServerDies:
		w.exit(slot, core.ExitStatus(d.Arg))
	case agenda.ServerCloses:
		s.good = false
		if s.p.StatusOf() != nil {
			w.kernel.CloseFile(s.p, wire.StatusFD)
		}
	}
}

// seeCut lets the server notice that its channel is closed, as soon as its
// kind of server looks.
func (w *World) seeCut(s *server) {
	if s.behaviour == witness.DeafCut || !s.starts || s.locking || s.cutSeen {
		return
	}
	status := s.p.StatusOf()
	if status == nil || !status.Readable() {
		return
	}
	s.cutSeen = true
	w.kernel.Rest(s.p, status)
	for s.saying.unsent = 0; s.saying.waits > 0; s.saying.waits-- {
		w.server(s.p.Slot, child.ReportFailed)
		if !s.p.Alive() {
			return
		}
	}
	w.server(s.p.Slot, child.ChannelClosed)
}

// lock gets the accept lock, or waits for it.
func (w *World) lock(s *server) child.EventKind {
	holder := &w.locks[s.lockKey]
	if *holder == 0 {
		*holder = s.p.Slot + 1
		return child.LockGranted
	}
	s.locking = true
	return child.EventNone
}

// unlock gives the lock to one of those who wait for it.
func (w *World) unlock(slot int32) {
	s := &w.servers[slot]
	holder := &w.locks[s.lockKey]
	if *holder != slot+1 {
		return
	}
	*holder = 0
	first := int32(w.choose.Below(4, tape.Accept))
	for i := range int32(kernel.MaxProcesses) {
		next := (first + i) % kernel.MaxProcesses
		q := &w.servers[next]
		if q.locking && q.lockKey == s.lockKey && q.p.Alive() {
			*holder = next + 1
			w.soon(w.choose.Delay(core.Millisecond, tape.Accept), agenda.ServerLocks, next, 0)
			return
		}
	}
}

// lockGranted: now the server learns of what it missed while it was blocked.
func (w *World) lockGranted(s *server) {
	s.locking = false
	w.server(s.p.Slot, child.LockGranted)
	if !s.p.Alive() {
		return
	}
	if when, ok := s.machine.Deadline(); ok && when <= w.now {
		w.server(s.p.Slot, child.TimerExpired)
	}
	if s.p.Alive() {
		w.seeCut(s)
	}
}
