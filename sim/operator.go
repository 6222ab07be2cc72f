package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// nextOperator schedules the operator's next act.
func (w *World) nextOperator() {
	if w.o.OperatorMS > 0 {
		mean := core.Duration(w.o.OperatorMS) * core.Millisecond
		w.after(w.moment(w.choose.Pause(4*mean, tape.Operator)), agenda.OperatorActs, 0, 0)
	}
}

// operate is one act: mostly an edit and a reload.
func (w *World) operate() {
	if w.calm.on {
		return
	}
	switch {
	case w.choose.Below(8, tape.Operator) == 0: // thinks better of it
	case w.choose.Chance(w.o.Shutdown, tape.Operator):
		signals := [6]core.Signal{core.SIGTERM, core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV}
		w.operatorSignals(signals[w.choose.Below(6, tape.Operator)])
	case w.choose.Chance(w.o.KillChild, tape.Operator):
		if slot := w.someProcess(); slot >= 0 {
			signals := [4]core.Signal{core.SIGKILL, core.SIGTERM, core.SIGSEGV, core.SIGKILL}
			w.kill(slot, signals[w.choose.Below(4, tape.Operator)])
		}
	case w.choose.Chance(w.o.StopChild, tape.Operator):
		if slot := w.someProcess(); slot >= 0 {
			w.stopProcess(slot, core.Millisecond+w.choose.Delay(60*core.Second, tape.Operator))
		}
	case w.choose.Chance(w.o.OddSignal, tape.Operator):
		w.operatorSignals(core.Signal(10 + w.choose.Below(3, tape.Operator)))
	case w.choose.Chance(w.o.Leap, tape.Operator):
		span := w.choose.Delay(5*3600*core.Second, tape.Operator)
		w.leap(span)
	case w.choose.Chance(w.o.FewFiles, tape.Operator):
		w.limitFiles()
	case w.choose.Chance(w.o.Outage, tape.Operator):
		w.kernel.EndFaults()
		switch w.choose.Below(24, tape.Operator) {
		case 0, 1, 2, 3, 4, 5, 6, 7:
		case 8:
			w.kernel.OutageOfRoot()
		default:
			w.kernel.Outage()
		}
	default:
		w.edit()
		w.reload()
	}
	w.nextOperator()
}

// reload sends a hangup, or two.
func (w *World) reload() {
	w.note(witness.OperatorReloads, noted{})
	w.signal(core.SIGHUP)
	if w.choose.Chance(w.o.Twice, tape.Operator) {
		if w.choose.Below(2, tape.Operator) == 1 {
			w.edit()
		}
		w.after(w.choose.Delay(20*core.Millisecond, tape.Operator), agenda.DaemonSignaled, 0, int32(core.SIGHUP))
	}
}

func (w *World) operatorSignals(s core.Signal) {
	w.note(witness.OperatorSignals, noted{Number: int64(s)})
	w.signal(s)
}

// someProcess returns a living child, or -1.
func (w *World) someProcess() int32 {
	first := w.choose.Below(16, tape.Operator)
	for i := range uint32(kernel.MaxProcesses) {
		slot := int32((first + i) % kernel.MaxProcesses)
		if p := w.kernel.Process(slot); p.Alive() && !p.Orphan {
			return slot
		}
	}
	return -1
}

// edit changes the file on disk in the ways that are possible in this run.
func (w *World) edit() {
	f := &w.file
	f.Bad = mastercf.Sound
	rounds := uint32(1)
	if w.choose.Below(4, tape.Operator) == 3 {
		rounds += w.choose.Below(5, tape.Operator)
	}
	for range rounds {
		w.editOnce()
	}
	if w.choose.Chance(w.o.EditBad, tape.Operator) {
		f.Bad = mastercf.Badness(1 + w.choose.Below(uint32(mastercf.Badnesses)-1, tape.Operator))
	}
	f.Clears = w.choose.Chance(w.o.ClearThrottle, tape.Operator)
	f.Version++
	w.note(witness.OperatorEdited, noted{Number: int64(f.Version)})
}

// editOnce makes the changes of one sitting.
func (w *World) editOnce() {
	if w.choose.Chance(w.o.EditService, tape.Operator) {
		w.editService()
	}
	if w.choose.Chance(w.o.EditLimit, tape.Operator) {
		if d := w.someEntry(); d != nil {
			d.Limit = int32(w.choose.Below(uint32(w.o.LimitMax)+1, tape.Operator))
		}
	}
	if w.choose.Chance(w.o.EditRemove, tape.Operator) {
		w.editPresence()
	}
	if w.choose.Chance(w.o.EditType, tape.Operator) {
		w.editIdentity()
	}
}

