package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/contract"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// server is what a child is besides a process: a machine with a behaviour.
type server struct {
	p         *kernel.Process
	behaviour witness.Behaviour
	good      bool // behaves as the laws of the second phase expect
	starts    bool // its main loop runs
	watching  bool // waits for a client
	woken     bool // and hears of one soon
	locks     bool // may wait for a client only with the accept lock
	locking   bool // waits for the accept lock
	cutSeen   bool
	deaf      bool // to SIGTERM
	leaving   bool // its machine wants it to end
	dead      bool // nobody can kill it while it is executed: its disk does not answer
	timed     bool
	timerAt   core.Time // with timed
	busyUntil core.Time // end of its latest session
	service   core.ServiceID
	lockKey   int32
	sessions  int32
	diesAt    int32 // session in which it dies
	doomed    core.Signal
	passes    *object.Description // a connection over which a descriptor is to come
	looks     int                 // for it, so far
	saying    saying
	settings  child.Settings
	conduct   contract.Conduct
	cheats    bool      // the world made it break its contract
	glances   int8      // turns of the daemon since its start began, up to 2
	lookedAt  core.Time // the second of them
	condemned bool      // the daemon has killed it because its start takes too long, or at the end
	machine   child.Machine
}

// saying is what a child still has to write.
type saying struct {
	rest   [4 * wire.StatusSize]byte
	unsent int
	waits  int // a report of available waits for its answer until rest is written
}

// session is one connection that a server has.
type session struct {
	conn   *object.Description // nil: of a FIFO or a datagram socket
	slot   int32               // -1: over
	client int32               // -1: the daemon's, or nobody's
	number int32
}

// descendant is a process that a child left behind, with its status channel.
type descendant struct {
	status     *object.Description
	generation core.Generation
	pid        core.PID
}

// born draws who the new process is.
func (w *World) born(p *kernel.Process) {
	w.checkWords(p)
	w.checkHanging(p)
	w.someoneEnded() // whoever waits for ends learns that there is somebody to wait for
	s := &w.servers[p.Slot]
	*s = server{p: p, busyUntil: w.now}
	w.lives[p.Slot]++
	if c := w.book.Child(p.Generation); c != nil {
		s.service = c.Service.ID
	}
	entry := w.entryOf(s.service)
	if entry == nil {
		w.fail("S9", "generation %d is started for nobody", p.Generation)
		return
	}
	w.checkGiven(s, entry)
	w.birth(s, entry)
	w.Coverage.Behaviours[s.behaviour]++
	w.note(witness.ProcessForked, noted{Service: s.service, Generation: p.Generation, PID: p.PID, Number: int64(s.behaviour)})
	if p.Executing {
		if program := w.programs[p.Path]; program != nil {
			w.executeScripted(s, program)
			return
		}
		s.dead = w.choose.Chance(w.o.DeadDisk, tape.Start)
		span := core.Microsecond + w.choose.Delay(core.Duration(w.o.ExecMS)*core.Millisecond, tape.Start)
		if w.choose.Below(2, tape.Start) == 1 {
			span = core.Duration(w.o.ExecMS) * core.Millisecond
		}
		if w.choose.Chance(w.o.Shutdown/2, tape.Operator) { // the master ends with a start under way
			w.after(w.choose.Delay(2*span, tape.Operator), agenda.DaemonSignaled, 0, int32(core.SIGTERM))
		}
		w.soon(span, agenda.ExecEnds, p.Slot, int32([4]core.Errno{0, 0, 0, core.EIO}[w.choose.Below(4, tape.Start)]))
	}
}

// entryOf returns the settings of a service that is there.
func (w *World) entryOf(id core.ServiceID) *core.ServiceConfig {
	if s := w.book.Service(id); s != nil {
		return s.Entry
	}
	return nil
}

// execEnds is when the program of a child is executed, or cannot be.
func (w *World) execEnds(slot int32, e core.Errno) {
	s := &w.servers[slot]
	switch {
	case s.doomed != 0:
		w.exit(slot, core.KilledBy(s.doomed))
	case e != 0:
		w.dropServer(slot, witness.ClientLost)
		w.kernel.Executed(s.p, e)
	default:
		w.kernel.Executed(s.p, 0)
		w.unstash(slot, true)
	}
}

// exit ends a process: its clients are dropped or served, its lock is given
// up, its end of the channel is closed, and it waits to be reaped.
func (w *World) exit(slot int32, status core.ExitStatus) {
	s := &w.servers[slot]
	if !s.p.Alive() {
		return
	}
	w.note(witness.ProcessExited, noted{Generation: s.p.Generation, PID: s.p.PID, Number: int64(status)})
	why := witness.ClientLost
	if s.behaviour == witness.Drain && status == 0 {
		why = witness.ClientServed
		w.leaveDescendant(s)
	}
	service := s.service
	if status.Normal() && s.leaving {
		channel := s.p.StatusOf() // a daemon that cannot read it closes it
		s.conduct.Cut = s.conduct.Cut || channel == nil || channel.Readable()
		w.held(s, s.conduct.Leaves(w.now))
	}
	w.dropServer(slot, why)
	w.kernel.Exit(s.p, status)
	if w.choose.Chance(w.o.ArriveAtExit, tape.Arrival) {
		w.arriveFor(service)
	}
	if w.daemon.gone {
		w.kernel.ReapAll()
	}
}

