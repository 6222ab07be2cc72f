package past

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
)

// The numbers of the specification.
const (
	stressLimit     = 1000 * core.Second // spec runtime, 8: stress lasts so long after the last slot was used
	WarnInterval    = 1000 * core.Second // spec runtime, 8: a service complains so often about its limit
	sendLimit       = 1 * core.Second    // spec runtime, 9: to connect and write a wakeup
	answerLimit     = 101 * core.Second  // spec runtime, 9: for the receiver to close
	removalGrace    = 5 * core.Second    // design, Reload, 5
	leavingGrace    = 5 * core.Second    // as long as SIGTERM may take: a child that was cut off while idle leaves
	complaintDelay  = 1 * core.Second    // differences: a closed status channel shows after a second
	BadReportsShown = 15                 // differences: the sixteenth says that no more are logged
)

// World is everything that follows from a history.
type World struct {
	Flags    Flags
	born     core.Time
	H        []Step
	commits  []commit
	Services []*Service
	Children []*Child
	Wakeups  []*Wakeup
	Load     *Load // nil: no transaction is under way
	Ended    bool

	byGeneration map[core.Generation]*Child
}

// Read derives the world from a history, from its first step to its last.
func Read(flags Flags, born core.Time, h []Step) *World {
	w := &World{Flags: flags, born: born, H: h, Children: readChildren(h), Wakeups: readWakeups(h)}
	w.commits, w.Services = readServices(h)
	w.Load = readLoad(h, w.commits, active(w.Services))
	w.byGeneration = make(map[core.Generation]*Child)
	for _, c := range w.Children {
		w.byGeneration[c.Generation] = c
	}
	for i := range h {
		w.Ended = w.Ended || h[i].asks(core.Exit)
	}
	return w
}

// Config returns the configuration in force, nil before the first.
func (w *World) Config() *core.Config {
	if len(w.commits) == 0 {
		return nil
	}
	return w.commits[len(w.commits)-1].config
}

func (w *World) Service(id core.ServiceID) *Service {
	for _, s := range w.Services {
		if s.Id == id {
			return s
		}
	}
	return nil
}

func (w *World) Child(g core.Generation) *Child { return w.byGeneration[g] }

func (w *World) Wakeup(r core.Request) *Wakeup {
	for _, u := range w.Wakeups {
		if u.Request == r {
			return u
		}
	}
	return nil
}

// Count counts the children of s for which the property holds.
func (w *World) Count(s *Service, property func(*Child) bool) int {
	n := 0
	for _, c := range w.Children {
		if c.Service == s.Id && property(c) {
			n++
		}
	}
	return n
}

func (w *World) Total(s *Service) int    { return w.Count(s, (*Child).occupies) }
func (w *World) Starting(s *Service) int { return w.Count(s, (*Child).Starting) }
func (w *World) Idle(s *Service) int     { return w.Count(s, (*Child).idle) }

// Full reports whether the process limit leaves no place (0 is no limit).
func (w *World) Full(s *Service) bool {
	return s.Entry.ProcessLimit != 0 && w.Total(s) >= int(s.Entry.ProcessLimit)
}

// Held reports whether children of a predecessor are still there: of a service
// removed when s was accepted or before, with the same name column or an
// endpoint in common (design, Reload, 6). A start that is not answered yet may
// become a child and counts.
func (w *World) Held(s *Service) bool {
	for _, p := range w.Services {
		if p.Removed == Never || p.Removed > s.accepted || p == s {
			continue
		}
		akin := p.Entry.Name == s.entryAt(s.accepted).Name ||
			slices.ContainsFunc(p.Listeners, func(e core.Endpoint) bool { return slices.Contains(s.Listeners, e) })
		if akin && w.Total(p) > 0 {
			return true
		}
	}
	return false
}

// MustWatch is the one formula for whether the master watches the
// listeners of a service (spec runtime, 8; design, the table of states).
func (w *World) MustWatch(s *Service) bool {
	_, throttled := w.ThrottledUntil(s)
	return s.Removed == Never && !w.Held(s) && !throttled &&
		w.Idle(s) == 0 && w.Starting(s) == 0 && !w.Full(s) && !w.Short(s)
}

// Watched returns what the actions so far have made of each watch.
func (w *World) Watched(s *Service) bool {
	on := false
	for i := s.accepted; i < len(w.H); i++ {
		for k := range w.H[i].Actions {
			a := &w.H[i].Actions[k]
			if a.Service == s.Id && a.Kind == core.WatchListener {
				on = true
			}
			if a.Service == s.Id && a.Kind == core.IgnoreListener {
				on = false
			}
		}
	}
	return on && s.Removed == Never
}

