package edges

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// Apply makes the state that follows from a move, in next. The law that is
// broken on the way, if any, is given.
func (x *Machines) Apply(s *layout.State, m Move, next *layout.State) Law {
	*next = *s
	if m.Fault {
		next.Faults--
	}
	if m.Kind < NumOwnMoves {
		x.own(next, m)
		return Holds
	}
	prepare(next, m, x.Fact(s.Machine))
	t := x.After(s.Machine, m.Key())
	if t.broken != 0 {
		next.Machine = t.To
		return x.broken[t.broken-1]
	}
	return x.carryOut(next, t)
}

// own is what happens without the machine.
func (x *Machines) own(s *layout.State, m Move) {
	if m.Kind == MoveArrive {
		s.Places[m.Who]++
		return
	}
	p := &s.Processes[m.Who]
	switch m.Kind {
	case MoveFork:
		living := uint8(s.Living())
		*p = p.In(layout.PhaseIdle)
		if living < s.Used {
			*p |= layout.BitReused
		} else {
			s.Used = living + 1
		}
	case MoveAccept:
		s.Places[p.Listener()]--
		*p = muted(p.In(layout.PhaseAccepted))
	case MoveTaken:
		*p = p.In(layout.PhaseServing).Push(layout.ReportTaken)
	case MoveFinish:
		if p.Has(layout.BitCut | layout.BitDeaf) {
			*p = p.Dead(layout.EndedWell) // the report fails, and the server leaves
		} else {
			*p = p.In(layout.PhaseIdle).Push(layout.ReportAvailable)
		}
	case MoveLeave:
		*p = p.Dead(layout.EndedWell)
	case MoveTERM, MoveKill:
		if p.Has(layout.BitHung) {
			*p = p.Dead(layout.EndedByKILL)
		} else {
			*p = p.Dead(layout.EndedByTERM)
		}
	case MoveCrash:
		*p = p.Dead(layout.EndedBadly)
	case MoveLie:
		*p = p.Push(layout.ReportFalse)
	case MoveLose:
		*p = p.Lose()
	case MoveClose:
		*p = muted((*p | layout.BitDeaf))
	case MoveHang:
		*p |= layout.BitHung
	}
}

// muted: a report that fails at once is no step of its own. Who has accepted
// and cannot tell serves already: nothing else can happen to it in between
// that cannot happen to it afterwards.
func muted(p layout.Process) layout.Process {
	if p.Phase() == layout.PhaseAccepted && p.Has(layout.BitCut|layout.BitDeaf) {
		return p.In(layout.PhaseServing)
	}
	return p
}

// prepare changes what the event itself says: the machine's part comes after.
func prepare(s *layout.State, m Move, f *Facts) {
	switch m.Kind {
	case MoveStarted:
		s.Processes[m.Who] = s.Processes[m.Who]&^layout.BitReused | layout.BitTold
	case MoveNoStart, MoveReap:
		s.Processes[m.Who] = 0
	case MoveReport, MovePartial:
		p := s.Processes[m.Who].Pop()
		if m.Kind == MoveReport {
			p = believed(p, m.What)
		}
		s.Processes[m.Who] = p
	case MoveTwice:
		s.Processes[m.Who] = believed(s.Processes[m.Who], m.What)
	case MoveHungUp:
		s.Processes[m.Who] |= layout.BitHungUp
	case MoveOpened:
		s.Places[m.Who] = s.Places[m.Who]&^layout.PlaceAsked | layout.PlaceOpen
	case MoveRefused:
		s.Places[m.Who] &^= layout.PlaceAsked
	case MoveHangup:
		s.Reloads--
		s.Again = s.Again || f.Loading
	case MoveLoad, MoveReject:
		s.Loading = false
	case MoveWakeupSent:
		w := s.Wakeups[m.Who]
		s.Wakeups[m.Who] = layout.WakeupSent.SentTo(w.Place())
		if f.Service[w.Place()].kind == core.FIFO {
			s.Wakeups[m.Who] = 0 // there is no connection that could be closed
		}
		if p := &s.Places[w.Place()]; p.Waiting() < int(layout.WaitingMask) {
			*p++ // the request is a client of the service
		}
	case MoveWakeupFailed, MoveWakeupClosed:
		s.Wakeups[m.Who] = 0
	}
}

// believed is what a delivered report says of the child; false ones say
// nothing.
func believed(p layout.Process, what uint8) layout.Process {
	switch {
	case what == StatusTaken:
		return p | layout.BitBusy
	case what == StatusAvailable && p.Has(layout.BitBusy):
		return p&^layout.BitBusy | layout.BitServed
	}
	return p
}

