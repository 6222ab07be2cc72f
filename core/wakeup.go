package core

// wakeupSendLimit bounds sending one wakeup. wakeupCloseLimit is how long its
// connection is kept open for a receiver that does not close it (spec runtime,
// 9).
const (
	wakeupSendLimit  = 1 * Second
	wakeupCloseLimit = 101 * Second
)

// wakeup is one wakeup request: being sent, or sent and waiting for the receiver
// to close the connection.
type wakeup struct {
	request    Request
	service    *service
	entry      *ServiceConfig
	sent       bool
	timer      timer
	prev, next *wakeup // of the service
}

// restartWakeup restarts the service's wakeups at boot, at a reload and when
// stress begins: the first one is sent at once, or with '?' at the next start of
// a child.
func (m *Machine) restartWakeup(s *service) {
	m.timers.cancel(&s.wakeupTimer)
	s.wakeupArmed = false
	if !s.entry.WakeupIfUsed {
		m.armWakeup(s)
	}
}

func (m *Machine) armWakeupIfUsed(s *service) {
	if s.entry.WakeupIfUsed && !s.wakeupArmed && s.life == lifeActive {
		m.armWakeup(s)
	}
}

func (m *Machine) armWakeup(s *service) {
	if s.entry.WakeupInterval > 0 {
		s.wakeupArmed = true
		m.wakeupDue(s)
	}
}

// wakeupDue sends one wakeup and arms the timer for the next. It sends none to a
// throttled service, but the interval continues.
func (m *Machine) wakeupDue(s *service) {
	if !s.throttled {
		m.sendWakeup(s)
	}
	m.timers.arm(&s.wakeupTimer, m.now.Add(s.entry.WakeupInterval))
}

func (m *Machine) sendWakeup(s *service) {
	if s.entry.Type == UnixDatagram {
		// A datagram service takes no wakeups: the original logs that each time.
		a := m.log(LogWakeupFailed)
		a.Entry, a.Errno = s.entry, EOPNOTSUPP
		return
	}
	w := m.addWakeup(s)
	m.timers.arm(&w.timer, m.now.Add(wakeupSendLimit))
	a := m.emit(WakeService)
	a.Service, a.Request, a.Entry = s.id, w.request, s.entry
}

func (m *Machine) addWakeup(s *service) *wakeup {
	var w *wakeup
	if n := len(m.freeWakeups); n > 0 {
		w = m.freeWakeups[n-1]
		m.freeWakeups = m.freeWakeups[:n-1]
	} else {
		w = new(wakeup)
	}
	m.lastRequest++
	*w = wakeup{request: m.lastRequest, service: s, entry: s.entry, next: s.openWakeups}
	w.timer = timer{kind: timerWakeupLimit, wakeup: w}
	if w.next != nil {
		w.next.prev = w
	}
	s.openWakeups = w
	m.wakeups.put(uint64(w.request), w)
	return w
}

// listWakeup appends a wakeup after the last one in its service's list (nil:
// none) and adds it to the table, so that restored state keeps its order.
func (m *Machine) listWakeup(last, w *wakeup) {
	w.prev = last
	if last != nil {
		last.next = w
	} else {
		w.service.openWakeups = w
	}
	m.wakeups.put(uint64(w.request), w)
}

func (m *Machine) dropWakeup(w *wakeup) {
	m.timers.cancel(&w.timer)
	m.wakeups.remove(uint64(w.request))
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		w.service.openWakeups = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	*w = wakeup{}
	m.freeWakeups = append(m.freeWakeups, w)
}

// wakeupSent and the functions below ignore an answer that crossed with
// CloseWakeup.
func (m *Machine) wakeupSent(r Request) {
	w := m.wakeups.get(uint64(r))
	if w == nil {
		return
	}
	if w.entry.Type == FIFO {
		m.dropWakeup(w)
		return
	}
	w.sent = true
	m.timers.arm(&w.timer, m.now.Add(wakeupCloseLimit))
}

func (m *Machine) wakeupFailed(r Request, e Errno) {
	w := m.wakeups.get(uint64(r))
	if w == nil {
		return
	}
	a := m.log(LogWakeupFailed)
	a.Entry, a.Errno = w.entry, e
	m.dropWakeup(w)
}

func (m *Machine) wakeupClosed(r Request) {
	if w := m.wakeups.get(uint64(r)); w != nil {
		m.dropWakeup(w)
	}
}

// wakeupOverdue gives up a wakeup that could not be sent in time or that the
// receiver did not close.
func (m *Machine) wakeupOverdue(w *wakeup) {
	if w.sent {
		m.log(LogWakeupTimeout).Entry = w.entry
	} else {
		a := m.log(LogWakeupFailed)
		a.Entry, a.Errno = w.entry, ETIMEDOUT
	}
	m.closeWakeup(w)
}

func (m *Machine) closeWakeup(w *wakeup) {
	m.emit(CloseWakeup).Request = w.request
	m.dropWakeup(w)
}

// stopWakeups ends the wakeups of a service that is being removed.
func (m *Machine) stopWakeups(s *service) {
	m.timers.cancel(&s.wakeupTimer)
	s.wakeupArmed = false
	for s.openWakeups != nil {
		m.closeWakeup(s.openWakeups)
	}
}
