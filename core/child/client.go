package child

import (
	"math"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// mayAccept reports whether the server accepts another client now. A report
// without its answer may be the last thing that it does.
func (m *Machine) mayAccept() bool {
	switch {
	case m.accepting || m.masterGone || m.retired || m.unanswered > 0:
		return false
	case m.rule().concurrent:
		return !m.full
	default:
		return m.clients == 0
	}
}

func (m *Machine) lockGranted() {
	m.assert(m.lock == lockAsked, "LockGranted answers Lock")
	m.lock = lockHeld
}

func (m *Machine) lockFailed(e core.Errno) {
	m.assert(m.locks(), "only a server that locks can fail at it")
	m.exit(ReasonLock, 1, e)
}

func (m *Machine) unlock() {
	if m.lock == lockHeld {
		m.lock = lockNone
		m.emit(Action{Kind: Unlock})
	}
}

// connectionReady accepts the client. Another process may accept it first, so
// the idle timer is only suspended.
func (m *Machine) connectionReady() {
	if !m.watching {
		return
	}
	m.watching = false
	if !m.mayAccept() {
		return // draining: the watch began before
	}
	m.idle.suspend(m.now)
	m.idleExpired = false
	if m.settings.EarlyUnlock {
		m.unlock()
	}
	m.accepting = true
	m.emit(Action{Kind: Accept})
}

// accepted counts the client and serves it. The connection has left the queue,
// so the master may be told only now to watch the listener itself (spec runtime,
// 8).
func (m *Machine) accepted() {
	m.assert(m.accepting, "Accepted answers Accept")
	m.accepting = false
	m.unlock()
	m.clients++
	m.idle.cancel()
	if m.rule().taken {
		m.beginRequest()
	}
	m.reportIfFull()
	m.emit(Action{Kind: Serve})
}

// reportIfFull reports taken when the server has as many clients as it may have:
// available would mean that it accepts the next one (spec runtime, 8). A full
// server is taken no matter what its clients do, so that the master starts another
// process or watches the listener itself. Below the limit it behaves like the
// reference's servers, which have no limit.
func (m *Machine) reportIfFull() {
	if !m.rule().concurrent || m.settings.MaxClients == 0 || m.clients < m.settings.MaxClients {
		return
	}
	m.full = true
	if m.requests == 0 {
		m.report(wire.Taken)
	}
}

// reportRoom reports available when a client has left a full server. A server
// that is about to exit, or is retired and accepts no more, has no room to
// report.
func (m *Machine) reportRoom() {
	if !m.full || m.retired || m.reasonToLeave() != ReasonNone {
		return
	}
	m.full = false
	if m.requests == 0 {
		m.reportAvailable()
	}
}

func (m *Machine) acceptMissed() {
	m.assert(m.accepting, "AcceptMissed answers Accept")
	m.accepting = false
	m.unlock()
	m.idle.resume(m.now)
}

func (m *Machine) requestBegan() {
	m.assert(m.settings.Skeleton == Multi, "only a multi server tells of requests")
	m.beginRequest()
}

func (m *Machine) requestEnded() {
	m.assert(m.rule().concurrent, "a server of one client at a time ends with Served")
	m.endRequest()
}

// beginRequest reports taken for the first of the requests in progress. Further
// ones do not change what the master knows, nor do any while the server is full.
func (m *Machine) beginRequest() {
	m.assert(m.requests < m.clients, "a client has one request at a time")
	m.requests++
	if m.full {
		return
	}
	if m.requests == 1 {
		m.report(wire.Taken)
	}
}

func (m *Machine) endRequest() {
	m.assert(m.requests > 0, "a request ends that began")
	m.requests--
	if m.requests == 0 {
		m.reportAvailable()
	}
}

// reportAvailable reports available unless the server is full.
func (m *Machine) reportAvailable() {
	if !m.full {
		m.report(wire.Available)
	}
}

func (m *Machine) served() {
	m.assert(m.clients > 0, "Served answers Serve")
	m.clients--
	if m.uses < math.MaxInt32 {
		m.uses++
	}
	if !m.rule().concurrent {
		m.endRequest()
		return
	}
	m.assert(m.requests <= m.clients, "a client that is gone has no request open")
	if m.clients == 0 {
		m.armIdle()
		if m.accepting {
			m.idle.suspend(m.now) // the next client may already be waiting
		}
	}
	m.reportRoom()
}

func (m *Machine) reported() {
	m.assert(m.unanswered > 0, "Reported answers Report of Available")
	m.unanswered--
	if !m.rule().concurrent {
		m.armIdle()
	}
}

// reportFailed records that the channel is cut. This is how a busy server learns
// of a reload, and why it does not go back to the accept lock.
func (m *Machine) reportFailed() {
	m.assert(m.unanswered > 0, "ReportFailed answers Report of Available")
	m.unanswered--
	m.masterGone = true
}
