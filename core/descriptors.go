package core

// Each child that is not retired holds one of the master's descriptors: its
// status channel. A busy service must not use up all descriptors, so one is
// reserved for each service without a child. A service that would take a reserved
// one is starved: the master does not watch its listeners until a descriptor is
// free or its own last child has exited. Nothing failed, so it is not throttled.

// live returns the number of the service's children that hold a descriptor.
func (s *service) live() int32 { return s.total - s.retired }

// adjustLive updates the machine's sums after the children of s changed; before
// is how many of them were live.
func (m *Machine) adjustLive(s *service, before int32) {
	now := s.live()
	m.live += int64(now - before)
	if s.life != lifeActive {
		return
	}
	switch {
	case before == 0 && now > 0:
		m.reserved--
	case before > 0 && now == 0:
		m.reserved++
	}
}

// childBudget returns how many children may be live: the descriptors that
// listeners leave.
func (m *Machine) childBudget() int64 { return int64(m.options.Descriptors) - m.listeners }

// canAffordChild reports whether one more child of s takes no descriptor that is
// reserved for another service.
func (m *Machine) canAffordChild(s *service) bool {
	return m.options.Descriptors == 0 || s.live() == 0 || m.hasSpareDescriptor()
}

// hasSpareDescriptor reports whether a descriptor is free that is reserved for
// no service.
func (m *Machine) hasSpareDescriptor() bool { return m.live+int64(m.reserved) < m.childBudget() }

// markStarved is called when a client of s waits and the service cannot afford a
// child.
func (m *Machine) markStarved(s *service) {
	s.starved, s.starvedIndex = true, len(m.starved)
	m.starved = append(m.starved, s)
	m.markDirty(s)
	if m.starvedWarned && m.now.Sub(m.starvedWarnedAt) <= limitWarningInterval {
		return
	}
	m.starvedWarned, m.starvedWarnedAt = true, m.now
	a := m.log(LogStarved)
	a.Entry, a.Number = s.entry, m.live
}

// clearStarved makes s no longer starved; it does nothing if s is not.
func (m *Machine) clearStarved(s *service) {
	if !s.starved {
		return
	}
	last := len(m.starved) - 1
	moved := m.starved[last]
	m.starved[s.starvedIndex] = moved
	moved.starvedIndex = s.starvedIndex
	m.starved[last] = nil
	m.starved = m.starved[:last]
	s.starved = false
}

// releaseStarved clears every starved service as soon as one descriptor is
// spare: only their listeners can tell which of them still have clients.
func (m *Machine) releaseStarved() {
	if len(m.starved) == 0 || !m.hasSpareDescriptor() {
		return
	}
	for _, s := range m.starved {
		s.starved = false
		m.markDirty(s)
	}
	clear(m.starved)
	m.starved = m.starved[:0]
}

// countDescriptors adds up what the active services hold and what is reserved
// for them.
func (m *Machine) countDescriptors() (live int64, bare int32, listeners int64) {
	for _, s := range m.active {
		live += int64(s.live())
		listeners += int64(len(s.listeners))
		if s.live() == 0 {
			bare++
		}
	}
	return live, bare, listeners
}
