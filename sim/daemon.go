package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// boot starts the daemon with the configuration on disk.
func (w *World) boot(m core.MachineOptions) {
	d := &w.Daemon
	*d = stage.Daemon{Machine: core.New(w.Now, m), Plan: d.Plan, Audit: d.Audit, Box: stage.Mailbox{
		Took: w.Emptied,
		Mail: osadapter.Mail{Events: d.Box.Mail.Events[:0]}, Spare: d.Box.Spare[:0],
	}}
	hooks := osadapter.Hooks{
		Log:               w.logged,
		Load:              w.BeginLoad,
		Apply:             w.apply,
		Flush:             w.flush,
		Announce:          w.Announce,
		BeforeGroupSignal: func(core.Signal) { w.Truth.Ready = true },
		CatchEnds:         func() { w.Daemon.Catches = true },
		OpenFiles:         uint64(w.Kernel.Limit),
		Mailbox:           &d.Box,
		Observer:          w,
		Programs:          programs{w},
	}
	if w.Options.InitMode == 0 && w.Choose.Chance(w.O.Stranger/2, tape.Stranger) {
		w.Adopt() // of an earlier program of this process
	}
	w.BeginTargets(&hooks)
	var err error
	if d.Driver, err = osadapter.NewDriver(d.Machine, w.Kernel, hooks); err != nil {
		if len(w.Kernel.Fired()) == 0 {
			w.Fail(stage.Adapter, "boot: %v", err)
		}
		w.daemonDies()
		return
	}
	d.Household = d.Driver.Books()
	c, ok := w.Build(&w.File)
	first := core.ConfigLoadedEvent(0, c)
	if !ok || w.Choose.Chance(w.O.LoadFail/8, tape.Load) {
		c.Diagnostics = w.Torn()
		first = core.ConfigRejectedEvent(0, c)
	}
	w.Kernel.Odds.Fault = w.O.CallFail / 8 // a start that fails teaches little
	w.Kernel.Odds.Listener = w.O.OpenFail / 8
	d.Turning = true
	ending := d.Driver.Boot(w.Now, first)
	d.Turning = false
	if ending != nil {
		w.daemonEnds()
		return
	}
	w.restOfTurn()
	if w.Choose.Chance(w.O.Twice/4, tape.Operator) {
		w.Signal(core.SIGHUP)
	}
}

// apply puts the settings of a configuration in force: every one has an environment of
// its own.
func (w *World) apply(c *core.Config) []string {
	w.Truth.Empty = len(c.Services) == 0
	w.Patience.InForce = c
	d := &w.Daemon
	d.Applied++
	w.ApplyTargets()
	d.Environ = []string{"LANG=C", epochs[d.Applied%len(epochs)], "GENERATION=of-another"}
	return d.Environ
}

var epochs = [...]string{"EPOCH=0", "EPOCH=1", "EPOCH=2", "EPOCH=3", "EPOCH=4", "EPOCH=5", "EPOCH=6"}

// turn is one round of the loop.
func (w *World) turn() {
	d := &w.Daemon
	d.Planned, d.Turning = false, true
	n := w.Kernel.PollWait(d.Driver.PollSet(), d.Ready[:w.O.Batch])
	w.Kernel.Odds.Listener = w.O.OpenFail
	w.BeginTurn()
	w.BringTargets()
	lost := w.Drive(d.Ready[:n])
	d.Turning = false
	if lost {
		w.daemonDies()
		return
	}
	if d.Driver.Ending() != nil {
		w.daemonEnds()
		return
	}
	w.CheckPatience()
	w.CheckTurn()
	w.CheckRoot()
	w.CheckHangups(d.Ready[:n])
	w.restOfTurn()
}

// restOfTurn goes to the wait.
func (w *World) restOfTurn() {
	d := &w.Daemon
	d.Turning, w.Truth.Flushed = true, false
	wait, bounded := d.Driver.Wait(w.Now)
	d.Turning = false
	w.CheckWait(wait, bounded)
	w.CheckTargets()
	w.Audit(false)
	if bounded {
		late := w.Choose.Delay(core.Duration(w.O.TimerUS)*core.Microsecond, tape.Timer)
		w.PlanTurn(w.Now.Add(wait + late))
	}
	if w.Kernel.DaemonIsReady(d.Driver.PollSet()) {
		w.DaemonReady()
	}
	if w.Kernel.Connecting() {
		look := w.Now.Add(core.Millisecond)
		w.PlanTurn(look)
		if w.Daemon.TurnAt == look {
			w.Calm.Begun++ // the network looks whether there is room, and nothing happens
		}
	}
}