// stage is the world with what the step has made new, in the order of the
// effects' numbers.
type stage struct {
	s         *layout.State
	before    *Facts
	alone     bool
	shutdown  bool
	processes [16]layout.Process
	places    [16]layout.Place
	wakeups   [16]layout.Wakeup
}

// carryOut does what the machine asked for, and puts everything in the order
// in which the machine lists it now.
func (x *Machines) carryOut(s *layout.State, t *Transition) Law {
	g := stage{s: s, before: x.Fact(s.Machine), alone: x.World.Alone}
	copy(g.processes[:], s.Processes[:])
	copy(g.places[:], s.Places[:])
	copy(g.wakeups[:], s.Wakeups[:])
	after := x.Fact(t.To)
	for _, e := range x.Effects.Slice(int(t.First), int(t.Count)) {
		if broken := g.do(e, after); broken != Holds {
			return broken
		}
	}
	s.Machine = t.To
	s.Processes, s.Places, s.Wakeups = [layout.MaxChildren]layout.Process{}, [layout.MaxPlaces]layout.Place{}, [layout.MaxWakeups]layout.Wakeup{}
	var seat [16]uint8 // where a place stands now, plus one
	for i := range int(after.Services) {
		was := t.places >> (4 * i) & 15
		s.Places[i], g.places[was], seat[was] = g.places[was], 0, uint8(i+1)
	}
	for i := range int(after.Children) {
		was := t.Children >> (4 * i) & 15
		p := g.processes[was]
		g.processes[was] = 0
		if at := p.Listener(); at >= 0 {
			p = p.Listening(int(seat[at]) - 1)
		}
		s.Processes[i] = p
	}
	for i := range int(after.Wakeups) {
		was := t.wakeups >> (4 * i) & 15
		if w := g.wakeups[was]; w != 0 {
			s.Wakeups[i] = w.SentTo(int(seat[w.Place()]) - 1)
		}
		g.wakeups[was] = 0
	}
	if after.exited {
		return afterExit(s)
	}
	return g.agree(after)
}

// afterExit: after it nothing of the world matters any more but that it was in order.
func afterExit(s *layout.State) Law {
	*s = layout.State{Exited: true, Machine: s.Machine}
	return Holds
}

// agree compares what is left of the world with what the machine lists.
func (g *stage) agree(f *Facts) Law {
	for _, p := range g.processes {
		if p != 0 {
			return Law{"S2", "the machine lists every child that is there"}
		}
	}
	for _, p := range g.places {
		if p.Has(layout.PlaceOpen|layout.PlaceAsked) || p.Waiting() > 0 {
			return Law{"S9", "a listener belongs to a service, or is closed"}
		}
	}
	for _, w := range g.wakeups {
		if w != 0 {
			return Law{"L6", "a wakeup under way is known, or ended"}
		}
	}
	s := g.s
	if s.Again && !f.Loading {
		return Law{"L8", "a hangup during a reload begins another"}
	}
	for i := range int(f.Children) {
		p := s.Processes[i]
		switch {
		case p == 0:
			return Law{"S2", "every child that the machine lists is there"}
		case (p^f.expect[i])&layout.BitTold != 0:
			return Law{"S4", "a start is pending until its answer"}
		case (p^f.expect[i])&layout.BitCut != 0:
			return Law{"S8", "a child is retired exactly when its channel was cut"}
		case (p^f.expect[i])&expectMask != 0:
			return Law{"S6", "a child is idle or busy as its delivered reports say"}
		}
	}
	for i := range int(f.Services) {
		p, life := s.Places[i], f.Service[i].Life
		if life == LifeActive && !p.Has(layout.PlaceOpen) {
			return Law{"S8", "an active service keeps its open listener"}
		}
		if p.Has(layout.PlaceWatch) != f.Service[i].Watching {
			return Law{"S3", "the machine asks for what it means to watch"}
		}
		if life == LifeRemoved && p.Has(layout.PlaceOpen|layout.PlaceAsked) {
			return Law{"L3", "the listener of a removed service is closed"}
		}
	}
	for i := range int(f.Wakeups) {
		if s.Wakeups[i] == 0 {
			return Law{"L6", "a wakeup that the machine knows is under way"}
		}
	}
	return Holds
}

