// Package calm is the layer of a simulated world with its second phase, in which faults are
// off and the laws of liveness hold, and with the production log and journal of the runs
// that have one (targets.go).
package calm

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/judge"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/audit"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// World is the world with its second phase, and with the production log and journal of
// the runs that have one.
type World struct {
	judge.World
	Targets targets
}

// Reset begins a run.
func (w *World) Reset(o options.Options) {
	w.World.Reset(o)
	w.Targets = targets{}
}

// The quiet world of the second phase.
const (
	calmSettle  = 3 * core.Second       // what was under way comes to its end
	calmStart   = 50 * core.Millisecond // a look at who has ended, which comes after 20 ms, a start, a wake-up, an accept
	calmSilence = options.QuietIdleMS*core.Millisecond + core.Second
	Limit       = 60000 // things that may happen in the second phase
)

// The stages.
const (
	stageSettle int32 = iota
	stageServe
	stageReload
	stageAgain // the second hangup, within the load of the first
	stageServeAgain
	stageSilence
	stageQuiet
	stageEnd
)

// The laws that are looked at later, as arguments of lawChecked.
const (
	lawRemoval int32 = iota
	lawRetired
	lawEnd
)

// pace is how fast everything is in the second phase.
var pace = laws.Pace{Start: calmStart, Serve: options.QuietServiceMS * core.Millisecond, Idle: calmSilence}

// EndFaults begins the second phase. Whoever does not behave well is killed, whoever
// was stopped goes on.
func (w *World) EndFaults() {
	if w.Options.Calm == 0 && !w.Daemon.Gone {
		w.Audit(true)
		w.Over = true
		return
	}
	w.Sweep()
	w.Note(witness.FaultsEnd, stage.Noted{})
	w.Calm = stage.Calm{On: true, Begun: w.Steps}
	w.O = w.Options.Quiet()
	w.Kernel.PIDs, w.Kernel.Limit, w.Kernel.Odds = kernel.MaxProcesses, w.OpenFiles(), fault.Odds{}
	w.Kernel.EndFaults()
	w.File.Bad = mastercf.Sound
	w.File.Version++
	for slot := range int32(kernel.MaxProcesses) {
		s := &w.Servers[slot]
		switch {
		case s.P == nil || !s.P.Alive() || s.P.Orphan:
		case s.P.Executing: // the disk is back
			w.ExecEnds(slot, 0)
			w.SignalArrives(slot, core.SIGKILL)
		case !s.Good || s.P.StatusOf() == nil:
			w.SignalArrives(slot, core.SIGKILL)
		case s.P.Stopped:
			w.ContinueProcess(slot)
		}
	}
	for ref := range w.Descendants {
		w.DescendantEnds(int32(ref))
	}
	w.mendTargets()
	if w.Daemon.Gone {
		w.BeginEnd()
		return
	}
	w.PlanTurn(w.Now)
	w.expectAll()
	w.After(calmSettle, agenda.CalmStep, stageServe, 0)
}

// Settled: nothing is scheduled any more.
func (w *World) Settled() {
	if !w.Calm.On {
		w.EndFaults()
		return
	}
	w.Over = true
}

