// Package contract holds a server of good behaviour against the contract of servers, by
// what can be seen of it from outside.
package contract

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
)

// noticeTime is more than a server takes to see that its channel is shut.
const noticeTime = 5 * core.Millisecond

// Conduct is what is known of one server from outside: the contract is held against
// what it does, and against its settings (spec child, 4 to 8). Who reports that it is
// taken has a client, who was cut off takes no other, nobody has more clients than it
// may, who reports that it is available has no request in progress, and who leaves has a
// reason, has it in time, and has served its clients to their end.
type Conduct struct {
	Settings child.Settings
	began    core.Time // with running
	Running  bool
	Cut      bool      // its status channel is shut, or the master gone
	Since    core.Time // with cut; 0: nobody can say when it could see that
	Paused   bool      // it was stopped at some time
	Told     bool      // a report of its failed: it must know that it is cut off
	Ending   bool      // it got a signal
	Failed   bool      // it could not get the accept lock
	Waits    bool      // a report is not written yet
	Parting  bool      // it learns that a client has left
	open     int32
	requests int32 // in progress
	uses     int32
	rested   core.Time // since when it is without a client, with idle
	idle     bool
}

// concurrent reports whether it may have several clients.
func (c *Conduct) concurrent() bool {
	return c.Settings.Skeleton == child.Multi || c.Settings.Skeleton == child.EventDriven
}

// Ready is when its main loop begins.
func (c *Conduct) Ready(now core.Time) {
	c.Running, c.began, c.idle, c.rested = true, now, true, now
}

// Locks is when it asks for the accept lock.
func (c *Conduct) Locks() (wrong string) {
	if c.Told {
		return "asks for the accept lock after it learned from a failed report that it is cut off"
	}
	return ""
}

// Accepts is when it takes a connection out of the queue. What comes over a connection
// to a service that passes descriptors may come later, and it is no client until then.
func (c *Conduct) Accepts(now core.Time) (wrong string) {
	set := &c.Settings
	switch {
	case c.Told:
		wrong = "accepts a client after it learned from a failed report that it is cut off"
	case c.Since > 0 && !c.Paused && now.Sub(c.Since) > noticeTime:
		wrong = "accepts a client long after it was cut off"
	case c.open > 0 && !c.concurrent():
		wrong = "accepts a client while it serves another"
	case c.open == 0 && set.MaxUse > 0 && c.uses >= set.MaxUse:
		wrong = "accepts more clients than max_use"
	case c.concurrent() && set.MaxClients > 0 && c.open >= set.MaxClients:
		wrong = "accepts more clients at once than it may"
	case c.retired(now):
		wrong = "accepts a client long after its time is over"
	}
	return wrong
}

// Begins is when it has one client more.
func (c *Conduct) Begins() {
	c.open++
	c.idle = false
	if c.Settings.Skeleton == child.EventDriven { // the first request comes with the client
		c.requests++
	}
}

// RequestBegins is when a client asks for something.
func (c *Conduct) RequestBegins() { c.requests++ }

// RequestEnds is when it has got it.
func (c *Conduct) RequestEnds() { c.requests-- }

// retired reports whether its retirement time has been over for a while.
func (c *Conduct) retired(now core.Time) bool {
	return c.Settings.RetireAfter > 0 && !c.Paused && !c.Waits && !c.Settings.AcceptLock &&
		now.Sub(c.began) > c.Settings.RetireAfter+noticeTime
}

// Serves is when a client of it is served to its end.
func (c *Conduct) Serves(now core.Time) {
	c.open--
	c.uses++
	if c.open == 0 {
		c.idle, c.rested = true, now
	}
}

// Reports is when it says what it is.
func (c *Conduct) Reports(now core.Time, s wire.Status, clients int) (wrong string) {
	if s == wire.Taken && c.open == 0 && clients == 0 {
		return "reports that it is taken, and has no client"
	}
	if s == wire.Available && c.concurrent() && c.Settings.MaxClients > 0 && c.open >= c.Settings.MaxClients {
		return "reports that it is available, and can take no client"
	}
	if s == wire.Available && c.concurrent() && c.requests > 0 {
		return "reports that it is available while a request is in progress"
	}
	if s == wire.Available && c.concurrent() && c.Parting && c.retired(now) {
		return "reports that a client has made room, and takes no more"
	}
	return ""
}

// Leaves is when it ends by itself with status 0.
func (c *Conduct) Leaves(now core.Time) string {
	set := &c.Settings
	switch {
	case c.Failed:
		return "leaves as if all were well, and could not get the accept lock"
	case c.Cut || c.Ending:
		if c.open > 0 && !(c.concurrent() && !set.Drain) && !c.Ending {
			return "leaves with clients in its hands"
		}
		return ""
	case c.open > 0:
		return "leaves with clients in its hands"
	case set.MaxUse > 0 && c.uses >= set.MaxUse:
	case set.RetireAfter > 0 && now.Sub(c.began) >= set.RetireAfter:
	case set.MaxIdle > 0 && c.idle && now.Sub(c.rested) >= set.MaxIdle:
	default:
		return "leaves without a reason"
	}
	return ""
}

// Stays is asked now and then: it says what is wrong with a server that is there.
func (c *Conduct) Stays(now core.Time) string {
	set := &c.Settings
	switch {
	case !c.Running || c.open > 0 || c.Paused || c.Waits || c.Ending || set.AcceptLock: // who is blocked in the lock looks at nothing
	case c.Cut && c.Since > 0 && now.Sub(c.Since) > noticeTime && now.Sub(c.rested) > noticeTime:
		return "stays long after it was cut off"
	case set.MaxUse > 0 && c.uses >= set.MaxUse && now.Sub(c.rested) > noticeTime:
		return "stays after max_use clients"
	case set.MaxIdle > 0 && now.Sub(c.rested) > set.MaxIdle+noticeTime:
		return "stays longer than max_idle without a client"
	case c.retired(now) && now.Sub(c.rested) > noticeTime:
		return "stays long after its time is over"
	}
	return ""
}
