package laws

import "github.com/stationmaster/stationmaster/core"

// Sweep holds everything that the machine says of itself against the account.
func (b *Book) Sweep(m Machine) *Breach {
	if b.exited || b.breach != nil {
		return b.breach
	}
	if err := m.Check(); err != nil {
		if len(b.Only) == 0 || has(b.Only, Check) {
			b.breaks(Check, err.Error())
		}
		return b.breach
	}
	if !b.running {
		return nil
	}
	v := m.View()
	b.deadline, b.timed = m.Deadline()
	b.shown(&v)
	return b.breach
}

// shown compares a view with the account.
func (b *Book) shown(v *core.View) {
	b.viewed = v
	for i := range b.docket.sweep {
		e := &b.docket.sweep[i]
		b.breaks(e.law, e.check(b))
	}
	for i := range v.Services {
		s := b.Service(v.Services[i].ID)
		if s == nil || b.breach != nil {
			continue
		}
		for k := range b.docket.view {
			e := &b.docket.view[k]
			b.breaks(e.law, e.check(b, s, &v.Services[i]))
		}
	}
	b.viewed = nil
}

// servicesInForce: the services are those of the configuration, in its order, then
// those that are removed and have children.
func (b *Book) servicesInForce() string {
	v := b.viewed
	if v.Epoch != b.epoch || len(v.Services) != len(b.active)+len(b.removed) {
		return wrong("epoch %d and %d services, should be %d and %d", v.Epoch, len(v.Services), b.epoch, len(b.active)+len(b.removed))
	}
	for i := range v.Services {
		is := &v.Services[i]
		s := b.Service(is.ID)
		if s == nil || i < len(b.active) && b.active[i] != s || i >= len(b.active) && !has(b.removed, s) {
			return wrong("service %d of the machine is number %d", i, is.ID)
		}
		if is.Canonical != s.Entry.Canonical || is.Type != s.Entry.Type || is.Name != s.Entry.Name {
			return wrong("service %d is %s/%v, the configuration says %s/%v", is.ID, is.Canonical, is.Type, s.Entry.Canonical, s.Entry.Type)
		}
	}
	return ""
}

// listenersKept: a service in force has all its listeners.
func (b *Book) listenersKept() string {
	for _, s := range b.active {
		for k, open := range s.open {
			if !open {
				return wrong("service %d runs without its listener %d", s.ID, k)
			}
		}
	}
	return ""
}

// removedShut: a removed one has none.
func (b *Book) removedShut() string {
	for _, s := range b.services {
		for k, open := range s.open {
			if open && (s.Life == Removed || s.Life == Gone) {
				return wrong("service %d is gone and its listener %d still open", s.ID, k)
			}
		}
	}
	return ""
}

// timerOfFirst: the machine's timer is set to the first thing that is due, and to
// nothing else.
func (b *Book) timerOfFirst() string {
	if !b.whole {
		return ""
	}
	first, due := core.Time(0), false
	sooner := func(t core.Time, set bool) {
		if set && (!due || t < first) {
			first, due = t, true
		}
	}
	for _, s := range b.active {
		sooner(s.WakeAt, s.WakeAt != 0)
		sooner(s.LeaveBy, s.LeaveBy != 0)
		sooner(s.Release, s.Throttled)
	}
	for _, s := range b.removed {
		sooner(s.KillAt, true)
	}
	for i := range b.wakeups {
		sooner(b.wakeups[i].deadline, true)
	}
	for _, c := range b.closed {
		sooner(c.closedAt, true)
	}
	sooner(b.exitAt, b.options.ExitSet)
	if b.timed != due || due && b.deadline != first {
		return wrong("the machine waits for a timer: %v at %d; something is due: %v at %d", b.timed, b.deadline, due, first)
	}
	return ""
}

// accountAddsUp: the counts of the account are its children counted one by one.
func (b *Book) accountAddsUp(s *Service, _ *core.ServiceView) string {
	var n tally
	for _, c := range s.Children {
		n.add(c.State == Pending, c.State == Idle, c.Retired)
	}
	if s.Total != n.total || s.Pending != n.starting || s.Idle != n.idle || s.Retired != n.retired {
		return wrong("the counts of service %d drift", s.ID)
	}
	return ""
}

