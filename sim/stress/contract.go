package stress

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim"
)

// noticeTime is more than a server in the simulated world takes to see that
// its channel is shut.
const noticeTime = 5 * core.Millisecond

// calmMaxIdle is the max_idle of servers that begin after the faults.
const calmMaxIdle = 2 * core.Second

// served is what is known of one server from outside.
type served struct {
	good   bool
	cut    bool      // its status channel is shut, or the master gone
	since  core.Time // with cut; 0: nobody can tell when it could see that
	paused bool      // it was stopped at some time
	deaf   bool      // a report of its failed: it must know that it is cut off
	open   int32
	uses   int32
	ending bool
	rested core.Time // since when it waits for a client; 0: it does not
}

// checkContract holds servers of good behaviour against the contract (spec
// child, 4 to 8), from the records of a run alone: who tells that it is taken
// has a client, who was cut off takes no other, who has had max_use clients
// leaves, who leaves in order has served its clients to their end.
func checkContract(records []sim.Record, o *sim.Options) *sim.Failure {
	servers := map[core.Generation]*served{}
	over := false
	for i := range records {
		r := &records[i]
		if r.Happened == sim.TimeLeapt {
			for _, s := range servers {
				s.since = 0
			}
		}
		if r.Kind == sim.RecordAction && r.Action.Kind == core.Exit {
			over = true
		}
		if r.Kind != sim.RecordWorld {
			continue
		}
		if r.Happened == sim.ProcessForked {
			servers[r.Generation] = &served{good: sim.Behaviour(r.Number) == sim.Good, cut: over}
			continue
		}
		s := servers[r.Generation]
		if s == nil || !s.good {
			continue
		}
		s.cut = s.cut || over
		if wrong := s.sees(r, o); wrong != "" {
			return &sim.Failure{Invariant: sim.Contract, Text: fmt.Sprintf("generation %d %s", r.Generation, wrong), Step: r.Step, Now: r.Now}
		}
	}
	return nil
}

// sees takes in what happens to a server, and says what is wrong with it.
func (s *served) sees(r *sim.Record, o *sim.Options) string {
	switch r.Happened {
	case sim.ChannelCut:
		s.cut, s.since = true, r.Now
	case sim.ProcessStopped:
		s.paused = true
	case sim.ReportFails:
		s.deaf = true
	case sim.ProcessSignaled:
		s.ending = true
	case sim.ServerReady:
		s.rested = r.Now
	case sim.ClientAccepted:
		switch {
		case s.deaf:
			return "accepts a client after it learned from a failed report that it is cut off"
		case s.since > 0 && !s.paused && r.Now.Sub(s.since) > noticeTime:
			return "accepts a client long after it was cut off"
		case s.open > 0 && o.Concurrent == 0:
			return "accepts a client while it serves another"
		case s.open == 0 && o.MaxUse > 0 && s.uses >= o.MaxUse:
			return fmt.Sprintf("accepts client %d, max_use is %d", s.uses+1, o.MaxUse)
		}
		s.open++
		s.rested = 0
	case sim.ClientServed:
		s.open--
		s.uses++
		if s.open == 0 {
			s.rested = r.Now
		}
	case sim.ServerReports:
		if wire.Status(r.Number) == wire.Taken && s.open == 0 {
			return "reports that it is taken, and has no client"
		}
	case sim.ProcessExited:
		if r.Number == 0 && !s.cut && !s.ending {
			return s.leaves(r.Now, o)
		}
	}
	return ""
}

// leaves says what is wrong with a server that ends by itself with nobody
// having told it to.
func (s *served) leaves(now core.Time, o *sim.Options) string {
	// After the faults the world gives its servers another max_idle.
	least := calmMaxIdle
	if own := core.Duration(o.MaxIdleMS) * core.Millisecond; own > 0 {
		least = min(least, own)
	}
	switch {
	case s.open > 0:
		return fmt.Sprintf("leaves with %d clients in its hands", s.open)
	case o.MaxUse > 0 && s.uses >= o.MaxUse:
	case s.rested == 0 || now.Sub(s.rested) < least:
		return fmt.Sprintf("leaves without a reason after %d clients", s.uses)
	}
	return ""
}
