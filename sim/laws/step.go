package laws

import "github.com/stationmaster/stationmaster/core"

// startAnsweredOnce: the answer to a start is one to a start that is asked for.
func (b *Book) startAnsweredOnce(ev *core.Event) string {
	if ev.Kind != core.ChildStarted && ev.Kind != core.ChildStartFailed {
		return ""
	}
	if c := b.Child(ev.Generation); c == nil || c.State != Pending || c.Service.ID != ev.Service {
		return wrong("%v, generation %d of service %d, answers no start", ev.Kind, ev.Generation, ev.Service)
	}
	return ""
}

// pidOfOne: a pid belongs to one child from its start to its end, and a stranger has
// none of theirs.
func (b *Book) pidOfOne(ev *core.Event) string {
	if ev.Kind != core.ChildStarted && (ev.Kind != core.ChildExited || ev.Generation != 0) {
		return ""
	}
	if ev.PID <= 0 && ev.Kind == core.ChildStarted {
		return wrong("%v with pid %d", ev.Kind, ev.PID)
	}
	for _, c := range b.living {
		if c.State != Pending && c.PID == ev.PID {
			return wrong("%v, generation %d, with pid %d of generation %d, which is not reaped", ev.Kind, ev.Generation, ev.PID, c.Generation)
		}
	}
	return ""
}

// eventOfLiving: what is told of a child is told between the answer to its start and
// its end.
func (b *Book) eventOfLiving(ev *core.Event) string {
	switch ev.Kind {
	case core.StatusReceived, core.ChildChannelClosed:
	case core.ChildExited, core.ChildStopped:
		if ev.Generation == 0 {
			return ""
		}
	default:
		return ""
	}
	c := b.Child(ev.Generation)
	switch {
	case c == nil:
		return wrong("%v of generation %d, which has ended or never began", ev.Kind, ev.Generation)
	case c.State == Pending:
		return wrong("%v of generation %d before the answer to its start", ev.Kind, ev.Generation)
	case ev.Kind == core.ChildChannelClosed && c.closed:
		return wrong("the end of the channel of generation %d is told twice", ev.Generation)
	case ev.PID != 0 && ev.PID != c.PID:
		return wrong("%v of generation %d with pid %d, which has %d", ev.Kind, ev.Generation, ev.PID, c.PID)
	}
	return ""
}

func (b *Book) countsInBounds(s *Service) string {
	if s.Life != Active {
		return ""
	}
	if s.Idle < 0 || s.Pending < 0 || s.Retired < 0 || s.Idle+s.Pending > s.Total {
		return wrong("service %d: total %d, idle %d, pending %d, retired %d", s.ID, s.Total, s.Idle, s.Pending, s.Retired)
	}
	if s.ceiling = max(s.Entry.ProcessLimit, min(s.ceiling, s.Total)); s.Entry.ProcessLimit > 0 && s.Total > s.ceiling {
		return wrong("service %d has %d children, its limit is %d", s.ID, s.Total, s.Entry.ProcessLimit)
	}
	return ""
}

// watchActive: only services in force are watched.
func (b *Book) watchActive(a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Life != Active {
		return wrong("service %d is watched and not active", a.Service)
	}
	return ""
}

// watchChanges: what is watched is not asked for again, nor what is not ignored again.
func (b *Book) watchChanges(a *core.Action) string {
	if s := b.Service(a.Service); s == nil || s.Watched == (a.Kind == core.WatchListener) {
		return wrong("%v for service %d, which is in that state, or not there", a.Kind, a.Service)
	}
	return ""
}

// watchedAsWanted states the rule of listening (spec runtime, 8).
func (b *Book) watchedAsWanted(s *Service) string {
	want := s.Life == Active && !s.Throttled && s.Pending == 0 && s.Idle == 0 && !s.Full() && !s.Starved && !b.Held(s)
	if want != s.Watched {
		return wrong("service %d is watched: %v, should be: %v (state %v, total %d, limit %d, idle %d)",
			s.ID, s.Watched, want, b.State(s), s.Total, s.Entry.ProcessLimit, s.Idle)
	}
	return ""
}

// awaited reports whether the machine's timer is set to at, or before.
func (b *Book) awaited(at core.Time) bool { return b.timed && b.deadline <= at }

func (b *Book) throttleEnds(s *Service) string {
	if s.Throttled && !b.awaited(s.Release) {
		return wrong("service %d is throttled without an end", s.ID)
	}
	return ""
}

func (b *Book) wakeupSent(s *Service) string {
	if s.wakes > 0 {
		return wrong("service %d did not get its wakeup", s.ID)
	}
	return ""
}

