package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Line is one line of the daemon's log.
type Line struct {
	At    core.Time
	Level core.Level
	Text  string
}

// daemon carries a machine and an Exec over the kernel, in the order of
// osadapter.Loop: due timers, then descriptors, then what came from outside, a
// hangup and dead children last.
type daemon struct {
	world   *World
	kernel  *Kernel
	machine *core.Machine
	exec    *osadapter.Exec

	lines  []Line
	loads  []core.Request // not answered
	hangup bool
	last   core.Signal
	up     bool

	starting core.ServiceID // whose child is being started
	audited  int            // calls of the kernel at the last audit of the descriptors
	steps    int            // of the machine
	compared int            // steps and calls at the last audit of the state
	copied   int            // steps and calls when the books were copied
	books    osadapter.Books
}

// newDaemon makes the Exec; when that fails there is no daemon.
func newDaemon(w *World, o core.MachineOptions) (*daemon, error) {
	o.Descriptors = osadapter.Descriptors(uint64(w.kernel.Limit))
	d := &daemon{world: w, kernel: w.kernel, machine: core.New(w.now, o)}
	around := osadapter.Surroundings{
		Log:               func(level core.Level, text string) { d.lines = append(d.lines, Line{w.now, level, text}) },
		Load:              func(r core.Request) { d.loads = append(d.loads, r) },
		Apply:             func(*core.Config) []string { return []string{"LANG=C"} },
		Announce:          func() { d.up = true },
		BeforeGroupSignal: func(core.Signal) {},
		OpenFiles:         uint64(w.kernel.Limit),
	}
	var err error
	d.exec, err = osadapter.NewExec(w.kernel, around)
	return d, err
}

// turn handles what there is to handle now and tells whether there was any.
func (d *daemon) turn() bool {
	active := false
	if when, ok := d.machine.Deadline(); ok && when <= d.world.now {
		d.pump(core.TimerExpiredEvent())
		active = true
	}
	if d.exec.Owing() {
		d.exec.Again()
		d.drain()
	}
	if d.exec.Starting() && !d.world.dice.chance(300) { // else it looked a moment too early
		steps := d.steps
		d.exec.FinishStarts(d.world.now)
		d.drain()
		active = active || d.steps != steps
	}
	var ready [64]sys.PollEvent
	n := d.kernel.PollWait(d.exec.PollSet(), ready[:])
	for _, e := range ready[:n] {
		d.exec.Ready(e)
		d.drain()
	}
	active = d.mail() || active
	d.exec.ApplyWatches()
	d.world.auditDescriptors()
	d.world.auditZombies()
	_, pause := d.exec.Pause()
	return active || n > 0 || d.kernel.late || pause
}

// copyBooks copies the books of Exec, unless nothing can have changed them.
func (d *daemon) copyBooks() *osadapter.Books {
	if now := d.steps + d.kernel.total; d.copied != now {
		d.books, d.copied = d.exec.Books(), now
	}
	return &d.books
}

// mail delivers what came from outside.
func (d *daemon) mail() bool {
	active := len(d.loads) > 0 || d.hangup || d.kernel.childDied || d.last != 0
	loads := d.loads
	d.loads = nil
	for _, r := range loads {
		if d.world.dice.chance(300) {
			d.loads = append(d.loads, r) // the resolver takes its time
			continue
		}
		d.pump(d.world.configuration(r))
	}
	if d.hangup {
		d.hangup = false
		d.pump(core.SignalReceivedEvent(core.SIGHUP))
	}
	early := d.world.dice.chance(300)
	if early {
		d.sweep()
	}
	d.exec.ReapEnded()
	d.drain()
	if !early && !d.world.dice.chance(300) { // else whoever waits looks at the next turn
		d.sweep()
	}
	if d.last != 0 {
		s := d.last
		d.last = 0
		d.pump(core.SignalReceivedEvent(s))
	}
	return active
}

// sweep is what follows from a look at who has ended.
func (d *daemon) sweep() {
	if d.kernel.childDied {
		d.kernel.childDied = false
		d.exec.Reap()
		d.drain()
	}
}

func (d *daemon) pump(ev core.Event) {
	d.step(ev)
	d.drain()
}

func (d *daemon) drain() {
	for {
		ev, ok := d.exec.Next()
		if !ok {
			break
		}
		d.step(ev)
	}
	d.world.auditState()
}

func (d *daemon) step(ev core.Event) {
	if d.exec.Ending() != nil {
		return
	}
	d.steps++
	actions := d.machine.Step(d.world.now, ev)
	for i := range actions {
		if actions[i].Kind == core.StartChild {
			d.starting = actions[i].Service // at most one a step, for one service
		}
	}
	d.exec.Do(actions)
	d.world.auditDescriptors()
}
