package child

import "github.com/stationmaster/stationmaster/core"

// reasonToLeave returns why the server must exit now, or ReasonNone. No other
// function decides that (spec child, 5: loop ends, timer fires, descriptor 5).
func (m *Machine) reasonToLeave() Reason {
	if m.masterGone && m.rule().concurrent && !m.settings.Drain {
		return ReasonMasterGone // even with clients connected
	}
	if m.clients > 0 || m.accepting || m.unanswered > 0 {
		return ReasonNone
	}
	switch {
	case m.masterGone:
		return ReasonMasterGone
	case m.retired:
		return ReasonRetired
	case m.settings.MaxUse > 0 && m.uses >= m.settings.MaxUse:
		return ReasonUsed
	case m.idleExpired:
		return ReasonIdle
	default:
		return ReasonNone
	}
}

func (m *Machine) exit(why Reason, code uint8, e core.Errno) {
	m.emit(Action{Kind: Exit, Reason: why, Code: code, Errno: e})
	m.exited = true
}

// timer is one deadline that can be suspended and later resumed with the time
// that was left.
type timer struct {
	when      core.Time
	left      core.Duration
	armed     bool
	suspended bool
}

func (t *timer) arm(when core.Time) { *t = timer{when: when, armed: true} }

func (t *timer) cancel() { *t = timer{} }

func (t *timer) suspend(now core.Time) {
	if t.armed {
		*t = timer{left: max(0, t.when.Sub(now)), suspended: true}
	}
}

func (t *timer) resume(now core.Time) {
	if t.suspended {
		t.arm(now.Add(t.left))
	}
}

func (t *timer) expired(now core.Time) bool { return t.armed && now >= t.when }

func (m *Machine) armIdle() {
	if m.settings.MaxIdle > 0 {
		m.idle.arm(m.now.Add(m.settings.MaxIdle))
	}
}

func (m *Machine) timerExpired() {
	if m.idle.expired(m.now) {
		m.idle.cancel()
		m.idleExpired = true
	}
	if m.retire.expired(m.now) {
		m.retire.cancel()
		m.retired = true
	}
}

// Deadline returns the time at which the machine next needs a TimerExpired. ok
// is false when no timer is set. The deadline holds while Lock is unanswered; a
// server that blocks in the lock checks it afterwards.
func (m *Machine) Deadline() (when core.Time, ok bool) {
	switch {
	case m.exited:
		return 0, false
	case m.idle.armed && (!m.retire.armed || m.idle.when <= m.retire.when):
		return m.idle.when, true
	case m.retire.armed:
		return m.retire.when, true
	default:
		return 0, false
	}
}
