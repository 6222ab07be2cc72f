package model

import "github.com/stationmaster/stationmaster/core"

// wakeAt reads when the next wakeup of a service is due; ok is false when none
// is (spec runtime, 9). The timer restarts at every commit and at every switch
// into stress; a conditional wakeup then waits for the next child that starts.
func (w *world) wakeAt(s *service) (at core.Time, ok bool) {
	for i := s.accepted; i < len(w.h) && s.removed == never; i++ {
		st, e := &w.h[i], s.entryAt(i)
		restart := w.commitAt(i) != nil || w.switchedAt(s, i)
		armed := w.startedAt(s, i) && !ok
		expired := st.ev.Kind == core.TimerExpired && ok && st.now >= at
		switch {
		case e.WakeupInterval <= 0:
			ok = false
		case restart:
			at, ok = st.now.Add(e.WakeupInterval), !e.WakeupIfUsed
		case armed, expired:
			at, ok = st.now.Add(e.WakeupInterval), true
		}
	}
	return at, ok && s.removed == never
}

// switchedAt tells whether the service switched into stress at step i.
func (w *world) switchedAt(s *service, i int) bool {
	st := &w.h[i]
	if st.ev.Kind != core.ListenerReady || st.ev.Service != s.id {
		return false
	}
	for _, c := range w.children {
		if c.service == s.id && c.asked == i {
			return w.switches(s, i, st.now)
		}
	}
	return false
}

// startedAt tells whether a child of the entry in force started at step i.
func (w *world) startedAt(s *service, i int) bool {
	if w.h[i].ev.Kind != core.ChildStarted {
		return false
	}
	c := w.child(w.h[i].ev.Generation)
	if c == nil || c.service != s.id {
		return false
	}
	for _, k := range w.commits {
		if k.at > c.asked && k.at < i {
			return false
		}
	}
	return true
}

// killAt reads when the children of a removed service are next killed; ok is
// false when it has none.
func (w *world) killAt(s *service) (at core.Time, ok bool) {
	if s.removed == never || w.total(s) == 0 {
		return 0, false
	}
	at = w.h[s.removed].now.Add(removalGrace)
	for i := s.removed + 1; i < len(w.h); i++ {
		if st := &w.h[i]; st.ev.Kind == core.TimerExpired && st.now >= at {
			at = st.now.Add(removalGrace)
		}
	}
	return at, true
}

// complainAt reads when to say that a child closed its channel and lives on. A
// retired child is expected to end, and nothing is said of it.
func (w *world) complainAt(c *child) (at core.Time, ok bool) {
	if c.closed == never || !c.lives() || c.complained != never || c.retired != never {
		return 0, false
	}
	return w.h[c.closed].now.Add(complaintDelay), true
}

// limitOf reads when a wakeup that is under way is given up.
func (w *world) limitOf(u *wakeup) (at core.Time, ok bool) {
	switch {
	case u.over != never:
		return 0, false
	case u.sent != never:
		return w.h[u.sent].now.Add(answerLimit), true
	}
	return w.h[u.asked].now.Add(sendLimit), true
}

// exitAt reads when the time of -e is over; it counts from the command line.
func (w *world) exitAt() (core.Time, bool) {
	return w.born.Add(w.flags.ExitAfter), w.flags.ExitSet
}

// deadline is the earliest of all that is due.
func (w *world) deadline() (first core.Time, ok bool) {
	if w.ended {
		return 0, false
	}
	consider := func(at core.Time, due bool) {
		if due && (!ok || at < first) {
			first, ok = at, true
		}
	}
	consider(w.exitAt())
	for _, s := range w.services {
		consider(w.throttledUntil(s))
		consider(w.wakeAt(s))
		consider(w.killAt(s))
		consider(w.believedUntil(s, len(w.h)))
	}
	for _, c := range w.children {
		consider(w.complainAt(c))
	}
	for _, u := range w.wakeups {
		consider(w.limitOf(u))
	}
	return first, ok
}
