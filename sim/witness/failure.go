package witness

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// StartOfTime is when every run begins; its value means nothing.
const StartOfTime core.Time = 1000 * core.Time(core.Second)

// Failure is the first property that did not hold.
type Failure struct {
	Invariant string    // S1 to S13, L1 to L9, or assert, check, model, panic, Contract
	Text      string    // what was wrong
	Step      uint64    // number of the event last delivered to the machine
	Now       core.Time // when
}

// Error returns invariant, step and text.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s broken at step %d: %s", f.Invariant, f.Step, f.Text)
}

// Contract is the name of the property that a server of good behaviour keeps
// to its contract (spec child, 4 to 8).
const Contract = "contract"
