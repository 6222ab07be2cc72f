package judge

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/servers"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/audit"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// Audit compares the driver's books with the truth of the kernel between two turns:
// every so many steps, or now.
func (w *World) Audit(now bool) {
	d := &w.Daemon
	if w.Failure != nil {
		return
	}
	if sins := w.Kernel.Breaches(); len(sins) > 0 {
		w.Fail(stage.SystemCall, "%s", sins[0])
		return
	}
	if failed := w.newFaults(); !now && !failed && w.StepsOfMachine-d.Audited < uint64(w.Options.Sweep) {
		return
	}
	d.Audited = w.StepsOfMachine
	books := d.Driver.Books()
	w.found(d.Audit.Descriptors(w.Kernel, &books))
	if d.Driver.Ending() != nil {
		return
	}
	if known, open := len(w.Book.Wakeups), len(books.Wakeups); known != open {
		w.Fail(stage.Adapter, "%d wakeups are under way as the machine was told, and the driver has %d", known, open)
	}
	soon := d.Bounded && d.Wait <= stage.RetryTime
	if owed := len(books.Owed) > 0 || books.Sweep || d.Audit.Owed; owed && !soon && !d.Turning {
		w.Fail("L7", "the daemon waits %d though paths %v are owed, or a sweep: %v", d.Wait, books.Owed, books.Sweep)
	}
	if !w.Kernel.ChangeOwed(books.PollSet) {
		audit.Facts(w.Kernel, &d.Facts, &books)
		w.Broken(w.Book.Between(&d.Facts))
	}
	view := d.Machine.View()
	w.found(d.Audit.Processes(w.Kernel, &books, &view, d.Looking || d.Box.Mail.Ends || books.Sweep))
	w.found(d.Audit.Listeners(&books, &view))
	if !view.Loading {
		w.found(d.Audit.Files(w.Kernel, &books, mastercf.Owner, w.Memory.said))
	}
}

// found reports what an audit found.
func (w *World) found(text string) {
	if text != "" {
		w.Fail(stage.Adapter, "%s", text)
	}
}

// Given holds what a child was given against the contract.
func (w *World) Given(s *servers.Server, entry *core.ServiceConfig) {
	var room [options.MaxListen]*object.Description
	listeners := room[:0]
	if int(s.Service) < len(w.Ears) {
		for _, l := range w.Ears[s.Service] {
			if l != nil {
				listeners = append(listeners, l)
			}
		}
	}
	if wrong := audit.Given(w.Kernel, s.P, &w.Daemon.Household, listeners); wrong != "" {
		w.Fail("S9", "generation %d got %s", s.P.Generation, wrong)
	}
	c := w.Book.Child(s.P.Generation)
	if s.P.Transport != entry.Type.String() || s.P.Path != entry.Path || c == nil || s.P.Stress != (c.Service.Stressed && c.Service.StressEnd > w.Now && stressAware(entry)) {
		w.Fail("S5", "generation %d is started as %q, transport %q, stress %v", s.P.Generation, s.P.Path, s.P.Transport, s.P.Stress)
	}
}

// stressAware reports whether a service knows stress mode (spec config, 5.7).
func stressAware(e *core.ServiceConfig) bool { return e.ProcessLimit > 1 && !e.LocalOnly }

// LeftOvers: when all are gone, nothing is open.
func (w *World) LeftOvers() {
	for ref := range w.Descendants {
		w.DescendantEnds(int32(ref))
	}
	for c := range w.Clients {
		if w.Clients[c].Conn != nil {
			w.EndClient(int32(c), witness.ClientLost)
		}
	}
	if n := w.Kernel.LeftOpen(); n > 0 {
		w.Fail(stage.Adapter, "%d descriptions are open and nobody is left", n)
	}
	if w.Daemon.Driver == nil {
		return
	}
	if w.Daemon.Up && w.Options.Leader == 1 && w.Daemon.Driver.Ending() != nil && w.Daemon.Driver.Ending().Signal != 0 && !w.Kernel.GroupKilled() && !w.Kernel.FailedKill() {
		w.Fail("L5", "the process group was not told")
	}
}

// checkWords holds the words and the environment that a child is given against the
// settings in force.
func (w *World) checkWords(p *kernel.Process) {
	c := w.Book.Child(p.Generation)
	if c == nil {
		return
	}
	s := c.Service
	listeners := p.Listeners()
	want := s.Entry.AppendArgv(w.words[:0], listeners, s.Stressed && s.StressEnd > w.Now && stressAware(s.Entry))
	w.words = want
	if !slices.Equal(want, p.Argv()) {
		w.Fail("S9", "generation %d is given the words %q, should be %q", p.Generation, p.Argv(), want)
	}
	d := &w.Daemon
	env := p.Environment()
	if len(env) != len(d.Environ) || !slices.Equal(env[:2], d.Environ[:2]) || p.Root != s.Entry.SwitchIdentity {
		w.Fail("S9", "generation %d is given the environment %q, root %v; in force is %q", p.Generation, env, p.Root, d.Environ)
	}
}

// Sweep holds the machine's own view against the book.
func (w *World) Sweep() {
	w.LookRound()
	if w.Failure == nil && !w.Daemon.Gone && w.Daemon.Driver.Ending() == nil {
		w.Broken(w.Book.Sweep(w.Daemon.Machine))
	}
}
