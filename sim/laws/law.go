package laws

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
	"github.com/stationmaster/stationmaster/sim/laws/internal/checks"
)

// Law is one law of the book.
type Law struct {
	Name  string
	Words string
}

// Breach says which law does not hold, and how.
type Breach struct {
	Law  string // the name of a law, or Check
	Text string
}

func (b *Breach) Error() string { return b.Law + ": " + b.Text }

// Check is the name by which Sweep reports what the machine's own Check finds.
const Check = "check"

// law is a law with the functions that check it. A function returns what is wrong,
// or "". Which of them are asked of a book that has not seen the whole past is said
// by the function itself; see Account.Whole.
type law struct {
	Law
	event   []func(b *account.Account, ev *core.Event) string                  // before the account takes the event
	answer  []func(b *account.Account, actions []core.Action) string           // before it takes the actions
	action  []actionCheck                                                      // in the order of the actions, before the account takes each
	service []func(b *account.Account, s *Service) string                      // after the step, of every service that it touched
	step    []func(b *account.Account, ev *core.Event) string                  // after the step
	timer   []func(b *account.Account, ev *core.Event) string                  // after the step, when the machine's timer is known
	view    []func(b *account.Account, s *Service, v *core.ServiceView) string // in a sweep, of every service
	sweep   []func(b *account.Account) string                                  // in a sweep
	turn    []func(b *account.Account, k *KernelView) string                   // between two turns of the adapter
}

// actionCheck looks at actions of some kinds.
type actionCheck struct {
	kinds []core.ActionKind
	check func(b *account.Account, a *core.Action) string
}

func on(check func(b *account.Account, a *core.Action) string, kinds ...core.ActionKind) actionCheck {
	return actionCheck{kinds, check}
}

