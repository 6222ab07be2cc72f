package sim

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// StartOfTime is when every run begins; its value means nothing.
const StartOfTime core.Time = 1000 * core.Time(core.Second)

// Observer sees every step of the machine, and the machine after it. An error ends
// the run as a failure of the invariant "model". It must not keep the actions.
type Observer interface {
	Observe(now core.Time, ev core.Event, actions []core.Action, m *core.Machine) error
}

// World is one simulated system: a daemon over a kernel in memory, its children,
// their clients and an operator. It is reset, not rebuilt, from run to run. It is
// not safe for use by more than one goroutine.
type World struct {
	// Record keeps the tape of runs from a seed.
	Record bool
	// NewObserver, if set, is called at the beginning of each run.
	NewObserver func(o core.MachineOptions) Observer
	// Only, if not empty, names the invariants that are looked at: what the
	// others say is passed over. It is for measuring what each of them finds.
	Only []string
	// Coverage counts over all runs of this world.
	Coverage witness.Coverage

	// tamper, in tests, stands for a machine that does something else: it changes
	// the actions that are judged.
	tamper func(ev *core.Event, actions []core.Action) []core.Action
	// configure, in tests, is what is on disk, instead of the file.
	configure func() (c *core.Config, ok bool)
	// prepare, in tests, does something to the kernel before the daemon starts.
	prepare func(*kernel.Kernel)
	// hears, in tests, gets every line of the daemon's log.
	hears func(level core.Level, text string)
	// fates, in tests, say how each client ended.
	fates map[int32]string

	choose  tape.Chooser
	options options.Options // of the run
	o       options.Options // in force: options, then the quiet ones
	now     core.Time
	trace   *witness.Trace

	kernel   *kernel.Kernel
	daemon   daemon
	twin     *core.Machine
	observer Observer
	book     laws.Book

	stepsOfMachine uint64
	steps          uint64
	hash           uint64
	failure        *Failure
	over           bool
	inChild        bool

	instant   core.Time // of the last step of the machine
	atInstant int       // steps at it

	schedule agenda.Agenda
	stash    []agenda.Due // of stopped processes

	servers     [kernel.MaxProcesses]server // by slot
	lives       [kernel.MaxProcesses]uint32
	locks       [options.MaxNames * locksOfName]int32 // accept locks by lockKey: slot of the holder plus one
	sessions    []session
	descendants []descendant
	clients     []client
	freed       []int32          // of clients
	came        int32            // clients so far
	closing     witness.Happened // what a closed connection means for its client
	ears        []ears           // by ServiceID, since the last commit
	used        map[int]bool     // process identities that a child told of had once
	memory      memory
	patience    patience
	truth       truth
	words       []string        // scratch
	moved       []core.Endpoint // of listeners that the step hands over
	calm        calm
	targets     targets

	programs map[string]*program // by path; nil: all is drawn

	file    mastercf.File
	loading mastercf.File // what LoadConfig reads, with request
	loaded  *core.Config  // what it answered last
	request core.Request
	configs mastercf.Arena
	stamp   int32
}

// NewWorld returns a world that is ready for Run.
func NewWorld() *World {
	w := &World{used: map[int]bool{}}
	w.kernel = kernel.New(host{w}, &w.choose)
	return w
}

// Keep makes the following runs leave their records in t; nil ends that.
func (w *World) Keep(t *witness.Trace) { w.trace = t }

// begin resets everything and starts the daemon.
func (w *World) begin(o options.Options) {
	w.options, w.o = o, o
	w.now, w.instant, w.atInstant = StartOfTime, StartOfTime, 0
	w.stepsOfMachine, w.steps, w.hash = 0, 0, 0x9e3779b97f4a7c15
	w.failure, w.over, w.inChild = nil, false, false
	w.twin, w.observer = nil, nil
	w.schedule.Reset()
	w.stash = w.stash[:0]
	clear(w.servers[:])
	w.locks = [options.MaxNames * locksOfName]int32{}
	w.sessions, w.descendants, w.clients, w.freed, w.came = w.sessions[:0], w.descendants[:0], w.clients[:0], w.freed[:0], 0
	w.ears, w.closing = w.ears[:0], witness.ClientLost
	w.configs.Used, w.stamp, w.request, w.loaded = 0, 0, 0, nil
	w.calm, w.targets = calm{}, targets{}
	clear(w.used)
	w.memory.reset()
	w.truth.reset()
	w.patience = patience{}
	if w.trace != nil {
		w.trace.Records = w.trace.Records[:0]
	}
	w.kernel.Reset(mastercf.Owner)
	w.kernel.Requests = true
	w.kernel.Limit = w.openFiles()
	w.kernel.PIDs, w.kernel.Init, w.kernel.ChannelSize = o.PIDs, o.InitMode == 1, int(o.Channel)*wire.StatusSize
	if w.prepare != nil {
		w.prepare(w.kernel)
	}
	m := o.Machine()
	w.book.Only = w.Only
	w.book.Reset(w.now, m)
	if o.Twin == 1 {
		w.twin = core.New(w.now, m)
	}
	if w.NewObserver != nil {
		w.observer = w.NewObserver(m)
	}
	w.drawFile()
	w.boot(m)
	if w.failure != nil || w.daemon.gone {
		return
	}
	w.kernel.Odds = o.Odds()
	w.nextArrival()
	w.nextOperator()
	w.nextOddity()
	w.nextTrouble()
	w.beginScenario()
}

