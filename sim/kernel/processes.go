package kernel

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// MaxProcesses bounds the processes, zombies included: they are bits of a word.
const MaxProcesses = 64

// FirstPID is the lowest process identity of a child.
const FirstPID core.PID = 101

// Process is a child of the daemon, or an orphan that it adopted, from its start
// until it is reaped.
type Process struct {
	Slot       int32
	PID        core.PID // 0: there is none
	Path       string
	Generation core.Generation
	Transport  string
	Stress     bool
	Announced  int                   // listeners that the command line says it has
	FDs        []*object.Description // from wire.ListenFD on what it listens on
	Executing  bool                  // its program is not executed yet
	Stopped    bool
	Ended      bool // a zombie
	Orphan     bool
	Failed     bool // its start has failed, and it is nobody's child
	Status     core.ExitStatus

	Root bool // it is started as root with root's groups

	copies  []*object.Description // of the daemon's descriptors, until its program is executed
	argv    []string
	environ []string
	stopped core.Signal // a stop that was not reported
}

// Alive reports whether there is a process that has not ended.
func (p *Process) Alive() bool { return p.PID != 0 && !p.Ended }

// Process returns the process of a slot, which may be empty.
func (k *Kernel) Process(slot int32) *Process { return &k.processes[slot] }

// Processes are those that are not reaped, in the order of their starts.
func (k *Kernel) Processes() []*Process { return k.Order }

// newProcess makes a process with a free identity; nil when there is none. Which one
// is chosen: a number may be given again the moment it is reaped.
func (k *Kernel) newProcess() *Process {
	if len(k.Order) == MaxProcesses {
		return nil
	}
	for len(k.taken) < int(k.PIDs) {
		k.taken = append(k.taken, false)
	}
	n := uint32(k.PIDs)
	first := k.Choose.Below(n, tape.Start)
	for i := range n {
		at := (first + i) % n
		if k.taken[at] {
			continue
		}
		for slot := range k.processes {
			p := &k.processes[slot]
			if p.PID != 0 {
				continue
			}
			k.taken[at] = true
			*p = Process{Slot: int32(slot), PID: FirstPID + core.PID(at), argv: p.argv[:0], environ: p.environ[:0], FDs: p.FDs[:0], copies: p.copies[:0]}
			k.Order = append(k.Order, p)
			return p
		}
	}
	return nil
}

// reap forgets a process; its number is free.
func (k *Kernel) reap(p *Process) {
	k.host.Reaped(p)
	k.taken[p.PID-FirstPID] = false
	k.Order = slices.DeleteFunc(k.Order, func(o *Process) bool { return o == p })
	p.PID, p.Ended, p.Stopped, p.stopped = 0, false, false, 0
}

// Start starts a process that shares the descriptions of p.Files. Like the real
// one on an older system it needs two descriptors for the time of the call. Nobody
// waits for a program that is executed slowly: no time passes in a call.
func (k *Kernel) Start(p *sys.Process) (sys.Launch, core.StartStep, core.Errno) {
	none := sys.Launch{}
	if !k.IsRoot() {
		k.Breach("%s is started with the identity of %d", p.Path, k.UID)
	}
	e := k.Enter(fault.Start)
	late := false
	if e == 0 {
		e, late = k.host.Start(p.Path)
	}
	if e != 0 {
		if step := startStep(e); step == core.StartFork {
			return none, step, e
		}
		return k.remains(p), core.StartExec, e
	}
	for _, fd := range p.Files {
		if k.at(fd, fault.Start) == nil {
			return none, core.StartFork, core.EBADF
		}
	}
	if !k.Room(2) {
		return none, core.StartFork, core.EMFILE
	}
	child := k.newProcess()
	if child == nil {
		return none, core.StartFork, core.EAGAIN
	}
	delete(k.unexecuted, child.PID)
	child.Path, child.Executing = p.Path, late
	child.argv, child.environ = append(child.argv, p.Argv...), append(child.environ, p.Env...)
	child.Root = p.Root
	child.readArguments()
	for _, v := range p.Env {
		if text, ok := strings.CutPrefix(v, wire.GenerationVariable+"="); ok {
			g, _ := wire.ParseGeneration(text)
			child.Generation = core.Generation(g)
		}
	}
	for _, fd := range p.Files {
		d := k.Descriptors[fd]
		d.Refs++
		child.FDs = append(child.FDs, d)
	}
	if status := child.StatusOf(); status != nil && status.Peer != nil {
		status.Peer.Child = child.Generation
	}
	if child.Executing {
		k.copyTable(child)
	}
	k.host.Started(child)
	if child.Executing {
		return sys.Launch{PID: child.PID}, core.StartNone, core.EINPROGRESS
	}
	return sys.Launch{PID: child.PID}, core.StartNone, 0
}

