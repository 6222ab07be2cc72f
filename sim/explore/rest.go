package explore

import (
	"github.com/stationmaster/stationmaster/sim/explore/internal/edges"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// Liveness is shown with a rank: a number that is zero only at rest. From
// every state that is not at rest there must be a way, with nothing new from
// outside and no fault, to a state of lower rank. If that holds everywhere,
// rest is reached from everywhere, because ranks do not fall for ever; and
// if everything that can happen does happen, again and again, the world comes to rest.
// At rest no client waits or is served, no child is left, nothing is
// throttled and no reload is under way.

const (
	rankWaiting   = 100 // of a client, in a listener
	rankHelpless  = 100 // of a listener where clients wait and nobody comes
	rankAsked     = 40
	rankAccepted  = 30
	rankServing   = 20
	rankIdle      = 10
	rankUntold    = 5
	rankHung      = 2000
	rankZombie    = 2
	rankSecond    = 10 // of a throttle
	rankLoading   = 3000
	rankReloading = 1500
	rankOpening   = 20
	rankWakeup    = 250 // not sent: it will be a client
	rankOpenWake  = 5
)

// rank of a state of the world whose machine has these facts.
func rank(w *World, s *layout.State, f *edges.Facts) int32 {
	if s.Exited {
		return 0
	}
	var helped uint16
	rank := int32(0)
	for _, p := range s.Processes[:f.Children] {
		rank += rankOf(w, p)
		if at := p.Listener(); at >= 0 && !p.Has(layout.BitCut|layout.BitTERM|layout.BitDeaf|layout.BitHung) {
			helped |= 1 << at
		}
	}
	for i := range int(f.Services) {
		p, v := s.Places[i], &f.Service[i]
		if n := p.Waiting(); n > 0 {
			rank += rankWaiting * int32(n)
			if helped>>i&1 == 0 {
				rank += rankHelpless
			}
		}
		if v.Throttled {
			rank += rankSecond * int32(v.Rest)
		}
		if p.Has(layout.PlaceAsked) {
			rank += rankOpening
		}
	}
	for _, k := range s.Wakeups[:f.Wakeups] {
		if k&layout.WakeupMask == layout.WakeupAsked {
			rank += rankWakeup
		} else {
			rank += rankOpenWake
		}
	}
	if s.Loading {
		rank += rankLoading
	}
	if f.Loading {
		rank += rankReloading
	}
	return rank
}

func rankOf(w *World, p layout.Process) int32 {
	rank := int32(0)
	for q := p.Queue(); q != 0; q >>= 2 {
		rank++
	}
	if p.Phase() != layout.PhaseAsked && !p.Has(layout.BitTold) {
		rank += rankUntold
	}
	if p.Has(layout.BitHung) {
		rank += rankHung
	}
	if p.Has(layout.BitDeaf) && !p.Has(layout.BitHungUp) {
		rank++
	}
	switch p.Phase() {
	case layout.PhaseAsked:
		rank += rankAsked
	case layout.PhaseIdle:
		rank += rankIdle
	case layout.PhaseAccepted:
		rank += rankAccepted
	case layout.PhaseServing:
		rank += rankServing
	case layout.PhaseZombie:
		rank += rankZombie
		ours := p.End() == layout.EndedByTERM && p.Has(layout.BitTERM) || p.End() == layout.EndedByKILL && p.Has(layout.BitKILL)
		if p.End() != layout.EndedWell && !ours && !p.Has(layout.BitServed) {
			rank += rankSecond * int32(w.Throttle.Seconds()+1) // it may throttle
		}
	}
	return rank
}

// maxDetour bounds the search for a way down from one state.
const maxDetour = 50_000

// wayDown looks for a state of lower rank than start, however many moves away.
func wayDown(x *edges.Machines, start *layout.State) bool {
	w := x.World
	limit := rank(w, start, x.Fact(start.Machine))
	seen := map[layout.State]bool{*start: true}
	queue := []layout.State{*start}
	var l edges.MoveList
	for at := 0; at < len(queue) && at < maxDetour; at++ {
		s := queue[at]
		edges.Moves(w, &l, &s, x.Fact(s.Machine))
		for i := range l.N {
			if !l.All[i].Quiet {
				continue
			}
			var next layout.State
			if x.Apply(&s, l.All[i], &next) != edges.Holds || seen[next] {
				continue
			}
			if rank(w, &next, x.Fact(next.Machine)) < limit {
				return true
			}
			seen[next] = true
			queue = append(queue, next)
		}
	}
	return false
}

// stuck names the law that a state without a way down breaks.
func stuck(x *edges.Machines, s *layout.State) edges.Law {
	f := x.Fact(s.Machine)
	for i := range int(f.Services) {
		if s.Places[i].Waiting() > 0 && f.Service[i].Life == edges.LifeActive {
			if f.Service[i].Throttled {
				return edges.Law{Name: "L2", What: "a throttled service serves its clients in the end"}
			}
			return edges.Law{Name: "L1", What: "a client that waits at an active service is served in the end"}
		}
	}
	for i := range int(f.Children) {
		if f.Service[f.Of[i]].Life == edges.LifeRemoved {
			return edges.Law{Name: "L3", What: "a removed service loses its children in the end"}
		}
	}
	for i := range int(f.Services) {
		if f.Service[i].Throttled {
			return edges.Law{Name: "L2", What: "a throttled service is released in the end"}
		}
	}
	if s.Loading || f.Loading {
		return edges.Law{Name: "L8", What: "a reload ends"}
	}
	for i := range int(f.Children) {
		if s.Processes[i].Has(layout.BitCut) {
			return edges.Law{Name: "L4", What: "retired children leave in the end"}
		}
	}
	return edges.Law{Name: "L7", What: "in silence everything comes to rest"}
}

// asleep states L7 of a state at rest: no timer but the wakeups is left.
func asleep(w *World, s *layout.State, f *edges.Facts) edges.Law {
	if f.Timer && w.Wakeup == 0 && w.Exit == 0 && !s.Exited {
		return edges.Law{Name: "L7", What: "at rest no deadline is left"}
	}
	return edges.Holds
}
