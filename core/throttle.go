package core

// throttle keeps the service from starting children for its throttle time
// (spec runtime, 8). A service that is throttled already stays so until the
// time it was given first.
func (m *Machine) throttle(s *service) {
	if s.throttled {
		return
	}
	s.throttled = true
	m.timers.arm(&s.throttleTimer, m.now.Add(s.entry.ThrottleDelay))
	m.log(LogThrottling).Entry = s.entry
	m.markDirty(s)
}

// Throttled reports whether nobody is started for the service now, whoever waits.
func (m *Machine) Throttled(id ServiceID) bool {
	s := m.services.get(uint64(id))
	return s != nil && s.throttled
}

// releaseThrottle ends the rest: one attempt follows if a client waits.
func (m *Machine) releaseThrottle(s *service) {
	m.assert(s.throttled, "only a throttled service is released")
	m.timers.cancel(&s.throttleTimer)
	s.throttled = false
	m.log(LogThrottleReleased).Entry = s.entry
	m.markDirty(s)
}
