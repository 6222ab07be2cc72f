// Package kernel is a kernel in memory: files, descriptors, sockets, pipes, a poll
// set and processes, so that the production osadapter.Driver carries a real
// core.Machine without touching the system. It is deterministic, and every call of
// every kind can be told to fail with an error of its choice (Fault), or fails by
// chance (Odds).
//
// It refuses to be a whole kernel: it knows what osadapter asks for and what the
// children and clients of a simulated world need. What it does know it does as
// Linux does; a test asks both the same questions. It starts no goroutine, reads no
// clock and opens nothing. Who lives in it, and when, is the business of its Host.
package kernel

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// DaemonPID is the process identity of the daemon.
const DaemonPID core.PID = 1000

// umask is what the daemon sets at its start.
const umask = 0o077

// Host is the world around the daemon. Its methods are called in the middle of a
// system call; they must not call the daemon.
type Host interface {
	// Between comes before a call of the daemon, by chance: others run meanwhile.
	Between(c Call)
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
	// Readable comes when something that processes wait for can be read; slots are
	// their bits.
	Readable(slots uint64)
	// ClientChanged comes when a client's connection may have changed.
	ClientChanged(client int32)
	// DaemonReady comes when the daemon's poll set has something to report.
	DaemonReady()
}

// Odds are the chances, per mille, of what a kernel may do and seldom does.
type Odds struct {
	Fault    int32 // any call fails
	Channel  int32 // a status channel cannot be made
	Listener int32 // a step of making, ending or undoing a listener fails
	Question int32 // the kernel does not say who ended, or does not change the poll set
	Between  int32 // others run before a call
	Late     int32 // a readiness is reported one wait late
	Spurious int32 // a wait reports what is not ready
	Network  int32 // an inet connection takes its time
	Early    int32 // a child has closed its channel, and its status is not there yet
	Remains  int32 // a start whose exec failed leaves a process to be reaped
}

// Kernel is the system. Its exported methods that osadapter.Kernel names are the
// daemon's system calls; the others are the doings of children, clients and
// strangers, and never fail by a Fault. It is reset, not rebuilt, from run to run.
type Kernel struct {
	// Limit is the number of descriptors that the daemon may have open.
	Limit int
	// Short is how often there was no descriptor to be had.
	Short int
	// BufferSize bounds what a pipe or a direction of a connection holds, and
	// ChannelSize what a status channel holds.
	BufferSize, ChannelSize int
	// PIDs is how many process identities there are.
	PIDs int32
	// Init makes the daemon the reaper of orphans.
	Init bool
	// Requests says that every connection of the daemon is a request for a wakeup.
	Requests bool
	// Choose gives the kernel its choices.
	Choose *tape.Chooser
	Odds   Odds

	host Host

	table     []*Description // of the daemon
	lowest    int            // no number below it is free
	open      int            // descriptors of the daemon
	alive     int            // descriptions that somebody holds
	pool      pool[Description]
	pipes     pool[pipe]
	inodes    pool[inode]
	processes [MaxProcesses]Process
	order     []*Process // not reaped, in the order of their starts

	files      map[string]*inode
	denied     map[string]bool // files that were there when Lstat said, on purpose, that they were not
	lastInode  uint64
	freeInodes []uint64

	bound      []*Description // inet sockets with an address, in the order of their binds
	connecting []*Description // connections of the daemon that are not decided

	wakeups     []core.Endpoint         // where requests for a wakeup went
	taken       []bool                  // identities in use
	unexecuted  map[core.PID]core.Errno // why the last process of the number was not executed, late
	groupKilled bool                    // the daemon has signalled its process group

	uid, gid, group uint32

	calls    [NumCalls]int
	hits     [NumCalls]int // faults of each call
	inRow    [NumCalls]int // the last of them
	total    int
	inside   bool // of Between
	waits    int  // of the daemon, with that before the first
	faults   []Fault
	fired    []Fault
	breaches []string
}

// pool hands out values that are reused from run to run.
type pool[T any] struct {
	all  []*T
	used int
	free []*T
}

func (p *pool[T]) get() *T {
	if n := len(p.free); n > 0 {
		x := p.free[n-1]
		p.free = p.free[:n-1]
		return x
	}
	if p.used == len(p.all) {
		p.all = append(p.all, new(T))
	}
	p.used++
	return p.all[p.used-1]
}

func (p *pool[T]) put(x *T) { p.free = append(p.free, x) }

func (p *pool[T]) reset() { p.used, p.free = 0, p.free[:0] }

// New returns a kernel for the host. It is ready after a Reset.
func New(host Host, choose *tape.Chooser) *Kernel {
	return &Kernel{
		host: host, Choose: choose,
		files: map[string]*inode{}, denied: map[string]bool{}, unexecuted: map[core.PID]core.Errno{},
	}
}

