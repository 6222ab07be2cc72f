package sim

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// memory is what coverage remembers of services in a run.
type memory struct {
	last []core.EventKind // about each service
	said []string         // lines of the daemon's own that tell of something left undone
}

func (m *memory) reset() { m.last, m.said = m.last[:0], m.said[:0] }

// excuses are how lines begin by which the daemon says that something at a path was
// left undone.
var excuses = [...]string{"close listener ", "take back ", "remove the former ", "cannot put "}

// saidLimit bounds the lines that are remembered.
const saidLimit = 400

// line remembers a line of the daemon's own if it is an excuse.
func (m *memory) line(text string) {
	for _, excuse := range excuses {
		if strings.HasPrefix(text, excuse) && len(m.said) < saidLimit {
			m.said = append(m.said, text)
		}
	}
}

// cover counts one event by what the book knew before it.
func (w *World) cover(ev *core.Event) {
	w.meet(ev)
	c := &w.Coverage
	kind := ev.Kind % witness.CoverKinds
	s := w.book.ServiceOf(ev)
	if s == nil {
		c.EventState[kind][0]++
		return
	}
	for int(s.ID) >= len(w.memory.last) {
		w.memory.last = append(w.memory.last, core.EventNone)
	}
	last := &w.memory.last[s.ID]
	c.EventState[kind][w.book.State(s)%witness.CoverStates]++
	c.Pairs[*last%witness.CoverKinds][kind]++
	*last = ev.Kind
	shape := min(s.Total, 3) | min(s.Idle, 3)<<2 | min(s.Retired, 3)<<4 | min(s.Pending, 1)<<6
	for i, flag := range [5]bool{s.Throttled, s.Watched, s.WakeAt != 0, s.Stressed, s.Entry != nil && s.Entry.ProcessLimit > 0 && s.Total >= s.Entry.ProcessLimit} {
		if flag {
			shape |= 1 << (7 + i)
		}
	}
	c.Shapes[shape]++
}

// coverActions counts the actions of a step.
func (w *World) coverActions(actions []core.Action) {
	for i := range actions {
		a := &actions[i]
		w.Coverage.Actions[a.Kind%witness.CoverKinds]++
		switch a.Kind {
		case core.Log:
			w.Coverage.Logs[a.Code%witness.CoverCodes]++
		case core.ApplyConfig:
			w.daemon.commits = true
		case core.RetireChild:
			w.note(witness.ChannelCut, noted{Generation: a.Generation})
			w.cutOff(a.Generation)
		case core.MoveListener:
			if s := w.book.Service(a.To); s != nil && int(a.ToListener) < len(s.Endpoints) {
				w.moved = append(w.moved, s.Endpoints[a.ToListener])
			}
			w.met(witness.HandedOverWithClient, w.clientWaits(a.Service))
		}
	}
}

// meet counts the situations that an event makes, by what the book knew before it.
func (w *World) meet(ev *core.Event) {
	b := &w.book
	loading, opening := b.Reloading()
	reloading := loading || opening
	switch ev.Kind {
	case core.SignalReceived:
		w.meetSignal(ev.Signal, reloading)
	case core.ChildStarted, core.ChildStartFailed:
		w.meetStart(ev, reloading)
	case core.StatusReceived:
		w.meetStatus(ev)
	case core.ChildExited:
		w.meetExit(ev)
	case core.ListenerReady:
		if s := b.Service(ev.Service); s != nil && s.Life == laws.Active {
			w.met(witness.ReadyForNobody, !s.Watched || !w.clientWaits(s.ID))
			w.met(witness.StressDuringReload, reloading && s.Watched && stressAware(s.Entry) && s.Total+1 >= s.Entry.ProcessLimit)
		}
	case core.ListenerFailed:
		w.met(witness.RefusedWithListenersOpen, b.Epoch() > 0 && b.OpenedByReload() > 0)
	case core.TimerExpired:
		w.meetTimer()
	}
}

