package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// held holds a server of good behaviour against its contract.
func (w *World) held(s *server, wrong string) {
	if wrong != "" && s.behaviour == witness.Good && !s.cheats {
		w.fail(Contract, "generation %d %s", s.p.Generation, wrong)
	}
}

// cutOff notes that servers are cut off, all of them or that of a generation.
func (w *World) cutOff(g core.Generation) {
	for i := range w.servers {
		s := &w.servers[i]
		if s.p == nil || !s.p.Alive() || s.p.Orphan || g != 0 && s.p.Generation != g || s.conduct.Cut {
			continue
		}
		s.conduct.Cut = true
		if s.conduct.Running && !w.kernel.Copied() { // else the channel may be shut later
			s.conduct.Since = w.now
		}
	}
}

// lookRound lets nobody stay who must be gone.
func (w *World) lookRound() {
	for i := range w.servers {
		if s := &w.servers[i]; s.p != nil && s.starts && s.p.Alive() && !s.p.Stopped && !s.p.Orphan {
			w.held(s, s.conduct.Stays(w.now))
		}
	}
}
