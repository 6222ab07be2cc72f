package core

// Each child that is not cut off holds a descriptor of ours, its status channel.
// When they run out, whoever comes first must not take them all: one is kept for
// each service that has no child. A service that would take a kept one is held
// back: it does not listen until a descriptor is free, or until it has no child
// itself. Nothing failed, so it is not throttled.

// live counts the children of the service that hold a descriptor.
func (s *service) live() int32 { return s.total - s.retired }

// adjustLive keeps the machine's sums after the children of s changed; before is
// how many of them were live.
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

// childBudget is how many children may be live: what listeners leave.
func (m *Machine) childBudget() int64 { return int64(m.options.Descriptors) - m.listeners }

// canAffordChild reports whether one more child of s takes no descriptor that is kept
// for another service.
func (m *Machine) canAffordChild(s *service) bool {
	return m.options.Descriptors == 0 || s.live() == 0 || m.hasSpareDescriptor()
}

// hasSpareDescriptor reports whether there is a descriptor that is kept for nobody.
func (m *Machine) hasSpareDescriptor() bool { return m.live+int64(m.reserved) < m.childBudget() }

// markStarved is called when a client of s waits and no child can be afforded.
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

// clearStarved ends that; a service that is not held back stays as it is.
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

// releaseStarved lets listen whoever can be afforded again. With a spare descriptor
// that is everybody: whose clients still wait only the listeners can tell.
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

// countDescriptors adds up what the active services hold and keep.
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
