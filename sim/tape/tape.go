// Package tape makes the choices of a simulated world: from a seed, or replayed from a
// tape. Every choice of the world, of its kernel, of servers, clients and the
// operator, goes through one Chooser, so a tape is a run.
package tape

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Place says what a choice was about, for reducers and readers of a tape.
type Place uint8

// The places of choices.
const (
	Other Place = iota
	Config
	Start
	Listener
	Load
	Arrival
	Accept
	Behaviour
	Session
	Status
	Exit
	Reap
	Signal
	Timer
	Wakeup
	Operator
	Stranger
	Order
	Turn
	Kernel
	Fault
	Target
	numPlaces
)

var placeNames = [numPlaces]string{
	Other: "other", Config: "config", Start: "start", Listener: "listener",
	Load: "load", Arrival: "arrival", Accept: "accept", Behaviour: "behaviour",
	Session: "session", Status: "status", Exit: "exit", Reap: "reap",
	Signal: "signal", Timer: "timer", Wakeup: "wakeup", Operator: "operator",
	Stranger: "stranger", Order: "order", Turn: "turn", Kernel: "kernel", Fault: "fault", Target: "target",
}

// String returns the word for the place.
func (p Place) String() string {
	if p < numPlaces {
		return placeNames[p]
	}
	return "unknown"
}

// PCG is O'Neill's PCG-XSH-RR with 64 bits of state.
type PCG struct{ state, inc uint64 }

// NewPCG returns the generator of a seed. Streams of one seed have nothing in common.
func NewPCG(seed, stream uint64) PCG {
	p := PCG{inc: stream<<1 | 1}
	p.next()
	p.state += seed
	p.next()
	return p
}

func (p *PCG) next() uint32 {
	old := p.state
	p.state = old*6364136223846793005 + p.inc
	x := uint32((old>>18 ^ old) >> 27)
	r := uint32(old >> 59)
	return x>>r | x<<(-r&31)
}

// Below returns a number from 0 to n-1.
func (p *PCG) Below(n uint32) uint32 { return uint32(uint64(p.next()) * uint64(n) >> 32) }

// Chooser makes the decisions of a world: from a seed, or replayed from a tape.
// Zero is always the quiet choice: no fault, the shortest delay, the first in
// line. A tape that ends goes on with zeros.
type Chooser struct {
	tape   []uint16 // recorded or given; a choice among more than 65536 takes two cells
	places []Place  // of the recorded cells
	next   int
	rng    PCG
	given  bool
	record bool
}

// Seed makes the chooser draw from the seed. With record it keeps the tape.
func (c *Chooser) Seed(seed uint64, record bool) {
	c.tape, c.places = c.tape[:0], c.places[:0]
	if c.given {
		c.tape = nil // it belongs to who gave it
	}
	c.next, c.rng, c.given, c.record = 0, NewPCG(seed, 0x5ee), false, record
}

// Play makes the chooser take its choices from the tape, which must not change
// meanwhile.
func (c *Chooser) Play(tape []uint16) {
	c.tape, c.places = tape, c.places[:0]
	c.next, c.given, c.record = 0, true, false
}

// Recorded returns the tape of a run from a seed that was recorded, and what each of
// its cells was about. Both are valid until the next Seed or Play.
func (c *Chooser) Recorded() ([]uint16, []Place) { return c.tape, c.places }

// Used is how many cells of a given tape were asked for.
func (c *Chooser) Used() int { return c.next }

// Below returns a number from 0 to n-1; for n of 0 or 1 it is 0 and takes no cell.
func (c *Chooser) Below(n uint32, p Place) uint32 {
	if n <= 1 {
		return 0
	}
	if c.given {
		return c.cells(n) % n
	}
	v := c.rng.Below(n)
	if c.record {
		if n > 1<<16 {
			c.tape, c.places = append(c.tape, uint16(v>>16)), append(c.places, p)
		}
		c.tape, c.places = append(c.tape, uint16(v)), append(c.places, p)
	}
	return v
}

func (c *Chooser) cells(n uint32) uint32 {
	v := c.cell()
	if n > 1<<16 {
		v = v<<16 | c.cell()
	}
	return v
}

func (c *Chooser) cell() uint32 {
	c.next++
	if c.next > len(c.tape) {
		return 0
	}
	return uint32(c.tape[c.next-1])
}

// Chance is true with the probability of permille in a thousand. When that is
// 0 it takes no cell.
func (c *Chooser) Chance(permille int32, p Place) bool {
	return permille > 0 && int32(c.Below(1000, p)) >= 1000-permille
}

// Delay returns a span from 0 to below limit; short ones are far more likely.
func (c *Chooser) Delay(limit core.Duration, p Place) core.Duration {
	if limit <= 0 {
		return 0
	}
	v := uint64(c.Below(1<<16, p))
	v = v * v >> 16 * v >> 16
	return core.Duration(uint64(limit) * v >> 16)
}

// Pause returns a span from 1 µs to limit with the same likelihoods, of which the
// longest is the quiet one: how long until a client comes of its own accord.
func (c *Chooser) Pause(limit core.Duration, p Place) core.Duration {
	v := uint64(1<<16-1) - uint64(c.Below(1<<16, p))
	v = v * v >> 16 * v >> 16
	return core.Microsecond + core.Duration(uint64(limit)*v>>16)
}

// Format writes the tape as text: numbers, with N zeros in a row as 0*N.
func Format(tape []uint16) string {
	var b []byte
	for i := 0; i < len(tape); {
		if len(b) > 0 {
			b = append(b, ' ')
		}
		n := 0
		for i+n < len(tape) && tape[i+n] == 0 {
			n++
		}
		switch {
		case n > 1:
			b = strconv.AppendInt(append(b, "0*"...), int64(n), 10)
			i += n
		default:
			b = strconv.AppendUint(b, uint64(tape[i]), 10)
			i++
		}
	}
	return string(b)
}

// longest bounds the tape that Parse believes in.
const longest = 1 << 24

// Parse reads what Format wrote.
func Parse(text string) ([]uint16, error) {
	var tape []uint16
	for word := range strings.FieldsSeq(text) {
		if zeros, ok := strings.CutPrefix(word, "0*"); ok {
			n, err := strconv.Atoi(zeros)
			if err != nil || n < 0 || len(tape)+n > longest {
				return nil, fmt.Errorf("parse tape: bad run of zeros %q", word)
			}
			tape = append(tape, make([]uint16, n)...)
			continue
		}
		v, err := strconv.ParseUint(word, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("parse tape: %w", err)
		}
		tape = append(tape, uint16(v))
	}
	return tape, nil
}

// FromBytes reads a tape from the bytes of a fuzzer, two a cell.
func FromBytes(b []byte) []uint16 {
	tape := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		tape = append(tape, uint16(b[i])|uint16(b[i+1])<<8)
	}
	return tape
}
