package explore

// Situation is a named kind of state that a search must reach, because it is
// where managers of processes have gone wrong.
type Situation struct {
	Name string
	is   func(s *state, f *facts) bool
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

func reloadWhileThrottled(s *state, f *facts) bool {
	if !f.loading {
		return false
	}
	for i := range int(f.services) {
		if f.service[i].throttled && s.places[i].waiting() > 0 {
			return true
		}
	}
	return false
}

func reportAtCut(s *state, f *facts) bool {
	for _, p := range s.processes[:f.children] {
		if p.has(bitCut) && p.queue() != 0 {
			return true
		}
	}
	return false
}

// lastIdleExit: a client waits, and all children that the machine counts on
// have ended.
func lastIdleExit(s *state, f *facts) bool {
	for at := range int(f.services) {
		if s.places[at].waiting() == 0 || f.service[at].life != lifeActive {
			continue
		}
		counted, left := false, false
		for i, p := range s.processes[:f.children] {
			if int(f.of[i]) != at || p.has(bitCut) {
				continue
			}
			if p.has(bitTold) && !p.has(bitBusy) && p.phase() == phaseZombie && p.end() == endedWell {
				counted = true
			}
			left = left || p.phase() != phaseZombie
		}
		if counted && !left {
			return true
		}
	}
	return false
}

func returnWhileHeld(_ *state, f *facts) bool {
	for i := range int(f.services) {
		if f.service[i].held {
			return true
		}
	}
	return false
}

// pidReuse: a child has the pid of one that was reaped, and the machine is
// about to hear of it.
func pidReuse(s *state, f *facts) bool {
	for _, p := range s.processes[:f.children] {
		if p.has(bitReused) {
			return true
		}
	}
	return false
}

func limitBelowLiving(_ *state, f *facts) bool {
	for i := range int(f.services) {
		if v := &f.service[i]; v.life == lifeActive && v.limit > 0 && v.total > v.limit {
			return true
		}
	}
	return false
}

func startDuringReload(s *state, f *facts) bool {
	if !f.loading {
		return false
	}
	for _, p := range s.processes[:f.children] {
		if !p.has(bitTold) {
			return true
		}
	}
	return false
}

func removedWithStart(s *state, f *facts) bool {
	for i, p := range s.processes[:f.children] {
		if !p.has(bitTold) && f.service[f.of[i]].life == lifeRemoved {
			return true
		}
	}
	return false
}

func endedUntold(s *state, f *facts) bool {
	for _, p := range s.processes[:f.children] {
		if !p.has(bitTold) && p.phase() == phaseZombie {
			return true
		}
	}
	return false
}

func throttledWithChildren(_ *state, f *facts) bool {
	for i := range int(f.services) {
		if f.service[i].throttled && f.service[i].total > 0 {
			return true
		}
	}
	return false
}
