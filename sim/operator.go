package sim

import (
	"github.com/stationmaster/stationmaster/core"
)

// Patterns of arrival.
const (
	steady int32 = iota
	bursts
	flood
	numPatterns
)

// nextArrival schedules the next client, if any come.
func (w *World) nextArrival() {
	if w.o.ArrivalMS > 0 {
		mean := core.Duration(w.o.ArrivalMS) * core.Millisecond
		w.after(w.choose.Pause(4*mean, PlaceArrival), arrival, 0, 0)
	}
}

// arrive lets clients come to addresses of any name, served or not.
func (w *World) arrive() {
	if w.calm.on {
		return
	}
	n := uint32(1)
	switch w.o.ArrivalPattern {
	case bursts:
		if w.choose.Below(4, PlaceArrival) == 3 {
			n = 1 + w.choose.Below(6, PlaceArrival)
		}
	case flood:
		n = 1 + w.choose.Below(3, PlaceArrival)
	}
	name := w.choose.Below(uint32(w.options.Services), PlaceArrival)
	for range n {
		w.arriveAt(name)
	}
	w.nextArrival()
}

// arriveAt lets a client come to an address of the name where somebody
// listens, or be refused.
func (w *World) arriveAt(name uint32) {
	base := int32(name) * places
	var there [places]int32
	count := uint32(0)
	for i := range int32(places) {
		if w.kernel.bound[base+i].count > 0 {
			there[count] = base + i
			count++
		}
	}
	if count == 0 {
		w.connect(base, 0)
		return
	}
	w.connect(there[w.choose.Below(count, PlaceArrival)], 0)
}

// arriveFor lets a client come to a service.
func (w *World) arriveFor(id core.ServiceID) {
	if int(id) >= len(w.services) {
		return
	}
	for _, s := range w.services[id].sockets {
		if s > 0 {
			w.enqueue(s-1, 0)
			return
		}
	}
}

// nextOperator schedules the operator's next act.
func (w *World) nextOperator() {
	if w.o.OperatorMS > 0 {
		mean := core.Duration(w.o.OperatorMS) * core.Millisecond
		w.after(w.choose.Pause(4*mean, PlaceOperator), operatorActs, 0, 0)
	}
}

// operate is one act: mostly an edit and a reload.
func (w *World) operate() {
	if w.calm.on {
		return
	}
	switch {
	case w.choose.Below(8, PlaceOperator) == 0: // thinks better of it
	case w.choose.Chance(w.o.Shutdown, PlaceOperator):
		signals := [6]core.Signal{core.SIGTERM, core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV}
		w.sendSignal(signals[w.choose.Below(6, PlaceOperator)])
	case w.choose.Chance(w.o.KillChild, PlaceOperator):
		if slot := w.someProcess(); slot >= 0 {
			signals := [4]core.Signal{core.SIGKILL, core.SIGTERM, core.SIGSEGV, core.SIGKILL}
			w.kill(slot, signals[w.choose.Below(4, PlaceOperator)])
		}
	case w.choose.Chance(w.o.StopChild, PlaceOperator):
		if slot := w.someProcess(); slot >= 0 {
			w.stopProcess(slot, core.Millisecond+w.choose.Delay(60*core.Second, PlaceOperator))
		}
	case w.choose.Chance(w.o.OddSignal, PlaceOperator):
		w.sendSignal(core.Signal(10 + w.choose.Below(3, PlaceOperator)))
	case w.choose.Chance(w.o.Leap, PlaceOperator):
		span := w.choose.Delay(5*3600*core.Second, PlaceOperator)
		w.note(TimeLeapt, noted{Number: int64(span)})
		w.now = w.now.Add(span)
	default:
		w.edit()
		w.reload()
	}
	w.nextOperator()
}

// reload sends a hangup, or two.
func (w *World) reload() {
	w.note(OperatorReloads, noted{})
	w.post(core.SignalReceivedEvent(core.SIGHUP))
	if w.choose.Chance(w.o.Twice, PlaceOperator) {
		if w.choose.Below(2, PlaceOperator) == 1 {
			w.edit()
		}
		w.post(core.SignalReceivedEvent(core.SIGHUP))
	}
}

func (w *World) sendSignal(s core.Signal) {
	w.note(OperatorSignals, noted{Number: int64(s)})
	w.post(core.SignalReceivedEvent(s))
}

