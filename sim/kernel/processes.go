package kernel

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// sigstop and sigcont are not among the signals that the core names.
const (
	sigcont core.Signal = 18
	sigstop core.Signal = 19
)

// SetProgram puts a program at the path; processes that run keep theirs.
func (k *Kernel) SetProgram(path string, p Program) { k.programs[path] = p }

// RemoveProgram takes it away: to execute it fails with ENOENT.
func (k *Kernel) RemoveProgram(path string) { delete(k.programs, path) }

// Start starts a process that shares the descriptions of p.Files. Like the real
// one on an older system it needs two descriptors for the time of the call. Nobody
// waits for a program that is executed slowly: no time passes in a call.
func (k *Kernel) Start(p *sys.Process) (sys.Launch, core.StartStep, core.Errno) {
	none := sys.Launch{}
	if !k.isRoot() {
		k.breach("%s is started with the identity of %d", p.Path, k.uid)
	}
	if e := k.enter(callStart); e != 0 {
		if step := startStep(e); step == core.StartFork {
			return none, step, e
		}
		return k.remains(p), core.StartExec, e
	}
	files := make([]*description, len(p.Files))
	for n, fd := range p.Files {
		if files[n] = k.at(fd, callStart); files[n] == nil {
			return none, core.StartFork, core.EBADF
		}
	}
	if !k.room(2) {
		return none, core.StartFork, core.EMFILE
	}
	pid, ok := k.freePID()
	if !ok {
		return none, core.StartFork, core.EAGAIN
	}
	program, ok := k.programs[p.Path]
	if !ok {
		return k.remains(p), core.StartExec, core.ENOENT
	}
	for _, d := range files {
		d.refs++
	}
	child := &Process{kernel: k, PID: pid, Path: p.Path, Argv: slices.Clone(p.Argv), program: program, fds: files, listeners: len(files) - wire.ListenFD}
	child.executing = program.Exec > 0
	delete(k.unexecuted, pid)
	for _, v := range p.Env {
		if text, ok := strings.CutPrefix(v, wire.GenerationVariable+"="); ok {
			child.Generation, _ = wire.ParseGeneration(text)
		}
	}
	k.processes = append(k.processes, child)
	if k.started != nil {
		k.started(child)
	}
	if child.executing {
		return sys.Launch{PID: pid}, core.StartNone, core.EINPROGRESS
	}
	return sys.Launch{PID: pid}, core.StartNone, 0
}

// remains is what is left of a start whose exec failed at once: perhaps a process that
// has yet to be reaped, as with the list of calls, perhaps none, as with the library.
func (k *Kernel) remains(p *sys.Process) sys.Launch {
	pid, ok := k.freePID()
	if !ok || !k.dice.chance(500) {
		return sys.Launch{}
	}
	child := &Process{kernel: k, PID: pid, Path: p.Path}
	k.processes = append(k.processes, child)
	child.end(core.ExitedWith(notExecuted))
	return sys.Launch{PID: pid}
}

// notExecuted is the exit status of a process that could not execute its program.
const notExecuted = 127

// Launched tells what has become of a start that was under way, by chance a moment too
// early, but not when the program has begun.
func (k *Kernel) Launched(l *sys.Launch, _ core.Duration) (core.StartStep, core.Errno) {
	if p := k.process(l.PID); p != nil && (p.executing || !p.begun && k.dice.chance(300)) {
		return core.StartNone, core.EINPROGRESS
	}
	if e := k.unexecuted[l.PID]; e != 0 {
		return core.StartExec, e
	}
	return core.StartNone, 0
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

func (k *Kernel) freePID() (core.PID, bool) {
	for pid := core.PID(firstPID); pid <= lastPID; pid++ {
		if k.process(pid) == nil {
			return pid, true
		}
	}
	return 0, false
}

// process finds a child that is not reaped.
func (k *Kernel) process(pid core.PID) *Process {
	for _, p := range k.processes {
		if p.PID == pid {
			return p
		}
	}
	return nil
}

// Wait takes the status of one child that ended.
func (k *Kernel) Wait() (sys.Reaped, core.Errno) {
	if e := k.enter(callWait); e != 0 {
		return sys.Reaped{}, e
	}
	for n, p := range k.processes {
		if p.ended {
			k.processes = slices.Delete(k.processes, n, n+1)
			return sys.Reaped{PID: p.PID, Status: p.status}, 0
		}
	}
	return sys.Reaped{Alive: len(k.processes) > 0}, 0
}

// WaitFor takes the status of one child if it ended. ECHILD, when it fails so on
// purpose, means that somebody else has taken it. By chance it is too early: a child
// has closed what it held, and its status is not there yet.
func (k *Kernel) WaitFor(pid core.PID) (sys.Reaped, core.Errno) {
	e := k.enter(callWaitFor)
	n := slices.IndexFunc(k.processes, func(p *Process) bool { return p.PID == pid })
	switch {
	case n < 0:
		k.breach("wait for %d, which is no child of the daemon", pid)
		return sys.Reaped{}, core.ECHILD
	case e == core.ECHILD && k.processes[n].ended:
		k.processes = slices.Delete(k.processes, n, n+1)
		return sys.Reaped{}, e
	case e != 0 && e != core.ECHILD:
		return sys.Reaped{}, e
	case !k.processes[n].ended || k.dice.chance(300):
		return sys.Reaped{Alive: true}, 0
	}
	status := k.processes[n].status
	k.processes = slices.Delete(k.processes, n, n+1)
	return sys.Reaped{PID: pid, Status: status}, 0
}

// Adopts says no.
func (k *Kernel) Adopts() bool { return false }

// Kill sends a signal to a child, or to the daemon's group. To signal anybody
// else is never right.
func (k *Kernel) Kill(pid core.PID, s core.Signal) core.Errno {
	if e := k.enter(callKill); e != 0 {
		return e
	}
	if pid == -DaemonPID {
		k.groupKilled = true
		for _, p := range slices.Clone(k.processes) {
			p.Signal(s)
		}
		return 0
	}
	p := k.process(pid)
	if p == nil {
		k.breach("signal %d to %d, which is no child of the daemon", s, pid)
		return core.ESRCH
	}
	p.Signal(s)
	return 0
}
