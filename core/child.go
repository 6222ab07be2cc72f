package core

// childState is what we know of a child.
type childState uint8

const (
	childStarting childState = iota // asked for, not answered
	childIdle                       // available: can take a client
	childBusy                       // taken
)

// child is one start of a server process, known by its generation.
type child struct {
	generation Generation
	pid        PID // 0 while starting
	service    *service
	entry      *ServiceConfig // the settings it was started with
	state      childState
	retired    bool  // cut off from us; nothing but its exit is expected
	served     bool  // it reported available at least once
	terminated bool  // we sent SIGTERM
	killed     bool  // we sent SIGKILL
	closed     bool  // it closed its end of the status channel
	complaints uint8 // bad status messages that were logged
	timer      timer // to complain of a closed channel
	prev, next *child
}

// counts adds the child to the counts of its service, or with by = -1 takes it
// away. A count and the thing it counts change here and nowhere else.
func (c *child) count(by int32) {
	s := c.service
	s.total += by
	switch {
	case c.state == childStarting:
		s.starting += by
	case c.state == childIdle && !c.retired:
		s.idle += by
	}
	if c.retired {
		s.retired += by
		if c.state == childIdle {
			s.leaving += by
		}
	}
}

// updateChild changes what the counts depend on. Only when one of them really changed
// is the service evaluated again: what a retired child reports must not repeat
// a warning about its limit.
func (m *Machine) updateChild(c *child, state childState, retired bool) {
	s := c.service
	starting, idle, gone, leaving, live := s.starting, s.idle, s.retired, s.leaving, s.live()
	c.count(-1)
	c.state, c.retired = state, retired
	c.count(+1)
	m.adjustLive(s, live)
	m.updateLeavingTimer(s, s.leaving > leaving)
	if s.starting != starting || s.idle != idle || s.retired != gone {
		m.markDirty(s)
	}
}

// leavingGrace is how long a child that was cut off while it was available is
// believed to be about to exit: as long as one of a removed service has to heed
// SIGTERM. One that is stuck keeps its place in the process limit; the warning
// about the limit and stress mode, which follow from that, must not wait for it.
const leavingGrace = removalGrace

// updateLeavingTimer ends the grace when nobody leaves any more or nothing depends on
// it, and begins it anew when somebody began to leave, or a reload asks again.
func (m *Machine) updateLeavingTimer(s *service, anew bool) {
	switch until := m.now.Add(leavingGrace); {
	case s.leaving == 0 || s.life != lifeActive || !s.entry.StressAware():
		m.timers.cancel(&s.leavingTimer)
	case anew && !(s.leavingTimer.armed() && s.leavingTimer.when == until):
		m.timers.arm(&s.leavingTimer, until)
	}
}

// leavingSoon counts the children whose places are believed to be free in a moment.
func (s *service) leavingSoon() int32 {
	if !s.leavingTimer.armed() {
		return 0
	}
	return s.leaving
}

// addChild records a child of s that is about to be started.
func (m *Machine) addChild(s *service) *child {
	var c *child
	if n := len(m.freeChildren); n > 0 {
		c = m.freeChildren[n-1]
		m.freeChildren = m.freeChildren[:n-1]
	} else {
		c = new(child)
	}
	m.lastGeneration++
	*c = child{generation: m.lastGeneration, service: s, entry: s.entry, state: childStarting}
	c.timer = timer{kind: timerChannelClosed, child: c}
	m.listChild(c)
	live := s.live()
	c.count(+1)
	m.adjustLive(s, live)
	m.markDirty(s)
	return c
}

// listChild puts a child at the end of its service's list and into the table.
func (m *Machine) listChild(c *child) {
	s := c.service
	c.prev = s.last
	if s.last != nil {
		s.last.next = c
	} else {
		s.first = c
	}
	s.last = c
	m.children.put(uint64(c.generation), c)
}

// dropChild forgets a child that was reaped or never came to be.
func (m *Machine) dropChild(c *child) {
	s := c.service
	m.timers.cancel(&c.timer)
	m.children.remove(uint64(c.generation))
	live := s.live()
	c.count(-1)
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		s.last = c.prev
	}
	m.adjustLive(s, live)
	m.updateLeavingTimer(s, false)
	*c = child{}
	m.freeChildren = append(m.freeChildren, c)
	m.markDirty(s)
	if s.life == lifeStopping && s.total == 0 {
		m.finishRemoval(s)
	}
}

// retire cuts the child off. One that is still being started is cut off as
// soon as it is there.
func (m *Machine) retire(c *child) {
	if c.retired {
		return
	}
	starting := c.state == childStarting
	m.updateChild(c, c.state, true)
	m.timers.cancel(&c.timer)
	if !starting {
		m.emit(RetireChild).Generation = c.generation
	}
}

// retireChildren cuts off every child of the service that is not yet.
func (m *Machine) retireChildren(s *service) {
	for c := s.first; c != nil; c = c.next {
		m.retire(c)
	}
}
