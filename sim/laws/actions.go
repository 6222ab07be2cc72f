package laws

import "github.com/stationmaster/stationmaster/core"

// took takes an action into the account. What no law allows was judged before: here it
// only must not harm.
func (b *Book) took(a *core.Action) {
	switch a.Kind {
	case core.LoadConfig:
		b.tookLoad(a)
	case core.OpenListener:
		b.tookOpen(a)
	case core.CommitListener, core.AbandonListener, core.CloseListener, core.MoveListener:
		b.tookListener(a)
	case core.WatchListener, core.IgnoreListener:
		if s := b.Service(a.Service); s != nil {
			s.Watched = a.Kind == core.WatchListener
			b.touch(s)
		}
	case core.StartChild:
		b.tookStart(a)
	case core.RetireChild:
		if c := b.Child(a.Generation); c != nil && c.owesCut {
			c.owesCut = false
			b.due.cuts--
		}
	case core.SignalChild:
		b.tookSignal(a)
	case core.SignalGroup:
		b.due.group = false
	case core.WakeService:
		b.tookWake(a)
	case core.CloseWakeup:
		for i := range b.wakeups {
			if b.wakeups[i].request == a.Request {
				b.wakeups = append(b.wakeups[:i], b.wakeups[i+1:]...)
				b.due.closes--
				break
			}
		}
	case core.Log:
		b.tookLine(a)
	case core.Exit:
		b.exited, b.due.exit = true, false
	}
}

func (b *Book) tookStart(a *core.Action) {
	s := b.Service(a.Service)
	b.due.started = nil
	if s == nil || b.Child(a.Generation) != nil {
		return
	}
	b.lastGeneration, b.numbered = max(b.lastGeneration, a.Generation), true
	e := a.Entry
	if e == nil {
		e = s.Entry
	}
	b.add(s, a.Generation, e)
}

func (b *Book) tookSignal(a *core.Action) {
	c := b.Child(a.Generation)
	switch {
	case c == nil:
	case a.Signal == core.SIGTERM && c.owesTerm:
		c.owesTerm, c.terminated = false, true
		b.due.terms--
	case a.Signal == core.SIGKILL && c.owesKill:
		c.owesKill, c.killed = false, true
		b.due.kills--
	}
}

func (b *Book) tookWake(a *core.Action) {
	b.lastRequest = max(b.lastRequest, a.Request)
	s := b.Service(a.Service)
	if s == nil {
		return
	}
	if s.wakes > 0 {
		s.wakes--
	} else {
		s.wakes = 0
	}
	b.wakeups = append(b.wakeups, wakeup{
		request: a.Request, service: s, entry: s.Entry, fifo: s.Entry.Type == core.FIFO, deadline: b.now.Add(wakeupLimit),
	})
}

// tookLine: the two lines that explain a limit follow its line.
func (b *Book) tookLine(a *core.Action) {
	if a.Code == core.LogLimit {
		if s := b.serviceOfEntry(a.Entry); s != nil {
			s.warned, s.warnedAt = true, b.now
			b.expect(line{code: core.LogLimit, entry: s.Entry})
			b.expect(line{code: core.LogLimitRemedy})
			b.expect(line{code: core.LogLimitHelp})
		}
	}
	b.logged(a)
}

// serviceOfEntry returns the service whose settings in force these are, or nil.
func (b *Book) serviceOfEntry(e *core.ServiceConfig) *Service {
	if e == nil {
		return nil
	}
	for _, s := range b.active {
		if sameSettings(s.Entry, e) {
			return s
		}
	}
	return nil
}

// sameSettings reports whether two entries are one: the same place in the same file,
// with the same words.
func sameSettings(a, b *core.ServiceConfig) bool {
	return a == b || a.Line == b.Line && a.Canonical == b.Canonical && a.Type == b.Type && a.ProcessLimit == b.ProcessLimit &&
		a.Path == b.Path && a.WakeupInterval == b.WakeupInterval && a.ThrottleDelay == b.ThrottleDelay
}

// oneStart: the machine asks for one child at a time, and only for one.
func (b *Book) oneStart(a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Pending > 0 {
		return wrong("a second start of service %d is asked for", a.Service)
	}
	return ""
}

// numbersOnce: numbers are given in their order, each once.
func (b *Book) numbersOnce(a *core.Action) string {
	switch a.Kind {
	case core.StartChild:
		if b.numbered && a.Generation != b.lastGeneration+1 || !b.numbered && b.Child(a.Generation) != nil {
			return wrong("generation %d follows %d", a.Generation, b.lastGeneration)
		}
	case core.OpenListener:
		for i := range b.reload.opened {
			if o := &b.reload.opened[i]; o.service.ID == a.Service && o.listener == a.Listener {
				return wrong("listener %d of service %d is asked for twice", a.Listener, a.Service)
			}
		}
		if b.whole && b.Service(a.Service) == nil && a.Service <= b.reload.floor {
			return wrong("number %d is given to a second service", a.Service)
		}
	default:
		if a.Request <= b.lastRequest {
			return wrong("request %d is used twice", a.Request)
		}
	}
	return ""
}

// startHasCause: a start answers the readiness of a listener that we watched.
func (b *Book) startHasCause(a *core.Action) string {
	if s := b.Service(a.Service); s == nil || s.Life != Active || !s.Starved && (b.due.started != s || !s.Watched) {
		return wrong("a child of service %d is started though no client waits for us", a.Service)
	}
	return ""
}