// Reset makes the kernel as it is when the daemon starts: with the directories
// private and public of the owner, and with the daemon's standard descriptors.
func (k *Kernel) Reset(owner core.Account) {
	k.Short = 0
	k.Limit, k.BufferSize, k.ChannelSize, k.PIDs, k.Init, k.Odds = 256, 4096, 4096, MaxProcesses, false, Odds{}
	k.table, k.lowest, k.open, k.alive = k.table[:0], 0, 0, 0
	k.pool.reset()
	k.pipes.reset()
	k.inodes.reset()
	for i := range k.processes {
		k.processes[i] = Process{Slot: int32(i), argv: k.processes[i].argv[:0], environ: k.processes[i].environ[:0], FDs: k.processes[i].FDs[:0], copies: k.processes[i].copies[:0]}
	}
	k.order, k.bound, k.connecting = k.order[:0], k.bound[:0], k.connecting[:0]
	clear(k.files)
	clear(k.denied)
	clear(k.unexecuted)
	k.taken, k.wakeups = k.taken[:0], k.wakeups[:0]
	k.lastInode, k.freeInodes = 0, k.freeInodes[:0]
	k.groupKilled, k.inside, k.waits = false, false, 1
	k.uid, k.gid, k.group = 0, 0, 0
	k.calls, k.hits, k.inRow, k.total = [NumCalls]int{}, [NumCalls]int{}, [NumCalls]int{}, 0
	k.faults, k.fired, k.breaches = k.faults[:0], k.fired[:0], k.breaches[:0]
	for _, path := range [...]string{"private", "public"} {
		k.files[path] = k.newInode(sys.Directory, 0o700, owner.UID, owner.GID)
	}
	null := k.describe(deviceKind)
	for range 3 {
		k.install(null)
	}
}

var _ osadapter.Kernel = (*Kernel)(nil)

// breach notes that the daemon did what it must never do.
func (k *Kernel) breach(format string, args ...any) {
	k.breaches = append(k.breaches, fmt.Sprintf(format, args...))
}

// Breaches are the sins of the daemon so far.
func (k *Kernel) Breaches() []string { return k.breaches }

// kind is what a description is of.
type kind uint8

const (
	deviceKind kind = iota
	socketKind
	pipeKind // also a FIFO
	setKind
	wakerKind
)

// Description is an open file description: what descriptors refer to, and what
// processes share. Membership in a poll set is its property, not the descriptor's.
type Description struct {
	kind    kind
	refs    int
	waiting uint64 // slots of processes that wait until it can be read
	socket         // with socketKind
	pipe    *pipe  // with pipeKind
	reads   bool
	writes  bool
	file    *inode  // of a FIFO
	set     set     // with setKind
	member  *member // of the daemon's poll set
	woken   bool    // with wakerKind
}

// describe makes a description that nobody holds yet.
func (k *Kernel) describe(what kind) *Description {
	k.alive++
	d := k.pool.get()
	kept := set{members: d.set.members[:0], ready: d.set.ready[:0], spare: d.set.spare[:0], unused: append(d.set.unused, d.set.members...)}
	*d = Description{kind: what, set: kept, socket: socket{queue: d.queue[:0], bytes: d.bytes[:0], passed: d.passed[:0]}}
	return d
}

// install puts the description at the lowest free number. The caller has made
// sure with room that there is one.
func (k *Kernel) install(d *Description) sys.FD {
	d.refs++
	k.open++
	for k.lowest < len(k.table) && k.table[k.lowest] != nil {
		k.lowest++
	}
	if k.lowest == len(k.table) {
		k.table = append(k.table, d)
	} else {
		k.table[k.lowest] = d
	}
	k.lowest++
	return sys.FD(k.lowest - 1)
}

// vacate frees a number of the daemon.
func (k *Kernel) vacate(fd sys.FD) {
	k.table[fd] = nil
	k.open--
	k.lowest = min(k.lowest, int(fd))
}

// room reports whether n more descriptors can be had.
func (k *Kernel) room(n int) bool {
	if k.open+n > k.Limit {
		k.Short++
		return false
	}
	return true
}

// OpenFiles is how many descriptors the daemon has.
func (k *Kernel) OpenFiles() int { return k.open }

// at returns the description of a descriptor. To use one that is not open is
// never right: it may be somebody else's a moment later.
func (k *Kernel) at(fd sys.FD, c Call) *Description {
	if fd < 0 || int(fd) >= len(k.table) || k.table[fd] == nil {
		k.breach("%s on descriptor %d, which is not open", c, fd)
		return nil
	}
	return k.table[fd]
}

func (k *Kernel) socketAt(fd sys.FD, c Call) (*Description, core.Errno) {
	d := k.at(fd, c)
	switch {
	case d == nil:
		return nil, core.EBADF
	case d.kind != socketKind:
		k.breach("%s on descriptor %d, which is no socket", c, fd)
		return nil, enotsock
	}
	return d, 0
}

