package kernel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
)

// Start is the time at which a world begins.
const Start core.Time = 1000

// turnLimit bounds the turns at one instant: whoever needs more spins.
const turnLimit = 20000

// World is one computer with a daemon, its children, clients and an operator.
type World struct {
	kernel *Kernel
	daemon *daemon // nil before the boot
	now    core.Time
	dice   *Dice
	owner  core.Account

	clients  []*Client
	current  *core.Config // what is on the disk
	torn     bool         // it does not parse
	ending   *osadapter.Ending
	failed   error // there was no daemon to begin with
	findings []string

	// Lazy keeps the audits away until a fault has come true, and most of them
	// when that was long ago.
	Lazy   bool
	audits int
}

// NewWorld gives a world without a daemon. dice may be nil.
func NewWorld(owner core.Account, dice *Dice) *World {
	w := &World{kernel: New(owner, dice), now: Start, dice: dice, owner: owner}
	w.kernel.started = w.checkChild
	w.kernel.between = func() {
		if w.daemon != nil && w.daemon.driver != nil && w.dice.chance(300) {
			w.daemon.outside()
		}
		if p := w.kernel.processes; len(p) > 0 {
			p[w.dice.below(uint32(len(p)))].step(w.now)
		}
	}
	return w
}

// Kernel is the world's kernel.
func (w *World) Kernel() *Kernel { return w.kernel }

// Now is the time.
func (w *World) Now() core.Time { return w.now }

// Ending tells how the daemon ended; nil while it runs.
func (w *World) Ending() *osadapter.Ending { return w.ending }

// Failed is why there was no daemon to begin with.
func (w *World) Failed() error { return w.failed }

// Findings are the invariants that were broken, each with its name first.
func (w *World) Findings() []string {
	all := slices.Clone(w.findings)
	for _, b := range w.kernel.breaches {
		all = append(all, "system call: "+b)
	}
	return all
}

// Log gives the daemon's lines.
func (w *World) Log() []Line {
	if w.daemon == nil {
		return nil
	}
	return w.daemon.lines
}

// Logged tells whether a line contains the text.
func (w *World) Logged(text string) bool {
	return slices.ContainsFunc(w.Log(), func(l Line) bool { return strings.Contains(l.Text, text) })
}

// View is how the machine stands.
func (w *World) View() core.View { return w.daemon.machine.View() }

// findingLimit bounds what one run reports.
const findingLimit = 20

func (w *World) find(name, format string, args ...any) {
	if len(w.findings) < findingLimit {
		w.findings = append(w.findings, name+": "+fmt.Sprintf(format, args...))
	}
}

// Boot starts the daemon with a configuration.
func (w *World) Boot(c *core.Config) {
	w.guard(func() {
		w.current = c
		var err error
		w.daemon, err = newDaemon(w, core.MachineOptions{GroupLeader: true, Strict: true})
		if err != nil {
			w.failed = err
			w.kernel.closeDaemon()
			return
		}
		w.daemon.boot(c)
		w.noteEnding()
	})
}

// Reload leaves a configuration and asks the daemon to read it; nil is one
// that does not parse.
func (w *World) Reload(c *core.Config) {
	w.torn = c == nil
	if c != nil {
		w.current = c
	}
	w.Signal(core.SIGHUP)
}

// configuration answers a load with what is on the disk now.
func (w *World) configuration(r core.Request) core.Event {
	if w.torn {
		fault := core.Diagnostic{Severity: core.Error, Text: "bad transport type: x", Hint: "write inet"}
		return core.ConfigRejectedEvent(r, &core.Config{Diagnostics: []core.Diagnostic{fault}})
	}
	return core.ConfigLoadedEvent(r, w.current)
}

// Signal sends a signal to the daemon.
func (w *World) Signal(s core.Signal) {
	if w.daemon != nil && !w.ended() {
		w.daemon.signal(s)
	}
}

// Client lets a client come.
func (w *World) Client(t core.ServiceType, to core.Endpoint) *Client {
	c := w.kernel.NewClient(t, to)
	w.clients = append(w.clients, c)
	return c
}

// Run lets the world go on for a span of time.
func (w *World) Run(d core.Duration) {
	w.RunUntil(d, func() bool { return false })
}

// RunUntil is Run, but stops as soon as enough says so. It tells whether it
// did.
func (w *World) RunUntil(d core.Duration, enough func() bool) (ok bool) {
	w.guard(func() { ok = w.run(w.now.Add(d), enough) })
	return ok
}

func (w *World) run(end core.Time, enough func() bool) bool {
	for {
		for turns := 0; w.turn(); turns++ {
			if enough() {
				return true
			}
			if turns > turnLimit {
				w.find("spins", "%d turns at one instant", turns)
				return false
			}
		}
		if enough() {
			return true
		}
		next := w.deadline()
		if next > end {
			w.now = end
			return false
		}
		w.now = next
	}
}

// guard turns a panic of the daemon into its end, and into a finding unless
// it was the only way: root was not to be had again.
func (w *World) guard(act func()) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if w.dice != nil && w.dice.spent {
			panic(r)
		}
		if text := fmt.Sprint(r); !strings.HasPrefix(text, "cannot become root again") || w.kernel.hits[callResume] < 3 {
			w.find("panic", "%s", text)
		}
		w.ending = &osadapter.Ending{Code: 1, Fatal: true}
		w.kernel.closeDaemon()
	}()
	act()
}

