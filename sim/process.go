package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
)

// processState is where a process stands in the kernel.
type processState uint8

const (
	processFree   processState = iota
	processAsked               // StartChild is out, no process yet
	processAlive               //
	processZombie              // ended and not reaped
)

// process is one start of a child, from the request to its reaping.
type process struct {
	state      processState
	behaviour  Behaviour
	good       bool // behaves as the laws of the second phase expect
	answered   bool // its start is answered
	stopped    bool
	watching   bool // waits for a client
	locks      bool // may wait for a client only with the accept lock
	locking    bool // waits for the accept lock
	cutSeen    bool
	deaf       bool // to SIGTERM
	starts     bool // its main loop runs
	failing    bool // its start will be answered with a failure
	life       uint32
	pid        core.PID
	service    core.ServiceID
	lockKey    int32
	sockets    [maxListen]int32 // plus one
	sessions   int32
	diesAt     int32 // session in which it dies
	status     core.ExitStatus
	stopNews   bool // a stop that was not reported
	generation core.Generation
	entry      *core.ServiceConfig
	failStep   core.StartStep
	failErrno  core.Errno
	timerAt    core.Time
	busyUntil  core.Time // end of its latest session
	channel    channel
	skeleton   child.Skeleton
	server     child.Machine
}

// startChild begins a start. Everything about it is drawn now.
func (w *World) startChild(a *core.Action) {
	slot := w.kernel.slot()
	if slot < 0 {
		w.post(core.ChildStartFailedEvent(a.Service, a.Generation, core.StartFork, core.EAGAIN))
		return
	}
	p := &w.kernel.processes[slot]
	life := p.life + 1
	*p = process{state: processAsked, life: life, generation: a.Generation, service: a.Service, entry: a.Entry}
	delay := w.choose.Delay(core.Duration(w.o.StartDelayUS)*core.Microsecond, PlaceStart)
	switch {
	case w.choose.Chance(w.o.ForkFail, PlaceStart):
		p.failing, p.failStep, p.failErrno = true, core.StartFork, [2]core.Errno{core.EAGAIN, core.ENOMEM}[w.choose.Below(2, PlaceStart)]
	case w.choose.Chance(w.o.ChannelFail, PlaceStart):
		p.failing, p.failStep, p.failErrno = true, core.StartChannel, [2]core.Errno{core.EMFILE, core.ENFILE}[w.choose.Below(2, PlaceStart)]
	case w.choose.Chance(w.o.ExecFail, PlaceStart):
		p.failing, p.failStep, p.failErrno = true, core.StartExec, core.ENOENT
	}
	if p.failing {
		w.soon(delay, startAnswered, slot, 0)
		return
	}
	w.soon(delay, childForks, slot, 0)
}

// fork makes the process. It may do things before its start is answered.
func (w *World) fork(slot int32) {
	p := &w.kernel.processes[slot]
	p.pid = w.kernel.pid(w.choose.Below(uint32(w.kernel.pids), PlaceStart))
	if p.pid == 0 {
		p.failing, p.failStep, p.failErrno = true, core.StartFork, core.EAGAIN
		w.answerStart(slot)
		return
	}
	p.state = processAlive
	if int(p.service) < len(w.services) {
		p.sockets = w.services[p.service].sockets
	}
	w.birth(slot)
	w.Coverage.Behaviours[p.behaviour]++
	w.note(ProcessForked, noted{Service: p.service, Generation: p.generation, PID: p.pid, Number: int64(p.behaviour)})
	w.soon(w.choose.Delay(core.Duration(w.o.AnswerDelayUS)*core.Microsecond, PlaceStart), startAnswered, slot, 0)
}

// answerStart answers StartChild, once.
func (w *World) answerStart(slot int32) {
	p := &w.kernel.processes[slot]
	if p.answered {
		return
	}
	p.answered = true
	if p.failing {
		w.post(core.ChildStartFailedEvent(p.service, p.generation, p.failStep, p.failErrno))
		w.release(slot)
		return
	}
	w.post(core.ChildStartedEvent(p.service, p.generation, p.pid))
	w.noticeStatus(slot)
}

// release gives a process and its identity back.
func (w *World) release(slot int32) {
	p := &w.kernel.processes[slot]
	w.kernel.taken[p.pid] = false
	p.state, p.stopped = processFree, false
	p.life++
}

