package judge

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
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

// Line remembers a line of the daemon's own if it is an excuse.
func (m *memory) Line(text string) {
	for _, excuse := range excuses {
		if strings.HasPrefix(text, excuse) && len(m.said) < saidLimit {
			m.said = append(m.said, text)
		}
	}
}

// Cover counts one event by what the book knew before it.
func (w *World) Cover(ev *core.Event) {
	w.meet(ev)
	c := &w.Coverage
	kind := ev.Kind % witness.CoverKinds
	s := w.Book.ServiceOf(ev)
	if s == nil {
		c.EventState[kind][0]++
		return
	}
	for int(s.ID) >= len(w.Memory.last) {
		w.Memory.last = append(w.Memory.last, core.EventNone)
	}
	last := &w.Memory.last[s.ID]
	c.EventState[kind][w.Book.State(s)%witness.CoverStates]++
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

// CoverActions counts the actions of a step.
func (w *World) CoverActions(actions []core.Action) {
	for i := range actions {
		a := &actions[i]
		w.Coverage.Actions[a.Kind%witness.CoverKinds]++
		switch a.Kind {
		case core.Log:
			w.Coverage.Logs[a.Code%witness.CoverCodes]++
		case core.ApplyConfig:
			w.Daemon.Commits = true
		case core.RetireChild:
			w.Note(witness.ChannelCut, stage.Noted{Generation: a.Generation})
			w.CutOff(a.Generation)
		case core.MoveListener:
			if s := w.Book.Service(a.To); s != nil && int(a.ToListener) < len(s.Endpoints) {
				w.Moved = append(w.Moved, s.Endpoints[a.ToListener])
			}
			w.Met(witness.HandedOverWithClient, w.ClientWaits(a.Service))
		}
	}
}

// meet counts the situations that an event makes, by what the book knew before it.
func (w *World) meet(ev *core.Event) {
	b := &w.Book
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
			w.Met(witness.ReadyForNobody, !s.Watched || !w.ClientWaits(s.ID))
			w.Met(witness.StressDuringReload, reloading && s.Watched && stressAware(s.Entry) && s.Total+1 >= s.Entry.ProcessLimit)
		}
	case core.ListenerFailed:
		w.Met(witness.RefusedWithListenersOpen, b.Epoch() > 0 && b.OpenedByReload() > 0)
	case core.TimerExpired:
		w.meetTimer()
	}
}

func (w *World) meetSignal(sig core.Signal, reloading bool) {
	if sig != core.SIGHUP {
		if sig < core.SIGHUP || sig > core.SIGTERM || sig >= 10 && sig <= 12 {
			return
		}
		w.Met(witness.EndDuringReload, reloading)
		for _, s := range w.Book.Active() {
			w.Met(witness.EndWithStartPending, s.Pending > 0)
		}
		return
	}
	w.Met(witness.HangupDuringReload, reloading)
	for _, s := range w.Book.Active() {
		w.Met(witness.ReloadWhileThrottled, s.Throttled && w.ClientWaits(s.ID))
	}
}

func (w *World) meetStart(ev *core.Event, reloading bool) {
	c := w.Book.Child(ev.Generation)
	if c == nil {
		return
	}
	w.Met(witness.StartDuringReload, reloading)
	w.Met(witness.RemovedWithStart, c.Service.Life == laws.Removed)
	if ev.Kind != core.ChildStarted {
		return
	}
	w.Met(witness.PIDReused, w.Used[int(ev.PID)])
	w.Used[int(ev.PID)] = true
	if p := w.Kernel.ProcessOf(ev.PID); p != nil {
		w.Met(witness.EndedUntold, p.Ended)
	}
}

func (w *World) meetStatus(ev *core.Event) {
	c := w.Book.Child(ev.Generation)
	if c == nil {
		return
	}
	w.Met(witness.ReportInFlightAtCut, c.Retired)
	w.Met(witness.MessageInPieces, ev.N != wire.StatusSize)
	w.Met(witness.ThrottledWithChildren, c.Service.Throttled)
}

func (w *World) meetExit(ev *core.Event) {
	c := w.Book.Child(ev.Generation)
	if c == nil {
		return
	}
	s := c.Service
	w.Met(witness.ThrottledWithChildren, s.Throttled)
	w.Met(witness.LastIdleExitAgainstArrival, c.State == laws.Idle && !c.Retired && s.Idle == 1 && s.Life == laws.Active && w.ClientWaits(s.ID))
}

func (w *World) meetTimer() {
	for _, s := range w.Book.Active() {
		due := s.WakeAt != 0 && s.WakeAt <= w.Now
		w.Met(witness.WakeupWhileThrottled, due && s.Throttled && s.Release > w.Now)
		w.Met(witness.WakeupAtEndOfThrottle, due && s.Throttled && s.Release <= w.Now)
		w.Met(witness.TimerWithArrival, s.Watched && w.ClientWaits(s.ID))
	}
}

// MeetCommit counts what a configuration meets that has just come into force.
func (w *World) MeetCommit() {
	b := &w.Book
	for _, s := range b.Active() {
		kept := s.Added < b.Epoch()
		w.Met(witness.ReturnWhileHeld, !kept && len(b.Removed()) > 0 && b.Held(s))
		w.Met(witness.LimitBelowLiving, s.Entry.ProcessLimit > 0 && s.Total > s.Entry.ProcessLimit)
		w.Met(witness.KeptWithClientWaiting, kept && w.ClientWaits(s.ID))
	}
}
