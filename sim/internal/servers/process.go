// Package servers is the layer of a simulated world that has the children of the daemon:
// processes with a behaviour, each with a machine of core/child, their sessions with
// clients, and what they say over their status channels.
package servers

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/clients"
	"github.com/stationmaster/stationmaster/sim/internal/contract"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// World is the world with servers.
type World struct {
	clients.World
	Judge       Judge
	Servers     [kernel.MaxProcesses]Server           // by slot
	stash       []agenda.Due                          // of stopped processes
	locks       [options.MaxNames * locksOfName]int32 // accept locks by lockKey: slot of the holder plus one
	sessions    []session
	Descendants []descendant
	InChild     bool                // a machine of a server makes a step
	Programs    map[string]*Program // by path; nil: all is drawn
}

// Judge looks at what becomes of servers.
type Judge interface {
	// Starting comes with a process that was started, before its behaviour is drawn.
	Starting(p *kernel.Process)
	// Given comes with a server and the settings of its service.
	Given(s *Server, entry *core.ServiceConfig)
	// Took comes when a server has taken something from a listener.
	Took(l *object.Description)
}

// Reset begins a run.
func (w *World) Reset(o options.Options) {
	w.World.Reset(o)
	w.stash, w.InChild = w.stash[:0], false
	clear(w.Servers[:])
	w.locks = [options.MaxNames * locksOfName]int32{}
	w.sessions, w.Descendants = w.sessions[:0], w.Descendants[:0]
}

