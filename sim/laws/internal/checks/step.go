package checks

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// StartAnsweredOnce: the answer to a start is one to a start that is asked for.
func StartAnsweredOnce(b *account.Account, ev *core.Event) string {
	if ev.Kind != core.ChildStarted && ev.Kind != core.ChildStartFailed {
		return ""
	}
	if c := b.Child(ev.Generation); c == nil || c.State != account.Pending || c.Service.ID != ev.Service {
		return wrong("%v, generation %d of service %d, answers no start", ev.Kind, ev.Generation, ev.Service)
	}
	return ""
}

// PidOfOne: a pid belongs to one child from its start to its end, and a stranger has
// none of theirs.
func PidOfOne(b *account.Account, ev *core.Event) string {
	if ev.Kind != core.ChildStarted && (ev.Kind != core.ChildExited || ev.Generation != 0) {
		return ""
	}
	if ev.PID <= 0 && ev.Kind == core.ChildStarted {
		return wrong("%v with pid %d", ev.Kind, ev.PID)
	}
	for _, c := range b.Living {
		if c.State != account.Pending && c.PID == ev.PID {
			return wrong("%v, generation %d, with pid %d of generation %d, which is not reaped", ev.Kind, ev.Generation, ev.PID, c.Generation)
		}
	}
	return ""
}

// EventOfLiving: what is told of a child is told between the answer to its start and
// its end.
func EventOfLiving(b *account.Account, ev *core.Event) string {
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
	case c.State == account.Pending:
		return wrong("%v of generation %d before the answer to its start", ev.Kind, ev.Generation)
	case ev.Kind == core.ChildChannelClosed && c.Closed:
		return wrong("the end of the channel of generation %d is told twice", ev.Generation)
	case ev.PID != 0 && ev.PID != c.PID:
		return wrong("%v of generation %d with pid %d, which has %d", ev.Kind, ev.Generation, ev.PID, c.PID)
	}
	return ""
}

func CountsInBounds(b *account.Account, s *account.Service) string {
	if s.Life != account.Active {
		return ""
	}
	if s.Idle < 0 || s.Pending < 0 || s.Retired < 0 || s.Idle+s.Pending > s.Total {
		return wrong("service %d: total %d, idle %d, pending %d, retired %d", s.ID, s.Total, s.Idle, s.Pending, s.Retired)
	}
	if s.Ceiling = max(s.Entry.ProcessLimit, min(s.Ceiling, s.Total)); s.Entry.ProcessLimit > 0 && s.Total > s.Ceiling {
		return wrong("service %d has %d children, its limit is %d", s.ID, s.Total, s.Entry.ProcessLimit)
	}
	return ""
}

// WatchActive: only services in force are watched.
func WatchActive(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Life != account.Active {
		return wrong("service %d is watched and not active", a.Service)
	}
	return ""
}

// WatchChanges: what is watched is not asked for again, nor what is not ignored again.
func WatchChanges(b *account.Account, a *core.Action) string {
	if s := b.Service(a.Service); s == nil || s.Watched == (a.Kind == core.WatchListener) {
		return wrong("%v for service %d, which is in that state, or not there", a.Kind, a.Service)
	}
	return ""
}

// WatchedAsWanted states the rule of listening (spec runtime, 8).
func WatchedAsWanted(b *account.Account, s *account.Service) string {
	want := s.Life == account.Active && !s.Throttled && s.Pending == 0 && s.Idle == 0 && !s.Full() && !s.Starved && !b.Held(s)
	if want != s.Watched {
		return wrong("service %d is watched: %v, should be: %v (state %v, total %d, limit %d, idle %d)",
			s.ID, s.Watched, want, b.State(s), s.Total, s.Entry.ProcessLimit, s.Idle)
	}
	return ""
}

// awaited reports whether the machine's timer is set to at, or before.
func awaited(b *account.Account, at core.Time) bool { return b.Timed && b.Deadline <= at }

