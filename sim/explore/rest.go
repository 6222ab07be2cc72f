package explore

// Liveness is shown with a rank: a number that is zero only at rest. From
// every state that is not at rest there must be a way, with nothing new from
// outside and no fault, to a state of lower rank. If that holds everywhere,
// rest is reached from everywhere, because ranks do not fall for ever; and
// whoever lets everything happen that can happen again and again comes to rest.
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
func (w *World) rank(s *state, f *facts) int32 {
	if s.exited {
		return 0
	}
	var helped uint16
	rank := int32(0)
	for _, p := range s.processes[:f.children] {
		rank += w.rankOf(p)
		if at := p.listener(); at >= 0 && !p.has(bitCut|bitTERM|bitDeaf|bitHung) {
			helped |= 1 << at
		}
	}
	for i := range int(f.services) {
		p, v := s.places[i], &f.service[i]
		if n := p.waiting(); n > 0 {
			rank += rankWaiting * int32(n)
			if helped>>i&1 == 0 {
				rank += rankHelpless
			}
		}
		if v.throttled {
			rank += rankSecond * int32(v.rest)
		}
		if p.has(placeAsked) {
			rank += rankOpening
		}
	}
	for _, k := range s.wakeups[:f.wakeups] {
		if k&wakeupMask == wakeupAsked {
			rank += rankWakeup
		} else {
			rank += rankOpenWake
		}
	}
	if s.loading {
		rank += rankLoading
	}
	if f.loading {
		rank += rankReloading
	}
	return rank
}

func (w *World) rankOf(p process) int32 {
	rank := int32(0)
	for q := p.queue(); q != 0; q >>= 2 {
		rank++
	}
	if p.phase() != phaseAsked && !p.has(bitTold) {
		rank += rankUntold
	}
	if p.has(bitHung) {
		rank += rankHung
	}
	if p.has(bitDeaf) && !p.has(bitHungUp) {
		rank++
	}
	switch p.phase() {
	case phaseAsked:
		rank += rankAsked
	case phaseIdle:
		rank += rankIdle
	case phaseAccepted:
		rank += rankAccepted
	case phaseServing:
		rank += rankServing
	case phaseZombie:
		rank += rankZombie
		ours := p.end() == endedByTERM && p.has(bitTERM) || p.end() == endedByKILL && p.has(bitKILL)
		if p.end() != endedWell && !ours && !p.has(bitServed) {
			rank += rankSecond * int32(w.Throttle.Seconds()+1) // it may throttle
		}
	}
	return rank
}

// maxDetour bounds the search for a way down from one state.
const maxDetour = 50_000

// wayDown looks for a state of lower rank than start, however many moves away.
func (x *machines) wayDown(start *state) bool {
	w := x.world
	limit := w.rank(start, x.fact(start.machine))
	seen := map[state]bool{*start: true}
	queue := []state{*start}
	var l moveList
	for at := 0; at < len(queue) && at < maxDetour; at++ {
		s := queue[at]
		w.moves(&l, &s, x.fact(s.machine))
		for i := range l.n {
			if !l.all[i].quiet {
				continue
			}
			var next state
			if x.apply(&s, l.all[i], &next) != holds || seen[next] {
				continue
			}
			if w.rank(&next, x.fact(next.machine)) < limit {
				return true
			}
			seen[next] = true
			queue = append(queue, next)
		}
	}
	return false
}

// stuck names the law that a state without a way down breaks.
func (x *machines) stuck(s *state) Law {
	f := x.fact(s.machine)
	for i := range int(f.services) {
		if s.places[i].waiting() > 0 && f.service[i].life == lifeActive {
			if f.service[i].throttled {
				return Law{"L2", "a throttled service serves its clients in the end"}
			}
			return Law{"L1", "a client that waits at an active service is served in the end"}
		}
	}
	for i := range int(f.children) {
		if f.service[f.of[i]].life == lifeRemoved {
			return Law{"L3", "a removed service loses its children in the end"}
		}
	}
	for i := range int(f.services) {
		if f.service[i].throttled {
			return Law{"L2", "a throttled service is released in the end"}
		}
	}
	if s.loading || f.loading {
		return Law{"L8", "a reload ends"}
	}
	for i := range int(f.children) {
		if s.processes[i].has(bitCut) {
			return Law{"L4", "retired children leave in the end"}
		}
	}
	return Law{"L7", "in silence everything comes to rest"}
}

// asleep states L7 of a state at rest: no timer but the wakeups is left.
func (w *World) asleep(s *state, f *facts) Law {
	if f.timer && w.Wakeup == 0 && w.Exit == 0 && !s.exited {
		return Law{"L7", "at rest no deadline is left"}
	}
	return holds
}
