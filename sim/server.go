package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
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

// String gives the word of traces.
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
		if w.choose.Chance(rate, PlaceBehaviour) {
			return Behaviour(i)
		}
	}
	return Good
}

// birth draws who the new process is.
func (w *World) birth(slot int32) {
	p := &w.kernel.processes[slot]
	b := w.drawBehaviour()
	p.behaviour, p.good, p.deaf = b, b == Good && w.o.MaxIdleMS > 0, b == DeafTerm
	if b == Silent {
		p.deaf = w.choose.Below(2, PlaceBehaviour) == 1
	}
	w.drawServer(p)
	boot := core.Millisecond/8 + w.choose.Delay(core.Duration(w.o.BootMS)*core.Millisecond, PlaceBehaviour)
	switch b {
	case DieEarly:
		status := [4]core.ExitStatus{core.ExitedWith(1), core.KilledBy(core.SIGSEGV), core.ExitedWith(75), core.KilledBy(core.SIGTERM)}
		w.soon(boot, serverDies, slot, int32(status[w.choose.Below(4, PlaceBehaviour)]))
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
		p.diesAt = 1 + int32(w.choose.Below(3, PlaceBehaviour))
	case SlowStart:
		boot += w.choose.Delay(100*core.Second, PlaceBehaviour)
	case Garbage, Liar:
		w.soon(boot+w.choose.Delay(core.Second, PlaceBehaviour), serverSpeaks, slot, 0)
	case Closer:
		w.soon(boot+w.choose.Delay(5*core.Second, PlaceBehaviour), serverCloses, slot, 0)
	}
	w.soon(boot, serverStarts, slot, 0)
}

func (w *World) drawServer(p *process) {
	s := child.Settings{
		MaxUse: w.o.MaxUse, MaxIdle: core.Duration(w.o.MaxIdleMS) * core.Millisecond,
		AcceptLock: w.choose.Chance(w.o.AcceptLock, PlaceBehaviour),
	}
	switch {
	case p.entry.Type == core.UnixDatagram:
		s.Skeleton, s.EarlyUnlock = child.Datagram, true
	case p.entry.Type == core.FIFO:
		s.Skeleton, s.EarlyUnlock = child.Trigger, true
	case w.choose.Chance(w.o.Concurrent, PlaceBehaviour):
		s.Skeleton = child.Multi
		if w.choose.Below(2, PlaceBehaviour) == 1 {
			s.Skeleton = child.EventDriven
		}
		s.Drain = w.choose.Below(2, PlaceBehaviour) == 1
	default:
		s.Skeleton = child.Single
	}
	p.skeleton = s.Skeleton
	p.lockKey = lockOf(p.entry)
	p.locks = s.AcceptLock && s.Skeleton != child.Multi && s.Skeleton != child.EventDriven
	p.server.Reset(w.now, s)
}

