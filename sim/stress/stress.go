// Package stress plays worlds of package sim by the million, on every core of
// the machine and on any number of machines: fresh seeds, and between them
// tapes of earlier runs that met something new, changed at random. It reports
// what broke, and counts.
//
// It refuses to judge: what is right is the business of sim, of its model and
// of core/trace, whose comparison every so many seeds is laid beside the run.
// It refuses to coordinate: a shard is a residue of the seeds, so any part of a
// long run can be repeated alone.
package stress

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Settings say what to play. The zero value of a field is what its comment
// says.
type Settings struct {
	From, Seeds   uint64 // seeds From to From+Seeds-1, all shards together
	Shard, Shards uint64 // play From+Shard, From+Shard+Shards, …; 0 Shards: 1
	Cores         int    // goroutines; 0: one for each core
	Pins          []Pin  // options fixed in every run
	Mutate        bool   // half of the runs are changed tapes of earlier ones
	ModelEvery    uint64 // lay the model beside every such seed; 0: none
	JournalEvery  uint64 // record and replay every such seed; 0: none
	Findings      int    // end after so many; 0: never
	Only          string // look at this invariant only; empty: at every one
}

// Pin fixes one option.
type Pin struct{ Name, Value string }

// Options returns the options of a seed with the pins.
func Options(seed uint64, pins []Pin) (options.Options, error) {
	o := options.Draw(seed)
	for _, p := range pins {
		if err := o.Set(p.Name, p.Value); err != nil {
			return o, err
		}
	}
	return o, nil
}

// Finding is one run in which something broke.
type Finding struct {
	Seed      uint64 // of the run, or of the one whose options a changed tape has
	Changed   bool   // a changed tape, not the seed's own
	Options   options.Options
	Tape      []uint16
	Invariant string
	Text      string
	Step      uint64
	Played    uint64 // runs of its goroutine until then
	Model     string // what the reference model says of the same run; empty: nothing
}

// Count is how often an invariant broke, and the run that shows it soonest.
type Count struct {
	Invariant string `json:"invariant"`
	Runs      uint64 `json:"runs"`
	Seed      uint64 `json:"seed"` // of the finding with the fewest steps
	Step      uint64 `json:"step"`
}

// Summary counts what was played.
type Summary struct {
	Seeds     uint64        // fresh ones
	Changed   uint64        // runs of changed tapes
	Steps     uint64        // happenings of all worlds
	Events    uint64        // of these, events delivered to a machine
	Simulated core.Duration // time that passed in all worlds, as far as it can be counted
	Coverage  int           // counters of sim.Coverage that were met
	Unmet     []string      // at the end: what no run met
	Corpus    int           // tapes kept
	Findings  uint64
	Broken    []Count // by invariant, in their order of name
	Complete  bool    // every seed was played: neither a finding nor anybody ended it before
	Elapsed   time.Duration
}

// Run plays. found, if not nil, is called for each finding; progress, if not
// nil, about twice a second and never after Run returned. Neither is called
// twice at once. The same settings find the same, whatever the speed, as long
// as Findings is 0 and ctx stays alive.
func Run(ctx context.Context, s Settings, found func(Finding), progress func(Summary)) Summary {
	if s.Shards == 0 {
		s.Shards = 1
	}
	if s.Cores <= 0 {
		s.Cores = runtime.NumCPU()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &tally{found: found, limit: s.Findings, stop: cancel, started: time.Now(), broken: map[string]Count{}}
	ended := make(chan struct{})
	var reporting sync.WaitGroup
	if progress != nil {
		reporting.Go(func() { t.report(ended, progress) })
	}
	var lanes sync.WaitGroup
	for c := range s.Cores {
		lanes.Go(func() { (&lane{settings: s, number: uint64(c), tally: t}).run(ctx) })
	}
	lanes.Wait()
	close(ended)
	reporting.Wait()
	sum := t.summary()
	sum.Unmet = t.coverage.Unmet()
	sum.Complete = ctx.Err() == nil
	return sum
}

// tally is what the goroutines share.
type tally struct {
	found   func(Finding)
	limit   int
	stop    context.CancelFunc
	started time.Time

	telling  sync.Mutex // held while found or progress is called
	mu       sync.Mutex
	total    Summary
	broken   map[string]Count
	coverage witness.Coverage
}

const reportInterval = 500 * time.Millisecond

func (t *tally) report(ended <-chan struct{}, progress func(Summary)) {
	tick := time.NewTicker(reportInterval)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			t.telling.Lock()
			progress(t.summary())
			t.telling.Unlock()
		}
	}
}

func (t *tally) summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.total
	sum.Coverage = max(sum.Coverage, t.coverage.Bits())
	sum.Elapsed = time.Since(t.started)
	for _, c := range t.broken {
		sum.Broken = append(sum.Broken, c)
	}
	slices.SortFunc(sum.Broken, func(a, b Count) int { return compare(a.Invariant, b.Invariant) })
	return sum
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// add books what one goroutine played since it last did so.
func (t *tally) add(part Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total.Coverage = max(t.total.Coverage, part.Coverage)
	t.total.Seeds += part.Seeds
	t.total.Changed += part.Changed
	t.total.Steps += part.Steps
	t.total.Events += part.Events
	t.total.Simulated += part.Simulated
	t.total.Corpus += part.Corpus
}

// merge adds what one goroutine met in all its runs.
func (t *tally) merge(coverage *witness.Coverage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.coverage.Merge(coverage)
}

func (t *tally) finding(f Finding) {
	t.mu.Lock()
	t.total.Findings++
	c := t.broken[f.Invariant]
	if c.Runs == 0 || f.Step < c.Step {
		c.Invariant, c.Seed, c.Step = f.Invariant, f.Seed, f.Step
	}
	c.Runs++
	t.broken[f.Invariant] = c
	done := t.limit > 0 && t.total.Findings > uint64(t.limit)
	last := t.limit > 0 && t.total.Findings == uint64(t.limit)
	t.mu.Unlock()
	if !done && t.found != nil {
		t.telling.Lock()
		t.found(f)
		t.telling.Unlock()
	}
	if last {
		t.stop()
	}
}

// Command is how a finding is repeated.
func (f *Finding) Command() string {
	base := options.Draw(f.Seed)
	text := fmt.Sprintf("go run ./cmd/mastersim run -seed %d%s", f.Seed, f.Options.Pins(base))
	if Reports(f.Invariant) {
		text += " -" + f.Invariant
	}
	if f.Changed {
		text += " -tape '" + tape.Format(f.Tape) + "'"
	}
	return text
}
