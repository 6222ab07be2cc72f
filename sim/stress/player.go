package stress

import (
	"fmt"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/sim"
	"github.com/stationmaster/stationmaster/sim/model"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Beside says what is laid beside a run.
type Beside struct {
	Model   bool // the model judges every step
	Journal bool // the run is recorded, replayed and compared
}

// Add lays beside what reports the invariant.
func (b *Beside) Add(invariant string) {
	b.Model = b.Model || invariant == modelInvariant
	b.Journal = b.Journal || invariant == journalInvariant
}

// Reports reports whether the invariant is one of those that are laid beside.
func Reports(invariant string) bool {
	return invariant == modelInvariant || invariant == journalInvariant
}

// Player plays runs in one world. The zero value is ready. It is not safe for
// use by more than one goroutine.
type Player struct {
	world *sim.World
	with  Beside
	flags core.MachineOptions
	look  onlooker
	trace witness.Trace
	kept  bool
}

// Trace keeps the records of this and all following runs in the value that it
// gives.
func (p *Player) Trace() *witness.Trace {
	p.kept = true
	return &p.trace
}

// Machine is what the command line of the last run's machine said.
func (p *Player) Machine() core.MachineOptions { return p.flags }

// World is the world that the player plays in.
func (p *Player) World() *sim.World {
	if p.world == nil {
		p.world = sim.NewWorld()
	}
	return p.world
}

// Seed plays a seed; with record the result has the tape.
func (p *Player) Seed(seed uint64, o options.Options, with Beside, record bool) sim.Result {
	w := p.prepare(&o, with)
	w.Record = record
	r := w.Run(seed, o)
	w.Record = false
	return p.finish(r)
}

// Tape plays a tape.
func (p *Player) Tape(tape []uint16, o options.Options, with Beside) sim.Result {
	return p.finish(p.prepare(&o, with).Replay(tape, o))
}

func (p *Player) prepare(o *options.Options, with Beside) *sim.World {
	w := p.World()
	w.Keep(nil)
	if p.kept {
		w.Keep(&p.trace)
	}
	p.with = with
	w.NewObserver = func(o core.MachineOptions) sim.Observer {
		p.flags = o
		if !with.Model && !with.Journal {
			return nil
		}
		p.look.begin(o, with)
		return &p.look
	}
	return w
}

// finish looks at what can only be judged at the end, when nothing broke.
func (p *Player) finish(r sim.Result) sim.Result {
	if r.Failure == nil && p.with.Journal && p.looksAt(journalInvariant) {
		if err := p.look.replay(); err != nil {
			r.Failure = &witness.Failure{Invariant: journalInvariant, Text: err.Error(), Step: r.Events}
		}
	}
	return r
}

// looksAt reports whether an invariant is switched on.
func (p *Player) looksAt(invariant string) bool {
	return len(p.world.Only) == 0 || slices.Contains(p.world.Only, invariant)
}

// Names by which what is laid beside is reported: by sim for an Observer, and
// for a replay that differs.
const (
	modelInvariant   = "model"
	journalInvariant = "journal"
)

// Guards are the names by which a run is reported broken, beside those of the
// invariants S1 to S13, of the laws L1 to L9, and of the model.
var Guards = []string{"assert", "assert-child", "check", "panic", "adapter", "call", journalInvariant, witness.Contract}

// Birth is when the machine of every run is made.
const Birth = core.Time(1000 * core.Second)

// onlooker sees every step of a run.
type onlooker struct {
	with    Beside
	model   *model.Model
	journal *trace.Writer
	steps   int
}

func (l *onlooker) begin(o core.MachineOptions, with Beside) {
	l.with, l.steps = with, 0
	if with.Model {
		f := model.FlagsOf(o)
		if l.model == nil {
			l.model = model.New(Birth, f)
		} else {
			l.model.Reset(Birth, f)
		}
	}
	if with.Journal {
		l.journal = trace.NewWriter()
		l.journal.Fresh(Birth, o)
	}
}

// Observe is sim.Observer.
func (l *onlooker) Observe(now core.Time, ev core.Event, actions []core.Action, m *core.Machine) error {
	if l.with.Journal {
		l.journal.Event(now, &ev)
		l.journal.Actions(actions)
		l.steps++
	}
	if !l.with.Model {
		return nil
	}
	if err := l.model.Observe(now, ev, actions); err != nil {
		return err
	}
	return l.model.Compare(m)
}

func (l *onlooker) replay() error {
	steps, err := trace.Replay(l.journal.Bytes())
	if err != nil {
		return fmt.Errorf("a recording of this run: %w", err)
	}
	if steps != l.steps {
		return fmt.Errorf("a recording of this run: %d of %d steps", steps, l.steps)
	}
	return nil
}
