package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/internal/spawn"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// child is what the kernel has of one child.
type child struct {
	pid    core.PID
	status sys.FD // our end of its status channel; sys.None once it is closed
	asked  uint8  // how often it was asked for since it closed its channel

	retired bool // the machine knows that nothing more comes over its channel
}

// readBytes is how much of one status channel is read in one turn of the
// loop, and drainBytes how much at its end: more than a channel holds, and a
// bound against a descendant that goes on writing.
const (
	readBytes  = 64 * wire.StatusSize
	drainBytes = 1 << 20
)

// openChannel makes the status channel of a child, with our end of it in the poll
// set: a child is not started when that fails.
func (x *Exec) openChannel(g core.Generation) (ours, theirs sys.FD, e core.Errno) {
	ours, theirs, e = x.k.StatusPair()
	if e != 0 {
		return sys.None, sys.None, e
	}
	if e = x.k.PollAdd(x.set, ours, key(keyStatus, uint64(g)), true, false); e != 0 {
		x.k.Close(ours)
		x.k.Close(theirs)
		return sys.None, sys.None, e
	}
	return ours, theirs, 0
}

func (x *Exec) startChild(a *core.Action) {
	if x.stuck(a.Entry.Path) {
		x.answer(core.ChildStartFailedEvent(a.Service, a.Generation, core.StartExec, core.ETIMEDOUT))
		return
	}
	ours, theirs, e := x.openChannel(a.Generation)
	if e != 0 {
		x.answer(core.ChildStartFailedEvent(a.Service, a.Generation, core.StartChannel, e))
		return
	}
	x.fds = x.services[a.Service].appendDescriptors(x.fds[:0])
	process, step, e := x.starter.Start(x.k, &spawn.Request{
		Entry:      a.Entry,
		Generation: a.Generation,
		Stress:     a.Flag,
		FlowRead:   x.flowRead,
		FlowWrite:  x.flowWrite,
		Status:     theirs,
		Listeners:  x.fds,
		Environ:    x.environ,
		Patience:   x.patience(),
	})
	x.k.Close(theirs) // stays open in the child alone, so that its death is seen as end-of-file
	l := launch{Launch: process, status: ours, service: a.Service, generation: a.Generation, program: a.Entry.Path}
	if e == core.EINPROGRESS {
		x.launches = append(x.launches, l)
		x.hasStarted()
		return
	}
	x.answerStart(&l, step, e)
}

// hasStarted says that there is one more process to be reaped.
func (x *Exec) hasStarted() {
	if x.hooks.Started != nil {
		x.hooks.Started()
	}
}

// newChild returns a child to fill in, one that was used before if there is any.
func (x *Exec) newChild() *child {
	if n := len(x.free); n > 0 {
		c := x.free[n-1]
		x.free = x.free[:n-1]
		return c
	}
	return new(child)
}

// statusReady reads what a child reports. End-of-file takes the descriptor out
// of the poll set, where its hangup would be reported for ever, and makes us ask
// whether the child has ended.
func (x *Exec) statusReady(g core.Generation) {
	c := x.children[g]
	if c == nil || c.status == sys.None {
		return
	}
	if closed := x.read(g, c, readBytes); closed {
		x.closeStatus(c)
		x.ended = append(x.ended, g)
	}
}

// read delivers what is queued in the channel, at most limit bytes. It reports
// whether the other end is closed.
func (x *Exec) read(g core.Generation, c *child, limit int) (closed bool) {
	buffer := x.buffer[:]
	for limit > 0 {
		n, e := x.k.Read(c.status, buffer)
		switch {
		case e == core.EAGAIN:
			return false
		case e != 0:
			x.hooks.Log(core.LevelWarning, "master_status_event: read: "+e.String())
			return true
		case n == 0:
			return true
		}
		for at := 0; at < n; at += wire.StatusSize {
			var piece [wire.StatusSize]byte
			size := copy(piece[:], buffer[at:n])
			x.answer(core.StatusReceivedEvent(g, piece, size))
		}
		limit -= n
		if n < len(buffer) {
			return false // what comes later makes the descriptor ready again
		}
	}
	return false
}

func (x *Exec) closeStatus(c *child) {
	if c.status != sys.None {
		x.unpoll(c.status)
		x.k.Close(c.status)
		c.status = sys.None
	}
}

// retireChild cuts the channel in both directions: the child sees end-of-file,
// its next report fails, and what it wrote before still reaches us.
func (x *Exec) retireChild(g core.Generation) {
	c := x.children[g]
	if c == nil {
		return
	}
	c.retired = true
	if c.status == sys.None {
		return
	}
	x.k.Shutdown(c.status)
	x.read(g, c, drainBytes)
	x.closeStatus(c)
}

// signalChild signals a child only while it is not reaped: afterwards the number may
// belong to another process.
func (x *Exec) signalChild(a *core.Action) {
	if x.pids[a.PID] == a.Generation {
		x.k.Kill(a.PID, a.Signal)
	}
}
