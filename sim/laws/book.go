package laws

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// Machine is what a book looks at: what a machine says of itself.
type Machine interface {
	Deadline() (core.Time, bool)
	View() core.View
	Check() error
}

// Book is the account of one machine, and judges its steps by the laws. Reset or
// Adopt begins one. It is not safe for use by more than one goroutine.
type Book struct {
	// Only names the laws that may report; empty: all. It counts at the next Reset
	// or Adopt.
	Only []string
	// MadeUp is set where events do not come from an adapter that keeps its duties:
	// then they are not judged.
	MadeUp bool

	docket *docket
	only   []string // what docket was made for
	breach *Breach
	whole  bool // the account began with the machine

	now     core.Time // of the step under way
	event   core.Event
	options core.MachineOptions
	running bool // a configuration is in force
	exited  bool

	services []*Service // that exist, in the order of their numbers
	active   []*Service // in the order of the configuration
	removed  []*Service // with children left, in the order of removal
	living   []*Child   // not reaped, in the order of their generations
	closed   []*Child   // whose channel is closed, and nobody was told yet
	wakeups  []wakeup   // under way
	epoch    core.Epoch
	config   *core.Config // in force

	lastService    core.ServiceID
	lastGeneration core.Generation
	lastRequest    core.Request
	lastLoad       core.Request // of LoadConfig
	numbered       bool         // lastGeneration means something

	starving    int       // services that are held back
	starvedTold bool      // starvedAt means something
	starvedAt   core.Time // when it was said last that no descriptor is left
	exitAt      core.Time // of -e, with options.ExitSet

	reload reload
	due    due

	touched   []*Service // by the step
	gone      []*Service // that are forgotten with the next step
	before    []*Service // those in force before a commit
	deadline  core.Time  // what the machine said after the step, with timed
	timed     bool
	viewed    *core.View         // in a sweep
	strangers []core.ServiceView // see Situation.Added
	expected  []line             // lines that the step must or may bring
	said      []byte             // a line as it is rendered
	given     int                // how many actions the step has

	freeServices []*Service
	freeChildren []*Child
}

// Service is the account of one service. It is read, and never written, by others.
type Service struct {
	ID        core.ServiceID
	Entry     *core.ServiceConfig // the settings in force
	Endpoints []core.Endpoint     // what it was opened on
	Life      Life
	Added     core.Epoch
	Until     core.Epoch // of one that is removed
	Children  []*Child   // not reaped, in the order of their starts

	Total   int32
	Pending int32
	Idle    int32 // and not retired
	Retired int32
	Leaving int32 // of the retired, those that were idle

	Watched   bool
	Throttled bool
	Release   core.Time // of the throttle
	Starved   bool      // a client waited and no child could be afforded
	Freed     core.Time // when that ended last
	Stressed  bool
	StressEnd core.Time
	LeaveBy   core.Time // until then those who leave are believed to; 0: nobody is
	WakeAt    core.Time // 0: none
	KillAt    core.Time // of a removed one

	open     []bool // of each listener
	ceiling  int32  // most children it may have: its limit, or those that were there when that was lowered
	armed    bool   // wakeups are sent at their interval
	warned   bool
	warnedAt core.Time
	touched  bool
	news     bool // what decides about listening has changed
	wakes    int8 // wakeups due in this step; unsure: one, or none
}

// Life is the course of a service.
type Life uint8

// The lives of a service.
const (
	Opening Life = iota + 1 // a reload opens its listeners
	Active
	Removed // and has children left
	Gone    // nothing is left; it is forgotten with the next step
)

const unsure int8 = -1

// Child is the account of one child that is not reaped.
type Child struct {
	Generation core.Generation
	Service    *Service
	PID        core.PID
	State      ChildState
	Retired    bool
	Served     bool

	entry      *core.ServiceConfig // it was started by
	terminated bool
	killed     bool
	closed     bool
	owesCut    bool
	owesTerm   bool
	owesKill   bool
	complaints uint8
	closedAt   core.Time
}

// ChildState is what a child told last.
type ChildState uint8

// The states of a child.
const (
	Pending ChildState = iota // its start is not answered
	Idle
	Busy
)

type wakeup struct {
	request  core.Request
	service  *Service
	entry    *core.ServiceConfig
	fifo     bool
	sent     bool
	deadline core.Time
}

// due is what the machine must do in the step under way.
type due struct {
	cuts, terms, kills int
	load, group, exit  bool
	ending             bool     // every child is told
	closes             int      // CloseWakeup
	started            *Service // a child may be started for this one
	unload             bool     // the transaction must end without a change
	commit             bool     // it must end with one
	starts             bool     // the first one
	exitCode           int64
	exitSignal         core.Signal
	adrift             bool // nothing more is said about this step
}

