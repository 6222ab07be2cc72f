package stress

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// Scenario is one run as a file that a person can read and a test can play: it
// depends on no seed.
type Scenario struct {
	What      string // one line: what went wrong
	Invariant string // that broke when it was found
	Reaches   string // a part of its trace: whoever plays it and does not come there plays something else
	Options   options.Options
	Tape      []uint16
	Trace     string // of the run as it broke, for readers; it is not read back
}

// Ending is how names of scenarios end; they stand in sim/testdata.
const Ending = ".tape"

// The keys of a scenario's lines.
const (
	whatKey      = "what: "
	invariantKey = "invariant: "
	reachesKey   = "reaches: "
	optionsKey   = "options: "
	tapeKey      = "tape:"
)

// String returns the scenario as the text of its file.
func (s *Scenario) String() string {
	var b strings.Builder
	b.WriteString(whatKey + s.What + "\n" + invariantKey + s.Invariant + "\n")
	if s.Reaches != "" {
		b.WriteString(reachesKey + s.Reaches + "\n")
	}
	b.WriteString(optionsKey + s.Options.String() + "\n" + tapeKey + " " + tape.Format(s.Tape) + "\n")
	if s.Trace != "" {
		b.WriteString("\n# As it was when it broke:\n")
		for line := range strings.Lines(s.Trace) {
			b.WriteString("# " + strings.TrimRight(line, "\n") + "\n")
		}
	}
	return b.String()
}

// ParseScenario reads what String wrote. An option that is not named has the
// value of sim.Usual.
func ParseScenario(text string) (Scenario, error) {
	s := Scenario{Options: options.Usual(), Tape: []uint16{}}
	taped := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		var err error
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, whatKey):
			s.What = strings.TrimPrefix(line, whatKey)
		case strings.HasPrefix(line, invariantKey):
			s.Invariant = strings.TrimPrefix(line, invariantKey)
		case strings.HasPrefix(line, reachesKey):
			s.Reaches = strings.TrimPrefix(line, reachesKey)
		case strings.HasPrefix(line, optionsKey):
			err = s.options(strings.TrimPrefix(line, optionsKey))
		case strings.HasPrefix(line, tapeKey):
			taped = true
			var cells []uint16
			if cells, err = tape.Parse(strings.TrimPrefix(line, tapeKey)); err == nil {
				s.Tape = append(s.Tape, cells...)
			}
		default:
			err = fmt.Errorf("%.40q is no line of a scenario", line)
		}
		if err != nil {
			return s, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if !taped {
		return s, fmt.Errorf("no line begins with %q", tapeKey)
	}
	return s, nil
}

func (s *Scenario) options(words string) error {
	for word := range strings.FieldsSeq(words) {
		name, value, _ := strings.Cut(word, "=")
		if err := s.Options.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}
