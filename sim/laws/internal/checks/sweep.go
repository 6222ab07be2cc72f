package checks

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// ServicesInForce: the services are those of the configuration, in its order, then
// those that are removed and have children.
func ServicesInForce(b *account.Account) string {
	v := b.Viewed
	if v.Epoch != b.LastEpoch || len(v.Services) != len(b.InForce)+len(b.Outgoing) {
		return wrong("epoch %d and %d services, should be %d and %d", v.Epoch, len(v.Services), b.LastEpoch, len(b.InForce)+len(b.Outgoing))
	}
	for i := range v.Services {
		is := &v.Services[i]
		s := b.Service(is.ID)
		if s == nil || i < len(b.InForce) && b.InForce[i] != s || i >= len(b.InForce) && !slices.Contains(b.Outgoing, s) {
			return wrong("service %d of the machine is number %d", i, is.ID)
		}
		if is.Canonical != s.Entry.Canonical || is.Type != s.Entry.Type || is.Name != s.Entry.Name {
			return wrong("service %d is %s/%v, the configuration says %s/%v", is.ID, is.Canonical, is.Type, s.Entry.Canonical, s.Entry.Type)
		}
	}
	return ""
}

// ListenersKept: a service in force has all its listeners.
func ListenersKept(b *account.Account) string {
	for _, s := range b.InForce {
		for k, open := range s.Open {
			if !open {
				return wrong("service %d runs without its listener %d", s.ID, k)
			}
		}
	}
	return ""
}

// RemovedShut: a removed one has none.
func RemovedShut(b *account.Account) string {
	for _, s := range b.Services {
		for k, open := range s.Open {
			if open && (s.Life == account.Removed || s.Life == account.Gone) {
				return wrong("service %d is gone and its listener %d still open", s.ID, k)
			}
		}
	}
	return ""
}

// TimerOfFirst: the machine's timer is set to the first thing that is due, and to
// nothing else.
func TimerOfFirst(b *account.Account) string {
	if !b.Whole {
		return ""
	}
	first, due := core.Time(0), false
	sooner := func(t core.Time, set bool) {
		if set && (!due || t < first) {
			first, due = t, true
		}
	}
	for _, s := range b.InForce {
		sooner(s.WakeAt, s.WakeAt != 0)
		sooner(s.LeaveBy, s.LeaveBy != 0)
		sooner(s.Release, s.Throttled)
	}
	for _, s := range b.Outgoing {
		sooner(s.KillAt, true)
	}
	for i := range b.Wakeups {
		sooner(b.Wakeups[i].Deadline, true)
	}
	for _, c := range b.Closed {
		sooner(c.ClosedAt, true)
	}
	sooner(b.ExitAt, b.Options.ExitSet)
	if b.Timed != due || due && b.Deadline != first {
		return wrong("the machine waits for a timer: %v at %d; something is due: %v at %d", b.Timed, b.Deadline, due, first)
	}
	return ""
}

// AccountAddsUp: the counts of the account are its children counted one by one.
func AccountAddsUp(b *account.Account, s *account.Service, _ *core.ServiceView) string {
	var n tally
	for _, c := range s.Children {
		n.add(c.State == account.Pending, c.State == account.Idle, c.Retired)
	}
	if s.Total != n.total || s.Pending != n.starting || s.Idle != n.idle || s.Retired != n.retired {
		return wrong("the counts of service %d drift", s.ID)
	}
	return ""
}

func LimitInForce(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if s.Life == account.Active && v.Limit != s.Entry.ProcessLimit {
		return wrong("service %d has limit %d, the configuration says %d", s.ID, v.Limit, s.Entry.ProcessLimit)
	}
	return ""
}

// tally counts children one by one.
type tally struct{ total, starting, idle, busy, retired int32 }

func (n *tally) add(starting, idle, retired bool) {
	n.total++
	switch {
	case starting:
		n.starting++
	case idle && !retired:
		n.idle++
	case !retired:
		n.busy++
	}
	if retired {
		n.retired++
	}
}

