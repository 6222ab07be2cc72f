package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/laws"
)

// Situation is a meeting of two things at which managers of processes have
// gone wrong. Coverage counts how often runs came to each; one that a night
// never met shows a world too tame.
type Situation uint8

// The situations. What is meant by each stands in its name.
const (
	ReloadWhileThrottled Situation = iota
	ReportInFlightAtCut
	LastIdleExitAgainstArrival
	ReturnWhileHeld
	PIDReused
	LimitBelowLiving
	StartDuringReload
	RemovedWithStart
	EndedUntold
	ThrottledWithChildren
	HangupDuringReload
	RefusedWithListenersOpen
	HandedOverWithClient
	KeptWithClientWaiting
	StressDuringReload
	WakeupWhileThrottled
	WakeupAtEndOfThrottle
	EndDuringReload
	EndWithStartPending
	KilledAfterGrace
	DescendantSpoke
	ReadyForNobody
	MessageInPieces
	TimerWithArrival
	numSituations
)

var situationNames = [numSituations]string{
	ReloadWhileThrottled:       "a reload while throttled with a client waiting",
	ReportInFlightAtCut:        "a report in flight at the cut",
	LastIdleExitAgainstArrival: "the last idle exit against an arrival",
	ReturnWhileHeld:            "return of a removed service while held",
	PIDReused:                  "pid reuse",
	LimitBelowLiving:           "a limit lowered below the living",
	StartDuringReload:          "a start answered while a reload is under way",
	RemovedWithStart:           "a start answered after its service was removed",
	EndedUntold:                "a child ended before the master knows that it began",
	ThrottledWithChildren:      "a throttled service whose children report or exit",
	HangupDuringReload:         "a hangup while a reload is under way",
	RefusedWithListenersOpen:   "a reload undone after listeners were opened",
	HandedOverWithClient:       "a listener handed over with a client waiting",
	KeptWithClientWaiting:      "a reload of a kept service with a client waiting",
	StressDuringReload:         "the stress switch while a reload is under way",
	WakeupWhileThrottled:       "a wakeup due while throttled",
	WakeupAtEndOfThrottle:      "a wakeup due at the end of a throttle",
	EndDuringReload:            "the end while a reload is under way",
	EndWithStartPending:        "the end while a start is pending",
	KilledAfterGrace:           "a removed child that outlives the grace",
	DescendantSpoke:            "a descendant that reports after its parent's end",
	ReadyForNobody:             "a readiness whose client is gone",
	MessageInPieces:            "a status message in pieces",
	TimerWithArrival:           "a timer that is due when a client is waiting to be noticed",
}

// String returns the words of reports.
func (s Situation) String() string {
	if s < numSituations {
		return situationNames[s]
	}
	return "unknown"
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
			w.met(ReadyForNobody, !s.Watched || !w.clientWaits(s.ID))
			w.met(StressDuringReload, reloading && s.Watched && stressAware(s.Entry) && s.Total+1 >= s.Entry.ProcessLimit)
		}
	case core.ListenerFailed:
		w.met(RefusedWithListenersOpen, b.Epoch() > 0 && b.OpenedByReload() > 0)
	case core.TimerExpired:
		w.meetTimer()
	}
}

func (w *World) met(s Situation, yes bool) {
	if yes {
		w.Coverage.Met[s]++
	}
}

func (w *World) meetSignal(sig core.Signal, reloading bool) {
	if sig != core.SIGHUP {
		if sig < core.SIGHUP || sig > core.SIGTERM || sig >= 10 && sig <= 12 {
			return
		}
		w.met(EndDuringReload, reloading)
		for _, s := range w.book.Active() {
			w.met(EndWithStartPending, s.Pending > 0)
		}
		return
	}
	w.met(HangupDuringReload, reloading)
	for _, s := range w.book.Active() {
		w.met(ReloadWhileThrottled, s.Throttled && w.clientWaits(s.ID))
	}
}

func (w *World) meetStart(ev *core.Event, reloading bool) {
	c := w.book.Child(ev.Generation)
	if c == nil {
		return
	}
	w.met(StartDuringReload, reloading)
	w.met(RemovedWithStart, c.Service.Life == laws.Removed)
	if ev.Kind != core.ChildStarted {
		return
	}
	w.met(PIDReused, w.used[int(ev.PID)])
	w.used[int(ev.PID)] = true
	if p := w.kernel.ProcessOf(ev.PID); p != nil {
		w.met(EndedUntold, p.Ended)
	}
}

func (w *World) meetStatus(ev *core.Event) {
	c := w.book.Child(ev.Generation)
	if c == nil {
		return
	}
	w.met(ReportInFlightAtCut, c.Retired)
	w.met(MessageInPieces, ev.N != wire.StatusSize)
	w.met(ThrottledWithChildren, c.Service.Throttled)
}

func (w *World) meetExit(ev *core.Event) {
	c := w.book.Child(ev.Generation)
	if c == nil {
		return
	}
	s := c.Service
	w.met(ThrottledWithChildren, s.Throttled)
	w.met(LastIdleExitAgainstArrival, c.State == laws.Idle && !c.Retired && s.Idle == 1 && s.Life == laws.Active && w.clientWaits(s.ID))
}

func (w *World) meetTimer() {
	for _, s := range w.book.Active() {
		due := s.WakeAt != 0 && s.WakeAt <= w.now
		w.met(WakeupWhileThrottled, due && s.Throttled && s.Release > w.now)
		w.met(WakeupAtEndOfThrottle, due && s.Throttled && s.Release <= w.now)
		w.met(TimerWithArrival, s.Watched && w.clientWaits(s.ID))
	}
}

// meetCommit counts what a configuration meets that has just come into force.
func (w *World) meetCommit() {
	b := &w.book
	for _, s := range b.Active() {
		kept := s.Added < b.Epoch()
		w.met(ReturnWhileHeld, !kept && len(b.Removed()) > 0 && b.Held(s))
		w.met(LimitBelowLiving, s.Entry.ProcessLimit > 0 && s.Total > s.Entry.ProcessLimit)
		w.met(KeptWithClientWaiting, kept && w.clientWaits(s.ID))
	}
}
