// Package object is what descriptors lead to in the kernel in memory: open file
// descriptions with sockets, connections, pipes and poll sets behind them, files, and the
// table of the daemon's descriptors. It knows no system calls: sim/kernel makes them of
// this. What children and clients do to objects stands here, and never fails by a Fault.
package object

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
)

// Watcher is told of what may let somebody go on. Its methods are called in the middle
// of a change; they must not call the daemon.
type Watcher interface {
	// Readable comes when something that processes wait for can be read; slots are
	// their bits.
	Readable(slots uint64)
	// ClientChanged comes when a client's connection may have changed.
	ClientChanged(client int32)
	// DaemonReady comes when the daemon's poll set has something to report.
	DaemonReady()
}

// Table is the daemon's table of descriptors, and all that descriptors of the daemon and
// of its children lead to. It is reset, not rebuilt, from run to run.
type Table struct {
	fault.Injector

	// Limit is the number of descriptors that the daemon may have open.
	Limit int
	// Short is how often no descriptor was free.
	Short int
	// BufferSize bounds what a pipe or a direction of a connection holds, and
	// ChannelSize what a status channel holds.
	BufferSize, ChannelSize int

	watcher Watcher

	Descriptors []*Description // of the daemon
	lowest      int            // no number below it is free
	used        int            // descriptors of the daemon
	alive       int            // descriptions that somebody holds
	pool        pool[Description]
	pipes       pool[Pipe]
	inodes      pool[Inode]

	Files      map[string]*Inode
	lastInode  uint64
	freeInodes []uint64

	bound     []*Description // inet sockets with an address, in the order of their binds
	Undecided []*Description // connections of the daemon that are not decided

	UID, GID uint32 // effective identity of the daemon
	breaches []string
}

// NewTable returns a table. It is ready after a reset.
func NewTable(watcher Watcher, i fault.Injector) Table {
	return Table{Injector: i, watcher: watcher, Files: map[string]*Inode{}}
}

// Reset makes the table as it is when the daemon starts: with the directories private
// and public of the owner, and with the standard descriptors.
func (t *Table) Reset(owner core.Account) {
	t.Limit, t.Short, t.BufferSize, t.ChannelSize = 256, 0, 4096, 4096
	t.Descriptors, t.lowest, t.used, t.alive = t.Descriptors[:0], 0, 0, 0
	t.pool.reset()
	t.pipes.reset()
	t.inodes.reset()
	t.bound, t.Undecided = t.bound[:0], t.Undecided[:0]
	clear(t.Files)
	t.lastInode, t.freeInodes = 0, t.freeInodes[:0]
	t.UID, t.GID = 0, 0
	t.breaches = t.breaches[:0]
	t.Injector.Reset()
	for _, path := range [...]string{"private", "public"} {
		t.Files[path] = t.newInode(sys.Directory, 0o700, owner.UID, owner.GID)
	}
	null := t.Describe(DeviceKind)
	for range 3 {
		t.Install(null)
	}
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

// Breach notes that the daemon did what it must never do.
func (t *Table) Breach(format string, args ...any) {
	t.breaches = append(t.breaches, fmt.Sprintf(format, args...))
}

// Breaches are the sins of the daemon so far.
func (t *Table) Breaches() []string { return t.breaches }

// Kind is what a description is of.
type Kind uint8

// The kinds.
const (
	DeviceKind Kind = iota
	SocketKind
	PipeKind // also a FIFO
	SetKind
	WakerKind
)

// Description is an open file description: what descriptors refer to, and what
// processes share. Membership in a poll set is its property, not the descriptor's.
type Description struct {
	Kind    Kind
	Refs    int
	Waiters uint64 // slots of processes that wait until it can be read
	socket         // with socketKind
	Pipe    *Pipe  // with pipeKind
	Reads   bool
	Writes  bool
	File    *Inode  // of a FIFO
	Set     set     // with setKind
	Member  *Member // of the daemon's poll set
	Woken   bool    // with wakerKind
}

// Describe makes a description that nobody holds yet.
func (t *Table) Describe(what Kind) *Description {
	t.alive++
	d := t.pool.get()
	kept := set{Members: d.Set.Members[:0], Ready: d.Set.Ready[:0], Spare: d.Set.Spare[:0], Unused: append(d.Set.Unused, d.Set.Members...)}
	*d = Description{Kind: what, Set: kept, socket: socket{queue: d.queue[:0], Bytes: d.Bytes[:0], passed: d.passed[:0]}}
	return d
}

// Install puts the description at the lowest free number. The caller has made
// sure with room that there is one.
func (t *Table) Install(d *Description) sys.FD {
	d.Refs++
	t.used++
	for t.lowest < len(t.Descriptors) && t.Descriptors[t.lowest] != nil {
		t.lowest++
	}
	if t.lowest == len(t.Descriptors) {
		t.Descriptors = append(t.Descriptors, d)
	} else {
		t.Descriptors[t.lowest] = d
	}
	t.lowest++
	return sys.FD(t.lowest - 1)
}

// Vacate frees a number of the daemon.
func (t *Table) Vacate(fd sys.FD) {
	t.Descriptors[fd] = nil
	t.used--
	t.lowest = min(t.lowest, int(fd))
}

// Room reports whether n more descriptors can be had.
func (t *Table) Room(n int) bool {
	if t.used+n > t.Limit {
		t.Short++
		return false
	}
	return true
}

// OpenFiles is how many descriptors the daemon has.
func (t *Table) OpenFiles() int { return t.used }

// Changed tells all who look at the description that it may be ready.
func (t *Table) Changed(d *Description) {
	if d.Member != nil {
		t.QueueReady(d.Member)
	}
	if d.Waiters != 0 && d.readiness().readable() {
		t.watcher.Readable(d.Waiters)
	}
	if d.client != 0 {
		t.watcher.ClientChanged(d.client)
	}
}

// Release drops one reference; with the last one the thing itself ends.
func (t *Table) Release(d *Description) {
	if d.Refs--; d.Refs > 0 {
		return
	}
	t.alive--
	if d.Member != nil {
		t.LeaveSet(d)
	}
	switch d.Kind {
	case SocketKind:
		t.closeSocket(d)
	case PipeKind:
		t.closePipe(d)
	}
	if d.File != nil {
		t.dropInode(d.File)
		d.File = nil
	}
	d.client, d.Waiters = 0, 0
	t.pool.put(d)
}

// ReadFrom takes bytes out of a connection or a pipe.
func (t *Table) ReadFrom(d *Description, p []byte) (n int, e core.Errno) {
	switch d.Kind {
	case SocketKind:
		return t.receive(d, p)
	case PipeKind:
		return t.readPipe(d.Pipe, p)
	}
	return 0, core.EINVAL
}

// Description returns what a descriptor of the daemon refers to; nil: it is not open.
func (t *Table) Description(fd sys.FD) *Description {
	if fd < 0 || int(fd) >= len(t.Descriptors) {
		return nil
	}
	return t.Descriptors[fd]
}

// LeftOpen is how many descriptions somebody holds though nobody is left.
func (t *Table) LeftOpen() int { return t.alive }
