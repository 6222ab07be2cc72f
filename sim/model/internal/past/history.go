package past

import (
	"math"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// Never is the index of a step that has not been taken.
const Never = -1

// Step is one step of the machine: when, what happened, what it asked for.
type Step struct {
	Now     core.Time
	Ev      core.Event
	Fault   *Fault // of the configuration that came
	Actions []core.Action
}

// asks reports whether the step has an action of the kind.
func (s *Step) asks(kind core.ActionKind) bool {
	for i := range s.Actions {
		if s.Actions[i].Kind == kind {
			return true
		}
	}
	return false
}

// Logs reports whether the step has a log line of the code.
func (s *Step) Logs(code core.LogCode) bool {
	for i := range s.Actions {
		if s.Actions[i].Kind == core.Log && s.Actions[i].Code == code {
			return true
		}
	}
	return false
}

// Child is the story of one start: at which steps what happened to it.
type Child struct {
	Generation core.Generation
	Service    core.ServiceID
	Pid        core.PID
	asked      int
	started    int
	failed     int
	exited     int
	Retired    int
	Killed     int // the first SIGKILL of ours
	Closed     int // the child's end of its status channel is closed
	complained int
	reports    []report
}

// report is one status message: when and what.
type report struct {
	at int
	ev core.Event
}

// readChildren reads the stories of all children, in the order of their starts.
func readChildren(h []Step) []*Child {
	var all []*Child
	byGeneration := make(map[core.Generation]*Child)
	for i := range h {
		if c := byGeneration[h[i].Ev.Generation]; c != nil {
			c.happened(i, &h[i].Ev)
		}
		for k := range h[i].Actions {
			a := &h[i].Actions[k]
			if a.Kind == core.StartChild {
				c := &Child{
					Generation: a.Generation, Service: a.Service, asked: i, started: Never, failed: Never,
					exited: Never, Retired: Never, Killed: Never, Closed: Never, complained: Never,
				}
				all = append(all, c)
				byGeneration[c.Generation] = c
				continue
			}
			if c := byGeneration[a.Generation]; c != nil {
				c.done(i, a)
			}
			if a.Kind == core.Log && a.Code == core.LogChannelClosed {
				for _, c := range all {
					if c.Pid == a.PID && c.Lives() {
						c.complained = i
					}
				}
			}
		}
	}
	return all
}

func (c *Child) happened(i int, ev *core.Event) {
	switch ev.Kind {
	case core.ChildStarted:
		c.started, c.Pid = i, ev.PID
	case core.ChildStartFailed:
		c.failed = i
	case core.ChildExited:
		c.exited = i
	case core.ChildChannelClosed:
		c.Closed = i
	case core.StatusReceived:
		c.reports = append(c.reports, report{i, *ev})
	}
}

func (c *Child) done(i int, a *core.Action) {
	switch {
	case a.Kind == core.RetireChild && c.Retired == Never:
		c.Retired = i
	case a.Kind == core.SignalChild && a.Signal == core.SIGKILL && c.Killed == Never:
		c.Killed = i
	}
}

func (c *Child) Starting() bool { return c.started == Never && c.failed == Never }
func (c *Child) Lives() bool    { return c.started != Never && c.exited == Never }

// occupies reports whether the child has a place in its service's process limit:
// it was asked for and has neither failed to start nor been reaped.
func (c *Child) occupies() bool { return c.Starting() || c.Lives() }

// occupiedBefore is occupies as it stood when step i began.
func (c *Child) occupiedBefore(i int) bool {
	gone := func(at int) bool { return at != Never && at < i }
	return c.asked < i && !gone(c.failed) && !gone(c.exited)
}

// record is what the master knows of a child from its reports.
type record struct {
	Available bool
	Served    bool // it has become available at least once after being taken
	Bad       int  // reports that were good for nothing
}

func (c *Child) idle() bool { return c.Lives() && c.Retired == Never && c.Record().Available }
func (c *Child) Busy() bool { return c.Lives() && c.Retired == Never && !c.Record().Available }

// leavingBefore reports whether the child was cut off while it was available, and
// is about to end, as it stood when step i began.
func (c *Child) leavingBefore(i int) bool {
	begun := func(at int) bool { return at != Never && at < i }
	return begun(c.started) && begun(c.Retired) && !begun(c.exited) && c.recordBefore(i).Available
}

func (c *Child) Record() record { return c.recordBefore(math.MaxInt) }

// recordBefore reads all reports of the child before step end again. A new child
// is available without any report (spec runtime, 7.2).
func (c *Child) recordBefore(end int) record {
	r := record{Available: true}
	for i := range c.reports {
		if c.reports[i].at >= end {
			break
		}
		switch c.Meaning(&c.reports[i].ev, r) {
		case claimAvailable:
			r.Available, r.Served = true, true
		case claimTaken:
			r.Available = false
		case ClaimPartial, ClaimForeign, ClaimStale, ClaimUnknown:
			r.Bad++
		case claimRepeated:
		}
	}
	return r
}

// claim is what a report amounts to.
type claim uint8

const (
	ClaimPartial claim = iota
	ClaimForeign
	ClaimStale
	ClaimUnknown
	claimRepeated
	claimAvailable
	claimTaken
)

// Meaning judges one report in the order of the table in spec runtime, 7.2:
// length, pid, generation, repetition, status.
func (c *Child) Meaning(ev *core.Event, r record) claim {
	if ev.N != wire.StatusSize {
		return ClaimPartial
	}
	msg := wire.ParseMessage(ev.Bytes)
	switch {
	case core.PID(msg.PID) != c.Pid:
		return ClaimForeign
	case msg.Generation != uint32(c.Generation):
		return ClaimStale
	case msg.Status == wire.Available && r.Available, msg.Status == wire.Taken && !r.Available:
		return claimRepeated
	case msg.Status == wire.Available:
		return claimAvailable
	case msg.Status == wire.Taken:
		return claimTaken
	}
	return ClaimUnknown
}

// Wakeup is the story of one wakeup request.
type Wakeup struct {
	Request core.Request
	Service core.ServiceID
	fifo    bool
	asked   int
	Sent    int
	Over    int // failed, closed by the receiver, or ended by us
}

// readWakeups reads the stories of all wakeups, in their order.
func readWakeups(h []Step) []*Wakeup {
	var all []*Wakeup
	byRequest := make(map[core.Request]*Wakeup)
	for i := range h {
		if u := byRequest[h[i].Ev.Request]; u != nil {
			switch h[i].Ev.Kind {
			case core.WakeupSent:
				u.Sent = i
				if u.fifo { // a FIFO has no connection that could stay open
					u.Over = i
				}
			case core.WakeupFailed, core.WakeupClosed:
				u.Over = i
			}
		}
		for k := range h[i].Actions {
			a := &h[i].Actions[k]
			switch a.Kind {
			case core.WakeService:
				u := &Wakeup{Request: a.Request, Service: a.Service, asked: i, Sent: Never, Over: Never}
				u.fifo = a.Entry != nil && a.Entry.Type == core.FIFO
				all = append(all, u)
				byRequest[u.Request] = u
			case core.CloseWakeup:
				if u := byRequest[a.Request]; u != nil {
					u.Over = i
				}
			}
		}
	}
	return all
}
