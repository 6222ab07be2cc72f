package model

import (
	"math"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// never is the index of a step that has not been taken.
const never = -1

// step is one step of the machine: when, what happened, what it asked for.
type step struct {
	now     core.Time
	ev      core.Event
	fault   *fault // of the configuration that came
	actions []core.Action
}

// asks tells whether the step has an action of the kind.
func (s *step) asks(kind core.ActionKind) bool {
	for i := range s.actions {
		if s.actions[i].Kind == kind {
			return true
		}
	}
	return false
}

// logs tells whether the step has a log line of the code.
func (s *step) logs(code core.LogCode) bool {
	for i := range s.actions {
		if s.actions[i].Kind == core.Log && s.actions[i].Code == code {
			return true
		}
	}
	return false
}

// child is the story of one start: at which steps what happened to it.
type child struct {
	generation core.Generation
	service    core.ServiceID
	pid        core.PID
	asked      int
	started    int
	failed     int
	exited     int
	retired    int
	killed     int // the first SIGKILL of ours
	closed     int // the child's end of its status channel is closed
	complained int
	reports    []report
}

// report is one status message: when and what.
type report struct {
	at int
	ev core.Event
}

// readChildren tells the stories of all children, in order of their starts.
func readChildren(h []step) []*child {
	var all []*child
	byGeneration := make(map[core.Generation]*child)
	for i := range h {
		if c := byGeneration[h[i].ev.Generation]; c != nil {
			c.happened(i, &h[i].ev)
		}
		for k := range h[i].actions {
			a := &h[i].actions[k]
			if a.Kind == core.StartChild {
				c := &child{
					generation: a.Generation, service: a.Service, asked: i, started: never, failed: never,
					exited: never, retired: never, killed: never, closed: never, complained: never,
				}
				all = append(all, c)
				byGeneration[c.generation] = c
				continue
			}
			if c := byGeneration[a.Generation]; c != nil {
				c.done(i, a)
			}
			if a.Kind == core.Log && a.Code == core.LogChannelClosed {
				for _, c := range all {
					if c.pid == a.PID && c.lives() {
						c.complained = i
					}
				}
			}
		}
	}
	return all
}

func (c *child) happened(i int, ev *core.Event) {
	switch ev.Kind {
	case core.ChildStarted:
		c.started, c.pid = i, ev.PID
	case core.ChildStartFailed:
		c.failed = i
	case core.ChildExited:
		c.exited = i
	case core.ChildChannelClosed:
		c.closed = i
	case core.StatusReceived:
		c.reports = append(c.reports, report{i, *ev})
	}
}

func (c *child) done(i int, a *core.Action) {
	switch {
	case a.Kind == core.RetireChild && c.retired == never:
		c.retired = i
	case a.Kind == core.SignalChild && a.Signal == core.SIGKILL && c.killed == never:
		c.killed = i
	}
}

func (c *child) starting() bool { return c.started == never && c.failed == never }
func (c *child) lives() bool    { return c.started != never && c.exited == never }

// occupies tells whether the child has a place in its service's process limit:
// it was asked for and has neither failed to start nor been reaped.
func (c *child) occupies() bool { return c.starting() || c.lives() }

// occupiedBefore is occupies as it stood when step i began.
func (c *child) occupiedBefore(i int) bool {
	gone := func(at int) bool { return at != never && at < i }
	return c.asked < i && !gone(c.failed) && !gone(c.exited)
}

// record is what the master knows of a child from its reports.
type record struct {
	available bool
	served    bool // it has become available at least once after being taken
	bad       int  // reports that were good for nothing
}

func (c *child) idle() bool { return c.lives() && c.retired == never && c.record().available }
func (c *child) busy() bool { return c.lives() && c.retired == never && !c.record().available }

// leavingBefore tells whether the child was cut off while it was available, and
// is about to end, as it stood when step i began.
func (c *child) leavingBefore(i int) bool {
	begun := func(at int) bool { return at != never && at < i }
	return begun(c.started) && begun(c.retired) && !begun(c.exited) && c.recordBefore(i).available
}

func (c *child) record() record { return c.recordBefore(math.MaxInt) }

// recordBefore reads all reports of the child before step end again. A new child
// is available without any report (spec runtime, 7.2).
func (c *child) recordBefore(end int) record {
	r := record{available: true}
	for i := range c.reports {
		if c.reports[i].at >= end {
			break
		}
		switch c.meaning(&c.reports[i].ev, r) {
		case claimAvailable:
			r.available, r.served = true, true
		case claimTaken:
			r.available = false
		case claimPartial, claimForeign, claimStale, claimUnknown:
			r.bad++
		case claimRepeated:
		}
	}
	return r
}

// claim says what a report amounts to.
type claim uint8

const (
	claimPartial claim = iota
	claimForeign
	claimStale
	claimUnknown
	claimRepeated
	claimAvailable
	claimTaken
)

// meaning judges one report in the order of the table in spec runtime, 7.2:
// length, pid, generation, repetition, status.
func (c *child) meaning(ev *core.Event, r record) claim {
	if ev.N != wire.StatusSize {
		return claimPartial
	}
	msg := wire.ParseMessage(ev.Bytes)
	switch {
	case core.PID(msg.PID) != c.pid:
		return claimForeign
	case msg.Generation != uint32(c.generation):
		return claimStale
	case msg.Status == wire.Available && r.available, msg.Status == wire.Taken && !r.available:
		return claimRepeated
	case msg.Status == wire.Available:
		return claimAvailable
	case msg.Status == wire.Taken:
		return claimTaken
	}
	return claimUnknown
}

// wakeup is the story of one wakeup request.
type wakeup struct {
	request core.Request
	service core.ServiceID
	fifo    bool
	asked   int
	sent    int
	over    int // failed, closed by the receiver, or ended by us
}

// readWakeups tells the stories of all wakeups, in order.
func readWakeups(h []step) []*wakeup {
	var all []*wakeup
	byRequest := make(map[core.Request]*wakeup)
	for i := range h {
		if u := byRequest[h[i].ev.Request]; u != nil {
			switch h[i].ev.Kind {
			case core.WakeupSent:
				u.sent = i
				if u.fifo { // a FIFO has no connection that could stay open
					u.over = i
				}
			case core.WakeupFailed, core.WakeupClosed:
				u.over = i
			}
		}
		for k := range h[i].actions {
			a := &h[i].actions[k]
			switch a.Kind {
			case core.WakeService:
				u := &wakeup{request: a.Request, service: a.Service, asked: i, sent: never, over: never}
				u.fifo = a.Entry != nil && a.Entry.Type == core.FIFO
				all = append(all, u)
				byRequest[u.request] = u
			case core.CloseWakeup:
				if u := byRequest[a.Request]; u != nil {
					u.over = i
				}
			}
		}
	}
	return all
}
