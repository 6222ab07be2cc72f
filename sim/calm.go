package sim

import "github.com/stationmaster/stationmaster/core"

// The quiet world of the second phase.
const (
	calmServiceMS = 20
	calmIdleMS    = 2000
	calmSettle    = 3 * core.Second       // what was under way comes to its end
	calmStart     = 20 * core.Millisecond // a start, a wake-up, an accept
	calmSilence   = calmIdleMS*core.Millisecond + core.Second
	calmLimit     = 60000 // things that may happen in the second phase
)

// calm is the second phase: faults are off, and everything must become good
// within its bound.
type calm struct {
	on       bool
	ending   bool
	stage    int32
	begun    uint64 // steps before it
	postpone int32
	loads    int // configurations asked for since the reloads of stageReload
	back     int // entry that comes back, plus one
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

// endFaults begins the second phase. Who does not behave well is killed, who
// was stopped goes on.
func (w *World) endFaults() {
	if w.options.Calm == 0 && !w.exited {
		w.over = true
		return
	}
	w.sweep()
	w.note(FaultsEnd, noted{})
	w.calm = calm{on: true, begun: w.steps}
	w.o = w.options.quiet()
	w.kernel.pids = maxProcesses
	w.timerAt = w.deadline // no timer is late any more
	w.file.bad = sound
	w.file.version++
	for i := range w.kernel.processes {
		p := &w.kernel.processes[i]
		switch {
		case p.state != processAlive:
		case !p.good || p.channel.closed:
			w.signalArrives(int32(i), core.SIGKILL)
		case p.stopped:
			w.continueProcess(int32(i))
		}
	}
	if w.exited {
		w.beginEnd()
		return
	}
	for s := range w.kernel.sockets {
		w.expectService(int32(s))
	}
	w.after(calmSettle, calmStep, stageServe, 0)
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
	if w.exited {
		return
	}
	r := &w.book.reload
	if (r.loading || r.opening) && stage != stageAgain {
		w.calm.postpone++
		if w.calm.postpone > 20 {
			w.fail("L8", "a reload does not end")
		}
		w.after(core.Second, calmStep, stage, 0)
		return
	}
	w.note(CalmStage, noted{Number: int64(stage)})
	w.calm.stage, w.calm.postpone = stage, 0
	switch stage {
	case stageServe:
		w.sendClients()
		w.after(w.longestBound()+core.Second, calmStep, stageReload, 0)
	case stageReload:
		w.calmReload()
		w.after(core.Duration(w.choose.Below(3, PlaceOperator))*core.Millisecond, calmStep, stageAgain, 0)
	case stageAgain:
		w.calmReloadAgain()
		w.after(core.Second, calmStep, stageServeAgain, 0)
	case stageServeAgain:
		w.checkReload()
		w.sendClients()
		w.after(w.longestBound()+2*ruleRemovalGrace+core.Second, calmStep, stageSilence, 0)
	case stageSilence:
		w.after(calmSilence, calmStep, stageQuiet, 0)
	case stageQuiet:
		w.checkSilence()
		w.after(core.Second, calmStep, stageEnd, 0)
	case stageEnd:
		w.sendSignal(core.SIGTERM)
	}
}

// sendClients lets one client come to every listener of every active service.
func (w *World) sendClients() {
	for _, id := range w.book.active {
		for _, s := range w.services[id].sockets {
			if s > 0 {
				w.enqueue(s-1, 0)
			}
		}
	}
}

// bound is how long the oldest client of a listener may wait: until a throttle
// ends, the predecessors are gone, and one who serves is free; who serves may
// take all who wait at the service's other listeners first.
func (w *World) bound(id core.ServiceID) core.Duration {
	b := &w.book
	s := &b.services[id]
	d := calmStart
	if s.throttled {
		d += max(0, s.until.Sub(w.now))
	}
	if len(b.removed) > 0 && b.held(s) {
		d += 2 * ruleRemovalGrace
	}
	for i := range w.kernel.processes {
		if p := &w.kernel.processes[i]; p.state == processAlive && p.service == id {
			d = max(d, calmStart+p.busyUntil.Sub(w.now))
		}
	}
	if s.short {
		d += calmSilence // until an idle child of whatever service leaves
	}
	if s.entry.ProcessLimit > 0 {
		ahead := 4 + w.waitingAt(id)
		d += core.Duration(ahead) * calmServiceMS * core.Millisecond
	}
	return d
}

// waitingAt counts the clients at all listeners of a service.
func (w *World) waitingAt(id core.ServiceID) int32 {
	var n int32
	for _, s := range w.services[id].sockets {
		if s > 0 {
			n += w.kernel.sockets[s-1].waiting
		}
	}
	return n
}

func (w *World) longestBound() core.Duration {
	d := core.Duration(0)
	for _, id := range w.book.active {
		d = max(d, w.bound(id))
	}
	return d
}

// expectService notes by when the oldest client of a listener must be taken.
func (w *World) expectService(s int32) {
	if !w.calm.on || w.exited {
		return
	}
	sock := &w.kernel.sockets[s]
	id := sock.service
	if b := w.book.service(id); sock.shut || sock.waiting == 0 || b == nil || b.life != bookActive {
		return
	}
	w.after(w.bound(id), patienceEnds, s, int32(sock.head<<3)|w.calm.stage)
}

// patienceEnds: the client that was the oldest then must not wait any more.
// While things still settle, what happened since excuses.
func (w *World) patienceEnds(s, arg int32) {
	sock := &w.kernel.sockets[s]
	if w.exited || sock.shut || sock.waiting == 0 || int32(sock.head) != arg>>3 {
		return
	}
	b := w.book.service(sock.service)
	if b == nil || b.life != bookActive {
		return
	}
	held := b.short || b.freed != 0 && w.now.Sub(b.freed) < calmSilence
	if held || unsettled(arg&7) || unsettled(w.calm.stage) {
		w.expectService(s) // who was held back has a child, and must share what is left
		return
	}
	law := "L1"
	if b.throttled {
		law = "L2"
	}
	w.fail(law, "a client of service %d still waits (state %v, total %d, idle %d)", sock.service, w.book.state(b), b.total, b.idle)
}

// unsettled tells whether something else than clients is going on.
func unsettled(stage int32) bool {
	return stage < stageServe || stage == stageReload || stage == stageAgain
}

// calmReload removes a service, some of whose children will not listen to
// SIGTERM, and reloads.
func (w *World) calmReload() {
	w.calm.loads = 0
	at := w.choose.Below(maxEntries, PlaceOperator)
	for i := range uint32(maxEntries) {
		n := (at + i) % maxEntries
		if w.file.entries[n].present && w.choose.Below(2, PlaceOperator) == 0 {
			w.file.entries[n].present = false
			w.calm.back = int(n) + 1
			break
		}
	}
	if w.choose.Below(2, PlaceOperator) == 1 {
		for i := range w.kernel.processes {
			w.kernel.processes[i].deaf = true
		}
	}
	w.file.version++
	w.after(2*ruleRemovalGrace, lawChecked, lawRemoval, int32(w.book.epoch)+1)
	longest := core.Duration(0)
	for i := range w.kernel.processes {
		if p := &w.kernel.processes[i]; p.state == processAlive {
			longest = max(longest, p.busyUntil.Sub(w.now))
		}
	}
	w.after(longest+core.Second, lawChecked, lawRetired, int32(len(w.book.children)))
	w.post(core.SignalReceivedEvent(core.SIGHUP))
}

// calmReloadAgain edits the file once more, and hangs up twice.
func (w *World) calmReloadAgain() {
	if w.calm.back > 0 && w.choose.Below(2, PlaceOperator) == 1 {
		w.file.entries[w.calm.back-1].present = true
	}
	if d := w.someEntry(); d != nil {
		d.args++
	}
	w.file.version++
	w.post(core.SignalReceivedEvent(core.SIGHUP))
	w.post(core.SignalReceivedEvent(core.SIGHUP))
}

// checkReload: the newest file is in force, and it was not read for nothing.
func (w *World) checkReload() {
	if w.loading.version != w.file.version || w.book.config != w.loaded {
		w.fail("L8", "version %d of the file is in force, the newest is %d", w.loading.version, w.file.version)
	}
	if w.calm.loads < 2 || w.calm.loads > 3 {
		w.fail("L8", "the file was read %d times for two reloads", w.calm.loads)
	}
}

// checkLaw looks at a bound that is over.
func (w *World) checkLaw(law, arg int32) {
	if w.exited && law != lawEnd {
		return
	}
	switch law {
	case lawRemoval:
		for _, id := range w.book.removed {
			if s := &w.book.services[id]; int32(s.gone) <= arg {
				w.fail("L3", "%d children of removed service %d live", s.total, id)
			}
		}
	case lawRetired: // who is blocked in the accept lock looks at nothing else
		for i := range w.kernel.processes {
			p := &w.kernel.processes[i]
			if p.state == processAlive && !p.locking && int32(p.generation) < arg && w.book.services[p.service].life == bookActive {
				w.fail("L4", "generation %d lives on after the reload", p.generation)
			}
		}
	case lawEnd:
		for i := range w.kernel.processes {
			if p := &w.kernel.processes[i]; p.state == processAlive {
				w.fail("L5", "generation %d outlives the master", p.generation)
			}
		}
		w.over = true
	}
}

// checkSilence: nobody is left but for wakeups.
func (w *World) checkSilence() {
	for i := range w.kernel.processes {
		p := &w.kernel.processes[i]
		if p.state == processAlive && w.book.services[p.service].entry.WakeupInterval == 0 {
			w.fail("L7", "generation %d of service %d lives in silence", p.generation, p.service)
		}
	}
	for _, id := range w.book.active {
		s := &w.book.services[id]
		if s.wakeAt != 0 && s.wakeAt < w.now {
			w.fail("L6", "the wakeup of service %d is overdue", id)
		}
		if s.throttled && s.until < w.now {
			w.fail("L2", "service %d is still throttled", id)
		}
		if s.short && s.entry.WakeupInterval == 0 {
			w.fail("L1", "service %d is still held back for want of descriptors", id)
		}
	}
	w.sweep()
}

// beginEnd: the master's process is gone, and with it its ends of all
// channels. An operator kills who does not behave.
func (w *World) beginEnd() {
	w.calm.ending = true
	bound := core.Duration(0)
	for i := range w.kernel.processes {
		p := &w.kernel.processes[i]
		switch {
		case p.state == processAsked:
			w.release(int32(i))
		case p.state != processAlive:
		case !p.good || p.deaf || p.channel.closed:
			w.signalArrives(int32(i), core.SIGKILL)
		default:
			p.channel.cut, p.channel.unsent = true, 0
			w.soon(w.choose.Delay(core.Millisecond, PlaceStatus), serverCut, int32(i), 0)
			if !w.groupTold {
				bound = max(bound, p.busyUntil.Sub(w.now))
			}
		}
	}
	w.after(bound+core.Second, lawChecked, lawEnd, 0)
}
