package core

import "slices"

// A machineWalk visits the whole state of a machine once, to write it or to read it.
// Snapshots and the canonical form share this walk, so each field of the state is
// named in one place.
//
// A snapshot holds the state as it is. The canonical form holds only the situation,
// see Canon: numbers, instants and settings are encoded differently. The methods
// that visit those check which form is meant; they are in codec_snapshot.go and
// codec_canonical.go.
type machineWalk struct {
	c     codec
	m     *Machine
	links []func() // resolve references to services that are read later

	// For snapshots: settings are written once and referred to by number.
	refs *References
	old  bool // the snapshot starts with oldSnapshotMark

	// For the canonical form.
	canon *Canon // nil: a snapshot
	from  RestoreBase
	all   []*service // in the order of their places
}

func (w *machineWalk) machine() {
	c, m := &w.c, w.m
	c.options(&m.options, w.old)
	running(w, &m.now)
	running(w, &m.step)
	number(c, &m.phase)
	running(w, &m.epoch)
	running(w, &m.lastService)
	running(w, &m.lastGeneration)
	running(w, &m.lastRequest)
	running(w, &m.timers.seq)
	w.timer(&m.exitTimer)
	w.config(&m.config)
	var next *Config
	if m.reload.plan != nil {
		next = m.reload.plan.Config
	}
	w.config(&next)
	w.olderEntries()
	w.services(&m.active, lifeActive)
	w.services(&m.stopping, lifeStopping)
	w.services(&m.reload.added, lifeOpening)
	for _, link := range w.links {
		link()
	}
	w.transaction(next)
	w.starved()
	w.deadlines()
	w.sums()
}

// running visits a number that only ever increases. Its value is arbitrary, so the
// canonical form leaves it out.
func running[T integer](w *machineWalk, v *T) {
	if w.canon == nil {
		number(&w.c, v)
	}
}

// derived visits a number that follows from other fields. Only the canonical form
// has it, so that a machine that counts wrong is in another situation.
func derived[T integer](w *machineWalk, v *T) {
	if w.canon != nil {
		number(&w.c, v)
	}
}

func (w *machineWalk) services(v *[]*service, l life) {
	first := w.m.lastService
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
	w.ages(*v, first)
}

func (w *machineWalk) service(s *service) {
	c := &w.c
	w.serviceID(s)
	w.entry(&s.entry)
	w.listeners(s)
	c.bool(&s.watching)
	c.bool(&s.throttled)
	w.past(s)
	c.bool(&s.wakeupArmed)
	w.timer(&s.throttleTimer)
	w.timer(&s.wakeupTimer)
	w.timer(&s.removalTimer)
	if !w.old {
		w.timer(&s.leavingTimer)
	}
	if c.reading && !w.listService(s) {
		c.fail()
		return
	}
	w.children(s)
	w.wakeups(s)
	w.successors(s)
	derived(w, &s.total)
	derived(w, &s.starting)
	derived(w, &s.idle)
	derived(w, &s.retired)
	derived(w, &s.leaving)
	derived(w, &s.heldBy)
}

// listService adds a service that was read to the table and reports whether it is
// valid there.
func (w *machineWalk) listService(s *service) bool {
	if w.c.err != nil || s.id == 0 || w.m.services.get(uint64(s.id)) != nil || len(s.listeners) != len(s.endpoints) ||
		len(s.endpoints) != len(s.entry.Endpoints) && s.life == lifeOpening {
		return false
	}
	s.seq = s.id
	w.m.services.put(uint64(s.id), s)
	return true
}

// count visits the length of a linked list. Each element takes at least one byte.
func (w *machineWalk) count(n int) int {
	u := uint64(n)
	w.c.uvarint(&u)
	if w.c.reading && u > uint64(len(w.c.b)) {
		w.c.fail()
		return 0
	}
	return int(u)
}

func (w *machineWalk) children(s *service) {
	n := 0
	for k := s.first; k != nil; k = k.next {
		n++
	}
	n = w.count(n)
	if !w.c.reading {
		for k := s.first; k != nil; k = k.next {
			w.child(k)
		}
		return
	}
	for ; n > 0 && w.c.err == nil; n-- {
		k := &child{service: s}
		k.timer = timer{kind: timerChannelClosed, child: k}
		w.child(k)
		if w.c.err == nil {
			w.addChild(k)
		}
	}
}

