package timeline

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Columns of the text.
const (
	happenedColumn = 58
	laneColumn     = 22
)

// WriteText writes the story as columns: time, step, what happened, and then
// for each service how it stands, where that has changed.
func (s *Story) WriteText(out io.Writer) error {
	g, err := s.begin()
	if err != nil {
		return err
	}
	p, _, err := s.draw()
	if err != nil {
		return err
	}
	t := columns{last: map[core.ServiceID]string{}, quiet: map[core.ServiceID]bool{}, unit: s.unit()}
	var left []string
	for l := range s.quiet(p) {
		t.quiet[l.id] = true
	}
	for _, l := range p.lanes {
		if t.quiet[l.id] {
			left = append(left, fmt.Sprintf("%d %s", l.id, l.name))
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(&t.b, "%s: %s\n", quietWords(len(left)), strings.Join(left, ", "))
	}
	if begun := s.begun(); begun != "" {
		fmt.Fprintf(&t.b, "begins on %s\n", begun)
	}
	for i := range s.records {
		r := &s.records[i]
		g.play(r)
		if s.drawn(r) {
			t.record(s, g, r)
		}
	}
	if s.broken != nil {
		s.broken.conclude(g)
		fmt.Fprintf(&t.b, "\nBROKEN: %s\n", s.broken.text)
		for _, side := range []side{s.broken.left, s.broken.right} {
			fmt.Fprintf(&t.b, "%s:\n", side.Title)
			for _, line := range side.Lines {
				fmt.Fprintf(&t.b, "  %s\n", line)
			}
		}
	}
	if _, err := out.Write(t.b.Bytes()); err != nil {
		return fmt.Errorf("write timeline: %w", err)
	}
	return nil
}

// columns builds the text.
type columns struct {
	b     bytes.Buffer
	lanes []core.ServiceID
	names []string
	last  map[core.ServiceID]string
	quiet map[core.ServiceID]bool // not shown
	unit  string                  // of the times
}

func (t *columns) record(s *Story, g *stage, r *witness.Record) {
	what := ""
	switch r.Kind {
	case witness.RecordEvent:
		what = string(r.Event.AppendText(nil))
	case witness.RecordAction:
		if r.Action.Kind == core.Log && r.Action.Level == core.LevelVerbose {
			return
		}
		what = "  -> " + string(r.Action.AppendText(nil))
	case witness.RecordWorld:
		what = ". " + strings.TrimPrefix(string(r.AppendText(nil)), "")
		if _, rest, ok := strings.Cut(what, " . "); ok {
			what = ". " + rest
		}
	default:
		return
	}
	t.head(g)
	line := fmt.Sprintf("%12s %5d  %-*s", s.when(r), r.Step, happenedColumn, shortened(what))
	for _, id := range t.lanes {
		line += fmt.Sprintf(" %-*s", laneColumn, t.cell(g, id))
	}
	t.b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// head writes the names of the services whenever there are others.
func (t *columns) head(g *stage) {
	var lanes []core.ServiceID
	var names []string
	for i := range g.view.Services {
		if v := &g.view.Services[i]; !t.quiet[v.ID] {
			lanes, names = append(lanes, v.ID), append(names, fmt.Sprintf("%d %s", v.ID, v.Canonical))
		}
	}
	if slices.Equal(lanes, t.lanes) {
		return
	}
	t.lanes, t.names = lanes, names
	clear(t.last)
	line := fmt.Sprintf("%12s %5s  %-*s", t.unit, "step", happenedColumn, "")
	for _, name := range names {
		line += fmt.Sprintf(" %-*.*s", laneColumn, laneColumn, name)
	}
	t.b.WriteString("\n" + strings.TrimRight(line, " ") + "\n")
}

// cell is how a service stands; a dot when nothing has changed.
func (t *columns) cell(g *stage, id core.ServiceID) string {
	for i := range g.view.Services {
		v := &g.view.Services[i]
		if v.ID != id {
			continue
		}
		now := fmt.Sprintf("%v %d/%s i%d b%d r%d", v.State, v.Total, limitWord(v.Limit), v.Idle, v.Busy, v.Retired)
		if t.last[id] == now {
			return "."
		}
		t.last[id] = now
		return now
	}
	return ""
}

func shortened(line string) string {
	if r := []rune(line); len(r) > happenedColumn {
		return string(r[:happenedColumn-1]) + "…"
	}
	return line
}