// Stepped is osadapter.Observer: it judges what the machine did.
func (w *World) Stepped(now core.Time, ev core.Event, actions []core.Action) {
	if w.tamper != nil {
		actions = w.tamper(&ev, append([]core.Action(nil), actions...))
	}
	w.StepsOfMachine++
	w.notSpinning()
	if w.Trace != nil {
		w.Trace.Add(witness.Record{Kind: witness.RecordEvent, Step: w.StepsOfMachine, Now: now, Event: ev})
		for i := range actions {
			w.Trace.Add(witness.Record{Kind: witness.RecordAction, Step: w.StepsOfMachine, Now: now, Action: actions[i]})
		}
	}
	w.HashEvent(&ev)
	w.HashActions(actions)
	w.Cover(&ev)
	if w.Twin != nil {
		w.CompareTwin(&ev, actions)
	}
	if w.observer != nil {
		if err := w.observer.Observe(now, ev, actions, w.Daemon.Machine); err != nil {
			w.Fail("model", "%v", err)
		}
	}
	w.Broken(w.Book.Step(now, &ev, actions, w.Daemon.Machine))
	w.CheckEvent(&ev)
	w.CheckActions(actions)
	w.CoverActions(actions)
}

// Done is osadapter.Observer.
func (w *World) Done(answers int) {
	w.CheckDone()
	w.CheckWarning()
	if w.Daemon.Commits {
		w.Daemon.Commits = false
		w.HearListeners(true)
		w.MeetCommit()
		w.Moved = w.Moved[:0]
	}
	if w.Failure != nil {
		return
	}
	if w.StepsOfMachine%uint64(w.Options.Sweep) == 0 && answers == 0 {
		w.Sweep()
	}
	if w.Options.Twin > 1 && w.StepsOfMachine == uint64(w.Options.Twin) {
		w.MakeTwin()
	}
}

// runaway ends a run that would never end.
type runaway struct{}

// instantLimit bounds the steps of the machine at one instant: a bound against
// livelock. The world itself brings fewer.
const instantLimit = 4000

func (w *World) notSpinning() {
	if w.Now != w.instant {
		w.instant, w.atInstant = w.Now, 0
	}
	w.atInstant++
	if w.atInstant > instantLimit {
		w.Fail("L9", "more than %d events at one instant", instantLimit)
	}
	if w.atInstant > 2*instantLimit { // nobody looks at L9, and it would go on for ever
		panic(runaway{})
	}
}

// logged is osadapter.Hooks.Log.
func (w *World) logged(level core.Level, text string) {
	if w.Targets.Lines != nil {
		w.Targets.Lines.Line(level, text)
	}
	w.Memory.Line(text)
	w.Truth.Line(level, text)
	w.CheckComplaint(text)
	if w.hears != nil {
		w.hears(level, text)
	}
}

// flush hands over lines that are kept: sometimes nobody takes them yet.
func (w *World) flush() bool {
	w.Truth.Flushed = true
	if l := w.Targets.Lines; l != nil {
		w.Truth.Kept = !l.Flush()
	} else {
		w.Truth.Kept = w.Choose.Chance(w.O.Kept, tape.Turn)
	}
	return !w.Truth.Kept
}

// programs are those beside the daemon: none runs, but one may just be started.
type programs struct{ w *World }

// Exclude is osadapter.Programs.
func (p programs) Exclude() bool {
	w := p.w
	if !w.Choose.Chance(w.O.SweepRefused, tape.Reap) {
		return true
	}
	w.Truth.Refused = true
	w.After(core.Millisecond, agenda.ProgramStarted, 0, 0)
	return false
}

// Admit is osadapter.Programs.
func (programs) Admit() {}

// Claim is osadapter.Programs.
func (programs) Claim(*sys.Reaped) bool { return false }

// daemonEnds is the end of the daemon's process.
func (w *World) daemonEnds() {
	w.CheckEnding(w.Daemon.Driver.Ending())
	w.EndTargets()
	for _, p := range w.Kernel.Processes() {
		if p.Executing && !w.Servers[p.Slot].Condemned && !w.Kernel.FailedKill() {
			w.Fail("L5", "the start of generation %d is left under way", p.Generation)
		}
	}
	if !w.Kernel.ChangeFailed() { // else one may be owed since the last wait
		w.Audit(true)
	}
	w.daemonDies()
}

// daemonDies ends the daemon's process: nobody is left who reaps its children.
func (w *World) daemonDies() {
	w.Daemon.Gone, w.Daemon.Turning = true, false
	w.CutOff(0)
	w.Closing = witness.ClientLost
	w.Kernel.CloseDaemon()
	w.Kernel.ReapAll()
	for _, p := range w.Kernel.Processes() {
		if p.Orphan {
			w.Kernel.Exit(p, 0)
		}
	}
	w.Kernel.ReapAll()
}
