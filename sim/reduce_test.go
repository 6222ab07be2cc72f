package sim

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// wrecked stands for a machine with a bug: the first child that is retired
// while its service waits out a throttle goes unretired.
func wrecked(w *World) {
	w.tamper = func(_ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind != core.RetireChild {
				continue
			}
			if c := w.Book.Child(actions[i].Generation); c != nil && c.Service.Throttled {
				return append(actions[:i:i], actions[i+1:]...)
			}
		}
		return actions
	}
}

func TestReducersLeaveAScenarioThatAPersonCanRead(t *testing.T) {
	w := NewWorld()
	w.Record = true
	wrecked(w)
	var found Result
	for seed := uint64(1); seed <= 2000 && found.Failure == nil; seed++ {
		found = w.Run(seed, options.Draw(seed))
	}
	if found.Failure == nil || found.Failure.Invariant != "S8" {
		t.Fatalf("the planted bug was not found: %v", found.Failure)
	}
	second := NewWorld()
	wrecked(second)
	small := ReduceWith(second.Player(), found.Tape, found.Options, "S8", reduceRuns, nil)
	again := second.Replay(small.Tape, small.Options)
	if again.Failure == nil || again.Failure.Invariant != "S8" {
		t.Fatalf("the shrunk tape breaks %v", again.Failure)
	}
	loud := 0
	for _, v := range small.Tape {
		if v != 0 {
			loud++
		}
	}
	t.Logf("%d choices shrunk to %d, %d of them not zero, %d events left, in %d runs", len(found.Tape), len(small.Tape), loud, again.Events, small.Runs)
	if loud > 20 || again.Events > 30 {
		t.Errorf("%d choices that are not zero and %d events are left", loud, again.Events)
	}
}

type grumbler struct{ left int }

func (g *grumbler) Observe(core.Time, core.Event, []core.Action, *core.Machine) error {
	if g.left--; g.left == 0 {
		return errors.New("enough")
	}
	return nil
}

func TestObserversAreHeard(t *testing.T) {
	w := NewWorld()
	w.NewObserver = func(core.MachineOptions) Observer { return &grumbler{left: 20} }
	for range 2 {
		r := w.Run(1, options.Usual())
		if r.Failure == nil || r.Failure.Invariant != "model" || r.Failure.Step != 20 || !strings.Contains(r.Failure.Text, "enough") {
			t.Fatalf("got %v", r.Failure)
		}
	}
}

func TestReportsNameSeedOptionsAndCommand(t *testing.T) {
	o := options.Draw(7)
	o.ForkFail = 3
	r := Run(7, o)
	r.Failure = &witness.Failure{Invariant: "S3", Text: "a text", Step: 12}
	var b bytes.Buffer
	if err := r.Report(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"options: steps=", "seed 7: S3 broken at step 12: a text", "mastersim run -seed 7 -set fork_fail=3", "tape:", "config-loaded", "-> open-listener"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%.600s", want, b.String())
		}
	}
}
