package mutants

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Invariants are the names that must each find a mutant alone.
var Invariants = []string{
	"S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12",
	"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "model",
}

// aloneSeeds is how many seeds an invariant gets for a mutant that another one
// finds first.
const aloneSeeds = 500

// Alone keeps, for each of Invariants, a mutant that it finds with all others
// switched off. It may be used by several goroutines.
type Alone struct {
	mu sync.Mutex
	by map[string]string
}

// note keeps the first mutant of an invariant.
func (a *Alone) note(invariant, mutant string, played uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[string]string{}
	}
	if a.by[invariant] == "" {
		a.by[invariant] = fmt.Sprintf("%s, after %d seeds", mutant, played)
	}
}

// Missing gives the invariants that have found nothing alone so far, the one
// that a mutant names first.
func (a *Alone) Missing(first string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var missing []string
	for _, name := range Invariants {
		switch {
		case a.by[name] != "":
		case name == first:
			missing = append([]string{name}, missing...)
		default:
			missing = append(missing, name)
		}
	}
	return missing
}

// String gives a line for each invariant.
func (a *Alone) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, name := range Invariants {
		by := a.by[name]
		if by == "" {
			by = "NOTHING"
		}
		fmt.Fprintf(&b, "alone, %s finds: %s\n", name, by)
	}
	return b.String()
}

// alone tries the invariants that have not yet found anything. The one that
// found first needs no trial: in the seeds before, no other was broken either.
func (h *Hunt) alone(ctx context.Context, program string, o *Outcome) {
	if o.Found {
		h.Alone.note(o.Invariant, o.Mutant.Name, o.Played)
	}
	for _, name := range h.Alone.Missing(o.Mutant.Finder) {
		try := Outcome{Mutant: o.Mutant}
		if h.play(ctx, program, name, min(h.Seeds, aloneSeeds), &try); try.Found && try.Invariant == name {
			h.Alone.note(name, o.Mutant.Name, try.Played)
		}
	}
}
