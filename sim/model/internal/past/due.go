package past

import "github.com/stationmaster/stationmaster/core"

// WakeAt reads when the next wakeup of a service is due; ok is false when none
// is (spec runtime, 9). The timer restarts at every commit and at every switch
// into stress; a conditional wakeup then waits for the next child that starts.
func (w *World) WakeAt(s *Service) (at core.Time, ok bool) {
	for i := s.accepted; i < len(w.H) && s.Removed == Never; i++ {
		st, e := &w.H[i], s.entryAt(i)
		restart := w.CommitAt(i) != nil || w.switchedAt(s, i)
		armed := w.startedAt(s, i) && !ok
		expired := st.Ev.Kind == core.TimerExpired && ok && st.Now >= at
		switch {
		case e.WakeupInterval <= 0:
			ok = false
		case restart:
			at, ok = st.Now.Add(e.WakeupInterval), !e.WakeupIfUsed
		case armed, expired:
			at, ok = st.Now.Add(e.WakeupInterval), true
		}
	}
	return at, ok && s.Removed == Never
}

// switchedAt reports whether the service switched into stress at step i.
func (w *World) switchedAt(s *Service, i int) bool {
	st := &w.H[i]
	if st.Ev.Kind != core.ListenerReady || st.Ev.Service != s.Id {
		return false
	}
	for _, c := range w.Children {
		if c.Service == s.Id && c.asked == i {
			return w.Switches(s, i, st.Now)
		}
	}
	return false
}

// startedAt reports whether a child of the entry in force started at step i.
func (w *World) startedAt(s *Service, i int) bool {
	if w.H[i].Ev.Kind != core.ChildStarted {
		return false
	}
	c := w.Child(w.H[i].Ev.Generation)
	if c == nil || c.Service != s.Id {
		return false
	}
	for _, k := range w.commits {
		if k.at > c.asked && k.at < i {
			return false
		}
	}
	return true
}

// KillAt reads when the children of a removed service are next killed; ok is
// false when it has none.
func (w *World) KillAt(s *Service) (at core.Time, ok bool) {
	if s.Removed == Never || w.Total(s) == 0 {
		return 0, false
	}
	at = w.H[s.Removed].Now.Add(removalGrace)
	for i := s.Removed + 1; i < len(w.H); i++ {
		if st := &w.H[i]; st.Ev.Kind == core.TimerExpired && st.Now >= at {
			at = st.Now.Add(removalGrace)
		}
	}
	return at, true
}

// ComplainAt returns when to log that a child closed its channel and lives on. A
// retired child is expected to end, and nothing is logged about it.
func (w *World) ComplainAt(c *Child) (at core.Time, ok bool) {
	if c.Closed == Never || !c.Lives() || c.complained != Never || c.Retired != Never {
		return 0, false
	}
	return w.H[c.Closed].Now.Add(complaintDelay), true
}

// LimitOf returns when a wakeup that is under way is given up.
func (w *World) LimitOf(u *Wakeup) (at core.Time, ok bool) {
	switch {
	case u.Over != Never:
		return 0, false
	case u.Sent != Never:
		return w.H[u.Sent].Now.Add(answerLimit), true
	}
	return w.H[u.asked].Now.Add(sendLimit), true
}

// ExitAt reads when the time of -e is over; it counts from the command line.
func (w *World) ExitAt() (core.Time, bool) {
	return w.born.Add(w.Flags.ExitAfter), w.Flags.ExitSet
}

// Deadline is the earliest of all that is due.
func (w *World) Deadline() (first core.Time, ok bool) {
	if w.Ended {
		return 0, false
	}
	consider := func(at core.Time, due bool) {
		if due && (!ok || at < first) {
			first, ok = at, true
		}
	}
	consider(w.ExitAt())
	for _, s := range w.Services {
		consider(w.ThrottledUntil(s))
		consider(w.WakeAt(s))
		consider(w.KillAt(s))
		consider(w.BelievedUntil(s, len(w.H)))
	}
	for _, c := range w.Children {
		consider(w.ComplainAt(c))
	}
	for _, u := range w.Wakeups {
		consider(w.LimitOf(u))
	}
	return first, ok
}
