package model

import (
	"reflect"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// expect writes down what the event of the step demands. Before the first
// Exit every kind has its rule; after it nothing is demanded, and whatever is
// asked for is left over.
func (o *observation) expect() {
	if o.before.ended {
		return
	}
	ev := &o.step.ev
	switch ev.Kind {
	case core.ConfigLoaded:
		o.configLoaded()
	case core.ConfigRejected:
		o.configRejected()
	case core.SignalReceived:
		o.signalReceived(ev.Signal)
	case core.ListenerOpened, core.ListenerFailed:
		o.advance()
	case core.ListenerReady:
		o.listenerReady(o.before.service(ev.Service))
	case core.ChildStarted:
		o.childStarted(o.seen.child(ev.Generation))
	case core.ChildStartFailed:
		o.childStartFailed(ev)
	case core.StatusReceived:
		o.statusReceived(ev)
	case core.ChildExited:
		o.childExited(ev)
	case core.ChildStopped:
		if c := o.before.child(ev.Generation); c != nil {
			o.mustLog(ruleStopped, "the line that the child was stopped", line{
				code: core.LogStopped, of: o.before.service(c.service), pid: ev.PID, signal: ev.Signal,
			})
		}
	case core.WakeupFailed:
		o.wakeupFailed(ev)
	case core.TimerExpired:
		o.timerExpired()
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
func (o *observation) listenerReady(s *service) {
	w, now, i := o.before, o.step.now, len(o.before.h)
	if s == nil || !w.watched(s) {
		return
	}
	if !w.affordable(s, i) {
		o.heldBack(s)
		return
	}
	if w.switches(s, i, now) {
		for _, c := range w.children {
			if c.service == s.id && c.lives() && c.retired == never {
				o.mustRetire(ruleStress, c)
			}
		}
		if !s.entry.WakeupIfUsed {
			o.mustWake(ruleStress, s.id, s.entry)
		}
	}
	until, ok := w.stressUntil(s, i)
	stress := w.lastSlot(s, i) || ok && until > now
	what := "a start without stress"
	if stress {
		what = "a start with stress"
	}
	aware := stressAware(s.entry)
	rule := ruleSpawn
	if stress {
		rule = ruleStress
	}
	o.must(rule, s.id, core.StartChild, what, func(a *core.Action) bool {
		return a.Service == s.id && sameEntry(a.Entry, s.entry) && (!aware || a.Flag == stress)
	})
}

func (o *observation) mustRetire(rule string, c *child) {
	o.must(rule, c.service, core.RetireChild, "the child retired", func(a *core.Action) bool {
		return a.Generation == c.generation
	})
}

func (o *observation) signal(rule string, must bool, c *child, s core.Signal, what string) {
	ask := o.may
	if must {
		ask = o.must
	}
	ask(rule, c.service, core.SignalChild, what, func(a *core.Action) bool {
		return a.Generation == c.generation && a.PID == c.pid && a.Signal == s
	})
}

// mustWake demands a wakeup if the entry wants any.
func (o *observation) mustWake(rule string, id core.ServiceID, e *core.ServiceConfig) {
	o.wake(o.must, rule, &id, e)
}

// wake asks for a wakeup of the service whose number stands at id when the
// demand is met. A unix-dgram service cannot be woken: the warning that says so
// stands for it (spec runtime, 9).
func (o *observation) wake(ask asking, rule string, id *core.ServiceID, e *core.ServiceConfig) {
	switch {
	case e.WakeupInterval <= 0:
	case e.Type == core.UnixDatagram:
		l := line{code: core.LogWakeupFailed, errno: core.EOPNOTSUPP}
		ask(rule, *id, core.Log, "the line that a wakeup is not supported", func(a *core.Action) bool {
			return l.match(a) && a.Entry != nil && identityOf(a.Entry) == identityOf(e)
		})
	default:
		ask(rule, *id, core.WakeService, "a wakeup", func(a *core.Action) bool {
			return a.Service == *id && sameEntry(a.Entry, e)
		})
	}
}

// childStarted: a child of an entry that is no longer in force is cut off at
// birth, and told to go when its service was removed meanwhile. The first child
// of the entry in force arms a conditional wakeup; a throttled service skips the trigger only.
func (o *observation) childStarted(c *child) {
	s := o.seen.service(c.service)
	o.verbose("the line of the start", line{code: core.LogSpawned, of: s, pid: c.pid})
	if s.removed != never {
		o.signal(ruleRemove, true, c, core.SIGTERM, "SIGTERM to the child that started too late")
	}
	if o.seen.stale(c) {
		o.mustRetire(ruleRetire, c)
		return
	}
	_, armed := o.before.wakeAt(s)
	if _, throttled := o.before.throttledUntil(s); !armed && !throttled {
		o.mustWake(ruleWakeup, s.id, s.entry)
	}
}

// childStartFailed: whatever the step that failed, the service is throttled
// (spec runtime, 8; differences G6 and Q29).
func (o *observation) childStartFailed(ev *core.Event) {
	s := o.before.service(o.before.child(ev.Generation).service)
	l := line{errno: ev.Errno}
	switch ev.StartStep {
	case core.StartFork:
		l.code = core.LogForkFailed
	case core.StartExec:
		l.code, l.of = core.LogExecFailed, s
	default:
		l.code = core.LogChannelFailed
	}
	if s.removed != never {
		o.mayLog(ruleThrottle, "the line of the failed start", l)
		return // nothing of a removed service is throttled
	}
	o.mustLog(ruleThrottle, "the line of the failed start", l)
	if _, throttled := o.before.throttledUntil(s); throttled {
		return // a throttle that is on is not begun again (spec runtime, 8, reap)
	}
	if ev.StartStep == core.StartExec {
		// The original's child exits and is then a bad startup (spec runtime, 7.1);
		// that line stays, the exit status of no process does not (G6).
		o.mustLog(ruleThrottle, "the line of the bad startup", line{code: core.LogBadStartup, of: s})
	}
	o.verbose("the line of the throttle", line{code: core.LogThrottling, of: s})
}

// statusReceived: only what is wrong with a message is logged, and only the
// first fifteen times of one child (spec runtime, 7.2; differences).
func (o *observation) statusReceived(ev *core.Event) {
	c := o.before.child(ev.Generation)
	rec := c.record()
	msg := wire.ParseMessage(ev.Bytes)
	l := line{of: o.before.service(c.service), pid: c.pid}
	switch c.meaning(ev, rec) {
	case claimPartial:
		l.code, l.number = core.LogPartialStatus, int64(ev.N)
	case claimForeign:
		l.code, l.number = core.LogForeignStatus, int64(msg.PID)
	case claimStale:
		l.code, l.number, l.of = core.LogStaleStatus, int64(msg.Generation), nil
	case claimUnknown:
		l.code, l.number, l.of = core.LogUnknownStatus, int64(msg.Status), nil
	default:
		return
	}
	switch {
	case rec.bad < badReportsShown:
		o.mustLog(ruleStatus, "the line of the bad message", l)
	case rec.bad == badReportsShown:
		o.mustLog(ruleMuted, "the line that no more are logged", line{
			code: core.LogMuted, of: o.before.service(c.service), pid: c.pid,
		})
	}
}

// childExited: bad ends are logged unless a signal of ours made them, and one
// before the first use throttles (spec runtime, 8; design, Reload, 5).
func (o *observation) childExited(ev *core.Event) {
	if ev.Generation == 0 {
		if !o.before.flags.InitMode {
			o.mustLog(ruleStranger, "the line of the stranger", line{
				code: core.LogStranger, pid: ev.PID, status: ev.Status,
			})
		}
		return
	}
	c := o.before.child(ev.Generation)
	s := o.before.service(c.service)
	by, well := endOf(ev.Status)
	ours := s.removed != never && by == core.SIGTERM || c.killed != never && by == core.SIGKILL
	if well || ours {
		return
	}
	o.mustLog(ruleReap, "the line of the bad end", line{
		code: core.LogExited, of: s, pid: c.pid, status: ev.Status,
	})
	if _, throttled := o.before.throttledUntil(s); s.removed != never || throttled || c.record().served {
		return
	}
	o.mustLog(ruleThrottle, "the line of the bad startup", line{code: core.LogBadStartup, of: s})
	o.verbose("the line of the throttle", line{code: core.LogThrottling, of: s})
}

func (o *observation) wakeupFailed(ev *core.Event) {
	s := o.before.service(o.before.wakeup(ev.Request).service)
	l := line{code: core.LogWakeupFailed, of: s, errno: ev.Errno}
	if s.removed != never {
		o.mayLog(ruleWakeup, "the line of the failed wakeup", l)
		return
	}
	o.mustLog(ruleWakeup, "the line of the failed wakeup", l)
}

// signalReceived: a hangup reloads, six signals end us, others mean nothing
// (spec runtime, 12; quirks Q15).
func (o *observation) signalReceived(sig core.Signal) {
	switch sig {
	case core.SIGHUP:
		if o.before.load == nil {
			o.beginReload(ruleReload, o.before.config())
		}
		return
	case core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV, core.SIGTERM:
	default:
		return
	}
	group := o.may
	if o.before.flags.GroupLeader {
		group = o.must
	}
	group(ruleEnd, 0, core.SignalGroup, "SIGTERM to the group", func(a *core.Action) bool {
		return a.Signal == core.SIGTERM
	})
	for _, c := range o.before.children {
		if c.lives() {
			o.signal(ruleEnd, !o.before.flags.GroupLeader, c, core.SIGTERM, "SIGTERM to each child")
		}
	}
	o.mustLog(ruleEnd, "the line of the end", line{code: core.LogTerminating, signal: sig})
	by := sig
	if o.before.flags.InitMode {
		by = 0
	}
	o.mustExit(ruleEnd, "the end by the same signal, or exit 0 in init mode", 0, by)
}

func (o *observation) mustExit(rule, what string, number int64, by core.Signal) {
	o.must(rule, 0, core.Exit, what, func(a *core.Action) bool { return a.Number == number && a.Signal == by })
}
