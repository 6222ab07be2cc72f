// Package kernel is a kernel in memory: files, descriptors, sockets, pipes, a poll
// set and processes, so that the production osadapter.Driver carries a real
// core.Machine without touching the system. It is deterministic, and every call of
// every kind can be told to fail with an error of its choice (Fault), or fails by
// chance (Odds).
//
// Package kernel has the system calls and the processes. What descriptors lead to is in
// kernel/object, which call fails when in kernel/fault, and what is wrong between the
// driver's books and this kernel in kernel/audit, which stands above.
//
// It refuses to be a whole kernel: it knows what osadapter asks for and what the
// children and clients of a simulated world need. What it does know it does as
// Linux does; a test asks both the same questions. It starts no goroutine, reads no
// clock and opens nothing. Who lives in it, and when, is the business of its Host.
package kernel

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// DaemonPID is the process identity of the daemon.
const DaemonPID core.PID = 1000

// umask is what the daemon sets at its start.
const umask = 0o077

// Host is the world around the daemon. Its methods are called in the middle of a
// system call; they must not call the daemon.
type Host interface {
	object.Watcher
	// Between comes before a call of the daemon, by chance: others run meanwhile.
	Between(c fault.Call)
	// Start says what becomes of a start: an error, or a program that is not
	// executed yet, or neither.
	Start(path string) (e core.Errno, late bool)
	// Started comes with a process that was started.
	Started(p *Process)
	// Ended comes when a process has ended, and Reaped when its status is taken.
	Ended()
	Reaped(p *Process)
	// Reported comes with what the daemon learns of a process; stolen: nothing but
	// that it is gone.
	Reported(p *Process, r sys.Reaped, stolen bool)
	// Heard comes with what the daemon read from the status channel of a child.
	Heard(g core.Generation, b []byte)
	// GroupSignaled comes with a signal of the daemon to its process group.
	GroupSignaled(s core.Signal)
	// Signaled comes with a signal of the daemon to a living process.
	Signaled(p *Process, s core.Signal)
}

// Kernel is the system. Its exported methods that osadapter.Kernel names are the
// daemon's system calls; the others are what children, clients and strangers do, and
// never fail by a Fault. It is reset, not rebuilt, from run to run.
type Kernel struct {
	object.Table
	// PIDs is how many process identities there are.
	PIDs int32
	// Init makes the daemon the reaper of orphans.
	Init bool
	// Requests says that every connection of the daemon is a request for a wakeup.
	Requests bool

	host Host

	processes [MaxProcesses]Process
	Order     []*Process // not reaped, in the order of their starts

	Denied map[string]bool // files that were there when Lstat said, on purpose, that they were not

	wakeups     []core.Endpoint         // where requests for a wakeup went
	taken       []bool                  // identities in use
	unexecuted  map[core.PID]core.Errno // why the last process of the number was not executed, late
	answered    int                     // questions who has ended that had failed when one was last answered to the end
	signalling  core.PID                // whom the daemon signals, or signalled last
	groupKilled bool                    // the daemon has signalled its process group

	group uint32 // the supplementary one
	waits int    // of the daemon, with that before the first
}

// New returns a kernel for the host. It is ready after a Reset.
func New(host Host, choose *tape.Chooser) *Kernel {
	return &Kernel{
		host: host, Table: object.NewTable(host, fault.Injector{Choose: choose, Interrupt: host.Between}),
		Denied: map[string]bool{}, unexecuted: map[core.PID]core.Errno{},
	}
}

// Reset makes the kernel as it is when the daemon starts: with the directories
// private and public of the owner, and with the daemon's standard descriptors.
func (k *Kernel) Reset(owner core.Account) {
	k.PIDs, k.Init = MaxProcesses, false
	for i := range k.processes {
		k.processes[i] = Process{Slot: int32(i), argv: k.processes[i].argv[:0], environ: k.processes[i].environ[:0], FDs: k.processes[i].FDs[:0], copies: k.processes[i].copies[:0]}
	}
	k.Order = k.Order[:0]
	clear(k.Denied)
	clear(k.unexecuted)
	k.taken, k.wakeups = k.taken[:0], k.wakeups[:0]
	k.groupKilled, k.waits, k.group, k.answered, k.signalling = false, 1, 0, 0, 0
	k.Table.Reset(owner)
}

var _ osadapter.Kernel = (*Kernel)(nil)

// at returns the description of a descriptor. To use one that is not open is
// never right: it may be somebody else's a moment later.
func (k *Kernel) at(fd sys.FD, c fault.Call) *object.Description {
	if fd < 0 || int(fd) >= len(k.Descriptors) || k.Descriptors[fd] == nil {
		k.Breach("%s on descriptor %d, which is not open", c, fd)
		return nil
	}
	return k.Descriptors[fd]
}

