package core

// childExited books the end of a process (spec runtime, 8). Generation 0 is a
// process that we did not start: one handed down over exec, or an orphan that
// came to us as process 1 (Differs: Q3, it never ends the master).
func (m *Machine) childExited(g Generation, pid PID, status ExitStatus) {
	c := m.children.get(uint64(g))
	if c == nil {
		if !m.options.InitMode {
			a := m.log(LogStranger)
			a.PID, a.Status = pid, status
		}
		return
	}
	m.assert(c.pid == pid && c.state != childStarting, "the exited child is one that was started")
	s, entry := c.service, c.entry
	bad := !status.Normal() && !c.killedByUs(status)
	if bad {
		a := m.log(LogExited)
		a.Entry, a.PID, a.Status = entry, pid, status
	}
	startedBadly := bad && !c.served && s.life == lifeActive && !s.throttled
	m.dropChild(c)
	if startedBadly {
		m.log(LogBadStartup).Entry = entry
		m.throttle(s)
	}
}

// killedByUs tells whether the child died of a signal that we sent it: that is
// neither news nor a crash.
func (c *child) killedByUs(status ExitStatus) bool {
	sig, ok := status.Signaled()
	return ok && (sig == SIGTERM && c.terminated || sig == SIGKILL && c.killed)
}

// childStopped: a stopped child is not a dead one; its record is kept.
func (m *Machine) childStopped(g Generation, sig Signal) {
	c := m.children.get(uint64(g))
	if c == nil {
		return
	}
	a := m.log(LogStopped)
	a.Entry, a.PID, a.Signal = c.entry, c.pid, sig
}

// terminate asks the child to end.
func (m *Machine) terminate(c *child) {
	c.terminated = true
	m.signal(c, SIGTERM)
}

func (m *Machine) signal(c *child, sig Signal) {
	a := m.emit(SignalChild)
	a.Generation, a.PID, a.Signal = c.generation, c.pid, sig
}
