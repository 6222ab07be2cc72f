package sim

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/audit"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// daemon is the production driver and what Loop has around it: the wait, the mailbox
// and whoever waits for the ends of children.
type daemon struct {
	driver  *osadapter.Driver
	machine *core.Machine
	box     mailbox
	gone    bool // its process is
	up      bool
	turning bool // in the middle of a turn
	planned bool
	plan    int32     // number of the turn that is planned
	turnAt  core.Time // when it begins

	catches bool // SIGCHLD is delivered
	looking bool // somebody waits for the end of a child, and will look

	ready     [64]sys.PollEvent
	household osadapter.Books // poll set, flow pipe
	audit     audit.Auditor
	audited   uint64          // steps at the last audit
	facts     laws.KernelView // of the last audit
	applied   int             // configurations that were put in force
	environ   []string
	wait      core.Duration // of the last wait, with bounded
	bounded   bool
	commits   bool // the step puts a configuration in force
}

// mailbox is what others left for the daemon.
type mailbox struct {
	truth    *truth
	patience *patience
	kernel   *kernel.Kernel
	mail     osadapter.Mail
	spare    []core.Event
}

// Take is osadapter.Mailbox.
func (m *mailbox) Take() osadapter.Mail {
	mail := m.mail
	m.truth.took(&mail)
	m.patience.heardOfEnds(mail.Ends, m.kernel.Sweeps())
	m.mail = osadapter.Mail{Events: m.spare[:0]}
	m.spare = mail.Events
	return mail
}

// boot starts the daemon with the configuration on disk.
func (w *World) boot(m core.MachineOptions) {
	d := &w.daemon
	*d = daemon{machine: core.New(w.now, m), plan: d.plan, audit: d.audit, box: mailbox{
		truth: &w.truth, patience: &w.patience, kernel: w.kernel,
		mail: osadapter.Mail{Events: d.box.mail.Events[:0]}, spare: d.box.spare[:0],
	}}
	hooks := osadapter.Hooks{
		Log:               w.logged,
		Load:              w.beginLoad,
		Apply:             w.apply,
		Flush:             w.flush,
		Announce:          w.announce,
		BeforeGroupSignal: func(core.Signal) { w.truth.ready = true },
		CatchEnds:         func() { w.daemon.catches = true },
		OpenFiles:         uint64(w.kernel.Limit),
		Mailbox:           &d.box,
		Observer:          w,
		Programs:          programs{w},
	}
	if w.options.InitMode == 0 && w.choose.Chance(w.o.Stranger/2, tape.Stranger) {
		w.adopt() // of an earlier program of this process
	}
	w.beginTargets(&hooks)
	var err error
	if d.driver, err = osadapter.NewDriver(d.machine, w.kernel, hooks); err != nil {
		if len(w.kernel.Fired()) == 0 {
			w.fail(adapter, "boot: %v", err)
		}
		w.daemonDies()
		return
	}
	d.household = d.driver.Books()
	c, ok := w.build(&w.file)
	first := core.ConfigLoadedEvent(0, c)
	if !ok || w.choose.Chance(w.o.LoadFail/8, tape.Load) {
		c.Diagnostics = w.torn()
		first = core.ConfigRejectedEvent(0, c)
	}
	w.kernel.Odds.Fault = w.o.CallFail / 8 // a start that fails teaches little
	w.kernel.Odds.Listener = w.o.OpenFail / 8
	d.turning = true
	ending := d.driver.Boot(w.now, first)
	d.turning = false
	if ending != nil {
		w.daemonEnds()
		return
	}
	w.restOfTurn()
	if w.choose.Chance(w.o.Twice/4, tape.Operator) {
		w.signal(core.SIGHUP)
	}
}

// apply puts the settings of a configuration in force: every one has an environment of
// its own.
func (w *World) apply(c *core.Config) []string {
	w.truth.empty = len(c.Services) == 0
	w.patience.inForce = c
	d := &w.daemon
	d.applied++
	w.applyTargets()
	d.environ = []string{"LANG=C", epochs[d.applied%len(epochs)], "GENERATION=of-another"}
	return d.environ
}

var epochs = [...]string{"EPOCH=0", "EPOCH=1", "EPOCH=2", "EPOCH=3", "EPOCH=4", "EPOCH=5", "EPOCH=6"}

// checkWords holds the words and the environment that a child is given against the
// settings in force.
func (w *World) checkWords(p *kernel.Process) {
	c := w.book.Child(p.Generation)
	if c == nil {
		return
	}
	s := c.Service
	listeners := p.Listeners()
	want := s.Entry.AppendArgv(w.words[:0], listeners, s.Stressed && s.StressEnd > w.now && stressAware(s.Entry))
	w.words = want
	if !slices.Equal(want, p.Argv()) {
		w.fail("S9", "generation %d is given the words %q, should be %q", p.Generation, p.Argv(), want)
	}
	d := &w.daemon
	env := p.Environment()
	if len(env) != len(d.environ) || !slices.Equal(env[:2], d.environ[:2]) || p.Root != s.Entry.SwitchIdentity {
		w.fail("S9", "generation %d is given the environment %q, root %v; in force is %q", p.Generation, env, p.Root, d.environ)
	}
}