// Server is what a child is besides a process: a machine with a behaviour.
type Server struct {
	P         *kernel.Process
	behaviour witness.Behaviour
	Good      bool // behaves as the laws of the second phase expect
	starts    bool // its main loop runs
	watching  bool // waits for a client
	woken     bool // and hears of one soon
	locks     bool // may wait for a client only with the accept lock
	Locking   bool // waits for the accept lock
	cutSeen   bool
	Deaf      bool // to SIGTERM
	leaving   bool // its machine wants it to end
	Dead      bool // nobody can kill it while it is executed: its disk does not answer
	timed     bool
	timerAt   core.Time // with timed
	BusyUntil core.Time // end of its latest session
	Service   core.ServiceID
	lockKey   int32
	sessions  int32
	diesAt    int32 // session in which it dies
	doomed    core.Signal
	passes    *object.Description // a connection over which a descriptor is to come
	looks     int                 // for it, so far
	saying    saying
	settings  child.Settings
	Conduct   contract.Conduct
	cheats    bool      // the world made it break its contract
	Glances   int8      // turns of the daemon since its start began, up to 2
	LookedAt  core.Time // the second of them
	Condemned bool      // the daemon has killed it because its start takes too long, or at the end
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

// Born draws who the new process is.
func (w *World) Born(p *kernel.Process) {
	w.Judge.Starting(p)
	w.SomeoneEnded() // whoever waits for ends learns that there is somebody to wait for
	s := &w.Servers[p.Slot]
	*s = Server{P: p, BusyUntil: w.Now}
	w.Lives[p.Slot]++
	if c := w.Book.Child(p.Generation); c != nil {
		s.Service = c.Service.ID
	}
	entry := w.entryOf(s.Service)
	if entry == nil {
		w.Fail("S9", "generation %d is started for nobody", p.Generation)
		return
	}
	w.Judge.Given(s, entry)
	w.birth(s, entry)
	w.Coverage.Behaviours[s.behaviour]++
	w.Note(witness.ProcessForked, stage.Noted{Service: s.Service, Generation: p.Generation, PID: p.PID, Number: int64(s.behaviour)})
	if p.Executing {
		if program := w.Programs[p.Path]; program != nil {
			w.executeScripted(s, program)
			return
		}
		s.Dead = w.Choose.Chance(w.O.DeadDisk, tape.Start)
		span := core.Microsecond + w.Choose.Delay(core.Duration(w.O.ExecMS)*core.Millisecond, tape.Start)
		if w.Choose.Below(2, tape.Start) == 1 {
			span = core.Duration(w.O.ExecMS) * core.Millisecond
		}
		if w.Choose.Chance(w.O.Shutdown/2, tape.Operator) { // the master ends with a start under way
			w.After(w.Choose.Delay(2*span, tape.Operator), agenda.DaemonSignaled, 0, int32(core.SIGTERM))
		}
		w.Soon(span, agenda.ExecEnds, p.Slot, int32([4]core.Errno{0, 0, 0, core.EIO}[w.Choose.Below(4, tape.Start)]))
	}
}

// entryOf returns the settings of a service that is there.
func (w *World) entryOf(id core.ServiceID) *core.ServiceConfig {
	if s := w.Book.Service(id); s != nil {
		return s.Entry
	}
	return nil
}

// ExecEnds is when the program of a child is executed, or cannot be.
func (w *World) ExecEnds(slot int32, e core.Errno) {
	s := &w.Servers[slot]
	switch {
	case s.doomed != 0:
		w.exit(slot, core.KilledBy(s.doomed))
	case e != 0:
		w.dropServer(slot, witness.ClientLost)
		w.Kernel.Executed(s.P, e)
	default:
		w.Kernel.Executed(s.P, 0)
		w.unstash(slot, true)
	}
}

// exit ends a process: its clients are dropped or served, its lock is given
// up, its end of the channel is closed, and it waits to be reaped.
func (w *World) exit(slot int32, status core.ExitStatus) {
	s := &w.Servers[slot]
	if !s.P.Alive() {
		return
	}
	w.Note(witness.ProcessExited, stage.Noted{Generation: s.P.Generation, PID: s.P.PID, Number: int64(status)})
	why := witness.ClientLost
	if s.behaviour == witness.Drain && status == 0 {
		why = witness.ClientServed
		w.leaveDescendant(s)
	}
	service := s.Service
	if status.Normal() && s.leaving {
		channel := s.P.StatusOf() // a daemon that cannot read it closes it
		s.Conduct.Cut = s.Conduct.Cut || channel == nil || channel.Readable()
		w.held(s, s.Conduct.Leaves(w.Now))
	}
	w.dropServer(slot, why)
	w.Kernel.Exit(s.P, status)
	if w.Choose.Chance(w.O.ArriveAtExit, tape.Arrival) {
		w.ArriveFor(service)
	}
	if w.Daemon.Gone {
		w.Kernel.ReapAll()
	}
}

// dropServer ends all that a server does.
func (w *World) dropServer(slot int32, why witness.Happened) {
	s := &w.Servers[slot]
	for i := range w.sessions {
		if w.sessions[i].slot == slot {
			w.closeSession(int32(i), why)
		}
	}
	if s.passes != nil {
		w.Kernel.Release(s.passes)
		s.passes = nil
	}
	s.watching, s.Locking, s.saying = false, false, saying{}
	w.unlock(slot)
	w.unstash(slot, false)
	w.Lives[slot]++
}

// leaveDescendant keeps the status channel of a child that leaves in the hands of a
// process that nobody knows. It may speak, and ends some day.
func (w *World) leaveDescendant(s *Server) {
	status := s.P.StatusOf()
	if status == nil {
		return
	}
	w.Descendants = append(w.Descendants, descendant{status.Hold(), s.P.Generation, s.P.PID})
	ref := int32(len(w.Descendants) - 1)
	w.After(w.Choose.Delay(core.Second, tape.Exit), agenda.DescendantSpeaks, ref, 0)
	w.After(core.Millisecond+w.Choose.Delay(20*core.Second, tape.Exit), agenda.DescendantEnds, ref, 0)
}

// DescendantSpeaks: what a child left behind writes into the channel that it
// inherited, whether its parent is reaped or not.
func (w *World) DescendantSpeaks(ref int32) {
	x := &w.Descendants[ref]
	if x.status == nil {
		return
	}
	msg := wire.Message{PID: int32(x.pid), Generation: uint32(x.generation), Status: wire.Status(w.Choose.Below(2, tape.Status))}
	var room [wire.StatusSize]byte
	if _, e := w.Kernel.Say(x.status, msg.Append(room[:0])); e == 0 {
		w.Met(witness.DescendantSpoke, true)
	}
}

// DescendantEnds closes the status channel that a descendant inherited.
func (w *World) DescendantEnds(ref int32) {
	if x := &w.Descendants[ref]; x.status != nil {
		status := x.status
		x.status = nil
		w.Kernel.Release(status)
	}
}

// Kill sends a signal to a process.
func (w *World) Kill(slot int32, s core.Signal) {
	w.Soon(w.Choose.Delay(core.Millisecond, tape.Signal), agenda.SignalArrives, slot, int32(s))
}

// SignalArrives: SIGKILL always ends, anything else waits while the process
// is stopped.
func (w *World) SignalArrives(slot int32, sig core.Signal) {
	s := &w.Servers[slot]
	if !s.P.Alive() {
		return
	}
	w.Note(witness.ProcessSignaled, stage.Noted{Generation: s.P.Generation, PID: s.P.PID, Number: int64(sig)})
	s.Conduct.Ending = true
	switch {
	case s.P.Executing && s.Dead:
		s.doomed = sig
	case sig == core.SIGKILL || s.P.Executing: // nothing is ignored or caught yet
		w.exit(slot, core.KilledBy(sig))
	case s.P.Stopped:
		w.stash = append(w.stash, agenda.Due{When: w.Now, What: agenda.SignalArrives, Ref: slot, Life: w.Lives[slot], Arg: int32(sig)})
	case sig == core.SIGTERM && s.Deaf:
	case sig == core.SIGTERM && s.behaviour == witness.SlowTerm:
		w.Soon(w.Choose.Delay(10*core.Second, tape.Signal), agenda.ServerDies, slot, int32(core.ExitedWith(0)))
	default:
		w.exit(slot, core.KilledBy(sig))
	}
}

// StopProcess is SIGSTOP; it goes on after the span. The daemon is told of those that
// are traced.
func (w *World) StopProcess(slot int32, span core.Duration) {
	s := &w.Servers[slot]
	if !s.P.Alive() || s.P.Stopped || s.P.Executing {
		return
	}
	w.Note(witness.ProcessStopped, stage.Noted{Generation: s.P.Generation, PID: s.P.PID})
	s.Conduct.Paused = true
	told := w.Choose.Below(2, tape.Signal) == 1
	w.Kernel.Stop(s.P, 19, told)
	if told {
		w.SomeoneEnded()
	}
	w.Soon(span, agenda.GoesOn, slot, 0)
}

// ContinueProcess is SIGCONT: what the process left undone happens now.
func (w *World) ContinueProcess(slot int32) {
	s := &w.Servers[slot]
	if !s.P.Stopped {
		return
	}
	w.Note(witness.ProcessContinued, stage.Noted{Generation: s.P.Generation, PID: s.P.PID})
	s.P.Stopped = false
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
			w.Schedule.Push(d)
		}
	}
	w.stash = kept
}

