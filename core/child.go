package core

// childState is the availability that the child last reported.
type childState uint8

const (
	childStarting childState = iota // StartChild is unanswered
	childIdle                       // available: can take a client
	childBusy                       // taken
)

// child is one start of a server process, identified by its generation.
type child struct {
	generation Generation
	pid        PID // 0 while starting
	service    *service
	entry      *ServiceConfig // the settings it was started with
	state      childState
	retired    bool  // its status channel is cut; only its exit is expected
	served     bool  // it reported available at least once
	terminated bool  // we sent SIGTERM
	killed     bool  // we sent SIGKILL
	closed     bool  // it closed its end of the status channel
	complaints uint8 // bad status messages that were logged
	timer      timer // for the line about a closed channel
	prev, next *child
}

// count adds the child to the counts of its service, or subtracts it with by =
// -1. A count and the children it counts change here and nowhere else.
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

// updateChild changes the fields that the counts depend on. It marks the service
// dirty only when a count really changed: the report of a retired child must not
// repeat a warning about the limit.
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

// leavingGrace is how long a child that was idle when it was retired is expected
// to exit soon: as long as a child of a removed service has to act on SIGTERM. A
// child that hangs still counts toward the process limit. Beyond the grace, the
// warning about the limit and stress mode no longer ignore it.
const leavingGrace = removalGrace

// updateLeavingTimer ends the grace when no child is leaving or nothing depends
// on the grace. It restarts the grace when another child begins to leave or a
// reload retires the children again.
func (m *Machine) updateLeavingTimer(s *service, anew bool) {
	switch until := m.now.Add(leavingGrace); {
	case s.leaving == 0 || s.life != lifeActive || !s.entry.StressAware():
		m.timers.cancel(&s.leavingTimer)
	case anew && !(s.leavingTimer.armed() && s.leavingTimer.when == until):
		m.timers.arm(&s.leavingTimer, until)
	}
}

// leavingSoon returns the number of children whose slots are expected to be free
// soon.
func (s *service) leavingSoon() int32 {
	if !s.leavingTimer.armed() {
		return 0
	}
	return s.leaving
}

// addChild adds a child of s that is about to be started.
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

// listChild appends a child to its service's list and adds it to the table.
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

// dropChild removes a child that was reaped or whose start failed.
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

// retire cuts the child off. A child that is still being started is cut off as
// soon as it has started.
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

// retireChildren retires every child of the service that is not retired yet.
func (m *Machine) retireChildren(s *service) {
	for c := s.first; c != nil; c = c.next {
		m.retire(c)
	}
}
