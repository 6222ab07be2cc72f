package timeline

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// wallClock says by how much the wall clock was ahead of the machine's time from a
// step on.
type wallClock struct {
	step  uint64
	ahead int64
}

// noteWall takes in what a recording says of the wall clock at a step.
func (s *Story) noteWall(step uint64, r *trace.Record) {
	if r.Wall == 0 {
		return
	}
	ahead := r.Wall - int64(r.Time)
	if n := len(s.walls); n == 0 || s.walls[n-1].ahead != ahead {
		s.walls = append(s.walls, wallClock{step, ahead})
	}
}

// wall is the wall clock of a record as RFC 3339 has it, in UTC; empty: nobody knows.
func (s *Story) wall(r *witness.Record) string {
	for i := len(s.walls) - 1; i >= 0; i-- {
		if w := s.walls[i]; w.step <= r.Step {
			return string(trace.AppendWall(nil, int64(r.Now)+w.ahead))
		}
	}
	return ""
}

// when is how a record's time is shown: on the wall clock, without the day, or in
// seconds since the beginning.
func (s *Story) when(r *witness.Record) string {
	if wall := s.wall(r); wall != "" {
		_, time, _ := strings.Cut(wall, "T")
		return time[:len("15:04:05.000")]
	}
	return clock(r.Now.Sub(s.records[0].Now))
}

// unit is what heads the times.
func (s *Story) unit() string {
	if len(s.walls) > 0 {
		return "UTC"
	}
	return "seconds"
}

// firstDrawn is the first record that is drawn, nil if none is.
func (s *Story) firstDrawn() *witness.Record {
	for i := range s.records {
		if s.drawn(&s.records[i]) {
			return &s.records[i]
		}
	}
	return nil
}

// begun says on which day and when the drawing begins, if the wall clock is known.
func (s *Story) begun() string {
	r := s.firstDrawn()
	if r == nil {
		return ""
	}
	day, time, known := strings.Cut(s.wall(r), "T")
	if !known {
		return ""
	}
	return day + " " + time[:len("15:04:05")] + " UTC"
}
