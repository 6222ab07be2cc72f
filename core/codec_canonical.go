package core

import (
	"bytes"
	"cmp"
	"slices"
)

// Canon writes machines in canonical form, and restores machines from it. Two
// machines with equal canonical forms are in the same situation: equal events,
// each with the machine's own numbers, produce equal actions and equal forms
// again.
//
// Numbers whose value is arbitrary (service numbers, generations, pids,
// requests) are replaced by the index of their first appearance; instants by the
// remaining time, as far as a decision depends on it; settings by their index
// among the known ones, where equal ones are the same. The number of the step,
// the epoch, the last numbers assigned and free lists are left out. Counts are
// written although they could be derived, so that a machine that counts wrong is
// in another situation.
//
// A Canon is for searches: it is bound to the configurations that it was created
// with. It is not safe for concurrent use.
type Canon struct {
	configs []*Config
	entries []*ServiceConfig // of all of them, without equal ones

	configNumbers map[*Config]int // look-ups only
	entryNumbers  map[*ServiceConfig]int

	names  CanonNames
	sorted []*timer
	all    []*service
}

// CanonNames maps the indexes in the form written last to the machine's numbers. The
// slices are valid until the next Append.
type CanonNames struct {
	Services []ServiceID  // active, then removed, then those that a reload is opening
	Children []Generation // service by service, in the order of their starts
	PIDs     []PID        // in the order of the children
	Wakeups  []Request    // service by service, the newest first
	Load     Request      // of a LoadConfig without an answer; 0: none
}

// RestoreBase is the base of the numbers of a restored machine: the first service is
// Service+1, and so on. The behaviour must not depend on it.
type RestoreBase struct {
	Now        Time
	Service    ServiceID
	Generation Generation
	PID        PID
	Request    Request
}

// NewCanon returns a Canon for machines with the known configurations, including
// those of earlier epochs. Configurations with a ConfigFault are skipped, so
// decoding cannot refer to them.
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

// Append appends the canonical form of m to dst. It does not change m. It panics
// when m holds a configuration that is not known.
func (k *Canon) Append(dst []byte, m *Machine) []byte {
	n := &k.names
	n.Services, n.Children, n.PIDs, n.Wakeups, n.Load = n.Services[:0], n.Children[:0], n.PIDs[:0], n.Wakeups[:0], 0
	if m.reload.phase == reloadLoading {
		n.Load = m.reload.request
	}
	k.all = k.all[:0]
	for _, list := range [3][]*service{m.active, m.stopping, m.reload.added} {
		k.all = append(k.all, list...)
	}
	w := machineWalk{c: codec{b: dst}, m: m, canon: k, all: k.all}
	w.machine()
	clear(k.all)
	return w.c.b
}

// Names returns the meaning of the indexes in the form that Append wrote last.
func (k *Canon) Names() *CanonNames { return &k.names }

// Restore returns a machine in the situation encoded in b. Malformed bytes are
// an error; whether the situation is possible is for Machine.Check to decide.
func (k *Canon) Restore(b []byte, from RestoreBase) (*Machine, error) {
	m := &Machine{now: from.Now, lastService: from.Service, lastGeneration: from.Generation, lastRequest: from.Request}
	m.exitTimer = timer{kind: timerExit}
	w := machineWalk{c: codec{b: b, reading: true}, m: m, canon: k, from: from}
	w.machine()
	if w.c.err == nil && len(w.c.b) != 0 {
		w.c.fail()
	}
	return m, w.c.err
}

// place assigns the next number to a service that is read. When writing, only the
// position in the form matters.
func (w *machineWalk) place(s *service) {
	if !w.c.reading {
		w.canon.names.Services = append(w.canon.names.Services, s.id)
		return
	}
	w.m.lastService++
	s.id = w.m.lastService
	w.all = append(w.all, s)
}

// named assigns the next number to a child or wakeup that is read. When writing, it
// notes the number, of which only the position in the form matters.
func named[T Generation | Request](w *machineWalk, v *T, names *[]T, last *T) {
	if !w.c.reading {
		*names = append(*names, *v)
		return
	}
	*last++
	*v = *last
}

