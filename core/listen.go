package core

// limitWarningInterval is the minimum time between two warnings about the
// process limit of one service (spec runtime, 8).
const limitWarningInterval = 1000 * Second

// updateWatch makes the watch agree with the state. It is the only function that
// emits WatchListener and, with stopWatching, the only one that emits
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

// warnLimit warns that clients wait, at most once in limitWarningInterval and
// only for services that get the stress argument. It says nothing while idle
// children from before a reload are leaving: their clients do not wait for long.
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

// listenerReady starts a child for the waiting client. It ignores a service that
// is not watched: the adapter may deliver a readiness that it fetched before the
// machine stopped watching.
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