// table has the laws in the order in which they are asked.
var table = [...]law{
	{
		Law: Law{"S1", "0 <= idle <= total <= limit for each service, idle being those that are not retired; " +
			"a reload may lower the limit below the total, and then no child is started until the total is below it."},
		service: []func(*account.Account, *Service) string{checks.CountsInBounds},
		view:    []func(*account.Account, *Service, *core.ServiceView) string{checks.AccountAddsUp, checks.LimitInForce},
	},
	{
		Law: Law{"S2", "The counts of a service equal its children, counted one by one: total, starting, idle, busy, retired. " +
			"The children that the machine lists are those that were started and not reaped."},
		view:  []func(*account.Account, *Service, *core.ServiceView) string{checks.ChildrenListed, checks.CountsListed},
		sweep: []func(*account.Account) string{checks.NoneForgotten},
	},
	{
		Law: Law{"S3", "A listener is watched if and only if its service is active, not held by children of a predecessor, not throttled, " +
			"has no idle child that is not retired and no start pending, is below its limit, and is not held back for want of descriptors."},
		action:  []actionCheck{on(checks.WatchActive, core.WatchListener)},
		service: []func(*account.Account, *Service) string{checks.WatchedAsWanted},
		view:    []func(*account.Account, *Service, *core.ServiceView) string{checks.StateInWords},
		turn:    []func(*account.Account, *KernelView) string{checks.PolledAsWatched},
	},
	{
		Law: Law{"S4", "At most one start is pending per service, and every start has exactly one answer. " +
			"Generations, service numbers and requests are used once. A live pid belongs to exactly one child. Every child that ended is told of once."},
		event:  []func(*account.Account, *core.Event) string{checks.StartAnsweredOnce, checks.PidOfOne},
		action: []actionCheck{on(checks.OneStart, core.StartChild), on(checks.NumbersOnce, core.LoadConfig, core.WakeService, core.OpenListener, core.StartChild)},
		turn:   []func(*account.Account, *KernelView) string{checks.ProcessesThere},
	},
	{
		Law: Law{"S5", "A child is started only because a client waits at a watched listener, by the settings in force, and never while its service " +
			"is throttled, held, stopping, at its limit, or has an idle child that is not retired. It is told of stress mode when, and only when, " +
			"the service is in it: from the start that uses the last slot on, for 1000 seconds, where the service knows stress mode."},
		action: []actionCheck{on(checks.StartHasCause, core.StartChild), on(checks.StartAllowed, core.StartChild), on(checks.StressTold, core.StartChild)},
		view:   []func(*account.Account, *Service, *core.ServiceView) string{checks.StressKnown},
	},
	{
		Law: Law{"S6", "A status message changes a count only if it came over the child's own channel, with its pid and its generation. " +
			"No event of a child comes before the answer to its start or after its end, so what it wrote before its end is told before. " +
			"What is wrong with a message is logged."},
		event: []func(*account.Account, *core.Event) string{checks.EventOfLiving},
		view:  []func(*account.Account, *Service, *core.ServiceView) string{checks.ReportsCount},
	},
	{
		Law: Law{"S7", "A throttle begins when a start fails, or a child ends badly before its first counted \"available\", and not by a signal of ours; " +
			"it lasts the throttle time of the service, and ends then, or by a reload where the operator chose that, or with the service. Bad ends are logged."},
		service: []func(*account.Account, *Service) string{checks.ThrottleEnds},
		view:    []func(*account.Account, *Service, *core.ServiceView) string{checks.ThrottleKnown},
	},
	{
		Law: Law{"S8", "A service that is there before and after a reload keeps its number and its open listeners, and its old children are retired. " +
			"A listener of a removed service is handed over where a new service wants the same, so that no client who waits is lost. " +
			"A refused configuration changes nothing, and is logged."},
		event:  []func(*account.Account, *core.Event) string{checks.ConfigAsked, checks.ListenerAsked},
		answer: []func(*account.Account, []core.Action) string{checks.CommitDue, checks.ReloadEnds},
		action: []actionCheck{
			on(checks.OpenFresh, core.OpenListener), on(checks.DisplacesOurs, core.OpenListener),
			on(checks.ListenerGoes, core.AbandonListener, core.CommitListener, core.CloseListener), on(checks.MoveFits, core.MoveListener),
			on(checks.ClientsKept, core.CloseListener), on(checks.RetiredOnce, core.RetireChild), on(checks.AnnouncedOnce, core.Announce),
		},
		step:  []func(*account.Account, *core.Event) string{checks.OldRetired, checks.NothingLeft, checks.DisplacedSettled},
		view:  []func(*account.Account, *Service, *core.ServiceView) string{checks.RetiredKnown},
		sweep: []func(*account.Account) string{checks.ServicesInForce, checks.ListenersKept},
	},
	{
		Law: Law{"S9", "The machine names no listener, child or wakeup that is not there. A child gets all listeners of its service, and nothing else but the " +
			"promised descriptors; every descriptor of the daemon has a purpose, and is in the poll set exactly as that purpose wants."},
		action: []actionCheck{
			on(checks.OpenInReload, core.OpenListener), on(checks.ListenerOpen, core.AbandonListener, core.CommitListener, core.CloseListener, core.MoveListener),
			on(checks.MovedOnce, core.MoveListener), on(checks.WatchChanges, core.WatchListener, core.IgnoreListener),
			on(checks.StartWithListeners, core.StartChild), on(checks.ChannelOpen, core.RetireChild), on(checks.WakeupOpen, core.CloseWakeup),
		},
		turn: []func(*account.Account, *KernelView) string{checks.ListenersThere, checks.ChannelsThere},
	},
	{
		Law: Law{"S10", "A signal goes to a child of ours that is not reaped, under its own pid, for a reason: SIGTERM to children of removed services and at the end, " +
			"SIGKILL to those of removed services that outlive the grace; or, at the end, SIGTERM to our process group."},
		action: []actionCheck{on(checks.SignalOurs, core.SignalChild), on(checks.GroupAtTheEnd, core.SignalGroup)},
	},
	{
		Law: Law{"S11", "No event grows anything without limit: the actions of one step are bounded by the services, children and listeners that it concerns; " +
			"a child can bring 16 bad messages into the log, a closed channel is told of once, and a full service warns at most once in 1000 seconds, when it is due."},
		action:  []actionCheck{on(checks.LimitLineDue, core.Log)},
		service: []func(*account.Account, *Service) string{checks.LimitTold},
		step:    []func(*account.Account, *core.Event) string{checks.ActionsBounded},
	},
	{
		Law:    Law{"S12", "Nothing follows Exit. One step from two copies of a machine gives equal actions. Actions are of known kinds."},
		action: []actionCheck{on(checks.NothingAfterExit, everyAction...)},
	},
	{
		Law: Law{"S13", "One descriptor is kept for each service without a child that holds one. A service whose start would take a kept one is held back, " +
			"which is logged, and is so no longer than descriptors are wanting; the first child of a service is never held back."},
		action: []actionCheck{on(checks.StartAffordable, core.StartChild)},
		step:   []func(*account.Account, *core.Event) string{checks.FirstChildStarts},
		view:   []func(*account.Account, *Service, *core.ServiceView) string{checks.StarvedKnown},
	},
	{
		Law:  Law{"L1", "A client who waits at an active service is served within the throttle time, the time of a start, and the shortest remaining service time."},
		step: []func(*account.Account, *core.Event) string{checks.ClientServed},
	},
	{Law: Law{"L2", "A throttled service whose command is sound serves again within its throttle time and one start."}},
	{
		Law: Law{"L3", "A removed service has no children after the grace of five seconds and a kill; its listeners are shut at once. " +
			"Its children get SIGTERM when it is removed, and SIGKILL when the grace is over."},
		service: []func(*account.Account, *Service) string{checks.KillAwaited},
		step:    []func(*account.Account, *core.Event) string{checks.RemovedTold},
		view:    []func(*account.Account, *Service, *core.ServiceView) string{checks.KillKnown},
		sweep:   []func(*account.Account) string{checks.RemovedShut},
	},
	{Law: Law{"L4", "Retired children are gone within their longest remaining session; then only new ones live."}},
	{
		Law: Law{"L5", "A deadly signal is passed on to every child and ends the process in that step, by the same signal; the time of -e ends it with status 0; " +
			"a start that is refused ends it with status 1. Nothing else ends it. No child of ours outlives it by more than it serves."},
		action: []actionCheck{on(checks.ExitHasCause, core.Exit)},
		step:   []func(*account.Account, *core.Event) string{checks.EndComes},
	},
	{
		Law: Law{"L6", "A wakeup is sent at once, or with the first start where the operator chose that, and then at every interval, by the settings in force, " +
			"unless the service is throttled. One that cannot be sent for one second, or is not closed for 101, is given up and that is logged."},
		action:  []actionCheck{on(checks.WakeupDue, core.WakeService), on(checks.GivenUpInTime, core.CloseWakeup)},
		service: []func(*account.Account, *Service) string{checks.WakeupSent, checks.WakeupAwaited},
		step:    []func(*account.Account, *core.Event) string{checks.OverdueClosed},
		view:    []func(*account.Account, *Service, *core.ServiceView) string{checks.WakeupKnown},
	},
	{
		Law:   Law{"L7", "In silence the machine falls asleep: its timer is set to the first thing that is due and to nothing else, and no child lives after max_idle."},
		sweep: []func(*account.Account) string{checks.TimerOfFirst},
	},
	{
		Law:    Law{"L8", "A hangup begins a reload, and one that comes meanwhile another; several end as one reload of the newest file. A file is read for no other reason."},
		action: []actionCheck{on(checks.LoadAsked, core.LoadConfig)},
		step:   []func(*account.Account, *core.Event) string{checks.HangupHeeded},
	},
	{
		Law:   Law{"L9", "Nothing spins: the events at one instant are bounded, a deadline that was served is no longer due, and the world comes to rest."},
		timer: []func(*account.Account, *core.Event) string{checks.DeadlineServed},
	},
}

