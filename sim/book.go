package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// Constants of the contract, written down here once more: a machine that
// changes them is found out.
const (
	ruleRemovalGrace  = 5 * core.Second
	ruleLeaving       = ruleRemovalGrace // who is cut off while idle has as long as SIGTERM gives
	ruleChannelGrace  = 1 * core.Second
	ruleWakeupLimit   = 1 * core.Second
	ruleWakeupHold    = 101 * core.Second
	ruleStress        = 1000 * core.Second
	ruleLimitWarnings = 1000 * core.Second
	ruleComplaints    = 16
)

// book is the world's own account of what the machine knows and has done,
// kept from events and actions alone. Where it disagrees with the machine, an
// invariant is broken.
type book struct {
	now         core.Time // of the step under way
	options     core.MachineOptions
	services    []bookService // by ServiceID
	children    []bookChild   // by Generation
	active      []core.ServiceID
	removed     []core.ServiceID // with children left
	living      []core.Generation
	closed      []core.Generation // their channel is closed; a line is due
	wakeups     []bookWakeup      // open ones
	epoch       core.Epoch
	before      []core.ServiceID // scratch of commit
	left        []place          // listeners that this step gave up
	taken       []place          // and those that it handed over
	lastRequest core.Request
	config      *core.Config // in force
	shortSaid   bool         // shortAt means something
	shortAt     core.Time    // when it was said last that no descriptor is left
	exitAt      core.Time    // of -e; with options.ExitSet

	reload bookReload
	owed   owed
}

// bookService is one service.
type bookService struct {
	entry     *core.ServiceConfig // settings in force
	endpoints []core.Endpoint     // what it was opened on
	life      bookLife
	added     core.Epoch
	gone      core.Epoch // with bookRemoved
	total     int32
	pending   int32
	idle      int32
	retired   int32
	leaving   int32 // of the retired, those that were idle
	ceiling   int32 // most children it may have: its limit, or those that were there when that was lowered
	watched   bool
	throttled bool
	armed     bool      // wakeups are sent at their interval
	short     bool      // a client waited and no child could be afforded
	freed     core.Time // when that ended last
	stressed  bool
	warned    bool
	touched   bool
	lastKind  core.EventKind
	wakes     int8 // WakeService due in this step; unsure: either way
	until     core.Time
	stressEnd core.Time
	warnedAt  core.Time
	leaveBy   core.Time // until then, or a timer after it, who leaves is believed to; 0: nobody is
	lapsed    bool      // leaveBy has come in this step
	wakeAt    core.Time // 0: none
	killAt    core.Time // with bookRemoved
}

type bookLife uint8

const (
	bookNone bookLife = iota
	bookOpening
	bookActive
	bookRemoved
	bookGone
)

const unsure int8 = -1

// place names one listener of a service.
type place struct {
	service  core.ServiceID
	listener uint16
}

// bookChild is one child.
type bookChild struct {
	service    core.ServiceID
	pid        core.PID
	state      bookChildState
	retired    bool
	served     bool
	terminated bool
	killed     bool
	closed     bool
	owesCut    bool
	owesTerm   bool
	owesKill   bool
	complaints uint8
	closedAt   core.Time
}

type bookChildState uint8

const (
	bookPending bookChildState = iota
	bookIdle
	bookBusy
	bookOver
)

type bookWakeup struct {
	request  core.Request
	service  core.ServiceID
	fifo     bool
	sent     bool
	deadline core.Time
}

// bookReload is the transaction under way.
type bookReload struct {
	loading bool // LoadConfig is not answered
	opening bool // a configuration is being made true
	again   bool
	next    *core.Config
	asked   int // OpenListener not answered
	failed  bool
	opened  []openedListener
	mine    []core.ServiceID // services that it opens
}

type openedListener struct {
	service  core.ServiceID
	listener uint16
	displace bool
	open     bool
	settled  bool
}

// owed is what the machine must do in the step under way.
type owed struct {
	cuts, terms, kills int
	load, group, exit  bool
	closes             int // CloseWakeup
	logs, seen         uint64
	channelLines       int
	started            core.ServiceID // a child may be started for this one
	unload             bool           // the transaction must end without a change
	commit             bool           // it must end with one
	adrift             bool           // nothing more is said about this step
}

