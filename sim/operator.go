package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// nextOperator schedules the operator's next act.
func (w *World) nextOperator() {
	if w.o.OperatorMS > 0 {
		mean := core.Duration(w.o.OperatorMS) * core.Millisecond
		w.after(w.moment(w.choose.Pause(4*mean, tape.Operator)), operatorActs, 0, 0)
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
	w.note(OperatorReloads, noted{})
	w.signal(core.SIGHUP)
	if w.choose.Chance(w.o.Twice, tape.Operator) {
		if w.choose.Below(2, tape.Operator) == 1 {
			w.edit()
		}
		w.after(w.choose.Delay(20*core.Millisecond, tape.Operator), hangupComes, 0, 0)
	}
}

func (w *World) operatorSignals(s core.Signal) {
	w.note(OperatorSignals, noted{Number: int64(s)})
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
	f.bad = sound
	rounds := uint32(1)
	if w.choose.Below(4, tape.Operator) == 3 {
		rounds += w.choose.Below(5, tape.Operator)
	}
	for range rounds {
		w.editOnce()
	}
	if w.choose.Chance(w.o.EditBad, tape.Operator) {
		f.bad = badness(1 + w.choose.Below(uint32(badnesses)-1, tape.Operator))
	}
	f.clears = w.choose.Chance(w.o.ClearThrottle, tape.Operator)
	f.version++
	w.note(OperatorEdited, noted{Number: int64(f.version)})
}

// editOnce makes the changes of one sitting.
func (w *World) editOnce() {
	if w.choose.Chance(w.o.EditService, tape.Operator) {
		w.editService()
	}
	if w.choose.Chance(w.o.EditLimit, tape.Operator) {
		if d := w.someEntry(); d != nil {
			d.limit = int32(w.choose.Below(uint32(w.o.LimitMax)+1, tape.Operator))
		}
	}
	if w.choose.Chance(w.o.EditRemove, tape.Operator) {
		w.editPresence()
	}
	if w.choose.Chance(w.o.EditType, tape.Operator) {
		w.editIdentity()
	}
}

func (w *World) someEntry() *draft {
	at := w.choose.Below(maxEntries, tape.Operator)
	for i := range uint32(maxEntries) {
		if d := &w.file.entries[(at+i)%maxEntries]; d.present {
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
		d.program = !d.program
	case 0:
		d.args++
	case 1:
		d.spelling = !d.spelling
	case 2:
		d.throttle = 1 + int32(w.choose.Below(uint32(w.o.ThrottleS), tape.Operator))
	case 3:
		if w.o.WakeupS > 0 {
			d.wakeup = int32(w.choose.Below(uint32(w.o.WakeupS)+1, tape.Operator))
			d.ifUsed = w.choose.Below(2, tape.Operator) == 1
		}
	default:
		i, k := w.choose.Below(maxEntries, tape.Operator), w.choose.Below(maxEntries, tape.Operator)
		f := &w.file
		f.order[i], f.order[k] = f.order[k], f.order[i]
	}
}

// editPresence removes an entry or brings it back, as it was or otherwise.
func (w *World) editPresence() {
	f := &w.file
	if w.o.EditType > 0 && w.choose.Below(4, tape.Operator) == 3 {
		at := maxNames + int(w.choose.Below(maxEntries-maxNames, tape.Operator))
		if f.entries[at].present {
			f.entries[at].present = false
		} else {
			w.drawAlias(at)
		}
		return
	}
	at := int(w.choose.Below(uint32(w.options.Services), tape.Operator))
	d := &f.entries[at]
	switch {
	case d.present:
		d.present = false
	case w.choose.Below(2, tape.Operator) == 1:
		w.drawDraft(d, uint8(at))
	default:
		d.present, d.name = true, uint8(at)
	}
	if d.present && (d.kind == 0 || f.clashes(at)) {
		d.present = false
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
		d.kind = core.ServiceType(1 + w.choose.Below(5, tape.Operator))
	case 1:
		d.public = !d.public
	default:
		d.address = uint8(w.choose.Below(uint32(len(inetForms)), tape.Operator))
	}
	for i := range w.file.entries {
		if &w.file.entries[i] == d && w.file.clashes(i) {
			*d = before
		}
	}
}

// leap lets time go on while nobody does anything, as in a machine that sleeps.
func (w *World) leap(span core.Duration) {
	w.note(TimeLeapt, noted{Number: int64(span)})
	w.now = w.now.Add(span)
	for i := range w.servers { // nobody can say what was due when
		w.servers[i].conduct.paused = true
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
		w.after(w.choose.Pause(2*core.Second, tape.Stranger), oddity, 0, 0)
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
