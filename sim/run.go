package sim

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// Contract is the name of the property that a server of good behaviour keeps
// to its contract (spec child, 4 to 8).
const Contract = "contract"

// Failure is the first property that did not hold.
type Failure struct {
	Invariant string    // S1 to S13, L1 to L9, or assert, check, model, panic, Contract
	Text      string    // what was wrong
	Step      uint64    // number of the event last delivered to the machine
	Now       core.Time // when
}

// Error gives invariant, step and text.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s broken at step %d: %s", f.Invariant, f.Step, f.Text)
}

// Result is how a run ended.
type Result struct {
	Seed      uint64 // 0 after Replay
	Options   Options
	Failure   *Failure      // nil: nothing was found
	Steps     uint64        // things that happened: happenings of the world and events delivered
	Events    uint64        // of these, events delivered to the machine
	Simulated core.Duration // how much time passed
	Hash      uint64        // over every event and action
	Exited    bool          // the machine ended
	Tape      []uint16      // with Record
	Places    []Place       // with Record: what each cell of Tape was about
}

// Command is how the run is repeated.
func (r *Result) Command() string {
	return fmt.Sprintf("go run ./cmd/mastersim run -seed %d%s", r.Seed, r.Options.Pins(Draw(r.Seed)))
}

// Run plays the seed under the options in a new world, recording the tape. Who
// plays many seeds keeps a World and calls its methods.
func Run(seed uint64, o Options) Result {
	w := NewWorld()
	w.Record = true
	return w.Run(seed, o)
}

// Replay plays a tape in a new world. The tape may be shorter than the run;
// it goes on with zeros.
func Replay(tape []uint16, o Options) Result { return NewWorld().Replay(tape, o) }

// Run plays the seed to its end.
func (w *World) Run(seed uint64, o Options) Result {
	w.choose.Seed(seed, w.Record)
	r := w.play(o)
	r.Seed = seed
	if w.Record {
		r.Tape = append([]uint16(nil), w.choose.tape...)
		r.Places = append([]Place(nil), w.choose.places...)
	}
	return r
}

// Replay plays the tape to its end.
func (w *World) Replay(tape []uint16, o Options) Result {
	w.choose.Play(tape)
	return w.play(o)
}

func (w *World) play(o Options) Result {
	w.begin(o)
	w.guarded()
	r := Result{
		Options: o, Failure: w.failure, Steps: w.steps, Events: w.stepsOfMachine,
		Simulated: w.now.Sub(StartOfTime), Hash: w.hash, Exited: w.exited,
	}
	if w.failure != nil && w.trace != nil {
		w.trace.add(Record{Kind: RecordBroken, Step: w.failure.Step, Now: w.now, Text: w.failure.Error()})
	}
	return r
}

// guarded steps the world to the end of the run; a panic of the machine, of a
// child or of the world is a finding, too.
func (w *World) guarded() {
	defer func() {
		if r := recover(); r != nil {
			if broken, ok := r.(core.BrokenInvariant); ok {
				name := "assert"
				if w.inChild {
					name = "assert-child"
				}
				w.fail(name, "%s", broken.What)
				return
			}
			w.fail("panic", "%v", r)
		}
	}()
	for w.Step() {
	}
}
