package core

import (
	"bytes"
	"errors"
	"fmt"
)

// snapshotMark begins every snapshot and contains the version of its format.
// Snapshots of the previous version can be read too; fields that it lacks are
// zero.
const (
	snapshotMark    = "stationmaster snapshot 3\n"
	oldSnapshotMark = "stationmaster snapshot 2\n"
)

var errNoSnapshot = errors.New("this is no snapshot of a format that this version reads")

// Snapshot returns the whole state as bytes. A machine restored from them
// continues with equal actions.
func (m *Machine) Snapshot() []byte { return m.AppendSnapshot(nil, &References{}) }

// Restore returns a machine restored from a snapshot. It returns an error for
// bytes that are not a snapshot or encode an impossible state.
func Restore(snapshot []byte) (*Machine, error) {
	return RestoreReferences(snapshot, &References{})
}

// IsOldSnapshot reports whether a snapshot is in the previous format. A machine
// restored from it is written in the current one.
func IsOldSnapshot(snapshot []byte) bool { return bytes.HasPrefix(snapshot, []byte(oldSnapshotMark)) }

func restore(snapshot []byte, r *References) (*Machine, error) {
	walked, current := bytes.CutPrefix(snapshot, []byte(snapshotMark))
	walked, old := bytes.CutPrefix(walked, []byte(oldSnapshotMark))
	if current == old {
		return nil, errNoSnapshot
	}
	m := &Machine{}
	m.exitTimer = timer{kind: timerExit}
	w := machineWalk{c: codec{b: walked, reading: true}, m: m, refs: r, old: old}
	w.machine()
	switch {
	case w.c.err != nil:
		return nil, w.c.err
	case len(w.c.b) != 0:
		return nil, fmt.Errorf("%d bytes too many", len(w.c.b))
	}
	return m, m.Check()
}

// config visits a configuration that may be missing.
func (w *machineWalk) config(f **Config) {
	if w.canon != nil {
		w.knownConfig(f)
		return
	}
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

// addOlderEntry adds settings of an earlier epoch to the references, once.
func (w *machineWalk) addOlderEntry(e *ServiceConfig) {
	if w.c.reading || w.refs.entries.numbers[e] == 0 {
		w.refs.entries.add(e, !w.c.reading)
	}
}

// olderEntries visits the settings that only services and children of earlier
// epochs still use.
func (w *machineWalk) olderEntries() {
	if w.canon != nil {
		return
	}
	known := len(w.refs.entries.values)
	var older []*ServiceConfig
	if !w.c.reading {
		for _, list := range [3][]*service{w.m.active, w.m.stopping, w.m.reload.added} {
			for _, s := range list {
				w.addOlderEntry(s.entry)
				for c := s.first; c != nil; c = c.next {
					w.addOlderEntry(c.entry)
				}
				for k := s.openWakeups; k != nil; k = k.next {
					w.addOlderEntry(k.entry)
				}
			}
		}
		older = w.refs.entries.values[known:]
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
			w.addOlderEntry(*e)
		}
	})
}

func (w *machineWalk) entry(e **ServiceConfig) {
	if w.canon != nil {
		w.knownEntry(e)
		return
	}
	n := 0
	if !w.c.reading {
		n = int(w.refs.entries.numbers[*e]) - 1
	}
	number(&w.c, &n)
	if w.c.reading {
		if n < 0 || n >= len(w.refs.entries.values) {
			w.c.fail()
			*e = &ServiceConfig{}
			return
		}
		*e = w.refs.entries.values[n]
	}
}

// timer visits a deadline. Reading pushes it where it belongs: (when, seq)
// order the heap whatever the order of the pushes.
func (w *machineWalk) timer(t *timer) {
	if w.canon != nil {
		return // see deadlines
	}
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

func (w *machineWalk) serviceID(s *service) {
	if w.canon != nil {
		w.place(s)
		return
	}
	number(&w.c, &s.id)
}

func (w *machineWalk) generation(g *Generation) {
	if w.canon != nil {
		named(w, g, &w.canon.names.Children, &w.m.lastGeneration)
		return
	}
	number(&w.c, g)
}

func (w *machineWalk) request(r *Request) {
	if w.canon != nil {
		named(w, r, &w.canon.names.Wakeups, &w.m.lastRequest)
		return
	}
	number(&w.c, r)
}

func (w *machineWalk) pid(p *PID) {
	if w.canon != nil {
		w.sharedPID(p)
		return
	}
	number(&w.c, p)
}

// load visits the number of a LoadConfig that is not answered.
func (w *machineWalk) load(t *transaction) {
	if w.canon != nil {
		if w.c.reading && t.phase == reloadLoading {
			w.m.lastRequest++
			t.request = w.m.lastRequest
		}
		return
	}
	number(&w.c, &t.request)
}

// listeners visits the endpoints that the service listens on. After a reload they may
// differ from those in its settings.
func (w *machineWalk) listeners(s *service) {
	if w.canon != nil {
		w.knownListeners(s)
		return
	}
	list(&w.c, &s.endpoints, w.c.endpoint)
	list(&w.c, &s.listeners, func(l *listenerState) { number(&w.c, l) })
}

// past visits the instants of a service that are compared with the current time.
func (w *machineWalk) past(s *service) {
	if w.canon != nil {
		w.nearPast(s)
		return
	}
	w.c.bool(&s.stressed)
	w.c.bool(&s.warned)
	number(&w.c, &s.stressUntil)
	number(&w.c, &s.warnedAt)
}

// starvedWarned visits the time of the last warning about starved services.
func (w *machineWalk) starvedWarned() {
	m := w.m
	if w.canon != nil {
		w.warned(&m.starvedWarned, &m.starvedWarnedAt)
		return
	}
	w.c.bool(&m.starvedWarned)
	number(&w.c, &m.starvedWarnedAt)
}
