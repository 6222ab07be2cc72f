// Package timeline draws one run of a machine: a lane for each service that
// shows who watches its listeners, a bar for each child, and what passes
// between them. A run of package sim and a journal of the daemon come to it in
// one form, a list of sim.Record.
//
// It refuses to judge. What it draws is the state of a machine that is stepped
// through the events once more; what it counts beside that (account.go) it
// takes from events and actions alone, so that both can be shown where
// something broke.
package timeline

import (
	"errors"
	"fmt"
	"io"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Story is one run, ready to be drawn.
type Story struct {
	title   string
	command string // that plays it again; empty: nobody knows
	records []witness.Record
	machine *core.Machine // before the first record
	broken  *breach
	from    uint64 // first step that is drawn
	steps   uint64 // how many
	walls   []wallClock
}

// breach is where something broke, with both sides.
type breach struct {
	text        string
	left, right side
}

type side struct {
	Title string
	Lines []string
}

// OfTrace takes the records of a run from its beginning on, and what the
// command line of its machine said.
func OfTrace(title string, o core.MachineOptions, records []witness.Record) *Story {
	s := &Story{title: title, records: records}
	born := core.Time(0)
	if len(records) > 0 {
		born = records[0].Now
	}
	for i := range records {
		if records[i].Kind == witness.RecordBroken {
			s.broken = &breach{text: records[i].Text}
		}
	}
	s.machine = core.New(born, o)
	s.Choose(0, len(records))
	return s
}

// OfRecording takes a journal of the daemon. It is drawn from its first
// beginning to its end, or to the first step at which a machine of today acts
// differently.
func OfRecording(title string, recording []byte) (*Story, error) {
	r, err := trace.NewReader(recording)
	if err != nil {
		return nil, err
	}
	s := &Story{title: title}
	step := uint64(0)
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if record.Machine != nil {
			if s.machine == nil {
				s.machine = record.Machine
			}
			continue
		}
		step++
		s.noteWall(step, &record)
		s.records = append(s.records, witness.Record{Kind: witness.RecordEvent, Step: step, Now: record.Time, Event: record.Event})
		for i := range record.Actions {
			s.records = append(s.records, witness.Record{Kind: witness.RecordAction, Step: step, Now: record.Time, Action: record.Actions[i]})
		}
	}
	if s.machine == nil {
		return nil, errors.New("the journal is empty")
	}
	s.Choose(0, len(s.records))
	s.differ(recording)
	return s, nil
}

// differ finds where the replay differs from the recording.
func (s *Story) differ(recording []byte) {
	_, err := trace.Replay(recording)
	var d *trace.Difference
	switch {
	case err == nil:
	case errors.As(err, &d):
		s.broken = &breach{
			text: fmt.Sprintf("step %d differs: %s", d.Step, d.Event),
			left: side{"recorded", d.Recorded}, right: side{"this machine", d.Got},
		}
		s.cut(uint64(d.Step))
	default:
		s.broken = &breach{text: err.Error()}
	}
}

// cut leaves out what follows a step.
func (s *Story) cut(step uint64) {
	for i := range s.records {
		if s.records[i].Step > step {
			s.records = s.records[:i]
			return
		}
	}
}

// Again says by which command the run is played again.
func (s *Story) Again(command string) { s.command = command }

// Broken reports whether the story ends with a broken invariant.
func (s *Story) Broken() bool { return s.broken != nil }

// Break makes it end with one.
func (s *Story) Break(text string) { s.broken = &breach{text: text} }

// Choose draws at most n steps from the given one on; 0: the last ones.
func (s *Story) Choose(from uint64, n int) {
	last := uint64(0)
	if len(s.records) > 0 {
		last = s.records[len(s.records)-1].Step
	}
	s.steps = uint64(max(n, 1))
	s.from = from
	if from == 0 && last >= s.steps {
		s.from = last - s.steps + 1
	}
}

// drawn reports whether a record lies in what is drawn.
func (s *Story) drawn(r *witness.Record) bool { return r.Step >= s.from && r.Step-s.from < s.steps }

// stage is a machine that is taken through the records, with the account
// beside it.
type stage struct {
	machine *core.Machine
	account account
	view    core.View
	panic   string // the machine broke at the last event
}

func (s *Story) begin() (*stage, error) {
	snapshot := s.machine.Snapshot()
	m, err := core.Restore(snapshot)
	if err != nil {
		return nil, fmt.Errorf("draw the timeline: %w", err)
	}
	g := &stage{machine: m, view: m.View()}
	g.account.begin(&g.view)
	return g, nil
}

// play takes in one record; it reports whether the state may have changed.
func (g *stage) play(r *witness.Record) bool {
	switch r.Kind {
	case witness.RecordEvent:
		g.account.event(&r.Event)
		g.step(r.Now, r.Event)
		return true
	case witness.RecordAction:
		g.account.action(&r.Action)
	}
	return false
}

// step lets a machine that breaks keep its last view.
func (g *stage) step(now core.Time, ev core.Event) {
	if g.panic != "" {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			g.panic = fmt.Sprint(r)
		}
	}()
	g.machine.Step(now, ev)
	g.view = g.machine.View()
}

// conclude fills in both sides of a breach that came without.
func (b *breach) conclude(g *stage) {
	if b.left.Title != "" {
		return
	}
	b.left.Title, b.right.Title = "the machine says", "events and actions say"
	if g.panic != "" {
		b.left.Title = "the machine said before it broke (" + g.panic + ")"
	}
	for i := range g.view.Services {
		v := &g.view.Services[i]
		b.left.Lines = append(b.left.Lines, fmt.Sprintf("%s: total %d, starting %d, idle %d, busy %d, retired %d, limit %d, %s; %v",
			laneName(v), v.Total, v.Starting, v.Idle, v.Busy, v.Retired, v.Limit, watchedWord(v.Watching), v.State))
		b.right.Lines = append(b.right.Lines, laneName(v)+": "+g.account.line(v.ID, v.Limit))
	}
}

func laneName(v *core.ServiceView) string {
	return fmt.Sprintf("%d %s/%v", v.ID, v.Canonical, v.Type)
}

func watchedWord(on bool) string {
	if on {
		return "watched"
	}
	return "not watched"
}

// statusOf reads a status message; ok is false for what is none of the
// sender's.
func statusOf(ev *core.Event, pid core.PID) (s wire.Status, ok bool) {
	m := wire.ParseMessage(ev.Bytes)
	ok = ev.N == wire.StatusSize && core.PID(m.PID) == pid && m.Generation == uint32(ev.Generation) &&
		(m.Status == wire.Taken || m.Status == wire.Available)
	return m.Status, ok
}
