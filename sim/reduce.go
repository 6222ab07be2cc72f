package sim

import (
	"slices"

	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Reduced is a failing run, made as short and calm as it gets.
type Reduced struct {
	Tape    []uint16
	Options options.Options // those of the run, with less in them
	Runs    int             // that it took
}

// Player plays for a reducer. Package stress has one that lays a model beside.
type Player struct {
	Tape func(tape []uint16, o options.Options) *witness.Failure           // nil: it breaks nothing
	Seed func(seed uint64, o options.Options) ([]uint16, *witness.Failure) // and the tape of its run; may be missing
}

// Player returns one that plays in this world.
func (w *World) Player() Player {
	return Player{
		Tape: func(tape []uint16, o options.Options) *witness.Failure { return w.Replay(tape, o).Failure },
		Seed: func(seed uint64, o options.Options) ([]uint16, *witness.Failure) {
			w.Record = true
			r := w.Run(seed, o)
			return r.Tape, r.Failure
		},
	}
}

// Reduce shrinks a tape whose replay breaks the invariant, by deleting halves
// down to single choices, then zeroing, then lowering; besides it lets the
// faults end as early as they can and takes out of the options what the failure
// does not need, so what it gives is to be replayed under its own options. It plays at most limit runs; progress, if not nil, is told after
// each that helped. A tape that does not fail comes back as it is.
func Reduce(tape []uint16, o options.Options, invariant string, limit int, progress func(runs, cells int)) Reduced {
	return ReduceWith(NewWorld().Player(), tape, o, invariant, limit, progress)
}

// ReduceWith does the same with a player of the caller's, who may lay something
// beside the run.
func ReduceWith(play Player, tape []uint16, o options.Options, invariant string, limit int, progress func(runs, cells int)) Reduced {
	r := reducer{play: play, o: o, invariant: invariant, limit: limit, left: limit, progress: progress}
	return r.reduce(tape)
}

func (r *reducer) reduce(tape []uint16) Reduced {
	best := append([]uint16(nil), tape...)
	if !r.fails(best) {
		return Reduced{best, r.o, r.runs}
	}
	r.shorten(best)
	for range 2 {
		best = r.simplify(best, r.play.Seed != nil)
		r.shorten(best)
	}
	best = r.trim(best)
	for {
		before := len(best)
		sum := weight(best)
		best = r.remove(best)
		best = r.zero(best)
		best = r.lower(best)
		best = r.trim(best)
		r.shorten(best)
		best = r.simplify(best, false)
		if r.left <= 0 || len(best) == before && weight(best) == sum {
			return Reduced{best, r.o, r.runs}
		}
	}
}

// shorten lets the faults end earlier.
func (r *reducer) shorten(tape []uint16) {
	lo, hi := int32(1), r.o.Steps
	for lo < hi && r.left > 0 {
		before := r.o.Steps
		r.o.Steps = lo + (hi-lo)/2
		if r.fails(tape) {
			hi = r.o.Steps
			continue
		}
		lo, r.o.Steps = r.o.Steps+1, before
	}
	r.o.Steps = hi
}

// keptOptions are no measure of how much goes on in a world.
var keptOptions = [...]string{"steps", "pids", "backlog", "throttle_s", "leader", "sweep", "verbose"}

// calmer gives the values that are tried instead of the one before, the
// calmest first.
func calmer(row *options.Row, before, usual int32) [3]int32 {
	if row.Name == "arrival_ms" || row.Name == "operator_ms" { // between two; 0: none
		if before == 0 {
			return [3]int32{}
		}
		return [3]int32{0, max(before, 1000), max(before, min(2*before, 5000))}
	}
	return [3]int32{row.Low, min(before, usual), max(row.Low, before/2)}
}

// searched is how many seeds are tried for one simpler world.
const searched = 40

// simplify takes out of the world what the failure does not need: faults,
// services, clients. A value is tried at its least, as usual, and halved. In
// another world a tape means another story; with search some seeds are played
// in it, too, and one that breaks the same gives the tape to go on with.
func (r *reducer) simplify(tape []uint16, search bool) []uint16 {
	for i := range options.Table {
		row := &options.Table[i]
		if slices.Contains(keptOptions[:], row.Name) {
			continue
		}
		for calmer := true; calmer; {
			tape, calmer = r.calm(row, tape, search)
		}
	}
	return tape
}

// calm tries calmer values of one option. It reports whether one will do.
func (r *reducer) calm(row *options.Row, tape []uint16, search bool) ([]uint16, bool) {
	usual := options.Usual()
	field := row.Field(&r.o)
	before := *field
	for i, v := range calmer(row, before, *row.Field(&usual)) {
		if v == before || r.left <= 0 {
			continue
		}
		*field = v
		if r.fails(tape) {
			r.better(tape)
			return tape, true
		}
		if other := r.search(search && i < 2); other != nil { // halves are not worth it
			r.better(other)
			return other, true
		}
		*field = before
	}
	return tape, false
}

// search gives the tape of a seed that breaks the invariant under the options
// as they are, or nil.
func (r *reducer) search(wanted bool) []uint16 {
	if !wanted {
		return nil
	}
	for seed := uint64(1); seed <= searched && r.left > r.limit/2; seed++ { // the rest is for the tape
		r.left--
		r.runs++
		if tape, f := r.play.Seed(seed, r.o); f != nil && f.Invariant == r.invariant {
			return append([]uint16(nil), tape...)
		}
	}
	return nil
}

type reducer struct {
	play      Player
	o         options.Options
	invariant string
	limit     int
	left      int
	runs      int
	progress  func(runs, cells int)
}

func weight(tape []uint16) (sum uint64) {
	for _, v := range tape {
		sum += uint64(v)
	}
	return sum
}

// fails tells whether the tape breaks the same invariant.
func (r *reducer) fails(tape []uint16) bool {
	if r.left <= 0 {
		return false
	}
	r.left--
	r.runs++
	f := r.play.Tape(tape, r.o)
	return f != nil && f.Invariant == r.invariant
}

func (r *reducer) better(tape []uint16) {
	if r.progress != nil {
		r.progress(r.runs, len(tape))
	}
}

// trim cuts what was not asked for, and zeros at the end.
func (r *reducer) trim(tape []uint16) []uint16 {
	for len(tape) > 0 && tape[len(tape)-1] == 0 {
		tape = tape[:len(tape)-1]
	}
	lo, hi := 0, len(tape) // the shortest beginning that is known to fail has hi cells
	for lo < hi && r.left > 0 {
		mid := (lo + hi) / 2
		if r.fails(tape[:mid]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if hi < len(tape) && r.fails(tape[:hi]) {
		tape = tape[:hi]
		r.better(tape)
	}
	return tape
}

// remove deletes parts, halves first.
func (r *reducer) remove(tape []uint16) []uint16 {
	for size := len(tape) / 2; size >= 1 && r.left > 0; size /= 2 {
		for at := 0; at+size <= len(tape) && r.left > 0; {
			shorter := append(append(make([]uint16, 0, len(tape)), tape[:at]...), tape[at+size:]...)
			if r.fails(shorter) {
				tape = shorter
				r.better(tape)
			} else {
				at += size
			}
		}
	}
	return tape
}

// zero makes parts quiet, halves first.
func (r *reducer) zero(tape []uint16) []uint16 {
	for size := max(1, len(tape)/2); size >= 1 && r.left > 0; size /= 2 {
		for at := 0; at < len(tape) && r.left > 0; at += size {
			end := min(at+size, len(tape))
			if weight(tape[at:end]) == 0 {
				continue
			}
			calmer := append([]uint16(nil), tape...)
			clear(calmer[at:end])
			if r.fails(calmer) {
				tape = calmer
				r.better(tape)
			}
		}
	}
	return tape
}

// lower halves single choices, then takes one off.
func (r *reducer) lower(tape []uint16) []uint16 {
	for at := 0; at < len(tape); at++ {
		for step := tape[at] / 2; tape[at] > 0 && r.left > 0; {
			calmer := append([]uint16(nil), tape...)
			calmer[at] -= max(step, 1)
			if r.fails(calmer) {
				tape = calmer
				step = tape[at] / 2
				r.better(tape)
				continue
			}
			if step <= 1 {
				break
			}
			step /= 2
		}
	}
	return tape
}