// CalmStage goes through the stages. None begins while a reload is under way.
func (w *World) CalmStage(next int32) {
	if w.Daemon.Gone {
		return
	}
	loading, opening := w.Book.Reloading()
	if (loading || opening) && next != stageAgain {
		w.Calm.Postpone++
		if w.Calm.Postpone > 20 {
			w.Broken(w.Book.EndlessReload())
		}
		w.After(core.Second, agenda.CalmStep, next, 0)
		return
	}
	w.Note(witness.CalmStage, stage.Noted{Number: int64(next)})
	w.Calm.Stage, w.Calm.Postpone = next, 0
	switch next {
	case stageServe:
		w.sendClients()
		w.After(w.longestPatience()+core.Second, agenda.CalmStep, stageReload, 0)
	case stageReload:
		w.calmReload()
		w.After(core.Duration(1+w.Choose.Below(3, tape.Operator))*core.Millisecond, agenda.CalmStep, stageAgain, 0)
	case stageAgain:
		w.calmReloadAgain()
		w.After(core.Second, agenda.CalmStep, stageServeAgain, 0)
	case stageServeAgain:
		w.Broken(w.Book.Reloaded(w.Loading.Version == w.File.Version && w.Book.Config() == w.Loaded, w.Calm.Loads))
		w.sendClients()
		w.After(w.longestPatience()+2*judge.RemovalGrace+core.Second, agenda.CalmStep, stageSilence, 0)
	case stageSilence:
		w.After(calmSilence, agenda.CalmStep, stageQuiet, 0)
	case stageQuiet:
		w.Broken(w.Book.Silence(w.Now, calmSilence, w.living()))
		w.Sweep()
		w.Audit(true)
		w.checkRestedTargets()
		w.After(core.Second, agenda.CalmStep, stageEnd, 0)
	case stageEnd:
		w.OperatorSignals(core.SIGTERM)
	}
}

// living are the children that live, as laws ask for them.
func (w *World) living() []laws.Process {
	w.Calm.Living = w.Calm.Living[:0]
	for slot := range w.Servers {
		s := &w.Servers[slot]
		if s.P != nil && s.P.Alive() && !s.P.Orphan {
			w.Calm.Living = append(w.Calm.Living, laws.Process{Service: s.Service, Generation: s.P.Generation, BusyUntil: s.BusyUntil, Blocked: s.Locking})
		}
	}
	return w.Calm.Living
}

// sendClients lets one client come to every listener of every service that clients
// can find. Of several services that want one path, the last that opened it has it.
func (w *World) sendClients() {
	w.HearListeners(false)
	books := w.Daemon.Driver.Books()
	if len(books.Owed) > 0 {
		w.Fail(stage.Adapter, "owed: %v could be put back, and was not", books.Owed)
	}
	for i := range books.Listeners {
		l := &books.Listeners[i]
		s := w.Book.Service(l.Service)
		if s == nil || s.Life != laws.Active || l.Listener.Endpoint.Path != "" && audit.Displaced(&books, l) {
			continue
		}
		if e := w.Connect(s.Entry.Type, mastercf.Reachable(l.Listener.Endpoint)); e != 0 && e != core.EAGAIN {
			w.Fail("L1", "a client of service %d is refused at %s: %s", l.Service, l.Listener.Endpoint, e)
		}
	}
	w.expectAll()
}

func (w *World) longestPatience() core.Duration {
	d := core.Duration(0)
	for _, s := range w.Book.Active() {
		d = max(d, w.Book.Patience(s, pace, w.living(), w.WaitingAt(s.ID)))
	}
	return d
}

// expectAll notes by when the oldest client of each listener must be taken.
func (w *World) expectAll() {
	for id := range w.Ears {
		for n := range w.Ears[id] {
			w.expectService(core.ServiceID(id), n)
		}
	}
}

// Took does so for a listener from which a server has taken a client.
func (w *World) Took(l *object.Description) {
	if !w.Calm.On {
		return
	}
	for id := range w.Ears {
		for n := range w.Ears[id] {
			if w.Ears[id][n] == l {
				w.expectService(core.ServiceID(id), n)
			}
		}
	}
}

// expectService notes by when the oldest client of a listener must be taken.
func (w *World) expectService(id core.ServiceID, n int) {
	l := w.Ears[id][n]
	if !w.Calm.On || w.Daemon.Gone || l == nil || !l.HasClient() {
		return
	}
	s := w.Book.Service(id)
	if s == nil || s.Life != laws.Active {
		return
	}
	patience := w.Book.Patience(s, pace, w.living(), w.WaitingAt(id))
	w.After(patience, agenda.PatienceEnds, int32(id)*options.MaxListen+int32(n), int32(l.Taken())<<3|w.Calm.Stage)
}

