// Package child is the server's side of the contract with the master, as one
// pure state machine: when a server takes the accept lock, watches, accepts,
// reports, and why it leaves. A real server carries it (osadapter/child), and
// so does every child of the simulated world. Source: spec child, 4 to 8.
//
// It refuses to do anything itself: no clock, no I/O, no goroutine, no
// randomness. It does not know clients apart and never looks into a request:
// it counts them. A Machine is a plain value: copy it, compare it, reset it;
// no step allocates.
package child

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// lockState is where the process stands with the accept lock.
type lockState uint8

const (
	lockNone  lockState = iota // not ours, not asked for
	lockAsked                  // Lock is unanswered
	lockHeld                   // ours
)

// maxActions bounds the actions of one step: Unlock, Report, Serve, and one
// more that settle derives.
const maxActions = 4

// Machine is one server. The zero value is not usable: call New or Reset. It
// is not safe for use by more than one goroutine.
type Machine struct {
	settings Settings
	now      core.Time
	step     uint64

	started     bool
	exited      bool
	lock        lockState
	watching    bool // Watch is out and ConnectionReady has not come
	accepting   bool // Accept is unanswered
	masterGone  bool // the channel is closed, or a report failed
	retired     bool // the retirement time is over
	full        bool // as many clients as there may be, and the master was told
	idleExpired bool // max_idle went by without a client

	clients    int32 // accepted and not Served
	requests   int32 // begun and not ended
	uses       int32 // counted for max_use
	unanswered int32 // reports of Available without an answer

	idle   timer
	retire timer

	actions [maxActions]Action
	count   uint8
}

// New gives a server that waits for its first event, Started.
func New(now core.Time, s Settings) Machine {
	var m Machine
	m.Reset(now, s)
	return m
}

// Reset makes m as New would, in place.
func (m *Machine) Reset(now core.Time, s Settings) {
	*m = Machine{settings: s, now: now}
	m.assert(s.valid(), "the settings are valid")
}

// Step applies one event at the given time, which must not go back. The result
// is valid until the next Step, and empty for ever after Exit.
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

// proceed derives what follows from the facts that the event changed: whether
// the server leaves, and if not, whether it waits for the next client.
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

// start begins the main loop. Nothing is reported: the master counts a new
// process as available (spec child, 4).
func (m *Machine) start() {
	m.started = true
	m.armIdle()
	if m.settings.RetireAfter > 0 {
		m.retire.arm(m.now.Add(m.settings.RetireAfter))
	}
}

// emit adds an action to the current step.
func (m *Machine) emit(a Action) {
	m.assert(!m.exited, "nothing follows Exit")
	m.assert(a.wellFormed(), "an action uses only the fields of its kind")
	m.assert(int(m.count) < maxActions, "a step has few actions")
	m.actions[m.count] = a
	m.count++
}

// report says to the master what we are. Once it is gone, nobody listens.
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
