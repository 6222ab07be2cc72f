package explore

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/explore/internal/edges"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// Counterexample is a shortest way to a broken law, or to a situation that was
// asked for: that is Law "reached" then.
type Counterexample struct {
	Law   edges.Law
	Steps []string // what happened, from the start on, with what the machine asked for
	Depth int      // moves from the root; those that lead to the root are among the steps
	State []string // how things stand at the end
}

// Text is the counterexample for a reader.
func (c *Counterexample) Text() string {
	var b strings.Builder
	if c.Law.Name == "reached" {
		fmt.Fprintf(&b, "reached: %s\n", c.Law.What)
	} else {
		fmt.Fprintf(&b, "broken %s: %s\n", c.Law.Name, c.Law.What)
	}
	for i, step := range c.Steps {
		fmt.Fprintf(&b, "%4d. %s\n", i+1, step)
	}
	for _, line := range c.State {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	return b.String()
}

// teller goes a way again and names children by the order of their starts.
type teller struct {
	x     *edges.Machines
	s     layout.State
	names [layout.MaxChildren]int
	last  int
}

// counterexample returns the way from a root: its own moves, then those given.
func counterexample(x *edges.Machines, law edges.Law, from edges.Root, moves []edges.Move) *Counterexample {
	t := teller{x: x, s: x.Nothing()}
	c := &Counterexample{Law: law, Depth: len(moves)}
	for _, list := range [2][]edges.Move{from.Moves, moves} {
		for i, m := range list {
			if i == 0 && len(c.Steps) > 0 {
				t.s = from.State // its budgets are its own
			}
			c.Steps = append(c.Steps, t.make(m))
		}
	}
	c.State = t.standing()
	return c
}

// way follows the parents of a state back to its root and returns the way there,
// and the move with the given number from there; -1: none.
func (s *search) way(law edges.Law, number uint64, by int) *Counterexample {
	var ordinals []int
	if by >= 0 {
		ordinals = append(ordinals, by)
	}
	at := number
	for *s.parents.At(int(at)) != 0 {
		ordinals = append(ordinals, int(*s.by.At(int(at))))
		at = uint64(*s.parents.At(int(at)) - 1)
	}
	from := s.x.Roots()[*s.by.At(int(at))]
	var done []edges.Move
	here := from.State
	for i := len(ordinals) - 1; i >= 0; i-- {
		var next layout.State
		edges.Moves(&s.o.World, &s.list, &here, s.x.Fact(here.Machine))
		m := s.list.All[ordinals[i]]
		done = append(done, m)
		s.x.Apply(&here, m, &next)
		here = next
	}
	return counterexample(s.x, law, from, done)
}

// make makes one move and describes it.
func (t *teller) make(m edges.Move) string {
	x := t.x
	text := t.describe(m)
	var next layout.State
	broken := x.Apply(&t.s, m, &next)
	if m.Kind > edges.NumOwnMoves {
		tr := x.After(t.s.Machine, m.Key())
		text += t.asked(tr)
		if broken == edges.Holds {
			t.rename(tr)
		}
	}
	if broken == edges.Holds {
		t.s = next
	}
	return text
}

// rename names the children in the new order.
func (t *teller) rename(tr *edges.Transition) {
	var all [16]int
	copy(all[:], t.names[:])
	after := t.x.Fact(tr.To)
	t.names = [layout.MaxChildren]int{}
	for i := range int(after.Children) {
		was := tr.Children >> (4 * i) & 15
		if all[was] == 0 {
			t.last++
			all[was] = t.last
		}
		t.names[i] = all[was]
	}
}

// asked describes what the machine answered.
func (t *teller) asked(tr *edges.Transition) string {
	var words []string
	for _, e := range t.x.Effects.Slice(int(tr.First), int(tr.Count)) {
		word := e.Kind.String()
		switch e.Kind {
		case core.RetireChild:
			word += " " + t.child(int(e.A))
		case core.SignalChild:
			word += fmt.Sprintf(" %s %d", t.child(int(e.A)), e.B)
		case core.StartChild:
			word += fmt.Sprintf(" child %d", t.last+1)
		case core.OpenListener, core.CloseListener, core.WatchListener, core.IgnoreListener, core.AbandonListener, core.CommitListener, core.MoveListener:
			word += " " + t.service(int(e.A))
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return ""
	}
	return " → " + strings.Join(words, ", ")
}

func (t *teller) child(i int) string {
	if i < layout.MaxChildren && t.names[i] != 0 {
		return fmt.Sprintf("child %d", t.names[i])
	}
	return "a child that is not there"
}

func (t *teller) service(i int) string {
	f := t.x.Fact(t.s.Machine)
	if i >= int(f.Services) {
		return "a new service"
	}
	v := &f.Service[i]
	switch v.Life {
	case edges.LifeRemoved:
		return layout.SlotNames[v.Slot] + " (removed)"
	case edges.LifeOpening:
		return "the service that is being opened"
	}
	return layout.SlotNames[v.Slot]
}

var statusWords = [...]string{
	edges.StatusTaken: "taken", edges.StatusAvailable: "available", edges.StatusStale: "a stale generation", edges.StatusForeign: "a foreign pid",
	edges.StatusUnknown: "an unknown status", edges.StatusPartial: "five bytes",
}

var endWords = [...]string{"exit 0", "exit 1", "SIGTERM", "SIGKILL"}

// describe describes a move.
func (t *teller) describe(m edges.Move) string {
	who := int(m.Who)
	text := ""
	switch m.Kind {
	case edges.MoveArrive:
		text = "a client connects to " + t.service(who)
	case edges.MoveReady, edges.MoveStaleReady:
		text = t.service(who) + " is told to be ready"
	case edges.MoveOpened:
		text = "the listener of " + t.service(who) + " is open"
	case edges.MoveRefused:
		text = "the listener of " + t.service(who) + " cannot be opened"
	case edges.MoveHangup, edges.MoveShutdown:
		text = fmt.Sprintf("the master gets signal %d", m.What)
	case edges.MoveLoad:
		text = "a configuration is loaded: " + layout.ChoiceWords[m.What]
	case edges.MoveReject:
		text = "the configuration is refused"
	case edges.MoveDue:
		text = "the next deadline is due"
		if m.What == edges.TimerLate {
			text += ", and is served late"
		}
	case edges.MoveTick, edges.MoveLeap:
		text = "time passes"
	case edges.MoveStranger:
		text = "a stranger is reaped"
	case edges.MoveWakeupSent:
		text = "a wakeup is sent"
	case edges.MoveWakeupFailed:
		text = "a wakeup fails"
	case edges.MoveWakeupClosed:
		text = "the connection of a wakeup is closed"
	default:
		text = t.child(who) + " " + t.childMove(m)
	}
	if m.Fault {
		text += " (fault)"
	}
	return text
}

func (t *teller) childMove(m edges.Move) string {
	switch m.Kind {
	case edges.MoveFork:
		return "comes to be"
	case edges.MoveAccept:
		return "accepts the client"
	case edges.MoveTaken:
		return "writes taken"
	case edges.MoveFinish:
		return "has served the client and writes available"
	case edges.MoveLeave:
		return "exits by itself"
	case edges.MoveTERM:
		return "dies of our SIGTERM"
	case edges.MoveCrash:
		return "crashes"
	case edges.MoveKill:
		return "is killed by somebody with SIGTERM"
	case edges.MoveLie:
		return "writes a false report"
	case edges.MoveLose:
		return "has its queued reports lost"
	case edges.MoveClose:
		return "closes its channel"
	case edges.MoveHang:
		return "hangs, deaf to SIGTERM"
	case edges.MoveStarted:
		return "is told to have started"
	case edges.MoveNoStart:
		return "cannot be started"
	case edges.MoveReport:
		return "is heard: " + statusWords[m.What]
	case edges.MovePartial:
		return "is heard: five bytes of a report"
	case edges.MoveTwice:
		return "is heard, not for the last time: " + statusWords[m.What]
	case edges.MoveHungUp:
		return "is seen to have closed its channel"
	case edges.MoveReap:
		return "is reaped: " + endWords[m.What]
	default:
		return "is told to be stopped"
	}
}

var phaseWords = [...]string{"gone", "asked for", "idle", "with a client not reported", "serving", "ended"}

// standing describes the state.
func (t *teller) standing() []string {
	f := t.x.Fact(t.s.Machine)
	var lines []string
	for i := range int(f.Services) {
		v := &f.Service[i]
		line := fmt.Sprintf("%s: limit %d, total %d, %d waiting", t.service(i), v.Limit, v.Total, t.s.Places[i].Waiting())
		for _, word := range []struct {
			is   bool
			text string
		}{{v.Watching, "watched"}, {v.Throttled, "throttled"}, {v.Held, "held"}} {
			if word.is {
				line += ", " + word.text
			}
		}
		lines = append(lines, line)
	}
	for i := range int(f.Children) {
		p := t.s.Processes[i]
		line := fmt.Sprintf("%s of %s: %s", t.child(i), t.service(int(f.Of[i])), phaseWords[p.Phase()])
		for _, word := range []struct {
			bit  layout.Process
			text string
		}{{layout.BitTold, "told of"}, {layout.BitCut, "cut off"}, {layout.BitTERM, "terminated"}, {layout.BitHung, "hung"}, {layout.BitBusy, "counted as busy"}, {layout.BitServed, "has served"}} {
			if p.Has(word.bit) {
				line += ", " + word.text
			}
		}
		lines = append(lines, line)
	}
	return lines
}
