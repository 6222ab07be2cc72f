package servers

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// held holds a server of good behaviour against its contract.
func (w *World) held(s *Server, wrong string) {
	if wrong != "" && s.behaviour == witness.Good && !s.cheats {
		w.Fail(witness.Contract, "generation %d %s", s.P.Generation, wrong)
	}
}

// CutOff notes that servers are cut off, all of them or that of a generation.
func (w *World) CutOff(g core.Generation) {
	for i := range w.Servers {
		s := &w.Servers[i]
		if s.P == nil || !s.P.Alive() || s.P.Orphan || g != 0 && s.P.Generation != g || s.Conduct.Cut {
			continue
		}
		s.Conduct.Cut = true
		if s.Conduct.Running && !w.Kernel.Copied() { // else the channel may be shut later
			s.Conduct.Since = w.Now
		}
	}
}

// LookRound lets nobody stay who must be gone.
func (w *World) LookRound() {
	for i := range w.Servers {
		if s := &w.Servers[i]; s.P != nil && s.starts && s.P.Alive() && !s.P.Stopped && !s.P.Orphan {
			w.held(s, s.Conduct.Stays(w.Now))
		}
	}
}
