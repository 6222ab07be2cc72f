package trace

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Difference is the first step at which the actions of a replay differ from the
// recorded ones.
type Difference struct {
	Step     int // counted from 1 in the recording
	Time     core.Time
	Wall     int64 // of the wall clock; see Record
	Event    string
	Recorded []string // the actions, one line each
	Got      []string // those of the replay, or the invariant that it broke
}

// Error shows both sides.
func (d *Difference) Error() string {
	text := fmt.Sprintf("step %d differs\nevent: %s %s\nrecorded:%s\nreplayed:%s",
		d.Step, instant(d.Time, d.Wall), d.Event, indented(d.Recorded), indented(d.Got))
	if strings.Join(d.Recorded, "\n") == strings.Join(d.Got, "\n") {
		text += "\n(the lines are equal: they refer to different settings)"
	}
	return text
}

func indented(lines []string) string {
	if len(lines) == 0 {
		return " nothing"
	}
	return "\n  " + strings.Join(lines, "\n  ")
}

// StateDifference is a snapshot within a recording that differs from that of the
// replayed machine, although all steps before it agreed.
type StateDifference struct{ Step int }

func (d *StateDifference) Error() string {
	return fmt.Sprintf("after step %d the state differs from the recorded one", d.Step)
}

// Broken is a last step without actions that breaks an invariant in the replay, as
// it did when it was recorded.
type Broken struct {
	Step  int
	Time  core.Time
	Wall  int64 // of the wall clock; see Record
	Event string
	Cause error // mostly a core.BrokenInvariant
}

func (b *Broken) Error() string {
	return fmt.Sprintf("step %d, as when it was recorded: %v\nevent: %s %s", b.Step, b.Cause, instant(b.Time, b.Wall), b.Event)
}

// Unwrap returns the cause.
func (b *Broken) Unwrap() error { return b.Cause }

// Replay runs a recording through a machine of its own, from the first segment on,
// and compares the actions of every step, and every snapshot on the way, byte for
// byte. It returns the number of steps that agreed. The error is nil, a Difference,
// a StateDifference, a Broken, or an error of Reader. In a recording of OldVersion
// the snapshots on the way are not compared, because they lack what machines have
// learned to remember since; the replay continues from each of them instead.
func Replay(recording []byte) (steps int, err error) {
	r, err := NewReader(recording)
	if err != nil {
		return 0, err
	}
	var p player
	for {
		record, err := r.Next()
		if err == io.EOF {
			return p.steps, nil
		}
		if err == nil {
			err = p.play(&record)
		}
		if err != nil {
			return p.steps, err
		}
	}
}

// player steps a machine and encodes what it does, to compare the bytes.
type player struct {
	m     *core.Machine
	w     Writer
	steps int
}

func (p *player) play(record *Record) error {
	p.w.b = p.w.b[:0]
	if record.Machine != nil {
		return p.begin(record)
	}
	p.w.Event(record.Time, &record.Event)
	actions, broken := Step(p.m, record.Time, record.Event)
	if broken == nil && !record.Open {
		p.w.Actions(actions)
		if bytes.Equal(p.w.b, record.raw) {
			p.steps++
			return nil
		}
	}
	event := string(record.Event.AppendText(nil))
	if broken != nil && record.Open {
		return &Broken{p.steps + 1, record.Time, record.Wall, event, broken}
	}
	d := &Difference{Step: p.steps + 1, Time: record.Time, Wall: record.Wall, Event: event, Recorded: lines(record.Actions), Got: lines(actions)}
	if record.Open {
		d.Recorded = []string{"(the recording ends here)"}
	}
	if broken != nil {
		d.Got = []string{"(" + broken.Error() + ")"}
	}
	return d
}

// begin takes over the machine of the first segment. At a later segment it compares
// our machine with the recorded one.
func (p *player) begin(record *Record) error {
	if p.m == nil || record.Old && !record.Fresh {
		p.m, p.w.now = record.Machine, record.Time
	}
	if record.Fresh {
		p.w.Fresh(record.Time, record.Options)
		return nil
	}
	p.w.Snapshot(p.m)
	if !record.Old && !bytes.Equal(p.w.b, record.raw) {
		return &StateDifference{p.steps}
	}
	return nil
}

// Step steps a machine with an event from any source and recovers from a panic:
// broken is the value it panicked with, and there are no actions then.
func Step(m *core.Machine, now core.Time, ev core.Event) (actions []core.Action, broken error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			actions, broken = nil, r
		default:
			actions, broken = nil, fmt.Errorf("%v", r)
		}
	}()
	return m.Step(now, ev), nil
}

func lines(actions []core.Action) []string {
	out := make([]string, len(actions))
	for i := range actions {
		out[i] = string(actions[i].AppendText(nil))
	}
	return out
}
