package core

// signalReceived handles the signals of spec runtime, section 12, and ignores
// all others.
func (m *Machine) signalReceived(sig Signal) {
	switch sig {
	case SIGHUP:
		m.requestReload()
	case SIGINT, SIGQUIT, SIGILL, SIGBUS, SIGSEGV, SIGTERM:
		m.shutdown(sig)
	}
}

// shutdown signals the whole process group and ends the process by the same
// signal. It waits for no process: children finish or die on their own.
func (m *Machine) shutdown(sig Signal) {
	m.emit(SignalGroup).Signal = SIGTERM
	if !m.options.GroupLeader {
		// Differs: Q15. Without a process group of its own, the signal above
		// reaches no process or strangers, so each child is signalled.
		m.terminateAll(m.active)
		m.terminateAll(m.stopping)
	}
	m.log(LogTerminating).Signal = sig
	if m.options.InitMode {
		sig = 0
	}
	m.exit(0, sig)
}

func (m *Machine) terminateAll(services []*service) {
	for _, s := range services {
		for c := s.first; c != nil; c = c.next {
			if c.state != childStarting {
				m.terminate(c)
			}
		}
	}
}

// exitTimeArrived ends the process as -e requires; children are not signalled.
func (m *Machine) exitTimeArrived() {
	m.log(LogExitTime)
	m.exit(0, 0)
}
