package account

import (
	"github.com/stationmaster/stationmaster/core"
)

// Took takes an action into the account. What no law allows was judged before: here it
// only must not harm.
func (b *Account) Took(a *core.Action) {
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
		if c := b.Child(a.Generation); c != nil && c.OwesCut {
			c.OwesCut = false
			b.Due.Cuts--
		}
	case core.SignalChild:
		b.tookSignal(a)
	case core.SignalGroup:
		b.Due.Group = false
	case core.WakeService:
		b.tookWake(a)
	case core.CloseWakeup:
		for i := range b.Wakeups {
			if b.Wakeups[i].request == a.Request {
				b.Wakeups = append(b.Wakeups[:i], b.Wakeups[i+1:]...)
				b.Due.Closes--
				break
			}
		}
	case core.Log:
		b.tookLine(a)
	case core.Exit:
		b.Exited, b.Due.Exit = true, false
	}
}

func (b *Account) tookStart(a *core.Action) {
	s := b.Service(a.Service)
	b.Due.Started = nil
	if s == nil || b.Child(a.Generation) != nil {
		return
	}
	b.LastGeneration, b.Counting = max(b.LastGeneration, a.Generation), true
	e := a.Entry
	if e == nil {
		e = s.Entry
	}
	b.add(s, a.Generation, e)
}

func (b *Account) tookSignal(a *core.Action) {
	c := b.Child(a.Generation)
	switch {
	case c == nil:
	case a.Signal == core.SIGTERM && c.OwesTerm:
		c.OwesTerm, c.terminated = false, true
		b.Due.Terms--
	case a.Signal == core.SIGKILL && c.OwesKill:
		c.OwesKill, c.killed = false, true
		b.Due.Kills--
	}
}

func (b *Account) tookWake(a *core.Action) {
	b.LastRequest = max(b.LastRequest, a.Request)
	s := b.Service(a.Service)
	if s == nil {
		return
	}
	if s.Wakes > 0 {
		s.Wakes--
	} else {
		s.Wakes = 0
	}
	b.Wakeups = append(b.Wakeups, wakeup{
		request: a.Request, service: s, entry: s.Entry, fifo: s.Entry.Type == core.FIFO, Deadline: b.Now.Add(wakeupLimit),
	})
}

// tookLine: the two lines that explain a limit follow its line.
func (b *Account) tookLine(a *core.Action) {
	if a.Code == core.LogLimit {
		if s := b.ServiceOfEntry(a.Entry); s != nil {
			s.Warned, s.WarnedAt = true, b.Now
			b.expect(Line{Code: core.LogLimit, Entry: s.Entry})
			b.expect(Line{Code: core.LogLimitRemedy})
			b.expect(Line{Code: core.LogLimitHelp})
		}
	}
}

// ServiceOfEntry returns the service whose settings in force these are, or nil.
func (b *Account) ServiceOfEntry(e *core.ServiceConfig) *Service {
	if e == nil {
		return nil
	}
	for _, s := range b.InForce {
		if SameSettings(s.Entry, e) {
			return s
		}
	}
	return nil
}

// SameSettings reports whether two entries are one: the same place in the same file,
// with the same words.
func SameSettings(a, b *core.ServiceConfig) bool {
	return a == b || a.Line == b.Line && a.Canonical == b.Canonical && a.Type == b.Type && a.ProcessLimit == b.ProcessLimit &&
		a.Path == b.Path && a.WakeupInterval == b.WakeupInterval && a.ThrottleDelay == b.ThrottleDelay
}

func (b *Account) InStress(s *Service) bool {
	return StressAware(s.Entry) && s.Stressed && s.StressEnd > b.Now
}

func (b *Account) Wakeup(r core.Request) *wakeup {
	for i := range b.Wakeups {
		if b.Wakeups[i].request == r {
			return &b.Wakeups[i]
		}
	}
	return nil
}
