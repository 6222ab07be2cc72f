package explore

import "github.com/stationmaster/stationmaster/core"

// apply makes the state that follows from a move, in next. The law that is
// broken on the way, if any, is given.
func (x *machines) apply(s *state, m move, next *state) Law {
	*next = *s
	if m.fault {
		next.faults--
	}
	if m.kind < numOwnMoves {
		x.own(next, m)
		return holds
	}
	next.prepare(m, x.fact(s.machine))
	t := x.after(s.machine, m.key())
	if t.broken != 0 {
		next.machine = t.to
		return x.broken[t.broken-1]
	}
	return x.carryOut(next, t)
}

// own is what happens without the machine.
func (x *machines) own(s *state, m move) {
	if m.kind == moveArrive {
		s.places[m.who]++
		return
	}
	p := &s.processes[m.who]
	switch m.kind {
	case moveFork:
		living := uint8(s.living())
		*p = p.in(phaseIdle)
		if living < s.used {
			*p |= bitReused
		} else {
			s.used = living + 1
		}
	case moveAccept:
		s.places[p.listener()]--
		*p = p.in(phaseAccepted).muted()
	case moveTaken:
		*p = p.in(phaseServing).push(reportTaken)
	case moveFinish:
		if p.has(bitCut | bitDeaf) {
			*p = p.dead(endedWell) // the report fails, and the server leaves
		} else {
			*p = p.in(phaseIdle).push(reportAvailable)
		}
	case moveLeave:
		*p = p.dead(endedWell)
	case moveTERM, moveKill:
		if p.has(bitHung) {
			*p = p.dead(endedByKILL)
		} else {
			*p = p.dead(endedByTERM)
		}
	case moveCrash:
		*p = p.dead(endedBadly)
	case moveLie:
		*p = p.push(reportFalse)
	case moveLose:
		*p = p.lose()
	case moveClose:
		*p = (*p | bitDeaf).muted()
	case moveHang:
		*p |= bitHung
	}
}

// muted: a report that fails at once is no step of its own. Who has accepted
// and cannot tell serves already: nothing else can happen to it in between
// that cannot happen to it afterwards.
func (p process) muted() process {
	if p.phase() == phaseAccepted && p.has(bitCut|bitDeaf) {
		return p.in(phaseServing)
	}
	return p
}

// prepare changes what the event itself says: the machine's part comes after.
func (s *state) prepare(m move, f *facts) {
	switch m.kind {
	case moveStarted:
		s.processes[m.who] = s.processes[m.who]&^bitReused | bitTold
	case moveNoStart, moveReap:
		s.processes[m.who] = 0
	case moveReport, movePartial:
		p := s.processes[m.who].pop()
		if m.kind == moveReport {
			p = p.believed(m.what)
		}
		s.processes[m.who] = p
	case moveTwice:
		s.processes[m.who] = s.processes[m.who].believed(m.what)
	case moveHungUp:
		s.processes[m.who] |= bitHungUp
	case moveOpened:
		s.places[m.who] = s.places[m.who]&^placeAsked | placeOpen
	case moveRefused:
		s.places[m.who] &^= placeAsked
	case moveHangup:
		s.reloads--
		s.again = s.again || f.loading
	case moveLoad, moveReject:
		s.loading = false
	case moveWakeupSent:
		w := s.wakeups[m.who]
		s.wakeups[m.who] = wakeupSent.sentTo(w.place())
		if f.service[w.place()].kind == core.FIFO {
			s.wakeups[m.who] = 0 // there is no connection that could be closed
		}
		if p := &s.places[w.place()]; p.waiting() < int(waitingMask) {
			*p++ // the request is a client of the service
		}
	case moveWakeupFailed, moveWakeupClosed:
		s.wakeups[m.who] = 0
	}
}

// believed is what a delivered report says of the child; false ones say
// nothing.
func (p process) believed(what uint8) process {
	switch {
	case what == statusTaken:
		return p | bitBusy
	case what == statusAvailable && p.has(bitBusy):
		return p&^bitBusy | bitServed
	}
	return p
}

// stage is the world with what the step has made new, in the order of the
// effects' numbers.
type stage struct {
	s         *state
	before    *facts
	alone     bool
	shutdown  bool
	processes [16]process
	places    [16]place
	wakeups   [16]wakeup
}