// changed tells all who look at the description that it may be ready.
func (k *Kernel) changed(d *Description) {
	if d.member != nil {
		k.queueReady(d.member)
	}
	if d.waiting != 0 && d.readiness().readable() {
		k.host.Readable(d.waiting)
	}
	if d.client != 0 {
		k.host.ClientChanged(d.client)
	}
}

// Release drops one reference; with the last one the thing itself ends.
func (k *Kernel) Release(d *Description) {
	if d.refs--; d.refs > 0 {
		return
	}
	k.alive--
	if d.member != nil {
		k.leaveSet(d)
	}
	switch d.kind {
	case socketKind:
		k.closeSocket(d)
	case pipeKind:
		k.closePipe(d)
	}
	if d.file != nil {
		k.dropInode(d.file)
		d.file = nil
	}
	d.client, d.waiting = 0, 0
	k.pool.put(d)
}

// Close closes the descriptor, whatever the answer is.
func (k *Kernel) Close(fd sys.FD) core.Errno {
	e := k.enter(callClose)
	d := k.at(fd, callClose)
	if d == nil {
		return core.EBADF
	}
	if d.reports && !d.broken && len(d.bytes) > 0 {
		k.breach("status channel %d is closed with %d bytes of reports in it", fd, len(d.bytes))
	}
	k.vacate(fd)
	k.Release(d)
	return e
}

// Read reads from a pipe, a FIFO or a connection.
func (k *Kernel) Read(fd sys.FD, p []byte) (int, core.Errno) {
	e, d := k.enter(callRead), k.at(fd, callRead)
	switch {
	case d == nil:
		return 0, core.EBADF
	case e != 0:
		d.broken = true
		return 0, e
	}
	n, e := k.read(d, p)
	if d.reports && n > 0 {
		k.host.Heard(d.child, p[:n])
	}
	return n, e
}

func (k *Kernel) read(d *Description, p []byte) (n int, e core.Errno) {
	switch d.kind {
	case socketKind:
		return k.receive(d, p)
	case pipeKind:
		return k.readPipe(d.pipe, p)
	}
	return 0, core.EINVAL
}

// Write writes to a pipe or a FIFO.
func (k *Kernel) Write(fd sys.FD, p []byte) (int, core.Errno) {
	failure := k.enter(callWrite)
	d := k.at(fd, callWrite)
	switch {
	case d == nil:
		return 0, core.EBADF
	case d.kind != pipeKind || !d.writes:
		k.breach("write on descriptor %d, which is no pipe to write to", fd)
		return 0, core.EINVAL
	}
	if d.file != nil { // a FIFO that takes no more has requests enough
		if len(p) != 1 || p[0] != request[0] {
			k.breach("%x is written into %s", p, d.target)
		}
		k.wakeups = append(k.wakeups, d.target)
	}
	if failure != 0 {
		return 0, failure
	}
	n, e := k.writePipe(d.pipe, p)
	k.askedThrough(d.pipe, p[:n])
	return n, e
}

// askedThrough notes what the daemon writes into a pipe whose reading end it passed.
func (k *Kernel) askedThrough(x *pipe, p []byte) {
	if x.passed == (core.Endpoint{}) {
		return
	}
	for _, c := range p {
		if x.asked >= len(request) || c != request[x.asked] {
			k.breach("byte %d of a request to %s is %x", x.asked, x.passed, c)
			return
		}
		if x.asked++; x.asked == len(request) {
			k.wakeups = append(k.wakeups, x.passed)
		}
	}
}

// PID is the daemon's.
func (k *Kernel) PID() core.PID { return DaemonPID }

// Assume takes an effective identity. When it fails, the groups have changed
// and the user has not.
func (k *Kernel) Assume(uid, gid uint32) (core.ListenStep, core.Errno) {
	if k.uid != 0 {
		k.breach("identity of %d assumed while being %d", uid, k.uid)
	}
	e := k.enter(callAssume)
	k.group = gid
	if e != 0 {
		return core.StepUser, e
	}
	k.uid, k.gid = uid, gid
	return core.StepNone, 0
}

// Resume is root again; when it fails, nothing has changed.
func (k *Kernel) Resume() core.Errno {
	if e := k.enter(callResume); e != 0 {
		return e
	}
	k.uid, k.gid, k.group = 0, 0, 0
	return 0
}

// IsRoot reports whether the daemon is root, with root's groups.
func (k *Kernel) IsRoot() bool { return k.uid == 0 && k.gid == 0 && k.group == 0 }

// RootIsLost reports whether a call to be root again has failed as often as anybody
// tries.
func (k *Kernel) RootIsLost() bool { return !k.IsRoot() && k.hits[callResume] >= 3 }

// CloseDaemon ends the daemon's process: its descriptors are closed, its children
// live on.
func (k *Kernel) CloseDaemon() {
	k.uid, k.gid, k.group = 0, 0, 0
	for fd := range k.table {
		if d := k.table[fd]; d != nil {
			k.vacate(sys.FD(fd))
			k.Release(d)
		}
	}
}
