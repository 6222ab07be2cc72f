package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
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

// String gives the words of reports.
func (s Situation) String() string {
	if s < numSituations {
		return situationNames[s]
	}
	return "unknown"
}

// meet counts the situations that an event makes, before anybody has seen it.
func (w *World) meet(ev *core.Event) {
	b := &w.book
	reloading := b.reload.loading || b.reload.opening
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
		if s := b.service(ev.Service); s != nil && s.life == bookActive {
			w.met(ReadyForNobody, !s.watched || !w.readable(w.service(ev.Service)))
			w.met(StressDuringReload, reloading && s.watched && s.lastSlot())
		}
	case core.ListenerFailed:
		for i := range b.reload.opened {
			w.met(RefusedWithListenersOpen, b.epoch > 0 && b.reload.opened[i].open)
		}
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
	b := &w.book
	if sig != core.SIGHUP {
		if sig < core.SIGHUP || sig > core.SIGTERM || sig >= 10 && sig <= 12 {
			return
		}
		w.met(EndDuringReload, reloading)
		for _, id := range b.active {
			w.met(EndWithStartPending, b.services[id].pending > 0)
		}
		return
	}
	w.met(HangupDuringReload, reloading)
	for _, id := range b.active {
		w.met(ReloadWhileThrottled, b.services[id].throttled && w.clientWaits(id))
	}
}

func (w *World) clientWaits(id core.ServiceID) bool {
	return int(id) < len(w.services) && w.readable(&w.services[id])
}

func (w *World) meetStart(ev *core.Event, reloading bool) {
	c := w.book.child(ev.Generation)
	if c == nil {
		return
	}
	w.met(StartDuringReload, reloading)
	w.met(RemovedWithStart, w.book.services[c.service].life == bookRemoved)
	if ev.Kind == core.ChildStarted && int(ev.PID) < len(w.kernel.used) {
		w.met(PIDReused, w.kernel.used[ev.PID])
		w.kernel.used[ev.PID] = true
	}
}

func (w *World) meetStatus(ev *core.Event) {
	c := w.book.child(ev.Generation)
	if c == nil {
		return
	}
	w.met(ReportInFlightAtCut, c.retired)
	w.met(MessageInPieces, ev.N != wire.StatusSize)
	w.met(ThrottledWithChildren, w.book.services[c.service].throttled)
}

func (w *World) meetExit(ev *core.Event) {
	c := w.book.child(ev.Generation)
	if c == nil {
		return
	}
	s := &w.book.services[c.service]
	w.met(ThrottledWithChildren, s.throttled)
	w.met(LastIdleExitAgainstArrival, c.state == bookIdle && !c.retired && s.idle == 1 && s.life == bookActive && w.clientWaits(c.service))
}

func (w *World) meetTimer() {
	for _, id := range w.book.active {
		s := &w.book.services[id]
		due := s.wakeAt != 0 && s.wakeAt <= w.now
		w.met(WakeupWhileThrottled, due && s.throttled && s.until > w.now)
		w.met(WakeupAtEndOfThrottle, due && s.throttled && s.until <= w.now)
		w.met(TimerWithArrival, s.watched && w.clientWaits(id))
	}
}

// meetCommit counts what a configuration meets that has just come into force.
func (w *World) meetCommit() {
	b := &w.book
	for _, id := range b.active {
		s := &b.services[id]
		kept := s.added < b.epoch
		w.met(ReturnWhileHeld, !kept && len(b.removed) > 0 && b.held(s))
		w.met(LimitBelowLiving, s.entry.ProcessLimit > 0 && s.total > s.entry.ProcessLimit)
		w.met(KeptWithClientWaiting, kept && w.clientWaits(id))
	}
}