// Reset begins the account of a machine that was made at now and has seen nothing.
func (b *Book) Reset(now core.Time, o core.MachineOptions) {
	b.begin(now, o)
	b.whole, b.numbered = true, true
	b.reload.loading = true // New asks for the first configuration
	if o.ExitSet {
		b.exitAt = now.Add(o.ExitAfter)
	}
}

// Numbered says that the machine has given generations up to that one before.
func (b *Book) Numbered(last core.Generation) { b.lastGeneration = last }

func (b *Book) begin(now core.Time, o core.MachineOptions) {
	b.freeServices = append(b.freeServices, b.services...)
	b.freeChildren = append(b.freeChildren, b.living...)
	switch {
	case len(b.Only) == 0:
		b.docket = allLaws
	case b.docket == nil || b.docket == allLaws || !equal(b.Only, b.only):
		b.docket, b.only = docketOf(b.Only), append(b.only[:0], b.Only...)
	}
	*b = Book{
		Only: b.Only, MadeUp: b.MadeUp, docket: b.docket, only: b.only, now: now, options: o,
		services: b.services[:0], active: b.active[:0], removed: b.removed[:0], living: b.living[:0], closed: b.closed[:0],
		wakeups: b.wakeups[:0], touched: b.touched[:0], gone: b.gone[:0], before: b.before[:0],
		expected: b.expected[:0], said: b.said[:0], reload: reload{opened: b.reload.opened[:0]},
		freeServices: b.freeServices, freeChildren: b.freeChildren,
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Step judges one step: the machine was given ev at now and answered with actions.
// It is called once for every step, before the actions are carried out. The first
// breach ends the account: it is returned now and from then on.
func (b *Book) Step(now core.Time, ev *core.Event, actions []core.Action, m Machine) *Breach {
	if b.breach == nil {
		b.event = *ev // so that the caller's does not have to outlive the call
		b.judge(now, &b.event, actions)
		b.settle(&b.event, m)
	}
	return b.breach
}

// judge takes the event and the actions into the account, and judges them.
func (b *Book) judge(now core.Time, ev *core.Event, actions []core.Action) {
	b.now = now
	b.clear()
	if b.exited {
		if len(actions) > 0 {
			b.breaks("S12", "actions follow Exit")
		}
		return
	}
	b.judgeEvent(ev)
	b.happened(ev)
	if n := len(actions); !b.whole && b.options.ExitSet && ev.Kind == core.TimerExpired && n > 0 && actions[n-1].Kind == core.Exit {
		b.due.exit, b.due.adrift = true, true // when the time of -e comes is not known
	}
	b.given = len(actions)
	for i := range b.docket.answer {
		e := &b.docket.answer[i]
		b.breaks(e.law, e.check(b, actions))
	}
	for i := range actions {
		if actions[i].Kind == core.ApplyConfig {
			b.committed(&actions[i], actions)
			break
		}
	}
	for i := range actions {
		a := &actions[i]
		for k := range b.docket.action[min(a.Kind, core.Exit+1)] {
			e := &b.docket.action[min(a.Kind, core.Exit+1)][k]
			b.breaks(e.law, e.check(b, a))
		}
		if b.breach != nil {
			return
		}
		b.took(a)
	}
	if b.due.adrift {
		b.due = due{adrift: true, exit: b.due.exit}
	}
	b.linesComplete()
	for i := range b.docket.step {
		e := &b.docket.step[i]
		b.breaks(e.law, e.check(b, ev))
	}
	b.reloadSettled()
	b.settleStarved()
}

// judgeEvent judges what the adapter tells, before the account takes it.
func (b *Book) judgeEvent(ev *core.Event) {
	if b.MadeUp {
		return
	}
	for i := range b.docket.event {
		e := &b.docket.event[i]
		b.breaks(e.law, e.check(b, ev))
	}
}

// settle asks about each service that the step touched.
func (b *Book) settle(ev *core.Event, m Machine) {
	if b.exited || b.due.adrift || b.breach != nil {
		return
	}
	b.deadline, b.timed = 0, false
	if len(b.touched) > 0 || ev.Kind == core.TimerExpired {
		b.deadline, b.timed = m.Deadline()
	}
	for i := range b.docket.timer {
		e := &b.docket.timer[i]
		b.breaks(e.law, e.check(b, ev))
	}
	for _, s := range b.touched {
		if s.Life != Gone {
			for k := range b.docket.service {
				e := &b.docket.service[k]
				b.breaks(e.law, e.check(b, s))
			}
		}
		s.touched, s.news, s.wakes = false, false, 0
	}
	b.touched = b.touched[:0]
}

// Breach returns the first one, or nil.
func (b *Book) Breach() *Breach { return b.breach }

// breaks notes what is wrong, if anything is, under the name of the law.
func (b *Book) breaks(law, wrong string) {
	if wrong != "" && b.breach == nil {
		b.breach = &Breach{law, wrong}
	}
}

// looksAt reports whether the law may report.
func (b *Book) looksAt(law string) bool { return len(b.Only) == 0 || has(b.Only, law) }

func wrong(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Epoch counts the configurations that came into force.
func (b *Book) Epoch() core.Epoch { return b.epoch }

// Config returns the one in force, or nil.
func (b *Book) Config() *core.Config { return b.config }

// Active returns the services in force, in the order of the configuration. They are
// valid until the next Step.
func (b *Book) Active() []*Service { return b.active }

// Removed returns the services that are removed and have children left.
func (b *Book) Removed() []*Service { return b.removed }

// Generation returns the last one that was asked for.
func (b *Book) Generation() core.Generation { return b.lastGeneration }

// Reloading reports whether a configuration is being read, and whether one is being
// made true.
func (b *Book) Reloading() (loading, opening bool) { return b.reload.loading, b.reload.opening }

// OpenedByReload returns how many listeners the transaction under way has opened.
func (b *Book) OpenedByReload() (n int) {
	for i := range b.reload.opened {
		if b.reload.opened[i].open {
			n++
		}
	}
	return n
}

// Service returns the account of a service, or nil. It is valid until the service
// is forgotten.
func (b *Book) Service(id core.ServiceID) *Service {
	if i, ok := search(b.services, func(s *Service) bool { return s.ID >= id }); ok && b.services[i].ID == id {
		return b.services[i]
	}
	return nil
}

// Child returns the account of a child that is not reaped, or nil. It is valid until
// the child is reaped.
func (b *Book) Child(g core.Generation) *Child {
	if i, ok := search(b.living, func(c *Child) bool { return c.Generation >= g }); ok && b.living[i].Generation == g {
		return b.living[i]
	}
	return nil
}

// search finds the first of a sorted list that is far enough.
func search[T any](list []*T, far func(*T) bool) (at int, ok bool) {
	low, high := 0, len(list)
	for low < high {
		middle := (low + high) / 2
		if far(list[middle]) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, low < len(list)
}

// ServiceOf returns the service that an event is about, or nil.
func (b *Book) ServiceOf(ev *core.Event) *Service {
	if ev.Service != 0 {
		return b.Service(ev.Service)
	}
	if c := b.Child(ev.Generation); c != nil {
		return c.Service
	}
	return nil
}

// Held reports whether children of a predecessor live: of a service that went when
// this one came, or before, and had its name or one of its addresses.
func (b *Book) Held(s *Service) bool {
	for _, p := range b.removed {
		if p.Total > 0 && p.holds(s) {
			return true
		}
	}
	return false
}

// holds reports whether a removed service holds another while it has children.
func (s *Service) holds(next *Service) bool {
	if s.Until > next.Added {
		return false
	}
	if s.Entry.Name == next.Entry.Name {
		return true
	}
	for i := range s.Endpoints {
		if has(next.Endpoints, s.Endpoints[i]) {
			return true
		}
	}
	return false
}

// State returns the word for how a service stands.
func (b *Book) State(s *Service) core.State {
	switch {
	case s.Life == Opening:
		return core.StateOpening
	case s.Life != Active:
		return core.StateStopping
	case len(b.removed) > 0 && b.Held(s):
		return core.StateHeld
	case s.Throttled:
		return core.StateThrottled
	case s.Pending > 0:
		return core.StateStarting
	case s.Idle > 0:
		return core.StateServing
	case s.Full():
		return core.StateSaturated
	case s.Starved:
		return core.StateStarved
	}
	return core.StateIdle
}

// Full reports whether no child may be added.
func (s *Service) Full() bool { return s.Entry.ProcessLimit > 0 && s.Total >= s.Entry.ProcessLimit }

// LastSlot reports whether one start more takes the last slot of a service that
// knows stress mode. Who leaves anyway takes none.
func (s *Service) LastSlot() bool {
	return stressAware(s.Entry) && s.Total-s.leavers()+1 >= s.Entry.ProcessLimit
}

// leavers counts the children that were idle when they were cut off and are still
// believed to be about to exit.
func (s *Service) leavers() int32 {
	if s.LeaveBy == 0 {
		return 0
	}
	return s.Leaving
}

// live counts the children that hold a descriptor.
func (s *Service) live() int32 { return s.Total - s.Retired }

// stressAware reports whether the children of a service get the stress argument:
// remote clients can reach it, and it has more than one slot.
func stressAware(e *core.ServiceConfig) bool { return e.ProcessLimit > 1 && !e.LocalOnly }

// affordable reports whether one child more takes no descriptor that is kept for
// another service.
func (b *Book) affordable(s *Service) bool {
	return b.options.Descriptors == 0 || s.live() == 0 || b.spare() > 0
}

// spare counts the descriptors that no listener and no child holds, and that are
// not kept for the first child of a service.
func (b *Book) spare() int64 {
	n := int64(b.options.Descriptors)
	for _, s := range b.active {
		n -= int64(len(s.Endpoints)) + int64(max(s.live(), 1))
	}
	return n
}
