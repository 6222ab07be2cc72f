package sim

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/calm"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Result is how a run ended.
type Result struct {
	Seed      uint64 // 0 after Replay
	Options   options.Options
	Failure   *witness.Failure // nil: nothing was found
	Steps     uint64           // things that happened: happenings of the world and events delivered
	Events    uint64           // of these, events delivered to the machine
	Simulated core.Duration    // how much time passed
	Hash      uint64           // over every event and action
	Exited    bool             // the machine ended
	Tape      []uint16         // with Record
	Places    []tape.Place     // with Record: what each cell of Tape was about
}

// Command is how the run is repeated.
func (r *Result) Command() string {
	return fmt.Sprintf("go run ./cmd/mastersim run -seed %d%s", r.Seed, r.Options.Pins(options.Draw(r.Seed)))
}

// Run plays the seed under the options in a new world, recording the tape. Who
// plays many seeds keeps a World and calls its methods.
func Run(seed uint64, o options.Options) Result {
	w := NewWorld()
	w.Record = true
	return w.Run(seed, o)
}

// Replay plays a tape in a new world. The tape may be shorter than the run;
// it goes on with zeros.
func Replay(cells []uint16, o options.Options) Result { return NewWorld().Replay(cells, o) }

// Run plays the seed to its end.
func (w *World) Run(seed uint64, o options.Options) Result {
	w.Choose.Seed(seed, w.Record)
	r := w.play(o)
	r.Seed = seed
	if w.Record {
		cells, places := w.Choose.Recorded()
		r.Tape = append([]uint16(nil), cells...)
		r.Places = append([]tape.Place(nil), places...)
	}
	return r
}

// Replay plays the tape to its end.
func (w *World) Replay(cells []uint16, o options.Options) Result {
	w.Choose.Play(cells)
	return w.play(o)
}

func (w *World) play(o options.Options) Result {
	w.guarded(func() {
		w.begin(o)
		w.finish()
	})
	r := Result{
		Options: o, Failure: w.Failure, Steps: w.Steps, Events: w.StepsOfMachine,
		Simulated: w.Now.Sub(witness.StartOfTime), Hash: w.Hash, Exited: w.Daemon.Gone,
	}
	if w.Failure != nil && w.Trace != nil {
		w.Trace.Add(witness.Record{Kind: witness.RecordBroken, Step: w.Failure.Step, Now: w.Now, Text: w.Failure.Error()})
	}
	return r
}

// finish steps the world until the run is over.
func (w *World) finish() {
	for w.Step() {
	}
}

// guarded does something with the world; a panic of the machine, of a
// child or of the world is a finding, too.
func (w *World) guarded(act func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(runaway); ok {
				w.Over = true
				return
			}
			if broken, ok := r.(core.BrokenInvariant); ok {
				name := "assert"
				if w.InChild {
					name = "assert-child"
				}
				w.Fail(name, "%s", broken.What)
				return
			}
			if r == calm.ErrNoLog { // the start has failed, as it should
				w.EndTargets()
				w.daemonDies()
				return
			}
			if _, lost := r.(*sys.IdentityLost); lost && w.Kernel.RootIsLost() {
				w.daemonDies() // there was no other way
				return
			}
			w.Fail("panic", "%v", r)
		}
	}()
	act()
}
