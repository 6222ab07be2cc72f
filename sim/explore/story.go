package explore

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Counterexample is a shortest way to a broken law, or to a situation that was
// asked for: that is Law "reached" then.
type Counterexample struct {
	Law   Law
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
	x     *machines
	s     state
	names [maxChildren]int
	last  int
}

// counterexample tells the way from a root: its own moves, then those given.
func (x *machines) counterexample(law Law, from root, moves []move) *Counterexample {
	t := teller{x: x, s: x.nothing()}
	c := &Counterexample{Law: law, Depth: len(moves)}
	for _, list := range [2][]move{from.moves, moves} {
		for i, m := range list {
			if i == 0 && len(c.Steps) > 0 {
				t.s = from.state // its budgets are its own
			}
			c.Steps = append(c.Steps, t.make(m))
		}
	}
	c.State = t.standing()
	return c
}

// way follows the parents of a state back to its root and tells the way there,
// and the move with the given number from there; -1: none.
func (s *search) way(law Law, number uint64, by int) *Counterexample {
	var ordinals []int
	if by >= 0 {
		ordinals = append(ordinals, by)
	}
	at := number
	for *s.parents.at(int(at)) != 0 {
		ordinals = append(ordinals, int(*s.by.at(int(at))))
		at = uint64(*s.parents.at(int(at)) - 1)
	}
	from := s.x.roots()[*s.by.at(int(at))]
	var moves []move
	here := from.state
	for i := len(ordinals) - 1; i >= 0; i-- {
		var next state
		s.o.World.moves(&s.list, &here, s.x.fact(here.machine))
		m := s.list.all[ordinals[i]]
		moves = append(moves, m)
		s.x.apply(&here, m, &next)
		here = next
	}
	return s.x.counterexample(law, from, moves)
}

// make makes one move and tells it.
func (t *teller) make(m move) string {
	x := t.x
	text := t.describe(m)
	var next state
	broken := x.apply(&t.s, m, &next)
	if m.kind > numOwnMoves {
		tr := x.after(t.s.machine, m.key())
		text += t.asked(tr)
		if broken == holds {
			t.rename(tr)
		}
	}
	if broken == holds {
		t.s = next
	}
	return text
}

// rename gives children their names in the new order.
func (t *teller) rename(tr *transition) {
	var all [16]int
	copy(all[:], t.names[:])
	after := t.x.fact(tr.to)
	t.names = [maxChildren]int{}
	for i := range int(after.children) {
		was := tr.children >> (4 * i) & 15
		if all[was] == 0 {
			t.last++
			all[was] = t.last
		}
		t.names[i] = all[was]
	}
}

