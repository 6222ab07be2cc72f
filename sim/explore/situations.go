package explore

import (
	"github.com/stationmaster/stationmaster/sim/explore/internal/edges"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// Situation is a named kind of state that a search must reach, because it is
// where managers of processes have gone wrong.
type Situation struct {
	Name string
	is   func(s *layout.State, f *edges.Facts) bool
}

// situations in the order of reports.
var situations = [...]Situation{
	{"a reload while throttled with a client waiting", reloadWhileThrottled},
	{"a report in flight at the cut", reportAtCut},
	{"the last idle exit against an arrival", lastIdleExit},
	{"return of a removed service while held", returnWhileHeld},
	{"pid reuse", pidReuse},
	{"a limit lowered below the living", limitBelowLiving},
	{"a start pending while a reload is under way", startDuringReload},
	{"a removed service with a start pending", removedWithStart},
	{"a child ended before the master knows that it began", endedUntold},
	{"a throttled service with living children", throttledWithChildren},
}

func reloadWhileThrottled(s *layout.State, f *edges.Facts) bool {
	if !f.Loading {
		return false
	}
	for i := range int(f.Services) {
		if f.Service[i].Throttled && s.Places[i].Waiting() > 0 {
			return true
		}
	}
	return false
}

func reportAtCut(s *layout.State, f *edges.Facts) bool {
	for _, p := range s.Processes[:f.Children] {
		if p.Has(layout.BitCut) && p.Queue() != 0 {
			return true
		}
	}
	return false
}

// lastIdleExit: a client waits, and all children that the machine counts on
// have ended.
func lastIdleExit(s *layout.State, f *edges.Facts) bool {
	for at := range int(f.Services) {
		if s.Places[at].Waiting() == 0 || f.Service[at].Life != edges.LifeActive {
			continue
		}
		counted, left := false, false
		for i, p := range s.Processes[:f.Children] {
			if int(f.Of[i]) != at || p.Has(layout.BitCut) {
				continue
			}
			if p.Has(layout.BitTold) && !p.Has(layout.BitBusy) && p.Phase() == layout.PhaseZombie && p.End() == layout.EndedWell {
				counted = true
			}
			left = left || p.Phase() != layout.PhaseZombie
		}
		if counted && !left {
			return true
		}
	}
	return false
}

func returnWhileHeld(_ *layout.State, f *edges.Facts) bool {
	for i := range int(f.Services) {
		if f.Service[i].Held {
			return true
		}
	}
	return false
}

// pidReuse: a child has the pid of one that was reaped, and the machine is
// about to hear of it.
func pidReuse(s *layout.State, f *edges.Facts) bool {
	for _, p := range s.Processes[:f.Children] {
		if p.Has(layout.BitReused) {
			return true
		}
	}
	return false
}

func limitBelowLiving(_ *layout.State, f *edges.Facts) bool {
	for i := range int(f.Services) {
		if v := &f.Service[i]; v.Life == edges.LifeActive && v.Limit > 0 && v.Total > v.Limit {
			return true
		}
	}
	return false
}

func startDuringReload(s *layout.State, f *edges.Facts) bool {
	if !f.Loading {
		return false
	}
	for _, p := range s.Processes[:f.Children] {
		if !p.Has(layout.BitTold) {
			return true
		}
	}
	return false
}

func removedWithStart(s *layout.State, f *edges.Facts) bool {
	for i, p := range s.Processes[:f.Children] {
		if !p.Has(layout.BitTold) && f.Service[f.Of[i]].Life == edges.LifeRemoved {
			return true
		}
	}
	return false
}

func endedUntold(s *layout.State, f *edges.Facts) bool {
	for _, p := range s.Processes[:f.Children] {
		if !p.Has(layout.BitTold) && p.Phase() == layout.PhaseZombie {
			return true
		}
	}
	return false
}

func throttledWithChildren(_ *layout.State, f *edges.Facts) bool {
	for i := range int(f.Services) {
		if f.Service[i].Throttled && f.Service[i].Total > 0 {
			return true
		}
	}
	return false
}
