package explore

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
)

// root is a state in which exploring begins, and how it came to be.
type root struct {
	state  state
	moves  []move
	broken Law
}

// roots are the services just started and, if the world has it, the first
// service just removed with one child left.
func (x *machines) roots() []root {
	w := x.world
	first := root{state: x.nothing()}
	first.play(x, moveLoad, 0, int(Same))
	for i := range w.Limits {
		first.play(x, moveOpened, i, 0)
	}
	if !w.Removed {
		return []root{first}
	}
	second := first
	second.moves = slices.Clone(first.moves)
	second.state.reloads++
	second.play(x, moveArrive, 0, 0)
	second.play(x, moveReady, 0, 0)
	second.play(x, moveFork, 0, 0)
	second.play(x, moveStarted, 0, 0)
	second.play(x, moveAccept, 0, 0)
	second.play(x, moveTaken, 0, 0)
	second.play(x, moveReport, 0, statusTaken)
	second.play(x, moveHangup, 0, int(core.SIGHUP))
	second.play(x, moveLoad, 0, int(Without))
	return []root{first, second}
}

func (r *root) play(x *machines, kind moveKind, who, what int) {
	if r.broken != holds {
		return
	}
	m := move{kind: kind, who: uint8(who), what: uint8(what)}
	var next state
	r.moves = append(r.moves, m)
	r.broken = x.apply(&r.state, m, &next)
	r.state = next
}

// nothing is the state before the first configuration.
func (x *machines) nothing() state {
	m := core.New(origin.Now, x.options)
	v := m.View()
	return state{faults: uint8(x.world.Faults), reloads: uint8(x.world.Reloads), machine: x.intern(m, &v)}
}