// planTurn lets the daemon come round at that time, or before.
func (w *World) planTurn(at core.Time) {
	d := &w.daemon
	if at = max(at, w.targets.busy); d.gone || d.turning || d.planned && d.turnAt <= at {
		return
	}
	d.planned, d.turnAt = true, at
	d.plan++
	w.schedule.Push(agenda.Due{When: at, What: agenda.TurnBegins, Arg: d.plan})
}

// turn is one round of the loop.
func (w *World) turn() {
	d := &w.daemon
	d.planned, d.turning = false, true
	n := w.kernel.PollWait(d.driver.PollSet(), d.ready[:w.o.Batch])
	w.kernel.Odds.Listener = w.o.OpenFail
	w.beginTurn()
	w.bringTargets()
	lost := w.drive(d.ready[:n])
	d.turning = false
	if lost {
		w.daemonDies()
		return
	}
	if d.driver.Ending() != nil {
		w.daemonEnds()
		return
	}
	w.checkPatience()
	w.checkTurn()
	w.checkRoot()
	w.checkHangups(d.ready[:n])
	w.restOfTurn()
}

// restOfTurn goes to the wait.
func (w *World) restOfTurn() {
	d := &w.daemon
	d.turning, w.truth.flushed = true, false
	wait, bounded := d.driver.Wait(w.now)
	d.turning = false
	w.checkWait(wait, bounded)
	w.checkTargets()
	w.audit(false)
	if bounded {
		late := w.choose.Delay(core.Duration(w.o.TimerUS)*core.Microsecond, tape.Timer)
		w.planTurn(w.now.Add(wait + late))
	}
	if w.kernel.DaemonIsReady(d.driver.PollSet()) {
		w.daemonReady()
	}
	if w.kernel.Connecting() {
		look := w.now.Add(core.Millisecond)
		w.planTurn(look)
		if w.daemon.turnAt == look {
			w.calm.begun++ // the network looks whether there is room, and nothing happens
		}
	}
}

// daemonReady: the wait ends, a moment later.
func (w *World) daemonReady() {
	if d := &w.daemon; !d.gone && !d.turning && d.driver != nil {
		w.planTurn(w.now.Add(w.choose.Delay(core.Duration(w.o.ReadyDelayUS)*core.Microsecond, tape.Turn)))
	}
}

// wake makes the daemon look into its mailbox.
func (w *World) wake() {
	if !w.daemon.gone {
		w.kernel.WakerWake(w.daemon.driver.Waker())
	}
}

// signal sends a signal to the daemon.
func (w *World) signal(s core.Signal) {
	if s == core.SIGHUP {
		w.daemon.box.mail.Hangup = true
	} else {
		w.daemon.box.mail.Signal = s
	}
	w.wake()
}

// Stepped is osadapter.Observer: it judges what the machine did.
func (w *World) Stepped(now core.Time, ev core.Event, actions []core.Action) {
	if w.tamper != nil {
		actions = w.tamper(&ev, append([]core.Action(nil), actions...))
	}
	w.stepsOfMachine++
	w.notSpinning()
	if w.trace != nil {
		w.trace.Add(witness.Record{Kind: witness.RecordEvent, Step: w.stepsOfMachine, Now: now, Event: ev})
		for i := range actions {
			w.trace.Add(witness.Record{Kind: witness.RecordAction, Step: w.stepsOfMachine, Now: now, Action: actions[i]})
		}
	}
	w.hashEvent(&ev)
	w.hashActions(actions)
	w.cover(&ev)
	if w.twin != nil {
		w.compareTwin(&ev, actions)
	}
	if w.observer != nil {
		if err := w.observer.Observe(now, ev, actions, w.daemon.machine); err != nil {
			w.fail("model", "%v", err)
		}
	}
	w.broken(w.book.Step(now, &ev, actions, w.daemon.machine))
	w.checkEvent(&ev)
	w.checkActions(actions)
	w.coverActions(actions)
}

// Done is osadapter.Observer.
func (w *World) Done(answers int) {
	w.checkDone()
	w.checkWarning()
	if w.daemon.commits {
		w.daemon.commits = false
		w.hearListeners(true)
		w.meetCommit()
		w.moved = w.moved[:0]
	}
	if w.failure != nil {
		return
	}
	if w.stepsOfMachine%uint64(w.options.Sweep) == 0 && answers == 0 {
		w.sweep()
	}
	if w.options.Twin > 1 && w.stepsOfMachine == uint64(w.options.Twin) {
		w.makeTwin()
	}
}

// sweep holds the machine's own view against the book.
func (w *World) sweep() {
	w.lookRound()
	if w.failure == nil && !w.daemon.gone && w.daemon.driver.Ending() == nil {
		w.broken(w.book.Sweep(w.daemon.machine))
	}
}

