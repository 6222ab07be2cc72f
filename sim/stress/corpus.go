package stress

import (
	"math/rand/v2"

	"github.com/stationmaster/stationmaster/sim/options"
)

// entry is a tape that met something new, with the options it was played
// under.
type entry struct {
	seed    uint64
	options options.Options
	tape    []uint16
}

// Bounds of the corpus of one lane.
const (
	maxEntries = 512
	maxCells   = 1 << 15 // of one tape
)

// corpus keeps the tapes of one lane. When it is full a new one takes the
// place of one that is drawn.
type corpus struct {
	entries []entry
	rng     *rand.Rand
	changes uint64
}

func (c *corpus) begin(seed uint64) { c.rng = rand.New(rand.NewPCG(seed, 0xc0e)) }

func (c *corpus) size() int { return len(c.entries) }

// keep reports whether the corpus has grown.
func (c *corpus) keep(e entry) bool {
	if len(e.tape) > maxCells {
		return false
	}
	if len(c.entries) < maxEntries {
		c.entries = append(c.entries, e)
		return true
	}
	c.entries[c.rng.IntN(len(c.entries))] = e
	return false
}

// change returns a changed copy of an entry: spliced with another, a part
// repeated, a part zeroed, extended, or single choices drawn anew.
func (c *corpus) change() entry {
	c.changes++
	e := c.entries[c.rng.IntN(len(c.entries))]
	e.tape = append(make([]uint16, 0, len(e.tape)+64), e.tape...)
	for range 1 + c.rng.IntN(3) {
		e.tape = c.changeOnce(e.tape)
	}
	if len(e.tape) > maxCells {
		e.tape = e.tape[:maxCells]
	}
	return e
}

func (c *corpus) changeOnce(tape []uint16) []uint16 {
	if len(tape) == 0 {
		return c.extend(tape)
	}
	at := c.rng.IntN(len(tape))
	part := 1 + c.rng.IntN(min(64, len(tape)-at))
	switch c.rng.IntN(5) {
	case 0:
		other := c.entries[c.rng.IntN(len(c.entries))].tape
		if at < len(other) {
			return append(tape[:at], other[at:]...)
		}
		return tape[:at]
	case 1:
		again := append([]uint16(nil), tape[at:]...)
		return append(tape[:at+part], again...)
	case 2:
		clear(tape[at : at+part])
	case 3:
		return c.extend(tape)
	default:
		for range 1 + c.rng.IntN(8) {
			tape[c.rng.IntN(len(tape))] = uint16(c.rng.Uint32())
		}
	}
	return tape
}

func (c *corpus) extend(tape []uint16) []uint16 {
	for range 1 + c.rng.IntN(64) {
		tape = append(tape, uint16(c.rng.Uint32()))
	}
	return tape
}
