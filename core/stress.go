package core

// stressTime is how long stress mode lasts after the last process slot was used
// (spec runtime, 8).
const stressTime = 1000 * Second

// inStress reports whether children started now get stress=yes.
func (m *Machine) inStress(s *service) bool {
	return s.stressed && s.stressUntil > m.now && s.entry.StressAware()
}

// enterStressIfLastSlot is called before a start. When the start uses the last
// slot of a service that gets the stress argument, it retires all children, so
// that they leave after their request and make room for ones started under
// stress; this restarts the wakeup too (quirk Q26, as in the original). Idle
// children that a reload retired are no sign of stress: the original does not
// even listen before they are gone (Q5).
func (m *Machine) enterStressIfLastSlot(s *service) {
	if !s.entry.StressAware() || s.total-s.leavingSoon()+1 < s.entry.ProcessLimit {
		return
	}
	if !s.stressed || s.stressUntil < m.now {
		m.retireChildren(s)
		m.restartWakeup(s)
	}
	s.stressed, s.stressUntil = true, m.now.Add(stressTime)
}
