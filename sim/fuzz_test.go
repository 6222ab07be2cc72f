package sim

import (
	"testing"

	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// fuzzSteps is how long a run of a tape is.
const fuzzSteps = 200

// FuzzTapes plays tapes that a fuzzer makes: bytes to a world, under the options
// of a seed. Every invariant and law must hold; of every fourth seed the
// reference model looks at the first steps; of another the tape is played twice
// and must give the same run. What a run met is told to the fuzzer, which keeps
// a tape that meets anything new.
func FuzzTapes(f *testing.F) {
	f.Add(uint64(1), []byte{})
	f.Add(uint64(7), []byte("\xff\xff\x00\x01\xe7\x03some bytes to begin with\xff\xff\xff\xff"))
	for seed := range uint64(40) {
		o := options.Draw(seed)
		o.Steps = min(o.Steps, fuzzSteps)
		w := NewWorld()
		w.Record = true
		f.Add(seed, bytesOfTape(w.Run(seed, o).Tape))
	}
	alone, beside := NewWorld(), NewWorld()
	withModel(beside, modelSteps)
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		o := options.Draw(seed)
		o.Steps = min(o.Steps, fuzzSteps)
		cells := tape.FromBytes(b)
		w := alone
		if seed%4 == 0 {
			w = beside
		}
		w.Coverage = witness.Coverage{}
		r := w.Replay(cells, o)
		tell(&w.Coverage)
		if r.Failure != nil {
			t.Fatalf("%v\noptions: %s\ntape: %s", r.Failure, o.String(), tape.Format(cells))
		}
		if seed%4 != 1 {
			return
		}
		if again := w.Replay(cells, o); again.Hash != r.Hash || again.Steps != r.Steps {
			t.Fatalf("the same tape gave %d steps with hash %x, then %d with %x", r.Steps, r.Hash, again.Steps, again.Hash)
		}
	})
}

func bytesOfTape(cells []uint16) []byte {
	b := make([]byte, 0, 2*len(cells))
	for _, v := range cells {
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}

func TestTapeSurvivesTheBytesOfTheFuzzer(t *testing.T) {
	cells := []uint16{0, 1, 0xff, 0x100, 0xffff, 0}
	if got := tape.Format(tape.FromBytes(bytesOfTape(cells))); got != tape.Format(cells) {
		t.Errorf("got %s, want %s", got, tape.Format(cells))
	}
}

func TestEveryCounterThatWasMetIsTold(t *testing.T) {
	w := NewWorld()
	w.Run(7, options.Draw(7))
	told := tell(&w.Coverage)
	if told != w.Coverage.Bits() || told < 50 {
		t.Errorf("%d counters were met, %d are told", w.Coverage.Bits(), told)
	}
}
