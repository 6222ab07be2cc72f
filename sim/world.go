package sim

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// StartOfTime is when every run begins; its value means nothing.
const StartOfTime core.Time = 1000 * core.Time(core.Second)

// Observer looks on at every step of the machine. An error ends the run as a
// failure of the invariant "model". It must not keep the actions.
type Observer interface {
	Observe(now core.Time, ev core.Event, actions []core.Action) error
}

// World is one simulated system. It is reset, not rebuilt, from run to run. It
// is not safe for use by more than one goroutine.
type World struct {
	// Record keeps the tape of runs from a seed.
	Record bool
	// NewObserver, if set, is called at the beginning of each run.
	NewObserver func(o core.MachineOptions) Observer
	// Only, if not empty, names the invariants that are looked at: what the
	// others say is passed over. It is for measuring what each of them finds.
	Only []string
	// Coverage counts over all runs of this world.
	Coverage Coverage

	// tamper, in tests, stands for a machine that does something else.
	tamper func(ev *core.Event, actions []core.Action) []core.Action

	choose  Chooser
	options Options // of the run
	o       Options // in force: options, then the quiet ones
	now     core.Time
	trace   *Trace

	machine        *core.Machine
	twin           *core.Machine
	observer       Observer
	stepsOfMachine uint64
	steps          uint64
	hash           uint64
	failure        *Failure
	exited         bool
	over           bool
	inChild        bool
	groupTold      bool // the whole process group got the last signal

	deadline  core.Time // what the machine's timer is set to, with timed
	timerAt   core.Time // when it goes off: deadline and some lateness
	timed     bool
	instant   core.Time // of the last event delivered
	atInstant int       // events delivered at it

	schedule schedule
	inbox    []core.Event // of the adapter, from head on
	head     int
	stash    []due // of stopped processes

	kernel   kernel
	services []listening // by ServiceID
	opens    []opening
	wakeups  []wakeup
	book     book
	calm     calm

	file    file
	loading file         // what LoadConfig reads, with request
	loaded  *core.Config // what it answered last
	request core.Request
	configs configArena
	stamp   int32
}

// NewWorld gives a world that is ready for Run.
func NewWorld() *World { return &World{} }

// Keep makes the following runs leave their records in t; nil ends that.
func (w *World) Keep(t *Trace) { w.trace = t }

// begin resets everything and hands the machine its first configuration.
func (w *World) begin(o Options) {
	w.options, w.o = o, o
	w.now, w.instant, w.atInstant = StartOfTime, StartOfTime, 0
	w.stepsOfMachine, w.steps, w.hash = 0, 0, 0x9e3779b97f4a7c15
	w.failure, w.exited, w.over, w.inChild, w.groupTold = nil, false, false, false, false
	w.timed, w.twin, w.observer = false, nil, nil
	w.schedule.reset()
	w.inbox, w.head, w.stash = w.inbox[:0], 0, w.stash[:0]
	w.services, w.opens, w.wakeups = w.services[:0], w.opens[:0], w.wakeups[:0]
	w.configs.used, w.stamp, w.request, w.loaded = 0, 0, 0, nil
	w.kernel.reset(o.PIDs)
	w.calm = calm{}
	if w.trace != nil {
		w.trace.Records = w.trace.Records[:0]
	}
	m := o.machine()
	w.book.reset(w.now, m)
	w.machine = core.New(w.now, m)
	if o.Twin == 1 {
		w.twin = core.New(w.now, m)
	}
	if w.NewObserver != nil {
		w.observer = w.NewObserver(m)
	}
	w.arm()
	w.drawFile()
	w.beginLife()
}

// beginLife boots the machine and lets clients and operator come.
func (w *World) beginLife() {
	c, ok := w.build(&w.file)
	if ok && !w.choose.Chance(w.o.LoadFail/8, PlaceLoad) {
		w.post(core.ConfigLoadedEvent(0, c))
	} else {
		c.Diagnostics = tornDiagnostics
		w.post(core.ConfigRejectedEvent(0, c))
	}
	if w.choose.Chance(w.o.Twice/4, PlaceOperator) {
		w.post(core.SignalReceivedEvent(core.SIGHUP))
	}
	w.nextArrival()
	w.nextOperator()
	w.nextOddity()
	w.beginScenario()
}

// fail notes the first thing that is wrong.
func (w *World) fail(invariant, format string, args ...any) {
	if w.failure == nil && (len(w.Only) == 0 || contains(w.Only, invariant)) {
		w.failure = &Failure{Invariant: invariant, Text: fmt.Sprintf(format, args...), Step: w.stepsOfMachine, Now: w.now}
	}
}

// Step lets one thing happen. It reports whether the run goes on.
func (w *World) Step() bool {
	if w.failure != nil || w.over {
		return false
	}
	w.steps++
	if w.head < len(w.inbox) {
		ev := w.inbox[w.head]
		w.head++
		if w.head == len(w.inbox) {
			w.inbox, w.head = w.inbox[:0], 0
		}
		w.deliver(ev)
		return true
	}
	if w.calm.on {
		if w.exited && !w.calm.ending {
			w.beginEnd()
		}
		if w.steps-w.calm.begun > calmLimit {
			w.fail("L9", "the world does not come to rest")
			return false
		}
	}
	if !w.calm.on && (w.steps >= uint64(w.options.Steps) || w.exited) {
		w.endFaults()
		return true
	}
	for len(w.schedule.heap) > 0 {
		top := &w.schedule.heap[0]
		if w.timerFirst(top.when) {
			break
		}
		d := w.next()
		if w.stale(&d) {
			continue
		}
		w.now = max(w.now, d.when)
		w.happen(&d)
		return true
	}
	if !w.timed || w.exited {
		w.settled()
		return true
	}
	w.now = max(w.now, w.timerAt)
	w.expire()
	return true
}

