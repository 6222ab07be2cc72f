package operator

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// NextOperator schedules the operator's next act.
func (w *World) NextOperator() {
	if w.O.OperatorMS > 0 {
		mean := core.Duration(w.O.OperatorMS) * core.Millisecond
		w.After(w.Moment(w.Choose.Pause(4*mean, tape.Operator)), agenda.OperatorActs, 0, 0)
	}
}

// Operate is one act: mostly an edit and a reload.
func (w *World) Operate() {
	if w.Calm.On {
		return
	}
	switch {
	case w.Choose.Below(8, tape.Operator) == 0: // thinks better of it
	case w.Choose.Chance(w.O.Shutdown, tape.Operator):
		signals := [6]core.Signal{core.SIGTERM, core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV}
		w.OperatorSignals(signals[w.Choose.Below(6, tape.Operator)])
	case w.Choose.Chance(w.O.KillChild, tape.Operator):
		if slot := w.SomeProcess(); slot >= 0 {
			signals := [4]core.Signal{core.SIGKILL, core.SIGTERM, core.SIGSEGV, core.SIGKILL}
			w.Kill(slot, signals[w.Choose.Below(4, tape.Operator)])
		}
	case w.Choose.Chance(w.O.StopChild, tape.Operator):
		if slot := w.SomeProcess(); slot >= 0 {
			w.StopProcess(slot, core.Millisecond+w.Choose.Delay(60*core.Second, tape.Operator))
		}
	case w.Choose.Chance(w.O.OddSignal, tape.Operator):
		w.OperatorSignals(core.Signal(10 + w.Choose.Below(3, tape.Operator)))
	case w.Choose.Chance(w.O.Leap, tape.Operator):
		span := w.Choose.Delay(5*3600*core.Second, tape.Operator)
		w.Leap(span)
	case w.Choose.Chance(w.O.FewFiles, tape.Operator):
		w.limitFiles()
	case w.Choose.Chance(w.O.Outage, tape.Operator):
		w.Kernel.EndFaults()
		switch w.Choose.Below(24, tape.Operator) {
		case 0, 1, 2, 3, 4, 5, 6, 7:
		case 8:
			w.Kernel.OutageOfRoot()
		default:
			w.Kernel.Outage()
		}
	default:
		w.edit()
		w.Reload()
	}
	w.NextOperator()
}

// Reload sends a hangup, or two.
func (w *World) Reload() {
	w.Note(witness.OperatorReloads, stage.Noted{})
	w.Signal(core.SIGHUP)
	if w.Choose.Chance(w.O.Twice, tape.Operator) {
		if w.Choose.Below(2, tape.Operator) == 1 {
			w.edit()
		}
		w.After(w.Choose.Delay(20*core.Millisecond, tape.Operator), agenda.DaemonSignaled, 0, int32(core.SIGHUP))
	}
}

// OperatorSignals sends a signal to the daemon and leaves a record of it.
func (w *World) OperatorSignals(s core.Signal) {
	w.Note(witness.OperatorSignals, stage.Noted{Number: int64(s)})
	w.Signal(s)
}

// SomeProcess returns a living child, or -1.
func (w *World) SomeProcess() int32 {
	first := w.Choose.Below(16, tape.Operator)
	for i := range uint32(kernel.MaxProcesses) {
		slot := int32((first + i) % kernel.MaxProcesses)
		if p := w.Kernel.Process(slot); p.Alive() && !p.Orphan {
			return slot
		}
	}
	return -1
}

// edit changes the file on disk in the ways that are possible in this run.
func (w *World) edit() {
	f := &w.File
	f.Bad = mastercf.Sound
	rounds := uint32(1)
	if w.Choose.Below(4, tape.Operator) == 3 {
		rounds += w.Choose.Below(5, tape.Operator)
	}
	for range rounds {
		w.editOnce()
	}
	if w.Choose.Chance(w.O.EditBad, tape.Operator) {
		f.Bad = mastercf.Badness(1 + w.Choose.Below(uint32(mastercf.Badnesses)-1, tape.Operator))
	}
	f.Clears = w.Choose.Chance(w.O.ClearThrottle, tape.Operator)
	f.Version++
	w.Note(witness.OperatorEdited, stage.Noted{Number: int64(f.Version)})
}

// editOnce makes the changes of one sitting.
func (w *World) editOnce() {
	if w.Choose.Chance(w.O.EditService, tape.Operator) {
		w.EditService()
	}
	if w.Choose.Chance(w.O.EditLimit, tape.Operator) {
		if d := w.SomeEntry(); d != nil {
			d.Limit = int32(w.Choose.Below(uint32(w.O.LimitMax)+1, tape.Operator))
		}
	}
	if w.Choose.Chance(w.O.EditRemove, tape.Operator) {
		w.EditPresence()
	}
	if w.Choose.Chance(w.O.EditType, tape.Operator) {
		w.EditIdentity()
	}
}

