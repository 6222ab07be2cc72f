package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// Behaviour is how a child lives, drawn at its birth (spec child, 9, and more).
type Behaviour uint8

// The behaviours.
const (
	Good       Behaviour = iota
	SlowStart            // long until its first use
	DieEarly             // dies before first use; an exec that fails late looks the same
	ExitEarly            // exits 0 before first use
	DieBusy              // dies in a session
	Silent               // never accepts, never reports
	TakenFirst           // reports taken before it accepts
	Liar                 // its messages tell of others
	Garbage              // writes nonsense now and then
	Drain                // forks in a session and leaves
	DeafTerm             // ignores SIGTERM
	DeafCut              // ignores the closed status channel
	Hog                  // holds a client for hours
	Closer               // closes its status channel and lives on
	SlowTerm             // takes seconds over SIGTERM, then exits 0
	DieIdle              // dies after a session, when it has told of its end
	Mute                 // serves and never reports
	NoProgram            // its program is missing: exit 1 after a second, as the original's children do
	numBehaviours
)

var behaviourNames = [numBehaviours]string{
	Good: "good", SlowStart: "slow-start", DieEarly: "die-early", ExitEarly: "exit-early", DieBusy: "die-busy",
	Silent: "silent", TakenFirst: "taken-first", Liar: "liar", Garbage: "garbage", Drain: "drain",
	DeafTerm: "deaf-term", DeafCut: "deaf-cut", Hog: "hog", Closer: "closer", SlowTerm: "slow-term",
	DieIdle: "die-idle", Mute: "mute", NoProgram: "no-program",
}

// String returns the word of traces.
func (b Behaviour) String() string {
	if b < numBehaviours {
		return behaviourNames[b]
	}
	return "unknown"
}

func (w *World) drawBehaviour() Behaviour {
	o := &w.o
	for i, rate := range [numBehaviours]int32{
		SlowStart: o.SlowStart, DieEarly: o.DieEarly, ExitEarly: o.ExitEarly, DieBusy: o.DieBusy, Silent: o.Silent,
		TakenFirst: o.TakenFirst, Liar: o.Liar, Garbage: o.Garbage, Drain: o.Drain, DeafTerm: o.DeafTerm,
		DeafCut: o.DeafCut, Hog: o.Hog, Closer: o.Closer, SlowTerm: o.SlowTerm,
		DieIdle: o.DieIdle, Mute: o.Mute, NoProgram: o.NoProgram,
	} {
		if w.choose.Chance(rate, tape.Behaviour) {
			return Behaviour(i)
		}
	}
	return Good
}

// birth draws who the new process is.
func (w *World) birth(s *server, entry *core.ServiceConfig) {
	slot := s.p.Slot
	b := w.drawBehaviour()
	if program := w.programs[s.p.Path]; program != nil {
		b = program.behaviour
	}
	s.behaviour, s.deaf = b, b == DeafTerm
	if b == Silent {
		s.deaf = w.choose.Below(2, tape.Behaviour) == 1
	}
	w.drawServer(s, entry)
	s.good = b == Good && s.settings.MaxIdle > 0
	boot := core.Millisecond/8 + w.choose.Delay(core.Duration(w.o.BootMS)*core.Millisecond, tape.Behaviour)
	switch b {
	case DieEarly:
		status := [4]core.ExitStatus{core.ExitedWith(1), core.KilledBy(core.SIGSEGV), core.ExitedWith(75), core.KilledBy(core.SIGTERM)}
		w.soon(boot, serverDies, slot, int32(status[w.choose.Below(4, tape.Behaviour)]))
		return
	case ExitEarly:
		w.soon(boot, serverDies, slot, int32(core.ExitedWith(0)))
		return
	case NoProgram:
		w.soon(core.Second, serverDies, slot, int32(core.ExitedWith(1)))
		return
	case Silent:
		return
	case DieBusy, DieIdle, Drain:
		s.diesAt = 1 + int32(w.choose.Below(3, tape.Behaviour))
	case SlowStart:
		boot += w.choose.Delay(100*core.Second, tape.Behaviour)
	case Garbage, Liar:
		w.soon(boot+w.choose.Pause(core.Second, tape.Behaviour), serverSpeaks, slot, 0)
	case Closer:
		w.soon(boot+w.choose.Delay(5*core.Second, tape.Behaviour), serverCloses, slot, 0)
	}
	w.soon(boot, serverStarts, slot, 0)
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
	s.settings, s.conduct = set, conduct{settings: set}
	s.lockKey = lockOf(entry)
	s.locks = set.AcceptLock && set.Skeleton != child.Multi && set.Skeleton != child.EventDriven
	s.machine.Reset(w.now, set)
}

// locksOfName is how many accept locks one name can have.
const locksOfName = 16 + inetIdentities

// lockOf returns the number of the accept lock of a service: its identity.
func lockOf(e *core.ServiceConfig) int32 {
	for i := range int32(maxNames) {
		if names.paths[i] != e.Path && names.others[i] != e.Path {
			continue
		}
		key := i * locksOfName
		switch {
		case e.Type != core.Inet && e.Canonical == names.public[i]:
			return key + int32(e.Type) + 8
		case e.Type != core.Inet:
			return key + int32(e.Type)
		}
		for k := range names.inet[i] {
			if names.inet[i][k] == e.Canonical {
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
	w.soon(max(0, when.Sub(w.now)), serverTimer, s.p.Slot, 0)
}

// serverHappens is what comes to a server from the schedule.
func (w *World) serverHappens(d *due) {
	slot := d.ref
	s := &w.servers[slot]
	if !s.p.Alive() {
		return
	}
	if s.p.Executing { // it begins when its program is executed
		w.stash = append(w.stash, *d)
		return
	}
	switch d.what {
	case serverStarts:
		s.starts = true
		s.conduct.ready(w.now)
		w.note(ServerReady, noted{Generation: s.p.Generation})
		if status := s.p.StatusOf(); status != nil {
			w.kernel.Await(s.p, status)
		}
		w.server(slot, child.Started)
	case serverReady:
		w.beReady(s)
	case serverLocks:
		w.lockGranted(s)
	case serverTimer:
		s.timed = false
		if !s.locking { // who blocks in the lock looks at the time afterwards
			w.server(slot, child.TimerExpired)
		}
	case serverPassed:
		w.passedOver(s)
	case serverServed:
		w.endSession(s, d.arg)
	case requestBegins:
		if w.sessions[d.arg].slot == slot {
			w.server(slot, child.RequestBegan)
		}
	case requestEnds:
		if w.sessions[d.arg].slot == slot {
			w.server(slot, child.RequestEnded)
		}
	case restWritten:
		w.writeRest(s)
	case serverSpeaks:
		w.serverSpeaks(s)
	case serverDies:
		w.exit(slot, core.ExitStatus(d.arg))
	case serverCloses:
		s.good = false
		if s.p.StatusOf() != nil {
			w.kernel.CloseFile(s.p, wire.StatusFD)
		}
	}
}

// seeCut lets the server notice that its channel is closed, as soon as its
// kind of server looks.
func (w *World) seeCut(s *server) {
	if s.behaviour == DeafCut || !s.starts || s.locking || s.cutSeen {
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
			w.soon(w.choose.Delay(core.Millisecond, tape.Accept), serverLocks, next, 0)
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
