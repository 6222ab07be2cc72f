package core

// limitWarningInterval is the least span between two warnings about the
// process limit of one service (spec runtime, 8).
const limitWarningInterval = 1000 * Second

// updateWatch makes the watch agree with the state. It is the only place
// that emits WatchListener, and with stopListening the only one that emits
// IgnoreListener.
func (m *Machine) updateWatch(s *service) {
	if s.life == lifeGone {
		return
	}
	if m.canAffordChild(s) {
		m.clearStarved(s)
	}
	state := s.state()
	switch want := watchedIn[state]; {
	case want && !s.watching:
		s.watching = true
		m.emit(WatchListener).Service = s.id
	case !want:
		m.stopWatching(s)
	}
	if state == StateSaturated {
		m.warnLimit(s)
	}
	m.checkCounts(s)
}

func (m *Machine) stopWatching(s *service) {
	if s.watching {
		s.watching = false
		m.emit(IgnoreListener).Service = s.id
	}
}

// warnLimit tells the operator that clients wait, at most once in
// limitWarningInterval and only for services that know stress mode. While idle
// children of before a reload leave, nobody waits for long.
func (m *Machine) warnLimit(s *service) {
	if !s.entry.StressAware() || s.leavingSoon() > 0 || s.warned && m.now.Sub(s.warnedAt) <= limitWarningInterval {
		return
	}
	s.warned, s.warnedAt = true, m.now
	a := m.log(LogLimit)
	a.Entry, a.Number = s.entry, int64(s.entry.ProcessLimit)
	m.log(LogLimitRemedy)
	m.log(LogLimitHelp)
}

// listenerReady starts a child for the waiting client. A service that is not
// watched is none of our business: the adapter may deliver a readiness that
// was fetched before we looked away.
func (m *Machine) listenerReady(id ServiceID) {
	s := m.services.get(uint64(id))
	if s == nil || !s.watching {
		return
	}
	if !m.canAffordChild(s) {
		m.markStarved(s)
		return
	}
	m.enterStressIfLastSlot(s)
	m.startChild(s)
}