// runaway ends a run that would never end.
type runaway struct{}

// instantLimit bounds the steps of the machine at one instant: a bound against
// livelock. The world itself brings fewer.
const instantLimit = 4000

func (w *World) notSpinning() {
	if w.now != w.instant {
		w.instant, w.atInstant = w.now, 0
	}
	w.atInstant++
	if w.atInstant > instantLimit {
		w.fail("L9", "more than %d events at one instant", instantLimit)
	}
	if w.atInstant > 2*instantLimit { // nobody looks at L9, and it would go on for ever
		panic(runaway{})
	}
}

// logged is osadapter.Hooks.Log.
func (w *World) logged(level core.Level, text string) {
	if w.targets.lines != nil {
		w.targets.lines.Line(level, text)
	}
	w.memory.line(text)
	w.truth.line(level, text)
	w.checkComplaint(text)
	if w.hears != nil {
		w.hears(level, text)
	}
}

// flush hands over lines that are kept: sometimes nobody takes them yet.
func (w *World) flush() bool {
	w.truth.flushed = true
	if l := w.targets.lines; l != nil {
		w.truth.kept = !l.Flush()
	} else {
		w.truth.kept = w.choose.Chance(w.o.Kept, tape.Turn)
	}
	return !w.truth.kept
}

// beginLoad reads the file now or when the answer is due.
func (w *World) beginLoad(r core.Request) {
	w.request, w.loading = r, w.file
	w.calm.loads++
	if w.choose.Below(2, tape.Load) == 0 {
		w.loading.Version = 0 // at the answer
	}
	w.after(w.choose.Delay(core.Duration(w.o.LoadDelayMS)*core.Millisecond, tape.Load), agenda.LoadAnswered, 0, 0)
}

func (w *World) answerLoad() {
	f := &w.loading
	if f.Version == 0 {
		*f = w.file
	}
	c, ok := w.build(f)
	w.loaded = c
	ev := core.ConfigLoadedEvent(w.request, c)
	if !ok || w.choose.Chance(w.o.LoadFail, tape.Load) {
		c.Diagnostics = w.torn()
		ev = core.ConfigRejectedEvent(w.request, c)
	}
	w.daemon.box.mail.Events = append(w.daemon.box.mail.Events, ev)
	w.wake()
}

// lookPause is how long whoever waits for the ends of children rests between two
// looks.
const lookPause = 20 * core.Millisecond

// someoneEnded comes with every end of a process: SIGCHLD, if that is delivered, or a
// look at who has ended, after a while.
func (w *World) someoneEnded() {
	d := &w.daemon
	if d.gone || d.looking || !d.catches && !w.kernel.HasChildren() {
		return
	}
	pause := lookPause
	if d.catches {
		pause = 0
	}
	d.looking = true
	w.after(pause+w.choose.Delay(core.Duration(w.o.ReapDelayUS)*core.Microsecond, tape.Reap), agenda.EndsNoticed, 0, 0)
}

// noticeEnds tells the daemon, and looks again while somebody is left.
func (w *World) noticeEnds() {
	d := &w.daemon
	d.looking = false
	if d.gone || !w.kernel.SomebodyEnded() {
		return
	}
	d.box.mail.Ends = true
	w.wake()
	d.looking = true
	w.after(lookPause, agenda.EndsNoticed, 0, 0)
}

// programs are those beside the daemon: none runs, but one may just be started.
type programs struct{ w *World }

// Exclude is osadapter.Programs.
func (p programs) Exclude() bool {
	w := p.w
	if !w.choose.Chance(w.o.SweepRefused, tape.Reap) {
		return true
	}
	w.truth.refused = true
	w.after(core.Millisecond, agenda.ProgramStarted, 0, 0)
	return false
}

// Admit is osadapter.Programs.
func (programs) Admit() {}

// Claim is osadapter.Programs.
func (programs) Claim(*sys.Reaped) bool { return false }

// daemonEnds is the end of the daemon's process.
func (w *World) daemonEnds() {
	w.checkEnding(w.daemon.driver.Ending())
	w.endTargets()
	for _, p := range w.kernel.Processes() {
		if p.Executing && !w.servers[p.Slot].condemned && !w.kernel.FailedKill() {
			w.fail("L5", "the start of generation %d is left under way", p.Generation)
		}
	}
	if !w.kernel.ChangeFailed() { // else one may be owed since the last wait
		w.audit(true)
	}
	w.daemonDies()
}

// daemonDies ends the daemon's process: nobody is left who reaps its children.
func (w *World) daemonDies() {
	w.daemon.gone, w.daemon.turning = true, false
	w.cutOff(0)
	w.closing = witness.ClientLost
	w.kernel.CloseDaemon()
	w.kernel.ReapAll()
	for _, p := range w.kernel.Processes() {
		if p.Orphan {
			w.kernel.Exit(p, 0)
		}
	}
	w.kernel.ReapAll()
}
