package explore

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

var exact = flag.Bool("explore.exact", true, "compare the numbers of states and edges; off while bugs are planted")

var long = flag.Bool("explore.long", false, "explore every small world to its end or to 3 million states")

// golden are the exact numbers of each world at a fixed depth: a change of the
// core, of a world or of the canonical form shows here. They prove nothing.
var golden = []struct {
	world         string
	depth         int
	states, edges uint64
	all           bool // so deep that every named situation is met
}{
	{"tiny", 19, 64547, 232420, true},
	{"single", 14, 56721, 222579, true},
	{"reloads", 13, 52057, 203230, true},
	{"channels", 16, 55273, 180037, true},
	{"wakeups", 12, 60139, 208665, true},
	{"stress", 20, 74382, 275800, false},
	{"shutdown", 17, 70743, 307573, false},
	{"alone", 17, 48840, 209523, false},
	{"late", 15, 58595, 237947, true},
	{"descriptors", 18, 39552, 161777, false},
	{"whole", 8, 39843, 156490, false},
}

// Each world as far as a moment goes. The planted bugs of planted_test.go are
// found by this test.
func TestSmallWorldsHold(t *testing.T) {
	for _, g := range golden {
		t.Run(g.world, func(t *testing.T) {
			w, ok := Named(g.world)
			if !ok {
				t.Fatal("there is no such world")
			}
			r := Run(Options{World: w, Depth: g.depth}, nil)
			if r.Violation != nil {
				t.Fatal(r.Text())
			}
			if g.all && len(r.Missing()) > 0 {
				t.Errorf("not met: %s", strings.Join(r.Missing(), ", "))
			}
			if !*exact {
				return
			}
			if r.States != g.states || r.Edges != g.edges || r.Depth != g.depth {
				t.Errorf("got {%q, %d, %d, %d}, want %d states, %d edges", g.world, r.Depth, r.States, r.Edges, g.states, g.edges)
			}
		})
	}
}

func TestWorldsAreExploredToTheirEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("short: half a million states and more")
	}
	limit := uint64(0)
	names := []string{"tiny"}
	if *long {
		limit, names = 3_000_000, nil
		for _, w := range Worlds() {
			names = append(names, w.Name)
		}
	}
	for _, name := range names {
		w, _ := Named(name)
		r := Run(Options{World: w, States: limit}, nil)
		t.Log(r.Text())
		if r.Violation != nil || limit == 0 && !r.Complete {
			t.Error("it does not hold to its end")
		}
		if w.Name == "tiny" && len(r.Missing()) > 0 {
			t.Errorf("not met: %s", strings.Join(r.Missing(), ", "))
		}
	}
}

// The world of the project's promise meets every named situation.
func TestTheWholeWorldMeetsEverySituation(t *testing.T) {
	if testing.Short() {
		t.Skip("short: a million states")
	}
	w, _ := Named("whole")
	r := Run(Options{World: w, States: 1_000_000}, nil)
	if missing := r.Missing(); len(missing) > 0 || r.Violation != nil {
		t.Errorf("not met: %s\n%s", strings.Join(missing, ", "), r.Text())
	}
}

// The shortest way to a situation is told step by step, with what the machine
// asked for.
func TestWaysAreToldToReaders(t *testing.T) {
	w, _ := Named("tiny")
	w.Removed, w.Faults = false, 0
	r := Run(Options{World: w, Reach: "a report in flight at the cut"}, nil)
	want := `reached: a report in flight at the cut
   1. a configuration is loaded: same → open-listener a new service
   2. the listener of the service that is being opened is open → watch-listener the service that is being opened
   3. a client connects to alpha
   4. alpha is told to be ready → start-child child 1, ignore-listener alpha
   5. child 1 comes to be
   6. child 1 is told to have started
   7. child 1 accepts the client
   8. child 1 writes taken
   9. the master gets signal 1 → load-config
  10. a configuration is loaded: same → retire-child child 1, watch-listener alpha
      alpha: limit 2, total 1, 0 waiting, watched
      child 1 of alpha: serving, told of, cut off
`
	if r.Example == nil || r.Example.Text() != want {
		t.Errorf("got\n%s", r.Text())
	}
}

