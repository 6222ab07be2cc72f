package verdict

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
)

// Observation is one step under judgement, with the world before it, with its
// event known, and after it.
type Observation struct {
	Step    *past.Step
	Before  *past.World
	Seen    *past.World
	After   *past.World
	Demands []Demand
	taken   []bool // which actions a demand has taken
}

// Demand is one action that must or may stand in the step.
type Demand struct {
	Rule    string
	Service core.ServiceID
	Kind    core.ActionKind
	What    string
	Must    bool
	match   func(*core.Action) bool
	Met     bool
}

// Asking is must or may.
type Asking func(rule string, s core.ServiceID, kind core.ActionKind, what string, match func(*core.Action) bool)

// Must demands exactly one action that matches.
func (o *Observation) Must(rule string, s core.ServiceID, kind core.ActionKind, what string, match func(*core.Action) bool) {
	o.Demands = append(o.Demands, Demand{Rule: rule, Service: s, Kind: kind, What: what, Must: true, match: match})
}

// May allows one action that matches.
func (o *Observation) May(rule string, s core.ServiceID, kind core.ActionKind, what string, match func(*core.Action) bool) {
	o.Demands = append(o.Demands, Demand{Rule: rule, Service: s, Kind: kind, What: what, match: match})
}

// SettleDemands assigns each action to a demand: those that must stand there are
// served first. What is left over and cannot be derived from the state after
// the step is a violation.
func (o *Observation) SettleDemands() *Violation {
	o.taken = make([]bool, len(o.Step.Actions))
	for _, must := range []bool{true, false} {
		for i := range o.Demands {
			if o.Demands[i].Must == must {
				o.Serve(&o.Demands[i])
			}
		}
	}
	for i := range o.Demands {
		if d := &o.Demands[i]; d.Must && !d.Met {
			return &Violation{Rule: d.Rule, Service: d.Service, Want: d.What, Got: ShowKind(o.Step.Actions, d.Kind)}
		}
	}
	if v := o.checkIdentities(); v != nil {
		return v
	}
	return o.LeftOver(func(a *core.Action) bool { return !derived(a) })
}

// derived reports whether an action follows from the state after the step.
func derived(a *core.Action) bool {
	switch a.Kind {
	case core.WatchListener, core.IgnoreListener:
		return true
	case core.Log:
		return a.Code == core.LogLimit || a.Code == core.LogLimitRemedy || a.Code == core.LogLimitHelp
	}
	return false
}

func (o *Observation) Serve(d *Demand) {
	for k := range o.Step.Actions {
		a := &o.Step.Actions[k]
		if !o.taken[k] && a.Kind == d.Kind && d.match(a) {
			o.taken[k], d.Met = true, true
			return
		}
	}
}

func (o *Observation) LeftOver(count func(*core.Action) bool) *Violation {
	for k := range o.Step.Actions {
		if a := &o.Step.Actions[k]; !o.taken[k] && count(a) {
			rule, why := o.blame(a)
			return &Violation{Rule: rule, Service: a.Service, Want: why, Got: Show(a)}
		}
	}
	return nil
}

// checkIdentities refuses numbers that were assigned before (design, Words).
func (o *Observation) checkIdentities() *Violation {
	requests := make(map[core.Request]bool)
	generations := make(map[core.Generation]bool)
	for i := range o.Before.H {
		for k := range o.Before.H[i].Actions {
			a := &o.Before.H[i].Actions[k]
			switch a.Kind {
			case core.LoadConfig, core.WakeService:
				requests[a.Request] = true
			case core.StartChild:
				generations[a.Generation] = true
			}
		}
	}
	for k := range o.Step.Actions {
		a := &o.Step.Actions[k]
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
			return &Violation{Rule: RuleIdentity, Service: a.Service, Want: "a number never given before", Got: Show(a)}
		}
	}
	return o.checkNewServices()
}

// checkNewServices refuses service numbers that are assigned twice: each new entry
// of a transaction has one number, which no service and no other entry has had.
func (o *Observation) checkNewServices() *Violation {
	owner := make(map[core.ServiceID]past.Identity)
	loaded := past.Never
	if o.Seen.Load != nil {
		loaded = o.Seen.Load.Answered
	}
	h := o.Before.H
	for i := 0; i <= len(h); i++ {
		st := o.Step
		if i < len(h) {
			st = &h[i]
		}
		for k := range st.Actions {
			a := &st.Actions[k]
			if a.Kind != core.OpenListener || a.Entry == nil {
				continue
			}
			who, given := owner[a.Service]
			sameLoad := loaded != past.Never && i >= loaded
			if a.Service == 0 || given && (who != past.IdentityOf(a.Entry) || i == len(h) && !sameLoad) {
				return &Violation{Rule: RuleIdentity, Service: a.Service, Want: "a service number never given before", Got: Show(a)}
			}
			owner[a.Service] = past.IdentityOf(a.Entry)
		}
	}
	for _, s := range o.Before.Services {
		for k := range o.Step.Actions {
			a := &o.Step.Actions[k]
			if a.Kind == core.OpenListener && a.Service == s.Id || a.Kind == core.MoveListener && a.To == s.Id {
				return &Violation{Rule: RuleIdentity, Service: s.Id, Want: "a service number never given before", Got: Show(a)}
			}
		}
	}
	return nil
}

