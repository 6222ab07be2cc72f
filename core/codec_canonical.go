package core

import (
	"bytes"
	"cmp"
	"slices"
)

// Canon writes machines in canonical form, and makes machines from it again.
// Two machines of one canonical form are in the same situation: equal events,
// with the numbers of each put in, give equal actions and equal forms again.
//
// Numbers that mean nothing but "the same as there" (service numbers,
// generations, pids, requests) are replaced by the place where they first
// appear; instants by the time that is left, and only as far as a decision
// depends on it; settings by their place among the known ones, of which equal
// ones are the same. Left out are the number of the step, the epoch, the last
// numbers given, and free lists. Counts are written though they could be
// derived, so that a machine that counts wrong is another situation.
//
// A Canon is for searches: it is bound to the configurations that it was made
// with. It is not safe for use by more than one goroutine.
type Canon struct {
	configs []*Config
	entries []*ServiceConfig // of all of them, without equal ones

	configNumbers map[*Config]int // look-ups only
	entryNumbers  map[*ServiceConfig]int

	names  Names
	sorted []*timer
}

// Names tells what the places in the last form that was written stand for.
// The slices are valid until the next Append.
type Names struct {
	Services []ServiceID  // active, then removed, then those that a reload is opening
	Children []Generation // service by service, in the order of their starts
	PIDs     []PID        // in the order of the children
	Wakeups  []Request    // service by service, the newest first
	Load     Request      // of a LoadConfig without an answer; 0: none
}

// Origin is where the numbers of a restored machine begin: the first service
// is Service+1, and so on. The behaviour must not depend on it.
type Origin struct {
	Now        Time
	Service    ServiceID
	Generation Generation
	PID        PID
	Request    Request
}

// NewCanon knows the configurations that machines may have, among them those
// of earlier epochs. One that no machine can have, see ConfigFault, is not
// known: reading must not name it.
func NewCanon(known ...*Config) *Canon {
	k := &Canon{configNumbers: map[*Config]int{}, entryNumbers: map[*ServiceConfig]int{}}
	var texts, entryTexts [][]byte
	for _, f := range known {
		if ConfigFault(f) != "" {
			continue
		}
		c := codec{}
		c.config(f)
		n := slices.IndexFunc(texts, func(t []byte) bool { return bytes.Equal(t, c.b) })
		if n < 0 {
			n = len(texts)
			texts, k.configs = append(texts, c.b), append(k.configs, f)
		}
		k.configNumbers[f] = n
		for i := range f.Services {
			e := &f.Services[i]
			c := codec{}
			c.serviceConfig(e)
			n := slices.IndexFunc(entryTexts, func(t []byte) bool { return bytes.Equal(t, c.b) })
			if n < 0 {
				n = len(entryTexts)
				entryTexts, k.entries = append(entryTexts, c.b), append(k.entries, e)
			}
			k.entryNumbers[e] = n
		}
	}
	return k
}

// Append adds the canonical form of m to dst. m is not changed. It panics when
// m holds a configuration that is not known.
func (k *Canon) Append(dst []byte, m *Machine) []byte {
	n := &k.names
	n.Services, n.Children, n.PIDs, n.Wakeups, n.Load = n.Services[:0], n.Children[:0], n.PIDs[:0], n.Wakeups[:0], 0
	if m.reload.phase == reloadLoading {
		n.Load = m.reload.request
	}
	for _, list := range [3][]*service{m.active, m.stopping, m.reload.added} {
		for _, s := range list {
			n.Services = append(n.Services, s.id)
		}
	}
	w := canonWalk{c: codec{b: dst}, k: k, m: m}
	w.machine()
	return w.c.b
}

// Names tells what the places in the form that Append wrote last stand for.
func (k *Canon) Names() *Names { return &k.names }

// Restore makes a machine of the situation that b tells. Malformed bytes give an
// error; whether the situation can be is for Machine.Check to say.
func (k *Canon) Restore(b []byte, from Origin) (*Machine, error) {
	m := &Machine{now: from.Now, lastService: from.Service, lastGeneration: from.Generation, lastRequest: from.Request}
	m.exitTimer = timer{kind: timerExit}
	w := canonWalk{c: codec{b: b, reading: true}, k: k, m: m, from: from}
	w.machine()
	if w.c.err == nil && len(w.c.b) != 0 {
		w.c.fail()
	}
	return m, w.c.err
}

