package sim

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Bounds of the tables below; kinds are checked against them by a test.
const (
	coverKinds  = 20
	coverStates = 10
	coverCodes  = 40
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
	EventState [coverKinds][coverStates]uint32 // kind of event, state of its service before
	Pairs      [coverKinds][coverKinds]uint32  // consecutive kinds on one service
	Actions    [coverKinds]uint32
	Logs       [coverCodes]uint32
	Shapes     [coverShapes]uint32 // flags and counts of a service, clipped at 3
	Behaviours [numBehaviours]uint32
	Happened   [numHappened]uint32
	Met        [numSituations]uint32
}

// Bits returns how many counters are not zero.
func (c *Coverage) Bits() int {
	n := 0
	c.each(func(v *uint32) {
		if *v != 0 {
			n++
		}
	})
	return n
}

func (c *Coverage) each(see func(*uint32)) {
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
	o.each(func(v *uint32) { theirs = append(theirs, v) })
	i := 0
	c.each(func(v *uint32) {
		if *v == 0 && *theirs[i] != 0 {
			fresh++
		}
		*v += *theirs[i]
		i++
	})
	return fresh
}

// memory is what coverage remembers of services in a run.
type memory struct {
	last []core.EventKind // about each service
	said []string         // lines of the daemon's own that tell of something left undone
}

func (m *memory) reset() { m.last, m.said = m.last[:0], m.said[:0] }

// excuses are how lines begin by which the daemon says that something at a path was
// left undone.
var excuses = [...]string{"close listener ", "take back ", "remove the former ", "cannot put "}

// saidLimit bounds the lines that are remembered.
const saidLimit = 400

// line remembers a line of the daemon's own if it is an excuse.
func (m *memory) line(text string) {
	for _, excuse := range excuses {
		if strings.HasPrefix(text, excuse) && len(m.said) < saidLimit {
			m.said = append(m.said, text)
		}
	}
}

// cover counts one event by what the book knew before it.
func (w *World) cover(ev *core.Event) {
	w.meet(ev)
	c := &w.Coverage
	kind := ev.Kind % coverKinds
	s := w.book.ServiceOf(ev)
	if s == nil {
		c.EventState[kind][0]++
		return
	}
	for int(s.ID) >= len(w.memory.last) {
		w.memory.last = append(w.memory.last, core.EventNone)
	}
	last := &w.memory.last[s.ID]
	c.EventState[kind][w.book.State(s)%coverStates]++
	c.Pairs[*last%coverKinds][kind]++
	*last = ev.Kind
	shape := min(s.Total, 3) | min(s.Idle, 3)<<2 | min(s.Retired, 3)<<4 | min(s.Pending, 1)<<6
	for i, flag := range [5]bool{s.Throttled, s.Watched, s.WakeAt != 0, s.Stressed, s.Entry != nil && s.Entry.ProcessLimit > 0 && s.Total >= s.Entry.ProcessLimit} {
		if flag {
			shape |= 1 << (7 + i)
		}
	}
	c.Shapes[shape]++
}

// coverActions counts the actions of a step.
func (w *World) coverActions(actions []core.Action) {
	for i := range actions {
		a := &actions[i]
		w.Coverage.Actions[a.Kind%coverKinds]++
		switch a.Kind {
		case core.Log:
			w.Coverage.Logs[a.Code%coverCodes]++
		case core.ApplyConfig:
			w.daemon.commits = true
		case core.RetireChild:
			w.note(ChannelCut, noted{Generation: a.Generation})
			w.cutOff(a.Generation)
		case core.MoveListener:
			if s := w.book.Service(a.To); s != nil && int(a.ToListener) < len(s.Endpoints) {
				w.moved = append(w.moved, s.Endpoints[a.ToListener])
			}
			w.met(HandedOverWithClient, w.clientWaits(a.Service))
		}
	}
}