// someProcess gives a living process, or -1.
func (w *World) someProcess() int32 {
	first := w.choose.Below(16, PlaceOperator)
	for i := range uint32(maxProcesses) {
		slot := int32((first + i) % maxProcesses)
		if w.kernel.processes[slot].state == processAlive {
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
	if w.choose.Below(4, PlaceOperator) == 3 {
		rounds += w.choose.Below(5, PlaceOperator)
	}
	for range rounds {
		w.editOnce()
	}
	if w.choose.Chance(w.o.EditBad, PlaceOperator) {
		f.bad = badness(1 + w.choose.Below(3, PlaceOperator))
	}
	f.clears = w.choose.Chance(w.o.ClearThrottle, PlaceOperator)
	f.version++
	w.note(OperatorEdited, noted{Number: int64(f.version)})
}

// editOnce makes the changes of one sitting.
func (w *World) editOnce() {
	if w.choose.Chance(w.o.EditService, PlaceOperator) {
		w.editService()
	}
	if w.choose.Chance(w.o.EditLimit, PlaceOperator) {
		if d := w.someEntry(); d != nil {
			d.limit = int32(w.choose.Below(uint32(w.o.LimitMax)+1, PlaceOperator))
		}
	}
	if w.choose.Chance(w.o.EditRemove, PlaceOperator) {
		w.editPresence()
	}
	if w.choose.Chance(w.o.EditType, PlaceOperator) {
		w.editIdentity()
	}
}

func (w *World) someEntry() *draft {
	at := w.choose.Below(maxEntries, PlaceOperator)
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
	switch w.choose.Below(5, PlaceOperator) {
	case 0:
		d.args++
	case 1:
		d.spelling = !d.spelling
	case 2:
		d.throttle = 1 + int32(w.choose.Below(uint32(w.o.ThrottleS), PlaceOperator))
	case 3:
		if w.o.WakeupS > 0 {
			d.wakeup = int32(w.choose.Below(uint32(w.o.WakeupS)+1, PlaceOperator))
			d.ifUsed = w.choose.Below(2, PlaceOperator) == 1
		}
	default:
		i, k := w.choose.Below(maxEntries, PlaceOperator), w.choose.Below(maxEntries, PlaceOperator)
		f := &w.file
		f.order[i], f.order[k] = f.order[k], f.order[i]
	}
}

// editPresence removes an entry or brings it back, as it was or otherwise.
func (w *World) editPresence() {
	f := &w.file
	if w.o.EditType > 0 && w.choose.Below(4, PlaceOperator) == 3 {
		at := maxNames + int(w.choose.Below(maxEntries-maxNames, PlaceOperator))
		if f.entries[at].present {
			f.entries[at].present = false
		} else {
			w.drawAlias(at)
		}
		return
	}
	at := int(w.choose.Below(uint32(w.options.Services), PlaceOperator))
	d := &f.entries[at]
	switch {
	case d.present:
		d.present = false
	case w.choose.Below(2, PlaceOperator) == 1:
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
	switch w.choose.Below(3, PlaceOperator) {
	case 0:
		d.kind = core.ServiceType(1 + w.choose.Below(5, PlaceOperator))
	case 1:
		d.public = !d.public
	default:
		d.address = uint8(w.choose.Below(uint32(len(inetForms)), PlaceOperator))
	}
	for i := range w.file.entries {
		if &w.file.entries[i] == d && w.file.clashes(i) {
			*d = before
		}
	}
}

// nextOddity schedules what comes from nowhere.
func (w *World) nextOddity() {
	if w.o.Stranger > 0 || w.o.Spurious > 0 {
		w.after(w.choose.Pause(2*core.Second, PlaceStranger), oddity, 0, 0)
	}
}

// odd brings a stranger's death, or readiness without a client.
func (w *World) odd() {
	if w.calm.on {
		return
	}
	if w.choose.Chance(w.o.Stranger, PlaceStranger) {
		if pid := w.kernel.pid(w.choose.Below(uint32(w.kernel.pids), PlaceStranger)); pid != 0 {
			w.kernel.taken[pid] = false
			w.post(core.ChildExitedEvent(0, pid, core.ExitedWith(uint8(w.choose.Below(2, PlaceStranger)))))
		}
	}
	if w.choose.Chance(w.o.Spurious, PlaceStranger) && len(w.services) > 1 {
		id := core.ServiceID(1 + w.choose.Below(uint32(len(w.services)-1), PlaceStranger))
		if w.services[id].watched || w.choose.Below(4, PlaceStranger) == 3 {
			w.post(core.ListenerReadyEvent(id))
		}
	}
	w.nextOddity()
}