// canonWalk goes over a machine once, writing or reading.
type canonWalk struct {
	c    codec
	k    *Canon
	m    *Machine
	from Origin
	all  []*service // in the order of their places
}

func (w *canonWalk) machine() {
	c, m := &w.c, w.m
	c.options(&m.options, false)
	number(c, &m.phase)
	w.config(&m.config)
	w.list(&m.active, lifeActive)
	w.list(&m.stopping, lifeStopping)
	w.list(&m.reload.added, lifeOpening)
	for i := range w.all {
		w.service(w.all[i])
	}
	for _, s := range m.stopping {
		w.successors(s)
	}
	w.transaction()
	w.timers()
	switch {
	case m.options.Descriptors != 0:
		w.descriptors()
	case c.reading && c.err == nil:
		m.live, m.reserved, m.listeners = m.countDescriptors()
	}
}

// descriptors walks the sums and who is held back.
func (w *canonWalk) descriptors() {
	c, m := &w.c, w.m
	number(c, &m.live)
	number(c, &m.reserved)
	number(c, &m.listeners)
	w.warned(&m.starvedWarned, &m.starvedWarnedAt)
	n := len(m.starved)
	number(c, &n)
	if c.reading && (n < 0 || n > len(w.all)) {
		c.fail()
		return
	}
	for i := range n {
		var at int
		if !c.reading {
			at = slices.Index(w.all, m.starved[i])
		}
		w.place(&at, len(w.all))
		if c.reading && at >= 0 && !w.all[at].starved {
			s := w.all[at]
			s.starved, s.starvedIndex = true, len(m.starved)
			m.starved = append(m.starved, s)
		}
	}
}

// place walks an index into a list of n things; -1 is none of them.
func (w *canonWalk) place(i *int, n int) {
	number(&w.c, i)
	if w.c.reading && (*i < -1 || *i >= n) {
		w.c.fail()
		*i = -1
	}
}

func (w *canonWalk) config(f **Config) {
	n := -1
	if !w.c.reading && *f != nil {
		number, ok := w.k.configNumbers[*f]
		n = w.known(number, ok)
	}
	w.place(&n, len(w.k.configs))
	if w.c.reading && n >= 0 {
		*f = w.k.configs[n]
	}
}

func (w *canonWalk) entry(e **ServiceConfig) {
	var n int
	if !w.c.reading {
		number, ok := w.k.entryNumbers[*e]
		n = w.known(number, ok)
	}
	w.place(&n, len(w.k.entries))
	if w.c.reading {
		if n < 0 {
			w.c.fail()
			*e = &ServiceConfig{}
			return
		}
		*e = w.k.entries[n]
	}
}

func (w *canonWalk) known(n int, ok bool) int {
	w.m.assert(ok, "a canonical form is made of known configurations")
	return n
}

// list walks how many services there are, and makes them when reading. The
// number is negative if some of them share an address and are not in the order
// of their age; then each one's place in that order follows.
func (w *canonWalk) list(v *[]*service, l life) {
	c := &w.c
	n := len(*v)
	if !c.reading && ageCounts(*v) {
		n = -n
	}
	number(c, &n)
	aged := n < 0
	n = max(n, -n)
	if c.reading {
		if n < 0 || n > len(c.b) {
			c.fail()
			return
		}
		*v = make([]*service, n)
		first := w.m.lastService
		for i := range *v {
			w.m.lastService++
			s := &service{id: w.m.lastService, seq: w.m.lastService, life: l}
			if l == lifeStopping {
				s.stoppingIndex = i
			}
			s.initTimers()
			w.m.services.put(uint64(s.id), s)
			(*v)[i] = s
		}
		if aged {
			w.ages(*v, first)
		}
	} else if aged {
		w.ages(*v, 0)
	}
	w.all = append(w.all, *v...)
}

// ages walks the place of each service in the order of their age; the first one
// made comes after first.
func (w *canonWalk) ages(list []*service, first ServiceID) {
	taken := make([]bool, len(list))
	for _, s := range list {
		older := 0
		for _, other := range list {
			if other.seq < s.seq {
				older++
			}
		}
		w.place(&older, len(list))
		if w.c.reading {
			if w.c.err != nil || older < 0 || taken[older] {
				w.c.fail()
				return
			}
			taken[older] = true
			s.seq = first + 1 + ServiceID(older)
		}
	}
}

