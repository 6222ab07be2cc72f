package sim

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/sim/internal/judge"
	"github.com/stationmaster/stationmaster/sim/options"
)

var update = flag.Bool("update", false, "rewrite the golden hashes")

// hashesWanted is the variable of the environment that turns the test program
// into one that prints hashes.
const hashesWanted = "SIM_PRINT_HASHES"

const (
	hashedSeeds = 1000
	hashedShort = 200 // with -short
	hashedGroup = 100
)

// hashes gives one line for each group of seeds.
func hashes() string {
	w := NewWorld()
	var b strings.Builder
	sum, last := uint64(0), uint64(hashedSeeds)
	if testing.Short() {
		last = hashedShort
	}
	for seed := uint64(1); seed <= last; seed++ {
		r := w.Run(seed, options.Draw(seed))
		sum = judge.Mix(sum, r.Hash)
		if seed%hashedGroup == 0 {
			fmt.Fprintf(&b, "seeds %d to %d: %016x\n", seed-hashedGroup+1, seed, sum)
			sum = 0
		}
	}
	return b.String()
}

func printHashes() { fmt.Print(hashes()) }

// The same seeds give the same runs in this process, in another one without
// garbage collection, and on one processor.
func TestSeedsGiveTheSameRunEverywhere(t *testing.T) {
	want := hashes()
	if again := hashes(); again != want {
		t.Fatalf("twice in one process:\n%s\n%s", want, again)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, settings := range []string{"GOGC=off", "GOMAXPROCS=1"} {
		cmd := exec.Command(self, fmt.Sprintf("-test.short=%v", testing.Short()))
		cmd.Env = append(os.Environ(), hashesWanted+"=1", settings)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != want {
			t.Errorf("with %s:\n%s\nwant:\n%s", settings, out, want)
		}
	}
}

// An unplanned change of what the machine or the world does shows here. It
// says nothing of right or wrong.
func TestRunsAreThoseOfTheLastRelease(t *testing.T) {
	if os.Getenv("SIM_GOLDEN") == "off" {
		t.Skip("golden hashes are switched off")
	}
	path := filepath.Join("testdata", "hashes.golden")
	got := hashes()
	if *update && !testing.Short() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(want), got) {
		t.Errorf("got:\n%s\nwant:\n%s\nif the change is meant: go test ./sim -run Release -update", got, want)
	}
}

// What a seed gives, its tape gives, with the same hash.
func TestTapesReplayTheirSeed(t *testing.T) {
	w, second := NewWorld(), NewWorld()
	w.Record = true
	for seed := uint64(1); seed <= 100; seed++ {
		r := w.Run(seed, options.Draw(seed))
		if again := second.Replay(r.Tape, r.Options); again.Hash != r.Hash || again.Steps != r.Steps {
			t.Fatalf("seed %d: %d steps and hash %x, from the tape %d steps and %x", seed, r.Steps, r.Hash, again.Steps, again.Hash)
		}
		if len(r.Places) != len(r.Tape) {
			t.Fatalf("seed %d: %d choices in %d places", seed, len(r.Tape), len(r.Places))
		}
	}
}

// A world that has played other seeds plays one as a new world does.
func TestWorldsKeepNothingFromRunToRun(t *testing.T) {
	used := NewWorld()
	for seed := uint64(1); seed <= 300; seed++ {
		used.Run(seed, options.Draw(seed))
	}
	for seed := uint64(300); seed <= 320; seed++ {
		if a, b := used.Run(seed, options.Draw(seed)), Run(seed, options.Draw(seed)); a.Hash != b.Hash {
			t.Fatalf("seed %d: %x after others, %x alone", seed, a.Hash, b.Hash)
		}
	}
}