// copyTable gives a process copies of all descriptors of the daemon. They are closed when
// its program is executed.
func (k *Kernel) copyTable(p *Process) {
	for _, d := range k.Descriptors {
		if d != nil {
			d.Refs++
			p.copies = append(p.copies, d)
		}
	}
}

// Copied reports whether a process that is being started has copies of the daemon's
// descriptors.
func (k *Kernel) Copied() bool {
	for _, p := range k.Order {
		if len(p.copies) > 0 {
			return true
		}
	}
	return false
}

func (k *Kernel) closeCopies(p *Process) {
	for _, d := range p.copies {
		k.Release(d)
	}
	p.copies = p.copies[:0]
}

// Argv are the words of its command line, and Environment is what it is given with them.
func (p *Process) Argv() []string        { return p.argv }
func (p *Process) Environment() []string { return p.environ }

// readArguments takes in what the command line says.
func (p *Process) readArguments() {
	p.Announced = 1
	for n := 1; n < len(p.argv); n++ {
		switch word := p.argv[n-1]; {
		case word == "-t":
			p.Transport = p.argv[n]
		case word == "-o" && p.argv[n] == "stress=yes":
			p.Stress = true
		case word == "-s" && len(p.argv[n]) == 1:
			p.Announced = int(p.argv[n][0] - '0')
		}
	}
}

// Listeners are how many descriptors it listens on.
func (p *Process) Listeners() int { return max(0, len(p.FDs)-wire.ListenFD) }

// remains is what is left of a start whose exec failed at once: perhaps a process that
// has yet to be reaped, as with the list of calls, perhaps none, as with the library.
func (k *Kernel) remains(p *sys.Process) sys.Launch {
	if !k.Choose.Chance(k.Odds.Remains, tape.Start) {
		return sys.Launch{}
	}
	child := k.newProcess()
	if child == nil {
		return sys.Launch{}
	}
	child.Path, child.Failed = p.Path, true
	k.Exit(child, core.ExitedWith(notExecuted))
	return sys.Launch{PID: child.PID}
}

// notExecuted is the exit status of a process that could not execute its program.
const notExecuted = 127

// Launched says what has become of a start that was under way.
func (k *Kernel) Launched(l *sys.Launch, _ core.Duration) (core.StartStep, core.Errno) {
	if p := k.ProcessOf(l.PID); p != nil && p.Executing {
		return core.StartNone, core.EINPROGRESS
	}
	if e := k.unexecuted[l.PID]; e != 0 {
		return core.StartExec, e
	}
	return core.StartNone, 0
}

// Executed ends the exec of a process: with an error it ends itself.
func (k *Kernel) Executed(p *Process, e core.Errno) {
	p.Executing = false
	k.closeCopies(p)
	if e != 0 {
		k.unexecuted[p.PID] = e
		p.Failed = true
		k.Exit(p, core.ExitedWith(notExecuted))
	}
}

// startStep is the rule of sys.Linux on an older system; on others an exec can run
// out of memory as well.
func startStep(e core.Errno) core.StartStep {
	switch e {
	case core.EAGAIN, core.ENOMEM, core.EMFILE, core.ENFILE, core.EBADF:
		return core.StartFork
	}
	return core.StartExec
}

// ProcessOf returns the process of an identity that is not reaped; nil: there is none.
func (k *Kernel) ProcessOf(pid core.PID) *Process {
	for _, p := range k.Order {
		if p.PID == pid {
			return p
		}
	}
	return nil
}

// Exit makes the process a zombie. What it held is closed.
func (k *Kernel) Exit(p *Process, s core.ExitStatus) {
	p.Ended, p.Status, p.Executing, p.Stopped = true, s, false, false
	for n := range p.FDs {
		k.CloseFile(p, n)
	}
	p.FDs = p.FDs[:0]
	k.closeCopies(p)
	k.host.Ended()
}

// CloseFile closes one descriptor of a process.
func (k *Kernel) CloseFile(p *Process, n int) {
	if d := p.FDs[n]; d != nil {
		d.Waiters &^= 1 << p.Slot
		p.FDs[n] = nil
		k.Release(d)
	}
}

// Stop stops a process, and with told has it reported, as for one that is traced.
func (k *Kernel) Stop(p *Process, s core.Signal, told bool) {
	p.Stopped = true
	if told {
		p.stopped = s
	}
}

// Adopt makes a process that the daemon did not start a child of the daemon.
func (k *Kernel) Adopt() *Process {
	p := k.newProcess()
	if p != nil {
		p.Orphan = true
	}
	return p
}

// HasChildren reports whether there is a child that the daemon started and has not
// reaped.
func (k *Kernel) HasChildren() bool {
	for _, p := range k.Order {
		if !p.Orphan {
			return true
		}
	}
	return false
}