func (b *Book) wakeupAwaited(s *Service) string {
	if s.WakeAt != 0 && !b.awaited(s.WakeAt) {
		return wrong("service %d expects a wakeup that will never come", s.ID)
	}
	return ""
}

func (b *Book) killAwaited(s *Service) string {
	if s.Life == Removed && !b.awaited(s.KillAt) {
		return wrong("nobody will kill the children of removed service %d", s.ID)
	}
	return ""
}

func (b *Book) clientServed(*core.Event) string {
	if s := b.due.started; s != nil {
		return wrong("a client waits for service %d and no child was started", s.ID)
	}
	return ""
}

// deadlineServed: what was due at this instant was done.
func (b *Book) deadlineServed(ev *core.Event) string {
	if ev.Kind == core.TimerExpired && b.awaited(b.now) {
		return wrong("the machine wants its timer at %d, and it is %d", b.deadline, b.now)
	}
	return ""
}

// firstChildStarts: whatever is wanting, the first child of a service is started.
func (b *Book) firstChildStarts(*core.Event) string {
	if s := b.due.started; s != nil && s.live() == 0 && b.options.Descriptors > 0 {
		return wrong("the first child of service %d is not started", s.ID)
	}
	return ""
}

func (b *Book) removedTold(*core.Event) string {
	switch {
	case b.due.terms != 0 && !b.due.ending:
		return wrong("%d children were not told to end", b.due.terms)
	case b.due.kills != 0:
		return wrong("%d children that outlived the grace were not killed", b.due.kills)
	}
	return ""
}

func (b *Book) endComes(*core.Event) string {
	switch {
	case b.due.group || b.due.exit:
		return "the machine did not end"
	case b.due.ending && b.due.terms != 0:
		return wrong("%d children were not told of the end", b.due.terms)
	}
	return ""
}

func (b *Book) overdueClosed(*core.Event) string {
	if b.whole && b.due.closes != 0 {
		return wrong("%d overdue wakeups were not closed", b.due.closes)
	}
	return ""
}

// What one step can do at most to each thing that it may touch.
const (
	aboutService  = 7 // its listeners are watched or ignored, its limit is told of (3), its throttle begins or ends (2), it is woken
	aboutChild    = 3 // told of, signalled, cut off
	aboutWakeup   = 2 // told of, closed
	aboutListener = 2 // asked for, moved, settled, given back or closed
	aboutRemark   = 2 // a diagnostic and its hint
	aboutMachine  = 8 // a reload is told of twice, a configuration asked for and applied, the start told, announced; the end
	aboutFailure  = 3 // of a listener: its remedy and its error, at the start once more
	failuresTold  = 8
	aboutOne      = 3 // what happened to one child or wakeup: two lines and one deed
)

// actionsBounded: what concerns one child or one wakeup touches one service, but for the
// end of a removed service's last child, which frees those that it held back, and for
// a descriptor that is free again. A readiness may cut off the children of its service.
// Everything else may touch everything.
func (b *Book) actionsBounded(ev *core.Event) string {
	var limit int
	every := aboutService * (len(b.active) + len(b.removed) + 1)
	switch ev.Kind {
	case core.StatusReceived, core.ChildChannelClosed, core.ChildStopped, core.WakeupSent, core.WakeupFailed, core.WakeupClosed, core.ChildStarted:
		limit = aboutOne + aboutService
	case core.ChildExited, core.ChildStartFailed:
		limit = aboutOne + every
	case core.ListenerReady:
		limit = aboutOne + aboutService
		if s := b.Service(ev.Service); s != nil {
			limit += int(s.Total)
		}
		if b.options.Descriptors > 0 {
			limit += every
		}
	default:
		limit = b.mostAtAll()
	}
	if b.given > limit {
		return wrong("%d actions in one step, where %d would do", b.given, limit)
	}
	return ""
}

func (b *Book) mostAtAll() int {
	listeners := 0
	for _, s := range b.services {
		listeners += len(s.Endpoints)
	}
	remarks := 1
	if c := b.reload.next; c != nil {
		remarks += len(c.Diagnostics)
		for i := range c.Services {
			listeners += len(c.Services[i].Endpoints)
		}
	}
	wakeups := len(b.wakeups) + len(b.active)
	return aboutMachine + aboutService*(len(b.services)+1) + aboutChild*(len(b.living)+1) + aboutWakeup*(wakeups+1) +
		aboutListener*listeners + aboutRemark*remarks + aboutFailure*failuresTold
}
