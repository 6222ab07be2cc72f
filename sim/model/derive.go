package model

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// settleDerived judges what follows from the state after the step: who is
// watched, who complains about the limit, and that a transaction moves on.
func (o *observation) settleDerived() *Violation {
	if o.after.ended {
		return o.leftOver(func(*core.Action) bool { return true })
	}
	first := len(o.demands)
	for _, s := range o.after.services {
		if s.removed == never {
			o.watching(s)
			o.complaining(s)
		}
	}
	for i := first; i < len(o.demands); i++ {
		d := &o.demands[i]
		if o.serve(d); !d.met {
			return &Violation{Rule: d.rule, Service: d.service, Want: d.what, Got: showKind(o.step.actions, d.kind)}
		}
	}
	if v := o.leftOver(func(*core.Action) bool { return true }); v != nil {
		return v
	}
	return o.checkProgress()
}

// watching demands the change that makes what is watched equal to what the
// formula wants, and no other.
func (o *observation) watching(s *service) {
	was, want := o.before.watched(s), o.after.mustWatch(s)
	switch {
	case want && !was:
		o.must(ruleWatch, s.id, core.WatchListener, "the listener watched", func(a *core.Action) bool {
			return a.Service == s.id
		})
	case was && !want:
		o.must(ruleWatch, s.id, core.IgnoreListener, "the listener ignored", func(a *core.Action) bool {
			return a.Service == s.id
		})
	}
}

// standing is what a re-evaluation of listening looks at.
type standing struct {
	total, idle, starting int
	limit                 int32
	throttled             bool
}

func (w *world) standing(s *service) standing {
	_, throttled := w.throttledUntil(s)
	return standing{w.total(s), w.idle(s), w.starting(s), s.entry.ProcessLimit, throttled}
}

// complaining: a re-evaluation that finds the service at its limit, with all
// children busy, says so once in 1000 s, if the children get the stress
// argument (spec runtime, 8; quirks Q27).
func (o *observation) complaining(s *service) {
	b := o.before.service(s.id)
	evaluated := b == nil || o.after.commitAt(len(o.before.h)) != nil || o.before.standing(b) != o.after.standing(s)
	now := o.after.standing(s)
	_, believed := o.after.believedUntil(s, len(o.after.h))
	if at, ok := o.before.believedUntil(s, len(o.before.h)); ok && o.step.ev.Kind == core.TimerExpired && at <= o.step.now {
		evaluated = true
	}
	if !evaluated || believed || now.throttled || now.idle > 0 || now.starting > 0 || !o.after.full(s) || !stressAware(s.entry) {
		return
	}
	if at, ok := o.before.warnedAt(s); ok && at.Add(warnInterval) >= o.step.now {
		return
	}
	o.mustLog(ruleLimit, "the line of the limit", line{
		code: core.LogLimit, of: s, number: int64(s.entry.ProcessLimit),
	})
	for _, code := range []core.LogCode{core.LogLimitRemedy, core.LogLimitHelp} {
		o.must(ruleLimit, s.id, core.Log, "the line that follows the limit", func(a *core.Action) bool {
			return a.Code == code && a.Level == levels[code]
		})
	}
}

// checkProgress: a transaction whose configuration is known waits for a
// listener, or it is over.
func (o *observation) checkProgress() *Violation {
	t := o.after.load
	if t == nil || t.answered == never {
		return nil
	}
	for _, op := range t.openings {
		if op.pending() {
			return nil
		}
	}
	return &Violation{
		Rule: ruleOpen, Want: "the next listener asked for", Got: showKind(o.step.actions, core.OpenListener),
	}
}

// dutyOfAdapter refuses events that no adapter may deliver, so that a wrong
// world is not taken for a wrong machine.
func (o *observation) dutyOfAdapter() *Violation {
	w, ev := o.before, &o.step.ev
	if w.ended {
		return nil
	}
	c, u := w.child(ev.Generation), w.wakeup(ev.Request)
	ok := true
	switch ev.Kind {
	case core.ConfigLoaded, core.ConfigRejected:
		t := w.load
		ok = t != nil && t.answered == never && t.request == ev.Request && ev.Config != nil
	case core.ListenerOpened, core.ListenerFailed:
		ok = w.load != nil
		if ok {
			op := w.load.opening(ev.Service, int(ev.Listener))
			ok = op != nil && op.pending()
		}
	case core.ChildStarted, core.ChildStartFailed:
		ok = c != nil && c.starting() && c.service == ev.Service
	case core.StatusReceived:
		ok = c != nil && c.lives() && ev.N >= 1 && int(ev.N) <= len(ev.Bytes)
	case core.ChildChannelClosed:
		ok = c != nil && c.lives() && c.closed == never && c.retired == never
	case core.ChildExited, core.ChildStopped:
		ok = ev.Generation == 0 || c != nil && c.lives() && c.pid == ev.PID
	case core.WakeupSent, core.WakeupFailed:
		ok = u != nil && u.sent == never && u.over == never
	case core.WakeupClosed:
		ok = u != nil && u.sent != never && u.over == never
	case core.SignalReceived, core.ListenerReady, core.TimerExpired:
	default:
		ok = false
	}
	if n := len(w.h); n > 0 && o.step.now < w.h[n-1].now {
		ok = false
	}
	if ok {
		return nil
	}
	return &Violation{
		Rule: ruleAdapter, Service: ev.Service, Want: "an event that is due",
		Got: fmt.Sprintf("%v generation %d pid %d request %d at %d", ev.Kind, ev.Generation, ev.PID, ev.Request, o.step.now),
	}
}
