package verdict

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// The rules that a violation can name: the section of the specification, or of
// the design where it goes beyond the original, and the rule in short.
const (
	RuleAdapter     = "design, The idea: each action has exactly one answer, and a child reports only while it lives"
	RuleEnd         = "runtime 12: a deadly signal ends the group, then us"
	RuleAfterEnd    = "simulator S12: after Exit no action follows"
	RuleExitTime    = "runtime 1: the time of -e ends the process"
	RuleBoot        = "runtime 2: the services start in file order, then the daemon says so"
	RuleBootFailed  = "runtime 3: a failure at start is fatal, exit 1"
	RuleReload      = "runtime 10: a hangup reloads"
	RuleHangup      = "design, Reload 1: a hangup meanwhile is remembered, once"
	RuleRefused     = "design, Reload 2: what is wrong is refused whole, with every diagnostic"
	RuleDiagnostics = "runtime 16: the remarks about a configuration are logged, in its order"
	RuleOpen        = "design, Reload 3: listeners are had first, plain ones, then displaced ones"
	RuleUndo        = "design, Reload 3: if one cannot be opened, all is undone"
	RuleCommit      = "design, Reload 3: the plan is committed in one step"
	RuleHandOver    = "design, Reload 3: an open descriptor is handed over"
	RuleRetire      = "design, Reload 4: the children of every service are retired"
	RuleRemove      = "design, Reload 5: children of removed services get SIGTERM, their listeners are shut"
	RuleGrace       = "design, Reload 5: what is alive after the grace gets SIGKILL"
	RuleHeld        = "design, Reload 6: no child is started while a predecessor's lives"
	RuleWatch       = "runtime 8: re-evaluate listening"
	RuleSpawn       = "runtime 8: a readable listener starts one child"
	RuleStress      = "runtime 8: the last place begins or prolongs stress"
	RuleThrottle    = "runtime 8: throttle"
	RuleLimit       = "runtime 8: the limit is complained about once per 1000 s"
	RuleReap        = "runtime 8: reap"
	RuleStopped     = "runtime 8: a stopped child is logged and kept"
	RuleStranger    = "quirks Q3: a stranger is ignored with one line"
	RuleStatus      = "runtime 7.2: status messages"
	RuleMuted       = "differences: after 16 bad messages of one child no more are logged"
	RuleChannel     = "differences: a closed status channel shows after a second"
	RuleWakeup      = "runtime 9: wakeups"
	RuleWakeLimit   = "runtime 9: time limits of a wakeup"
	RuleIdentity    = "design, Words: an identity is given once"
	RuleShort       = "differences Q29: a descriptor is kept for each service without a process; whoever would take one waits"
	RuleVerbose     = "runtime 16: verbose lines are shown with -v only"
	ruleSilence     = "runtime 16: no line without its reason"
	RuleDeadline    = "design, The idea: the machine asks for a timer when the first thing is due"
	RuleView        = "design, Words: the counts of a service"
)

// Violation is a step that the specification does not allow.
type Violation struct {
	Step    int            // the number of the step, from 0
	Rule    string         // the rule that was broken, with its section
	Service core.ServiceID // 0: no service, or not known
	Want    string
	Got     string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("step %d: %s: service %d: want %s, got %s", v.Step, v.Rule, v.Service, v.Want, v.Got)
}

func (v *Violation) At(i int) *Violation {
	v.Step = i
	return v
}

// Show returns a short form of an action, for violations.
func Show(a *core.Action) string {
	var b strings.Builder
	b.WriteString(a.Kind.String())
	if a.Kind == core.Log {
		if a.Code == core.LogStarted || a.Code == core.LogReload || a.Code == core.LogReloadRefused || a.Entry == nil {
			fmt.Fprintf(&b, " code %d", a.Code)
		} else {
			fmt.Fprintf(&b, " code %d of %s", a.Code, a.Entry.Name)
		}
		if a.Text != "" {
			fmt.Fprintf(&b, " %q", a.Text)
		}
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"service", int64(a.Service)},
		{"listener", int64(a.Listener)},
		{"to", int64(a.To)},
		{"generation", int64(a.Generation)},
		{"pid", int64(a.PID)},
		{"signal", int64(a.Signal)},
		{"request", int64(a.Request)},
		{"number", a.Number},
		{"errno", int64(a.Errno)},
		{"level", int64(a.Level)},
	} {
		if f.value != 0 {
			fmt.Fprintf(&b, " %s %d", f.name, f.value)
		}
	}
	if a.Flag {
		b.WriteString(" flag")
	}
	return b.String()
}

// ShowKind returns a short form of all actions of a kind, or of all log lines.
func ShowKind(actions []core.Action, kind core.ActionKind) string {
	var some []string
	for i := range actions {
		if actions[i].Kind == kind {
			some = append(some, Show(&actions[i]))
		}
	}
	if some == nil {
		return "no " + kind.String()
	}
	return strings.Join(some, "; ")
}