// SomebodyEnded reports whether there is a process to be reaped.
func (k *Kernel) SomebodyEnded() bool {
	for _, p := range k.Order {
		if p.Ended || p.stopped != 0 {
			return true
		}
	}
	return false
}

// Wait takes the status of one child that ended; which of several is chosen.
func (k *Kernel) Wait() (sys.Reaped, core.Errno) {
	if e := k.Enter(fault.Wait); e != 0 {
		return sys.Reaped{}, e
	}
	n := uint32(len(k.Order))
	if !k.SomebodyEnded() {
		k.answered = k.Faults().Questions
		return sys.Reaped{Alive: n > 0}, 0
	}
	first := k.Choose.Below(n, tape.Reap)
	for i := range n {
		if p := k.Order[(first+i)%n]; p.Ended || p.stopped != 0 {
			return k.report(p), 0
		}
	}
	return sys.Reaped{Alive: true}, 0
}

// report is what the daemon learns of a process.
func (k *Kernel) report(p *Process) sys.Reaped {
	r := sys.Reaped{PID: p.PID, Status: p.Status}
	if p.stopped != 0 && !p.Ended {
		r.Stopped, r.Status, p.stopped = p.stopped, 0, 0
		k.host.Reported(p, r, false)
		return r
	}
	k.host.Reported(p, r, false)
	k.reap(p)
	return r
}

// WaitFor takes the status of one child if it ended. ECHILD, when it fails so on
// purpose, means that somebody else has taken it. By chance it is too early: a child
// has closed what it held, and its status is not there yet.
func (k *Kernel) WaitFor(pid core.PID) (sys.Reaped, core.Errno) {
	e := k.Enter(fault.WaitFor)
	p := k.ProcessOf(pid)
	switch {
	case p == nil:
		k.Breach("wait for %d, which is no child of the daemon", pid)
		return sys.Reaped{}, core.ECHILD
	case e == core.ECHILD && p.Ended:
		k.host.Reported(p, sys.Reaped{PID: pid, Status: p.Status}, true)
		k.reap(p)
		return sys.Reaped{}, e
	case e != 0 && e != core.ECHILD:
		return sys.Reaped{}, e
	case !p.Ended || k.Choose.Chance(k.Odds.Early, tape.Reap):
		return sys.Reaped{Alive: true}, 0
	}
	return k.report(p), 0
}

// AllAnswered reports whether no question who has ended has failed since the daemon was
// last told that nobody else has.
func (k *Kernel) AllAnswered() bool { return k.answered == k.Faults().Questions }

// Signalling returns whom the daemon signals, or signalled last.
func (k *Kernel) Signalling() core.PID { return k.signalling }

// ReapAll is what another process does when the daemon is gone.
func (k *Kernel) ReapAll() {
	for i := len(k.Order) - 1; i >= 0; i-- {
		if p := k.Order[i]; p.Ended {
			k.reap(p)
		}
	}
}

// Adopts reports whether the daemon reaps orphans.
func (k *Kernel) Adopts() bool { return k.Init }

// Kill sends a signal to a child, or to the daemon's group. To signal anybody
// else is never right.
func (k *Kernel) Kill(pid core.PID, s core.Signal) core.Errno {
	k.signalling = pid
	if e := k.Enter(fault.Kill); e != 0 {
		return e
	}
	if pid == -DaemonPID {
		k.groupKilled = true
		k.host.GroupSignaled(s)
		for slot := range k.processes {
			if p := &k.processes[slot]; p.Alive() && !p.Orphan {
				k.host.Signaled(p, s)
			}
		}
		return 0
	}
	p := k.ProcessOf(pid)
	if p == nil || p.Orphan {
		k.Breach("signal %d to %d, which is no child of the daemon", s, pid)
		return core.ESRCH
	}
	if !p.Ended {
		k.host.Signaled(p, s)
	}
	return 0
}

// GroupKilled reports whether the daemon has signalled its process group.
func (k *Kernel) GroupKilled() bool { return k.groupKilled }

// Await has the process woken when the description can be read, now if it can.
func (k *Kernel) Await(p *Process, d *object.Description) {
	d.Waiters |= 1 << p.Slot
	if d.Readable() {
		k.host.Readable(1 << p.Slot)
	}
}

// Rest ends what Await began.
func (k *Kernel) Rest(p *Process, d *object.Description) { d.Waiters &^= 1 << p.Slot }

// StatusOf is the process's end of its status channel; nil when it has closed it.
func (p *Process) StatusOf() *object.Description {
	if len(p.FDs) <= wire.StatusFD {
		return nil
	}
	return p.FDs[wire.StatusFD]
}
