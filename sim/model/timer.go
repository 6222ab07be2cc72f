package model

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// timerExpired: everything whose time has come is done in this step. A timer
// that comes early, or twice, does nothing. When the time of -e is over, the
// process ends, and what else was due need not be done.
func timerExpired(o *verdict.Observation) {
	w, now := o.Before, o.Step.Now
	first := len(o.Demands)
	for _, s := range w.Services {
		throttleDue(o, s)
		wakeupDue(o, s)
		killDue(o, s)
	}
	for _, c := range w.Children {
		if at, ok := w.ComplainAt(c); ok && at <= now {
			o.MustLog(verdict.RuleChannel, "the line of the closed channel", verdict.Line{
				Code: core.LogChannelClosed, Of: w.Service(c.Service), Pid: c.Pid,
			})
		}
	}
	for _, u := range w.Wakeups {
		limitDue(o, u)
	}
	if at, ok := w.ExitAt(); ok && at <= now {
		for i := first; i < len(o.Demands); i++ {
			o.Demands[i].Must = false
		}
		o.MustLog(verdict.RuleExitTime, "the line of the exit time", verdict.Line{Code: core.LogExitTime})
		mustExit(o, verdict.RuleExitTime, "exit 0", 0, 0)
	}
}

func throttleDue(o *verdict.Observation, s *past.Service) {
	if at, ok := o.Before.ThrottledUntil(s); ok && at <= o.Step.Now {
		o.Verbose("the line of the released throttle", verdict.Line{Code: core.LogThrottleReleased, Of: s})
	}
}

// wakeupDue: due timers run in the order of their times, so that a throttle
// that ended before the wakeup does not swallow it, and one that ended after it
// does. At the same time either may be first.
func wakeupDue(o *verdict.Observation, s *past.Service) {
	w, now := o.Before, o.Step.Now
	at, ok := w.WakeAt(s)
	if !ok || at > now {
		return
	}
	until, throttled := w.ThrottledUntil(s)
	switch {
	case !throttled || until < at:
		mustWake(o, verdict.RuleWakeup, s.Id, s.Entry)
	case until == at:
		wake(o, o.May, verdict.RuleWakeup, &s.Id, s.Entry)
	}
}

// killDue: every child that is still alive gets SIGKILL, now and after every grace. The
// line is demanded the first time and allowed later.
func killDue(o *verdict.Observation, s *past.Service) {
	at, ok := o.Before.KillAt(s)
	if !ok || at > o.Step.Now {
		return
	}
	for _, c := range o.Before.Children {
		if c.Service != s.Id || !c.Lives() {
			continue
		}
		signal(o, verdict.RuleGrace, true, c, core.SIGKILL, "SIGKILL to the child of a removed service")
		l := verdict.Line{Code: core.LogRemovalKilled, Of: s, Pid: c.Pid}
		if c.Killed == past.Never {
			o.MustLog(verdict.RuleGrace, "the line of the kill", l)
		} else {
			o.MayLog(verdict.RuleGrace, "the line of the kill", l)
		}
	}
}

// limitDue: a wakeup that is not out after its first limit has failed; one that
// nobody closed in the second is given up with its own line.
func limitDue(o *verdict.Observation, u *past.Wakeup) {
	at, ok := o.Before.LimitOf(u)
	if !ok || at > o.Step.Now {
		return
	}
	s := o.Before.Service(u.Service)
	o.Must(verdict.RuleWakeLimit, s.Id, core.CloseWakeup, "the wakeup given up", func(a *core.Action) bool {
		return a.Request == u.Request
	})
	l := verdict.Line{Code: core.LogWakeupFailed, Of: s, Errno: core.ETIMEDOUT}
	if u.Sent != past.Never {
		l = verdict.Line{Code: core.LogWakeupTimeout, Of: s}
	}
	if s.Removed != past.Never {
		o.MayLog(verdict.RuleWakeLimit, "the line of the wakeup given up", l)
		return
	}
	o.MustLog(verdict.RuleWakeLimit, "the line of the wakeup given up", l)
}
