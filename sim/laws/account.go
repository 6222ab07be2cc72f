package laws

import "github.com/stationmaster/stationmaster/core"

// touch notes that the step concerns the service.
func (b *Book) touch(s *Service) {
	if !s.touched {
		s.touched = true
		b.touched = append(b.touched, s)
	}
}

// changed is touch for what decides about listening.
func (b *Book) changed(s *Service) {
	b.touch(s)
	s.news = true
}

// count adds or takes away what a child counts as.
func (b *Book) count(c *Child, by int32) {
	s := c.Service
	s.Total += by
	switch {
	case c.State == Pending:
		s.Pending += by
	case c.State == Idle && !c.Retired:
		s.Idle += by
	}
	if c.Retired {
		s.Retired += by
		if c.State == Idle {
			s.Leaving += by
			b.believe(s, by > 0)
		}
	}
}

// become notes what a child told. What a retired one tells is no news of its
// service.
func (b *Book) become(c *Child, state ChildState) {
	b.count(c, -1)
	c.State = state
	b.count(c, +1)
	b.touch(c.Service)
	c.Service.news = c.Service.news || !c.Retired
}

// retire notes that a child is cut off; the action must follow in this step unless
// the child is only being started.
func (b *Book) retire(c *Child) {
	if c.Retired {
		return
	}
	b.count(c, -1)
	c.Retired = true
	b.count(c, +1)
	b.changed(c.Service)
	b.owesCut(c)
	b.closed = without(b.closed, c)
}

func (b *Book) owesCut(c *Child) {
	if c.State != Pending {
		c.owesCut = true
		b.due.cuts++
	}
}

func (b *Book) owesTerm(c *Child) {
	if c.State != Pending && !c.owesTerm {
		c.owesTerm = true
		b.due.terms++
	}
}

func (b *Book) retireAll(s *Service) {
	for _, c := range s.Children {
		b.retire(c)
	}
}

// add notes that a start is asked for.
func (b *Book) add(s *Service, g core.Generation, e *core.ServiceConfig) {
	i, _ := search(b.living, func(c *Child) bool { return c.Generation >= g })
	c := fresh(&b.freeChildren)
	*c = Child{Generation: g, Service: s, entry: e}
	b.living = insert(b.living, i, c)
	s.Children = append(s.Children, c)
	b.count(c, +1)
	b.changed(s)
}

// bury drops a child that was reaped or never was.
func (b *Book) bury(c *Child) {
	s := c.Service
	b.count(c, -1)
	b.changed(s)
	b.living, b.closed, s.Children = without(b.living, c), without(b.closed, c), without(s.Children, c)
	b.freeChildren = append(b.freeChildren, c)
	if s.Life == Removed && s.Total == 0 {
		b.removed = without(b.removed, s)
		for _, next := range b.active {
			if s.holds(next) {
				b.changed(next)
			}
		}
		b.forget(s)
	}
}

// forget ends a service. Its account is kept until the next step.
func (b *Book) forget(s *Service) {
	if s.Starved {
		s.Starved = false
		b.starving--
	}
	s.Life = Gone
	b.gone = append(b.gone, s)
}

// clear drops the accounts of services that are gone.
func (b *Book) clear() {
	for _, s := range b.gone {
		b.services = without(b.services, s)
		b.freeServices = append(b.freeServices, s)
	}
	b.gone = b.gone[:0]
}

// newService begins the account of a service under its number.
func (b *Book) newService(id core.ServiceID, e *core.ServiceConfig, life Life) *Service {
	i, _ := search(b.services, func(s *Service) bool { return s.ID >= id })
	s := fresh(&b.freeServices)
	*s = Service{ID: id, Entry: e, Endpoints: e.Endpoints, Life: life, Children: s.Children[:0], open: s.open[:0]}
	for range e.Endpoints {
		s.open = append(s.open, false)
	}
	b.services = insert(b.services, i, s)
	b.lastService = max(b.lastService, id)
	return s
}

// believe notes until when those who leave are believed to: anew with each who
// begins to and at a reload, and only where something follows from it.
func (b *Book) believe(s *Service, anew bool) {
	switch {
	case s.Leaving == 0 || s.Life != Active || !stressAware(s.Entry):
		s.LeaveBy = 0
	case anew:
		s.LeaveBy = b.now.Add(leaving)
	}
}

// throttle begins the rest of a service, or leaves the one that it has.
func (b *Book) throttle(s *Service) {
	if !s.Throttled {
		s.Throttled, s.Release = true, b.now.Add(s.Entry.ThrottleDelay)
		b.verbose(line{code: core.LogThrottling, entry: s.Entry})
	}
	b.changed(s)
}

func (b *Book) release(s *Service) {
	s.Throttled = false
	b.changed(s)
	b.verbose(line{code: core.LogThrottleReleased, entry: s.Entry})
}

// restartWakeups begins them anew: at once, or with the next start.
func (b *Book) restartWakeups(s *Service) {
	s.WakeAt, s.armed = 0, false
	if !s.Entry.WakeupIfUsed {
		b.armWakeups(s)
	}
}

func (b *Book) armWakeups(s *Service) {
	if s.Entry.WakeupInterval > 0 {
		s.armed = true
		b.wakeupComes(s, s.Throttled, false)
	}
}

// wakeupComes: one is due now, unless the service is throttled; either way, if that
// ends at this very instant. A datagram service takes none, and that is said.
func (b *Book) wakeupComes(s *Service, throttled, either bool) {
	b.touch(s)
	s.WakeAt = b.now.Add(s.Entry.WakeupInterval)
	switch {
	case s.Entry.Type == core.UnixDatagram:
		if either || !throttled {
			b.expect(line{code: core.LogWakeupFailed, entry: s.Entry, errno: core.EOPNOTSUPP, may: either})
		}
	case either:
		s.wakes = unsure
	case !throttled:
		s.wakes++
	}
}

// settleStarved notes who is held back no longer for want of descriptors.
func (b *Book) settleStarved() {
	if b.starving == 0 {
		return
	}
	for _, s := range b.active {
		if s.Starved && b.affordable(s) {
			s.Starved, s.Freed = false, b.now
			b.starving--
			b.changed(s)
		}
	}
}

func fresh[T any](free *[]*T) *T {
	n := len(*free)
	if n == 0 {
		return new(T)
	}
	x := (*free)[n-1]
	*free = (*free)[:n-1]
	return x
}

func insert[T any](list []*T, at int, x *T) []*T {
	list = append(list, nil)
	copy(list[at+1:], list[at:])
	list[at] = x
	return list
}

func without[T comparable](list []T, x T) []T {
	for i := range list {
		if list[i] == x {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
