package stress

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim"
)

// contractInvariant is the name by which a broken contract is reported.
const contractInvariant = "contract"

// served is what is known of one server from outside.
type served struct {
	good   bool
	cut    bool // its status channel is shut, or the master gone
	deaf   bool // a report of its failed: it must know that it is cut off
	open   int32
	uses   int32
	ending bool
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
			return &sim.Failure{Invariant: contractInvariant, Text: fmt.Sprintf("generation %d %s", r.Generation, wrong), Step: r.Step, Now: r.Now}
		}
	}
	return nil
}

// sees takes in what happens to a server, and says what is wrong with it.
func (s *served) sees(r *sim.Record, o *sim.Options) string {
	switch r.Happened {
	case sim.ChannelCut:
		s.cut = true
	case sim.ReportFails:
		s.deaf = true
	case sim.ProcessSignaled:
		s.ending = true
	case sim.ClientAccepted:
		switch {
		case s.deaf:
			return "accepts a client after it learned from a failed report that it is cut off"
		case s.open > 0 && o.Concurrent == 0:
			return "accepts a client while it serves another"
		case s.open == 0 && o.MaxUse > 0 && s.uses >= o.MaxUse:
			return fmt.Sprintf("accepts client %d, max_use is %d", s.uses+1, o.MaxUse)
		}
		s.open++
	case sim.ClientServed:
		s.open--
		s.uses++
	case sim.ServerReports:
		if wire.Status(r.Number) == wire.Taken && s.open == 0 {
			return "reports that it is taken, and has no client"
		}
	case sim.ProcessExited:
		if r.Number == 0 && s.open > 0 && !s.cut && !s.ending {
			return fmt.Sprintf("leaves with %d clients in its hands", s.open)
		}
	}
	return ""
}
