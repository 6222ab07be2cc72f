package model

import "github.com/stationmaster/stationmaster/core"

// timerExpired: everything whose time has come is done in this step. A timer
// that comes early, or twice, does nothing. When the time of -e is over, the
// process ends, and what else was due need not be done.
func (o *observation) timerExpired() {
	w, now := o.before, o.step.now
	first := len(o.demands)
	for _, s := range w.services {
		o.throttleDue(s)
		o.wakeupDue(s)
		o.killDue(s)
	}
	for _, c := range w.children {
		if at, ok := w.complainAt(c); ok && at <= now {
			o.mustLog(ruleChannel, "the line of the closed channel", line{
				code: core.LogChannelClosed, of: w.service(c.service), pid: c.pid,
			})
		}
	}
	for _, u := range w.wakeups {
		o.limitDue(u)
	}
	if at, ok := w.exitAt(); ok && at <= now {
		for i := first; i < len(o.demands); i++ {
			o.demands[i].must = false
		}
		o.mustLog(ruleExitTime, "the line of the exit time", line{code: core.LogExitTime})
		o.mustExit(ruleExitTime, "exit 0", 0, 0)
	}
}

func (o *observation) throttleDue(s *service) {
	if at, ok := o.before.throttledUntil(s); ok && at <= o.step.now {
		o.verbose("the line of the released throttle", line{code: core.LogThrottleReleased, of: s})
	}
}

// wakeupDue: due timers run in the order of their times, so that a throttle
// that ended before the wakeup does not swallow it, and one that ended after it
// does. At the same time either may be first.
func (o *observation) wakeupDue(s *service) {
	w, now := o.before, o.step.now
	at, ok := w.wakeAt(s)
	if !ok || at > now {
		return
	}
	until, throttled := w.throttledUntil(s)
	switch {
	case !throttled || until < at:
		o.mustWake(ruleWakeup, s.id, s.entry)
	case until == at:
		o.wake(o.may, ruleWakeup, &s.id, s.entry)
	}
}

// killDue: whoever is still alive gets SIGKILL, now and every grace again. The
// line is demanded the first time and allowed later.
func (o *observation) killDue(s *service) {
	at, ok := o.before.killAt(s)
	if !ok || at > o.step.now {
		return
	}
	for _, c := range o.before.children {
		if c.service != s.id || !c.lives() {
			continue
		}
		o.signal(ruleGrace, true, c, core.SIGKILL, "SIGKILL to the child of a removed service")
		l := line{code: core.LogRemovalKilled, of: s, pid: c.pid}
		if c.killed == never {
			o.mustLog(ruleGrace, "the line of the kill", l)
		} else {
			o.mayLog(ruleGrace, "the line of the kill", l)
		}
	}
}

// limitDue: a wakeup that is not out after its first limit has failed; one that
// nobody closed in the second is given up with its own line.
func (o *observation) limitDue(u *wakeup) {
	at, ok := o.before.limitOf(u)
	if !ok || at > o.step.now {
		return
	}
	s := o.before.service(u.service)
	o.must(ruleWakeLimit, s.id, core.CloseWakeup, "the wakeup given up", func(a *core.Action) bool {
		return a.Request == u.request
	})
	l := line{code: core.LogWakeupFailed, of: s, errno: core.ETIMEDOUT}
	if u.sent != never {
		l = line{code: core.LogWakeupTimeout, of: s}
	}
	if s.removed != never {
		o.mayLog(ruleWakeLimit, "the line of the wakeup given up", l)
		return
	}
	o.mustLog(ruleWakeLimit, "the line of the wakeup given up", l)
}