// asked tells what the machine answered.
func (t *teller) asked(tr *transition) string {
	var words []string
	for _, e := range t.x.effects.slice(int(tr.first), int(tr.count)) {
		word := e.kind.String()
		switch e.kind {
		case core.RetireChild:
			word += " " + t.child(int(e.a))
		case core.SignalChild:
			word += fmt.Sprintf(" %s %d", t.child(int(e.a)), e.b)
		case core.StartChild:
			word += fmt.Sprintf(" child %d", t.last+1)
		case core.OpenListener, core.CloseListener, core.WatchListener, core.IgnoreListener, core.AbandonListener, core.CommitListener, core.MoveListener:
			word += " " + t.service(int(e.a))
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return ""
	}
	return " → " + strings.Join(words, ", ")
}

func (t *teller) child(i int) string {
	if i < maxChildren && t.names[i] != 0 {
		return fmt.Sprintf("child %d", t.names[i])
	}
	return "a child that is not there"
}

func (t *teller) service(i int) string {
	f := t.x.fact(t.s.machine)
	if i >= int(f.services) {
		return "a new service"
	}
	v := &f.service[i]
	switch v.life {
	case lifeRemoved:
		return slotNames[v.slot] + " (removed)"
	case lifeOpening:
		return "the service that is being opened"
	}
	return slotNames[v.slot]
}

var statusWords = [...]string{
	statusTaken: "taken", statusAvailable: "available", statusStale: "a stale generation", statusForeign: "a foreign pid",
	statusUnknown: "an unknown status", statusPartial: "five bytes",
}

var endWords = [...]string{"exit 0", "exit 1", "SIGTERM", "SIGKILL"}

// describe tells a move.
func (t *teller) describe(m move) string {
	who := int(m.who)
	text := ""
	switch m.kind {
	case moveArrive:
		text = "a client connects to " + t.service(who)
	case moveReady, moveStaleReady:
		text = t.service(who) + " is told to be ready"
	case moveOpened:
		text = "the listener of " + t.service(who) + " is open"
	case moveRefused:
		text = "the listener of " + t.service(who) + " cannot be had"
	case moveHangup, moveShutdown:
		text = fmt.Sprintf("the master gets signal %d", m.what)
	case moveLoad:
		text = "a configuration is loaded: " + choiceWords[m.what]
	case moveReject:
		text = "the configuration is refused"
	case moveDue:
		text = "the next deadline is due"
		if m.what == timerLate {
			text += ", and is served late"
		}
	case moveTick, moveLeap:
		text = "time passes"
	case moveStranger:
		text = "a stranger is reaped"
	case moveWakeupSent:
		text = "a wakeup is sent"
	case moveWakeupFailed:
		text = "a wakeup fails"
	case moveWakeupClosed:
		text = "the connection of a wakeup is closed"
	default:
		text = t.child(who) + " " + t.childMove(m)
	}
	if m.fault {
		text += " (fault)"
	}
	return text
}

func (t *teller) childMove(m move) string {
	switch m.kind {
	case moveFork:
		return "comes to be"
	case moveAccept:
		return "accepts the client"
	case moveTaken:
		return "writes taken"
	case moveFinish:
		return "has served the client and writes available"
	case moveLeave:
		return "exits by itself"
	case moveTERM:
		return "dies of our SIGTERM"
	case moveCrash:
		return "crashes"
	case moveKill:
		return "is killed by somebody with SIGTERM"
	case moveLie:
		return "writes a false report"
	case moveLose:
		return "has its queued reports lost"
	case moveClose:
		return "closes its channel"
	case moveHang:
		return "hangs, deaf to SIGTERM"
	case moveStarted:
		return "is told to have started"
	case moveNoStart:
		return "cannot be started"
	case moveReport:
		return "is heard: " + statusWords[m.what]
	case movePartial:
		return "is heard: five bytes of a report"
	case moveTwice:
		return "is heard, not for the last time: " + statusWords[m.what]
	case moveHungUp:
		return "is seen to have closed its channel"
	case moveReap:
		return "is reaped: " + endWords[m.what]
	default:
		return "is told to be stopped"
	}
}

var phaseWords = [...]string{"gone", "asked for", "idle", "with a client not reported", "serving", "ended"}

// standing tells how things stand.
func (t *teller) standing() []string {
	f := t.x.fact(t.s.machine)
	var lines []string
	for i := range int(f.services) {
		v := &f.service[i]
		line := fmt.Sprintf("%s: limit %d, total %d, %d waiting", t.service(i), v.limit, v.total, t.s.places[i].waiting())
		for _, word := range []struct {
			is   bool
			text string
		}{{v.watching, "watched"}, {v.throttled, "throttled"}, {v.held, "held"}} {
			if word.is {
				line += ", " + word.text
			}
		}
		lines = append(lines, line)
	}
	for i := range int(f.children) {
		p := t.s.processes[i]
		line := fmt.Sprintf("%s of %s: %s", t.child(i), t.service(int(f.of[i])), phaseWords[p.phase()])
		for _, word := range []struct {
			bit  process
			text string
		}{{bitTold, "told of"}, {bitCut, "cut off"}, {bitTERM, "terminated"}, {bitHung, "hung"}, {bitBusy, "counted as busy"}, {bitServed, "has served"}} {
			if p.has(word.bit) {
				line += ", " + word.text
			}
		}
		lines = append(lines, line)
	}
	return lines
}