// fail notes the first thing that is wrong.
func (w *World) fail(invariant, format string, args ...any) {
	if w.failure == nil && (len(w.Only) == 0 || contains(w.Only, invariant)) {
		w.failure = &Failure{Invariant: invariant, Text: fmt.Sprintf(format, args...), Step: w.stepsOfMachine, Now: w.now}
	}
}

// broken notes a breach of a law.
func (w *World) broken(b *laws.Breach) {
	if b != nil {
		w.fail(b.Law, "%s", b.Text)
	}
}

func contains[T comparable](list []T, x T) bool {
	for i := range list {
		if list[i] == x {
			return true
		}
	}
	return false
}

// Step lets one thing happen. It reports whether the run goes on.
func (w *World) Step() bool {
	if w.failure != nil || w.over {
		return false
	}
	w.steps++
	if w.calm.on {
		if w.daemon.gone && !w.calm.ending {
			w.beginEnd()
		}
		if w.steps > w.calm.begun+calmLimit {
			w.fail("L9", "the world does not come to rest")
			return false
		}
	}
	if !w.calm.on && (w.steps >= uint64(w.options.Steps) || w.daemon.gone) {
		w.endFaults()
		return true
	}
	if len(w.schedule.Heap) > scheduleLimit {
		w.fail("L9", "more than %d things are to happen", scheduleLimit)
		w.over = true
		return false
	}
	for len(w.schedule.Heap) > 0 {
		d := w.next()
		if w.stale(&d) {
			continue
		}
		w.now = max(w.now, d.When)
		w.happen(&d)
		return true
	}
	w.settled()
	return true
}

// scheduleLimit bounds what may be to come, and with it the memory of a run.
const scheduleLimit = 1 << 16

// next takes what is due first. Of two things at one instant either may be,
// when that is wanted.
func (w *World) next() agenda.Due {
	d := w.schedule.Pop()
	if w.o.OrderEqual == 0 || len(w.schedule.Heap) == 0 || w.schedule.Heap[0].When != d.When || w.choose.Below(2, tape.Order) == 0 {
		return d
	}
	second := w.schedule.Pop()
	w.schedule.Insert(d)
	return second
}

// stale reports whether what was scheduled concerns a process that is gone, or
// a turn that was made earlier. For a stopped process it is kept until that goes on.
func (w *World) stale(d *agenda.Due) bool {
	if d.What == agenda.TurnBegins {
		return d.Arg != w.daemon.plan
	}
	if d.Life == 0 {
		return false
	}
	if w.lives[d.Ref] != d.Life {
		return true
	}
	if d.What.OfServer() && w.kernel.Process(d.Ref).Stopped {
		w.stash = append(w.stash, *d)
		return true
	}
	return false
}

// after schedules something; ref is no process.
func (w *World) after(delay core.Duration, what agenda.Happening, ref, arg int32) {
	w.schedule.Push(agenda.Due{When: w.now.Add(delay), What: what, Ref: ref, Arg: arg})
}

// moment returns the delay, or now and then one that ends when a time of the machine is
// over, a nanosecond before or after.
func (w *World) moment(delay core.Duration) core.Duration {
	if !w.calm.on && !w.daemon.gone && w.choose.Chance(w.o.Near, tape.Timer) {
		if when, ok := w.daemon.machine.Deadline(); ok && when > w.now {
			return when.Sub(w.now) + core.Duration(w.choose.Below(3, tape.Timer)) - 1
		}
	}
	return delay
}

// soon schedules something for a process; it is forgotten when that is gone.
func (w *World) soon(delay core.Duration, what agenda.Happening, slot, arg int32) {
	w.schedule.Push(agenda.Due{When: w.now.Add(delay), What: what, Ref: slot, Arg: arg, Life: w.lives[slot]})
}