func (k *Kernel) socketAt(fd sys.FD, c fault.Call) (*object.Description, core.Errno) {
	d := k.at(fd, c)
	switch {
	case d == nil:
		return nil, core.EBADF
	case d.Kind != object.SocketKind:
		k.Breach("%s on descriptor %d, which is no socket", c, fd)
		return nil, fault.ENOTSOCK
	}
	return d, 0
}

// Close closes the descriptor, whatever the answer is.
func (k *Kernel) Close(fd sys.FD) core.Errno {
	e := k.Enter(fault.Close)
	d := k.at(fd, fault.Close)
	if d == nil {
		return core.EBADF
	}
	if d.Reports && !d.Broken && len(d.Bytes) > 0 {
		k.Breach("status channel %d is closed with %d bytes of reports in it", fd, len(d.Bytes))
	}
	k.Vacate(fd)
	k.Release(d)
	return e
}

// Read reads from a pipe, a FIFO or a connection.
func (k *Kernel) Read(fd sys.FD, p []byte) (int, core.Errno) {
	e, d := k.Enter(fault.Read), k.at(fd, fault.Read)
	switch {
	case d == nil:
		return 0, core.EBADF
	case e != 0:
		d.Broken, d.Unreadable = true, d.Unreadable || e != core.EAGAIN && e != core.EINTR
		return 0, e
	}
	n, e := k.ReadFrom(d, p)
	if d.Reports && n > 0 {
		k.host.Heard(d.Child, p[:n])
	}
	return n, e
}

// Write writes to a pipe or a FIFO.
func (k *Kernel) Write(fd sys.FD, p []byte) (int, core.Errno) {
	failure := k.Enter(fault.Write)
	d := k.at(fd, fault.Write)
	switch {
	case d == nil:
		return 0, core.EBADF
	case d.Kind != object.PipeKind || !d.Writes:
		k.Breach("write on descriptor %d, which is no pipe to write to", fd)
		return 0, core.EINVAL
	}
	if d.File != nil { // a FIFO that takes no more has requests enough
		if len(p) != 1 || p[0] != Request[0] {
			k.Breach("%x is written into %s", p, d.Target)
		}
		k.wakeups = append(k.wakeups, d.Target)
	}
	if failure != 0 {
		return 0, failure
	}
	n, e := k.WritePipe(d.Pipe, p)
	k.askedThrough(d.Pipe, p[:n])
	return n, e
}

// askedThrough notes what the daemon writes into a pipe whose reading end it passed.
func (k *Kernel) askedThrough(x *object.Pipe, p []byte) {
	if x.Passed == (core.Endpoint{}) {
		return
	}
	for _, c := range p {
		if x.Asked >= len(Request) || c != Request[x.Asked] {
			k.Breach("byte %d of a request to %s is %x", x.Asked, x.Passed, c)
			return
		}
		if x.Asked++; x.Asked == len(Request) {
			k.wakeups = append(k.wakeups, x.Passed)
		}
	}
}

// PID is the daemon's.
func (k *Kernel) PID() core.PID { return DaemonPID }

// Assume takes an effective identity. When it fails, the groups have changed
// and the user has not.
func (k *Kernel) Assume(uid, gid uint32) (core.ListenStep, core.Errno) {
	if k.UID != 0 {
		k.Breach("identity of %d assumed while being %d", uid, k.UID)
	}
	e := k.Enter(fault.Assume)
	k.group = gid
	if e != 0 {
		return core.StepUser, e
	}
	k.UID, k.GID = uid, gid
	return core.StepNone, 0
}

// Resume is root again; when it fails, nothing has changed.
func (k *Kernel) Resume() core.Errno {
	if e := k.Enter(fault.Resume); e != 0 {
		return e
	}
	k.UID, k.GID, k.group = 0, 0, 0
	return 0
}

// IsRoot reports whether the daemon is root, with root's groups.
func (k *Kernel) IsRoot() bool { return k.UID == 0 && k.GID == 0 && k.group == 0 }

// RootIsLost reports whether a call to be root again has failed as often as anybody
// tries.
func (k *Kernel) RootIsLost() bool { return !k.IsRoot() && k.Failures(fault.Resume) >= 3 }

// CloseDaemon ends the daemon's process: its descriptors are closed, its children
// live on.
func (k *Kernel) CloseDaemon() {
	k.UID, k.GID, k.group = 0, 0, 0
	for fd := range k.Descriptors {
		if d := k.Descriptors[fd]; d != nil {
			k.Vacate(sys.FD(fd))
			k.Release(d)
		}
	}
}