// ThrottledUntil reads when the throttle of a service ends; ok is false when it
// is not throttled. It begins when a start fails or a child ends badly before
// its first use, runs for the delay in force at that moment without being
// prolonged by what fails meanwhile, and only a timer ends it, or a reload when the configuration wants that (Q25).
func (w *World) ThrottledUntil(s *Service) (until core.Time, ok bool) {
	for i := s.accepted; i < len(w.H); i++ {
		st := &w.H[i]
		switch st.Ev.Kind {
		case core.ChildStartFailed, core.ChildExited:
			c := w.Child(st.Ev.Generation)
			bad := st.Ev.Kind == core.ChildStartFailed || st.Logs(core.LogBadStartup)
			if c != nil && c.Service == s.Id && bad && !ok {
				until, ok = st.Now.Add(s.entryAt(i).ThrottleDelay), true
			}
		case core.TimerExpired:
			ok = ok && st.Now < until
		}
		if c := w.CommitAt(i); c != nil && c.config.ReloadClearsThrottle {
			ok = false
		}
	}
	return until, ok && s.Removed == Never
}

func (w *World) CommitAt(i int) *commit {
	for k := range w.commits {
		if w.commits[k].at == i {
			return &w.commits[k]
		}
	}
	return nil
}

// leavingAt reports whether the child begins to leave at step i: it is cut off and
// available from then on.
func (c *Child) leavingAt(i int) bool { return c.leavingBefore(i+1) && !c.leavingBefore(i) }

// BelievedUntil reads how long those who leave are believed to be gone in a
// moment, as it stood when step i began: for a grace from the last who began to or
// the last reload, until a timer ends it, and only where stress mode is known. ok
// is false when nobody is believed.
func (w *World) BelievedUntil(s *Service, i int) (until core.Time, ok bool) {
	leaving := w.Count(s, func(c *Child) bool { return c.leavingBefore(i) })
	if leaving == 0 || s.Removed != Never && s.Removed < i || !StressAware(s.entryAt(i-1)) {
		return 0, false
	}
	for k := s.accepted; k < i; k++ {
		if st := &w.H[k]; st.Ev.Kind == core.TimerExpired {
			ok = ok && st.Now < until
		}
		if w.CommitAt(k) != nil || w.Count(s, func(c *Child) bool { return c.leavingAt(k) }) > 0 {
			until, ok = w.H[k].Now.Add(leavingGrace), true
		}
	}
	return until, ok
}

// LastSlot reports whether a start at step i takes the last place of a service
// whose children get the stress argument (spec runtime, 8). Whoever leaves anyway,
// and is believed to, takes none.
func (w *World) LastSlot(s *Service, i int) bool {
	e := s.entryAt(i)
	if !StressAware(e) {
		return false
	}
	n := w.Count(s, func(c *Child) bool { return c.occupiedBefore(i) })
	leaving := w.Count(s, func(c *Child) bool { return c.leavingBefore(i) })
	if limit := int(e.ProcessLimit); n+1 < limit || n-leaving+1 >= limit {
		return n+1 >= limit // a child that is leaving makes no difference
	}
	_, believed := w.BelievedUntil(s, i)
	return !believed
}

// StressUntil reads how long the service is in stress mode, from the last start
// before step i that took the last place. ok is false when there was none.
func (w *World) StressUntil(s *Service, i int) (until core.Time, ok bool) {
	for k := len(w.Children) - 1; k >= 0; k-- {
		c := w.Children[k]
		if c.Service == s.Id && c.asked < i && w.LastSlot(s, c.asked) {
			return w.H[c.asked].Now.Add(stressLimit), true
		}
	}
	return 0, false
}

// Switches reports whether a start of s at step i begins a new time of stress,
// which cuts the status channels (Q26).
func (w *World) Switches(s *Service, i int, now core.Time) bool {
	until, ok := w.StressUntil(s, i)
	return w.LastSlot(s, i) && (!ok || until < now)
}

// WarnedAt reads when the service last complained about its limit.
func (w *World) WarnedAt(s *Service) (core.Time, bool) {
	for i := len(w.H) - 1; i >= s.accepted; i-- {
		for k := range w.H[i].Actions {
			a := &w.H[i].Actions[k]
			if a.Kind == core.Log && a.Code == core.LogLimit && a.Entry != nil && IdentityOf(a.Entry) == s.Identity() {
				return w.H[i].Now, true
			}
		}
	}
	return 0, false
}

// Stale reports whether a configuration was accepted after the child was asked
// for: it was started from an entry that is no longer in force.
func (w *World) Stale(c *Child) bool {
	for _, k := range w.commits {
		if k.at > c.asked {
			return true
		}
	}
	return false
}
