package model

import (
	"fmt"
	"slices"

	"github.com/stationmaster/stationmaster/core"
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
	{ruleAfterEnd, "everything before the exit", anything, kind(core.Exit)},
	// runtime 12: the group is signalled, then the line is logged.
	{ruleEnd, "the signal before its line", kind(core.SignalGroup), logged(core.LogTerminating)},
	// runtime 2, 19 to 24: wakeups are sent before the line [V]; logging follows
	// main.cf before the line; who waits is told when it is written.
	{ruleBoot, "the first wakeups before the line of the start", kind(core.WakeService), logged(core.LogStarted)},
	{ruleBoot, "logging set up before the line of the start", kind(core.ApplyConfig), logged(core.LogStarted)},
	{ruleBoot, "the line of the start before the announcement", logged(core.LogStarted), kind(core.Announce)},
	// runtime 10, 2 and 5: remarks about the new files still go to the old log.
	{ruleDiagnostics, "remarks before logging changes", logged(core.LogDiagnostic), kind(core.ApplyConfig)},
	// A refusal sums up what stands above it.
	{ruleRefused, "the reasons before the refusal", logged(core.LogDiagnostic, core.LogListenFailed, core.LogListenRemedy), logged(core.LogReloadRefused)},
	// runtime 10, 1: the line of the next reload goes to the log in force then,
	// and is the first thing of it.
	{ruleHangup, "this reload before the next", func(a *core.Action) bool {
		return a.Kind == core.ApplyConfig || logged(core.LogReloadRefused)(a)
	}, func(a *core.Action) bool { return a.Kind == core.LoadConfig || logged(core.LogReload)(a) }},
	// runtime 8, reap: how the process ended, then what follows from it.
	{ruleReap, "the bad end before the throttle", logged(core.LogExited, core.LogExecFailed), logged(core.LogBadStartup)},
}

// checkOrders judges the orders, those above and those about one service each.
func (o *observation) checkOrders() *Violation {
	orders := append(slices.Clone(fixedOrders), o.serviceOrders()...)
	for i := range orders {
		r := &orders[i]
		last := len(o.step.actions)
		for k := len(o.step.actions) - 1; k >= 0; k-- {
			if a := &o.step.actions[k]; r.then(a) {
				last = k
			}
		}
		for k := last + 1; k < len(o.step.actions); k++ {
			if a := &o.step.actions[k]; r.first(a) {
				return &Violation{Rule: r.rule, Service: a.Service, Want: r.what, Got: fmt.Sprintf("%s behind %s", show(a), show(&o.step.actions[last]))}
			}
		}
	}
	if v := o.checkRemarks(); v != nil {
		return v
	}
	if v := o.checkLimitLines(); v != nil {
		return v
	}
	return o.checkOpenings()
}

func (o *observation) serviceOrders() []order {
	var orders []order
	if t := o.seen.load; t != nil && t.boot {
		// runtime 3, and the last rows of the differences: nothing comes behind a
		// fatal line but the end; what explains it is said before.
		orders = append(orders, order{
			ruleBootFailed, "the remedies before the fatal line", logged(core.LogListenRemedy), logged(core.LogListenFailed),
		})
	}
	for _, s := range o.before.services {
		// design, Reload, 5: SIGTERM, then the listener is shut.
		orders = append(orders, order{ruleRemove, "SIGTERM before the listener is shut", func(a *core.Action) bool {
			c := o.before.child(a.Generation)
			return a.Kind == core.SignalChild && c != nil && c.service == s.id
		}, func(a *core.Action) bool { return a.Kind == core.CloseListener && a.Service == s.id }})
	}
	for k := range o.step.actions {
		// MoveListener hands over unwatched: a watch set before would not hold.
		if m := &o.step.actions[k]; m.Kind == core.MoveListener {
			orders = append(orders, order{ruleHandOver, "the hand-over before the watch", func(a *core.Action) bool {
				return a.Kind == core.MoveListener && a.To == m.To
			}, func(a *core.Action) bool { return a.Kind == core.WatchListener && a.Service == m.To }})
		}
	}
	return orders
}

// checkRemarks: the remarks stand in the order in which the configuration gives
// them, but that at the start the first error is the last line.
func (o *observation) checkRemarks() *Violation {
	if o.step.ev.Config == nil || o.before.ended {
		return nil
	}
	remarks := o.remarks(o.step.ev.Config)
	if i := slices.IndexFunc(remarks, func(r saying) bool { return r.level == core.LevelFatal }); i >= 0 {
		remarks = append(slices.Delete(slices.Clone(remarks), i, i+1), remarks[i])
	}
	next := 0
	for k := range o.step.actions {
		if a := &o.step.actions[k]; next < len(remarks) && remarks[next].match(a) {
			next++
		}
	}
	if next < len(remarks) {
		return &Violation{Rule: ruleDiagnostics, Want: "the remarks in their order", Got: showKind(o.step.actions, core.Log)}
	}
	return nil
}

// checkLimitLines: the two lines that explain a limit follow its line at once;
// log analysers count on it (spec runtime, 16).
func (o *observation) checkLimitLines() *Violation {
	cycle := []core.LogCode{core.LogLimit, core.LogLimitRemedy, core.LogLimitHelp}
	next := 0
	for k := range o.step.actions {
		if a := &o.step.actions[k]; a.Kind == core.Log {
			if next > 0 && a.Code != cycle[next] || next == 0 && logged(cycle[1:]...)(a) {
				return &Violation{Rule: ruleLimit, Want: "the three lines of the limit in a row", Got: showKind(o.step.actions, core.Log)}
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
func (o *observation) checkOpenings() *Violation {
	t := o.seen.load
	if t == nil || t.answered == never {
		return nil
	}
	last := never
	for k := range o.step.actions {
		a := &o.step.actions[k]
		if a.Kind != core.OpenListener {
			continue
		}
		at := slices.IndexFunc(t.openings, func(op *opening) bool {
			return identityOf(op.entry) == identityOf(a.Entry) && op.listener == int(a.Listener)
		})
		if at < last {
			return &Violation{Rule: ruleOpen, Service: a.Service, Want: "file order", Got: showKind(o.step.actions, core.OpenListener)}
		}
		last = at
	}
	return o.checkOneNumber()
}

// checkOneNumber: all listeners of a new entry carry one service number.
func (o *observation) checkOneNumber() *Violation {
	for i := range o.step.actions {
		for k := range o.step.actions[:i] {
			a, b := &o.step.actions[i], &o.step.actions[k]
			if a.Kind == core.OpenListener && b.Kind == core.OpenListener &&
				identityOf(a.Entry) == identityOf(b.Entry) && a.Service != b.Service {
				return &Violation{Rule: ruleIdentity, Service: a.Service, Want: "one number for all listeners of a service", Got: show(b)}
			}
		}
	}
	return nil
}