// ageCounts reports whether some of the services share an address and are not
// in the order of their age: a reload has to know who took it last.
func ageCounts(list []*service) bool {
	if slices.IsSortedFunc(list, func(a, b *service) int { return cmp.Compare(a.seq, b.seq) }) {
		return false
	}
	last := map[Endpoint]ServiceID{}
	for _, s := range list {
		for _, end := range s.endpoints {
			end.Path = pathOf(end)
			if last[end] > s.seq {
				return true
			}
			last[end] = max(last[end], s.seq)
		}
	}
	return false
}

func (w *canonWalk) service(s *service) {
	c := &w.c
	w.entry(&s.entry)
	w.listeners(s)
	c.bool(&s.watching)
	c.bool(&s.throttled)
	c.bool(&s.wakeupArmed)
	w.past(s)
	w.children(s)
	w.wakeups(s)
	number(c, &s.total)
	number(c, &s.starting)
	number(c, &s.idle)
	number(c, &s.retired)
	number(c, &s.leaving)
	number(c, &s.heldBy)
}

// listeners walks what the service listens on: the endpoints of one of the
// known entries, which after a reload need not be its own.
func (w *canonWalk) listeners(s *service) {
	var n int
	if !w.c.reading {
		n = slices.IndexFunc(w.k.entries, func(e *ServiceConfig) bool { return slices.Equal(e.Endpoints, s.endpoints) })
		w.known(n, n >= 0)
	}
	w.place(&n, len(w.k.entries))
	if w.c.reading {
		if n < 0 {
			w.c.fail()
			return
		}
		s.endpoints = w.k.entries[n].Endpoints
		s.listeners = make([]listenerState, len(s.endpoints))
	}
	for i := range s.listeners {
		number(&w.c, &s.listeners[i])
	}
}

// past walks the two instants that are compared with now. One that is so long
// ago that no comparison can tell it from never is written as never.
func (w *canonWalk) past(s *service) {
	stressed, left := s.stressed && s.stressUntil >= w.m.now, s.stressUntil.Sub(w.m.now)
	w.c.bool(&stressed)
	if stressed {
		number(&w.c, &left)
	}
	if w.c.reading {
		s.stressed = stressed
		if stressed {
			s.stressUntil = w.m.now.Add(left)
		}
	}
	w.warned(&s.warned, &s.warnedAt)
}

// warned walks when something was last warned of.
func (w *canonWalk) warned(set *bool, at *Time) {
	warned, ago := *set && w.m.now.Sub(*at) <= limitWarningInterval, w.m.now.Sub(*at)
	w.c.bool(&warned)
	if warned {
		number(&w.c, &ago)
	}
	if w.c.reading {
		*set = warned
		if warned {
			*at = w.m.now.Add(-ago)
		}
	}
}

func (w *canonWalk) children(s *service) {
	n := 0
	for c := s.first; c != nil; c = c.next {
		n++
	}
	number(&w.c, &n)
	if !w.c.reading {
		for c := s.first; c != nil; c = c.next {
			w.k.names.Children = append(w.k.names.Children, c.generation)
			w.child(c)
		}
		return
	}
	for ; n > 0 && w.c.err == nil; n-- {
		w.m.lastGeneration++
		c := &child{generation: w.m.lastGeneration, service: s}
		c.timer = timer{kind: timerChannelClosed, child: c}
		w.m.listChild(c)
		w.child(c)
	}
}

func (w *canonWalk) child(x *child) {
	c := &w.c
	w.entry(&x.entry)
	w.pid(&x.pid)
	number(c, &x.state)
	c.bool(&x.retired)
	c.bool(&x.served)
	c.bool(&x.terminated)
	c.bool(&x.killed)
	c.bool(&x.closed)
	number(c, &x.complaints)
}

func (w *canonWalk) pid(p *PID) {
	n, pids := PID(0), &w.k.names.PIDs
	if !w.c.reading && *p != 0 {
		i := slices.Index(*pids, *p)
		if i < 0 {
			i = len(*pids)
			*pids = append(*pids, *p)
		}
		n = PID(i + 1)
	}
	number(&w.c, &n)
	if w.c.reading && n != 0 {
		*p = w.from.PID + n
	}
}

