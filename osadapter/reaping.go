package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// How we learn that a child has ended. A child that exits closes its status
// channel a moment before it can be waited for: that makes us ask for it, at the
// end of the turn and then again soon. A child that ends otherwise (a descendant holds
// the channel, or we have cut it) is found by a sweep over all, which Mail.Ends
// brings. So most ends cost no descriptor, no signal and no other thread. SIGCHLD,
// which goes through the runtime's hands, is caught where there may be children that
// we did not start.
//
// To ask for each is no dearer when thousands end at once: a sweep walks over those
// that live, and comes back to each child when the processor has forgotten it.

// A child whose channel is closed is asked for so often, first after firstPause and
// then twice as long each time, up to longestPause. Then it counts as one that
// lives on without its channel.
const (
	maxAsked     = 24
	firstPause   = 100 * core.Microsecond
	longestPause = 64 * firstPause
)

// reapFirst looks for processes that were ours before we started any.
func (x *Exec) reapFirst() {
	if x.reap() || x.k.Adopts() {
		x.hooks.CatchEnds()
		x.reap() // those that ended before that
	}
}

// reapEnded takes the statuses of those children that have ended since they closed
// their channel, and reports whether there was one. What a child reported before its
// end is delivered before its end.
func (x *Exec) reapEnded() (found bool) {
	left := x.ended[:0]
	x.pause = longestPause
	for _, g := range x.ended {
		c := x.children[g]
		if c == nil || x.reapChild(g, c) {
			found = true
			continue
		}
		if c.asked++; c.asked == maxAsked {
			if !c.retired {
				x.answer(core.ChildChannelClosedEvent(g))
			}
			continue
		}
		x.pause = min(x.pause, firstPause<<(c.asked-1))
		left = append(left, g)
	}
	x.ended = left
	return found
}

// askPause is how long to wait at most before the next reapEnded, and whether there is
// any need for one.
func (x *Exec) askPause() (core.Duration, bool) { return x.pause, len(x.ended) > 0 }

// reapChild asks for one child and reports whether it has ended.
func (x *Exec) reapChild(g core.Generation, c *child) bool {
	var r sys.Reaped
	e := sys.Retry(func() (e core.Errno) {
		if r, e = x.k.WaitFor(c.pid); e == core.ECHILD {
			// Somebody took its status from us; all that is left to know is
			// that it is gone.
			r, e = sys.Reaped{PID: c.pid}, 0
		}
		return e
	})
	if e != 0 {
		x.cannotAsk(e)
		return false
	}
	if r.PID != 0 {
		x.childEnded(g, c, r.Status)
	}
	return r.PID != 0
}

// cannotAsk has the question which processes have ended repeated until it is answered.
func (x *Exec) cannotAsk(e core.Errno) {
	if !x.unreaped {
		x.complain("wait", e, "terminated processes are not reaped until this succeeds; retrying")
	}
	x.unreaped = true
}

// reap takes the statuses of all processes that ended. The sweep goes on until
// no process is left, because one notice may stand for many; the process table bounds
// it. What follows from them comes after it: to do one thing for many in a row is
// cheaper. When the system does not answer, that is logged once, and asked again
// until it does. It reports whether there are processes that live on.
func (x *Exec) reap() (alive bool) {
	programs := x.hooks.Programs
	if programs != nil && !programs.Exclude() {
		return true
	}
	alive = x.sweep()
	if programs != nil {
		programs.Admit()
	}
	for i := range x.reaped {
		x.hasReaped(&x.reaped[i])
	}
	x.reaped = emptied(x.reaped)
	return alive
}

// sweep fills reaped.
func (x *Exec) sweep() (alive bool) {
	for {
		var r sys.Reaped
		e := sys.Retry(func() (e core.Errno) { // the notice of those that are left does not come again
			r, e = x.k.Wait()
			return e
		})
		if e != 0 {
			x.cannotAsk(e)
			return true
		}
		if r.PID == 0 {
			x.unreaped = false
			return r.Alive
		}
		if p := x.hooks.Programs; p == nil || !p.Claim(&r) {
			x.reaped = append(x.reaped, r)
		}
	}
}

// hasReaped delivers one report of the system.
func (x *Exec) hasReaped(r *sys.Reaped) {
	if r.Stopped == 0 {
		x.endStart(r.PID)
	}
	if _, leaves := x.leaving[r.PID]; leaves && r.Stopped == 0 {
		delete(x.leaving, r.PID)
		return
	}
	g := x.pids[r.PID]
	c := x.children[g]
	switch {
	case r.Stopped != 0:
		x.answer(core.ChildStoppedEvent(g, r.PID, r.Stopped))
	case c != nil:
		x.childEnded(g, c, r.Status)
	default:
		x.answer(core.ChildExitedEvent(g, r.PID, r.Status))
	}
}

// childEnded delivers what the child reported last, then its end, and forgets
// it.
func (x *Exec) childEnded(g core.Generation, c *child, status core.ExitStatus) {
	if c.status != sys.None {
		x.read(g, c, drainBytes)
		x.closeStatus(c)
	}
	pid := c.pid
	delete(x.children, g)
	delete(x.pids, pid)
	*c = child{}
	x.free = append(x.free, c)
	x.answer(core.ChildExitedEvent(g, pid, status))
}
