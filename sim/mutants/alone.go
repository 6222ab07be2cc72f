package mutants

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Invariants are the names that must each find a mutant alone.
var Invariants = []string{
	"S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12", "S13",
	"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "model",
}

// Alone keeps what each of Invariants finds when all others are switched off.
// It may be used by several goroutines.
type Alone struct {
	mu    sync.Mutex
	first map[string]int    // how many mutants it was the first to find
	by    map[string]string // one that it finds alone
}

// note keeps a mutant that an invariant found; first means that it did so with
// the others on.
func (a *Alone) note(invariant, mutant string, played uint64, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.first, a.by = map[string]int{}, map[string]string{}
	}
	if first {
		a.first[invariant]++
	}
	if a.by[invariant] == "" || first && a.first[invariant] == 1 {
		a.by[invariant] = fmt.Sprintf("%s, after %d seeds", mutant, played)
	}
}

func (a *Alone) lacks(invariant string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.by[invariant] == ""
}

// Missing returns the invariants that found nothing alone.
func (a *Alone) Missing() []string {
	var missing []string
	for _, name := range Invariants {
		if a.lacks(name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// String returns a line for each invariant.
func (a *Alone) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var b strings.Builder
	for _, name := range Invariants {
		by := a.by[name]
		if by == "" {
			by = "nothing"
		}
		fmt.Fprintf(&b, "%-5s first to find %3d mutants; alone it finds %s\n", name, a.first[name], by)
	}
	return b.String()
}

// alone notes who was first: it needs no trial with the others off, for in no
// seed before was any of them broken. When the mutant names another invariant
// as its finder, and that has found nothing so far, it is tried alone.
func (h *Hunt) alone(ctx context.Context, program string, o *Outcome) {
	if o.Found {
		h.Alone.note(o.Invariant, o.Mutant.Name, o.Played, true)
	}
	name := o.Mutant.Finder
	if name == "" || name == o.Invariant || !h.Alone.lacks(name) {
		return
	}
	try := Outcome{Mutant: o.Mutant}
	if h.play(ctx, program, name, h.Seeds, &try); try.Found && try.Invariant == name {
		h.Alone.note(name, o.Mutant.Name, try.Played, false)
	}
}
