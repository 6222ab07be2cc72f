// Package model is the reference model of the machine: what the master must
// do, stated a second time and in another way. It was written from the
// specification (spec runtime, sections 6 to 13; quirks; the design's rules for
// held services, reloads and retired children; the list of deliberate
// differences) by an author who had not read the machine, only the border that
// both share: events, actions, configuration and log codes.
//
// It is naive on purpose. It keeps the whole history and nothing else; at every
// step it reads that history again from its beginning and recomputes who lives,
// who is idle, who is throttled, what is due. There is no counter that could be
// incremented wrongly, and the price is quadratic time: it is for runs of up to
// some thousands of steps.
//
// It drives nothing: it is shown a step that was taken, and says
// whether the specification allows it. Where the specification fixes no order
// of the actions within a step, actions are compared as sets; the orders that
// are demanded stand in order.go, each with its reason.
package model

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// Flags are what the command line decides for the whole life of a machine.
type Flags = past.Flags

// Violation is a step that the specification does not allow.
type Violation = verdict.Violation

// FlagsOf are the flags of a machine with these options.
func FlagsOf(o core.MachineOptions) Flags {
	return Flags{
		InitMode: o.InitMode, GroupLeader: o.GroupLeader, Verbose: o.Verbose,
		ExitSet: o.ExitSet, ExitAfter: o.ExitAfter, Descriptors: o.Descriptors,
	}
}

// Model judges the steps of one machine. It is not safe for use by more than
// one goroutine.
type Model struct {
	born    core.Time
	flags   Flags
	history []past.Step

	// Memory of the last step, so that it is not read or copied twice: what was
	// read then, and a copy of the history of which a part may be read with a
	// step that has no actions yet. Both can be thrown away at any time.
	last *past.World
	copy []past.Step
}

// New returns a model of a machine that was made at now and has seen nothing.
func New(now core.Time, o Flags) *Model { return &Model{born: now, flags: o} }

// Clone returns an independent model with the same past. It costs the same
// whatever the length of the past is: what has happened is shared and never
// changed.
func (m *Model) Clone() *Model {
	c := *m
	c.history, c.copy = slices.Clip(m.history), nil
	return &c
}

// Reset makes m what New would return, and keeps its memory. Clones of m must not
// be used any more.
func (m *Model) Reset(now core.Time, o Flags) {
	m.born, m.flags, m.history = now, o, m.history[:0]
	m.last, m.copy = nil, m.copy[:0]
}

// Observe records one step and judges it. The error is nil or a *Violation; the
// step stays in the history either way, but after a violation nothing further
// that the model says is meaningful. actions is copied.
func (m *Model) Observe(now core.Time, ev core.Event, actions []core.Action) error {
	ev, fault := past.Refused(ev)
	earlier, before := m.history, m.current()
	m.history = append(earlier, past.Step{Now: now, Ev: ev, Fault: fault, Actions: slices.Clone(actions)})
	if len(m.copy) != len(earlier) {
		m.copy = append(m.copy[:0], earlier...)
	}
	o := verdict.Observation{
		Step:   &m.history[len(earlier)],
		Before: before,
		// The event alone, before any action: what the answer to it is based on.
		Seen: past.Read(m.flags, m.born, append(m.copy, past.Step{Now: now, Ev: ev})),
	}
	if v := dutyOfAdapter(&o); v != nil {
		return v.At(len(earlier))
	}
	expect(&o)
	if v := o.SettleDemands(); v != nil {
		return v.At(len(earlier))
	}
	o.After = past.Read(m.flags, m.born, m.history)
	if v := settleDerived(&o); v != nil {
		return v.At(len(earlier))
	}
	if v := checkOrders(&o); v != nil {
		return v.At(len(earlier))
	}
	m.last, m.copy = o.After, append(m.copy, *o.Step)
	return nil
}

// Deadline predicts what the machine's Deadline must return after the steps
// observed so far.
func (m *Model) Deadline() (core.Time, bool) {
	return m.current().Deadline()
}

// current is what follows from the history so far.
func (m *Model) current() *past.World {
	if m.last == nil || len(m.last.H) != len(m.history) {
		m.last = past.Read(m.flags, m.born, m.history)
	}
	return m.last
}

// Watched returns the services whose listeners must be watched now, in the order
// in which they were accepted.
func (m *Model) Watched() []core.ServiceID {
	w := m.current()
	var ids []core.ServiceID
	for _, s := range w.Services {
		if w.MustWatch(s) {
			ids = append(ids, s.Id)
		}
	}
	return ids
}