// NoneForgotten: every child that is not reaped is listed with some service.
func NoneForgotten(b *account.Account) string {
	n := 0
	for i := range b.Viewed.Services {
		n += len(b.Viewed.Services[i].Children)
	}
	if n != len(b.Living) {
		return wrong("the machine lists %d children, %d are not reaped", n, len(b.Living))
	}
	return ""
}

func ChildrenListed(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if len(v.Children) != len(s.Children) {
		return wrong("service %d lists %d children, there are %d", s.ID, len(v.Children), len(s.Children))
	}
	for i, c := range s.Children {
		is := &v.Children[i]
		if is.Generation != c.Generation || is.PID != c.PID || is.Starting != (c.State == account.Pending) {
			return wrong("service %d lists generation %d with pid %d, starting %v; it is generation %d with pid %d, starting %v",
				s.ID, is.Generation, is.PID, is.Starting, c.Generation, c.PID, c.State == account.Pending)
		}
	}
	return ""
}

// CountsListed: what the machine counts is what it lists.
func CountsListed(b *account.Account, s *account.Service, v *core.ServiceView) string {
	var n tally
	for i := range v.Children {
		c := &v.Children[i]
		n.add(c.Starting, c.Idle, c.Retired)
	}
	if is := (tally{v.Total, v.Starting, v.Idle, v.Busy, v.Retired}); is != n {
		return wrong("service %d counts %d total, %d starting, %d idle, %d busy, %d retired; it lists %d, %d, %d, %d, %d",
			s.ID, is.total, is.starting, is.idle, is.busy, is.retired, n.total, n.starting, n.idle, n.busy, n.retired)
	}
	return ""
}

func RetiredKnown(b *account.Account, s *account.Service, v *core.ServiceView) string {
	for i, c := range s.Children {
		if i < len(v.Children) && v.Children[i].Retired != c.Retired {
			return wrong("generation %d is retired: %v, should be: %v", c.Generation, v.Children[i].Retired, c.Retired)
		}
	}
	return ""
}

func ReportsCount(b *account.Account, s *account.Service, v *core.ServiceView) string {
	for i, c := range s.Children {
		if i >= len(v.Children) {
			break
		}
		if is := &v.Children[i]; is.Idle != (c.State == account.Idle) || is.Served != c.Served {
			return wrong("generation %d is idle %v, served %v; it reported %v, %v", c.Generation, is.Idle, is.Served, c.State == account.Idle, c.Served)
		}
	}
	return ""
}

func ThrottleKnown(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if v.Throttled != s.Throttled || s.Throttled && v.ThrottledUntil != s.Release {
		return wrong("service %d is throttled: %v until %d, should be: %v until %d", s.ID, v.Throttled, v.ThrottledUntil, s.Throttled, s.Release)
	}
	return ""
}

func WakeupKnown(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if v.NextWakeup != s.WakeAt {
		return wrong("service %d wakes at %d, should at %d", s.ID, v.NextWakeup, s.WakeAt)
	}
	return ""
}

func StateInWords(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if v.Watching != s.Watched || v.State != b.State(s) {
		return wrong("service %d is %v, watched %v; should be %v, %v", s.ID, v.State, v.Watching, b.State(s), s.Watched)
	}
	return ""
}

func StressKnown(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if v.Stress != b.InStress(s) || v.LeavingUntil != s.LeaveBy {
		return wrong("service %d is in stress mode: %v, children leave until %d; should be %v, %d", s.ID, v.Stress, v.LeavingUntil, b.InStress(s), s.LeaveBy)
	}
	return ""
}

func StarvedKnown(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if v.Starved != s.Starved {
		return wrong("service %d is held back for want of descriptors: %v, should be: %v", s.ID, v.Starved, s.Starved)
	}
	return ""
}

func KillKnown(b *account.Account, s *account.Service, v *core.ServiceView) string {
	if s.Life == account.Removed && v.KillAt != s.KillAt {
		return wrong("children of removed service %d are killed at %d, should be at %d", s.ID, v.KillAt, s.KillAt)
	}
	return ""
}
