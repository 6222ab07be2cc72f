package sim_test

import (
	"testing"

	"github.com/stationmaster/stationmaster/sim/explore"
)

// Every order of events of the small worlds, as deep as a moment goes; package
// explore goes further, and make explore to the end.
func TestSmallWorldsHoldToDepthSix(t *testing.T) {
	for _, w := range explore.Worlds() {
		r := explore.Run(explore.Options{World: w, Depth: 6}, nil)
		if r.Violation != nil {
			t.Error(r.Text())
		}
		if r.Depth != 6 && !r.Complete || r.States == 0 {
			t.Errorf("world %s: %d states, depth %d completed", w.Name, r.States, r.Depth)
		}
	}
}
