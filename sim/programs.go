package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// program says how the children of one path behave, where that is not drawn. The zero
// value serves each client at once and keeps the contract.
type program struct {
	behaviour witness.Behaviour
	work      core.Duration // that one client takes
	maxUse    int32
	maxIdle   core.Duration
	missing   bool          // there is none
	exec      core.Duration // that its exec takes: its disk is slow
	execErrno core.Errno    // not 0: the exec fails after that
	dead      bool          // nobody can be killed while it is executed
}

// startScripted says what becomes of a start.
func (w *World) startScripted(path string) (e core.Errno, late bool) {
	switch p := w.programs[path]; {
	case p == nil || p.missing:
		return core.ENOENT, false
	default:
		return 0, p.exec > 0
	}
}

// executeScripted ends an exec when its time has come.
func (w *World) executeScripted(s *server, p *program) {
	s.dead = p.dead
	w.soon(p.exec, agenda.ExecEnds, s.p.Slot, int32(p.execErrno))
}