// everyAction has all kinds, and one that is none.
var everyAction = func() (kinds []core.ActionKind) {
	for k := core.ActionNone; k <= core.Exit+1; k++ {
		kinds = append(kinds, k)
	}
	return kinds
}()

// All returns the laws: S1 to S13, then L1 to L9.
func All() []Law {
	all := make([]Law, len(table))
	for i := range table {
		all[i] = table[i].Law
	}
	return all
}

// docket has the checks of the laws that may report, by when they are asked.
type docket struct {
	event   []entry[func(*account.Account, *core.Event) string]
	answer  []entry[func(*account.Account, []core.Action) string]
	action  [core.Exit + 2][]entry[func(*account.Account, *core.Action) string]
	service []entry[func(*account.Account, *Service) string]
	step    []entry[func(*account.Account, *core.Event) string]
	timer   []entry[func(*account.Account, *core.Event) string]
	view    []entry[func(*account.Account, *Service, *core.ServiceView) string]
	sweep   []entry[func(*account.Account) string]
	turn    []entry[func(*account.Account, *KernelView) string]
}

type entry[F any] struct {
	law   string
	check F
}

func enter[F any](to []entry[F], name string, checks []F) []entry[F] {
	for _, f := range checks {
		to = append(to, entry[F]{name, f})
	}
	return to
}

func docketOf(only []string) *docket {
	d := &docket{}
	for i := range table {
		l := &table[i]
		if len(only) > 0 && !has(only, l.Name) {
			continue
		}
		d.event = enter(d.event, l.Name, l.event)
		d.answer = enter(d.answer, l.Name, l.answer)
		for _, c := range l.action {
			for _, k := range c.kinds {
				d.action[k] = enter(d.action[k], l.Name, []func(*account.Account, *core.Action) string{c.check})
			}
		}
		d.service = enter(d.service, l.Name, l.service)
		d.step = enter(d.step, l.Name, l.step)
		d.timer = enter(d.timer, l.Name, l.timer)
		// Counts and states follow from children and clocks: these are asked first,
		// because they tell better what went wrong.
		d.view = append(enter(nil, l.Name, l.view), d.view...)
		d.sweep = enter(d.sweep, l.Name, l.sweep)
		d.turn = enter(d.turn, l.Name, l.turn)
	}
	return d
}

// allLaws is the docket of a book that looks at everything.
var allLaws = docketOf(nil)

func has[T comparable](list []T, x T) bool {
	for i := range list {
		if list[i] == x {
			return true
		}
	}
	return false
}
