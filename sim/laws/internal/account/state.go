package account

import (
	"github.com/stationmaster/stationmaster/core"
)

// Account is what is known of one machine from the events that it was given and the
// actions that it answered with. Reset or Adopt begins one.
type Account struct {
	Whole bool // the account began with the machine

	Now     core.Time // of the step under way
	Options core.MachineOptions
	Running bool // a configuration is in force
	Exited  bool

	Services  []*Service // that exist, in the order of their numbers
	InForce   []*Service // in the order of the configuration
	Outgoing  []*Service // with children left, in the order of removal
	Living    []*Child   // not reaped, in the order of their generations
	Closed    []*Child   // whose channel is closed, and nobody was told yet
	Wakeups   []wakeup   // under way
	LastEpoch core.Epoch
	config    *core.Config // in force

	lastService    core.ServiceID
	LastGeneration core.Generation
	LastRequest    core.Request
	LastLoad       core.Request // of LoadConfig
	Counting       bool         // lastGeneration means something

	starving    int       // services that are held back
	starvedTold bool      // starvedAt means something
	starvedAt   core.Time // when it was said last that no descriptor is left
	ExitAt      core.Time // of -e, with options.ExitSet

	Reload reload
	Due    Due

	Touched   []*Service // by the step
	gone      []*Service // that are forgotten with the next step
	Before    []*Service // those in force before a commit
	Deadline  core.Time  // what the machine said after the step, with timed
	Timed     bool
	Viewed    *core.View         // in a sweep
	strangers []core.ServiceView // see Situation.Added
	Expected  []Line             // lines that the step must or may bring
	Given     int                // how many actions the step has
	Waking    int                // how many wakeups were under way before it

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

	Open     []bool // of each listener
	Ceiling  int32  // most children it may have: its limit, or those that were there when that was lowered
	armed    bool   // wakeups are sent at their interval
	Warned   bool
	WarnedAt core.Time
	Touched  bool
	News     bool // what decides about listening has changed
	Wakes    int8 // wakeups due in this step; unsure: one, or none
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
	Closed     bool
	OwesCut    bool
	OwesTerm   bool
	OwesKill   bool
	complaints uint8
	ClosedAt   core.Time
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
	Deadline core.Time
}

// Due is what the machine must do in the step under way.
type Due struct {
	Cuts, Terms, Kills int
	Load, Group, Exit  bool
	Ending             bool     // every child is told
	Closes             int      // CloseWakeup
	Started            *Service // a child may be started for this one
	Unload             bool     // the transaction must end without a change
	Commit             bool     // it must end with one
	Starts             bool     // the first one
	ExitCode           int64
	ExitSignal         core.Signal
	Adrift             bool // nothing more is said about this step
}

// Reset begins the account of a machine that was made at now and has seen nothing.
func (b *Account) Reset(now core.Time, o core.MachineOptions) {
	b.begin(now, o)
	b.Whole, b.Counting = true, true
	b.Reload.Loading = true // New asks for the first configuration
	if o.ExitSet {
		b.ExitAt = now.Add(o.ExitAfter)
	}
}

func (b *Account) begin(now core.Time, o core.MachineOptions) {
	b.freeServices = append(b.freeServices, b.Services...)
	b.freeChildren = append(b.freeChildren, b.Living...)
	*b = Account{
		Now: now, Options: o,
		Services: b.Services[:0], InForce: b.InForce[:0], Outgoing: b.Outgoing[:0], Living: b.Living[:0], Closed: b.Closed[:0],
		Wakeups: b.Wakeups[:0], Touched: b.Touched[:0], gone: b.gone[:0], Before: b.Before[:0],
		Expected: b.Expected[:0], Reload: reload{Opened: b.Reload.Opened[:0]},
		freeServices: b.freeServices, freeChildren: b.freeChildren,
	}
}

// Line is one line of the log that a step must bring, as far as an operator sees it.
type Line struct {
	Code   core.LogCode
	Entry  *core.ServiceConfig
	PID    core.PID
	Status core.ExitStatus
	Number int64 // a count, a signal, or what a message claims
	Errno  core.Errno
	Config *core.Config
	May    bool // it may be missing
	Seen   bool
}
