package core

// removalGrace is the time between SIGTERM and SIGKILL for the children of a
// removed service.
const removalGrace = 5 * Second

// beginRemoval starts to remove a service that left the configuration. The
// reload does not wait for its children (Differs: Q2): they get SIGTERM now and
// SIGKILL after removalGrace.
func (m *Machine) beginRemoval(s *service) {
	s.life = lifeStopping
	m.stopWakeups(s)
	m.timers.cancel(&s.throttleTimer)
	s.throttled = false
	m.timers.cancel(&s.leavingTimer)
	for c := s.first; c != nil; c = c.next {
		if c.state != childStarting {
			m.terminate(c)
		}
		m.retire(c)
	}
	for k, state := range s.listeners {
		if state == listenerOpen {
			a := m.emit(CloseListener)
			a.Service, a.Listener = s.id, uint16(k)
		}
	}
	m.unhold(s)
	s.stoppingIndex = len(m.stopping)
	m.stopping = append(m.stopping, s)
	if s.total == 0 {
		m.finishRemoval(s)
		return
	}
	m.timers.arm(&s.removalTimer, m.now.Add(removalGrace))
}

// unhold takes a held service out of the lists of its predecessors.
func (m *Machine) unhold(s *service) {
	if s.heldBy == 0 {
		return
	}
	for _, before := range m.stopping {
		for i, next := range before.successors {
			if next == s {
				before.successors = append(before.successors[:i], before.successors[i+1:]...)
				break
			}
		}
	}
	s.heldBy = 0
}

// finishRemoval drops a removed service whose last child is gone.
func (m *Machine) finishRemoval(s *service) {
	last := len(m.stopping) - 1
	moved := m.stopping[last]
	m.stopping[s.stoppingIndex] = moved
	moved.stoppingIndex = s.stoppingIndex
	m.stopping[last] = nil
	m.stopping = m.stopping[:last]
	m.dropService(s)
}

// removalOverdue kills the children that did not exit after SIGTERM. It repeats
// while there are any: a child may have been started since.
func (m *Machine) removalOverdue(s *service) {
	for c := s.first; c != nil; c = c.next {
		if c.state == childStarting {
			continue
		}
		if !c.killed {
			a := m.log(LogRemovalKilled)
			a.Entry, a.PID = c.entry, c.pid
		}
		c.killed = true
		m.signal(c, SIGKILL)
	}
	m.timers.arm(&s.removalTimer, m.now.Add(removalGrace))
}
