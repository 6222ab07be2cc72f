package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/audit"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// The quiet world of the second phase.
const (
	calmSettle  = 3 * core.Second       // what was under way comes to its end
	calmStart   = 20 * core.Millisecond // a start, a wake-up, an accept
	calmSilence = options.QuietIdleMS*core.Millisecond + core.Second
	calmLimit   = 60000 // things that may happen in the second phase
)

// calm is the second phase: faults are off, and everything must become good
// within its bound.
type calm struct {
	on       bool
	ending   bool
	stage    int32
	begun    uint64 // steps before it, and those that only look whether a connection has room
	postpone int32
	loads    int // configurations asked for since the reloads of stageReload
	back     int // entry that comes back, plus one
	living   []laws.Process
}

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

// endFaults begins the second phase. Whoever does not behave well is killed, whoever
// was stopped goes on.
func (w *World) endFaults() {
	if w.options.Calm == 0 && !w.daemon.gone {
		w.audit(true)
		w.over = true
		return
	}
	w.sweep()
	w.note(witness.FaultsEnd, noted{})
	w.calm = calm{on: true, begun: w.steps}
	w.o = w.options.Quiet()
	w.kernel.PIDs, w.kernel.Limit, w.kernel.Odds = kernel.MaxProcesses, w.openFiles(), fault.Odds{}
	w.kernel.EndFaults()
	w.file.Bad = mastercf.Sound
	w.file.Version++
	for slot := range int32(kernel.MaxProcesses) {
		s := &w.servers[slot]
		switch {
		case s.p == nil || !s.p.Alive() || s.p.Orphan:
		case s.p.Executing: // the disk is back
			w.execEnds(slot, 0)
			w.signalArrives(slot, core.SIGKILL)
		case !s.good || s.p.StatusOf() == nil:
			w.signalArrives(slot, core.SIGKILL)
		case s.p.Stopped:
			w.continueProcess(slot)
		}
	}
	for ref := range w.descendants {
		w.descendantEnds(int32(ref))
	}
	w.mendTargets()
	if w.daemon.gone {
		w.beginEnd()
		return
	}
	w.planTurn(w.now)
	w.expectAll()
	w.after(calmSettle, agenda.CalmStep, stageServe, 0)
}

// settled: nothing is scheduled any more.
func (w *World) settled() {
	if !w.calm.on {
		w.endFaults()
		return
	}
	w.over = true
}

// calmStage goes through the stages. None begins while a reload is under way.
func (w *World) calmStage(stage int32) {
	if w.daemon.gone {
		return
	}
	loading, opening := w.book.Reloading()
	if (loading || opening) && stage != stageAgain {
		w.calm.postpone++
		if w.calm.postpone > 20 {
			w.broken(w.book.EndlessReload())
		}
		w.after(core.Second, agenda.CalmStep, stage, 0)
		return
	}
	w.note(witness.CalmStage, noted{Number: int64(stage)})
	w.calm.stage, w.calm.postpone = stage, 0
	switch stage {
	case stageServe:
		w.sendClients()
		w.after(w.longestPatience()+core.Second, agenda.CalmStep, stageReload, 0)
	case stageReload:
		w.calmReload()
		w.after(core.Duration(1+w.choose.Below(3, tape.Operator))*core.Millisecond, agenda.CalmStep, stageAgain, 0)
	case stageAgain:
		w.calmReloadAgain()
		w.after(core.Second, agenda.CalmStep, stageServeAgain, 0)
	case stageServeAgain:
		w.broken(w.book.Reloaded(w.loading.Version == w.file.Version && w.book.Config() == w.loaded, w.calm.loads))
		w.sendClients()
		w.after(w.longestPatience()+2*removalGrace+core.Second, agenda.CalmStep, stageSilence, 0)
	case stageSilence:
		w.after(calmSilence, agenda.CalmStep, stageQuiet, 0)
	case stageQuiet:
		w.broken(w.book.Silence(w.now, calmSilence, w.living()))
		w.sweep()
		w.audit(true)
		w.checkRestedTargets()
		w.after(core.Second, agenda.CalmStep, stageEnd, 0)
	case stageEnd:
		w.operatorSignals(core.SIGTERM)
	}
}

// living are the children that live, as laws ask for them.
func (w *World) living() []laws.Process {
	w.calm.living = w.calm.living[:0]
	for slot := range w.servers {
		s := &w.servers[slot]
		if s.p != nil && s.p.Alive() && !s.p.Orphan {
			w.calm.living = append(w.calm.living, laws.Process{Service: s.service, Generation: s.p.Generation, BusyUntil: s.busyUntil, Blocked: s.locking})
		}
	}
	return w.calm.living
}

// sendClients lets one client come to every listener of every service that clients
// can find. Of several services that want one path, the last that opened it has it.
func (w *World) sendClients() {
	w.hearListeners(false)
	books := w.daemon.driver.Books()
	if len(books.Owed) > 0 {
		w.fail(adapter, "owed: %v could be put back, and was not", books.Owed)
	}
	for i := range books.Listeners {
		l := &books.Listeners[i]
		s := w.book.Service(l.Service)
		if s == nil || s.Life != laws.Active || l.Listener.Endpoint.Path != "" && audit.Displaced(&books, l) {
			continue
		}
		if e := w.connect(s.Entry.Type, mastercf.Reachable(l.Listener.Endpoint)); e != 0 && e != core.EAGAIN {
			w.fail("L1", "a client of service %d is refused at %s: %s", l.Service, l.Listener.Endpoint, e)
		}
	}
	w.expectAll()
}

