package core

// checkCounts asserts what must hold for one service after every step that
// changed it. It is cheap and stays on in production.
func (m *Machine) checkCounts(s *service) {
	m.assert(s.idle >= 0 && s.starting >= 0 && s.retired >= 0, "no count is negative")
	m.assert(s.idle+s.starting <= s.total && s.retired <= s.total, "no count exceeds the children")
	m.assert(s.starting <= 1, "at most one start of a service is pending")
	m.assert(s.watching == watchedIn[s.state()] || m.phase == phaseExited, "the watch agrees with the state")
	m.assert(s.throttled == s.throttleTimer.armed(), "a throttled service has a deadline")
	m.assert(!s.leavingTimer.armed() || s.leaving > 0 && s.life == lifeActive && s.entry.StressAware(), "only who leaves is waited for")
}

// Check recomputes every invariant from scratch and returns the first that does
// not hold. It walks the whole state: the simulator and the fuzz targets call it
// after each step.
func (m *Machine) Check() (err error) {
	defer func() {
		if r := recover(); r != nil {
			broken, ok := r.(BrokenInvariant)
			if !ok {
				panic(r)
			}
			err = broken
		}
	}()
	m.assert(len(m.dirty) == 0, "every touched service is settled")
	children, wakeups, services := 0, 0, 0
	opening := m.reload.added
	for _, list := range [3][]*service{m.active, m.stopping, opening} {
		for i, s := range list {
			services++
			m.assert(m.services.get(uint64(s.id)) == s, "a service is found by its number")
			m.assert(!s.dirty, "no service is left dirty")
			m.assert(s.id <= m.lastService, "no service is ahead of the last")
			children += m.checkChildren(s)
			wakeups += m.checkWakeups(s)
			m.checkCounts(s)
			m.checkLife(s, i)
		}
	}
	m.assert(services == m.services.used, "no service is forgotten")
	m.assert(children == m.children.used, "no child is forgotten")
	m.assert(wakeups == m.wakeups.used, "no wakeup is forgotten")
	m.checkTimers()
	m.checkPhases()
	m.checkDescriptors()
	return nil
}

// checkDescriptors asserts that the sums equal those of the services, and that
// no service is starved that can afford a child.
func (m *Machine) checkDescriptors() {
	live, bare, listeners := m.countDescriptors()
	m.assert(live == m.live && bare == m.reserved && listeners == m.listeners, "the sums of descriptors are those of the services")
	starved := 0
	for _, s := range m.active {
		if s.starved {
			starved++
			m.assert(!m.canAffordChild(s) && s.starvedIndex < len(m.starved) && m.starved[s.starvedIndex] == s, "a service is held back only for want of descriptors")
		}
	}
	m.assert(starved == len(m.starved), "only active services are held back")
}

// checkPhases asserts what belongs to each phase of the machine and of a reload.
func (m *Machine) checkPhases() {
	t := &m.reload
	m.assert(m.phase <= phaseExited && t.phase <= reloadDisplacing, "the phases are known")
	m.assert(m.phase != phaseRunning || m.config != nil, "a machine that runs has a configuration")
	m.assert(m.phase != phaseBooting || m.config == nil && t.phase != reloadLoading, "the first configuration is not asked for")
	m.assert((t.pending > 0) == (t.phase >= reloadOpening), "a transaction waits for answers or is over")
	m.assert((t.plan != nil) == (t.phase >= reloadOpening), "a transaction has a plan")
	m.assert(t.request <= m.lastRequest, "no request is ahead of the last")
}

func (m *Machine) checkChildren(s *service) int {
	var total, starting, idle, retired, leaving int32
	var before *child
	for c := s.first; c != nil; c = c.next {
		m.assert(m.children.get(uint64(c.generation)) == c, "a child is found by its generation")
		m.assert(c.service == s && c.prev == before, "a child is in the list of its service")
		m.assert(c.generation <= m.lastGeneration, "no child is ahead of the last")
		m.assert(before == nil || before.generation < c.generation, "children stand in the order of their starts")
		m.assert((c.state == childStarting) == (c.pid == 0), "a started child has a pid")
		m.assert(!c.retired || !c.timer.armed(), "nobody complains of a retired child's channel")
		before = c
		total++
		switch {
		case c.state == childStarting:
			starting++
		case c.state == childIdle && !c.retired:
			idle++
		}
		if c.retired {
			retired++
		}
		if c.retired && c.state == childIdle {
			leaving++
		}
	}
	m.assert(s.last == before, "the list of children has its last")
	m.assert(s.total == total && s.starting == starting && s.idle == idle && s.retired == retired && s.leaving == leaving, "counts equal the children listed")
	return int(total)
}

func (m *Machine) checkWakeups(s *service) int {
	n := 0
	var before *wakeup
	for w := s.openWakeups; w != nil; w = w.next {
		m.assert(m.wakeups.get(uint64(w.request)) == w, "a wakeup is found by its request")
		m.assert(w.service == s && w.prev == before && w.timer.armed(), "a wakeup is in the list of its service and has a deadline")
		m.assert(w.request <= m.lastRequest, "no wakeup is ahead of the last")
		before = w
		n++
	}
	return n
}

// checkLife asserts what belongs to each life of a service; i is its index in
// the list that holds it.
func (m *Machine) checkLife(s *service, i int) {
	switch s.life {
	case lifeActive:
		for _, state := range s.listeners {
			m.assert(state == listenerOpen, "an active service has all its listeners")
		}
		m.assert(!s.wakeupArmed || s.wakeupTimer.armed(), "armed wakeups have a deadline")
		m.assert(s.heldBy == 0 || s.total == 0, "a held service starts no children")
	case lifeStopping:
		m.assert(s.total > 0 && s.retired == s.total, "a removed service waits for retired children only")
		m.assert(s.removalTimer.armed() && !s.wakeupTimer.armed() && s.openWakeups == nil, "a removed service waits for its end only")
		m.assert(s.stoppingIndex == i, "a removed service knows its place")
		for _, next := range s.successors {
			m.assert(next.life == lifeActive && next.heldBy > 0, "a successor is held")
		}
	case lifeOpening:
		m.assert(s.total == 0 && !s.wakeupTimer.armed(), "a service begins when the reload is committed")
	default:
		m.assert(false, "a forgotten service is in no list")
	}
}

func (m *Machine) checkTimers() {
	for i, t := range m.timers.heap {
		m.assert(int(t.pos) == i+1, "a timer knows its place")
		m.assert(t.seq <= m.timers.seq, "no timer is ahead of the last")
		m.assert(i == 0 || !m.timers.less(t, m.timers.heap[(i-1)/2]), "the next deadline is on top")
	}
}