// carryOut does what the machine asked for, and puts everything in the order
// in which the machine lists it now.
func (x *machines) carryOut(s *state, t *transition) Law {
	g := stage{s: s, before: x.fact(s.machine), alone: x.world.Alone}
	copy(g.processes[:], s.processes[:])
	copy(g.places[:], s.places[:])
	copy(g.wakeups[:], s.wakeups[:])
	after := x.fact(t.to)
	for _, e := range x.effects.slice(int(t.first), int(t.count)) {
		if broken := g.do(e, after); broken != holds {
			return broken
		}
	}
	s.machine = t.to
	s.processes, s.places, s.wakeups = [maxChildren]process{}, [maxPlaces]place{}, [maxWakeups]wakeup{}
	var seat [16]uint8 // where a place stands now, plus one
	for i := range int(after.services) {
		was := t.places >> (4 * i) & 15
		s.places[i], g.places[was], seat[was] = g.places[was], 0, uint8(i+1)
	}
	for i := range int(after.children) {
		was := t.children >> (4 * i) & 15
		p := g.processes[was]
		g.processes[was] = 0
		if at := p.listener(); at >= 0 {
			p = p.listening(int(seat[at]) - 1)
		}
		s.processes[i] = p
	}
	for i := range int(after.wakeups) {
		was := t.wakeups >> (4 * i) & 15
		if w := g.wakeups[was]; w != 0 {
			s.wakeups[i] = w.sentTo(int(seat[w.place()]) - 1)
		}
		g.wakeups[was] = 0
	}
	if after.exited {
		return s.end()
	}
	return g.agree(after)
}

// end: after it nothing of the world matters any more but that it was in order.
func (s *state) end() Law {
	*s = state{exited: true, machine: s.machine}
	return holds
}

// agree compares what is left of the world with what the machine lists.
func (g *stage) agree(f *facts) Law {
	for _, p := range g.processes {
		if p != 0 {
			return Law{"S2", "the machine lists every child that is there"}
		}
	}
	for _, p := range g.places {
		if p.has(placeOpen|placeAsked) || p.waiting() > 0 {
			return Law{"S9", "a listener belongs to a service, or is closed"}
		}
	}
	for _, w := range g.wakeups {
		if w != 0 {
			return Law{"L6", "a wakeup under way is known, or ended"}
		}
	}
	s := g.s
	if s.again && !f.loading {
		return Law{"L8", "a hangup during a reload begins another"}
	}
	for i := range int(f.children) {
		p := s.processes[i]
		switch {
		case p == 0:
			return Law{"S2", "every child that the machine lists is there"}
		case (p^f.expect[i])&bitTold != 0:
			return Law{"S4", "a start is pending until its answer"}
		case (p^f.expect[i])&bitCut != 0:
			return Law{"S8", "a child is retired exactly when its channel was cut"}
		case (p^f.expect[i])&expectMask != 0:
			return Law{"S6", "a child is idle or busy as its delivered reports say"}
		}
	}
	for i := range int(f.services) {
		p, life := s.places[i], f.service[i].life
		if life == lifeActive && !p.has(placeOpen) {
			return Law{"S8", "an active service keeps its open listener"}
		}
		if p.has(placeWatch) != f.service[i].watching {
			return Law{"S3", "the machine asks for what it means to watch"}
		}
		if life == lifeRemoved && p.has(placeOpen|placeAsked) {
			return Law{"L3", "the listener of a removed service is closed"}
		}
	}
	for i := range int(f.wakeups) {
		if s.wakeups[i] == 0 {
			return Law{"L6", "a wakeup that the machine knows is under way"}
		}
	}
	return holds
}