func (w *World) longestPatience() core.Duration {
	d := core.Duration(0)
	for _, s := range w.book.Active() {
		d = max(d, w.book.Patience(s, pace, w.living(), w.waitingAt(s.ID)))
	}
	return d
}

// expectAll notes by when the oldest client of each listener must be taken.
func (w *World) expectAll() {
	for id := range w.ears {
		for n := range w.ears[id] {
			w.expectService(core.ServiceID(id), n)
		}
	}
}

// expectMore does so for a listener from which somebody has taken a client.
func (w *World) expectMore(l *object.Description) {
	if !w.calm.on {
		return
	}
	for id := range w.ears {
		for n := range w.ears[id] {
			if w.ears[id][n] == l {
				w.expectService(core.ServiceID(id), n)
			}
		}
	}
}

// expectService notes by when the oldest client of a listener must be taken.
func (w *World) expectService(id core.ServiceID, n int) {
	l := w.ears[id][n]
	if !w.calm.on || w.daemon.gone || l == nil || !l.HasClient() {
		return
	}
	s := w.book.Service(id)
	if s == nil || s.Life != laws.Active {
		return
	}
	patience := w.book.Patience(s, pace, w.living(), w.waitingAt(id))
	w.after(patience, agenda.PatienceEnds, int32(id)*options.MaxListen+int32(n), int32(l.Taken())<<3|w.calm.stage)
}

// patienceEnds: the client that was the oldest then must not wait any more.
// While things still settle, what happened since excuses.
func (w *World) patienceEnds(ref, arg int32) {
	id, n := core.ServiceID(ref/options.MaxListen), int(ref%options.MaxListen)
	if w.daemon.gone || int(id) >= len(w.ears) {
		return
	}
	l := w.ears[id][n]
	s := w.book.Service(id)
	if l == nil || s == nil || s.Life != laws.Active || !l.HasClient() || int32(l.Taken()) != arg>>3 {
		return
	}
	if w.book.HeldBack(s, w.now, calmSilence) || unsettled(arg&7) || unsettled(w.calm.stage) {
		w.expectService(id, n) // who was held back has a child, and must share what is left
		return
	}
	w.broken(w.book.StillWaits(s))
}

// unsettled reports whether something else than clients is going on.
func unsettled(stage int32) bool {
	return stage < stageServe || stage == stageReload || stage == stageAgain
}

// removalGrace is how long children of removed services have.
const removalGrace = 5 * core.Second

// calmReload removes a service, some of whose children will not listen to
// SIGTERM, and reloads.
func (w *World) calmReload() {
	w.calm.loads = 0
	at := w.choose.Below(options.MaxEntries, tape.Operator)
	for i := range uint32(options.MaxEntries) {
		n := (at + i) % options.MaxEntries
		if w.file.Entries[n].Present && w.choose.Below(2, tape.Operator) == 0 {
			w.file.Entries[n].Present = false
			w.calm.back = int(n) + 1
			break
		}
	}
	if w.choose.Below(2, tape.Operator) == 1 {
		for i := range w.servers {
			w.servers[i].deaf = true
		}
	}
	w.file.Version++
	w.after(2*removalGrace, agenda.LawChecked, lawRemoval, int32(w.book.Epoch())+1)
	longest := core.Duration(0)
	for _, p := range w.living() {
		longest = max(longest, p.BusyUntil.Sub(w.now))
	}
	w.after(longest+core.Second, agenda.LawChecked, lawRetired, int32(w.book.Generation())+1)
	w.signal(core.SIGHUP)
}

// calmReloadAgain edits the file once more, and hangs up twice.
func (w *World) calmReloadAgain() {
	if w.calm.back > 0 && w.choose.Below(2, tape.Operator) == 1 {
		w.file.Entries[w.calm.back-1].Present = true
	}
	if d := w.someEntry(); d != nil {
		d.Args++
	}
	w.file.Version++
	w.signal(core.SIGHUP)
	w.after(core.Duration(w.choose.Below(3, tape.Operator))*core.Millisecond/2, agenda.DaemonSignaled, 0, int32(core.SIGHUP))
}

// checkLaw looks at a bound that is over.
func (w *World) checkLaw(law, arg int32) {
	if w.daemon.gone && law != lawEnd {
		return
	}
	switch law {
	case lawRemoval:
		w.broken(w.book.RemovedLive(core.Epoch(arg)))
	case lawRetired:
		w.broken(w.book.OldLive(core.Generation(arg), w.living()))
	case lawEnd:
		w.broken(w.book.Outlived(w.living()))
		w.leftOvers()
		w.over = true
	}
}

// beginEnd: the daemon's process is gone, and with it its ends of all
// channels. An operator kills whoever does not behave.
func (w *World) beginEnd() {
	w.calm.ending = true
	bound := core.Duration(0)
	for slot := range int32(kernel.MaxProcesses) {
		s := &w.servers[slot]
		switch {
		case s.p == nil || !s.p.Alive():
		case s.p.Executing:
			w.execEnds(slot, 0)
			w.signalArrives(slot, core.SIGKILL)
		case !s.good || s.deaf || len(s.p.FDs) <= wire.StatusFD || s.p.StatusOf() == nil || s.p.Stopped:
			w.signalArrives(slot, core.SIGKILL)
		case !w.kernel.GroupKilled():
			bound = max(bound, s.busyUntil.Sub(w.now))
		}
	}
	w.after(bound+core.Second, agenda.LawChecked, lawEnd, 0)
}
