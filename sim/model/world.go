package model

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
)

// The numbers of the specification.
const (
	stressLimit     = 1000 * core.Second // spec runtime, 8: stress lasts so long after the last slot was used
	warnInterval    = 1000 * core.Second // spec runtime, 8: a service complains so often about its limit
	sendLimit       = 1 * core.Second    // spec runtime, 9: to connect and write a wakeup
	answerLimit     = 101 * core.Second  // spec runtime, 9: for the receiver to close
	removalGrace    = 5 * core.Second    // design, Reload, 5
	leavingGrace    = 5 * core.Second    // as long as SIGTERM may take: a child that was cut off while idle leaves
	complaintDelay  = 1 * core.Second    // differences: a closed status channel shows after a second
	badReportsShown = 15                 // differences: the sixteenth says that no more are logged
)

// world is everything that follows from a history.
type world struct {
	flags    Flags
	born     core.Time
	h        []step
	commits  []commit
	services []*service
	children []*child
	wakeups  []*wakeup
	load     *load // nil: no transaction is under way
	ended    bool

	byGeneration map[core.Generation]*child
}

// read derives the world from a history, from its first step to its last.
func (m *Model) read(h []step) *world {
	w := &world{flags: m.flags, born: m.born, h: h, children: readChildren(h), wakeups: readWakeups(h)}
	w.commits, w.services = readServices(h)
	w.load = readLoad(h, w.commits, active(w.services))
	w.byGeneration = make(map[core.Generation]*child)
	for _, c := range w.children {
		w.byGeneration[c.generation] = c
	}
	for i := range h {
		w.ended = w.ended || h[i].asks(core.Exit)
	}
	return w
}

// config gives the configuration in force, nil before the first.
func (w *world) config() *core.Config {
	if len(w.commits) == 0 {
		return nil
	}
	return w.commits[len(w.commits)-1].config
}

