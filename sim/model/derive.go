package model

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// settleDerived judges what follows from the state after the step: who is
// watched, who complains about the limit, and that a transaction moves on.
func settleDerived(o *verdict.Observation) *Violation {
	if o.After.Ended {
		return o.LeftOver(func(*core.Action) bool { return true })
	}
	first := len(o.Demands)
	for _, s := range o.After.Services {
		if s.Removed == past.Never {
			watching(o, s)
			complaining(o, s)
		}
	}
	for i := first; i < len(o.Demands); i++ {
		d := &o.Demands[i]
		if o.Serve(d); !d.Met {
			return &Violation{Rule: d.Rule, Service: d.Service, Want: d.What, Got: verdict.ShowKind(o.Step.Actions, d.Kind)}
		}
	}
	if v := o.LeftOver(func(*core.Action) bool { return true }); v != nil {
		return v
	}
	return checkProgress(o)
}

// watching demands the change that makes what is watched equal to what the
// formula wants, and no other.
func watching(o *verdict.Observation, s *past.Service) {
	was, want := o.Before.Watched(s), o.After.MustWatch(s)
	switch {
	case want && !was:
		o.Must(verdict.RuleWatch, s.Id, core.WatchListener, "the listener watched", func(a *core.Action) bool {
			return a.Service == s.Id
		})
	case was && !want:
		o.Must(verdict.RuleWatch, s.Id, core.IgnoreListener, "the listener ignored", func(a *core.Action) bool {
			return a.Service == s.Id
		})
	}
}

// standing is what a re-evaluation of listening looks at.
type standing struct {
	total, idle, starting int
	limit                 int32
	throttled             bool
}

func standingOf(w *past.World, s *past.Service) standing {
	_, throttled := w.ThrottledUntil(s)
	return standing{w.Total(s), w.Idle(s), w.Starting(s), s.Entry.ProcessLimit, throttled}
}

// complaining: a re-evaluation that finds the service at its limit, with all
// children busy, says so once in 1000 s, if the children get the stress
// argument (spec runtime, 8; quirks Q27).
func complaining(o *verdict.Observation, s *past.Service) {
	b := o.Before.Service(s.Id)
	evaluated := b == nil || o.After.CommitAt(len(o.Before.H)) != nil || standingOf(o.Before, b) != standingOf(o.After, s)
	now := standingOf(o.After, s)
	_, believed := o.After.BelievedUntil(s, len(o.After.H))
	if at, ok := o.Before.BelievedUntil(s, len(o.Before.H)); ok && o.Step.Ev.Kind == core.TimerExpired && at <= o.Step.Now {
		evaluated = true
	}
	if !evaluated || believed || now.throttled || now.idle > 0 || now.starting > 0 || !o.After.Full(s) || !past.StressAware(s.Entry) {
		return
	}
	if at, ok := o.Before.WarnedAt(s); ok && at.Add(past.WarnInterval) >= o.Step.Now {
		return
	}
	o.MustLog(verdict.RuleLimit, "the line of the limit", verdict.Line{
		Code: core.LogLimit, Of: s, Number: int64(s.Entry.ProcessLimit),
	})
	for _, code := range []core.LogCode{core.LogLimitRemedy, core.LogLimitHelp} {
		o.Must(verdict.RuleLimit, s.Id, core.Log, "the line that follows the limit", func(a *core.Action) bool {
			return a.Code == code && a.Level == verdict.Levels[code]
		})
	}
}

// checkProgress: a transaction whose configuration is known waits for a
// listener, or it is over.
func checkProgress(o *verdict.Observation) *Violation {
	t := o.After.Load
	if t == nil || t.Answered == past.Never {
		return nil
	}
	for _, op := range t.Openings {
		if op.Pending() {
			return nil
		}
	}
	return &Violation{
		Rule: verdict.RuleOpen, Want: "the next listener asked for", Got: verdict.ShowKind(o.Step.Actions, core.OpenListener),
	}
}

// dutyOfAdapter refuses events that no adapter may deliver, so that a wrong
// world is not taken for a wrong machine.
func dutyOfAdapter(o *verdict.Observation) *Violation {
	w, ev := o.Before, &o.Step.Ev
	if w.Ended {
		return nil
	}
	c, u := w.Child(ev.Generation), w.Wakeup(ev.Request)
	ok := true
	switch ev.Kind {
	case core.ConfigLoaded, core.ConfigRejected:
		t := w.Load
		ok = t != nil && t.Answered == past.Never && t.Request == ev.Request && ev.Config != nil
	case core.ListenerOpened, core.ListenerFailed:
		ok = w.Load != nil
		if ok {
			op := w.Load.Opening(ev.Service, int(ev.Listener))
			ok = op != nil && op.Pending()
		}
	case core.ChildStarted, core.ChildStartFailed:
		ok = c != nil && c.Starting() && c.Service == ev.Service
	case core.StatusReceived:
		ok = c != nil && c.Lives() && ev.N >= 1 && int(ev.N) <= len(ev.Bytes)
	case core.ChildChannelClosed:
		ok = c != nil && c.Lives() && c.Closed == past.Never && c.Retired == past.Never
	case core.ChildExited, core.ChildStopped:
		ok = ev.Generation == 0 || c != nil && c.Lives() && c.Pid == ev.PID
	case core.WakeupSent, core.WakeupFailed:
		ok = u != nil && u.Sent == past.Never && u.Over == past.Never
	case core.WakeupClosed:
		ok = u != nil && u.Sent != past.Never && u.Over == past.Never
	case core.SignalReceived, core.ListenerReady, core.TimerExpired:
	default:
		ok = false
	}
	if n := len(w.H); n > 0 && o.Step.Now < w.H[n-1].Now {
		ok = false
	}
	if ok {
		return nil
	}
	return &Violation{
		Rule: verdict.RuleAdapter, Service: ev.Service, Want: "an event that is due",
		Got: fmt.Sprintf("%v generation %d pid %d request %d at %d", ev.Kind, ev.Generation, ev.PID, ev.Request, o.Step.Now),
	}
}