// dropServer ends all that a server does.
func (w *World) dropServer(slot int32, why witness.Happened) {
	s := &w.servers[slot]
	for i := range w.sessions {
		if w.sessions[i].slot == slot {
			w.closeSession(int32(i), why)
		}
	}
	if s.passes != nil {
		w.kernel.Release(s.passes)
		s.passes = nil
	}
	s.watching, s.locking, s.saying = false, false, saying{}
	w.unlock(slot)
	w.unstash(slot, false)
	w.lives[slot]++
}

// leaveDescendant keeps the status channel of a child that leaves in the hands of a
// process that nobody knows. It may speak, and ends some day.
func (w *World) leaveDescendant(s *server) {
	status := s.p.StatusOf()
	if status == nil {
		return
	}
	w.descendants = append(w.descendants, descendant{status.Hold(), s.p.Generation, s.p.PID})
	ref := int32(len(w.descendants) - 1)
	w.after(w.choose.Delay(core.Second, tape.Exit), agenda.DescendantSpeaks, ref, 0)
	w.after(core.Millisecond+w.choose.Delay(20*core.Second, tape.Exit), agenda.DescendantEnds, ref, 0)
}

// descendantSpeaks: what a child left behind writes into the channel that it
// inherited, whether its parent is reaped or not.
func (w *World) descendantSpeaks(ref int32) {
	x := &w.descendants[ref]
	if x.status == nil {
		return
	}
	msg := wire.Message{PID: int32(x.pid), Generation: uint32(x.generation), Status: wire.Status(w.choose.Below(2, tape.Status))}
	var room [wire.StatusSize]byte
	if _, e := w.kernel.Say(x.status, msg.Append(room[:0])); e == 0 {
		w.met(witness.DescendantSpoke, true)
	}
}

func (w *World) descendantEnds(ref int32) {
	if x := &w.descendants[ref]; x.status != nil {
		status := x.status
		x.status = nil
		w.kernel.Release(status)
	}
}

// kill sends a signal to a process.
func (w *World) kill(slot int32, s core.Signal) {
	w.soon(w.choose.Delay(core.Millisecond, tape.Signal), agenda.SignalArrives, slot, int32(s))
}

// signalArrives: SIGKILL always ends, anything else waits while the process
// is stopped.
func (w *World) signalArrives(slot int32, sig core.Signal) {
	s := &w.servers[slot]
	if !s.p.Alive() {
		return
	}
	w.note(witness.ProcessSignaled, noted{Generation: s.p.Generation, PID: s.p.PID, Number: int64(sig)})
	s.conduct.Ending = true
	switch {
	case s.p.Executing && s.dead:
		s.doomed = sig
	case sig == core.SIGKILL || s.p.Executing: // nothing is ignored or caught yet
		w.exit(slot, core.KilledBy(sig))
	case s.p.Stopped:
		w.stash = append(w.stash, agenda.Due{When: w.now, What: agenda.SignalArrives, Ref: slot, Life: w.lives[slot], Arg: int32(sig)})
	case sig == core.SIGTERM && s.deaf:
	case sig == core.SIGTERM && s.behaviour == witness.SlowTerm:
		w.soon(w.choose.Delay(10*core.Second, tape.Signal), agenda.ServerDies, slot, int32(core.ExitedWith(0)))
	default:
		w.exit(slot, core.KilledBy(sig))
	}
}

// stopProcess is SIGSTOP; it goes on after the span. The daemon is told of those that
// are traced.
func (w *World) stopProcess(slot int32, span core.Duration) {
	s := &w.servers[slot]
	if !s.p.Alive() || s.p.Stopped || s.p.Executing {
		return
	}
	w.note(witness.ProcessStopped, noted{Generation: s.p.Generation, PID: s.p.PID})
	s.conduct.Paused = true
	told := w.choose.Below(2, tape.Signal) == 1
	w.kernel.Stop(s.p, 19, told)
	if told {
		w.someoneEnded()
	}
	w.soon(span, agenda.GoesOn, slot, 0)
}

func (w *World) continueProcess(slot int32) {
	s := &w.servers[slot]
	if !s.p.Stopped {
		return
	}
	w.note(witness.ProcessContinued, noted{Generation: s.p.Generation, PID: s.p.PID})
	s.p.Stopped = false
	w.unstash(slot, true)
}

// unstash takes what a stopped process left undone out of the stash; with do
// it happens now.
func (w *World) unstash(slot int32, do bool) {
	kept := w.stash[:0]
	for _, d := range w.stash {
		switch {
		case d.Ref != slot:
			kept = append(kept, d)
		case do:
			w.schedule.Push(d)
		}
	}
	w.stash = kept
}

// adopt gives the daemon a process that it did not start, which ends in some way.
func (w *World) adopt() {
	p := w.kernel.Adopt()
	if p == nil {
		return
	}
	w.servers[p.Slot] = server{p: p}
	w.lives[p.Slot]++
	status := [5]core.ExitStatus{
		0, core.ExitedWith(1), core.ExitedWith(uint8(w.choose.Below(256, tape.Stranger))), core.KilledBy(core.SIGSEGV), core.KilledBy(core.SIGKILL),
	}
	w.soon(w.choose.Delay(core.Second, tape.Stranger), agenda.OrphanEnds, p.Slot, int32(status[w.choose.Below(5, tape.Stranger)]))
}

func (w *World) orphanEnds(slot int32, status core.ExitStatus) {
	w.kernel.Exit(w.servers[slot].p, status)
	w.lives[slot]++
}
