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

// daemon is the shell around an osadapter.Driver, as osadapter.Loop is in production:
// it has the driver wait until something is ready or its time has come, and leaves in
// the mailbox what other goroutines would leave.
type daemon struct {
	world   *World
	kernel  *Kernel
	machine *core.Machine
	driver  *osadapter.Driver

	until core.Time // when the wait is over

	mail   osadapter.Mail
	loads  []core.Request // not answered
	caught bool           // SIGCHLD tells of ends

	lines    []Line
	up       bool
	starting core.ServiceID           // whose child is being started
	gone     map[core.Generation]bool // children whose end was delivered

	audited  int // calls of the kernel at the last audit of the descriptors
	steps    int // of the machine
	compared int // steps and calls at the last audit of the state
	copied   int // steps and calls when the books were copied
	books    osadapter.Books
}

// newDaemon makes the driver; when that fails there is no daemon.
func newDaemon(w *World, o core.MachineOptions) (*daemon, error) {
	o.Descriptors = osadapter.Descriptors(uint64(w.kernel.Limit))
	d := &daemon{world: w, kernel: w.kernel, machine: core.New(w.now, o), gone: map[core.Generation]bool{}}
	around := osadapter.Surroundings{
		Log:               func(level core.Level, text string) { d.lines = append(d.lines, Line{w.now, level, text}) },
		Load:              func(r core.Request) { d.loads = append(d.loads, r) },
		Apply:             func(*core.Config) []string { return []string{"LANG=C"} },
		Announce:          func() { d.up = true },
		BeforeGroupSignal: func(core.Signal) {},
		CatchEnds:         func() { d.caught = true },
		OpenFiles:         uint64(w.kernel.Limit),
		Observer:          d,
		Mailbox:           d,
	}
	var err error
	d.driver, err = osadapter.NewDriver(d.machine, w.kernel, around)
	return d, err
}

// boot starts the daemon with a configuration.
func (d *daemon) boot(c *core.Config) {
	d.driver.Boot(d.world.now, core.ConfigLoadedEvent(0, c))
	d.wait()
}

// wait begins to wait.
func (d *daemon) wait() {
	d.until = core.Time(1<<63 - 1)
	if rest, bounded := d.driver.Wait(d.world.now); bounded {
		d.until = d.world.now.Add(rest)
	}
}

// turn has the daemon do what there is to do, unless its wait goes on, and reports
// whether there may be more at this instant.
func (d *daemon) turn() bool {
	d.outside()
	var ready [64]sys.PollEvent
	n := d.kernel.PollWait(d.driver.PollSet(), ready[:])
	if n == 0 && d.world.now < d.until {
		return d.kernel.late
	}
	d.driver.Turn(d.world.now, ready[:n])
	d.wait()
	d.world.auditDescriptors()
	d.world.auditZombies()
	return true
}

// leave puts something into the mailbox and wakes the driver.
func (d *daemon) leave(put func(*osadapter.Mail)) {
	put(&d.mail)
	d.kernel.WakerWake(d.driver.Waker())
}

// Take implements osadapter.Mailbox.
func (d *daemon) Take() osadapter.Mail {
	mail := d.mail
	d.mail = osadapter.Mail{}
	return mail
}

// outside lets those act who run beside the driver: the resolver, who may take his
// time, and whoever waits for ends of children.
func (d *daemon) outside() {
	loads := d.loads
	d.loads = nil
	for _, r := range loads {
		if d.world.dice.chance(300) {
			d.loads = append(d.loads, r)
			continue
		}
		d.leave(func(m *osadapter.Mail) { m.Events = append(m.Events, d.world.configuration(r)) })
	}
	if d.kernel.childDied && !d.world.dice.chance(300) {
		d.kernel.childDied = false
		d.leave(func(m *osadapter.Mail) { m.Ends = true })
	}
}

// busy reports whether somebody beside the driver has yet to act.
func (d *daemon) busy() bool { return len(d.loads) > 0 || d.kernel.childDied }

// signal is the delivery of a signal.
func (d *daemon) signal(s core.Signal) {
	d.leave(func(m *osadapter.Mail) {
		if s == core.SIGHUP {
			m.Hangup = true
		} else {
			m.Signal = s
		}
	})
}

// copyBooks copies the books of the driver, unless nothing can have changed them.
func (d *daemon) copyBooks() *osadapter.Books {
	if now := d.steps + d.kernel.total; d.copied != now {
		d.books, d.copied = d.driver.Books(), now
	}
	return &d.books
}

// Stepped implements osadapter.Observer.
func (d *daemon) Stepped(_ core.Time, ev core.Event, actions []core.Action) {
	d.steps++
	if d.gone[ev.Generation] {
		d.world.find("order", "%s of child %d, whose end was delivered before", ev.Kind, ev.Generation)
	}
	if ev.Kind == core.ChildExited && ev.Generation != 0 {
		d.gone[ev.Generation] = true
	}
	for i := range actions {
		if actions[i].Kind == core.StartChild {
			d.starting = actions[i].Service // at most one a step, for one service
		}
	}
}

// Done implements osadapter.Observer.
func (d *daemon) Done(answers int) {
	d.world.auditDescriptors()
	if answers == 0 {
		d.world.auditState()
	}
}
