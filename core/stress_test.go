package core

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// Idle children that a reload cuts off keep their places for a moment. That is
// no stress, and nobody is warned of the limit; when they are gone, whatever
// holds then is said.
func TestIdleChildrenThatLeaveAreNoSignOfStress(t *testing.T) {
	for _, x := range []struct {
		name        string
		busy, idle  int
		before, now int32
		starts      bool // a child, without stress, for a client after the reload
		warned      bool // at the reload
		later       bool // when the idle ones are gone and a client more came
	}{
		{"a place besides", 0, 1, 2, 2, true, false, false},
		{"all places taken by them", 0, 2, 3, 2, false, false, false},
		{"a busy one beside them", 1, 1, 3, 3, true, false, false},
		{"the last place besides", 1, 1, 4, 3, true, false, false},
		{"the last place but for them", 1, 1, 4, 2, false, false, true},
		{"busy ones alone", 2, 0, 4, 2, false, true, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := started(t, inet(25, x.before))
			for g := range x.busy + x.idle {
				r.step(ReadyListener(1))
				r.say(Generation(g+1), wire.Taken)
			}
			for g := range x.idle {
				r.say(Generation(x.busy+g+1), wire.Available)
			}
			r.took()
			r.hangup(conf(inet(25, x.now)))
			const warning = "has reached its process limit"
			if said := strings.Join(r.took(), "\n"); strings.Contains(said, warning) != x.warned {
				t.Errorf("at the reload:\n%s", said)
			}
			r.step(ReadyListener(1))
			if said := strings.Join(r.took(), "\n"); strings.Contains(said, "start-child") != x.starts || strings.Contains(said, "stress=1") || strings.Contains(said, warning) {
				t.Errorf("a client:\n%s", said)
			}
			for g := range x.idle {
				r.die(Generation(x.busy+g+1), ExitedWith(0))
			}
			r.took()
			r.step(ReadyListener(1))
			r.say(r.m.lastGeneration, wire.Taken)
			if said := strings.Join(r.took(), "\n"); strings.Contains(said, warning) != x.later {
				t.Errorf("a client more:\n%s", said)
			}
		})
	}
}
