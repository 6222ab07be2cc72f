package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Driver carries one machine: it turns what its caller finds in the poll set and in
// the mailbox into events, steps the machine and has the actions carried out. All
// that has to be done in one turn of the loop, and the order in which it is done, is
// here. Driver has no goroutine and no clock, and never waits: Loop is the shell that
// a daemon needs around it, a simulator is another.
//
// The caller goes round: Wait, then PollWait on PollSet for as long as Wait says,
// then Turn. All of this happens on one goroutine.
//
// The machine has one time in each turn, that of its beginning: a turn is short, a
// program that is executed slowly included, and no timer minds milliseconds. So what
// a turn does depends on its arguments alone.
type Driver struct {
	machine *core.Machine
	exec    *Exec
	hooks   *Hooks
	waker   sys.FD
	now     core.Time // of this turn
	wall    int64     // of this turn, for the journal
	sweep   bool      // one over all children has to be made
	putOff  int       // for so many turns by now
}

// Hooks are what Driver needs of the process around it. Every function is
// called on the goroutine that calls Driver.
type Hooks struct {
	// Log writes one line.
	Log func(level core.Level, text string)
	// Load begins to read the configuration and returns at once; the answer comes
	// as Mail.
	Load func(core.Request)
	// Apply puts a configuration's log settings in force and returns the environment
	// of children from now on, without GENERATION.
	Apply func(*core.Config) (environ []string)
	// Flush hands over log lines that could not be handed over at once, and reports
	// whether none is left. Nil: lines are never kept.
	Flush func() bool
	// Announce tells the process that waits for it that the daemon is up.
	Announce func()
	// BeforeGroupSignal makes us survive a signal to our own process group.
	BeforeGroupSignal func(core.Signal)
	// CatchEnds begins the delivery of SIGCHLD, each of which is Mail.Ends from then
	// on. It is called when there may be children that we did not start.
	CatchEnds func()
	// Low are descriptors for starts, see sys.Process.
	Low []sys.FD
	// OpenFiles is the limit on open descriptors; 0: unknown.
	OpenFiles uint64
	// Journal records every step of the machine. Nil: none.
	Journal *journal.Journal
	// Observer sees every step. Nil: there is none.
	Observer Observer

	// The rest is Loop's business; NewLoop sets it.

	// Mailbox holds what others leave for the driver.
	Mailbox Mailbox
	// Started is called for each process that has been started and will have to be
	// reaped. Nil: it is not called.
	Started func()
	// Programs run beside the daemon. Nil: there are none.
	Programs Programs
	// Wall is the wall clock, in nanoseconds since 1970, for the journal. Nil: there
	// is none.
	Wall func() int64
}

// Mailbox is where others leave what the driver is to do. They put it there first
// and then make the waker readable.
type Mailbox interface {
	// Take empties the mailbox. It is called after the waker was drained: the other
	// way round, what is left between the two would not be found until the next
	// wake-up.
	Take() Mail
}

// Mail is what others left. It is looked at in this order, after all descriptors.
type Mail struct {
	Events []core.Event
	Hangup bool        // SIGHUP came
	Ends   bool        // processes may have ended of which no status channel tells
	Signal core.Signal // the latest of the signals that end the daemon; 0: none
}

// Programs are those that run beside the daemon, such as getent. The driver reaps
// them with its children.
type Programs interface {
	// Exclude keeps programs from being started until Admit. It does not wait: it
	// returns false when one is being started just now. Mail.Ends follows then.
	Exclude() bool
	Admit()
	// Claim takes the status of a process if it is one of the programs. It is
	// called between Exclude and Admit, so that no program is signalled whose number
	// is free again.
	Claim(*sys.Reaped) bool
}

// Observer sees the steps of the machine.
type Observer interface {
	// Stepped is called after each step, before its actions are carried out.
	Stepped(now core.Time, ev core.Event, actions []core.Action)
	// Done is called when they are carried out. So many answers wait to be stepped,
	// before anything else happens.
	Done(answers int)
}

// NewDriver makes the poll set, the flow-control pipe and the waker.
func NewDriver(m *core.Machine, k Kernel, hooks Hooks) (*Driver, error) {
	x, err := newExec(k, &hooks)
	if err != nil {
		return nil, err
	}
	d := &Driver{machine: m, exec: x, hooks: &hooks}
	var e core.Errno
	if d.waker, e = k.WakerOpen(); e != 0 {
		x.close()
		return nil, &CallError{"eventfd", e}
	}
	if e := k.PollAdd(x.set, d.waker, wakerKey, true, false); e != 0 {
		k.Close(d.waker)
		x.close()
		return nil, &CallError{"epoll_ctl", e}
	}
	return d, nil
}

// PollSet is the set whose events are for Turn.
func (d *Driver) PollSet() sys.FD { return d.exec.set }

// Waker is to be made readable when there is something in the mailbox.
func (d *Driver) Waker() sys.FD { return d.waker }

// Ending says how the process is to end; it is nil while it is to go on.
func (d *Driver) Ending() *Ending { return d.exec.ending }