func (w *world) service(id core.ServiceID) *service {
	for _, s := range w.services {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (w *world) child(g core.Generation) *child { return w.byGeneration[g] }

func (w *world) wakeup(r core.Request) *wakeup {
	for _, u := range w.wakeups {
		if u.request == r {
			return u
		}
	}
	return nil
}

// count counts the children of s for which the property holds.
func (w *world) count(s *service, property func(*child) bool) int {
	n := 0
	for _, c := range w.children {
		if c.service == s.id && property(c) {
			n++
		}
	}
	return n
}

func (w *world) total(s *service) int    { return w.count(s, (*child).occupies) }
func (w *world) starting(s *service) int { return w.count(s, (*child).starting) }
func (w *world) idle(s *service) int     { return w.count(s, (*child).idle) }

// full tells whether the process limit leaves no place (0 is no limit).
func (w *world) full(s *service) bool {
	return s.entry.ProcessLimit != 0 && w.total(s) >= int(s.entry.ProcessLimit)
}

// held tells whether children of a predecessor are still there: of a service
// removed when s was accepted or before, with the same name column or an
// endpoint in common (design, Reload, 6). A start that is not answered yet may
// become a child and counts.
func (w *world) held(s *service) bool {
	for _, p := range w.services {
		if p.removed == never || p.removed > s.accepted || p == s {
			continue
		}
		akin := p.entry.Name == s.entryAt(s.accepted).Name ||
			slices.ContainsFunc(p.listeners, func(e core.Endpoint) bool { return slices.Contains(s.listeners, e) })
		if akin && w.total(p) > 0 {
			return true
		}
	}
	return false
}

// mustWatch is the one formula that says whether the master watches the
// listeners of a service (spec runtime, 8; design, the table of states).
func (w *world) mustWatch(s *service) bool {
	_, throttled := w.throttledUntil(s)
	return s.removed == never && !w.held(s) && !throttled &&
		w.idle(s) == 0 && w.starting(s) == 0 && !w.full(s) && !w.short(s)
}

// watched tells what the actions have said so far.
func (w *world) watched(s *service) bool {
	on := false
	for i := s.accepted; i < len(w.h); i++ {
		for k := range w.h[i].actions {
			a := &w.h[i].actions[k]
			if a.Service == s.id && a.Kind == core.WatchListener {
				on = true
			}
			if a.Service == s.id && a.Kind == core.IgnoreListener {
				on = false
			}
		}
	}
	return on && s.removed == never
}

// throttledUntil reads when the throttle of a service ends; ok is false when it
// is not throttled. It begins when a start fails or a child ends badly before
// its first use, runs for the delay in force at that moment without being
// prolonged by what fails meanwhile, and only a timer ends it, or a reload when the configuration wants that (Q25).
func (w *world) throttledUntil(s *service) (until core.Time, ok bool) {
	for i := s.accepted; i < len(w.h); i++ {
		st := &w.h[i]
		switch st.ev.Kind {
		case core.ChildStartFailed, core.ChildExited:
			c := w.child(st.ev.Generation)
			bad := st.ev.Kind == core.ChildStartFailed || st.logs(core.LogBadStartup)
			if c != nil && c.service == s.id && bad && !ok {
				until, ok = st.now.Add(s.entryAt(i).ThrottleDelay), true
			}
		case core.TimerExpired:
			ok = ok && st.now < until
		}
		if c := w.commitAt(i); c != nil && c.config.ReloadClearsThrottle {
			ok = false
		}
	}
	return until, ok && s.removed == never
}

func (w *world) commitAt(i int) *commit {
	for k := range w.commits {
		if w.commits[k].at == i {
			return &w.commits[k]
		}
	}
	return nil
}

// leavingAt reports whether the child begins to leave at step i: it is cut off and
// available from then on.
func (c *child) leavingAt(i int) bool { return c.leavingBefore(i+1) && !c.leavingBefore(i) }

// believedUntil reads how long those who leave are believed to be gone in a
// moment, as it stood when step i began: for a grace from the last who began to or
// the last reload, until a timer ends it, and only where stress mode is known. ok
// is false when nobody is believed.
func (w *world) believedUntil(s *service, i int) (until core.Time, ok bool) {
	leaving := w.count(s, func(c *child) bool { return c.leavingBefore(i) })
	if leaving == 0 || s.removed != never && s.removed < i || !stressAware(s.entryAt(i-1)) {
		return 0, false
	}
	for k := s.accepted; k < i; k++ {
		if st := &w.h[k]; st.ev.Kind == core.TimerExpired {
			ok = ok && st.now < until
		}
		if w.commitAt(k) != nil || w.count(s, func(c *child) bool { return c.leavingAt(k) }) > 0 {
			until, ok = w.h[k].now.Add(leavingGrace), true
		}
	}
	return until, ok
}

// lastSlot tells whether a start at step i takes the last place of a service
// whose children get the stress argument (spec runtime, 8). Whoever leaves anyway,
// and is believed to, takes none.
func (w *world) lastSlot(s *service, i int) bool {
	e := s.entryAt(i)
	if !stressAware(e) {
		return false
	}
	n := w.count(s, func(c *child) bool { return c.occupiedBefore(i) })
	leaving := w.count(s, func(c *child) bool { return c.leavingBefore(i) })
	if limit := int(e.ProcessLimit); n+1 < limit || n-leaving+1 >= limit {
		return n+1 >= limit // whoever leaves makes no difference
	}
	_, believed := w.believedUntil(s, i)
	return !believed
}

// stressUntil reads how long the service is in stress mode, from the last start
// before step i that took the last place. ok is false when there was none.
func (w *world) stressUntil(s *service, i int) (until core.Time, ok bool) {
	for k := len(w.children) - 1; k >= 0; k-- {
		c := w.children[k]
		if c.service == s.id && c.asked < i && w.lastSlot(s, c.asked) {
			return w.h[c.asked].now.Add(stressLimit), true
		}
	}
	return 0, false
}

// switches tells whether a start of s at step i begins a new time of stress,
// which cuts the status channels (Q26).
func (w *world) switches(s *service, i int, now core.Time) bool {
	until, ok := w.stressUntil(s, i)
	return w.lastSlot(s, i) && (!ok || until < now)
}

// warnedAt reads when the service last complained about its limit.
func (w *world) warnedAt(s *service) (core.Time, bool) {
	for i := len(w.h) - 1; i >= s.accepted; i-- {
		for k := range w.h[i].actions {
			a := &w.h[i].actions[k]
			if a.Kind == core.Log && a.Code == core.LogLimit && a.Entry != nil && identityOf(a.Entry) == s.identity() {
				return w.h[i].now, true
			}
		}
	}
	return 0, false
}

// stale tells whether a configuration was accepted after the child was asked
// for: it was started from an entry that is no longer in force.
func (w *world) stale(c *child) bool {
	for _, k := range w.commits {
		if k.at > c.asked {
			return true
		}
	}
	return false
}
