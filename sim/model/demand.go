package model

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// observation is one step under judgement, with the world before it, with its
// event known, and after it.
type observation struct {
	step    *step
	before  *world
	seen    *world
	after   *world
	demands []demand
	taken   []bool // which actions a demand has taken
}

// demand is one action that must or may stand in the step.
type demand struct {
	rule    string
	service core.ServiceID
	kind    core.ActionKind
	what    string
	must    bool
	match   func(*core.Action) bool
	met     bool
}

// asking is must or may.
type asking func(rule string, s core.ServiceID, kind core.ActionKind, what string, match func(*core.Action) bool)

// must demands exactly one action that matches.
func (o *observation) must(rule string, s core.ServiceID, kind core.ActionKind, what string, match func(*core.Action) bool) {
	o.demands = append(o.demands, demand{rule: rule, service: s, kind: kind, what: what, must: true, match: match})
}

// may allows one action that matches.
func (o *observation) may(rule string, s core.ServiceID, kind core.ActionKind, what string, match func(*core.Action) bool) {
	o.demands = append(o.demands, demand{rule: rule, service: s, kind: kind, what: what, match: match})
}

// settleDemands gives each action to a demand: those that must stand there are
// served first. What is left over and cannot be derived from the state after
// the step is a violation.
func (o *observation) settleDemands() *Violation {
	o.taken = make([]bool, len(o.step.actions))
	for _, must := range []bool{true, false} {
		for i := range o.demands {
			if o.demands[i].must == must {
				o.serve(&o.demands[i])
			}
		}
	}
	for i := range o.demands {
		if d := &o.demands[i]; d.must && !d.met {
			return &Violation{Rule: d.rule, Service: d.service, Want: d.what, Got: showKind(o.step.actions, d.kind)}
		}
	}
	if v := o.checkIdentities(); v != nil {
		return v
	}
	return o.leftOver(func(a *core.Action) bool { return !derived(a) })
}

// derived tells whether an action follows from the state after the step.
func derived(a *core.Action) bool {
	switch a.Kind {
	case core.WatchListener, core.IgnoreListener:
		return true
	case core.Log:
		return a.Code == core.LogLimit || a.Code == core.LogLimitRemedy || a.Code == core.LogLimitHelp
	}
	return false
}

func (o *observation) serve(d *demand) {
	for k := range o.step.actions {
		a := &o.step.actions[k]
		if !o.taken[k] && a.Kind == d.kind && d.match(a) {
			o.taken[k], d.met = true, true
			return
		}
	}
}

func (o *observation) leftOver(count func(*core.Action) bool) *Violation {
	for k := range o.step.actions {
		if a := &o.step.actions[k]; !o.taken[k] && count(a) {
			rule, why := o.blame(a)
			return &Violation{Rule: rule, Service: a.Service, Want: why, Got: show(a)}
		}
	}
	return nil
}

// checkIdentities refuses numbers that were given before (design, Words).
func (o *observation) checkIdentities() *Violation {
	requests := make(map[core.Request]bool)
	generations := make(map[core.Generation]bool)
	for i := range o.before.h {
		for k := range o.before.h[i].actions {
			a := &o.before.h[i].actions[k]
			switch a.Kind {
			case core.LoadConfig, core.WakeService:
				requests[a.Request] = true
			case core.StartChild:
				generations[a.Generation] = true
			}
		}
	}
	for k := range o.step.actions {
		a := &o.step.actions[k]
		used := false
		switch a.Kind {
		case core.LoadConfig, core.WakeService:
			used = a.Request == 0 || requests[a.Request]
			requests[a.Request] = true
		case core.StartChild:
			used = a.Generation == 0 || generations[a.Generation]
			generations[a.Generation] = true
		}
		if used {
			return &Violation{Rule: ruleIdentity, Service: a.Service, Want: "a number never given before", Got: show(a)}
		}
	}
	return o.checkNewServices()
}

// checkNewServices refuses service numbers that are given twice: each new entry
// of a transaction has one number, which no service and no other entry has had.
func (o *observation) checkNewServices() *Violation {
	owner := make(map[core.ServiceID]identity)
	loaded := never
	if o.seen.load != nil {
		loaded = o.seen.load.answered
	}
	h := o.before.h
	for i := 0; i <= len(h); i++ {
		st := o.step
		if i < len(h) {
			st = &h[i]
		}
		for k := range st.actions {
			a := &st.actions[k]
			if a.Kind != core.OpenListener || a.Entry == nil {
				continue
			}
			who, given := owner[a.Service]
			sameLoad := loaded != never && i >= loaded
			if a.Service == 0 || given && (who != identityOf(a.Entry) || i == len(h) && !sameLoad) {
				return &Violation{Rule: ruleIdentity, Service: a.Service, Want: "a service number never given before", Got: show(a)}
			}
			owner[a.Service] = identityOf(a.Entry)
		}
	}
	for _, s := range o.before.services {
		for k := range o.step.actions {
			a := &o.step.actions[k]
			if a.Kind == core.OpenListener && a.Service == s.id || a.Kind == core.MoveListener && a.To == s.id {
				return &Violation{Rule: ruleIdentity, Service: s.id, Want: "a service number never given before", Got: show(a)}
			}
		}
	}
	return nil
}

