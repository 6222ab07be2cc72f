package stress

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/options"
)

func TestShardsPlayEverySeedOnce(t *testing.T) {
	whole := Run(context.Background(), Settings{From: 100, Seeds: 40}, nil, nil)
	var parts Summary
	for i := range uint64(3) {
		p := Run(context.Background(), Settings{From: 100, Seeds: 40, Shard: i, Shards: 3}, nil, nil)
		parts.Seeds += p.Seeds
		parts.Steps += p.Steps
		parts.Events += p.Events
		parts.Simulated += p.Simulated
	}
	if whole.Seeds != 40 || parts.Seeds != whole.Seeds || parts.Steps != whole.Steps || parts.Events != whole.Events || parts.Simulated != whole.Simulated {
		t.Errorf("three shards played %+v, one played %+v", parts, whole)
	}
}

func TestSameSettingsPlayTheSame(t *testing.T) {
	s := Settings{From: 7, Seeds: 60, Cores: 2, Mutate: true}
	a := Run(context.Background(), s, nil, nil)
	b := Run(context.Background(), s, nil, nil)
	a.Elapsed, b.Elapsed = 0, 0
	if a.Changed == 0 || a.Steps != b.Steps || a.Changed != b.Changed || a.Coverage != b.Coverage || a.Corpus != b.Corpus {
		t.Errorf("the first time %+v\nthe second %+v", a, b)
	}
}

func TestFindingsStopTheRunAndTellHowToRepeatIt(t *testing.T) {
	var player Player
	r := player.Seed(3, options.Draw(3), Beside{Journal: true}, true)
	if r.Failure != nil {
		t.Fatalf("seed 3: %v", r.Failure)
	}
	f := Finding{Seed: 3, Options: r.Options, Tape: []uint16{1, 0, 0, 7}, Changed: true, Invariant: "journal"}
	if err := f.Options.Set("steps", "11"); err != nil {
		t.Fatal(err)
	}
	want := "go run ./cmd/mastersim run -seed 3 -set steps=11 -journal -tape '1 0*2 7'"
	if got := f.Command(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	told := &tally{limit: 2, broken: map[string]Count{}}
	stopped, heard := false, 0
	told.stop = func() { stopped = true }
	told.found = func(Finding) { heard++ }
	for i, name := range []string{"S3", "L1", "S3"} {
		told.finding(Finding{Invariant: name, Seed: uint64(i), Step: uint64(30 - i)})
	}
	sum := told.summary()
	if !stopped || heard != 2 || !slices.Equal(sum.Broken, []Count{{"L1", 1, 1, 29}, {"S3", 2, 2, 28}}) {
		t.Errorf("stopped %v, heard of %d, counted %v", stopped, heard, sum.Broken)
	}
}

func TestEndedContextEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if sum := Run(ctx, Settings{Seeds: 1 << 40}, nil, nil); sum.Seeds != 0 || sum.Complete || len(sum.Unmet) == 0 {
		t.Errorf("%d seeds were played, all of them: %v; unmet: %q", sum.Seeds, sum.Complete, sum.Unmet)
	}
}

func TestBirthIsThatOfTheWorld(t *testing.T) {
	var player Player
	kept := player.Trace()
	player.Seed(1, options.Draw(1), Beside{}, false)
	if len(kept.Records) == 0 || kept.Records[0].Now != Birth {
		t.Errorf("the world begins at another time than %d", Birth)
	}
}

func TestRecordingOfARunReplays(t *testing.T) {
	var player Player
	for seed := uint64(1); seed <= 20; seed++ {
		if r := player.Seed(seed, options.Draw(seed), Beside{Journal: true}, false); r.Failure != nil {
			t.Errorf("seed %d: %v", seed, r.Failure)
		}
	}
}

func TestChangedRecordingIsFoundOut(t *testing.T) {
	var look onlooker
	look.begin(core.MachineOptions{}, Beside{Journal: true})
	now := Birth.Add(core.Second)
	m := core.New(Birth, core.MachineOptions{})
	if err := look.Observe(now, core.SignalReceivedEvent(core.SIGTERM), append(m.Step(now, core.SignalReceivedEvent(core.SIGTERM)), core.Action{Kind: core.Announce}), m); err != nil {
		t.Fatal(err)
	}
	if err := look.replay(); err == nil || !strings.Contains(err.Error(), "step 1 differs") {
		t.Errorf("got %v", err)
	}
}

func TestScenarioSurvivesItsText(t *testing.T) {
	s := Scenario{What: "a line", Invariant: "S3", Reaches: "#3 config-loaded", Options: options.Draw(5), Tape: []uint16{0, 0, 0, 65535, 2}}
	again, err := ParseScenario(s.String())
	if err != nil {
		t.Fatal(err)
	}
	if again.String() != s.String() || again.Options != s.Options || !slices.Equal(again.Tape, s.Tape) {
		t.Errorf("got %s\nwant %s", again.String(), s.String())
	}
	for text, want := range map[string]string{
		"what: x\n":                          "no line begins with",
		"tape: 70000\n":                      "line 1: parse tape",
		"tape: 0*99999999\n":                 "bad run of zeros",
		"options: nothing=1\ntape:\n":        "option nothing: there is none",
		"options: services=99\ntape:\n":      "not a number from",
		"something else\ntape: 1\n":          "is no line of a scenario",
		"\x00\xff\ntape: 1\n":                "is no line of a scenario",
		"options: services\ntape: 1\n":       "not a number",
		"invariant: S1\ntape: 1\ntape: -1\n": "line 3",
	} {
		if _, err := ParseScenario(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// What was broken once must not break again.
func TestRegressionsKeepEveryInvariant(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "*"+Ending))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d regressions: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s, err := ParseScenario(string(text))
			if err != nil {
				t.Fatal(err)
			}
			var player Player
			kept := player.Trace()
			if r := player.Tape(s.Tape, s.Options, Beside{Model: true, Journal: true}); r.Failure != nil {
				t.Errorf("%s: %v", s.What, r.Failure)
			}
			var lines strings.Builder
			if err := kept.WriteText(&lines); err != nil {
				t.Fatal(err)
			}
			if s.Reaches == "" || !strings.Contains(lines.String(), s.Reaches) {
				t.Errorf("this tape no longer comes to %q: the world draws otherwise now; find what it showed anew", s.Reaches)
			}
		})
	}
}