func (w *World) met(s witness.Situation, yes bool) {
	if yes {
		w.Coverage.Met[s]++
	}
}

func (w *World) meetSignal(sig core.Signal, reloading bool) {
	if sig != core.SIGHUP {
		if sig < core.SIGHUP || sig > core.SIGTERM || sig >= 10 && sig <= 12 {
			return
		}
		w.met(witness.EndDuringReload, reloading)
		for _, s := range w.book.Active() {
			w.met(witness.EndWithStartPending, s.Pending > 0)
		}
		return
	}
	w.met(witness.HangupDuringReload, reloading)
	for _, s := range w.book.Active() {
		w.met(witness.ReloadWhileThrottled, s.Throttled && w.clientWaits(s.ID))
	}
}

func (w *World) meetStart(ev *core.Event, reloading bool) {
	c := w.book.Child(ev.Generation)
	if c == nil {
		return
	}
	w.met(witness.StartDuringReload, reloading)
	w.met(witness.RemovedWithStart, c.Service.Life == laws.Removed)
	if ev.Kind != core.ChildStarted {
		return
	}
	w.met(witness.PIDReused, w.used[int(ev.PID)])
	w.used[int(ev.PID)] = true
	if p := w.kernel.ProcessOf(ev.PID); p != nil {
		w.met(witness.EndedUntold, p.Ended)
	}
}

func (w *World) meetStatus(ev *core.Event) {
	c := w.book.Child(ev.Generation)
	if c == nil {
		return
	}
	w.met(witness.ReportInFlightAtCut, c.Retired)
	w.met(witness.MessageInPieces, ev.N != wire.StatusSize)
	w.met(witness.ThrottledWithChildren, c.Service.Throttled)
}

func (w *World) meetExit(ev *core.Event) {
	c := w.book.Child(ev.Generation)
	if c == nil {
		return
	}
	s := c.Service
	w.met(witness.ThrottledWithChildren, s.Throttled)
	w.met(witness.LastIdleExitAgainstArrival, c.State == laws.Idle && !c.Retired && s.Idle == 1 && s.Life == laws.Active && w.clientWaits(s.ID))
}

func (w *World) meetTimer() {
	for _, s := range w.book.Active() {
		due := s.WakeAt != 0 && s.WakeAt <= w.now
		w.met(witness.WakeupWhileThrottled, due && s.Throttled && s.Release > w.now)
		w.met(witness.WakeupAtEndOfThrottle, due && s.Throttled && s.Release <= w.now)
		w.met(witness.TimerWithArrival, s.Watched && w.clientWaits(s.ID))
	}
}

// meetCommit counts what a configuration meets that has just come into force.
func (w *World) meetCommit() {
	b := &w.book
	for _, s := range b.Active() {
		kept := s.Added < b.Epoch()
		w.met(witness.ReturnWhileHeld, !kept && len(b.Removed()) > 0 && b.Held(s))
		w.met(witness.LimitBelowLiving, s.Entry.ProcessLimit > 0 && s.Total > s.Entry.ProcessLimit)
		w.met(witness.KeptWithClientWaiting, kept && w.clientWaits(s.ID))
	}
}

// noted is what a record of the world outside says, besides what happened.
type noted struct {
	Service    core.ServiceID
	Generation core.Generation
	PID        core.PID
	Client     int32
	Number     int64
}

// note counts what happens in the world outside, and keeps a record of it if
// anybody wants that.
func (w *World) note(h witness.Happened, n noted) {
	w.Coverage.Happened[h]++
	if w.trace != nil {
		w.trace.Add(witness.Record{
			Kind: witness.RecordWorld, Happened: h, Now: w.now, Step: w.stepsOfMachine,
			Service: n.Service, Generation: n.Generation, PID: n.PID, Client: n.Client, Number: n.Number,
		})
	}
}
