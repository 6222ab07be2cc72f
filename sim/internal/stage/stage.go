// Package stage is what all parts of a simulated world stand on: its time and choices, the
// kernel, the daemon as others reach it, and the first finding of a run.
//
// A world is made in layers, each a package with a type World that embeds the World of the
// layer below: clients, servers, operator, judge, calm. Whoever is below knows nothing of
// whoever is above. Package sim is the top.
package stage

import (
	"fmt"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/audit"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// World is what every part of a world stands on: time, choices, the kernel, the daemon
// as others reach it, and the finding of the run.
type World struct {
	// Only, if not empty, names the invariants that are looked at: what the
	// others say is passed over. It is for measuring what each of them finds.
	Only []string
	// Coverage counts over all runs of this world.
	Coverage witness.Coverage

	Choose  tape.Chooser
	Options options.Options // of the run
	O       options.Options // in force: options, then the quiet ones
	Now     core.Time
	Trace   *witness.Trace

	Kernel *kernel.Kernel
	Daemon Daemon
	Book   laws.Book

	StepsOfMachine uint64
	Steps          uint64
	Failure        *witness.Failure
	Over           bool
	Calm           Calm

	Schedule agenda.Agenda
	Lives    [kernel.MaxProcesses]uint32 // of the process slots
}

// Reset begins a run.
func (w *World) Reset(o options.Options) {
	w.Options, w.O, w.Now = o, o, witness.StartOfTime
	w.StepsOfMachine, w.Steps = 0, 0
	w.Failure, w.Over = nil, false
	w.Schedule.Reset()
	w.Calm = Calm{}
	if w.Trace != nil {
		w.Trace.Records = w.Trace.Records[:0]
	}
}

// Daemon is the production driver and what Loop has around it: the wait, the mailbox
// and whoever waits for the ends of children.
type Daemon struct {
	Driver  *osadapter.Driver
	Machine *core.Machine
	Box     Mailbox
	Gone    bool // its process is
	Up      bool
	Turning bool // in the middle of a turn
	Planned bool
	Plan    int32     // number of the turn that is planned
	TurnAt  core.Time // when it begins
	Busy    core.Time // until then it waits for a disk

	Catches bool // SIGCHLD is delivered
	Looking bool // somebody waits for the end of a child, and will look

	Ready     [64]sys.PollEvent
	Household osadapter.Books // poll set, flow pipe
	Audit     audit.Auditor
	Audited   uint64          // steps at the last audit
	Facts     laws.KernelView // of the last audit
	Applied   int             // configurations that were put in force
	Environ   []string
	Wait      core.Duration // of the last wait, with bounded
	Bounded   bool
	Commits   bool // the step puts a configuration in force
}

// Mailbox is what others left for the daemon.
type Mailbox struct {
	Took  func(m *osadapter.Mail) // sees what is taken
	Mail  osadapter.Mail
	Spare []core.Event
}

// Take is osadapter.Mailbox.
func (m *Mailbox) Take() osadapter.Mail {
	mail := m.Mail
	m.Took(&mail)
	m.Mail = osadapter.Mail{Events: m.Spare[:0]}
	m.Spare = mail.Events
	return mail
}

// PlanTurn lets the daemon come round at that time, or before.
func (w *World) PlanTurn(at core.Time) {
	d := &w.Daemon
	if at = max(at, w.Daemon.Busy); d.Gone || d.Turning || d.Planned && d.TurnAt <= at {
		return
	}
	d.Planned, d.TurnAt = true, at
	d.Plan++
	w.Schedule.Push(agenda.Due{When: at, What: agenda.TurnBegins, Arg: d.Plan})
}

// DaemonReady: the wait ends, a moment later.
func (w *World) DaemonReady() {
	if d := &w.Daemon; !d.Gone && !d.Turning && d.Driver != nil {
		w.PlanTurn(w.Now.Add(w.Choose.Delay(core.Duration(w.O.ReadyDelayUS)*core.Microsecond, tape.Turn)))
	}
}

// Wake makes the daemon look into its mailbox.
func (w *World) Wake() {
	if !w.Daemon.Gone {
		w.Kernel.WakerWake(w.Daemon.Driver.Waker())
	}
}

// Signal sends a signal to the daemon.
func (w *World) Signal(s core.Signal) {
	if s == core.SIGHUP {
		w.Daemon.Box.Mail.Hangup = true
	} else {
		w.Daemon.Box.Mail.Signal = s
	}
	w.Wake()
}

// SomeoneEnded comes with every end of a process: SIGCHLD, if that is delivered, or a
// look at who has ended, after a while.
func (w *World) SomeoneEnded() {
	d := &w.Daemon
	if d.Gone || d.Looking || !d.Catches && !w.Kernel.HasChildren() {
		return
	}
	pause := lookPause
	if d.Catches {
		pause = 0
	}
	d.Looking = true
	w.After(pause+w.Choose.Delay(core.Duration(w.O.ReapDelayUS)*core.Microsecond, tape.Reap), agenda.EndsNoticed, 0, 0)
}

// NoticeEnds tells the daemon, and looks again while somebody is left.
func (w *World) NoticeEnds() {
	d := &w.Daemon
	d.Looking = false
	if d.Gone || !w.Kernel.SomebodyEnded() {
		return
	}
	d.Box.Mail.Ends = true
	w.Wake()
	d.Looking = true
	w.After(lookPause, agenda.EndsNoticed, 0, 0)
}

// lookPause is how long whoever waits for the ends of children rests between two
// looks.
const lookPause = 20 * core.Millisecond

// Fail notes the first thing that is wrong.
func (w *World) Fail(invariant, format string, args ...any) {
	if w.Failure == nil && (len(w.Only) == 0 || slices.Contains(w.Only, invariant)) {
		w.Failure = &witness.Failure{Invariant: invariant, Text: fmt.Sprintf(format, args...), Step: w.StepsOfMachine, Now: w.Now}
	}
}

// Broken notes a breach of a law.
func (w *World) Broken(b *laws.Breach) {
	if b != nil {
		w.Fail(b.Law, "%s", b.Text)
	}
}

// After schedules something; ref is no process.
func (w *World) After(delay core.Duration, what agenda.Happening, ref, arg int32) {
	w.Schedule.Push(agenda.Due{When: w.Now.Add(delay), What: what, Ref: ref, Arg: arg})
}

// Moment returns the delay, or now and then one that ends when a time of the machine is
// over, a nanosecond before or after.
func (w *World) Moment(delay core.Duration) core.Duration {
	if !w.Calm.On && !w.Daemon.Gone && w.Choose.Chance(w.O.Near, tape.Timer) {
		if when, ok := w.Daemon.Machine.Deadline(); ok && when > w.Now {
			return when.Sub(w.Now) + core.Duration(w.Choose.Below(3, tape.Timer)) - 1
		}
	}
	return delay
}

// Soon schedules something for a process; it is forgotten when that is gone.
func (w *World) Soon(delay core.Duration, what agenda.Happening, slot, arg int32) {
	w.Schedule.Push(agenda.Due{When: w.Now.Add(delay), What: what, Ref: slot, Arg: arg, Life: w.Lives[slot]})
}

// Noted is what a record of the world outside says, besides what happened.
type Noted struct {
	Service    core.ServiceID
	Generation core.Generation
	PID        core.PID
	Client     int32
	Number     int64
}

// Note counts what happens in the world outside, and keeps a record of it if
// anybody wants that.
func (w *World) Note(h witness.Happened, n Noted) {
	w.Coverage.Happened[h]++
	if w.Trace != nil {
		w.Trace.Add(witness.Record{
			Kind: witness.RecordWorld, Happened: h, Now: w.Now, Step: w.StepsOfMachine,
			Service: n.Service, Generation: n.Generation, PID: n.PID, Client: n.Client, Number: n.Number,
		})
	}
}

// Met counts a situation if the run has come to it.
func (w *World) Met(s witness.Situation, yes bool) {
	if yes {
		w.Coverage.Met[s]++
	}
}

// OpenFiles is how many files the daemon may have open, when nothing is wrong.
func (w *World) OpenFiles() int {
	if w.Options.Files > 0 {
		return int(w.Options.Files)
	}
	return UsualFiles
}

// UsualFiles is the limit on open files.
const UsualFiles = 256

// StartLimit is how long the start of a program may take.
const StartLimit = 10 * core.Second

// Names by which the adapter is reported: books that do not agree with the kernel, and
// a system call that is never right.
const (
	Adapter    = "adapter"
	SystemCall = "call"
)

// Calm is the second phase: faults are off, and everything must become good
// within its bound.
type Calm struct {
	On       bool
	Ending   bool
	Stage    int32
	Begun    uint64 // steps before it, and those that only look whether a connection has room
	Postpone int32
	Loads    int // configurations asked for since the reloads of stageReload
	Back     int // entry that comes back, plus one
	Living   []laws.Process
}

// RetryTime is how soon what is to be done again is done again, and a start under way
// looked at.
const RetryTime = 100 * core.Millisecond
