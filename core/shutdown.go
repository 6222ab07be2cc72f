package core

// signalReceived knows the signals of spec runtime, section 12; others are
// none of the machine's business.
func (m *Machine) signalReceived(sig Signal) {
	switch sig {
	case SIGHUP:
		m.requestReload()
	case SIGINT, SIGQUIT, SIGILL, SIGBUS, SIGSEGV, SIGTERM:
		m.shutdown(sig)
	}
}

// shutdown passes the end on to the whole process group and ends by the same
// signal. Nobody is waited for: children finish or die on their own.
func (m *Machine) shutdown(sig Signal) {
	m.emit(SignalGroup).Signal = SIGTERM
	if !m.options.GroupLeader {
		// Differs: Q15. Without a group of our own the signal above reaches
		// nobody or strangers; our children are told one by one.
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

// exitTimeArrived ends the process as -e asked; children are not told.
func (m *Machine) exitTimeArrived() {
	m.log(LogExitTime)
	m.exit(0, 0)
}
