package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
)

// noticeTime is more than a server takes to see that its channel is shut.
const noticeTime = 5 * core.Millisecond

// conduct is what is known of one server from outside: the contract is held against
// what it does, and against its settings (spec child, 4 to 8). Who reports that it is
// taken has a client, who was cut off takes no other, nobody has more clients than it
// may, and who leaves has a reason, has it in time, and has served its clients to their
// end.
type conduct struct {
	settings child.Settings
	began    core.Time // with running
	running  bool
	cut      bool      // its status channel is shut, or the master gone
	since    core.Time // with cut; 0: nobody can say when it could see that
	paused   bool      // it was stopped at some time
	told     bool      // a report of its failed: it must know that it is cut off
	ending   bool      // it got a signal
	waits    bool      // a report is not written yet
	open     int32
	uses     int32
	rested   core.Time // since when it is without a client, with idle
	idle     bool
}

// concurrent reports whether it may have several clients.
func (c *conduct) concurrent() bool {
	return c.settings.Skeleton == child.Multi || c.settings.Skeleton == child.EventDriven
}

// ready is when its main loop begins.
func (c *conduct) ready(now core.Time) {
	c.running, c.began, c.idle, c.rested = true, now, true, now
}

// accepts is when it takes a connection out of the queue. What comes over a connection
// to a service that passes descriptors may come later, and it is no client until then.
func (c *conduct) accepts(now core.Time) (wrong string) {
	set := &c.settings
	switch {
	case c.told:
		wrong = "accepts a client after it learned from a failed report that it is cut off"
	case c.since > 0 && !c.paused && now.Sub(c.since) > noticeTime:
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

// begins is when it has one client more.
func (c *conduct) begins() {
	c.open++
	c.idle = false
}

// retired reports whether its retirement time has been over for a while.
func (c *conduct) retired(now core.Time) bool {
	return c.settings.RetireAfter > 0 && !c.paused && !c.waits && !c.settings.AcceptLock &&
		now.Sub(c.began) > c.settings.RetireAfter+noticeTime
}

// serves is when a client of it is served to its end.
func (c *conduct) serves(now core.Time) {
	c.open--
	c.uses++
	if c.open == 0 {
		c.idle, c.rested = true, now
	}
}

// reports is when it says what it is.
func (c *conduct) reports(s wire.Status, clients int) (wrong string) {
	if s == wire.Taken && c.open == 0 && clients == 0 {
		return "reports that it is taken, and has no client"
	}
	if s == wire.Available && c.concurrent() && c.settings.MaxClients > 0 && c.open >= c.settings.MaxClients {
		return "reports that it is available, and can take no client"
	}
	return ""
}

// leaves is when it ends by itself with status 0.
func (c *conduct) leaves(now core.Time) string {
	set := &c.settings
	switch {
	case c.cut || c.ending:
		if c.open > 0 && !(c.concurrent() && !set.Drain) && !c.ending {
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

// stays is asked now and then: it says what is wrong with a server that is there.
func (c *conduct) stays(now core.Time) string {
	set := &c.settings
	switch {
	case !c.running || c.open > 0 || c.paused || c.waits || c.ending || set.AcceptLock: // who is blocked in the lock looks at nothing
	case c.cut && c.since > 0 && now.Sub(c.since) > noticeTime && now.Sub(c.rested) > noticeTime:
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

// held holds a server of good behaviour against its contract.
func (w *World) held(s *server, wrong string) {
	if wrong != "" && s.behaviour == Good && !s.cheats {
		w.fail(Contract, "generation %d %s", s.p.Generation, wrong)
	}
}

// cutOff notes that servers are cut off, all of them or that of a generation.
func (w *World) cutOff(g core.Generation) {
	for i := range w.servers {
		s := &w.servers[i]
		if s.p == nil || !s.p.Alive() || s.p.Orphan || g != 0 && s.p.Generation != g || s.conduct.cut {
			continue
		}
		s.conduct.cut = true
		if s.conduct.running && !w.kernel.Copied() { // else the channel may be shut later
			s.conduct.since = w.now
		}
	}
}

// lookRound lets nobody stay who must be gone.
func (w *World) lookRound() {
	for i := range w.servers {
		if s := &w.servers[i]; s.p != nil && s.starts && s.p.Alive() && !s.p.Stopped && !s.p.Orphan {
			w.held(s, s.conduct.stays(w.now))
		}
	}
}
