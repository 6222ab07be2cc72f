// Package kernel is a kernel that never was: files, descriptors, sockets,
// pipes, a poll set and processes, all of them values in memory, so that the
// real osadapter.Driver carries out the actions of the real core.Machine without
// touching the system. It is deterministic, and every call of every kind can
// be told to fail with an error of its choice (Fault).
//
// Around it stand daemon, which is the shell of an osadapter.Driver as
// osadapter.Loop is, Process, a child that keeps or breaks the contract, and
// World, which has clients, an operator and the time. After every list of
// actions the books of the driver are compared with the truth of the kernel.
//
// It refuses to be a whole kernel: it knows what osadapter asks for and what
// the children and clients of a test need. What it does know it does as Linux
// does; a test asks both the same questions. It starts no goroutine, reads no
// clock and opens nothing.
package kernel

import (
	"fmt"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// DaemonPID is the process identity of the daemon.
const DaemonPID core.PID = 1000

// The daemon's process identities of children: few of them, and the lowest
// free one is given first, so that a number is reused the moment it can be.
const (
	firstPID = 101
	lastPID  = 180
)

// umask is what the daemon sets at its start.
const umask = 0o077

// Kernel is the system. Its exported methods that osadapter.Kernel names are
// the daemon's system calls; the others are the doings of children, clients
// and strangers, and never fail by a Fault.
type Kernel struct {
	// Limit is the number of descriptors that the daemon may have open.
	Limit int
	// BufferSize bounds what a pipe or a direction of a connection holds.
	BufferSize int
	// Strict makes the inode numbers of removed files come back at once.
	table []*description // of the daemon
	alive int            // descriptions that somebody holds

	files      map[string]*inode
	denied     map[string]bool // files that were there when Lstat said, on purpose, that they were not
	lastInode  uint64
	freeInodes []uint64

	listeners  []*socket // that take connections
	bound      []*socket // inet sockets with an address, in the order of their binds
	connecting []*socket // connections of the daemon that are not decided

	processes   []*Process // not reaped, in the order of their starts
	programs    map[string]Program
	unexecuted  map[core.PID]core.Errno // why the last process of the number was not executed, late
	childDied   bool                    // and whoever waits for any child knows
	groupKilled bool                    // the daemon has signalled its process group
	late        bool                    // PollWait kept something for the next time

	uid, gid, group uint32

	calls    [numCalls]int
	hits     [numCalls]int // faults of each call
	inRow    [numCalls]int // the last of them
	total    int
	faults   []Fault
	rate     uint32 // of random faults, per mille
	fired    []Fault
	dice     *Dice
	breaches []string

	started func(*Process) // told of every start
	between func()         // called before a system call, by chance: others run meanwhile
}

// New gives a kernel with the directories private and public of the owner,
// and a daemon that has its standard descriptors. dice may be nil.
func New(owner core.Account, dice *Dice) *Kernel {
	k := &Kernel{Limit: 256, BufferSize: 4096, files: map[string]*inode{}, denied: map[string]bool{}, programs: map[string]Program{}, unexecuted: map[core.PID]core.Errno{}, dice: dice}
	for _, path := range []string{"private", "public"} {
		k.files[path] = k.newInode(sys.Directory, 0o700, owner.UID, owner.GID)
	}
	null := k.describe(description{kind: deviceKind})
	for range 3 {
		k.install(null)
	}
	return k
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

// description is an open file description: what descriptors refer to, and what
// processes share. Membership in a poll set is its property, not the
// descriptor's.
type description struct {
	kind   kind
	refs   int
	socket *socket
	pipe   *pipe
	reads  bool // of a pipe
	writes bool
	inode  *inode // of a FIFO
	set    *set
	awake  bool // a waker
	member []*member
}

func (k *Kernel) describe(d description) *description {
	k.alive++
	return &d
}

// install puts the description at the lowest free number. The caller has made
// sure with room that there is one.
func (k *Kernel) install(d *description) sys.FD {
	d.refs++
	if n := slices.Index(k.table, nil); n >= 0 {
		k.table[n] = d
		return sys.FD(n)
	}
	k.table = append(k.table, d)
	return sys.FD(len(k.table) - 1)
}

// used is the number of descriptors that the daemon has open.
func (k *Kernel) used() int {
	used := 0
	for _, d := range k.table {
		if d != nil {
			used++
		}
	}
	return used
}

// room tells whether n more descriptors can be had.
func (k *Kernel) room(n int) bool { return k.used()+n <= k.Limit }

// at gives the description of a descriptor. To use one that is not open is
// never right: it may be somebody else's a moment later.
func (k *Kernel) at(fd sys.FD, c Call) *description {
	if fd < 0 || int(fd) >= len(k.table) || k.table[fd] == nil {
		k.breach("%s on descriptor %d, which is not open", c, fd)
		return nil
	}
	return k.table[fd]
}

func (k *Kernel) socketAt(fd sys.FD, c Call) (*socket, core.Errno) {
	d := k.at(fd, c)
	switch {
	case d == nil:
		return nil, core.EBADF
	case d.kind != socketKind:
		k.breach("%s on descriptor %d, which is no socket", c, fd)
		return nil, enotsock
	}
	return d.socket, 0
}

// release drops one reference; with the last one the thing itself ends.
func (k *Kernel) release(d *description) {
	if d.refs--; d.refs > 0 {
		return
	}
	k.alive--
	for _, m := range d.member {
		m.set.members = slices.DeleteFunc(m.set.members, func(o *member) bool { return o == m })
	}
	switch d.kind {
	case socketKind:
		k.closeSocket(d.socket)
	case pipeKind:
		if d.reads {
			d.pipe.readers--
		}
		if d.writes {
			d.pipe.writers--
		}
	}
	if d.inode != nil {
		k.dropInode(d.inode)
	}
}

// Close closes the descriptor, whatever the answer is.
func (k *Kernel) Close(fd sys.FD) core.Errno {
	e := k.enter(callClose)
	d := k.at(fd, callClose)
	if d == nil {
		return core.EBADF
	}
	if s := d.socket; s != nil && s.reports && !s.broken && len(s.bytes) > 0 {
		k.breach("status channel %d is closed with %d bytes of reports in it", fd, len(s.bytes))
	}
	k.table[fd] = nil
	k.release(d)
	return e
}

// Read reads from a pipe, a FIFO or a connection.
func (k *Kernel) Read(fd sys.FD, p []byte) (int, core.Errno) {
	e, d := k.enter(callRead), k.at(fd, callRead)
	switch {
	case d == nil:
		return 0, core.EBADF
	case e != 0:
		if d.socket != nil {
			d.socket.broken = true
		}
		return 0, e
	}
	return d.read(p)
}

func (d *description) read(p []byte) (int, core.Errno) {
	switch d.kind {
	case socketKind:
		return d.socket.receive(p)
	case pipeKind:
		return d.pipe.read(p)
	}
	return 0, core.EINVAL
}

// Write writes to a pipe or a FIFO.
func (k *Kernel) Write(fd sys.FD, p []byte) (int, core.Errno) {
	if e := k.enter(callWrite); e != 0 {
		return 0, e
	}
	d := k.at(fd, callWrite)
	switch {
	case d == nil:
		return 0, core.EBADF
	case d.kind != pipeKind || !d.writes:
		k.breach("write on descriptor %d, which is no pipe to write to", fd)
		return 0, core.EINVAL
	}
	return d.pipe.write(p)
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

func (k *Kernel) isRoot() bool { return k.uid == 0 && k.gid == 0 && k.group == 0 }

// closeDaemon ends the daemon's process: its descriptors are closed, its
// children live on.
func (k *Kernel) closeDaemon() {
	for fd, d := range k.table {
		if d != nil {
			k.table[fd] = nil
			k.release(d)
		}
	}
}
