// Package child is the server's side of the contract with the master, as one
// pure state machine: it decides when a server takes the accept lock, watches,
// accepts and reports, and why it exits. Real servers run it through
// osadapter/child, and so does every child of the simulated world. Source: spec
// child, 4 to 8.
//
// It performs nothing itself: no clock, no I/O, no goroutine, no randomness. It
// does not identify clients and never reads a request: it counts them. A Machine
// is a plain value: copy it, compare it, reset it. No step allocates.
package child

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// lockState is what the process has of the accept lock.
type lockState uint8

const (
	lockNone  lockState = iota // not held, not requested
	lockAsked                  // Lock is unanswered
	lockHeld                   // held
)

// maxActions bounds the actions of one step: Unlock, Report, Serve, and one more
// that proceed derives.
const maxActions = 4

// Machine is one server. The zero value is not usable: call New or Reset. It is
// not safe for concurrent use.
type Machine struct {
	settings Settings
	now      core.Time
	step     uint64

	started     bool
	exited      bool
	lock        lockState
	watching    bool // Watch is in force and ConnectionReady has not come
	accepting   bool // Accept is unanswered
	masterGone  bool // the channel is closed, or a report failed
	retired     bool // the retirement time is over
	full        bool // at MaxClients, and reported as taken
	idleExpired bool // max_idle passed without a client

	clients    int32 // accepted and not Served
	requests   int32 // in progress
	uses       int32 // counted for max_use
	unanswered int32 // reports of Available without an answer

	idle   timer
	retire timer

	actions [maxActions]Action
	count   uint8
}

// New returns a server that waits for its first event, Started.
func New(now core.Time, s Settings) Machine {
	var m Machine
	m.Reset(now, s)
	return m
}

// Reset makes m equal to what New returns.
func (m *Machine) Reset(now core.Time, s Settings) {
	*m = Machine{settings: s, now: now}
	m.assert(s.valid(), "the settings are valid")
}

// Step applies one event at the given time, which must not go back. The result
// is valid until the next Step. After Exit it is always empty.
func (m *Machine) Step(now core.Time, ev Event) []Action {
	m.assert(now >= m.now, "time does not go back")
	m.now = now
	m.step++
	m.count = 0
	if m.exited {
		return nil
	}
	m.assert(ev.wellFormed(), "an event uses only the fields of its kind")
	m.assert(m.started != (ev.Kind == Started), "Started is the first event, and comes once")
	switch ev.Kind {
	case Started:
		m.start()
	case LockGranted:
		m.lockGranted()
	case LockFailed:
		m.lockFailed(ev.Errno)
	case ConnectionReady:
		m.connectionReady()
	case Accepted:
		m.accepted()
	case AcceptMissed:
		m.acceptMissed()
	case RequestBegan:
		m.requestBegan()
	case RequestEnded:
		m.requestEnded()
	case Served:
		m.served()
	case Reported:
		m.reported()
	case ReportFailed:
		m.reportFailed()
	case ChannelClosed:
		m.masterGone = true
	case TimerExpired:
		m.timerExpired()
	default:
		m.assert(false, "the kind of event is known")
	}
	m.proceed()
	return m.actions[:m.count]
}

// proceed derives what follows from the event: whether the server exits, and if
// not, whether it waits for the next client.
func (m *Machine) proceed() {
	if m.exited {
		return
	}
	if why := m.reasonToLeave(); why != ReasonNone {
		m.exit(why, 0, 0)
		return
	}
	if m.watching || !m.mayAccept() {
		return
	}
	if m.locks() && m.lock != lockHeld {
		if m.lock == lockNone {
			m.lock = lockAsked
			m.emit(Action{Kind: Lock})
		}
		return
	}
	m.watching = true
	m.emit(Action{Kind: Watch})
}

// start begins the main loop. It reports nothing: the master counts a new
// process as available (spec child, 4).
func (m *Machine) start() {
	m.started = true
	m.armIdle()
	if m.settings.RetireAfter > 0 {
		m.retire.arm(m.now.Add(m.settings.RetireAfter))
	}
}

// emit appends an action to the current step.
func (m *Machine) emit(a Action) {
	m.assert(!m.exited, "nothing follows Exit")
	m.assert(a.wellFormed(), "an action uses only the fields of its kind")
	m.assert(int(m.count) < maxActions, "a step has few actions")
	m.actions[m.count] = a
	m.count++
}

// report reports the status to the master, unless the master is gone.
func (m *Machine) report(s wire.Status) {
	if m.masterGone {
		return
	}
	if s == wire.Available {
		m.unanswered++
	}
	m.emit(Action{Kind: Report, Status: s})
}

func (m *Machine) assert(holds bool, what string) {
	if !holds {
		panic(core.BrokenInvariant{Step: m.step, What: what})
	}
}