// do carries out one action.
func (g *stage) do(e effect, after *facts) Law {
	switch e.kind {
	case core.LoadConfig:
		if g.s.loading {
			return Law{"L8", "one configuration is asked for at a time"}
		}
		g.s.loading, g.s.again = true, false
	case core.StartChild:
		if g.processes[e.a] != 0 || !g.places[e.b].has(placeOpen) {
			return Law{"S9", "a child is started with an open listener"}
		}
		g.processes[e.a] = phaseAsked | process(0).listening(int(e.b))
	case core.RetireChild:
		p := &g.processes[e.a]
		if !p.has(bitTold) || p.has(bitCut) {
			return Law{"S9", "a channel is cut that is open"}
		}
		*p = (*p | bitCut).muted()
	case core.SignalChild:
		return g.signal(e, after)
	case core.SignalGroup:
		g.shutdown = true
		if g.alone {
			return holds // there is no group that it could reach
		}
		for i := range g.processes {
			g.processes[i] |= bitTERM
		}
	case core.WakeService:
		g.wakeups[e.a] = wakeupAsked.sentTo(int(e.b))
	case core.CloseWakeup:
		if g.wakeups[e.a] == 0 {
			return Law{"S9", "a wakeup is ended that is under way"}
		}
		g.wakeups[e.a] = 0
	case core.Exit:
		return g.exit()
	default:
		return g.listener(e, after)
	}
	return holds
}

// signal states S10.
func (g *stage) signal(e effect, after *facts) Law {
	p := &g.processes[e.a]
	switch {
	case p.phase() < phaseIdle || !p.has(bitTold) || !e.flag:
		return Law{"S10", "a signal goes to a living or unreaped child of ours, under its pid"}
	case !after.exited && g.before.service[g.before.of[e.a]].life == lifeActive && !after.removed(g.before.service[g.before.of[e.a]].slot):
		return Law{"S10", "children of active services get no signal"}
	case core.Signal(e.b) == core.SIGTERM:
		*p |= bitTERM
	case core.Signal(e.b) == core.SIGKILL && p.has(bitTERM):
		*p |= bitKILL
		if p.alive() {
			*p = p.dead(endedByKILL)
		}
	default:
		return Law{"S10", "SIGKILL follows SIGTERM, and nothing else is sent"}
	}
	return holds
}

func (f *facts) removed(slot uint8) bool {
	for i := range int(f.services) {
		if f.service[i].life == lifeRemoved && f.service[i].slot == slot {
			return true
		}
	}
	return false
}

// exit states L5.
func (g *stage) exit() Law {
	for _, p := range g.processes {
		if g.shutdown && p.phase() >= phaseIdle && p.has(bitTold) && !p.has(bitTERM) {
			return Law{"L5", "the end tells every child"}
		}
	}
	g.s.exited = true
	return holds
}

// listener carries out what concerns listeners.
func (g *stage) listener(e effect, after *facts) Law {
	p := &g.places[e.a]
	open := p.has(placeOpen)
	switch e.kind {
	case core.OpenListener:
		if *p != 0 {
			return Law{"S9", "a listener is asked for once"}
		}
		*p = placeAsked
		if e.flag {
			*p |= placeAside
		}
		return holds
	case core.CommitListener:
		if !open || !p.has(placeAside) {
			return Law{"S9", "only what was set aside is settled"}
		}
		*p &^= placeAside
		return holds
	case core.MoveListener:
		if !open || p.has(placeWatch) || g.places[e.b] != 0 {
			return Law{"S9", "an open listener that is not watched is handed over, once"}
		}
		g.places[e.b], *p = *p, 0
		g.follow(int(e.a), int(e.b))
		return holds
	case core.WatchListener, core.IgnoreListener:
		if watch := e.kind == core.WatchListener; !open || p.has(placeWatch) == watch {
			return Law{"S9", "an open listener is watched that is not, or ignored that is"}
		}
		*p ^= placeWatch
		return holds
	case core.CloseListener, core.AbandonListener:
		if !open || p.has(placeWatch) {
			return Law{"S9", "a listener is closed that is open and not watched"}
		}
		if p.waiting() > 0 && after.kept(g.before.service[e.a].slot, g.before.service[e.a].kind) {
			return Law{"S8", "no waiting connection is lost where the new configuration listens on the same socket"}
		}
		*p = 0
		g.follow(int(e.a), -1)
		return holds
	}
	return Law{"S9", "the kind of action is known"}
}

// follow gives the children that share a listener their place with it.
func (g *stage) follow(from, to int) {
	for i, p := range g.processes {
		if p.listener() == from {
			g.processes[i] = p.listening(to)
		}
	}
}

// kept tells whether an active service listens on the same kind of socket at
// the same path.
func (f *facts) kept(slot uint8, kind core.ServiceType) bool {
	for i := range int(f.services) {
		v := &f.service[i]
		if v.life == lifeActive && v.slot == slot && (v.kind == core.FIFO) == (kind == core.FIFO) {
			return true
		}
	}
	return false
}
