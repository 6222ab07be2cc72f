package recorded

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/model"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// modelReach is the longest history beside which the model is laid: it reads
// all of it at each step.
const modelReach = 4000

// Options say where a fork leaves the recording, and what it draws.
type Options struct {
	At    int    // after so many recorded steps; beyond the end: at the end
	Seed  uint64 // of what follows
	Steps int    // how many follow, at most
}

// Forked is how a fork ended.
type Forked struct {
	Failure   *witness.Failure // nil: nothing broke
	Real      int              // steps of the recording
	Drawn     int              // steps after it
	Exited    bool             // the machine ended
	Modelled  bool             // the reference model looked on
	Recording []byte           // of the whole: it can be replayed, reduced and drawn
}

// Fork takes a machine through a recording until some step, and from there on
// through drawn events. The recording must begin with the machine's first step:
// what was asked and not answered before is known from nowhere else. An error
// says that it cannot be forked, also because its replay differs before.
func Fork(recording []byte, o Options) (Forked, error) {
	t, err := read(recording)
	if err != nil {
		return Forked{}, err
	}
	flags, begins := t.flags()
	if !begins {
		return Forked{}, fmt.Errorf("the recording begins in the middle of a life; take one that master_journal_file names, from the start of the daemon on")
	}
	m, err := t.machine()
	if err != nil {
		return Forked{}, err
	}
	f := fork{machine: m, writer: t.writer(m), now: t.began, step: 0}
	f.book.Reset(t.began, m.Options())
	f.choose.Seed(o.Seed, false)
	at := min(o.At, len(t.steps))
	if at+o.Steps <= modelReach {
		f.model = model.New(t.began, flags)
	}
	if at > 0 && t.steps[at-1].open {
		at--
	}
	for i := range t.steps[:at] {
		s := &t.steps[i]
		if actions, ok := f.take(s.now, s.event); ok && words(actions) != words(s.actions) {
			return Forked{}, fmt.Errorf("step %d differs from the recording: mastersim replay shows how", i+1)
		}
		if f.failure != nil {
			break
		}
	}
	drawn := 0
	for ; drawn < o.Steps && f.failure == nil && !f.over; drawn++ {
		f.draw()
	}
	return Forked{Failure: f.failure, Real: at, Drawn: drawn, Exited: f.over, Modelled: f.model != nil, Recording: f.writer.Bytes()}, nil
}

// kid is a child that lives.
type kid struct {
	generation core.Generation
	pid        core.PID
	taken      bool
	retired    bool
	closed     bool
	told       bool // it got SIGTERM or SIGKILL
}

// fork is an adapter that keeps its duties and makes up the rest.
type fork struct {
	machine *core.Machine
	book    laws.Book
	model   *model.Model
	writer  *trace.Writer
	choose  tape.Chooser
	now     core.Time
	step    uint64
	failure *witness.Failure
	over    bool

	begun    bool
	loading  bool
	load     core.Request
	starts   []core.Action
	opens    []core.Action
	wakeups  []core.Action
	sent     []core.Request
	kids     []kid
	watched  []core.ServiceID
	config   *core.Config // in force
	offered  *core.Config // that was loaded last
	entries  []core.ServiceConfig
	lastPID  core.PID
	services core.ServiceID
}

// take steps the machine, and has everybody look. ok is false when it broke.
func (f *fork) take(now core.Time, ev core.Event) (actions []core.Action, ok bool) {
	f.step++
	f.now = now
	f.writer.Event(now, &ev)
	actions, broken := trace.Step(f.machine, now, ev)
	if broken != nil {
		f.fail("assert", cause(broken))
		return nil, false
	}
	f.writer.Actions(actions)
	f.heard(&ev)
	for i := range actions {
		f.asked(&actions[i])
	}
	if f.model != nil {
		err := f.model.Observe(now, ev, actions)
		if err == nil {
			err = f.model.Compare(f.machine)
		}
		if err != nil {
			f.fail("model", err.Error())
		}
	}
	if b := f.book.Step(now, &ev, actions, f.machine); b != nil {
		f.fail(b.Law, b.Text)
	}
	if b := f.book.Sweep(f.machine); b != nil {
		f.fail(b.Law, b.Text)
	}
	return actions, f.failure == nil
}

