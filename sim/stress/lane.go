package stress

import (
	"context"

	"github.com/stationmaster/stationmaster/sim"
)

// lane is one goroutine with a world of its own. What it plays depends on the
// settings and its number alone.
type lane struct {
	settings Settings
	number   uint64
	tally    *tally

	player Player
	corpus corpus
	part   Summary
	bits   int
	played uint64
}

// batch is how many runs a lane plays between two entries in the tally.
const batch = 64

func (l *lane) run(ctx context.Context) {
	defer func() {
		l.flush()
		l.tally.merge(&l.player.World().Coverage)
	}()
	l.corpus.begin(l.settings.From + l.number)
	s := &l.settings
	if s.Only != "" {
		l.player.World().Only = []string{s.Only}
	}
	for k := s.Shard + l.number*s.Shards; k < s.Seeds; k += s.Shards * uint64(s.Cores) {
		if ctx.Err() != nil {
			return
		}
		l.fresh(s.From + k)
		if s.Mutate && l.corpus.size() > 0 {
			l.changed()
		}
		if l.part.Seeds+l.part.Changed >= batch {
			l.flush()
		}
	}
}

func (l *lane) flush() {
	l.part.Coverage = l.player.World().Coverage.Bits()
	l.tally.add(l.part)
	l.part = Summary{}
}

// every reports whether a seed is one of those that something more is laid
// beside.
func every(n, seed uint64) bool { return n > 0 && seed%n == 0 }

// Beside is what the settings lay beside the run of a seed.
func (s *Settings) Beside(seed uint64) Beside {
	return Beside{Model: every(s.ModelEvery, seed), Journal: every(s.JournalEvery, seed)}
}

// fresh plays a seed. One that met something new leaves its tape.
func (l *lane) fresh(seed uint64) {
	o, err := Options(seed, l.settings.Pins)
	if err != nil {
		return // the caller has tried the pins
	}
	with := l.settings.Beside(seed)
	r := l.player.Seed(seed, o, with, false)
	l.part.Seeds++
	l.book(&r)
	if r.Failure != nil {
		again := l.player.Seed(seed, o, with, true)
		l.report(&r, Finding{Seed: seed, Options: o, Tape: again.Tape})
		return
	}
	if l.settings.Mutate && l.isNew() {
		again := l.player.Seed(seed, o, l.besideNew(), true)
		if again.Failure != nil {
			l.report(&again, Finding{Seed: seed, Options: o, Tape: again.Tape})
			return
		}
		l.keep(entry{seed: seed, options: o, tape: again.Tape})
	}
}

// besideNew is laid beside the second run of a tape that met something new.
func (l *lane) besideNew() Beside { return Beside{Model: l.settings.ModelEvery > 0} }

// changed plays a changed tape of the corpus.
func (l *lane) changed() {
	e := l.corpus.change()
	with := l.settings.Beside(l.corpus.changes)
	r := l.player.Tape(e.tape, e.options, with)
	l.part.Changed++
	l.book(&r)
	if r.Failure != nil {
		l.report(&r, Finding{Seed: e.seed, Changed: true, Options: e.options, Tape: e.tape})
		return
	}
	if l.isNew() {
		if again := l.player.Tape(e.tape, e.options, l.besideNew()); again.Failure != nil {
			l.report(&again, Finding{Seed: e.seed, Changed: true, Options: e.options, Tape: e.tape})
			return
		}
		l.keep(e)
	}
}

func (l *lane) keep(e entry) {
	if l.corpus.keep(e) {
		l.part.Corpus++
	}
}

func (l *lane) book(r *sim.Result) {
	l.played++
	l.part.Steps += r.Steps
	l.part.Events += r.Events
	l.part.Simulated += r.Simulated
}

// isNew reports whether the last run met something that no run of this lane met
// before.
func (l *lane) isNew() bool {
	bits := l.player.World().Coverage.Bits()
	fresh := bits > l.bits
	l.bits = bits
	return fresh
}

func (l *lane) report(r *sim.Result, f Finding) {
	f.Invariant, f.Text, f.Step = r.Failure.Invariant, r.Failure.Text, r.Failure.Step
	f.Played = l.played
	if f.Invariant != modelInvariant && l.settings.Only == "" {
		if says := l.player.Tape(f.Tape, f.Options, Beside{Model: true}).Failure; says != nil && says.Invariant == modelInvariant {
			f.Model = says.Error()
		}
	}
	l.tally.finding(f)
}
