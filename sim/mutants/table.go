package mutants

import (
	"fmt"
	"strings"
	"time"
)

// String is the outcome as one line of a table for a terminal.
func (o *Outcome) String() string {
	elapsed := o.Elapsed.Round(100 * time.Millisecond).Seconds()
	switch {
	case o.Err != nil:
		return fmt.Sprintf("%-44s ERROR %v", o.Mutant.Name, o.Err)
	case o.Found:
		return fmt.Sprintf("%-44s %-12s %6d seeds %6.1f s", o.Mutant.Name, o.Invariant, o.Played, elapsed)
	default:
		return fmt.Sprintf("%-44s %-12s %6d seeds %6.1f s", o.Mutant.Name, "SURVIVED", o.Played, elapsed)
	}
}

// Table gives the outcomes as a table of Markdown.
func Table(outcomes []Outcome) string {
	var b strings.Builder
	b.WriteString("| mutant | what is wrong | where | found by | after seeds |\n| --- | --- | --- | --- | --- |\n")
	for i := range outcomes {
		o := &outcomes[i]
		by := o.Invariant
		switch {
		case o.Err != nil:
			by = "could not be played"
		case !o.Found:
			by = "**survived**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d |\n", o.Mutant.Name, cell(o.Mutant.What), o.Mutant.File, by, o.Played)
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