// Children is how many live, as far as the driver knows.
func (d *Driver) Children() int { return len(d.exec.children) }

// Socket returns the descriptor of our datagram socket with this path, and the
// service that it belongs to; there may be none.
func (d *Driver) Socket(path string) (sys.FD, core.ServiceID) { return d.exec.socketOf(path) }

// Boot steps the first configuration and all that follows from it at once, and looks
// for processes that were ours before we started any. It returns an ending if the
// daemon cannot start.
func (d *Driver) Boot(now core.Time, first core.Event) *Ending {
	d.begin(now)
	d.pump(first)
	if d.exec.ending == nil {
		d.exec.reapFirst()
		d.drain()
	}
	return d.exec.ending
}

// retryPause is how soon kept log lines are tried again, wake-ups that could not be
// sent, and calls that must be made in the end.
const retryPause = 100 * core.Millisecond

// Wait does what is to be done before each wait, and returns how long to wait at
// most: to the machine's next deadline, and not long while log lines are kept that
// may be taken soon, calls are to be made again, a start is under way, or a child
// is about to end. Not bounded, only an event ends the wait.
//
// The wait itself ends in time: a timer of the runtime would fire on another thread,
// which then has to wake this one.
func (d *Driver) Wait(now core.Time) (wait core.Duration, bounded bool) {
	x := d.exec
	x.applyWatches()
	d.hooks.Journal.Flush()
	if d.sweep {
		return 0, true
	}
	atMost := func(limit core.Duration) {
		if !bounded || limit < wait {
			wait, bounded = limit, true
		}
	}
	if when, ok := d.machine.Deadline(); ok {
		atMost(max(when.Sub(now), 0))
	}
	if flush := d.hooks.Flush; flush != nil && !flush() || x.mustRetry() {
		atMost(retryPause)
	}
	if pause, ok := x.askPause(); ok {
		atMost(pause)
	}
	if x.launching() {
		atMost(x.launchPause(now))
	}
	return wait, bounded
}

// Turn handles one batch: due timers, calls to be made again, starts under way, then
// descriptors, then the mail, children that ended, and last the signal that ends us
// (spec runtime, 12). ready are events of PollSet; there may be none.
func (d *Driver) Turn(now core.Time, ready []sys.PollEvent) {
	d.begin(now)
	x := d.exec
	if when, ok := d.machine.Deadline(); ok && when <= now {
		d.pump(core.TimerExpiredEvent())
	}
	x.limitWakeups() // those of the last turn, and those that were due
	d.drain()
	if x.mustRetry() {
		x.retry()
		d.drain()
	}
	if x.launching() { // before what their programs may have reported is read
		x.finishLaunches(now)
		d.drain()
	}
	woken := false
	for i := range ready {
		if ready[i].Key == wakerKey {
			x.k.WakerDrain(d.waker)
			woken = true
			continue
		}
		x.ready(ready[i])
		d.drain()
	}
	var mail Mail
	if woken { // and drained
		mail = d.hooks.Mailbox.Take()
	}
	for i := range mail.Events {
		d.pump(mail.Events[i])
	}
	if mail.Hangup {
		d.pump(core.SignalReceivedEvent(core.SIGHUP))
	}
	d.reap(mail.Ends, mail.Signal != 0)
	if mail.Signal != 0 {
		d.pump(core.SignalReceivedEvent(mail.Signal))
	}
}

// begin begins a turn.
func (d *Driver) begin(now core.Time) {
	d.now = now
	if d.hooks.Wall != nil {
		d.wall = d.hooks.Wall()
	}
}

// sweepPatience is how many turns a sweep is put off while ends are found without it:
// it walks over all children that live, again for each that it finds.
const sweepPatience = 100

// reap delivers the ends of children: of those whose channels have closed, and in a
// sweep, if one has to be made, of all. The sweep is put off while children are found without
// it, but not for ever, and not when a signal is about to end us.
func (d *Driver) reap(sweep, last bool) {
	found := d.exec.reapEnded()
	d.drain()
	d.sweep = d.sweep || sweep
	switch {
	case !d.sweep:
	case found && !last && d.putOff < sweepPatience:
		d.putOff++
	default:
		d.sweep, d.putOff = false, 0
		d.exec.reap()
		d.drain()
	}
}

// pump steps the event, carries out what follows, and steps what that answers, until
// nothing is left.
func (d *Driver) pump(ev core.Event) {
	d.step(ev)
	d.drain()
}

// drain steps the queued events.
func (d *Driver) drain() {
	for {
		ev, ok := d.exec.next()
		if !ok {
			return
		}
		d.step(ev)
	}
}

func (d *Driver) step(ev core.Event) {
	if d.exec.ending != nil {
		return
	}
	j, o := d.hooks.Journal, d.hooks.Observer
	j.Event(d.now, d.wall, &ev)
	actions := d.machine.Step(d.now, ev)
	j.Actions(actions)
	if o != nil {
		o.Stepped(d.now, ev, actions)
	}
	d.exec.do(actions)
	if o != nil {
		o.Done(d.exec.queued())
	}
}