// PatienceEnds: the client that was the oldest then must not wait any more.
// While things still settle, what happened since excuses.
func (w *World) PatienceEnds(ref, arg int32) {
	id, n := core.ServiceID(ref/options.MaxListen), int(ref%options.MaxListen)
	if w.Daemon.Gone || int(id) >= len(w.Ears) {
		return
	}
	l := w.Ears[id][n]
	s := w.Book.Service(id)
	if l == nil || s == nil || s.Life != laws.Active || !l.HasClient() || int32(l.Taken()) != arg>>3 {
		return
	}
	if w.Book.HeldBack(s, w.Now, calmSilence) || unsettled(arg&7) || unsettled(w.Calm.Stage) {
		w.expectService(id, n) // who was held back has a child, and must share what is left
		return
	}
	w.Broken(w.Book.StillWaits(s))
}

// unsettled reports whether something else than clients is going on.
func unsettled(stage int32) bool {
	return stage < stageServe || stage == stageReload || stage == stageAgain
}

// calmReload removes a service, some of whose children will not listen to
// SIGTERM, and reloads.
func (w *World) calmReload() {
	w.Calm.Loads = 0
	at := w.Choose.Below(options.MaxEntries, tape.Operator)
	for i := range uint32(options.MaxEntries) {
		n := (at + i) % options.MaxEntries
		if w.File.Entries[n].Present && w.Choose.Below(2, tape.Operator) == 0 {
			w.File.Entries[n].Present = false
			w.Calm.Back = int(n) + 1
			break
		}
	}
	if w.Choose.Below(2, tape.Operator) == 1 {
		for i := range w.Servers {
			w.Servers[i].Deaf = true
		}
	}
	w.File.Version++
	w.After(2*judge.RemovalGrace, agenda.LawChecked, lawRemoval, int32(w.Book.Epoch())+1)
	longest := core.Duration(0)
	for _, p := range w.living() {
		longest = max(longest, p.BusyUntil.Sub(w.Now))
	}
	w.After(longest+core.Second, agenda.LawChecked, lawRetired, int32(w.Book.Generation())+1)
	w.Signal(core.SIGHUP)
}

// calmReloadAgain edits the file once more, and hangs up twice.
func (w *World) calmReloadAgain() {
	if w.Calm.Back > 0 && w.Choose.Below(2, tape.Operator) == 1 {
		w.File.Entries[w.Calm.Back-1].Present = true
	}
	if d := w.SomeEntry(); d != nil {
		d.Args++
	}
	w.File.Version++
	w.Signal(core.SIGHUP)
	w.After(core.Duration(w.Choose.Below(3, tape.Operator))*core.Millisecond/2, agenda.DaemonSignaled, 0, int32(core.SIGHUP))
}

// CheckLaw looks at a bound that is over.
func (w *World) CheckLaw(law, arg int32) {
	if w.Daemon.Gone && law != lawEnd {
		return
	}
	switch law {
	case lawRemoval:
		w.Broken(w.Book.RemovedLive(core.Epoch(arg)))
	case lawRetired:
		w.Broken(w.Book.OldLive(core.Generation(arg), w.living()))
	case lawEnd:
		w.Broken(w.Book.Outlived(w.living()))
		w.LeftOvers()
		w.Over = true
	}
}

// BeginEnd: the daemon's process is gone, and with it its ends of all
// channels. An operator kills whoever does not behave.
func (w *World) BeginEnd() {
	w.Calm.Ending = true
	bound := core.Duration(0)
	for slot := range int32(kernel.MaxProcesses) {
		s := &w.Servers[slot]
		switch {
		case s.P == nil || !s.P.Alive():
		case s.P.Executing:
			w.ExecEnds(slot, 0)
			w.SignalArrives(slot, core.SIGKILL)
		case !s.Good || s.Deaf || len(s.P.FDs) <= wire.StatusFD || s.P.StatusOf() == nil || s.P.Stopped:
			w.SignalArrives(slot, core.SIGKILL)
		case !w.Kernel.GroupKilled():
			bound = max(bound, s.BusyUntil.Sub(w.Now))
		}
	}
	w.After(bound+core.Second, agenda.LawChecked, lawEnd, 0)
}
