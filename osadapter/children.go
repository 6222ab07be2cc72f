package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/spawn"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// child is what the kernel has of one child.
type child struct {
	pid    core.PID
	status sys.FD // our end of its status channel; sys.None once it is closed
}

// readBytes is how much of one status channel is read in one turn of the
// loop, and drainBytes how much at its end: more than a channel holds, and a
// bound against a descendant that goes on writing.
const (
	readBytes  = 64 * wire.StatusSize
	drainBytes = 1 << 20
)

// channelKernel puts our end of a new status channel into the poll set as
// soon as it is there, so that a child is not started when that fails.
type channelKernel struct {
	Kernel
	set        sys.FD
	generation core.Generation
}

func (k channelKernel) StatusPair() (ours, theirs sys.FD, e core.Errno) {
	ours, theirs, e = k.Kernel.StatusPair()
	if e != 0 {
		return sys.None, sys.None, e
	}
	if e = k.PollAdd(k.set, ours, key(keyStatus, uint64(k.generation)), true, false); e != 0 {
		k.Close(ours)
		k.Close(theirs)
		return sys.None, sys.None, e
	}
	return ours, theirs, 0
}

func (x *Exec) startChild(a *core.Action) {
	c, step, e := spawn.Start(channelKernel{x.k, x.set, a.Generation}, &spawn.Request{
		Entry:      a.Entry,
		Generation: a.Generation,
		Stress:     a.Flag,
		FlowRead:   x.flowRead,
		FlowWrite:  x.flowWrite,
		Listeners:  x.services[a.Service].descriptors(),
		Environ:    x.environ,
	})
	if e != 0 {
		x.answer(core.FailedStart(a.Service, a.Generation, step, e))
		return
	}
	x.children[a.Generation] = &child{pid: c.PID, status: c.Status}
	x.pids[c.PID] = a.Generation
	x.answer(core.StartedChild(a.Service, a.Generation, c.PID))
}

// statusReady reads what a child reports. End-of-file takes the descriptor out
// of the poll set, where its hangup would be reported for ever.
func (x *Exec) statusReady(g core.Generation) {
	c := x.children[g]
	if c == nil || c.status == sys.None {
		return
	}
	if closed := x.read(g, c, readBytes); closed {
		x.closeStatus(c)
		x.answer(core.ClosedChannel(g))
	}
}

// read delivers what is queued in the channel, at most limit bytes. It tells
// whether the other end is closed.
func (x *Exec) read(g core.Generation, c *child, limit int) (closed bool) {
	var buffer [readBytes]byte
	for limit > 0 {
		n, e := x.k.Read(c.status, buffer[:])
		switch {
		case e == core.EAGAIN:
			return false
		case e != 0:
			x.around.Log(core.LevelWarning, "master_status_event: read: "+e.String())
			return true
		case n == 0:
			return true
		}
		for at := 0; at < n; at += wire.StatusSize {
			var piece [wire.StatusSize]byte
			size := copy(piece[:], buffer[at:n])
			x.answer(core.ReceivedStatus(g, piece, size))
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
		x.k.Close(c.status)
		c.status = sys.None
	}
}

// retireChild cuts the channel in both directions: the child sees end-of-file,
// its next report fails, and what it wrote before still reaches us.
func (x *Exec) retireChild(g core.Generation) {
	c := x.children[g]
	if c == nil || c.status == sys.None {
		return
	}
	x.k.Shutdown(c.status)
	x.read(g, c, drainBytes)
	x.closeStatus(c)
}

// signalChild signals only who is not reaped: after that the number may be
// somebody else's.
func (x *Exec) signalChild(a *core.Action) {
	if x.pids[a.PID] == a.Generation {
		x.k.Kill(a.PID, a.Signal)
	}
}

// Reap takes the statuses of all processes that ended, after SIGCHLD and once
// at the start. What a child reported before its end is delivered before its
// end. The sweep goes on until nobody is left, because one signal may stand for
// many; the process table bounds it.
func (x *Exec) Reap() {
	for {
		var r sys.Reaped
		e := sys.Insist(func() (e core.Errno) { // the signal for whoever is left does not come again
			r, e = x.k.Wait()
			return e
		})
		if e != 0 || r.PID == 0 {
			x.complain("wait", e)
			return
		}
		g := x.pids[r.PID]
		switch {
		case r.Stopped != 0:
			x.answer(core.Stopped(g, r.PID, r.Stopped))
			continue
		case g == 0 && x.commands.claim(r.PID, r.Status):
			continue
		}
		if c := x.children[g]; c != nil {
			if c.status != sys.None {
				x.read(g, c, drainBytes)
				x.closeStatus(c)
			}
			delete(x.children, g)
			delete(x.pids, r.PID)
		}
		x.answer(core.Exited(g, r.PID, r.Status))
	}
}
