package explore

import (
	"reflect"
	"testing"
)

// The bound on memory counts with these sizes.
func TestSizesAreCountedRight(t *testing.T) {
	for _, c := range []struct {
		value any
		size  uintptr
	}{{state{}, stateSize}, {facts{}, factsSize}, {transition{}, transitionSize}, {effect{}, effectSize}, {tableCell[uint32]{}, cellSize}} {
		if got := reflect.TypeOf(c.value).Size(); got != c.size {
			t.Errorf("%T has %d bytes, not %d", c.value, got, c.size)
		}
	}
}

func TestQueuesOfReportsKeepTheirOrder(t *testing.T) {
	p := phaseIdle.push(reportTaken).push(reportAvailable)
	if !p.full() || p.first() != reportTaken {
		t.Fatalf("%b", p)
	}
	if p = p.pop(); p.full() || p.first() != reportAvailable || p.phase() != phaseIdle {
		t.Fatalf("%b", p)
	}
	if p = p.pop(); p != phaseIdle {
		t.Fatalf("%b", p)
	}
}

func TestChunkedListsKeepRunsTogether(t *testing.T) {
	var c chunked[byte]
	at := []int{}
	for range 50_000 {
		at = append(at, c.add(1, 2, 3))
	}
	for _, i := range at {
		if s := c.slice(i, 3); s[0] != 1 || s[1] != 2 || s[2] != 3 {
			t.Fatalf("at %d: %v", i, s)
		}
	}
}

// A world that is too large for the layout is told so.
func TestWorldsThatDoNotFitAreRefused(t *testing.T) {
	for _, w := range Worlds() {
		if err := w.fits(); err != nil {
			t.Error(err)
		}
	}
	w := Worlds()[0]
	w.PIDs = 4
	if w.fits() == nil {
		t.Error("four pids fit")
	}
}

// Without the moves that help it, a client is stuck, and the law is named.
func TestStuckStatesAreNamed(t *testing.T) {
	w := Worlds()[0]
	x := newMachines(&w)
	root := x.roots()[0].state
	for _, c := range []struct {
		name   string
		change func(s *state)
		law    string
	}{
		{"a waiting client that nobody watches", func(s *state) { s.places[0] = s.places[0]&^placeWatch + 1 }, "L1"},
		{"a configuration that never comes", func(s *state) { s.loading = true }, "L8"},
	} {
		s := root
		c.change(&s)
		if got := x.stuck(&s); got.Name != c.law {
			t.Errorf("%s: got %s, want %s", c.name, got.Name, c.law)
		}
		if c.law == "L1" && x.wayDown(&s) {
			t.Errorf("%s: there is a way to rest", c.name)
		}
	}
}
