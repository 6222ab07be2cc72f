package edges

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// Root is a state in which exploring begins, and how it came to be.
type Root struct {
	State  layout.State
	Moves  []Move
	Broken Law
}

// Roots are the services just started and, if the world has it, the first
// service just removed with one child left.
func (x *Machines) Roots() []Root {
	w := x.World
	first := Root{State: x.Nothing()}
	first.play(x, MoveLoad, 0, int(layout.Same))
	for i := range w.Limits {
		first.play(x, MoveOpened, i, 0)
	}
	if !w.Removed {
		return []Root{first}
	}
	second := first
	second.Moves = slices.Clone(first.Moves)
	second.State.Reloads++
	second.play(x, MoveArrive, 0, 0)
	second.play(x, MoveReady, 0, 0)
	second.play(x, MoveFork, 0, 0)
	second.play(x, MoveStarted, 0, 0)
	second.play(x, MoveAccept, 0, 0)
	second.play(x, MoveTaken, 0, 0)
	second.play(x, MoveReport, 0, StatusTaken)
	second.play(x, MoveHangup, 0, int(core.SIGHUP))
	second.play(x, MoveLoad, 0, int(layout.Without))
	return []Root{first, second}
}

func (r *Root) play(x *Machines, kind moveKind, who, what int) {
	if r.Broken != Holds {
		return
	}
	m := Move{Kind: kind, Who: uint8(who), What: uint8(what)}
	var next layout.State
	r.Moves = append(r.Moves, m)
	r.Broken = x.Apply(&r.State, m, &next)
	r.State = next
}

// Nothing is the state before the first configuration.
func (x *Machines) Nothing() layout.State {
	m := core.New(origin.Now, x.options)
	v := m.View()
	return layout.State{Faults: uint8(x.World.Faults), Reloads: uint8(x.World.Reloads), Machine: x.intern(m, &v)}
}