// Adopt makes a process that the daemon did not start a child of the daemon; it ends in some way.
func (w *World) Adopt() {
	p := w.Kernel.Adopt()
	if p == nil {
		return
	}
	w.Servers[p.Slot] = Server{P: p}
	w.Lives[p.Slot]++
	status := [5]core.ExitStatus{
		0, core.ExitedWith(1), core.ExitedWith(uint8(w.Choose.Below(256, tape.Stranger))), core.KilledBy(core.SIGSEGV), core.KilledBy(core.SIGKILL),
	}
	w.Soon(w.Choose.Delay(core.Second, tape.Stranger), agenda.OrphanEnds, p.Slot, int32(status[w.Choose.Below(5, tape.Stranger)]))
}

// OrphanEnds ends a process that the daemon did not start.
func (w *World) OrphanEnds(slot int32, status core.ExitStatus) {
	w.Kernel.Exit(w.Servers[slot].P, status)
	w.Lives[slot]++
}

// Stale reports whether what was scheduled concerns a process that is gone, or
// a turn that was made earlier. For a stopped process it is kept until that goes on.
func (w *World) Stale(d *agenda.Due) bool {
	if d.What == agenda.TurnBegins {
		return d.Arg != w.Daemon.Plan
	}
	if d.Life == 0 {
		return false
	}
	if w.Lives[d.Ref] != d.Life {
		return true
	}
	if d.What.OfServer() && w.Kernel.Process(d.Ref).Stopped {
		w.stash = append(w.stash, *d)
		return true
	}
	return false
}
