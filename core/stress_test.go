package core

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// Idle children that a reload cuts off keep their places for a moment. That is
// no stress and no warning about the limit; when they are gone, whatever
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
				r.step(ListenerReadyEvent(1))
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
			r.step(ListenerReadyEvent(1))
			if said := strings.Join(r.took(), "\n"); strings.Contains(said, "start-child") != x.starts || strings.Contains(said, "stress=1") || strings.Contains(said, warning) {
				t.Errorf("a client:\n%s", said)
			}
			for g := range x.idle {
				r.die(Generation(x.busy+g+1), ExitedWith(0))
			}
			r.took()
			r.step(ListenerReadyEvent(1))
			r.say(r.m.lastGeneration, wire.Taken)
			if said := strings.Join(r.took(), "\n"); strings.Contains(said, warning) != x.later {
				t.Errorf("a client more:\n%s", said)
			}
		})
	}
}

// A child that ignores the end of its channel keeps its place. Once it had the
// time to leave it is one of those that fill the limit: the warning comes, and the
// start that uses the last place begins stress mode.
func TestChildThatDoesNotLeaveMutesNothing(t *testing.T) {
	const warning = "has reached its process limit"
	r := started(t, inet(25, 3))
	r.step(ListenerReadyEvent(1)) // this one is cut off while idle, and stays
	r.hangup(conf(inet(25, 3)))
	for range 2 {
		r.step(ListenerReadyEvent(1))
		r.say(r.m.lastGeneration, wire.Taken)
	}
	r.state("25", StateSaturated)
	if said := strings.Join(r.took(), "\n"); strings.Contains(said, warning) || strings.Contains(said, "stress=1") {
		t.Errorf("while it may be leaving:\n%s", said)
	}
	r.wait(leavingGrace - 1)
	r.want()
	r.wait(1)
	r.has(warning)
	r.die(r.m.lastGeneration, ExitedWith(0))
	r.step(ListenerReadyEvent(1))
	r.has("stress=1")
}

// The time begins anew with every child that begins to leave, and ends with the last.
func TestTimeToLeaveIsThatOfTheLast(t *testing.T) {
	r := started(t, inet(25, 4))
	cut := func() {
		r.step(ListenerReadyEvent(1))
		r.hangup(conf(inet(25, 4)))
	}
	cut()
	begun := r.now
	r.wait(2 * Second)
	cut()
	if when, ok := r.m.Deadline(); !ok || when != begun.Add(2*Second+leavingGrace) {
		t.Errorf("the deadline is %d, %v", when, ok)
	}
	r.die(1, ExitedWith(0))
	if _, ok := r.m.Deadline(); !ok {
		t.Error("one still leaves, and there is no deadline")
	}
	r.die(2, ExitedWith(0))
	if when, ok := r.m.Deadline(); ok {
		t.Errorf("nobody leaves, and there is a deadline at %d", when)
	}
	cut()
	r.hangup(conf()) // the service is removed: what remains is the time that SIGTERM gives
	if n := len(r.m.timers.heap); n != 1 {
		t.Errorf("%d timers", n)
	}
}
