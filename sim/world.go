package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/calm"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Observer sees every step of the machine, and the machine after it. An error ends
// the run as a failure of the invariant "model". It must not keep the actions.
type Observer interface {
	Observe(now core.Time, ev core.Event, actions []core.Action, m *core.Machine) error
}

// World is one simulated system: a daemon over a kernel in memory, its children,
// their clients and an operator. It is reset, not rebuilt, from run to run. It is
// not safe for use by more than one goroutine.
type World struct {
	calm.World

	// Record keeps the tape of runs from a seed.
	Record bool
	// NewObserver, if set, is called at the beginning of each run.
	NewObserver func(o core.MachineOptions) Observer

	// tamper, in tests, stands for a machine that does something else: it changes
	// the actions that are judged.
	tamper func(ev *core.Event, actions []core.Action) []core.Action
	// prepare, in tests, does something to the kernel before the daemon starts.
	prepare func(*kernel.Kernel)
	// hears, in tests, gets every line of the daemon's log.
	hears func(level core.Level, text string)

	observer Observer

	instant   core.Time // of the last step of the machine
	atInstant int       // steps at it
}

// NewWorld returns a world that is ready for Run.
func NewWorld() *World {
	w := &World{}
	w.Used = map[int]bool{}
	w.Kernel = kernel.New(host{w}, &w.Choose)
	w.Judge = &w.World
	return w
}

// Keep makes the following runs leave their records in t; nil ends that.
func (w *World) Keep(t *witness.Trace) { w.Trace = t }

// begin resets everything and starts the daemon.
func (w *World) begin(o options.Options) {
	w.instant, w.atInstant = witness.StartOfTime, 0
	w.observer = nil
	w.Reset(o)
	w.Kernel.Reset(mastercf.Owner)
	w.Kernel.Requests = true
	w.Kernel.Limit = w.OpenFiles()
	w.Kernel.PIDs, w.Kernel.Init, w.Kernel.ChannelSize = o.PIDs, o.InitMode == 1, int(o.Channel)*wire.StatusSize
	if w.prepare != nil {
		w.prepare(w.Kernel)
	}
	m := o.Machine()
	w.Book.Only = w.Only
	w.Book.Reset(w.Now, m)
	if o.Twin == 1 {
		w.Twin = core.New(w.Now, m)
	}
	if w.NewObserver != nil {
		w.observer = w.NewObserver(m)
	}
	w.DrawFile()
	w.boot(m)
	if w.Failure != nil || w.Daemon.Gone {
		return
	}
	w.Kernel.Odds = o.Odds()
	w.NextArrival()
	w.NextOperator()
	w.NextOddity()
	w.NextTrouble()
	w.BeginScenario()
}

// Step lets one thing happen. It reports whether the run goes on.
func (w *World) Step() bool {
	if w.Failure != nil || w.Over {
		return false
	}
	w.Steps++
	if w.Calm.On {
		if w.Daemon.Gone && !w.Calm.Ending {
			w.BeginEnd()
		}
		if w.Steps > w.Calm.Begun+calm.Limit {
			w.Fail("L9", "the world does not come to rest")
			return false
		}
	}
	if !w.Calm.On && (w.Steps >= uint64(w.Options.Steps) || w.Daemon.Gone) {
		w.EndFaults()
		return true
	}
	if len(w.Schedule.Heap) > scheduleLimit {
		w.Fail("L9", "more than %d things are to happen", scheduleLimit)
		w.Over = true
		return false
	}
	for len(w.Schedule.Heap) > 0 {
		d := w.next()
		if w.Stale(&d) {
			continue
		}
		w.Now = max(w.Now, d.When)
		w.happen(&d)
		return true
	}
	w.Settled()
	return true
}

// scheduleLimit bounds what may be to come, and with it the memory of a run.
const scheduleLimit = 1 << 16

// next takes what is due first. Of two things at one instant either may be,
// when that is wanted.
func (w *World) next() agenda.Due {
	d := w.Schedule.Pop()
	if w.O.OrderEqual == 0 || len(w.Schedule.Heap) == 0 || w.Schedule.Heap[0].When != d.When || w.Choose.Below(2, tape.Order) == 0 {
		return d
	}
	second := w.Schedule.Pop()
	w.Schedule.Insert(d)
	return second
}
