// Package recorded works on journals of real daemons (core/trace): it forks one,
// real until some step and drawn from there on, and shrinks one whose replay
// breaks or differs.
//
// It refuses to have a world of its own. A real configuration has names,
// addresses and process identities that package sim does not know, so behind a
// fork stand no clients and no servers, only an adapter that keeps its duties
// and draws what it reports; what is right is judged by the machine's own checks
// and by package model.
package recorded

import (
	"errors"
	"fmt"
	"io"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/sim/model"
)

// step is one recorded step.
type step struct {
	now     core.Time
	event   core.Event
	actions []core.Action
	open    bool // the recording ends before the actions
}

// tale is a recording that was read.
type tale struct {
	began    core.Time
	first    *core.Machine // before the first step; it is not stepped
	snapshot []byte        // of it
	fresh    bool
	options  core.MachineOptions // with fresh
	steps    []step
}

// read takes a whole recording in.
func read(recording []byte) (*tale, error) {
	r, err := trace.NewReader(recording)
	if err != nil {
		return nil, err
	}
	var t *tale
	for {
		record, err := r.Next()
		switch {
		case errors.Is(err, io.EOF) && t == nil:
			return nil, errors.New("the journal is empty")
		case errors.Is(err, io.EOF):
			return t, nil
		case err != nil:
			return nil, err
		case record.Machine != nil && t == nil:
			t = &tale{began: record.Time, first: record.Machine, snapshot: record.Machine.Snapshot(), fresh: record.Fresh, options: record.Options}
		case record.Machine == nil:
			t.steps = append(t.steps, step{record.Time, record.Event, append([]core.Action(nil), record.Actions...), record.Open})
		}
	}
}

// machine returns one that stands at the beginning.
func (t *tale) machine() (*core.Machine, error) {
	if t.fresh {
		return core.New(t.began, t.options), nil
	}
	m, err := core.Restore(t.snapshot)
	if err != nil {
		return nil, fmt.Errorf("read the beginning: %w", err)
	}
	return m, nil
}

// writer returns a writer with the beginning in it. m is the machine at the
// beginning whose settings the actions will name.
func (t *tale) writer(m *core.Machine) *trace.Writer {
	w := trace.NewWriter()
	if t.fresh {
		w.Fresh(t.began, t.options)
	} else {
		w.Snapshot(m)
	}
	return w
}

// words returns actions as lines.
func words(actions []core.Action) string {
	var b []byte
	for i := range actions {
		b = append(actions[i].AppendText(b), '\n')
	}
	return string(b)
}

// flags are what the command line of a machine said that has seen nothing yet. ok
// is false when it has seen something: then no model can know its past.
func (t *tale) flags() (f model.Flags, ok bool) {
	m, err := t.machine()
	if err != nil || m.View().Step != 0 {
		return f, false
	}
	return model.FlagsOf(m.Options()), true
}