func (w *canonWalk) wakeups(s *service) {
	n := 0
	for k := s.openWakeups; k != nil; k = k.next {
		n++
	}
	number(&w.c, &n)
	if !w.c.reading {
		for k := s.openWakeups; k != nil; k = k.next {
			w.k.names.Wakeups = append(w.k.names.Wakeups, k.request)
			w.entry(&k.entry)
			w.c.bool(&k.sent)
		}
		return
	}
	var last *wakeup
	for ; n > 0 && w.c.err == nil; n-- {
		w.m.lastRequest++
		k := &wakeup{request: w.m.lastRequest, service: s}
		k.timer = timer{kind: timerWakeupLimit, wakeup: k}
		w.entry(&k.entry)
		w.c.bool(&k.sent)
		w.m.listWakeup(last, k)
		last = k
	}
}

func (w *canonWalk) successors(s *service) {
	n := len(s.successors)
	number(&w.c, &n)
	if w.c.reading && (n < 0 || n > len(w.all)) {
		w.c.fail()
		return
	}
	for i := range n {
		var at int
		if !w.c.reading {
			at = slices.Index(w.all, s.successors[i])
		}
		w.place(&at, len(w.all))
		if w.c.reading && at >= 0 {
			s.successors = append(s.successors, w.all[at])
		}
	}
}

// transaction walks a reload under way. Its plan depends on nothing that can
// change before the commit, so it is made again.
func (w *canonWalk) transaction() {
	c, t := &w.c, &w.m.reload
	number(c, &t.phase)
	c.bool(&t.again)
	number(c, &t.pending)
	if c.reading && t.phase == reloadLoading {
		w.m.lastRequest++
		t.request = w.m.lastRequest
	}
	var next *Config
	if t.plan != nil {
		next = t.plan.Config
	}
	w.config(&next)
	if c.reading && next != nil && c.err == nil {
		t.plan = w.m.Plan(next)
	}
	n := len(t.failed)
	number(c, &n)
	if c.reading {
		if n < 0 || n > maxFailureLines {
			c.fail()
			return
		}
		t.failed = make([]failure, n)
	}
	for i := range t.failed {
		f := &t.failed[i]
		w.entry(&f.entry)
		number(c, &f.listener)
		number(c, &f.step)
		number(c, &f.errno)
	}
}

// timers walks the deadlines in the order in which they expire.
func (w *canonWalk) timers() {
	c, m := &w.c, w.m
	n := len(m.timers.heap)
	number(c, &n)
	if !c.reading {
		w.k.sorted = append(w.k.sorted[:0], m.timers.heap...)
		slices.SortFunc(w.k.sorted, func(a, b *timer) int {
			if m.timers.less(a, b) {
				return -1
			}
			return 1
		})
		for _, t := range w.k.sorted {
			kind, owner, left := t.kind, w.owner(t), t.when.Sub(m.now)
			number(c, &kind)
			number(c, &owner)
			number(c, &left)
		}
		return
	}
	for ; n > 0 && c.err == nil; n-- {
		var kind timerKind
		var owner int
		var left Duration
		number(c, &kind)
		number(c, &owner)
		number(c, &left)
		t := w.owned(kind, owner)
		if t == nil || t.armed() {
			c.fail()
			return
		}
		m.timers.arm(t, m.now.Add(left))
	}
}

// owner tells the place of the thing that a timer belongs to.
func (w *canonWalk) owner(t *timer) int {
	switch t.kind {
	case timerThrottle, timerWakeup, timerRemoval, timerLeaving:
		return slices.Index(w.all, t.service)
	case timerWakeupLimit:
		return slices.Index(w.k.names.Wakeups, t.wakeup.request)
	case timerChannelClosed:
		return slices.Index(w.k.names.Children, t.child.generation)
	default:
		return 0
	}
}

// owned finds that timer again; nil: there is none.
func (w *canonWalk) owned(kind timerKind, owner int) *timer {
	if owner < 0 {
		return nil
	}
	switch kind {
	case timerThrottle, timerWakeup, timerRemoval, timerLeaving:
		if owner >= len(w.all) {
			return nil
		}
		s := w.all[owner]
		return [...]*timer{timerThrottle: &s.throttleTimer, timerWakeup: &s.wakeupTimer, timerRemoval: &s.removalTimer, timerLeaving: &s.leavingTimer}[kind]
	case timerWakeupLimit:
		if k := w.m.wakeups.get(uint64(w.from.Request) + uint64(owner) + 1); k != nil {
			return &k.timer
		}
	case timerChannelClosed:
		if x := w.m.children.get(uint64(w.from.Generation) + uint64(owner) + 1); x != nil {
			return &x.timer
		}
	case timerExit:
		return &w.m.exitTimer
	}
	return nil
}