func (b *Book) limitInForce(s *Service, v *core.ServiceView) string {
	if s.Life == Active && v.Limit != s.Entry.ProcessLimit {
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

// noneForgotten: every child that is not reaped is listed with some service.
func (b *Book) noneForgotten() string {
	n := 0
	for i := range b.viewed.Services {
		n += len(b.viewed.Services[i].Children)
	}
	if n != len(b.living) {
		return wrong("the machine lists %d children, %d are not reaped", n, len(b.living))
	}
	return ""
}

func (b *Book) childrenListed(s *Service, v *core.ServiceView) string {
	if len(v.Children) != len(s.Children) {
		return wrong("service %d lists %d children, there are %d", s.ID, len(v.Children), len(s.Children))
	}
	for i, c := range s.Children {
		is := &v.Children[i]
		if is.Generation != c.Generation || is.PID != c.PID || is.Starting != (c.State == Pending) {
			return wrong("service %d lists generation %d with pid %d, starting %v; it is generation %d with pid %d, starting %v",
				s.ID, is.Generation, is.PID, is.Starting, c.Generation, c.PID, c.State == Pending)
		}
	}
	return ""
}

// countsListed: what the machine counts is what it lists.
func (b *Book) countsListed(s *Service, v *core.ServiceView) string {
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

func (b *Book) retiredKnown(s *Service, v *core.ServiceView) string {
	for i, c := range s.Children {
		if i < len(v.Children) && v.Children[i].Retired != c.Retired {
			return wrong("generation %d is retired: %v, should be: %v", c.Generation, v.Children[i].Retired, c.Retired)
		}
	}
	return ""
}

func (b *Book) reportsCount(s *Service, v *core.ServiceView) string {
	for i, c := range s.Children {
		if i >= len(v.Children) {
			break
		}
		if is := &v.Children[i]; is.Idle != (c.State == Idle) || is.Served != c.Served {
			return wrong("generation %d is idle %v, served %v; it reported %v, %v", c.Generation, is.Idle, is.Served, c.State == Idle, c.Served)
		}
	}
	return ""
}

func (b *Book) throttleKnown(s *Service, v *core.ServiceView) string {
	if v.Throttled != s.Throttled || s.Throttled && v.ThrottledUntil != s.Release {
		return wrong("service %d is throttled: %v until %d, should be: %v until %d", s.ID, v.Throttled, v.ThrottledUntil, s.Throttled, s.Release)
	}
	return ""
}

func (b *Book) wakeupKnown(s *Service, v *core.ServiceView) string {
	if v.NextWakeup != s.WakeAt {
		return wrong("service %d wakes at %d, should at %d", s.ID, v.NextWakeup, s.WakeAt)
	}
	return ""
}

func (b *Book) stateInWords(s *Service, v *core.ServiceView) string {
	if v.Watching != s.Watched || v.State != b.State(s) {
		return wrong("service %d is %v, watched %v; should be %v, %v", s.ID, v.State, v.Watching, b.State(s), s.Watched)
	}
	return ""
}

func (b *Book) stressKnown(s *Service, v *core.ServiceView) string {
	if v.Stress != b.inStress(s) || v.LeavingUntil != s.LeaveBy {
		return wrong("service %d is in stress mode: %v, children leave until %d; should be %v, %d", s.ID, v.Stress, v.LeavingUntil, b.inStress(s), s.LeaveBy)
	}
	return ""
}

func (b *Book) starvedKnown(s *Service, v *core.ServiceView) string {
	if v.Starved != s.Starved {
		return wrong("service %d is held back for want of descriptors: %v, should be: %v", s.ID, v.Starved, s.Starved)
	}
	return ""
}

func (b *Book) killKnown(s *Service, v *core.ServiceView) string {
	if s.Life == Removed && v.KillAt != s.KillAt {
		return wrong("children of removed service %d are killed at %d, should be at %d", s.ID, v.KillAt, s.KillAt)
	}
	return ""
}
