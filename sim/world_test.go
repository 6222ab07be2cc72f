package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// What rapid does when the command line does not say otherwise. With -short the
// seed is fixed, since so few checks may miss a race that has to be met; a whole
// run has seeds that no run had before, which rapid names when a check fails.
var rapidDefaults = [...]struct{ name, short, full string }{
	{"rapid.checks", "2500", "5000"}, // with -short rapid takes a fifth
	{"rapid.seed", "1", "0"},
}

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, d := range rapidDefaults {
		value := d.full
		if testing.Short() {
			value = d.short
		}
		if given[d.name] {
			continue
		}
		if err := flag.Set(d.name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	if os.Getenv(hashesWanted) != "" {
		printHashes()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// report fails the test with all that a reader needs.
func report(t *testing.T, r *Result) {
	t.Helper()
	t.Errorf("seed %d: %v", r.Seed, r.Failure)
	full := Run(r.Seed, r.Options)
	if err := full.Report(os.Stdout); err != nil {
		t.Error(err)
	}
	w := NewWorld()
	withModel(w, wholeRun)
	t.Logf("with the reference model beside it: %v", w.Run(r.Seed, r.Options).Failure)
}

const (
	wholeRun   = 1 << 30 // steps beside which the model stands
	modelEvery = 100     // every such seed has it
)

// Whatever happens in the worlds, every safety invariant and every liveness law
// holds, and the model agrees where it stands beside. And the worlds are not too
// tame: whatever the machine can meet is met. One half of the seeds is the same
// in every run; the other no run had before, but with -short.
func TestSeedsKeepEveryInvariantAndLaw(t *testing.T) {
	seeds, firsts := [...]uint64{8000, 8000}, [...]uint64{1, 1 + rand.Uint64()>>1}
	if testing.Short() {
		seeds, firsts = [...]uint64{1000, 1000}, [...]uint64{1, 1001} // so few may miss what is rare
	}
	worlds := make([]*World, len(firsts))
	t.Run("seeds", func(t *testing.T) {
		for shard, first := range firsts {
			w := NewWorld()
			worlds[shard] = w
			t.Run(fmt.Sprintf("shard %d", shard), func(t *testing.T) {
				t.Parallel()
				t.Logf("seeds from %d on: go run ./cmd/mastersim stress -fresh -from %d -seeds %d", first, first, seeds[shard])
				steps := uint64(0)
				for n := range seeds[shard] {
					seed := first + n
					o := options.Draw(seed)
					w.NewObserver = nil
					if n%modelEvery == 0 {
						withModel(w, wholeRun)
					}
					r := w.Run(seed, o)
					steps += r.Steps
					if r.Failure != nil {
						report(t, &r)
						return
					}
				}
				t.Logf("%d steps", steps)
			})
		}
	})
	all := &worlds[0].Coverage
	t.Logf("%d counters that the first half did not meet", all.Merge(&worlds[1].Coverage))
	checkTameness(t, all)
}

func checkTameness(t *testing.T, c *witness.Coverage) {
	t.Helper()
	for _, name := range c.Unmet() {
		t.Errorf("never met: %s", name)
	}
	t.Logf("%d counters of coverage are set", c.Bits())
}

func TestWhatWasNotMetIsNamed(t *testing.T) {
	var c witness.Coverage
	before := len(c.Unmet())
	c.Met[witness.PIDReused], c.Logs[core.LogReload], c.Behaviours[witness.Good], c.Actions[core.Exit] = 1, 1, 1, 1
	c.EventState[core.ChildExited][core.StateSaturated], c.Happened[witness.ClientCame] = 1, 1
	if after := len(c.Unmet()); after != before-6 {
		t.Errorf("%d unmet of %d after six were met", after, before)
	}
	for s := range witness.NumSituations {
		if name := s.String(); name == "" || name == "unknown" {
			t.Errorf("situation %d has no name", s)
		}
	}
}

// Ways for the world to be poor: a run in which nothing can happen still ends
// well, and tells that it did.
func TestTinyAndQuietWorldsEnd(t *testing.T) {
	for name, change := range map[string]func(*options.Options){
		"nobody comes":    func(o *options.Options) { o.ArrivalMS = 0 },
		"one of each":     func(o *options.Options) { o.Services, o.LimitMax, o.PIDs, o.Backlog = 1, 1, 1, 1 },
		"no second phase": func(o *options.Options) { o.Calm = 0 },
		"all alone":       func(o *options.Options) { o.Leader, o.InitMode = 0, 1 },
		"ends at once":    func(o *options.Options) { o.ExitAfterS = 1 },
	} {
		o := options.Usual()
		change(&o)
		if r := Run(1, o); r.Failure != nil || r.Events == 0 {
			t.Errorf("%s: %d events, %v", name, r.Events, r.Failure)
		}
		if r := Replay(nil, o); r.Failure != nil {
			t.Errorf("%s, without any choice: %v", name, r.Failure)
		}
	}
}

func TestStepsDoNotAllocate(t *testing.T) {
	w := NewWorld()
	w.Choose.Seed(1, false)
	w.begin(busy())
	w.Options.Sweep = 1 << 30 // a sweep takes a copy of the machine's state
	for range 200000 {
		w.Step()
	}
	if n := testing.AllocsPerRun(20000, func() { w.Step() }); n != 0 {
		t.Errorf("%v allocations a step, want 0", n)
	}
	if w.Failure != nil {
		t.Error(w.Failure)
	}
}

// A machine that spins ends its run also when nobody looks at the law that forbids it:
// a run takes bounded memory.
func TestRunawaysEnd(t *testing.T) {
	w := NewWorld()
	w.Only = []string{"S2"}
	w.tamper = func(ev *core.Event, actions []core.Action) []core.Action {
		w.atInstant = 2 * instantLimit // as if it had gone on and on
		return actions
	}
	if r := w.Run(1, options.Usual()); r.Failure != nil || r.Events > 2 {
		t.Errorf("%d events, %v", r.Events, r.Failure)
	}
	for range scheduleLimit + 1 {
		w.After(core.Second, agenda.Arrival, 0, 0)
	}
	w.Over, w.Failure = false, nil
	if w.Step() || w.Failure != nil {
		t.Errorf("a world with %d things to come goes on: %v", len(w.Schedule.Heap), w.Failure)
	}
}