func ThrottleEnds(b *account.Account, s *account.Service) string {
	if s.Throttled && !awaited(b, s.Release) {
		return wrong("service %d is throttled without an end", s.ID)
	}
	return ""
}

func WakeupSent(b *account.Account, s *account.Service) string {
	if s.Wakes > 0 {
		return wrong("service %d did not get its wakeup", s.ID)
	}
	return ""
}

func WakeupAwaited(b *account.Account, s *account.Service) string {
	if s.WakeAt != 0 && !awaited(b, s.WakeAt) {
		return wrong("service %d expects a wakeup that will never come", s.ID)
	}
	return ""
}

func KillAwaited(b *account.Account, s *account.Service) string {
	if s.Life == account.Removed && !awaited(b, s.KillAt) {
		return wrong("nobody will kill the children of removed service %d", s.ID)
	}
	return ""
}

func ClientServed(b *account.Account, _ *core.Event) string {
	if s := b.Due.Started; s != nil {
		return wrong("a client waits for service %d and no child was started", s.ID)
	}
	return ""
}

// DeadlineServed: what was due at this instant was done.
func DeadlineServed(b *account.Account, ev *core.Event) string {
	if ev.Kind == core.TimerExpired && awaited(b, b.Now) {
		return wrong("the machine wants its timer at %d, and it is %d", b.Deadline, b.Now)
	}
	return ""
}

// FirstChildStarts: no matter what is scarce, the first child of a service is started.
func FirstChildStarts(b *account.Account, _ *core.Event) string {
	if s := b.Due.Started; s != nil && s.Live() == 0 && b.Options.Descriptors > 0 {
		return wrong("the first child of service %d is not started", s.ID)
	}
	return ""
}

func RemovedTold(b *account.Account, _ *core.Event) string {
	switch {
	case b.Due.Terms != 0 && !b.Due.Ending:
		return wrong("%d children were not told to end", b.Due.Terms)
	case b.Due.Kills != 0:
		return wrong("%d children that outlived the grace were not killed", b.Due.Kills)
	}
	return ""
}

func EndComes(b *account.Account, _ *core.Event) string {
	switch {
	case b.Due.Group || b.Due.Exit:
		return "the machine did not end"
	case b.Due.Ending && b.Due.Terms != 0:
		return wrong("%d children were not told of the end", b.Due.Terms)
	}
	return ""
}

func OverdueClosed(b *account.Account, _ *core.Event) string {
	if b.Whole && b.Due.Closes != 0 {
		return wrong("%d overdue wakeups were not closed", b.Due.Closes)
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

// ActionsBounded: what concerns one child or one wakeup touches one service, but for the
// end of a removed service's last child, which frees those that it held back, and for
// a descriptor that is free again. A readiness may cut off the children of its service.
// Everything else may touch everything.
func ActionsBounded(b *account.Account, ev *core.Event) string {
	var limit int
	every := aboutService * (len(b.InForce) + len(b.Outgoing) + 1)
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
		if b.Options.Descriptors > 0 {
			limit += every
		}
	default:
		limit = mostAtAll(b)
	}
	if b.Given > limit {
		return wrong("%d actions in one step, where %d would do", b.Given, limit)
	}
	return ""
}

func mostAtAll(b *account.Account) int {
	listeners := 0
	for _, s := range b.Services {
		listeners += len(s.Endpoints)
	}
	remarks := 1
	if c := b.Reload.Next; c != nil {
		remarks += len(c.Diagnostics)
		for i := range c.Services {
			listeners += len(c.Services[i].Endpoints)
		}
	}
	wakeups := b.Waking + len(b.InForce) // those that the step closes are not under way any more
	return aboutMachine + aboutService*(len(b.Services)+1) + aboutChild*(len(b.Living)+1) + aboutWakeup*(wakeups+1) +
		aboutListener*listeners + aboutRemark*remarks + aboutFailure*failuresTold
}

func wrong(format string, args ...any) string { return fmt.Sprintf(format, args...) }
