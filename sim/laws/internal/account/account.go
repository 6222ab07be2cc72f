package account

import (
	"github.com/stationmaster/stationmaster/core"
)

// touch notes that the step concerns the service.
func (b *Account) touch(s *Service) {
	if !s.Touched {
		s.Touched = true
		b.Touched = append(b.Touched, s)
	}
}

// changed is touch for what decides about listening.
func (b *Account) changed(s *Service) {
	b.touch(s)
	s.News = true
}

// count adds or takes away what a child counts as.
func (b *Account) count(c *Child, by int32) {
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

// become notes what a child reported. What a retired one reports is no news of its
// service.
func (b *Account) become(c *Child, state ChildState) {
	b.count(c, -1)
	c.State = state
	b.count(c, +1)
	b.touch(c.Service)
	c.Service.News = c.Service.News || !c.Retired
}

// retire notes that a child is cut off; the action must follow in this step unless
// the child is only being started.
func (b *Account) retire(c *Child) {
	if c.Retired {
		return
	}
	b.count(c, -1)
	c.Retired = true
	b.count(c, +1)
	b.changed(c.Service)
	b.owesCut(c)
	b.Closed = Without(b.Closed, c)
}

func (b *Account) owesCut(c *Child) {
	if c.State != Pending {
		c.OwesCut = true
		b.Due.Cuts++
	}
}

func (b *Account) owesTerm(c *Child) {
	if c.State != Pending && !c.OwesTerm {
		c.OwesTerm = true
		b.Due.Terms++
	}
}

func (b *Account) retireAll(s *Service) {
	for _, c := range s.Children {
		b.retire(c)
	}
}

// add notes that a start is asked for.
func (b *Account) add(s *Service, g core.Generation, e *core.ServiceConfig) {
	i, _ := search(b.Living, func(c *Child) bool { return c.Generation >= g })
	c := fresh(&b.freeChildren)
	*c = Child{Generation: g, Service: s, entry: e}
	b.Living = insert(b.Living, i, c)
	s.Children = append(s.Children, c)
	b.count(c, +1)
	b.changed(s)
}

// bury drops a child that was reaped or never was.
func (b *Account) bury(c *Child) {
	s := c.Service
	b.count(c, -1)
	b.changed(s)
	b.Living, b.Closed, s.Children = Without(b.Living, c), Without(b.Closed, c), Without(s.Children, c)
	b.freeChildren = append(b.freeChildren, c)
	if s.Life == Removed && s.Total == 0 {
		b.Outgoing = Without(b.Outgoing, s)
		for _, next := range b.InForce {
			if s.holds(next) {
				b.changed(next)
			}
		}
		b.forget(s)
	}
}

// forget ends a service. Its account is kept until the next step.
func (b *Account) forget(s *Service) {
	if s.Starved {
		s.Starved = false
		b.starving--
	}
	s.Life = Gone
	b.gone = append(b.gone, s)
}

// Clear drops the accounts of services that are gone.
func (b *Account) Clear() {
	for _, s := range b.gone {
		b.Services = Without(b.Services, s)
		b.freeServices = append(b.freeServices, s)
	}
	b.gone = b.gone[:0]
}

// newService begins the account of a service under its number.
func (b *Account) newService(id core.ServiceID, e *core.ServiceConfig, life Life) *Service {
	i, _ := search(b.Services, func(s *Service) bool { return s.ID >= id })
	s := fresh(&b.freeServices)
	*s = Service{ID: id, Entry: e, Endpoints: e.Endpoints, Life: life, Children: s.Children[:0], Open: s.Open[:0]}
	for range e.Endpoints {
		s.Open = append(s.Open, false)
	}
	b.Services = insert(b.Services, i, s)
	b.lastService = max(b.lastService, id)
	return s
}

// believe notes until when those who leave are believed to: anew with each who
// begins to and at a reload, and only where something follows from it.
func (b *Account) believe(s *Service, anew bool) {
	switch {
	case s.Leaving == 0 || s.Life != Active || !StressAware(s.Entry):
		s.LeaveBy = 0
	case anew:
		s.LeaveBy = b.Now.Add(leaving)
	}
}

// throttle begins the rest of a service, or leaves the one that it has.
func (b *Account) throttle(s *Service) {
	if !s.Throttled {
		s.Throttled, s.Release = true, b.Now.Add(s.Entry.ThrottleDelay)
		b.verbose(Line{Code: core.LogThrottling, Entry: s.Entry})
	}
	b.changed(s)
}

func (b *Account) release(s *Service) {
	s.Throttled = false
	b.changed(s)
	b.verbose(Line{Code: core.LogThrottleReleased, Entry: s.Entry})
}

// restartWakeups begins them anew: at once, or with the next start.
func (b *Account) restartWakeups(s *Service) {
	s.WakeAt, s.armed = 0, false
	if !s.Entry.WakeupIfUsed {
		b.armWakeups(s)
	}
}

func (b *Account) armWakeups(s *Service) {
	if s.Entry.WakeupInterval > 0 {
		s.armed = true
		b.wakeupComes(s, s.Throttled, false)
	}
}

// wakeupComes: one is due now, unless the service is throttled; either way, if that
// ends at this very instant. A datagram service takes none, and that is said.
func (b *Account) wakeupComes(s *Service, throttled, either bool) {
	b.touch(s)
	s.WakeAt = b.Now.Add(s.Entry.WakeupInterval)
	switch {
	case s.Entry.Type == core.UnixDatagram:
		if either || !throttled {
			b.expect(Line{Code: core.LogWakeupFailed, Entry: s.Entry, Errno: core.EOPNOTSUPP, May: either})
		}
	case either:
		s.Wakes = unsure
	case !throttled:
		s.Wakes++
	}
}

// SettleStarved notes who is held back no longer for want of descriptors.
func (b *Account) SettleStarved() {
	if b.starving == 0 {
		return
	}
	for _, s := range b.InForce {
		if s.Starved && b.affordable(s) {
			s.Starved, s.Freed = false, b.Now
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

func Without[T comparable](list []T, x T) []T {
	for i := range list {
		if list[i] == x {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// expect notes a line that this step must bring, or may.
func (b *Account) expect(l Line) { b.Expected = append(b.Expected, l) }

// verbose is expect for a line that only -v shows.
func (b *Account) verbose(l Line) {
	if b.Options.Verbose {
		b.expect(l)
	}
}
