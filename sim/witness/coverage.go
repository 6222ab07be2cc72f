package witness

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// Bounds of the tables below; kinds are checked against them by a test.
const (
	CoverKinds  = 20
	CoverStates = 10
	CoverCodes  = 40
	coverShapes = 1 << 12
)

// The last of each kind in use.
const (
	lastEvent  = int(core.TimerExpired)
	lastAction = int(core.Exit)
	lastLine   = int(core.LogStarved)
)

// Coverage counts what runs have met. A zero in a night means dead code or a
// world too tame.
type Coverage struct {
	EventState [CoverKinds][CoverStates]uint32 // kind of event, state of its service before
	Pairs      [CoverKinds][CoverKinds]uint32  // consecutive kinds on one service
	Actions    [CoverKinds]uint32
	Logs       [CoverCodes]uint32
	Shapes     [coverShapes]uint32 // flags and counts of a service, clipped at 3
	Behaviours [NumBehaviours]uint32
	Happened   [numHappened]uint32
	Met        [NumSituations]uint32
}

// Bits returns how many counters are not zero.
func (c *Coverage) Bits() int {
	n := 0
	c.Each(func(v *uint32) {
		if *v != 0 {
			n++
		}
	})
	return n
}

// Each calls see with every counter.
func (c *Coverage) Each(see func(*uint32)) {
	for i := range c.EventState {
		for k := range c.EventState[i] {
			see(&c.EventState[i][k])
		}
	}
	for i := range c.Pairs {
		for k := range c.Pairs[i] {
			see(&c.Pairs[i][k])
		}
	}
	for _, list := range [][]uint32{c.Actions[:], c.Logs[:], c.Shapes[:], c.Behaviours[:], c.Happened[:], c.Met[:]} {
		for i := range list {
			see(&list[i])
		}
	}
}

// Unmet names what no run met, of all that can be met: kinds of event, action,
// log line, behaviour and happening, and the situations.
func (c *Coverage) Unmet() []string {
	var names []string
	unmet := func(met uint32, name string) {
		if met == 0 {
			names = append(names, name)
		}
	}
	for kind := 1; kind <= lastEvent; kind++ {
		met := uint32(0)
		for _, n := range c.EventState[kind] {
			met |= n
		}
		unmet(met, fmt.Sprint("event ", core.EventKind(kind)))
	}
	for kind := 1; kind <= lastAction; kind++ {
		unmet(c.Actions[kind], fmt.Sprint("action ", core.ActionKind(kind)))
	}
	for code := 1; code <= lastLine; code++ {
		unmet(c.Logs[code], fmt.Sprint("log line ", code))
	}
	for b, n := range c.Behaviours {
		unmet(n, fmt.Sprint("behaviour ", Behaviour(b)))
	}
	for h := HappenedNothing + 1; h < numHappened; h++ {
		unmet(c.Happened[h], fmt.Sprint("happening ", h))
	}
	for s, n := range c.Met {
		unmet(n, Situation(s).String())
	}
	return names
}

// Merge adds what o counted and reports how many counters were met for the first
// time.
func (c *Coverage) Merge(o *Coverage) (fresh int) {
	var theirs []*uint32
	o.Each(func(v *uint32) { theirs = append(theirs, v) })
	i := 0
	c.Each(func(v *uint32) {
		if *v == 0 && *theirs[i] != 0 {
			fresh++
		}
		*v += *theirs[i]
		i++
	})
	return fresh
}