func (f *fork) fail(invariant, text string) {
	if f.failure == nil {
		f.failure = &witness.Failure{Invariant: invariant, Text: text, Step: f.step, Now: f.now}
	}
}

// heard takes the event out of what is owed to the machine.
func (f *fork) heard(ev *core.Event) {
	switch ev.Kind {
	case core.ConfigLoaded, core.ConfigRejected:
		f.begun, f.loading, f.offered = true, false, ev.Config
	case core.ListenerOpened, core.ListenerFailed:
		f.opens = drop(f.opens, func(a *core.Action) bool { return a.Service == ev.Service && a.Listener == ev.Listener })
	case core.ChildStarted:
		f.starts = drop(f.starts, func(a *core.Action) bool { return a.Generation == ev.Generation })
		f.kids = append(f.kids, kid{generation: ev.Generation, pid: ev.PID})
		f.lastPID = max(f.lastPID, ev.PID)
	case core.ChildStartFailed:
		f.starts = drop(f.starts, func(a *core.Action) bool { return a.Generation == ev.Generation })
	case core.StatusReceived:
		if k := f.kid(ev.Generation); k != nil && ev.N == wire.StatusSize {
			k.taken = wire.ParseMessage(ev.Bytes).Status == wire.Taken
		}
	case core.ChildChannelClosed:
		if k := f.kid(ev.Generation); k != nil {
			k.closed = true
		}
	case core.ChildExited:
		f.kids = drop(f.kids, func(k *kid) bool { return k.generation == ev.Generation })
	case core.WakeupSent:
		for i := range f.wakeups {
			if a := &f.wakeups[i]; a.Request == ev.Request && a.Entry.Type != core.FIFO {
				f.sent = append(f.sent, a.Request)
			}
		}
		fallthrough
	case core.WakeupFailed:
		f.wakeups = drop(f.wakeups, func(a *core.Action) bool { return a.Request == ev.Request })
	case core.WakeupClosed:
		f.sent = drop(f.sent, func(r *core.Request) bool { return *r == ev.Request })
	}
}

func drop[T any](list []T, which func(*T) bool) []T {
	kept := list[:0]
	for i := range list {
		if !which(&list[i]) {
			kept = append(kept, list[i])
		}
	}
	return kept
}

func (f *fork) kid(g core.Generation) *kid {
	for i := range f.kids {
		if f.kids[i].generation == g {
			return &f.kids[i]
		}
	}
	return nil
}

// asked notes what an action asks of the adapter.
func (f *fork) asked(a *core.Action) {
	switch a.Kind {
	case core.LoadConfig:
		f.loading, f.load = true, a.Request
	case core.OpenListener:
		f.opens = append(f.opens, *a)
		f.services = max(f.services, a.Service)
	case core.StartChild:
		f.starts = append(f.starts, *a)
	case core.RetireChild:
		if k := f.kid(a.Generation); k != nil {
			k.retired = true
		}
	case core.SignalChild:
		if k := f.kid(a.Generation); k != nil {
			k.told = true
		}
	case core.WakeService:
		f.wakeups = append(f.wakeups, *a)
	case core.CloseWakeup:
		f.wakeups = drop(f.wakeups, func(w *core.Action) bool { return w.Request == a.Request })
		f.sent = drop(f.sent, func(r *core.Request) bool { return *r == a.Request })
	case core.WatchListener:
		f.watched = append(f.watched, a.Service)
	case core.IgnoreListener:
		f.watched = drop(f.watched, func(id *core.ServiceID) bool { return *id == a.Service })
	case core.ApplyConfig:
		f.config = f.offered
		f.remember()
	case core.Exit:
		f.over = true
	}
}

// remember keeps every service that was ever in force: one that is removed may
// come back.
func (f *fork) remember() {
	for i := range f.config.Services {
		s := &f.config.Services[i]
		f.entries = drop(f.entries, func(e *core.ServiceConfig) bool { return e.Canonical == s.Canonical && e.Type == s.Type })
		f.entries = append(f.entries, *s)
	}
}