func (b *book) reset(now core.Time, o core.MachineOptions) {
	reload := bookReload{opened: b.reload.opened[:0], mine: b.reload.mine[:0]}
	*b = book{
		now: now, options: o, services: b.services[:0], children: b.children[:0], active: b.active[:0], removed: b.removed[:0],
		living: b.living[:0], closed: b.closed[:0], wakeups: b.wakeups[:0], before: b.before[:0], left: b.left[:0], taken: b.taken[:0],
		reload: reload,
	}
	b.services = append(b.services, bookService{})
	b.children = append(b.children, bookChild{state: bookOver})
	if o.ExitSet {
		b.exitAt = now.Add(o.ExitAfter)
	}
}

// service gives the account of a service, or nil.
func (b *book) service(id core.ServiceID) *bookService {
	if id == 0 || int(id) >= len(b.services) {
		return nil
	}
	return &b.services[id]
}

// child gives the account of a child that is not over, or nil.
func (b *book) child(g core.Generation) *bookChild {
	if g == 0 || g >= core.Generation(len(b.children)) || b.children[g].state == bookOver {
		return nil
	}
	return &b.children[g]
}

// serviceOf gives the service that an event is about, or 0.
func (b *book) serviceOf(ev *core.Event) core.ServiceID {
	if ev.Service != 0 {
		return ev.Service
	}
	if c := b.child(ev.Generation); c != nil {
		return c.service
	}
	return 0
}

// held tells whether children of a predecessor live: of a service that went
// when this one came, or before, and had its name or one of its addresses.
func (b *book) held(s *bookService) bool {
	for _, id := range b.removed {
		p := &b.services[id]
		if p.gone > s.added || p.total == 0 {
			continue
		}
		if p.entry.Name == s.entry.Name {
			return true
		}
		for i := range p.endpoints {
			for k := range s.endpoints {
				if p.endpoints[i] == s.endpoints[k] {
					return true
				}
			}
		}
	}
	return false
}

// full tells whether no child may be added.
func (s *bookService) full() bool { return s.entry.ProcessLimit > 0 && s.total >= s.entry.ProcessLimit }

// wanted says who is watched: the formula of the design, from the book's own
// facts.
func (b *book) wanted(s *bookService) bool {
	return s.life == bookActive && !s.throttled && s.pending == 0 && s.idle == 0 && !s.full() && !s.short && !b.held(s)
}

// live counts the children that hold a descriptor.
func (s *bookService) live() int32 { return s.total - s.retired }

// spare counts the descriptors that no listener and no child holds, and that are
// not kept for the first child of a service.
func (b *book) spare() int {
	n := int(b.options.Descriptors)
	for _, id := range b.active {
		s := &b.services[id]
		n -= len(s.endpoints) + int(max(s.live(), 1))
	}
	return n
}

// affordable reports whether one child more takes none that is kept for another.
func (b *book) affordable(s *bookService) bool {
	return b.options.Descriptors == 0 || s.live() == 0 || b.spare() > 0
}

// state is the word of the machine's View for the service.
func (b *book) state(s *bookService) core.State {
	switch {
	case s.life == bookOpening || s.life == bookNone:
		return core.StateOpening
	case s.life != bookActive:
		return core.StateStopping
	case len(b.removed) > 0 && b.held(s):
		return core.StateHeld
	case s.throttled:
		return core.StateThrottled
	case s.pending > 0:
		return core.StateStarting
	case s.idle > 0:
		return core.StateServing
	case s.full():
		return core.StateSaturated
	case s.short:
		return core.StateStarved
	}
	return core.StateIdle
}

// count adds or takes away what a child counts as.
func (b *book) count(c *bookChild, by int32) {
	s := &b.services[c.service]
	s.touched = true
	s.total += by
	switch {
	case c.state == bookPending:
		s.pending += by
	case c.state == bookIdle && !c.retired:
		s.idle += by
	}
	if c.retired {
		s.retired += by
		if c.state == bookIdle {
			s.leaving += by
			b.believe(s, by > 0)
		}
	}
}

