package explore

import (
	"reflect"
	"testing"

	"github.com/stationmaster/stationmaster/sim/explore/internal/edges"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// The bound on memory counts with these sizes.
func TestSizesAreCountedRight(t *testing.T) {
	for _, c := range []struct {
		value any
		size  uintptr
	}{{layout.State{}, layout.StateSize}, {edges.Facts{}, edges.FactsSize}, {edges.Transition{}, edges.TransitionSize}, {edges.Effect{}, edges.EffectSize}, {layout.TableCell[uint32]{}, layout.CellSize}} {
		if got := reflect.TypeOf(c.value).Size(); got != c.size {
			t.Errorf("%T has %d bytes, not %d", c.value, got, c.size)
		}
	}
}

func TestQueuesOfReportsKeepTheirOrder(t *testing.T) {
	p := layout.PhaseIdle.Push(layout.ReportTaken).Push(layout.ReportAvailable)
	if !p.Full() || p.First() != layout.ReportTaken {
		t.Fatalf("%b", p)
	}
	if p = p.Pop(); p.Full() || p.First() != layout.ReportAvailable || p.Phase() != layout.PhaseIdle {
		t.Fatalf("%b", p)
	}
	if p = p.Pop(); p != layout.PhaseIdle {
		t.Fatalf("%b", p)
	}
}

func TestChunkedListsKeepRunsTogether(t *testing.T) {
	var c layout.Chunked[byte]
	at := []int{}
	for range 50_000 {
		at = append(at, c.Add(1, 2, 3))
	}
	for _, i := range at {
		if s := c.Slice(i, 3); s[0] != 1 || s[1] != 2 || s[2] != 3 {
			t.Fatalf("at %d: %v", i, s)
		}
	}
}

// A world that is too large for the layout is told so.
func TestWorldsThatDoNotFitAreRefused(t *testing.T) {
	for _, w := range Worlds() {
		if err := w.Fits(); err != nil {
			t.Error(err)
		}
	}
	w := Worlds()[0]
	w.PIDs = 4
	if w.Fits() == nil {
		t.Error("four pids fit")
	}
}

// Without the moves that help it, a client is stuck, and the law is named.
func TestStuckStatesAreNamed(t *testing.T) {
	w := Worlds()[0]
	x := edges.New(&w)
	root := x.Roots()[0].State
	for _, c := range []struct {
		name   string
		change func(s *layout.State)
		law    string
	}{
		{"a waiting client that nobody watches", func(s *layout.State) { s.Places[0] = s.Places[0]&^layout.PlaceWatch + 1 }, "L1"},
		{"a configuration that never comes", func(s *layout.State) { s.Loading = true }, "L8"},
	} {
		s := root
		c.change(&s)
		if got := stuck(x, &s); got.Name != c.law {
			t.Errorf("%s: got %s, want %s", c.name, got.Name, c.law)
		}
		if c.law == "L1" && wayDown(x, &s) {
			t.Errorf("%s: there is a way to rest", c.name)
		}
	}
}
