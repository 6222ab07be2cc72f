package model

import (
	"reflect"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// expect writes down what the event of the step demands. Before the first
// Exit every kind has its rule; after it nothing is demanded, and whatever is
// asked for is left over.
func expect(o *verdict.Observation) {
	if o.Before.Ended {
		return
	}
	ev := &o.Step.Ev
	switch ev.Kind {
	case core.ConfigLoaded:
		configLoaded(o)
	case core.ConfigRejected:
		configRejected(o)
	case core.SignalReceived:
		signalReceived(o, ev.Signal)
	case core.ListenerOpened, core.ListenerFailed:
		advance(o)
	case core.ListenerReady:
		listenerReady(o, o.Before.Service(ev.Service))
	case core.ChildStarted:
		childStarted(o, o.Seen.Child(ev.Generation))
	case core.ChildStartFailed:
		childStartFailed(o, ev)
	case core.StatusReceived:
		statusReceived(o, ev)
	case core.ChildExited:
		childExited(o, ev)
	case core.ChildStopped:
		if c := o.Before.Child(ev.Generation); c != nil {
			o.MustLog(verdict.RuleStopped, "the line that the child was stopped", verdict.Line{
				Code: core.LogStopped, Of: o.Before.Service(c.Service), Pid: ev.PID, Signal: ev.Signal,
			})
		}
	case core.WakeupFailed:
		wakeupFailed(o, ev)
	case core.TimerExpired:
		timerExpired(o)
	case core.ChildChannelClosed, core.WakeupSent, core.WakeupClosed:
		// Nothing follows at once: a timer starts or stops.
	}
}

// sameEntry compares an entry that the machine passes on with the one meant.
func sameEntry(a, b *core.ServiceConfig) bool {
	return a == b || a != nil && b != nil && reflect.DeepEqual(*a, *b)
}

// listenerReady: a readable listener starts one child; readiness that arrives
// although nobody watches any more is late and means nothing.
func listenerReady(o *verdict.Observation, s *past.Service) {
	w, now, i := o.Before, o.Step.Now, len(o.Before.H)
	if s == nil || !w.Watched(s) {
		return
	}
	if !w.Affordable(s, i) {
		heldBack(o, s)
		return
	}
	if w.Switches(s, i, now) {
		for _, c := range w.Children {
			if c.Service == s.Id && c.Lives() && c.Retired == past.Never {
				mustRetire(o, verdict.RuleStress, c)
			}
		}
		if !s.Entry.WakeupIfUsed {
			mustWake(o, verdict.RuleStress, s.Id, s.Entry)
		}
	}
	until, ok := w.StressUntil(s, i)
	stress := w.LastSlot(s, i) || ok && until > now
	what := "a start without stress"
	if stress {
		what = "a start with stress"
	}
	aware := past.StressAware(s.Entry)
	rule := verdict.RuleSpawn
	if stress {
		rule = verdict.RuleStress
	}
	o.Must(rule, s.Id, core.StartChild, what, func(a *core.Action) bool {
		return a.Service == s.Id && sameEntry(a.Entry, s.Entry) && (!aware || a.Flag == stress)
	})
}

func mustRetire(o *verdict.Observation, rule string, c *past.Child) {
	o.Must(rule, c.Service, core.RetireChild, "the child retired", func(a *core.Action) bool {
		return a.Generation == c.Generation
	})
}

func signal(o *verdict.Observation, rule string, must bool, c *past.Child, s core.Signal, what string) {
	ask := o.May
	if must {
		ask = o.Must
	}
	ask(rule, c.Service, core.SignalChild, what, func(a *core.Action) bool {
		return a.Generation == c.Generation && a.PID == c.Pid && a.Signal == s
	})
}

// mustWake demands a wakeup if the entry wants any.
func mustWake(o *verdict.Observation, rule string, id core.ServiceID, e *core.ServiceConfig) {
	wake(o, o.Must, rule, &id, e)
}

// wake demands a wakeup of the service whose number is at id when the
// demand is met. A unix-dgram service cannot be woken: the warning that says so
// stands for it (spec runtime, 9).
func wake(o *verdict.Observation, ask verdict.Asking, rule string, id *core.ServiceID, e *core.ServiceConfig) {
	switch {
	case e.WakeupInterval <= 0:
	case e.Type == core.UnixDatagram:
		l := verdict.Line{Code: core.LogWakeupFailed, Errno: core.EOPNOTSUPP}
		ask(rule, *id, core.Log, "the line that a wakeup is not supported", func(a *core.Action) bool {
			return l.Match(a) && a.Entry != nil && past.IdentityOf(a.Entry) == past.IdentityOf(e)
		})
	default:
		ask(rule, *id, core.WakeService, "a wakeup", func(a *core.Action) bool {
			return a.Service == *id && sameEntry(a.Entry, e)
		})
	}
}

// childStarted: a child of an entry that is no longer in force is cut off at
// birth, and sent SIGTERM when its service was removed meanwhile. The first child
// of the entry in force arms a conditional wakeup; a throttled service skips the trigger only.
func childStarted(o *verdict.Observation, c *past.Child) {
	s := o.Seen.Service(c.Service)
	o.Verbose("the line of the start", verdict.Line{Code: core.LogSpawned, Of: s, Pid: c.Pid})
	if s.Removed != past.Never {
		signal(o, verdict.RuleRemove, true, c, core.SIGTERM, "SIGTERM to the child that started too late")
	}
	if o.Seen.Stale(c) {
		mustRetire(o, verdict.RuleRetire, c)
		return
	}
	_, armed := o.Before.WakeAt(s)
	if _, throttled := o.Before.ThrottledUntil(s); !armed && !throttled {
		mustWake(o, verdict.RuleWakeup, s.Id, s.Entry)
	}
}

// childStartFailed: no matter which step failed, the service is throttled
// (spec runtime, 8; differences G6 and Q29).
func childStartFailed(o *verdict.Observation, ev *core.Event) {
	s := o.Before.Service(o.Before.Child(ev.Generation).Service)
	l := verdict.Line{Errno: ev.Errno}
	switch ev.StartStep {
	case core.StartFork:
		l.Code = core.LogForkFailed
	case core.StartExec:
		l.Code, l.Of = core.LogExecFailed, s
	default:
		l.Code = core.LogChannelFailed
	}
	if s.Removed != past.Never {
		o.MayLog(verdict.RuleThrottle, "the line of the failed start", l)
		return // nothing of a removed service is throttled
	}
	o.MustLog(verdict.RuleThrottle, "the line of the failed start", l)
	if _, throttled := o.Before.ThrottledUntil(s); throttled {
		return // a throttle that is on is not begun again (spec runtime, 8, reap)
	}
	if ev.StartStep == core.StartExec {
		// The original's child exits and is then a bad startup (spec runtime, 7.1);
		// that line stays, the exit status of no process does not (G6).
		o.MustLog(verdict.RuleThrottle, "the line of the bad startup", verdict.Line{Code: core.LogBadStartup, Of: s})
	}
	o.Verbose("the line of the throttle", verdict.Line{Code: core.LogThrottling, Of: s})
}

// statusReceived: only what is wrong with a message is logged, and only the
// first fifteen times of one child (spec runtime, 7.2; differences).
func statusReceived(o *verdict.Observation, ev *core.Event) {
	c := o.Before.Child(ev.Generation)
	rec := c.Record()
	msg := wire.ParseMessage(ev.Bytes)
	l := verdict.Line{Of: o.Before.Service(c.Service), Pid: c.Pid}
	switch c.Meaning(ev, rec) {
	case past.ClaimPartial:
		l.Code, l.Number = core.LogPartialStatus, int64(ev.N)
	case past.ClaimForeign:
		l.Code, l.Number = core.LogForeignStatus, int64(msg.PID)
	case past.ClaimStale:
		l.Code, l.Number, l.Of = core.LogStaleStatus, int64(msg.Generation), nil
	case past.ClaimUnknown:
		l.Code, l.Number, l.Of = core.LogUnknownStatus, int64(msg.Status), nil
	default:
		return
	}
	switch {
	case rec.Bad < past.BadReportsShown:
		o.MustLog(verdict.RuleStatus, "the line of the bad message", l)
	case rec.Bad == past.BadReportsShown:
		o.MustLog(verdict.RuleMuted, "the line that no more are logged", verdict.Line{
			Code: core.LogMuted, Of: o.Before.Service(c.Service), Pid: c.Pid,
		})
	}
}

// childExited: bad ends are logged unless a signal of ours made them, and one
// before the first use throttles (spec runtime, 8; design, Reload, 5).
func childExited(o *verdict.Observation, ev *core.Event) {
	if ev.Generation == 0 {
		if !o.Before.Flags.InitMode {
			o.MustLog(verdict.RuleStranger, "the line of the stranger", verdict.Line{
				Code: core.LogStranger, Pid: ev.PID, Status: ev.Status,
			})
		}
		return
	}
	c := o.Before.Child(ev.Generation)
	s := o.Before.Service(c.Service)
	by, well := past.EndOf(ev.Status)
	ours := s.Removed != past.Never && by == core.SIGTERM || c.Killed != past.Never && by == core.SIGKILL
	if well || ours {
		return
	}
	o.MustLog(verdict.RuleReap, "the line of the bad end", verdict.Line{
		Code: core.LogExited, Of: s, Pid: c.Pid, Status: ev.Status,
	})
	if _, throttled := o.Before.ThrottledUntil(s); s.Removed != past.Never || throttled || c.Record().Served {
		return
	}
	o.MustLog(verdict.RuleThrottle, "the line of the bad startup", verdict.Line{Code: core.LogBadStartup, Of: s})
	o.Verbose("the line of the throttle", verdict.Line{Code: core.LogThrottling, Of: s})
}

func wakeupFailed(o *verdict.Observation, ev *core.Event) {
	s := o.Before.Service(o.Before.Wakeup(ev.Request).Service)
	l := verdict.Line{Code: core.LogWakeupFailed, Of: s, Errno: ev.Errno}
	if s.Removed != past.Never {
		o.MayLog(verdict.RuleWakeup, "the line of the failed wakeup", l)
		return
	}
	o.MustLog(verdict.RuleWakeup, "the line of the failed wakeup", l)
}

// signalReceived: a hangup reloads, six signals end us, others mean nothing
// (spec runtime, 12; quirks Q15).
func signalReceived(o *verdict.Observation, sig core.Signal) {
	switch sig {
	case core.SIGHUP:
		if o.Before.Load == nil {
			beginReload(o, verdict.RuleReload, o.Before.Config())
		}
		return
	case core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV, core.SIGTERM:
	default:
		return
	}
	group := o.May
	if o.Before.Flags.GroupLeader {
		group = o.Must
	}
	group(verdict.RuleEnd, 0, core.SignalGroup, "SIGTERM to the group", func(a *core.Action) bool {
		return a.Signal == core.SIGTERM
	})
	for _, c := range o.Before.Children {
		if c.Lives() {
			signal(o, verdict.RuleEnd, !o.Before.Flags.GroupLeader, c, core.SIGTERM, "SIGTERM to each child")
		}
	}
	o.MustLog(verdict.RuleEnd, "the line of the end", verdict.Line{Code: core.LogTerminating, Signal: sig})
	by := sig
	if o.Before.Flags.InitMode {
		by = 0
	}
	mustExit(o, verdict.RuleEnd, "the end by the same signal, or exit 0 in init mode", 0, by)
}

func mustExit(o *verdict.Observation, rule, what string, number int64, by core.Signal) {
	o.Must(rule, 0, core.Exit, what, func(a *core.Action) bool { return a.Number == number && a.Signal == by })
}

// heldBack: the client waits, and that is logged once in 1000 s.
func heldBack(o *verdict.Observation, s *past.Service) {
	w := o.Before
	for i := len(w.H) - 1; i >= 0 && w.H[i].Now.Add(past.WarnInterval) >= o.Step.Now; i-- {
		if w.H[i].Logs(core.LogStarved) {
			return
		}
	}
	o.MustLog(verdict.RuleShort, "the line that no descriptor is left", verdict.Line{
		Code: core.LogStarved, Of: s, Number: int64(w.Holding(len(w.H))),
	})
}