// blame names the rule that speaks against an action nobody demanded.
func (o *observation) blame(a *core.Action) (rule, why string) {
	if o.before.ended {
		return ruleAfterEnd, "nothing"
	}
	switch a.Kind {
	case core.LoadConfig:
		return ruleHangup, "no second load while one is under way, and none without a hangup"
	case core.OpenListener:
		return ruleOpen, "no such listener to be opened now"
	case core.CommitListener, core.MoveListener, core.ApplyConfig:
		return ruleCommit, "none but those of a commit"
	case core.AbandonListener:
		return ruleUndo, "nothing abandoned but what was opened in vain"
	case core.CloseListener:
		return ruleRemove, "no listener closed but those of removed services, once"
	case core.StartChild:
		return o.blameStart(a)
	case core.RetireChild:
		return ruleRetire, "nobody retired now, or not twice"
	case core.SignalChild, core.SignalGroup:
		return ruleRemove, "no signal now"
	case core.WakeService:
		return ruleWakeup, "no wakeup now"
	case core.CloseWakeup:
		return ruleWakeLimit, "no wakeup given up now"
	case core.Log:
		return blameLog(a.Code), "no such line now"
	case core.Exit, core.Announce:
		return ruleEnd, "no such thing now"
	}
	return ruleWatch, "no change, or not twice"
}

// blameStart says which rule forbids this start.
func (o *observation) blameStart(a *core.Action) (rule, why string) {
	w := o.before
	s := w.service(a.Service)
	if s == nil {
		return ruleSpawn, "no start for a service that is not there"
	}
	_, throttled := w.throttledUntil(s)
	switch {
	case s.removed != never:
		return ruleRemove, "no start for a removed service"
	case w.held(s):
		return ruleHeld, "no start for a held service"
	case throttled:
		return ruleThrottle, "no start for a throttled service"
	case w.starting(s) > 0:
		return "simulator S4: at most one start is pending per service", "no second start"
	case w.idle(s) > 0:
		return ruleSpawn, "no start while a child is idle"
	case w.full(s):
		return ruleSpawn, fmt.Sprintf("no start at the process limit %d", s.entry.ProcessLimit)
	case !w.affordable(s, len(w.h)):
		return ruleShort, "no start with a descriptor that is kept for another service"
	}
	return ruleSpawn, "one start, and only for a readable listener"
}

// logRules says for each code which rule speaks of it.
var logRules = map[core.LogCode]string{
	core.LogStarted: ruleBoot, core.LogReload: ruleReload, core.LogTerminating: ruleEnd,
	core.LogExitTime: ruleExitTime, core.LogDiagnostic: ruleDiagnostics, core.LogReloadRefused: ruleRefused,
	core.LogListenFailed: ruleUndo, core.LogListenRemedy: ruleUndo, core.LogExited: ruleReap,
	core.LogStopped: ruleStopped, core.LogBadStartup: ruleThrottle, core.LogForkFailed: ruleThrottle,
	core.LogChannelFailed: ruleThrottle, core.LogExecFailed: ruleThrottle, core.LogLimit: ruleLimit,
	core.LogLimitRemedy: ruleLimit, core.LogLimitHelp: ruleLimit, core.LogPartialStatus: ruleStatus,
	core.LogUnknownStatus: ruleStatus, core.LogStaleStatus: ruleStatus, core.LogForeignStatus: ruleStatus,
	core.LogMuted: ruleMuted, core.LogWakeupFailed: ruleWakeup, core.LogWakeupTimeout: ruleWakeLimit,
	core.LogStranger: ruleStranger, core.LogChannelClosed: ruleChannel, core.LogRemovalKilled: ruleGrace,
	core.LogSpawned: ruleVerbose, core.LogThrottling: ruleVerbose, core.LogThrottleReleased: ruleVerbose,
	core.LogStarved: ruleShort,
}

func blameLog(code core.LogCode) string {
	if rule, ok := logRules[code]; ok {
		return rule
	}
	return ruleSilence
}
