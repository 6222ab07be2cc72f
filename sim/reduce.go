package sim

// Reduced is a failing run, made as short and calm as it gets.
type Reduced struct {
	Tape    []uint16
	Options Options // those of the run with fewer Steps
	Runs    int     // that it took
}

// Reduce shrinks a tape whose replay breaks the invariant, by deleting halves
// down to single choices, then zeroing, then lowering. It plays at most limit
// runs; progress, if not nil, is told after each that helped. A tape that does
// not fail comes back as it is.
func Reduce(tape []uint16, o Options, invariant string, limit int, progress func(runs, cells int)) []uint16 {
	r := reducer{w: NewWorld(), o: o, invariant: invariant, left: limit, progress: progress}
	return r.reduce(tape).Tape
}

// ReduceRun does the same and besides lets the faults end as early as it can:
// what it gives is to be replayed under its own options.
func ReduceRun(tape []uint16, o Options, invariant string, limit int, progress func(runs, cells int)) Reduced {
	r := reducer{w: NewWorld(), o: o, invariant: invariant, left: limit, progress: progress, shortens: true}
	return r.reduce(tape)
}

func (r *reducer) reduce(tape []uint16) Reduced {
	best := append([]uint16(nil), tape...)
	if !r.fails(best) {
		return Reduced{best, r.o, r.runs}
	}
	r.shorten(best)
	best = r.trim(best)
	for {
		before := len(best)
		sum := weight(best)
		best = r.remove(best)
		best = r.zero(best)
		best = r.lower(best)
		best = r.trim(best)
		r.shorten(best)
		if r.left <= 0 || len(best) == before && weight(best) == sum {
			return Reduced{best, r.o, r.runs}
		}
	}
}

// shorten lets the faults end earlier.
func (r *reducer) shorten(tape []uint16) {
	if !r.shortens {
		return
	}
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

type reducer struct {
	w         *World
	o         Options
	invariant string
	left      int
	shortens  bool
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
	f := r.w.Replay(tape, r.o).Failure
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