// blame names the rule that speaks against an action nobody demanded.
func (o *Observation) blame(a *core.Action) (rule, why string) {
	if o.Before.Ended {
		return RuleAfterEnd, "nothing"
	}
	switch a.Kind {
	case core.LoadConfig:
		return RuleHangup, "no second load while one is under way, and none without a hangup"
	case core.OpenListener:
		return RuleOpen, "no such listener to be opened now"
	case core.CommitListener, core.MoveListener, core.ApplyConfig:
		return RuleCommit, "none but those of a commit"
	case core.AbandonListener:
		return RuleUndo, "nothing abandoned but what was opened in vain"
	case core.CloseListener:
		return RuleRemove, "no listener closed but those of removed services, once"
	case core.StartChild:
		return o.blameStart(a)
	case core.RetireChild:
		return RuleRetire, "nobody retired now, or not twice"
	case core.SignalChild, core.SignalGroup:
		return RuleRemove, "no signal now"
	case core.WakeService:
		return RuleWakeup, "no wakeup now"
	case core.CloseWakeup:
		return RuleWakeLimit, "no wakeup given up now"
	case core.Log:
		return blameLog(a.Code), "no such line now"
	case core.Exit, core.Announce:
		return RuleEnd, "no such thing now"
	}
	return RuleWatch, "no change, or not twice"
}

// blameStart returns the rule that forbids this start.
func (o *Observation) blameStart(a *core.Action) (rule, why string) {
	w := o.Before
	s := w.Service(a.Service)
	if s == nil {
		return RuleSpawn, "no start for a service that is not there"
	}
	_, throttled := w.ThrottledUntil(s)
	switch {
	case s.Removed != past.Never:
		return RuleRemove, "no start for a removed service"
	case w.Held(s):
		return RuleHeld, "no start for a held service"
	case throttled:
		return RuleThrottle, "no start for a throttled service"
	case w.Starting(s) > 0:
		return "simulator S4: at most one start is pending per service", "no second start"
	case w.Idle(s) > 0:
		return RuleSpawn, "no start while a child is idle"
	case w.Full(s):
		return RuleSpawn, fmt.Sprintf("no start at the process limit %d", s.Entry.ProcessLimit)
	case !w.Affordable(s, len(w.H)):
		return RuleShort, "no start with a descriptor that is kept for another service"
	}
	return RuleSpawn, "one start, and only for a readable listener"
}

// logRules has, for each code, the rule about it.
var logRules = map[core.LogCode]string{
	core.LogStarted: RuleBoot, core.LogReload: RuleReload, core.LogTerminating: RuleEnd,
	core.LogExitTime: RuleExitTime, core.LogDiagnostic: RuleDiagnostics, core.LogReloadRefused: RuleRefused,
	core.LogListenFailed: RuleUndo, core.LogListenRemedy: RuleUndo, core.LogExited: RuleReap,
	core.LogStopped: RuleStopped, core.LogBadStartup: RuleThrottle, core.LogForkFailed: RuleThrottle,
	core.LogChannelFailed: RuleThrottle, core.LogExecFailed: RuleThrottle, core.LogLimit: RuleLimit,
	core.LogLimitRemedy: RuleLimit, core.LogLimitHelp: RuleLimit, core.LogPartialStatus: RuleStatus,
	core.LogUnknownStatus: RuleStatus, core.LogStaleStatus: RuleStatus, core.LogForeignStatus: RuleStatus,
	core.LogMuted: RuleMuted, core.LogWakeupFailed: RuleWakeup, core.LogWakeupTimeout: RuleWakeLimit,
	core.LogStranger: RuleStranger, core.LogChannelClosed: RuleChannel, core.LogRemovalKilled: RuleGrace,
	core.LogSpawned: RuleVerbose, core.LogThrottling: RuleVerbose, core.LogThrottleReleased: RuleVerbose,
	core.LogStarved: RuleShort,
}

func blameLog(code core.LogCode) string {
	if rule, ok := logRules[code]; ok {
		return rule
	}
	return ruleSilence
}
