package checks

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// OneStart: the machine asks for one child at a time, and only for one.
func OneStart(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Pending > 0 {
		return wrong("a second start of service %d is asked for", a.Service)
	}
	return ""
}

// NumbersOnce: numbers are given in their order, each once.
func NumbersOnce(b *account.Account, a *core.Action) string {
	switch a.Kind {
	case core.StartChild:
		if b.Counting && a.Generation != b.LastGeneration+1 || !b.Counting && b.Child(a.Generation) != nil {
			return wrong("generation %d follows %d", a.Generation, b.LastGeneration)
		}
	case core.OpenListener:
		for i := range b.Reload.Opened {
			if o := &b.Reload.Opened[i]; o.Service.ID == a.Service && o.Listener == a.Listener {
				return wrong("listener %d of service %d is asked for twice", a.Listener, a.Service)
			}
		}
		if b.Whole && b.Service(a.Service) == nil && a.Service <= b.Reload.Floor {
			return wrong("number %d is given to a second service", a.Service)
		}
	default:
		if a.Request <= b.LastRequest {
			return wrong("request %d is used twice", a.Request)
		}
	}
	return ""
}

// StartHasCause: a start answers the readiness of a listener that we watched.
func StartHasCause(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); s == nil || s.Life != account.Active || !s.Starved && (b.Due.Started != s || !s.Watched) {
		return wrong("a child of service %d is started though no client waits for us", a.Service)
	}
	return ""
}

func StartAllowed(b *account.Account, a *core.Action) string {
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
	case a.Entry == nil || !account.SameSettings(a.Entry, s.Entry):
		return wrong("service %d starts a child by settings that are not in force", a.Service)
	}
	return ""
}

func StressTold(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); s != nil && a.Flag != b.InStress(s) {
		return wrong("service %d starts a child with stress mode %v", a.Service, a.Flag)
	}
	return ""
}

func StartAffordable(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Starved {
		return wrong("service %d starts a child with a descriptor that is kept for another", a.Service)
	}
	return ""
}

func StartWithListeners(b *account.Account, a *core.Action) string {
	s := b.Service(a.Service)
	if s == nil {
		return ""
	}
	for i, open := range s.Open {
		if !open {
			return wrong("service %d starts a child without its listener %d", a.Service, i)
		}
	}
	return ""
}

func ChannelOpen(b *account.Account, a *core.Action) string {
	if c := b.Child(a.Generation); c == nil || c.State == account.Pending {
		return wrong("the channel of generation %d, which is not there, is cut", a.Generation)
	}
	return ""
}

func RetiredOnce(b *account.Account, a *core.Action) string {
	if c := b.Child(a.Generation); c != nil && c.State != account.Pending && !c.OwesCut {
		return wrong("generation %d is retired without cause, or twice", a.Generation)
	}
	return ""
}

func SignalOurs(b *account.Account, a *core.Action) string {
	c := b.Child(a.Generation)
	switch {
	case c == nil || c.State == account.Pending || c.PID != a.PID:
		return wrong("signal %d to pid %d, generation %d, which is no living child of ours", a.Signal, a.PID, a.Generation)
	case a.Signal == core.SIGTERM && c.OwesTerm, a.Signal == core.SIGKILL && c.OwesKill:
		return ""
	}
	return wrong("signal %d to generation %d without cause", a.Signal, a.Generation)
}

func GroupAtTheEnd(b *account.Account, a *core.Action) string {
	if !b.Due.Group || a.Signal != core.SIGTERM {
		return wrong("signal %d to the process group", a.Signal)
	}
	return ""
}

// LimitLineDue: once in a thousand seconds for each service, and only when clients may
// wait at the limit. What a retired child reports repeats nothing.
func LimitLineDue(b *account.Account, a *core.Action) string {
	if a.Code != core.LogLimit {
		return ""
	}
	s := b.ServiceOfEntry(a.Entry)
	switch {
	case s == nil:
		return wrong("a service that is not there warns of its limit")
	case !b.Whole:
	case !s.News:
		return wrong("service %d warns of its limit though nothing has changed", s.ID)
	case s.Warned && b.Now.Sub(s.WarnedAt) <= account.WarnInterval || !s.Full() || s.Idle+s.Leavers() > 0 || !account.StressAware(s.Entry):
		return wrong("service %d warns of its limit", s.ID)
	}
	return ""
}

// LimitTold: a service that came to its limit, and knows stress mode, says so.
func LimitTold(b *account.Account, s *account.Service) string {
	if b.Whole && s.News && b.State(s) == core.StateSaturated && account.StressAware(s.Entry) && s.Leavers() == 0 &&
		(!s.Warned || b.Now.Sub(s.WarnedAt) > account.WarnInterval) {
		return wrong("service %d is at its limit and does not say so", s.ID)
	}
	return ""
}

func NothingAfterExit(b *account.Account, a *core.Action) string {
	switch {
	case b.Exited:
		return wrong("%v follows Exit in the same step", a.Kind)
	case a.Kind == core.ActionNone || a.Kind > core.Exit:
		return wrong("an action of unknown kind %d", a.Kind)
	}
	return ""
}

// ExitHasCause: six signals end the machine, the time of -e, and a refused start.
func ExitHasCause(b *account.Account, a *core.Action) string {
	switch {
	case !b.Running && b.Reload.Unknown && a.Number == 1 && a.Signal == 0:
		return ""
	case !b.Due.Exit:
		return "the machine ends without a reason"
	case a.Number != b.Due.ExitCode || a.Signal != b.Due.ExitSignal:
		return wrong("the machine ends with code %d, signal %d", a.Number, a.Signal)
	}
	return ""
}

func WakeupDue(b *account.Account, a *core.Action) string {
	s := b.Service(a.Service)
	switch {
	case s == nil || s.Life != account.Active || s.Wakes == 0:
		return wrong("service %d gets a wakeup that is not due", a.Service)
	case a.Entry == nil || !account.SameSettings(a.Entry, s.Entry):
		return wrong("service %d gets a wakeup by settings that are not in force", a.Service)
	}
	return ""
}

func WakeupOpen(b *account.Account, a *core.Action) string {
	if b.Wakeup(a.Request) == nil && b.Whole {
		return wrong("wakeup %d is closed, which is not open", a.Request)
	}
	return ""
}

func GivenUpInTime(b *account.Account, a *core.Action) string {
	if k := b.Wakeup(a.Request); k != nil && k.Deadline > b.Now {
		return wrong("wakeup %d is given up before its time", a.Request)
	}
	return ""
}