// index visits an index into a list of n things; -1 is none of them.
func (w *machineWalk) index(i *int, n int) {
	number(&w.c, i)
	if w.c.reading && (*i < -1 || *i >= n) {
		w.c.fail()
		*i = -1
	}
}

func (w *machineWalk) knownConfig(f **Config) {
	n := -1
	if !w.c.reading && *f != nil {
		number, ok := w.canon.configNumbers[*f]
		n = w.known(number, ok)
	}
	w.index(&n, len(w.canon.configs))
	if w.c.reading && n >= 0 {
		*f = w.canon.configs[n]
	}
}

func (w *machineWalk) knownEntry(e **ServiceConfig) {
	var n int
	if !w.c.reading {
		number, ok := w.canon.entryNumbers[*e]
		n = w.known(number, ok)
	}
	w.index(&n, len(w.canon.entries))
	if w.c.reading {
		if n < 0 {
			w.c.fail()
			*e = &ServiceConfig{}
			return
		}
		*e = w.canon.entries[n]
	}
}

func (w *machineWalk) known(n int, ok bool) int {
	w.m.assert(ok, "a canonical form is made of known configurations")
	return n
}

// ages visits the order in which the services were created, if some of them share an
// address and the list has another order. When reading, the oldest service has the
// number after first.
func (w *machineWalk) ages(list []*service, first ServiceID) {
	if w.canon == nil {
		return
	}
	count := !w.c.reading && ageCounts(list)
	w.c.bool(&count)
	if !count {
		return
	}
	taken := make([]bool, len(list))
	for _, s := range list {
		older := 0
		for _, other := range list {
			if other.seq < s.seq {
				older++
			}
		}
		w.index(&older, len(list))
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

// ageCounts reports whether some of the services share an address and are not in
// creation order: a reload must know which of them opened it last.
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

// knownListeners visits the endpoints of a service: those of one of the known
// entries, which after a reload need not be its own.
func (w *machineWalk) knownListeners(s *service) {
	var n int
	if !w.c.reading {
		n = slices.IndexFunc(w.canon.entries, func(e *ServiceConfig) bool { return slices.Equal(e.Endpoints, s.endpoints) })
		w.known(n, n >= 0)
	}
	w.index(&n, len(w.canon.entries))
	if w.c.reading {
		if n < 0 {
			w.c.fail()
			return
		}
		s.endpoints = w.canon.entries[n].Endpoints
		s.listeners = make([]listenerState, len(s.endpoints))
	}
	for i := range s.listeners {
		number(&w.c, &s.listeners[i])
	}
}

// nearPast visits the two instants that are compared with now. One that is so long
// ago that no comparison can tell it from never is written as never.
func (w *machineWalk) nearPast(s *service) {
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

// warned visits when something was last warned of.
func (w *machineWalk) warned(set *bool, at *Time) {
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

// sharedPID visits a pid. Only whether two children have the same one matters.
func (w *machineWalk) sharedPID(p *PID) {
	n, pids := PID(0), &w.canon.names.PIDs
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

// deadlines visits the deadlines in the order in which they expire.
func (w *machineWalk) deadlines() {
	if w.canon == nil {
		return // each stands with what it belongs to
	}
	c, m := &w.c, w.m
	n := len(m.timers.heap)
	number(c, &n)
	if !c.reading {
		w.canon.sorted = append(w.canon.sorted[:0], m.timers.heap...)
		slices.SortFunc(w.canon.sorted, func(a, b *timer) int {
			if m.timers.less(a, b) {
				return -1
			}
			return 1
		})
		for _, t := range w.canon.sorted {
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

// owner returns the position of the thing that a timer belongs to.
func (w *machineWalk) owner(t *timer) int {
	switch t.kind {
	case timerThrottle, timerWakeup, timerRemoval, timerLeaving:
		return slices.Index(w.all, t.service)
	case timerWakeupLimit:
		return slices.Index(w.canon.names.Wakeups, t.wakeup.request)
	case timerChannelClosed:
		return slices.Index(w.canon.names.Children, t.child.generation)
	default:
		return 0
	}
}

// owned returns that timer, or nil if there is none.
func (w *machineWalk) owned(kind timerKind, owner int) *timer {
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