func (w *World) ended() bool { return w.failed != nil || w.ending != nil }

func (w *World) noteEnding() {
	if w.ending == nil && w.daemon.driver.Ending() != nil {
		w.ending = w.daemon.driver.Ending()
		w.kernel.closeDaemon()
	}
}

// turn lets everybody do one thing and tells whether there was any to do.
func (w *World) turn() bool {
	active := false
	if !w.ended() {
		active = w.daemon.turn()
		w.noteEnding()
	}
	k := w.kernel
	if w.ended() { // somebody else reaps
		k.processes = slices.DeleteFunc(k.processes, func(p *Process) bool { return p.ended })
	}
	first := int(w.dice.below(uint32(max(len(k.processes), 1))))
	for n := range k.processes {
		active = k.processes[(first+n)%len(k.processes)].step(w.now) || active
	}
	for _, c := range w.clients {
		active = c.step() || active
	}
	w.clients = slices.DeleteFunc(w.clients, func(c *Client) bool { return c.State != Knocking && c.State != Waiting })
	return active
}

// deadline is the next instant at which somebody wants to do something.
func (w *World) deadline() core.Time {
	next := core.Time(1<<63 - 1)
	if !w.ended() {
		next = max(w.daemon.until, w.now)
		if w.daemon.busy() || len(w.kernel.connecting) > 0 && w.dice != nil {
			next = min(next, w.now.Add(core.Millisecond))
		}
	}
	for _, p := range w.kernel.processes {
		if when, ok := p.deadline(); ok && when > w.now {
			next = min(next, when)
		}
	}
	return next
}

// Mend ends all trouble: no more faults, programs that keep the contract, and
// no child of another kind alive.
func (w *World) Mend() {
	k := w.kernel
	k.faults, k.rate = nil, 0
	for path := range k.programs {
		k.programs[path] = Program{}
	}
	for _, p := range k.processes {
		if p.stopped {
			p.Signal(sigcont)
		}
		p.executed = w.now // the disk is back
		if !p.program.good() {
			p.Signal(core.SIGKILL)
		}
	}
}

// place is where a client can go.
type place struct {
	kind core.ServiceType
	to   core.Endpoint
}

// listeners are the places of the active services that clients can find. The type is the service's:
// a listener that was handed over does not know its new one.
func (w *World) listeners() []place {
	var places []place
	view := w.View()
	b := w.daemon.driver.Books()
	for _, l := range b.Listeners {
		if l.Listener.Endpoint.Path != "" && displaced(&b, &l) {
			continue
		}
		n := slices.IndexFunc(view.Services, func(s core.ServiceView) bool { return s.ID == l.Service })
		if n >= 0 {
			places = append(places, place{view.Services[n].Type, reachable(l.Listener.Endpoint)})
		}
	}
	return places
}

// Serves sends a client to every listener of every active service and finds
// fault with each that is not served within the bound.
func (w *World) Serves(bound core.Duration) {
	loaded := w.RunUntil(bound, func() bool { return w.ended() || !w.View().Loading })
	if w.ended() {
		return
	}
	if !loaded {
		w.find("loads", "the configuration was read, and the daemon still waits for it after %d s", bound.Seconds())
	}
	if owed := w.daemon.driver.Books().Owed; len(owed) > 0 {
		w.find("owed", "%s could be put back, and was not", strings.Join(owed, " "))
	}
	var waiting []*Client
	for _, l := range w.listeners() {
		waiting = append(waiting, w.Client(l.kind, l.to))
	}
	w.RunUntil(bound, func() bool {
		return w.ended() || !slices.ContainsFunc(waiting, func(c *Client) bool { return c.State == Knocking || c.State == Waiting })
	})
	if w.ended() {
		return
	}
	for _, c := range waiting {
		if c.State != Served {
			w.find("serves", "a client of %s %s is %s (%s) after %d s", c.Type, c.To, c.State, c.Errno, bound.Seconds())
		}
		c.Leave()
	}
}

// Stop ends the daemon by SIGTERM and everybody else, and finds fault with
// whatever is left in the kernel.
func (w *World) Stop() {
	w.Lazy = false
	w.Signal(core.SIGTERM)
	w.Run(core.Second)
	if !w.ended() {
		w.find("ends", "the daemon lives on after SIGTERM")
		return
	}
	if w.daemon.up && !w.kernel.groupKilled && w.kernel.hits[callResume] == 0 {
		w.find("ends", "the process group was not told")
	}
	for _, p := range w.kernel.processes {
		if !p.program.good() || p.program.Deaf || p.stopped {
			p.Signal(core.SIGKILL)
		}
	}
	w.Run(1000 * core.Second)
	for _, c := range w.clients {
		c.Leave()
	}
	w.clients = nil
	if n := len(w.kernel.processes); n > 0 {
		w.find("ends", "%d children outlive the daemon", n)
	}
	if w.kernel.alive != 0 {
		w.find("ends", "%d descriptions are open and nobody is left", w.kernel.alive)
	}
}