func TestTwoRunsAreEqual(t *testing.T) {
	w, _ := Named("whole")
	var texts [2]string
	for i := range texts {
		r := Run(Options{World: w, States: 30_000}, nil)
		texts[i] = fmt.Sprint(r.Markdown(), r.Levels, r.Memory, r.Transitions)
	}
	if texts[0] != texts[1] {
		t.Errorf("%s\n%s", texts[0], texts[1])
	}
}

func TestBoundsStopASearch(t *testing.T) {
	w, _ := Named("tiny")
	for _, test := range []struct {
		options Options
		stopped string
	}{
		{Options{Depth: 3}, "depth"},
		{Options{States: 5000}, "states"},
		{Options{Memory: 8 << 20}, "memory"},
		{Options{Time: 1}, "time"},
	} {
		test.options.World = w
		r := Run(test.options, nil)
		if r.Complete || r.Stopped != test.stopped {
			t.Errorf("got %q, want %q", r.Stopped, test.stopped)
		}
	}
}

func TestProgressIsShownOnTerminalsAndElsewhere(t *testing.T) {
	p := Progress{World: "tiny", States: 1234567, Depth: 7, Done: 5, Level: 10, Elapsed: 11e9}
	var terminal, plain bytes.Buffer
	Printer(&terminal, true)(p)
	Printer(&plain, false)(p)
	if got := terminal.String(); !strings.Contains(got, "[##########----------]") || !strings.Contains(got, "depth 7, 1 234 567 states") {
		t.Errorf("got %q", got)
	}
	if got := plain.String(); !strings.HasSuffix(got, "11 s\n") || strings.Contains(got, "[") {
		t.Errorf("got %q", got)
	}
}

func TestProofNamesWorldsLawsAndSituations(t *testing.T) {
	w, _ := Named("tiny")
	text := Proof([]Report{Run(Options{World: w, Depth: 4}, nil)}, "make explore")
	for _, want := range []string{"## tiny", "| S3 |", "pid reuse", "depth 4 completed", "make explore"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// Two states that differ in one thing have two hashes.
func TestHashesTellStatesApart(t *testing.T) {
	seen := map[uint64]string{}
	look := func(name string, s layout.State, machine uint64) {
		h := s.Hash(machine)
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[h] = name
	}
	look("nothing", layout.State{}, 0)
	look("another machine", layout.State{}, 1)
	for i := range layout.MaxChildren {
		for bit := range 32 {
			var s layout.State
			s.Processes[i] = 1 << bit
			look(fmt.Sprint("process ", i, bit), s, 0)
		}
	}
	for i := range layout.MaxPlaces {
		for bit := range 16 {
			var s layout.State
			s.Places[i] = 1 << bit
			look(fmt.Sprint("place ", i, bit), s, 0)
		}
	}
	for i := range layout.MaxWakeups {
		var s layout.State
		s.Wakeups[i] = 1
		look(fmt.Sprint("wakeup ", i), s, 0)
	}
	for name, s := range map[string]layout.State{
		"loading": {Loading: true}, "again": {Again: true}, "faults": {Faults: 1}, "reloads": {Reloads: 1}, "used": {Used: 1}, "exited": {Exited: true},
	} {
		look(name, s, 0)
	}
}

// BenchmarkSearch is the speed of the whole: states a second.
func BenchmarkSearch(b *testing.B) {
	for _, name := range []string{"tiny", "whole"} {
		b.Run(name, func(b *testing.B) {
			w, _ := Named(name)
			states := uint64(0)
			for b.Loop() {
				r := Run(Options{World: w, States: 2_000_000}, nil)
				states += r.States
			}
			b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
		})
	}
}
