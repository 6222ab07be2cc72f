package core

import (
	"bytes"
	"errors"
	"fmt"
)

// snapshotMark begins every snapshot and holds the version of its format.
// Snapshots of the version before are read too: what it does not have is as if
// nothing of the kind had happened.
const (
	snapshotMark    = "stationmaster snapshot 3\n"
	oldSnapshotMark = "stationmaster snapshot 2\n"
)

var errNoSnapshot = errors.New("this is no snapshot of a format that this version reads")

// Snapshot gives the whole state as bytes. A machine restored from them goes
// on with equal actions.
func (m *Machine) Snapshot() []byte { return m.AppendSnapshot(nil, &References{}) }

// Restore makes a machine from a snapshot. Bytes that are no snapshot, or the
// snapshot of a state that cannot be, give an error.
func Restore(snapshot []byte) (*Machine, error) {
	return RestoreReferences(snapshot, &References{})
}

// IsOldSnapshot reports whether a snapshot is of the format before. A machine
// restored from it is written in the present one.
func IsOldSnapshot(snapshot []byte) bool { return bytes.HasPrefix(snapshot, []byte(oldSnapshotMark)) }

func restore(snapshot []byte, r *References) (*Machine, error) {
	walked, current := bytes.CutPrefix(snapshot, []byte(snapshotMark))
	walked, old := bytes.CutPrefix(walked, []byte(oldSnapshotMark))
	if current == old {
		return nil, errNoSnapshot
	}
	m := &Machine{}
	m.exitTimer = timer{kind: timerExit}
	w := stateWalk{c: codec{b: walked, reading: true}, m: m, refs: r, old: old}
	w.machine()
	switch {
	case w.c.err != nil:
		return nil, w.c.err
	case len(w.c.b) != 0:
		return nil, fmt.Errorf("%d bytes too many", len(w.c.b))
	}
	return m, m.Check()
}

// stateWalk writes or reads a machine. Settings are shared by pointer between
// configurations, services and children; they are written once and referred
// to by number.
type stateWalk struct {
	c     codec
	m     *Machine
	refs  *References
	old   bool     // reading what oldSnapshotMark begins
	later []func() // links to services that are read later
}

func (w *stateWalk) machine() {
	c, m := &w.c, w.m
	c.options(&m.options, w.old)
	number(c, &m.now)
	number(c, &m.step)
	number(c, &m.phase)
	number(c, &m.epoch)
	number(c, &m.lastService)
	number(c, &m.lastGeneration)
	number(c, &m.lastRequest)
	number(c, &m.timers.seq)
	w.timer(&m.exitTimer)
	w.optionalConfig(&m.config)
	next := (*Config)(nil)
	if m.reload.plan != nil {
		next = m.reload.plan.Config
	}
	w.optionalConfig(&next)
	w.olderEntries()
	w.services(&m.active, lifeActive)
	w.services(&m.stopping, lifeStopping)
	w.services(&m.reload.added, lifeOpening)
	for _, link := range w.later {
		link()
	}
	w.transaction(next)
	if !w.old {
		w.starved()
	}
	if c.reading && c.err == nil {
		m.live, m.reserved, m.listeners = m.countDescriptors()
	}
}

// starved walks the services that lack a descriptor, and when that was last
// warned of.
func (w *stateWalk) starved() {
	c, m := &w.c, w.m
	c.bool(&m.starvedWarned)
	number(c, &m.starvedWarnedAt)
	var held []ServiceID
	for _, s := range m.starved {
		held = append(held, s.id)
	}
	list(c, &held, func(id *ServiceID) { number(c, id) })
	if !c.reading {
		return
	}
	for i, id := range held {
		s := m.services.get(uint64(id))
		if s == nil || s.starved {
			c.fail()
			return
		}
		s.starved, s.starvedIndex = true, i
		m.starved = append(m.starved, s)
	}
}

// optionalConfig walks a configuration that may be missing, and takes its
// entries into the list of those that can be referred to.
func (w *stateWalk) optionalConfig(f **Config) {
	there := *f != nil
	w.c.bool(&there)
	if !there {
		return
	}
	if w.c.reading {
		*f = &Config{}
	}
	w.c.config(*f)
	if w.c.reading && ConfigFault(*f) != "" {
		w.c.fail()
	}
	w.refs.addConfig(*f, !w.c.reading)
}

// list takes settings of an earlier epoch into the list, once.
func (w *stateWalk) list(e *ServiceConfig) {
	if w.c.reading || w.refs.entryNumbers[e] == 0 {
		w.refs.addEntry(e, !w.c.reading)
	}
}

// olderEntries walks the settings that only services and children of earlier
// epochs still have.
func (w *stateWalk) olderEntries() {
	known := len(w.refs.entries)
	var older []*ServiceConfig
	if !w.c.reading {
		for _, list := range [3][]*service{w.m.active, w.m.stopping, w.m.reload.added} {
			for _, s := range list {
				w.list(s.entry)
				for c := s.first; c != nil; c = c.next {
					w.list(c.entry)
				}
				for k := s.openWakeups; k != nil; k = k.next {
					w.list(k.entry)
				}
			}
		}
		older = w.refs.entries[known:]
	}
	list(&w.c, &older, func(e **ServiceConfig) {
		if w.c.reading {
			*e = &ServiceConfig{}
		}
		w.c.serviceConfig(*e)
		if w.c.reading {
			if serviceFault(*e) != "" {
				w.c.fail()
			}
			w.list(*e)
		}
	})
}