// do carries out one action.
func (g *stage) do(e Effect, after *Facts) Law {
	switch e.Kind {
	case core.LoadConfig:
		if g.s.Loading {
			return Law{"L8", "one configuration is asked for at a time"}
		}
		g.s.Loading, g.s.Again = true, false
	case core.StartChild:
		if g.processes[e.A] != 0 || !g.places[e.B].Has(layout.PlaceOpen) {
			return Law{"S9", "a child is started with an open listener"}
		}
		g.processes[e.A] = layout.PhaseAsked | layout.Process(0).Listening(int(e.B))
	case core.RetireChild:
		p := &g.processes[e.A]
		if !p.Has(layout.BitTold) || p.Has(layout.BitCut) {
			return Law{"S9", "a channel is cut that is open"}
		}
		*p = muted((*p | layout.BitCut))
	case core.SignalChild:
		return g.signal(e, after)
	case core.SignalGroup:
		g.shutdown = true
		if g.alone {
			return Holds // there is no group that it could reach
		}
		for i := range g.processes {
			g.processes[i] |= layout.BitTERM
		}
	case core.WakeService:
		g.wakeups[e.A] = layout.WakeupAsked.SentTo(int(e.B))
	case core.CloseWakeup:
		if g.wakeups[e.A] == 0 {
			return Law{"S9", "a wakeup is ended that is under way"}
		}
		g.wakeups[e.A] = 0
	case core.Exit:
		return g.exit()
	default:
		return g.listener(e, after)
	}
	return Holds
}

// signal states S10.
func (g *stage) signal(e Effect, after *Facts) Law {
	p := &g.processes[e.A]
	switch {
	case p.Phase() < layout.PhaseIdle || !p.Has(layout.BitTold) || !e.flag:
		return Law{"S10", "a signal goes to a living or unreaped child of ours, under its pid"}
	case !after.exited && g.before.Service[g.before.Of[e.A]].Life == LifeActive && !after.removed(g.before.Service[g.before.Of[e.A]].Slot):
		return Law{"S10", "children of active services get no signal"}
	case core.Signal(e.B) == core.SIGTERM:
		*p |= layout.BitTERM
	case core.Signal(e.B) == core.SIGKILL && p.Has(layout.BitTERM):
		*p |= layout.BitKILL
		if p.Alive() {
			*p = p.Dead(layout.EndedByKILL)
		}
	default:
		return Law{"S10", "SIGKILL follows SIGTERM, and nothing else is sent"}
	}
	return Holds
}

func (f *Facts) removed(slot uint8) bool {
	for i := range int(f.Services) {
		if f.Service[i].Life == LifeRemoved && f.Service[i].Slot == slot {
			return true
		}
	}
	return false
}

// exit states L5.
func (g *stage) exit() Law {
	for _, p := range g.processes {
		if g.shutdown && p.Phase() >= layout.PhaseIdle && p.Has(layout.BitTold) && !p.Has(layout.BitTERM) {
			return Law{"L5", "the end tells every child"}
		}
	}
	g.s.Exited = true
	return Holds
}

// listener carries out what concerns listeners.
func (g *stage) listener(e Effect, after *Facts) Law {
	p := &g.places[e.A]
	open := p.Has(layout.PlaceOpen)
	switch e.Kind {
	case core.OpenListener:
		if *p != 0 {
			return Law{"S9", "a listener is asked for once"}
		}
		*p = layout.PlaceAsked
		if e.flag {
			*p |= layout.PlaceAside
		}
		return Holds
	case core.CommitListener:
		if !open || !p.Has(layout.PlaceAside) {
			return Law{"S9", "only what was set aside is settled"}
		}
		*p &^= layout.PlaceAside
		return Holds
	case core.MoveListener:
		if !open || p.Has(layout.PlaceWatch) || g.places[e.B] != 0 {
			return Law{"S9", "an open listener that is not watched is handed over, once"}
		}
		g.places[e.B], *p = *p, 0
		g.follow(int(e.A), int(e.B))
		return Holds
	case core.WatchListener, core.IgnoreListener:
		if watch := e.Kind == core.WatchListener; !open || p.Has(layout.PlaceWatch) == watch {
			return Law{"S9", "an open listener is watched that is not, or ignored that is"}
		}
		*p ^= layout.PlaceWatch
		return Holds
	case core.CloseListener, core.AbandonListener:
		if !open || p.Has(layout.PlaceWatch) {
			return Law{"S9", "a listener is closed that is open and not watched"}
		}
		if p.Waiting() > 0 && after.kept(g.before.Service[e.A].Slot, g.before.Service[e.A].kind) {
			return Law{"S8", "no waiting connection is lost where the new configuration listens on the same socket"}
		}
		*p = 0
		g.follow(int(e.A), -1)
		return Holds
	}
	return Law{"S9", "the kind of action is known"}
}

// follow puts the children that share a listener in its place.
func (g *stage) follow(from, to int) {
	for i, p := range g.processes {
		if p.Listener() == from {
			g.processes[i] = p.Listening(to)
		}
	}
}

// kept reports whether an active service listens on the same kind of socket at
// the same path.
func (f *Facts) kept(slot uint8, kind core.ServiceType) bool {
	for i := range int(f.Services) {
		v := &f.Service[i]
		if v.Life == LifeActive && v.Slot == slot && (v.kind == core.FIFO) == (kind == core.FIFO) {
			return true
		}
	}
	return false
}
