package core

// startChild requests one more child for s. Until the answer the service is in
// StateStarting and requests no other.
func (m *Machine) startChild(s *service) {
	m.assert(s.state() == StateIdle, "a child is started only when one is wanted and may be")
	c := m.addChild(s)
	a := m.emit(StartChild)
	a.Service, a.Generation, a.Entry, a.Flag = s.id, c.generation, c.entry, m.inStress(s)
}

// childStarted makes the child available at once, before any status report (spec
// runtime, 7.2). It also applies to the child what happened to the service since
// the start was requested.
func (m *Machine) childStarted(g Generation, pid PID) {
	c := m.children.get(uint64(g))
	m.assert(c != nil && c.state == childStarting, "ChildStarted answers a start")
	c.pid = pid
	m.updateChild(c, childIdle, c.retired)
	a := m.log(LogSpawned)
	a.Entry, a.PID = c.entry, pid
	s := c.service
	if s.life == lifeStopping {
		m.terminate(c)
	}
	if c.retired {
		m.emit(RetireChild).Generation = c.generation
		return
	}
	m.armWakeupIfUsed(s)
}

// childStartFailed frees the slot and throttles the service.
func (m *Machine) childStartFailed(g Generation, step StartStep, e Errno) {
	c := m.children.get(uint64(g))
	m.assert(c != nil && c.state == childStarting, "ChildStartFailed answers a start")
	s, entry := c.service, c.entry
	m.dropChild(c)
	if s.life != lifeActive {
		return
	}
	var a *Action
	switch step {
	case StartExec:
		// Differs: G6. The original's forked child logs this under its own pid
		// and exits 1, which then counts as a bad startup.
		a = m.log(LogExecFailed)
		a.Entry, a.Errno = entry, e
		if !s.throttled {
			m.log(LogBadStartup).Entry = entry
		}
	case StartChannel:
		a = m.log(LogChannelFailed)
		a.Entry, a.Errno = entry, e
	default:
		a = m.log(LogForkFailed)
		a.Entry, a.Errno = entry, e
	}
	m.throttle(s)
}
