package explore

import (
	"slices"
	"time"

	"github.com/stationmaster/stationmaster/sim/explore/internal/edges"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// Options say what is explored and how far. Zero is no bound.
type Options struct {
	World  World
	Depth  int           // moves from a root
	States uint64        // stop when so many were met
	Memory uint64        // stop when the search itself holds so many bytes; the process has up to half more, with GOGC=20 a fifth
	Time   time.Duration // stop after so long; the only bound that is not repeatable
	Reach  string        // a named situation: stop there and tell the shortest way to it
	Stop   func() bool   // asked now and then; true ends the search as interrupted
}

// Progress is how far a search is.
type Progress struct {
	World    string
	States   uint64
	Edges    uint64
	Machines uint64 // situations of the machine
	Depth    int    // completed
	Done     uint64 // states of the next depth that are expanded
	Level    uint64 // of how many
	Memory   uint64 // bytes that the search holds
	Elapsed  time.Duration
}

// search is one run.
type search struct {
	o       Options
	x       *edges.Machines
	seen    layout.Visited
	level   layout.Chunked[layout.State] // of the depth being expanded
	next    layout.Chunked[layout.State]
	parents layout.Chunked[uint32] // of every state, plus one; 0: a root
	by      layout.Chunked[uint8]  // the number of the move that led to it
	list    edges.MoveList
	report  Report
	start   time.Time
	told    time.Time
	tell    func(Progress)
	base    uint64 // number of the first state of the level
	reach   int    // the situation that Options.Reach names, or -1
	reached bool
}

// tellEvery is the span between two calls of progress.
const tellEvery = 500 * time.Millisecond

// Run explores a small world until it is exhausted, a law is broken, or a
// bound is reached. progress, if not nil, is called now and then and at the
// end, on the caller's goroutine. A world that does not fit the layout of a
// state panics: worlds are part of the program.
func Run(o Options, progress func(Progress)) Report {
	if err := o.World.Fits(); err != nil {
		panic(err)
	}
	s := &search{o: o, x: edges.New(&o.World), tell: progress, start: time.Now()}
	s.told = s.start
	s.report = Report{World: o.World}
	s.reach = slices.IndexFunc(situations[:], func(x Situation) bool { return x.Name == o.Reach })
	s.run()
	s.finish()
	return s.report
}

func (s *search) run() {
	for i, root := range s.x.Roots() {
		if root.Broken != edges.Holds {
			s.report.Violation = counterexample(s.x, root.Broken, root, nil)
			return
		}
		s.meet(&root.State, 0, uint8(i))
	}
	s.report.Levels = append(s.report.Levels, s.seen.Used)
	for s.next.N > 0 {
		if s.o.Depth > 0 && s.report.Depth >= s.o.Depth {
			s.report.Stopped = "depth"
			return
		}
		s.level, s.next = s.next, s.level
		s.next.Reset()
		before := s.seen.Used
		if !s.expandLevel() {
			return
		}
		s.base += uint64(s.level.N)
		s.report.Depth++
		if s.seen.Used > before {
			s.report.Levels = append(s.report.Levels, s.seen.Used-before)
		}
	}
	s.report.Complete = true
}

// expandLevel reports whether the whole level was expanded.
func (s *search) expandLevel() bool {
	for i := range s.level.N {
		if !s.expand(s.level.At(i), s.base+uint64(i)) {
			return false
		}
		if i&1023 == 0 && s.bounded(i) {
			return false
		}
	}
	return true
}

// bounded reports whether a bound is reached, and reports the progress.
func (s *search) bounded(done int) bool {
	memory := s.memory()
	switch {
	case s.o.States > 0 && s.seen.Used >= s.o.States:
		s.report.Stopped = "states"
	case s.o.Memory > 0 && memory >= s.o.Memory:
		s.report.Stopped = "memory"
	}
	now := time.Now()
	if s.o.Stop != nil && s.o.Stop() && s.report.Stopped == "" {
		s.report.Stopped = interrupted
	}
	if s.o.Time > 0 && now.Sub(s.start) >= s.o.Time && s.report.Stopped == "" {
		s.report.Stopped = "time"
	}
	if s.tell != nil && now.Sub(s.told) >= tellEvery {
		s.told = now
		s.tell(s.progress(uint64(done)))
	}
	return s.report.Stopped != ""
}

func (s *search) progress(done uint64) Progress {
	return Progress{
		World: s.o.World.Name, States: s.seen.Used, Edges: s.report.Edges, Machines: uint64(s.x.Nodes.N),
		Depth: s.report.Depth, Done: done, Level: uint64(s.level.N), Memory: s.memory(), Elapsed: time.Since(s.start),
	}
}

// memory is what the search holds, counted and not measured: the same at every
// run.
func (s *search) memory() uint64 {
	chunks := func(n, size int) uint64 { return uint64(n) * layout.ChunkSize * uint64(size) }
	return s.seen.Bytes() + s.x.Memory() +
		chunks(len(s.level.Chunks)+len(s.next.Chunks), layout.StateSize) +
		chunks(len(s.parents.Chunks), 4) + chunks(len(s.by.Chunks), 1)
}

// expand tries everything that can happen next. It reports false when a law
// was broken.
func (s *search) expand(from *layout.State, number uint64) bool {
	x, w := s.x, &s.o.World
	f := x.Fact(from.Machine)
	edges.Moves(w, &s.list, from, f)
	height := rank(w, from, f)
	lower := height == 0
	var next layout.State
	for i := range s.list.N {
		m := s.list.All[i]
		s.report.Edges++
		if broken := x.Apply(from, m, &next); broken != edges.Holds {
			s.report.Violation = s.way(broken, number, i)
			return false
		}
		if !lower && m.Quiet && rank(w, &next, x.Fact(next.Machine)) < height {
			lower = true
		}
		if next == *from {
			continue
		}
		s.meet(&next, uint32(number+1), uint8(i))
		if s.reached {
			s.report.Stopped = "reaching a situation"
			s.report.Example = s.way(edges.Law{Name: "reached", What: situations[s.reach].Name}, number, i)
			return false
		}
	}
	broken := edges.Holds
	switch {
	case height == 0:
		broken = asleep(w, from, f)
	case !lower:
		s.report.Detours++
		if !wayDown(x, from) {
			broken = stuck(x, from)
		}
	}
	if broken != edges.Holds {
		s.report.Violation = s.way(broken, number, -1)
		return false
	}
	return true
}

// meet takes in a state if it is new.
func (s *search) meet(n *layout.State, parent uint32, by uint8) {
	f := s.x.Fact(n.Machine)
	if !s.seen.Add(n.Hash(f.Hash)) {
		return
	}
	s.next.Push(n)
	s.parents.Push(&parent)
	s.by.Push(&by)
	for i := range situations {
		if situations[i].is(n, f) {
			s.report.counts[i]++
			s.reached = s.reached || i == s.reach
		}
	}
}

func (s *search) finish() {
	s.report.States = s.seen.Used
	s.report.Machines = uint64(s.x.Nodes.N)
	s.report.Transitions = uint64(s.x.Transitions.N)
	s.report.Elapsed = time.Since(s.start)
	s.report.Memory = s.memory()
	for i := range situations {
		s.report.Situations = append(s.report.Situations, Count{situations[i].Name, s.report.counts[i]})
	}
	if s.tell != nil {
		s.tell(s.progress(uint64(s.level.N)))
	}
}