// SomeEntry returns an entry of the file that is there; nil: there is none.
func (w *World) SomeEntry() *mastercf.Draft {
	at := w.Choose.Below(options.MaxEntries, tape.Operator)
	for i := range uint32(options.MaxEntries) {
		if d := &w.File.Entries[(at+i)%options.MaxEntries]; d.Present {
			return d
		}
	}
	return nil
}

// EditService changes what is no part of a service's identity.
func (w *World) EditService() {
	d := w.SomeEntry()
	if d == nil {
		return
	}
	switch w.Choose.Below(7, tape.Operator) {
	case 6: // what its name means
		d.Address = mastercf.InetForms[d.Address].Sibling
	case 5:
		d.Program = !d.Program
	case 0:
		d.Args++
	case 1:
		d.Spelling = !d.Spelling
	case 2:
		d.Throttle = 1 + int32(w.Choose.Below(uint32(w.O.ThrottleS), tape.Operator))
	case 3:
		if w.O.WakeupS > 0 {
			d.Wakeup = int32(w.Choose.Below(uint32(w.O.WakeupS)+1, tape.Operator))
			d.IfUsed = w.Choose.Below(2, tape.Operator) == 1
		}
	default:
		i, k := w.Choose.Below(options.MaxEntries, tape.Operator), w.Choose.Below(options.MaxEntries, tape.Operator)
		f := &w.File
		f.Order[i], f.Order[k] = f.Order[k], f.Order[i]
	}
}

// EditPresence removes an entry or brings it back, as it was or otherwise.
func (w *World) EditPresence() {
	f := &w.File
	if w.O.EditType > 0 && w.Choose.Below(4, tape.Operator) == 3 {
		at := options.MaxNames + int(w.Choose.Below(options.MaxEntries-options.MaxNames, tape.Operator))
		if f.Entries[at].Present {
			f.Entries[at].Present = false
		} else {
			w.drawAlias(at)
		}
		return
	}
	at := int(w.Choose.Below(uint32(w.Options.Services), tape.Operator))
	d := &f.Entries[at]
	switch {
	case d.Present:
		d.Present = false
	case w.Choose.Below(2, tape.Operator) == 1:
		w.drawDraft(d, uint8(at))
	default:
		d.Present, d.Name = true, uint8(at)
	}
	if d.Present && (d.Kind == 0 || f.Clashes(at)) {
		d.Present = false
	}
}

// EditIdentity changes type, privacy or address.
func (w *World) EditIdentity() {
	d := w.SomeEntry()
	if d == nil {
		return
	}
	before := *d
	switch w.Choose.Below(3, tape.Operator) {
	case 0:
		d.Kind = core.ServiceType(1 + w.Choose.Below(5, tape.Operator))
	case 1:
		d.Public = !d.Public
	default:
		d.Address = uint8(w.Choose.Below(uint32(len(mastercf.InetForms)), tape.Operator))
	}
	for i := range w.File.Entries {
		if &w.File.Entries[i] == d && w.File.Clashes(i) {
			*d = before
		}
	}
}

// Leap lets time go on while nobody does anything, as in a machine that sleeps.
func (w *World) Leap(span core.Duration) {
	w.Note(witness.TimeLeapt, stage.Noted{Number: int64(span)})
	w.Now = w.Now.Add(span)
	for i := range w.Servers { // nobody can say what was due when
		w.Servers[i].Conduct.Paused = true
	}
}

// limitFiles lets few descriptors be left, or many again.
func (w *World) limitFiles() {
	w.Kernel.Limit = w.OpenFiles()
	if w.Choose.Below(3, tape.Operator) > 0 {
		w.Kernel.Limit = w.Kernel.OpenFiles() + int(w.Choose.Below(6, tape.Operator))
	}
}

// NextOddity schedules what comes from nowhere.
func (w *World) NextOddity() {
	if w.O.Stranger > 0 {
		w.After(w.Choose.Pause(2*core.Second, tape.Stranger), agenda.Oddity, 0, 0)
	}
}

// Odd brings a stranger: an orphan of process 1, or of an earlier program of this
// process.
func (w *World) Odd() {
	if w.Calm.On {
		return
	}
	if w.Kernel.Init && w.Choose.Chance(max(w.O.Stranger, 100), tape.Stranger) {
		w.Adopt()
	}
	w.NextOddity()
}
