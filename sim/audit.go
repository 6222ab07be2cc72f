package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/kernel/audit"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// audit compares the driver's books with the truth of the kernel between two turns:
// every so many steps, or now.
func (w *World) audit(now bool) {
	d := &w.daemon
	if w.failure != nil {
		return
	}
	if sins := w.kernel.Breaches(); len(sins) > 0 {
		w.fail(systemCall, "%s", sins[0])
		return
	}
	if failed := w.newFaults(); !now && !failed && w.stepsOfMachine-d.audited < uint64(w.options.Sweep) {
		return
	}
	d.audited = w.stepsOfMachine
	books := d.driver.Books()
	w.found(d.audit.Descriptors(w.kernel, &books))
	if d.driver.Ending() != nil {
		return
	}
	soon := d.bounded && d.wait <= retryTime
	if owed := len(books.Owed) > 0 || books.Sweep || d.audit.Owed; owed && !soon && !d.turning {
		w.fail("L7", "the daemon waits %d though paths %v are owed, or a sweep: %v", d.wait, books.Owed, books.Sweep)
	}
	if !w.kernel.ChangeOwed(books.PollSet) {
		audit.Facts(w.kernel, &d.facts, &books)
		w.broken(w.book.Between(&d.facts))
	}
	view := d.machine.View()
	w.found(d.audit.Processes(w.kernel, &books, &view, d.looking || d.box.mail.Ends || books.Sweep))
	w.found(d.audit.Listeners(&books, &view))
	if !view.Loading {
		w.found(d.audit.Files(w.kernel, &books, mastercf.Owner, w.memory.said))
	}
}

// Names by which the adapter is reported: books that do not agree with the kernel, and
// a system call that is never right.
const (
	adapter    = "adapter"
	systemCall = "call"
)

// found reports what an audit found.
func (w *World) found(text string) {
	if text != "" {
		w.fail(adapter, "%s", text)
	}
}

// checkGiven holds what a child was given against the contract.
func (w *World) checkGiven(s *server, entry *core.ServiceConfig) {
	var room [options.MaxListen]*object.Description
	listeners := room[:0]
	if int(s.service) < len(w.ears) {
		for _, l := range w.ears[s.service] {
			if l != nil {
				listeners = append(listeners, l)
			}
		}
	}
	if wrong := audit.Given(w.kernel, s.p, &w.daemon.household, listeners); wrong != "" {
		w.fail("S9", "generation %d got %s", s.p.Generation, wrong)
	}
	c := w.book.Child(s.p.Generation)
	if s.p.Transport != entry.Type.String() || s.p.Path != entry.Path || c == nil || s.p.Stress != (c.Service.Stressed && c.Service.StressEnd > w.now && stressAware(entry)) {
		w.fail("S5", "generation %d is started as %q, transport %q, stress %v", s.p.Generation, s.p.Path, s.p.Transport, s.p.Stress)
	}
}

// stressAware says which services know stress mode (spec config, 5.7).
func stressAware(e *core.ServiceConfig) bool { return e.ProcessLimit > 1 && !e.LocalOnly }

// leftOvers: when all are gone, nothing is open.
func (w *World) leftOvers() {
	for ref := range w.descendants {
		w.descendantEnds(int32(ref))
	}
	for c := range w.clients {
		if w.clients[c].conn != nil {
			w.endClient(int32(c), witness.ClientLost)
		}
	}
	if n := w.kernel.LeftOpen(); n > 0 {
		w.fail(adapter, "%d descriptions are open and nobody is left", n)
	}
	if w.daemon.driver == nil {
		return
	}
	if w.daemon.up && w.options.Leader == 1 && w.daemon.driver.Ending() != nil && w.daemon.driver.Ending().Signal != 0 && !w.kernel.GroupKilled() && !w.kernel.FailedKill() {
		w.fail("L5", "the process group was not told")
	}
}
