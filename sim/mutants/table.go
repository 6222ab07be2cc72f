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

// Summary counts the outcomes of a run of at most so many seeds each. A mutant that
// could not be played is no better than one that survived.
func Summary(outcomes []Outcome, seeds uint64) (text string, allFound bool) {
	found, lived, failed := 0, 0, 0
	worst := uint64(0)
	for i := range outcomes {
		switch r := &outcomes[i]; {
		case r.Found:
			found++
			worst = max(worst, r.Played)
		case r.Err != nil || r.Mutant.Name == "":
			failed++
		default:
			lived++
		}
	}
	return fmt.Sprintf("%d of %d mutants found, median %d seeds, most %d; %d lived through %d seeds, %d could not be played",
		found, len(outcomes), Median(outcomes), worst, lived, seeds, failed), found == len(outcomes)
}

// Page returns docs/mutants-table.md: the outcomes of a run as Markdown. alone may
// be nil.
func Page(outcomes []Outcome, seeds uint64, alone *Alone) string {
	var b strings.Builder
	summary, _ := Summary(outcomes, seeds)
	fmt.Fprintf(&b, "# Wrong programs: the last run\n\n`make mutants` writes this page. [mutants.md](mutants.md) explains it.\n\n%s.\n\n", summary)
	if alone != nil {
		fmt.Fprintf(&b, "```\n%s```\n\n", alone)
	}
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