// next takes what is due first. Of two things at one instant either may be,
// when that is wanted.
func (w *World) next() due {
	d := w.schedule.pop()
	if w.o.OrderEqual == 0 || len(w.schedule.heap) == 0 || w.schedule.heap[0].when != d.when || w.choose.Below(2, PlaceOrder) == 0 {
		return d
	}
	second := w.schedule.pop()
	w.schedule.insert(d)
	return second
}

// timerFirst tells whether the machine's timer goes off before something that
// is due then.
func (w *World) timerFirst(then core.Time) bool {
	switch {
	case !w.timed || w.exited || w.timerAt > then:
		return false
	case w.timerAt < then:
		return true
	}
	return w.o.OrderEqual == 0 || w.choose.Below(2, PlaceOrder) == 0
}

// expire delivers TimerExpired; the machine must want its next one later.
func (w *World) expire() {
	w.deliver(core.TimerExpiredEvent())
	if when, ok := w.machine.Deadline(); ok && when <= w.now && w.failure == nil {
		w.fail("L9", "the machine wants its timer again at the same instant")
	}
}

// stale tells whether what was scheduled concerns somebody who is gone, or
// keeps it for a stopped process until that goes on.
func (w *World) stale(d *due) bool {
	if d.life == 0 {
		return false
	}
	p := &w.kernel.processes[d.ref]
	if p.life != d.life {
		return true
	}
	if p.stopped && d.what.ofServer() {
		w.stash = append(w.stash, *d)
		return true
	}
	return false
}

// after schedules something; ref is no process.
func (w *World) after(delay core.Duration, what happening, ref, arg int32) {
	w.schedule.push(due{when: w.now.Add(delay), what: what, ref: ref, arg: arg})
}

// soon schedules something for a process; it is forgotten when that is gone.
func (w *World) soon(delay core.Duration, what happening, slot, arg int32) {
	w.schedule.push(due{when: w.now.Add(delay), what: what, ref: slot, arg: arg, life: w.kernel.processes[slot].life})
}

// post queues an event for the machine.
func (w *World) post(ev core.Event) { w.inbox = append(w.inbox, ev) }

// deliver steps the machine and judges what it does.
func (w *World) deliver(ev core.Event) {
	w.stepsOfMachine++
	w.notSpinning()
	if w.trace != nil {
		w.trace.add(Record{Kind: RecordEvent, Step: w.stepsOfMachine, Now: w.now, Event: ev})
	}
	w.hashEvent(&ev)
	id := w.book.serviceOf(&ev)
	w.cover(&ev, id)
	w.book.hear(w, &ev)
	actions := w.machine.Step(w.now, ev)
	if w.tamper != nil {
		actions = w.tamper(&ev, actions)
	}
	w.hashActions(actions)
	if w.trace != nil {
		for i := range actions {
			w.trace.add(Record{Kind: RecordAction, Step: w.stepsOfMachine, Now: w.now, Action: actions[i]})
		}
	}
	if w.twin != nil {
		w.compareTwin(&ev, actions)
	}
	if w.observer != nil {
		if err := w.observer.Observe(w.now, ev, actions); err != nil {
			w.fail("model", "%v", err)
		}
	}
	w.book.judge(w, &ev, actions)
	if w.failure != nil {
		return
	}
	w.perform(actions)
	w.book.settle(w, &ev)
	poison(actions)
	w.arm()
	if w.stepsOfMachine%uint64(w.options.Sweep) == 0 {
		w.sweep()
	}
	if w.options.Twin > 1 && w.stepsOfMachine == uint64(w.options.Twin) {
		w.makeTwin()
	}
}

// Events that may be delivered at one instant: a bound against livelock. The
// world itself brings this many at most.
const instantLimit = 4000

func (w *World) notSpinning() {
	if w.now != w.instant {
		w.instant, w.atInstant = w.now, 0
	}
	w.atInstant++
	if w.atInstant > instantLimit {
		w.fail("L9", "more than %d events at one instant", instantLimit)
	}
}

// arm sets the timer that stands for the adapter's to the machine's deadline.
func (w *World) arm() {
	when, ok := w.machine.Deadline()
	if ok && (!w.timed || when != w.deadline) {
		w.deadline = when
		w.timerAt = when.Add(w.choose.Delay(core.Duration(w.o.TimerUS)*core.Microsecond, PlaceTimer))
	}
	w.timed = ok
}

// poison spoils the actions after use: whoever keeps them is found out.
func poison(actions []core.Action) {
	for i := range actions {
		actions[i] = core.Action{Kind: 0xee, Service: 0xdeadbeef, Generation: 0xdeadbeef, PID: -7, Request: 0xdeadbeef}
	}
}
