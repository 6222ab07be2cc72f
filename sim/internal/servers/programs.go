package servers

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Program is how the children of one path behave, where that is not drawn. The zero
// value serves each client at once and keeps the contract.
type Program struct {
	Behaviour witness.Behaviour
	Work      core.Duration // that one client takes
	MaxUse    int32
	MaxIdle   core.Duration
	Missing   bool          // there is none
	Exec      core.Duration // that its exec takes: its disk is slow
	ExecErrno core.Errno    // not 0: the exec fails after that
	Dead      bool          // nobody can be killed while it is executed
}

// StartScripted returns what becomes of a start.
func (w *World) StartScripted(path string) (e core.Errno, late bool) {
	switch p := w.Programs[path]; {
	case p == nil || p.Missing:
		return core.ENOENT, false
	default:
		return 0, p.Exec > 0
	}
}

// executeScripted ends an exec when its time has come.
func (w *World) executeScripted(s *Server, p *Program) {
	s.Dead = p.Dead
	w.Soon(p.Exec, agenda.ExecEnds, s.P.Slot, int32(p.ExecErrno))
}
