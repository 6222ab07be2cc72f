package osadapter

import (
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