func (b *Book) startAllowed(a *core.Action) string {
	s := b.Service(a.Service)
	switch {
	case s == nil:
	case s.Throttled:
		return wrong("service %d starts a child while throttled", a.Service)
	case b.Held(s):
		return wrong("service %d starts a child while held", a.Service)
	case s.Full():
		return wrong("service %d starts child %d of %d", a.Service, s.Total+1, s.Entry.ProcessLimit)
	case s.Idle > 0:
		return wrong("service %d starts a child while %d are idle", a.Service, s.Idle)
	case a.Entry == nil || !sameSettings(a.Entry, s.Entry):
		return wrong("service %d starts a child by settings that are not in force", a.Service)
	}
	return ""
}

func (b *Book) stressTold(a *core.Action) string {
	if s := b.Service(a.Service); s != nil && a.Flag != b.inStress(s) {
		return wrong("service %d starts a child with stress mode %v", a.Service, a.Flag)
	}
	return ""
}

func (b *Book) inStress(s *Service) bool {
	return stressAware(s.Entry) && s.Stressed && s.StressEnd > b.now
}

func (b *Book) startAffordable(a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Starved {
		return wrong("service %d starts a child with a descriptor that is kept for another", a.Service)
	}
	return ""
}

func (b *Book) startWithListeners(a *core.Action) string {
	s := b.Service(a.Service)
	if s == nil {
		return ""
	}
	for i, open := range s.open {
		if !open {
			return wrong("service %d starts a child without its listener %d", a.Service, i)
		}
	}
	return ""
}

func (b *Book) channelOpen(a *core.Action) string {
	if c := b.Child(a.Generation); c == nil || c.State == Pending {
		return wrong("the channel of generation %d, which is not there, is cut", a.Generation)
	}
	return ""
}

func (b *Book) retiredOnce(a *core.Action) string {
	if c := b.Child(a.Generation); c != nil && c.State != Pending && !c.owesCut {
		return wrong("generation %d is retired without cause, or twice", a.Generation)
	}
	return ""
}

func (b *Book) signalOurs(a *core.Action) string {
	c := b.Child(a.Generation)
	switch {
	case c == nil || c.State == Pending || c.PID != a.PID:
		return wrong("signal %d to pid %d, generation %d, which is no living child of ours", a.Signal, a.PID, a.Generation)
	case a.Signal == core.SIGTERM && c.owesTerm, a.Signal == core.SIGKILL && c.owesKill:
		return ""
	}
	return wrong("signal %d to generation %d without cause", a.Signal, a.Generation)
}

func (b *Book) groupAtTheEnd(a *core.Action) string {
	if !b.due.group || a.Signal != core.SIGTERM {
		return wrong("signal %d to the process group", a.Signal)
	}
	return ""
}

// limitLineDue: once in a thousand seconds for each service, and only when clients may
// wait at the limit. What a retired child reports repeats nothing.
func (b *Book) limitLineDue(a *core.Action) string {
	if a.Code != core.LogLimit {
		return ""
	}
	s := b.serviceOfEntry(a.Entry)
	switch {
	case s == nil:
		return wrong("a service that is not there warns of its limit")
	case !b.whole:
	case !s.news:
		return wrong("service %d warns of its limit though nothing has changed", s.ID)
	case s.warned && b.now.Sub(s.warnedAt) <= warnInterval || !s.Full() || s.Idle+s.leavers() > 0 || !stressAware(s.Entry):
		return wrong("service %d warns of its limit", s.ID)
	}
	return ""
}

// limitTold: a service that came to its limit, and knows stress mode, says so.
func (b *Book) limitTold(s *Service) string {
	if b.whole && s.news && b.State(s) == core.StateSaturated && stressAware(s.Entry) && s.leavers() == 0 &&
		(!s.warned || b.now.Sub(s.warnedAt) > warnInterval) {
		return wrong("service %d is at its limit and does not say so", s.ID)
	}
	return ""
}

func (b *Book) nothingAfterExit(a *core.Action) string {
	switch {
	case b.exited:
		return wrong("%v follows Exit in the same step", a.Kind)
	case a.Kind == core.ActionNone || a.Kind > core.Exit:
		return wrong("an action of unknown kind %d", a.Kind)
	}
	return ""
}

// exitHasCause: six signals end the machine, the time of -e, and a refused start.
func (b *Book) exitHasCause(a *core.Action) string {
	switch {
	case !b.running && b.reload.unknown && a.Number == 1 && a.Signal == 0:
		return ""
	case !b.due.exit:
		return "the machine ends without a reason"
	case a.Number != b.due.exitCode || a.Signal != b.due.exitSignal:
		return wrong("the machine ends with code %d, signal %d", a.Number, a.Signal)
	}
	return ""
}

func (b *Book) wakeupDue(a *core.Action) string {
	s := b.Service(a.Service)
	switch {
	case s == nil || s.Life != Active || s.wakes == 0:
		return wrong("service %d gets a wakeup that is not due", a.Service)
	case a.Entry == nil || !sameSettings(a.Entry, s.Entry):
		return wrong("service %d gets a wakeup by settings that are not in force", a.Service)
	}
	return ""
}

func (b *Book) wakeupOpen(a *core.Action) string {
	if b.wakeup(a.Request) == nil && b.whole {
		return wrong("wakeup %d is closed, which is not open", a.Request)
	}
	return ""
}

func (b *Book) givenUpInTime(a *core.Action) string {
	if k := b.wakeup(a.Request); k != nil && k.deadline > b.now {
		return wrong("wakeup %d is given up before its time", a.Request)
	}
	return ""
}

func (b *Book) wakeup(r core.Request) *wakeup {
	for i := range b.wakeups {
		if b.wakeups[i].request == r {
			return &b.wakeups[i]
		}
	}
	return nil
}