// exit ends a process: its clients are dropped or served, its lock is given
// up, its end of the channel is closed, and it waits to be reaped.
func (w *World) exit(slot int32, status core.ExitStatus) {
	p := &w.kernel.processes[slot]
	if p.state != processAlive {
		return
	}
	w.note(ProcessExited, noted{Generation: p.generation, PID: p.pid, Number: int64(status)})
	drained := p.behaviour == Drain && status == 0
	why := ClientLost
	if drained {
		why = ClientServed
	}
	for i := range w.kernel.clients {
		if c := &w.kernel.clients[i]; c.used && c.slot == slot+1 {
			w.dropClient(int32(i), why)
		}
	}
	p.locking = false
	w.unlock(slot)
	w.unstash(slot, false)
	answered := p.answered
	w.met(EndedUntold, !answered)
	p.state, p.status, p.stopped, p.watching, p.locking = processZombie, status, false, false, false
	p.life++
	p.channel.noticed, p.channel.unsent = false, 0
	if drained {
		w.soon(w.choose.Delay(core.Second, PlaceExit), descendantSpeaks, slot, 0)
	} else {
		p.channel.closed = true
		w.noticeStatus(slot)
	}
	if !answered {
		w.soon(w.choose.Delay(core.Duration(w.o.AnswerDelayUS)*core.Microsecond, PlaceStart), startAnswered, slot, 0)
	}
	if w.choose.Chance(w.o.ArriveAtExit, PlaceArrival) {
		w.arriveFor(p.service)
	}
	w.signalChildDied()
}

// signalChildDied is SIGCHLD: one signal for any number of zombies.
func (w *World) signalChildDied() {
	if w.kernel.reapDue {
		return
	}
	w.kernel.reapDue = true
	w.after(w.choose.Delay(core.Duration(w.o.ReapDelayUS)*core.Microsecond, PlaceReap), reaping, 0, 0)
}

// reap takes all zombies and stop reports, beginning anywhere. The adapter
// answers a start before it tells of the end, and delivers what the child
// reported before its end.
func (w *World) reap() {
	w.kernel.reapDue = false
	n := uint32(len(w.kernel.processes))
	first := w.choose.Below(uint32(w.kernel.pids), PlaceReap)
	for i := range n {
		slot := int32((first + i) % n)
		p := &w.kernel.processes[slot]
		if p.stopNews && p.state != processFree {
			p.stopNews = false
			w.answerStart(slot)
			w.post(core.ChildStoppedEvent(p.generation, p.pid, 19))
		}
		if p.state != processZombie {
			continue
		}
		w.answerStart(slot)
		if !p.channel.cut {
			w.read(slot)
			p.channel.cut = true
		}
		w.note(ProcessReaped, noted{Generation: p.generation, PID: p.pid})
		w.post(core.ChildExitedEvent(p.generation, p.pid, p.status))
		w.release(slot)
	}
}

// kill sends a signal to a process.
func (w *World) kill(slot int32, s core.Signal) {
	w.soon(w.choose.Delay(core.Millisecond, PlaceSignal), signalArrives, slot, int32(s))
}

// signalArrives: SIGKILL always ends, anything else waits while the process
// is stopped.
func (w *World) signalArrives(slot int32, s core.Signal) {
	p := &w.kernel.processes[slot]
	if p.state != processAlive {
		return
	}
	w.note(ProcessSignaled, noted{Generation: p.generation, PID: p.pid, Number: int64(s)})
	switch {
	case s == core.SIGKILL:
		w.exit(slot, core.KilledBy(s))
	case p.stopped:
		w.stash = append(w.stash, due{when: w.now, what: signalArrives, ref: slot, life: p.life, arg: int32(s)})
	case s == core.SIGTERM && p.deaf:
	case s == core.SIGTERM && p.behaviour == SlowTerm:
		w.soon(w.choose.Delay(10*core.Second, PlaceSignal), serverDies, slot, int32(core.ExitedWith(0)))
	default:
		w.exit(slot, core.KilledBy(s))
	}
}

// stopProcess is SIGSTOP; it goes on after the span.
func (w *World) stopProcess(slot int32, span core.Duration) {
	p := &w.kernel.processes[slot]
	if p.state != processAlive || p.stopped {
		return
	}
	w.note(ProcessStopped, noted{Generation: p.generation, PID: p.pid})
	p.stopped = true
	if w.choose.Below(2, PlaceSignal) == 1 {
		p.stopNews = true
		w.signalChildDied()
	}
	w.soon(span, goesOn, slot, 0)
}

func (w *World) continueProcess(slot int32) {
	p := &w.kernel.processes[slot]
	if !p.stopped {
		return
	}
	w.note(ProcessContinued, noted{Generation: p.generation, PID: p.pid})
	p.stopped = false
	w.unstash(slot, true)
}

// unstash takes what a stopped process left undone out of the stash; with do
// it happens now.
func (w *World) unstash(slot int32, do bool) {
	kept := w.stash[:0]
	for _, d := range w.stash {
		switch {
		case d.ref != slot:
			kept = append(kept, d)
		case do:
			w.schedule.push(d)
		}
	}
	w.stash = kept
}
