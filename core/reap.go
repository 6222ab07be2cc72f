package core

// childExited records the end of a process (spec runtime, 8). Generation 0 is a
// process that this master did not start: one inherited over exec, or an orphan
// adopted as process 1 (Differs: Q3, it never ends the master).
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

// killedByUs reports whether the child died of a signal that the master sent it:
// such an end is neither logged nor a crash.
func (c *child) killedByUs(status ExitStatus) bool {
	sig, ok := status.Signaled()
	return ok && (sig == SIGTERM && c.terminated || sig == SIGKILL && c.killed)
}

// childStopped logs the stop; a stopped child is still alive and keeps its
// record.
func (m *Machine) childStopped(g Generation, sig Signal) {
	c := m.children.get(uint64(g))
	if c == nil {
		return
	}
	a := m.log(LogStopped)
	a.Entry, a.PID, a.Signal = c.entry, c.pid, sig
}

// terminate sends SIGTERM to the child.
func (m *Machine) terminate(c *child) {
	c.terminated = true
	m.signal(c, SIGTERM)
}

func (m *Machine) signal(c *child, sig Signal) {
	a := m.emit(SignalChild)
	a.Generation, a.PID, a.Signal = c.generation, c.pid, sig
}