func (w *World) someEntry() *mastercf.Draft {
	at := w.choose.Below(options.MaxEntries, tape.Operator)
	for i := range uint32(options.MaxEntries) {
		if d := &w.file.Entries[(at+i)%options.MaxEntries]; d.Present {
			return d
		}
	}
	return nil
}

// editService changes what is no part of a service's identity.
func (w *World) editService() {
	d := w.someEntry()
	if d == nil {
		return
	}
	switch w.choose.Below(6, tape.Operator) {
	case 5:
		d.Program = !d.Program
	case 0:
		d.Args++
	case 1:
		d.Spelling = !d.Spelling
	case 2:
		d.Throttle = 1 + int32(w.choose.Below(uint32(w.o.ThrottleS), tape.Operator))
	case 3:
		if w.o.WakeupS > 0 {
			d.Wakeup = int32(w.choose.Below(uint32(w.o.WakeupS)+1, tape.Operator))
			d.IfUsed = w.choose.Below(2, tape.Operator) == 1
		}
	default:
		i, k := w.choose.Below(options.MaxEntries, tape.Operator), w.choose.Below(options.MaxEntries, tape.Operator)
		f := &w.file
		f.Order[i], f.Order[k] = f.Order[k], f.Order[i]
	}
}

// editPresence removes an entry or brings it back, as it was or otherwise.
func (w *World) editPresence() {
	f := &w.file
	if w.o.EditType > 0 && w.choose.Below(4, tape.Operator) == 3 {
		at := options.MaxNames + int(w.choose.Below(options.MaxEntries-options.MaxNames, tape.Operator))
		if f.Entries[at].Present {
			f.Entries[at].Present = false
		} else {
			w.drawAlias(at)
		}
		return
	}
	at := int(w.choose.Below(uint32(w.options.Services), tape.Operator))
	d := &f.Entries[at]
	switch {
	case d.Present:
		d.Present = false
	case w.choose.Below(2, tape.Operator) == 1:
		w.drawDraft(d, uint8(at))
	default:
		d.Present, d.Name = true, uint8(at)
	}
	if d.Present && (d.Kind == 0 || f.Clashes(at)) {
		d.Present = false
	}
}

// editIdentity changes type, privacy or address.
func (w *World) editIdentity() {
	d := w.someEntry()
	if d == nil {
		return
	}
	before := *d
	switch w.choose.Below(3, tape.Operator) {
	case 0:
		d.Kind = core.ServiceType(1 + w.choose.Below(5, tape.Operator))
	case 1:
		d.Public = !d.Public
	default:
		d.Address = uint8(w.choose.Below(uint32(len(mastercf.InetForms)), tape.Operator))
	}
	for i := range w.file.Entries {
		if &w.file.Entries[i] == d && w.file.Clashes(i) {
			*d = before
		}
	}
}

// leap lets time go on while nobody does anything, as in a machine that sleeps.
func (w *World) leap(span core.Duration) {
	w.note(witness.TimeLeapt, noted{Number: int64(span)})
	w.now = w.now.Add(span)
	for i := range w.servers { // nobody can say what was due when
		w.servers[i].conduct.Paused = true
	}
}

// limitFiles lets few descriptors be left, or many again.
func (w *World) limitFiles() {
	w.kernel.Limit = w.openFiles()
	if w.choose.Below(3, tape.Operator) > 0 {
		w.kernel.Limit = w.kernel.OpenFiles() + int(w.choose.Below(6, tape.Operator))
	}
}

// usualFiles is the limit on open files.
const usualFiles = 256

// nextOddity schedules what comes from nowhere.
func (w *World) nextOddity() {
	if w.o.Stranger > 0 {
		w.after(w.choose.Pause(2*core.Second, tape.Stranger), agenda.Oddity, 0, 0)
	}
}

// odd brings a stranger: an orphan of process 1, or of an earlier program of this
// process.
func (w *World) odd() {
	if w.calm.on {
		return
	}
	if w.kernel.Init && w.choose.Chance(max(w.o.Stranger, 100), tape.Stranger) {
		w.adopt()
	}
	w.nextOddity()
}
