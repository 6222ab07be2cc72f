package sim

import (
	"fmt"
	"io"

	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// reduceRuns bounds the runs that a report spends on shrinking.
const reduceRuns = 20000

// Report tells everything about a failure that a reader needs: where it was
// found, under which options, the shrunk tape, the text trace of that, and the
// one command that repeats the run. The result must have its tape.
func (r *Result) Report(out io.Writer) error {
	if r.Failure == nil {
		_, err := fmt.Fprintf(out, "seed %d: nothing found in %d steps\n", r.Seed, r.Steps)
		return err
	}
	small := Reduce(r.Tape, r.Options, r.Failure.Invariant, reduceRuns, nil)
	w := NewWorld()
	var t witness.Trace
	w.Keep(&t)
	again := w.Replay(small.Tape, small.Options)
	text := "the shrunk tape breaks nothing"
	if again.Failure != nil {
		text = again.Failure.Error()
	}
	_, err := fmt.Fprintf(out, "options: %s\nseed %d: %v\nrepeat:  %s\nshrunk:  %s\n         %d of %d choices left after %d runs, steps=%d\ntape:    %s\n\n",
		r.Options.String(), r.Seed, r.Failure, r.Command(), text, len(small.Tape), len(r.Tape), small.Runs, small.Options.Steps, tape.Format(small.Tape))
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return t.WriteText(out)
}