func (w *stateWalk) entry(e **ServiceConfig) {
	n := 0
	if !w.c.reading {
		n = int(w.refs.entryNumbers[*e]) - 1
	}
	number(&w.c, &n)
	if w.c.reading {
		if n < 0 || n >= len(w.refs.entries) {
			w.c.fail()
			*e = &ServiceConfig{}
			return
		}
		*e = w.refs.entries[n]
	}
}

// timer walks a deadline. Reading pushes it where it belongs: (when, seq)
// order the heap whatever the order of the pushes.
func (w *stateWalk) timer(t *timer) {
	set := t.armed()
	w.c.bool(&set)
	if !set {
		return
	}
	number(&w.c, &t.when)
	number(&w.c, &t.seq)
	if w.c.reading && w.c.err == nil {
		w.m.timers.push(t)
	}
}

func (w *stateWalk) services(v *[]*service, l life) {
	list(&w.c, v, func(p **service) {
		if w.c.reading {
			s := &service{life: l}
			s.initTimers()
			*p = s
		}
		w.service(*p)
	})
	if w.c.reading && l == lifeStopping {
		for i, s := range *v {
			s.stoppingIndex = i
		}
	}
}

func (w *stateWalk) service(s *service) {
	c, m := &w.c, w.m
	number(c, &s.id)
	w.entry(&s.entry)
	list(c, &s.endpoints, c.endpoint)
	list(c, &s.listeners, func(l *listenerState) { number(c, l) })
	c.bool(&s.watching)
	c.bool(&s.throttled)
	c.bool(&s.stressed)
	c.bool(&s.warned)
	number(c, &s.stressUntil)
	number(c, &s.warnedAt)
	c.bool(&s.wakeupArmed)
	w.timer(&s.throttleTimer)
	w.timer(&s.wakeupTimer)
	w.timer(&s.removalTimer)
	if !w.old {
		w.timer(&s.leavingTimer)
	}
	if c.reading {
		if s.id == 0 || m.services.get(uint64(s.id)) != nil || len(s.listeners) != len(s.endpoints) ||
			len(s.endpoints) != len(s.entry.Endpoints) && s.life == lifeOpening {
			c.fail()
			return
		}
		s.seq = s.id
		m.services.put(uint64(s.id), s)
	}
	w.children(s)
	w.wakeups(s)
	var successors []ServiceID
	for _, next := range s.successors {
		successors = append(successors, next.id)
	}
	list(c, &successors, func(id *ServiceID) { number(c, id) })
	if c.reading {
		w.later = append(w.later, func() { w.link(s, successors) })
	}
}

func (w *stateWalk) link(s *service, successors []ServiceID) {
	for _, id := range successors {
		next := w.m.services.get(uint64(id))
		if next == nil || next == s {
			w.c.fail()
			return
		}
		s.successors = append(s.successors, next)
		next.heldBy++
	}
}

func (w *stateWalk) children(s *service) {
	var children []*child
	for c := s.first; c != nil; c = c.next {
		children = append(children, c)
	}
	list(&w.c, &children, func(p **child) {
		if w.c.reading {
			*p = &child{service: s}
			(*p).timer = timer{kind: timerChannelClosed, child: *p}
		}
		w.child(*p)
		if w.c.reading && w.c.err == nil {
			w.append(*p)
		}
	})
}

func (w *stateWalk) child(k *child) {
	c := &w.c
	number(c, &k.generation)
	number(c, &k.pid)
	w.entry(&k.entry)
	number(c, &k.state)
	c.bool(&k.retired)
	c.bool(&k.served)
	c.bool(&k.terminated)
	c.bool(&k.killed)
	c.bool(&k.closed)
	number(c, &k.complaints)
	w.timer(&k.timer)
}

func (w *stateWalk) append(k *child) {
	if k.generation == 0 || k.state > childBusy || w.m.children.get(uint64(k.generation)) != nil {
		w.c.fail()
		return
	}
	w.m.listChild(k)
	k.count(+1)
}

func (w *stateWalk) wakeups(s *service) {
	var open []*wakeup
	for k := s.openWakeups; k != nil; k = k.next {
		open = append(open, k)
	}
	var last *wakeup
	list(&w.c, &open, func(p **wakeup) {
		if w.c.reading {
			*p = &wakeup{service: s}
			(*p).timer = timer{kind: timerWakeupLimit, wakeup: *p}
		}
		k := *p
		number(&w.c, &k.request)
		w.entry(&k.entry)
		w.c.bool(&k.sent)
		w.timer(&k.timer)
		if !w.c.reading || w.c.err != nil {
			return
		}
		if k.request == 0 || w.m.wakeups.get(uint64(k.request)) != nil {
			w.c.fail()
			return
		}
		w.m.listWakeup(last, k)
		last = k
	})
}

// transaction walks a reload under way. Its plan is not written: nothing that
// it depends on can change before the commit, so it is made again.
func (w *stateWalk) transaction(next *Config) {
	c, t := &w.c, &w.m.reload
	number(c, &t.phase)
	number(c, &t.request)
	c.bool(&t.again)
	number(c, &t.pending)
	list(c, &t.failed, func(f *failure) {
		w.entry(&f.entry)
		number(c, &f.listener)
		number(c, &f.step)
		number(c, &f.errno)
	})
	if !c.reading || c.err != nil || next == nil {
		return
	}
	t.plan = w.m.Plan(next)
	added := 0
	for i := range t.plan.Entries {
		if t.plan.Entries[i].Kept == 0 {
			added++
		}
	}
	asked := 0
	for _, s := range t.added {
		for _, state := range s.listeners {
			if state == listenerAsked {
				asked++
			}
		}
	}
	if added != len(t.added) || asked != t.pending {
		c.fail()
	}
}
