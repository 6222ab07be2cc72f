package model

import (
	"fmt"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// order demands that no action that matches first stands behind one that
// matches then.
type order struct {
	rule  string
	what  string
	first func(*core.Action) bool
	then  func(*core.Action) bool
}

func kind(k core.ActionKind) func(*core.Action) bool {
	return func(a *core.Action) bool { return a.Kind == k }
}

func logged(codes ...core.LogCode) func(*core.Action) bool {
	return func(a *core.Action) bool { return a.Kind == core.Log && slices.Contains(codes, a.Code) }
}

func anything(*core.Action) bool { return true }

// fixedOrders are the orders within one step that the specification fixes. All
// other orders are free.
var fixedOrders = []order{
	// Exit ends the process: nothing behind it would be carried out.
	{verdict.RuleAfterEnd, "everything before the exit", anything, kind(core.Exit)},
	// runtime 12: the group is signalled, then the line is logged.
	{verdict.RuleEnd, "the signal before its line", kind(core.SignalGroup), logged(core.LogTerminating)},
	// runtime 2, 19 to 24: wakeups are sent before the line [V]; logging follows
	// main.cf before the line; who waits is told when it is written.
	{verdict.RuleBoot, "the first wakeups before the line of the start", kind(core.WakeService), logged(core.LogStarted)},
	{verdict.RuleBoot, "logging set up before the line of the start", kind(core.ApplyConfig), logged(core.LogStarted)},
	{verdict.RuleBoot, "the line of the start before the announcement", logged(core.LogStarted), kind(core.Announce)},
	// runtime 10, 2 and 5: remarks about the new files still go to the old log.
	{verdict.RuleDiagnostics, "remarks before logging changes", logged(core.LogDiagnostic), kind(core.ApplyConfig)},
	// A refusal sums up what stands above it.
	{verdict.RuleRefused, "the reasons before the refusal", logged(core.LogDiagnostic, core.LogListenFailed, core.LogListenRemedy), logged(core.LogReloadRefused)},
	// runtime 10, 1: the line of the next reload goes to the log in force then,
	// and is the first thing of it.
	{verdict.RuleHangup, "this reload before the next", func(a *core.Action) bool {
		return a.Kind == core.ApplyConfig || logged(core.LogReloadRefused)(a)
	}, func(a *core.Action) bool { return a.Kind == core.LoadConfig || logged(core.LogReload)(a) }},
	// runtime 8, reap: how the process ended, then what follows from it.
	{verdict.RuleReap, "the bad end before the throttle", logged(core.LogExited, core.LogExecFailed), logged(core.LogBadStartup)},
}

// checkOrders judges the orders, those above and those about one service each.
func checkOrders(o *verdict.Observation) *Violation {
	orders := append(slices.Clone(fixedOrders), serviceOrders(o)...)
	for i := range orders {
		r := &orders[i]
		last := len(o.Step.Actions)
		for k := len(o.Step.Actions) - 1; k >= 0; k-- {
			if a := &o.Step.Actions[k]; r.then(a) {
				last = k
			}
		}
		for k := last + 1; k < len(o.Step.Actions); k++ {
			if a := &o.Step.Actions[k]; r.first(a) {
				return &Violation{Rule: r.rule, Service: a.Service, Want: r.what, Got: fmt.Sprintf("%s behind %s", verdict.Show(a), verdict.Show(&o.Step.Actions[last]))}
			}
		}
	}
	if v := checkRemarks(o); v != nil {
		return v
	}
	if v := checkLimitLines(o); v != nil {
		return v
	}
	return checkOpenings(o)
}

func serviceOrders(o *verdict.Observation) []order {
	var orders []order
	if t := o.Seen.Load; t != nil && t.Boot {
		// runtime 3, and the last rows of the differences: nothing comes behind a
		// fatal line but the end; what explains it is logged before.
		orders = append(orders, order{
			verdict.RuleBootFailed, "the remedies before the fatal line", logged(core.LogListenRemedy), logged(core.LogListenFailed),
		})
	}
	for _, s := range o.Before.Services {
		// design, Reload, 5: SIGTERM, then the listener is shut.
		orders = append(orders, order{verdict.RuleRemove, "SIGTERM before the listener is shut", func(a *core.Action) bool {
			c := o.Before.Child(a.Generation)
			return a.Kind == core.SignalChild && c != nil && c.Service == s.Id
		}, func(a *core.Action) bool { return a.Kind == core.CloseListener && a.Service == s.Id }})
	}
	for k := range o.Step.Actions {
		// MoveListener hands over unwatched: a watch set before would not hold.
		if m := &o.Step.Actions[k]; m.Kind == core.MoveListener {
			orders = append(orders, order{verdict.RuleHandOver, "the hand-over before the watch", func(a *core.Action) bool {
				return a.Kind == core.MoveListener && a.To == m.To
			}, func(a *core.Action) bool { return a.Kind == core.WatchListener && a.Service == m.To }})
		}
	}
	return orders
}

// checkRemarks: the remarks appear in the order in which the configuration has
// them, but that at the start the first error is the last line.
func checkRemarks(o *verdict.Observation) *Violation {
	if o.Step.Ev.Config == nil || o.Before.Ended {
		return nil
	}
	remarks := remarks(o, o.Step.Ev.Config)
	if i := slices.IndexFunc(remarks, func(r saying) bool { return r.level == core.LevelFatal }); i >= 0 {
		remarks = append(slices.Delete(slices.Clone(remarks), i, i+1), remarks[i])
	}
	next := 0
	for k := range o.Step.Actions {
		if a := &o.Step.Actions[k]; next < len(remarks) && remarks[next].match(a) {
			next++
		}
	}
	if next < len(remarks) {
		return &Violation{Rule: verdict.RuleDiagnostics, Want: "the remarks in their order", Got: verdict.ShowKind(o.Step.Actions, core.Log)}
	}
	return nil
}

// checkLimitLines: the two lines that explain a limit follow its line at once;
// log analysers count on it (spec runtime, 16).
func checkLimitLines(o *verdict.Observation) *Violation {
	cycle := []core.LogCode{core.LogLimit, core.LogLimitRemedy, core.LogLimitHelp}
	next := 0
	for k := range o.Step.Actions {
		if a := &o.Step.Actions[k]; a.Kind == core.Log {
			if next > 0 && a.Code != cycle[next] || next == 0 && logged(cycle[1:]...)(a) {
				return &Violation{Rule: verdict.RuleLimit, Want: "the three lines of the limit in a row", Got: verdict.ShowKind(o.Step.Actions, core.Log)}
			}
			if a.Code == cycle[next] {
				next = (next + 1) % len(cycle)
			}
		}
	}
	return nil
}

// checkOpenings: listeners are asked for in file order, and in address order
// within an entry (spec runtime, 2.19 and 10.3), in each of the two phases.
func checkOpenings(o *verdict.Observation) *Violation {
	t := o.Seen.Load
	if t == nil || t.Answered == past.Never {
		return nil
	}
	last := past.Never
	for k := range o.Step.Actions {
		a := &o.Step.Actions[k]
		if a.Kind != core.OpenListener {
			continue
		}
		at := slices.IndexFunc(t.Openings, func(op *past.Opening) bool {
			return past.IdentityOf(op.Entry) == past.IdentityOf(a.Entry) && op.Listener == int(a.Listener)
		})
		if at < last {
			return &Violation{Rule: verdict.RuleOpen, Service: a.Service, Want: "file order", Got: verdict.ShowKind(o.Step.Actions, core.OpenListener)}
		}
		last = at
	}
	return checkOneNumber(o)
}

// checkOneNumber: all listeners of a new entry carry one service number.
func checkOneNumber(o *verdict.Observation) *Violation {
	for i := range o.Step.Actions {
		for k := range o.Step.Actions[:i] {
			a, b := &o.Step.Actions[i], &o.Step.Actions[k]
			if a.Kind == core.OpenListener && b.Kind == core.OpenListener &&
				past.IdentityOf(a.Entry) == past.IdentityOf(b.Entry) && a.Service != b.Service {
				return &Violation{Rule: verdict.RuleIdentity, Service: a.Service, Want: "one number for all listeners of a service", Got: verdict.Show(b)}
			}
		}
	}
	return nil
}
