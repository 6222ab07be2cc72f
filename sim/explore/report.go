package explore

import (
	"fmt"
	"strings"
	"time"

	"github.com/stationmaster/stationmaster/sim/explore/internal/edges"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// Count is how many states a named situation had.
type Count struct {
	Name   string
	States uint64
}

// Report is the result of one search.
type Report struct {
	World       World
	States      uint64
	Edges       uint64
	Machines    uint64 // situations of the machine among them
	Transitions uint64 // pairs of these and an event, each stepped and checked twice
	Detours     uint64 // states whose way to rest takes more than one move
	Depth       int    // completed: every state that so many moves lead to was expanded
	Complete    bool   // there is no further state
	Stopped     string // the bound that was reached: depth, states, memory or time; or interrupted
	Levels      []uint64
	Situations  []Count
	Violation   *Counterexample // nil: every law holds
	Example     *Counterexample // the way that Options.Reach asked for
	Elapsed     time.Duration
	Memory      uint64 // bytes that the search held at its end

	counts [len(situations)]uint64
}

// interrupted is Report.Stopped of a search that Options.Stop ended.
const interrupted = "interrupted"

// Missing are the named situations that were not met.
func (r *Report) Missing() []string {
	var missing []string
	for _, c := range r.Situations {
		if c.States == 0 {
			missing = append(missing, c.Name)
		}
	}
	return missing
}

// Collision is the probability that one or more states were taken for another
// because their 64-bit hashes are equal: n²/2⁶⁵.
func (r *Report) Collision() float64 {
	return float64(r.States) / (1 << 32) * float64(r.States) / (1 << 33)
}

// Rate is the number of states a second.
func (r *Report) Rate() float64 { return float64(r.States) / max(r.Elapsed.Seconds(), 1e-9) }

// extent says how far it came.
func (r *Report) extent() string {
	if r.Complete {
		return fmt.Sprintf("complete, depth %d", r.Depth)
	}
	if r.Violation != nil {
		return fmt.Sprintf("depth %d completed, stopped by a broken law", r.Depth)
	}
	if r.Stopped == interrupted {
		return fmt.Sprintf("depth %d completed, interrupted", r.Depth)
	}
	return fmt.Sprintf("depth %d completed, stopped by the bound on %s", r.Depth, r.Stopped)
}

// Text is the report for a terminal.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "world %s: %s\n  %s\n", r.World.Name, r.World.Story, r.World.Bounds())
	fmt.Fprintf(&b, "  %s states, %s edges, %s\n", grouped(r.States), grouped(r.Edges), r.extent())
	fmt.Fprintf(&b, "  %s situations of the machine, %s steps of it; %s states a second, %s of memory, collision %.1g\n",
		grouped(r.Machines), grouped(r.Transitions), grouped(uint64(r.Rate())), size(r.Memory), r.Collision())
	for _, c := range r.Situations {
		fmt.Fprintf(&b, "  %14s  %s\n", grouped(c.States), c.Name)
	}
	if r.Example != nil {
		b.WriteString(r.Example.Text())
	}
	if r.Violation != nil {
		b.WriteString(r.Violation.Text())
	} else {
		b.WriteString("  every law holds\n")
	}
	return b.String()
}

// Markdown is the report as a section of docs/proof.md. It holds nothing that
// differs between two runs with the same bounds, unless time was the bound.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s.\n\n", r.World.Name, upper(r.World.Story))
	fmt.Fprintf(&b, "Bounds: %s.\n\n", r.World.Bounds())
	if len(r.World.Choices) > 0 {
		words := make([]string, len(r.World.Choices))
		for i, c := range r.World.Choices {
			words[i] = layout.ChoiceWords[c]
		}
		fmt.Fprintf(&b, "A reload finds: %s.\n\n", strings.Join(words, "; "))
	}
	if r.World.Faults > 0 {
		fmt.Fprintf(&b, "Faults: %s.\n\n", strings.Join(words(r.World.Kinds), ", "))
	}
	if r.World.Removed {
		b.WriteString("Roots: the services just started; and the first service just removed, with one busy child left.\n\n")
	}
	fmt.Fprintf(&b, "| | |\n| --- | --- |\n| states | %s |\n| edges | %s |\n| extent | %s |\n| situations of the machine | %s |\n| collision | %.1g |\n| result | %s |\n\n",
		grouped(r.States), grouped(r.Edges), r.extent(), grouped(r.Machines), r.Collision(), r.result())
	b.WriteString("| situation | states |\n| --- | --- |\n")
	for _, c := range r.Situations {
		fmt.Fprintf(&b, "| %s | %s |\n", c.Name, grouped(c.States))
	}
	if r.Violation != nil {
		fmt.Fprintf(&b, "\n```\n%s```\n", r.Violation.Text())
	}
	return b.String()
}

func (r *Report) result() string {
	if r.Violation != nil {
		return "broken: " + r.Violation.Law.Name
	}
	return "every law holds"
}

func words(f layout.Fault) []string {
	words := []string{}
	for i, w := range layout.FaultWords {
		if f>>i&1 != 0 {
			words = append(words, w)
		}
	}
	return words
}

// Proof is the text of docs/proof.md: what was explored, by which command, and
// what held.
func Proof(reports []Report, command string) string {
	var b strings.Builder
	b.WriteString("# What was explored\n\n")
	b.WriteString("Every order of events of these small worlds around the unchanged `core.Machine`, breadth first: of those\n")
	b.WriteString("that are \"complete\" to the end, of the others as far as the depth that is named.\n")
	b.WriteString("This file is written by `" + command + "`; package `sim/explore` says how.\n\n")
	b.WriteString("States are compared by a 64-bit hash of their canonical form; \"collision\" is the probability\n")
	b.WriteString("n²/2⁶⁵ that one of n states was taken for another. Situations of the machine are compared byte by\n")
	b.WriteString("byte.\n\n")
	b.WriteString("What is abstracted: clients are counted, not told apart; time passes in steps of the length that is\n")
	b.WriteString("named, or to the next deadline; a status channel holds two reports and then blocks; of the pids only\n")
	b.WriteString("how many are in use and whether one is used again. A way to rest is shown with a rank that must fall\n")
	b.WriteString("on some way from every state, without faults and with nothing new from outside.\n\n")
	b.WriteString("| world | states | edges | extent | result |\n| --- | --- | --- | --- | --- |\n")
	for i := range reports {
		r := &reports[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.World.Name, grouped(r.States), grouped(r.Edges), r.extent(), r.result())
	}
	b.WriteString("\n## Laws\n\n| law | in words |\n| --- | --- |\n")
	for _, l := range edges.Laws() {
		fmt.Fprintf(&b, "| %s | %s |\n", l.Name, strings.ReplaceAll(l.What, "|", "\\|"))
	}
	for i := range reports {
		b.WriteString("\n" + reports[i].Markdown())
	}
	return b.String()
}

// grouped writes a number with a space before each group of three digits.
func grouped(n uint64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + " " + text[i:]
	}
	return text
}

func size(bytes uint64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/1e9) }

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