// believe notes until when those who leave are believed to: anew with each who
// begins to and at a reload, and only where something follows from it.
func (b *book) believe(s *bookService, anew bool) {
	switch {
	case s.leaving == 0 || s.life != bookActive || !stressAware(s.entry):
		s.leaveBy = 0
	case anew:
		s.leaveBy = b.now.Add(ruleLeaving)
	}
}

// lastSlot tells whether one start more takes the last place of a service that
// knows stress mode. Whoever leaves anyway takes none.
func (s *bookService) lastSlot() bool {
	return stressAware(s.entry) && s.total-s.leavers()+1 >= s.entry.ProcessLimit
}

// leavers counts those who were idle when they were cut off and are still
// believed to be about to exit.
func (s *bookService) leavers() int32 {
	if s.leaveBy == 0 {
		return 0
	}
	return s.leaving
}

func (b *book) become(c *bookChild, state bookChildState) {
	b.count(c, -1)
	c.state = state
	b.count(c, +1)
}

// retire notes that a child is cut off; the action must follow in this step
// unless it is only being started.
func (b *book) retire(c *bookChild) {
	if c.retired {
		return
	}
	b.count(c, -1)
	c.retired = true
	b.count(c, +1)
	if c.state != bookPending {
		c.owesCut = true
		b.owed.cuts++
	}
}

// bury drops a child that was reaped or never was.
func (b *book) bury(g core.Generation) {
	c := &b.children[g]
	b.count(c, -1)
	c.state = bookOver
	b.living = without(b.living, g)
	b.closed = without(b.closed, g)
	if s := &b.services[c.service]; s.life == bookRemoved && s.total == 0 {
		b.forget(c.service)
	}
}

// forget ends a removed service; who was held by it is to be looked at again.
func (b *book) forget(id core.ServiceID) {
	b.services[id].life = bookGone
	b.removed = without(b.removed, id)
	for _, other := range b.active {
		b.services[other].touched = true
	}
}

func without[T comparable](list []T, x T) []T {
	for i := range list {
		if list[i] == x {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// throttle begins the rest of a service, or leaves the one that it has.
func (b *book) throttle(s *bookService, now core.Time) {
	if !s.throttled {
		s.throttled, s.until = true, now.Add(s.entry.ThrottleDelay)
	}
	s.touched = true
}

// restartWakeups begins them anew: at once, or with the next start.
func (b *book) restartWakeups(s *bookService, now core.Time) {
	s.wakeAt, s.armed = 0, false
	if !s.entry.WakeupIfUsed {
		b.armWakeups(s, now)
	}
}

func (b *book) armWakeups(s *bookService, now core.Time) {
	if s.entry.WakeupInterval > 0 {
		s.armed = true
		b.wakeupDue(s, now, s.throttled)
	}
}

func (b *book) wakeupDue(s *bookService, now core.Time, throttled bool) {
	s.touched = true
	s.wakeAt = now.Add(s.entry.WakeupInterval)
	if !throttled {
		s.wakes++
	}
}

// expect notes a log line that this step must bring.
func (b *book) expect(code core.LogCode) { b.owed.logs |= 1 << code }

// stressAware tells whether a service knows stress mode.
func stressAware(e *core.ServiceConfig) bool { return e.ProcessLimit > 1 && !e.LocalOnly }

// message notes what a status message does to its sender.
func (b *book) message(ev *core.Event) {
	c := b.child(ev.Generation)
	if c == nil || c.state == bookPending {
		return
	}
	complaint := core.LogNone
	m := wire.ParseMessage(ev.Bytes)
	switch {
	case ev.N != wire.StatusSize:
		complaint = core.LogPartialStatus
	case core.PID(m.PID) != c.pid:
		complaint = core.LogForeignStatus
	case m.Generation != uint32(ev.Generation):
		complaint = core.LogStaleStatus
	case m.Status == wire.Taken:
		if c.state == bookIdle {
			b.become(c, bookBusy)
		}
	case m.Status == wire.Available:
		if c.state == bookBusy {
			c.served = true
			b.become(c, bookIdle)
		}
	default:
		complaint = core.LogUnknownStatus
	}
	if complaint == core.LogNone || c.complaints == ruleComplaints {
		return
	}
	c.complaints++
	if c.complaints == ruleComplaints {
		complaint = core.LogMuted
	}
	b.expect(complaint)
}