// lockOf gives the number of the accept lock of a service: its identity.
func lockOf(e *core.ServiceConfig) int32 {
	for i := range int32(maxNames) {
		if names.paths[i] != e.Path {
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
func (w *World) server(slot int32, first child.Event) {
	var queue [16]child.Event
	queue[0] = first
	count := 1
	for i := 0; i < count; i++ {
		p := &w.kernel.processes[slot]
		if p.state != processAlive {
			return
		}
		w.inChild = true
		actions := p.server.Step(w.now, queue[i])
		w.inChild = false
		for k := range actions {
			answer := w.serve(slot, actions[k])
			if p.state != processAlive {
				return
			}
			if answer != child.EventNone && count < len(queue) {
				queue[count] = child.PlainEvent(answer)
				count++
			}
		}
	}
	w.armServer(slot)
}

// serve carries out one action of a server and gives its immediate answer.
func (w *World) serve(slot int32, a child.Action) child.EventKind {
	p := &w.kernel.processes[slot]
	switch a.Kind {
	case child.Lock:
		return w.lock(slot)
	case child.Unlock:
		w.unlock(slot)
	case child.Watch:
		if p.locks && w.kernel.locks[p.lockKey] != slot+1 {
			w.fail(Contract, "generation %d waits for a client without the accept lock", p.generation)
		}
		p.watching = true
		if w.clientFor(p) >= 0 {
			w.wakeServer(slot)
		}
	case child.Accept:
		return w.acceptFor(slot)
	case child.Report:
		return w.report(slot, a.Status)
	case child.Serve:
		// the session was begun by acceptFor
	case child.Exit:
		w.exit(slot, core.ExitedWith(a.Code))
	}
	return child.EventNone
}

// armServer keeps one happening in the schedule for the server's deadline, or
// an earlier one.
func (w *World) armServer(slot int32) {
	p := &w.kernel.processes[slot]
	when, ok := p.server.Deadline()
	if !ok || p.timerAt != 0 && p.timerAt <= when {
		return
	}
	p.timerAt = when
	w.soon(max(0, when.Sub(w.now)), serverTimer, slot, 0)
}

// serverHappens is what comes to a server from the schedule.
func (w *World) serverHappens(d *due) {
	slot := d.ref
	p := &w.kernel.processes[slot]
	if p.state != processAlive {
		return
	}
	switch d.what {
	case serverStarts:
		p.starts = true
		w.note(ServerReady, noted{Generation: p.generation})
		w.server(slot, child.PlainEvent(child.Started))
		if p.channel.cut && !p.cutSeen {
			w.seeCut(slot)
		}
	case serverReady:
		w.beReady(slot)
	case serverLocks:
		w.lockGranted(slot)
	case serverTimer:
		p.timerAt = 0
		if !p.locking { // who blocks in the lock looks at the time afterwards
			w.server(slot, child.PlainEvent(child.TimerExpired))
		}
	case serverCut:
		w.seeCut(slot)
	case serverServed:
		w.endSession(slot, d.arg)
	case requestBegins:
		w.server(slot, child.PlainEvent(child.RequestBegan))
	case requestEnds:
		w.server(slot, child.PlainEvent(child.RequestEnded))
	case serverSpeaks:
		w.serverSpeaks(slot)
	case serverDies:
		w.exit(slot, core.ExitStatus(d.arg))
	case serverCloses:
		p.channel.closed, p.good = true, false
		w.noticeStatus(slot)
	}
}

// seeCut lets the server notice that its channel is closed, as soon as its
// kind of server looks.
func (w *World) seeCut(slot int32) {
	p := &w.kernel.processes[slot]
	if p.behaviour == DeafCut || !p.starts || p.locking {
		return
	}
	p.cutSeen = true
	for ; p.channel.waits > 0; p.channel.waits-- {
		w.server(slot, child.PlainEvent(child.ReportFailed))
	}
	if p.state == processAlive {
		w.server(slot, child.PlainEvent(child.ChannelClosed))
	}
}

// lock gets the accept lock, or waits for it.
func (w *World) lock(slot int32) child.EventKind {
	p := &w.kernel.processes[slot]
	holder := &w.kernel.locks[p.lockKey]
	if *holder == 0 {
		*holder = slot + 1
		return child.LockGranted
	}
	p.locking = true
	return child.EventNone
}

// unlock gives the lock to one of those who wait for it.
func (w *World) unlock(slot int32) {
	p := &w.kernel.processes[slot]
	holder := &w.kernel.locks[p.lockKey]
	if *holder != slot+1 {
		return
	}
	*holder = 0
	n := int32(len(w.kernel.processes))
	first := int32(w.choose.Below(4, PlaceAccept))
	for i := range n {
		next := (first + i) % n
		q := &w.kernel.processes[next]
		if q.state == processAlive && q.locking && q.lockKey == p.lockKey {
			*holder = next + 1
			w.soon(w.choose.Delay(core.Millisecond, PlaceAccept), serverLocks, next, 0)
			return
		}
	}
}

// lockGranted: now the server learns of what it missed while it was blocked.
func (w *World) lockGranted(slot int32) {
	p := &w.kernel.processes[slot]
	p.locking = false
	w.server(slot, child.PlainEvent(child.LockGranted))
	if p.state != processAlive {
		return
	}
	if when, ok := p.server.Deadline(); ok && when <= w.now {
		w.server(slot, child.PlainEvent(child.TimerExpired))
	}
	if p.state == processAlive && p.channel.cut && !p.cutSeen {
		w.seeCut(slot)
	}
}