func (w *machineWalk) child(k *child) {
	c := &w.c
	w.generation(&k.generation)
	w.pid(&k.pid)
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

func (w *machineWalk) addChild(k *child) {
	if k.generation == 0 || k.state > childBusy || w.m.children.get(uint64(k.generation)) != nil {
		w.c.fail()
		return
	}
	w.m.listChild(k)
	if w.canon == nil {
		k.count(+1)
	}
}

func (w *machineWalk) wakeups(s *service) {
	n := 0
	for k := s.openWakeups; k != nil; k = k.next {
		n++
	}
	n = w.count(n)
	if !w.c.reading {
		for k := s.openWakeups; k != nil; k = k.next {
			w.wakeup(k)
		}
		return
	}
	var last *wakeup
	for ; n > 0 && w.c.err == nil; n-- {
		k := &wakeup{service: s}
		k.timer = timer{kind: timerWakeupLimit, wakeup: k}
		w.wakeup(k)
		if w.c.err != nil || k.request == 0 || w.m.wakeups.get(uint64(k.request)) != nil {
			w.c.fail()
			return
		}
		w.m.listWakeup(last, k)
		last = k
	}
}

func (w *machineWalk) wakeup(k *wakeup) {
	w.request(&k.request)
	w.entry(&k.entry)
	w.c.bool(&k.sent)
	w.timer(&k.timer)
}

// successors visits the services that are held by the children of s. When reading,
// some of them may follow later.
func (w *machineWalk) successors(s *service) {
	if w.canon != nil && s.life != lifeStopping {
		return // only removed services have successors
	}
	var successors []ServiceID
	for _, next := range s.successors {
		successors = append(successors, w.reference(next))
	}
	list(&w.c, &successors, func(id *ServiceID) { number(&w.c, id) })
	if w.c.reading && len(successors) > 0 {
		w.links = append(w.links, func() { w.link(s, successors) })
	}
}

func (w *machineWalk) link(s *service, successors []ServiceID) {
	for _, id := range successors {
		next := w.referred(id)
		if next == nil || next == s {
			w.c.fail()
			return
		}
		s.successors = append(s.successors, next)
		if w.canon == nil {
			next.heldBy++
		}
	}
}

// transaction visits a reload in progress. Its plan is not written: nothing that it
// depends on can change before the commit, so it is made again when reading.
func (w *machineWalk) transaction(next *Config) {
	c, t := &w.c, &w.m.reload
	number(c, &t.phase)
	w.load(t)
	c.bool(&t.again)
	number(c, &t.pending)
	list(c, &t.failed, func(f *failure) {
		w.entry(&f.entry)
		number(c, &f.listener)
		number(c, &f.step)
		number(c, &f.errno)
	})
	if c.reading && c.err == nil && next != nil {
		w.plan(next)
	}
}

// plan makes the plan of a reload again and checks that the new services and the
// pending answers agree with it.
func (w *machineWalk) plan(next *Config) {
	t := &w.m.reload
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
		w.c.fail()
	}
}

// starved visits the starved services and the time of the last warning about them.
func (w *machineWalk) starved() {
	c, m := &w.c, w.m
	if w.old || w.canon != nil && m.options.Descriptors == 0 {
		return
	}
	w.starvedWarned()
	var held []ServiceID
	for _, s := range m.starved {
		held = append(held, w.reference(s))
	}
	list(c, &held, func(id *ServiceID) { number(c, id) })
	if !c.reading {
		return
	}
	for i, id := range held {
		s := w.referred(id)
		if s == nil || s.starved {
			c.fail()
			return
		}
		s.starved, s.starvedIndex = true, i
		m.starved = append(m.starved, s)
	}
}

// sums visits the totals over all services.
func (w *machineWalk) sums() {
	m := w.m
	if w.canon != nil && m.options.Descriptors != 0 {
		derived(w, &m.live)
		derived(w, &m.reserved)
		derived(w, &m.listeners)
		return
	}
	if w.c.reading && w.c.err == nil {
		m.live, m.reserved, m.listeners = m.countDescriptors()
	}
}

// reference returns how a form refers to a service: by its number, or in the
// canonical form by its position, counted from 1.
func (w *machineWalk) reference(s *service) ServiceID {
	if w.canon == nil {
		return s.id
	}
	return ServiceID(slices.Index(w.all, s) + 1)
}

// referred returns the service that a reference means, or nil.
func (w *machineWalk) referred(id ServiceID) *service {
	if w.canon != nil {
		if id == 0 || uint64(id) > uint64(len(w.all)) {
			return nil
		}
		return w.all[id-1]
	}
	return w.m.services.get(uint64(id))
}
