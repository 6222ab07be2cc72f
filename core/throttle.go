package core

// throttle keeps the service from starting children for its throttle time (spec
// runtime, 8). A service that is already throttled keeps its first deadline.
func (m *Machine) throttle(s *service) {
	if s.throttled {
		return
	}
	s.throttled = true
	m.timers.arm(&s.throttleTimer, m.now.Add(s.entry.ThrottleDelay))
	m.log(LogThrottling).Entry = s.entry
	m.markDirty(s)
}

// Throttled reports whether the service is throttled, so that no child is
// started for it.
func (m *Machine) Throttled(id ServiceID) bool {
	s := m.services.get(uint64(id))
	return s != nil && s.throttled
}

// releaseThrottle ends the throttle; if a client waits, one start follows.
func (m *Machine) releaseThrottle(s *service) {
	m.assert(s.throttled, "only a throttled service is released")
	m.timers.cancel(&s.throttleTimer)
	s.throttled = false
	m.log(LogThrottleReleased).Entry = s.entry
	m.markDirty(s)
}
