package osadapter

import (
	"math"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/internal/trigger"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// wakeup is one request under way. Time limits are the machine's.
type wakeup struct {
	attempt trigger.Attempt
}

func (x *Exec) wakeService(a *core.Action) {
	listener := sys.None
	if s := x.services[a.Service]; s != nil {
		for i := range s.listeners {
			if s.listeners[i].FD != sys.None {
				listener = s.listeners[i].FD
				break
			}
		}
	}
	attempt, e := trigger.Begin(x.k, a.Entry, listener)
	w := &wakeup{attempt: attempt}
	switch attempt.State {
	case trigger.Open, trigger.Connecting:
		connecting := attempt.State == trigger.Connecting
		if e := x.k.PollAdd(x.set, attempt.FD, key(keyWakeup, uint64(a.Request)), !connecting, connecting); e != 0 {
			w.attempt.Close(x.k)
			x.answer(core.WakeupFailedEvent(a.Request, e))
			return
		}
		x.wakeups[a.Request] = w
		if !connecting {
			x.answer(core.WakeupSentEvent(a.Request))
		}
	case trigger.Done:
		x.wakeupDone(a.Request, attempt.Type)
	default:
		x.answer(core.WakeupFailedEvent(a.Request, e))
	}
}

// limitWakeups closes the oldest wakeups while all of them together hold more
// descriptors than listeners and children leave, plus a quarter of those that the
// master has for itself. It does nothing if the limit on open files is unknown. A
// wakeup that no server reads holds its descriptors for up to 101 s, and each reload
// sends new ones: without a limit, quick reloads would leave none for a start. A
// server that accepts a closed one later still reads what was sent. One that could
// not be sent yet has failed for want of descriptors.
func (x *Exec) limitWakeups() {
	most := int(own(x.hooks.OpenFiles) / 4)
	for most > 0 {
		held, oldest := 0, core.Request(math.MaxUint64)
		for r, w := range x.wakeups {
			held += trigger.Cost(w.attempt.Type)
			oldest = min(oldest, r)
		}
		if held <= most || held <= most+x.unused() {
			return
		}
		answer := core.WakeupClosedEvent(oldest)
		if x.wakeups[oldest].attempt.State == trigger.Connecting {
			answer = core.WakeupFailedEvent(oldest, core.EMFILE)
		}
		x.closeWakeup(oldest)
		x.answer(answer)
	}
}

// unused returns how many descriptors listeners and children leave of those that are for
// them.
func (x *Exec) unused() int {
	left := int(Descriptors(x.hooks.OpenFiles)) - len(x.children) - len(x.launches)
	for _, s := range x.services {
		left -= len(s.listeners)
	}
	return max(left, 0)
}

// wakeupReady goes on with a connection that can be written to, or notes that
// the receiver of a sent wakeup has closed it.
func (x *Exec) wakeupReady(r core.Request) {
	w := x.wakeups[r]
	if w == nil {
		return
	}
	if w.attempt.State == trigger.Open {
		x.closeWakeup(r)
		x.answer(core.WakeupClosedEvent(r))
		return
	}
	e := w.attempt.Continue(x.k)
	switch w.attempt.State {
	case trigger.Open:
		if e := x.k.PollModify(x.set, w.attempt.FD, key(keyWakeup, uint64(r)), true, false); e != 0 {
			x.closeWakeup(r)
			x.answer(core.WakeupFailedEvent(r, e))
			return
		}
		x.answer(core.WakeupSentEvent(r))
	case trigger.Done:
		x.closeWakeup(r)
		x.wakeupDone(r, w.attempt.Type)
	case trigger.Failed:
		x.closeWakeup(r)
		x.answer(core.WakeupFailedEvent(r, e))
	}
}

// wakeupDone answers a request of which nothing is left. A connection has two
// answers, even if its end came at once.
func (x *Exec) wakeupDone(r core.Request, t core.ServiceType) {
	x.answer(core.WakeupSentEvent(r))
	if t != core.FIFO {
		x.answer(core.WakeupClosedEvent(r))
	}
}

func (x *Exec) closeWakeup(r core.Request) {
	if w := x.wakeups[r]; w != nil {
		x.unpoll(w.attempt.FD)
		w.attempt.Close(x.k)
		delete(x.wakeups, r)
	}
}
