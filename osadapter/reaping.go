package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// How we learn that a child has ended. As a rule a descriptor of its own is in
// the poll set (sys.Process.End): then nothing happens on another thread, as it
// would with a signal, which goes through the runtime's hands, and nothing is
// paid for those who live. SIGCHLD is caught only from the moment on when it is
// needed: some child has no such descriptor, because few are left or the system
// has none, or there are processes that we did not start.
//
// A child that exits closes its status channel a moment before it can be waited
// for. Either notice makes us ask; the second is needed when the first came too
// early.

// sweepFrom is how many children must seem to have ended in one turn for a sweep
// over all to be cheaper than to ask for each, and then for those whose notice
// is still to come.
const sweepFrom = 16

// watchEnd puts the descriptor for the child's end into the poll set. Where that
// cannot be, SIGCHLD does.
func (x *Exec) watchEnd(g core.Generation, c *child) {
	if c.end != sys.None {
		e := x.k.PollAddEnd(x.set, c.end, key(keyEnd, uint64(g)))
		if e == 0 {
			x.watching++
			return
		}
		x.k.Close(c.end)
		c.end = sys.None
	}
	x.catchEnds()
}

// catchEnds has SIGCHLD delivered from now on. Who ended before that is found
// at the end of the turn.
func (x *Exec) catchEnds() {
	if x.signals {
		return
	}
	x.signals, x.sweep = true, true
	if x.around.CatchEnds != nil {
		x.around.CatchEnds()
	}
}

// endNoticed notes that the child may have ended. Its status is taken at the end
// of the turn, when all that was reported before has been dealt with.
func (x *Exec) endNoticed(g core.Generation) {
	if c := x.children[g]; c != nil && !c.noted {
		c.noted = true
		x.ended = append(x.ended, g)
	}
}

// ReapFirst looks for processes that were ours before we started any. It is
// called once, before the first wait.
func (x *Exec) ReapFirst() {
	if x.Reap() || x.k.Adopts() {
		x.catchEnds()
	}
}

// ReapEnded takes the statuses of those children that seem to have ended. What a
// child reported before its end is delivered before its end. Call it once a
// turn, after all else.
func (x *Exec) ReapEnded() {
	if x.sweep || !x.signals && len(x.ended) >= sweepFrom { // the signal brings a sweep of its own
		x.sweep = false
		x.Reap()
	}
	for _, g := range x.ended {
		if c := x.children[g]; c != nil {
			x.reapChild(g, c)
		}
	}
	x.ended = x.ended[:0]
}

// reapChild asks for one child, which need not have ended: then it has only
// closed its channel, or is traced by somebody, and we are told again.
func (x *Exec) reapChild(g core.Generation, c *child) {
	c.noted = false
	var r sys.Reaped
	e := sys.Insist(func() (e core.Errno) {
		if r, e = x.k.WaitFor(c.pid); e == core.ECHILD {
			// Somebody took its status from us; all that is left to know is
			// that it is gone.
			r, e = sys.Reaped{PID: c.pid}, 0
		}
		return e
	})
	switch {
	case e != 0: // the one notice was spent
		if !x.unreaped {
			x.complain("wait", e)
		}
		x.unreaped = true
	case r.PID != 0:
		x.childEnded(g, c, r.Status)
	case c.hungUp:
		c.hungUp = false
		x.answer(core.ClosedChannel(g))
	}
}

// Reap takes the statuses of all processes that ended, after SIGCHLD or when
// many have ended at once. The sweep goes on until nobody is left, because one
// signal may stand for many; the process table bounds it. When the system does
// not say who ended, it is told once, and asked again until it does. It tells
// whether there are processes that live on.
func (x *Exec) Reap() (alive bool) {
	for {
		var r sys.Reaped
		e := sys.Insist(func() (e core.Errno) { // the signal for whoever is left does not come again
			r, e = x.k.Wait()
			return e
		})
		if e != 0 || r.PID == 0 {
			if !x.unreaped {
				x.complain("wait", e)
			}
			x.unreaped = e != 0
			return e != 0 || r.Alive
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
			x.childEnded(g, c, r.Status)
			continue
		}
		x.answer(core.Exited(g, r.PID, r.Status))
	}
}

// childEnded delivers what the child reported last, then its end, and forgets
// it.
func (x *Exec) childEnded(g core.Generation, c *child, status core.ExitStatus) {
	if c.status != sys.None {
		x.read(g, c, drainBytes)
		x.closeStatus(c)
	}
	if c.end != sys.None {
		x.k.Close(c.end)
		x.watching--
	}
	pid := c.pid
	delete(x.children, g)
	delete(x.pids, pid)
	*c = child{}
	x.free = append(x.free, c)
	x.answer(core.Exited(g, pid, status))
}
