package model

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// beginReload: the line first, with the configuration that is still in force,
// then the request (spec runtime, 10.1).
func beginReload(o *verdict.Observation, rule string, c *core.Config) {
	o.Must(rule, 0, core.Log, "the reload line", func(a *core.Action) bool {
		return a.Code == core.LogReload && a.Level == verdict.Levels[core.LogReload] && a.Config != nil &&
			a.Config.MailVersion == c.MailVersion && a.Config.ConfigDirectory == c.ConfigDirectory
	})
	o.Must(rule, 0, core.LoadConfig, "a configuration to be loaded", func(*core.Action) bool { return true })
}

// diagnostics: every remark is logged with its weight; an error is an error at
// reload (Differs: Q1), with its hint behind it. At the start the first error is
// fatal, and what comes after it is logged as information.
func diagnostics(o *verdict.Observation, c *core.Config) {
	for _, r := range remarks(o, c) {
		o.Must(verdict.RuleDiagnostics, 0, core.Log, "the remark "+r.text, r.match)
		if hint := r.remedy; hint != "" {
			o.May(verdict.RuleDiagnostics, 0, core.Log, "the hint "+hint, func(a *core.Action) bool {
				return a.Code == core.LogDiagnostic && a.Level == core.LevelInfo && strings.Contains(a.Text, hint)
			})
		}
	}
}

// saying is one diagnostic as it must show. The remedy is the hint, and the place
// unless the text has it.
type saying struct {
	level        core.Level
	text, remedy string
	fault        *past.Fault // instead of text: the words are ours
}

func remarks(o *verdict.Observation, c *core.Config) []saying {
	boot, over := o.Seen.Load.Boot, false
	var all []saying
	for i := range c.Diagnostics {
		d := &c.Diagnostics[i]
		level := map[core.Severity]core.Level{
			core.Info: core.LevelInfo, core.Warning: core.LevelWarning, core.Error: core.LevelError,
		}[d.Severity]
		text := d.Text
		switch {
		case over:
			level, text = core.LevelInfo, "also "+d.Text
		case boot && d.Severity == core.Error:
			level, over = core.LevelFatal, true
		}
		remedy := d.Hint
		if d.Line > 0 && d.File != "" && !strings.Contains(d.Text, d.File) {
			remedy = strings.TrimPrefix(fmt.Sprintf("%s; see %s, line %d", d.Hint, d.File, d.Line), "; ")
		}
		all = append(all, saying{level: level, text: text, remedy: remedy})
	}
	if f := o.Step.Fault; f != nil {
		level := core.LevelError
		switch {
		case over:
			level = core.LevelInfo
		case boot:
			level = core.LevelFatal
		}
		all = append(all, saying{level: level, text: "that service " + f.Service + " has a fault: " + f.About, fault: f})
	}
	return all
}

// match: the remedy may stand behind the text, but not in a fatal line.
func (r saying) match(a *core.Action) bool {
	return a.Code == core.LogDiagnostic && a.Level == r.level &&
		(r.fault != nil && r.fault.Named(a.Text) || r.fault == nil && a.Text == r.text || r.level != core.LevelFatal && r.remedy != "" && a.Text == r.text+" ("+r.remedy+")")
}

func configLoaded(o *verdict.Observation) {
	diagnostics(o, o.Step.Ev.Config)
	advance(o)
}

func configRejected(o *verdict.Observation) {
	diagnostics(o, o.Step.Ev.Config)
	refuse(o)
}

// refuse ends a transaction in vain: at the start the process, at reload
// nothing but the reload. A hangup that was remembered gets its turn.
func refuse(o *verdict.Observation) {
	t := o.Seen.Load
	if t.Boot {
		mustExit(o, verdict.RuleBootFailed, "exit 1", 1, 0)
		return
	}
	o.Must(verdict.RuleRefused, 0, core.Log, "the line that the reload is refused", func(a *core.Action) bool {
		return a.Code == core.LogReloadRefused && a.Level == verdict.Levels[core.LogReloadRefused] && a.Config != nil
	})
	if t.Hangup {
		beginReload(o, verdict.RuleHangup, o.Before.Config())
	}
}

// tellFailures: a listener that cannot be opened is logged with its remedy, at the
// latest when the transaction ends. Of several, one is enough: the original
// would have seen only one.
func tellFailures(o *verdict.Observation, t *past.Load, pending bool) {
	level := core.LevelError
	if t.Boot {
		level = core.LevelFatal
	}
	var untold []*past.Opening
	told := false
	for _, op := range t.Openings {
		told = told || op.Told
		if op.Failed != past.Never && !op.Told {
			untold = append(untold, op)
		}
	}
	for _, l := range []struct {
		code  core.LogCode
		level core.Level
		what  string
	}{
		{core.LogListenFailed, level, "the line of the listener that cannot be opened"},
		{core.LogListenRemedy, verdict.Levels[core.LogListenRemedy], "the line of the remedy"},
	} {
		done := make(map[*past.Opening]bool)
		match := func(a *core.Action) bool {
			for _, op := range untold {
				if !done[op] && a.Code == l.code && a.Level == l.level && op.About(a) {
					done[op] = true
					return true
				}
			}
			return false
		}
		for i := range untold {
			if i == 0 && !pending && !told {
				o.Must(verdict.RuleUndo, untold[0].Service, core.Log, l.what, match)
			} else {
				o.May(verdict.RuleUndo, untold[i].Service, core.Log, l.what, match)
			}
		}
	}
}

// advance is what a transaction may ask for next: plain listeners, then, when
// all those are open, displaced ones, then the commit. How many are asked for in
// one step is not fixed; that something is under way is (see checkProgress).
func advance(o *verdict.Observation) {
	t := o.Seen.Load
	pending, plain, all := false, true, true
	for _, op := range t.Openings {
		if op.Failed != past.Never {
			undo(o, t)
			return
		}
		pending = pending || op.Pending()
		all = all && op.Opened != past.Never
		plain = plain && (op.Displaces || op.Opened != past.Never)
	}
	for _, op := range t.Openings {
		if op.Asked == past.Never && (plain || !op.Displaces) {
			mayOpen(o, t, op)
		}
	}
	if all && !pending {
		commit(o, t)
	}
}

func mayOpen(o *verdict.Observation, t *past.Load, op *past.Opening) {
	o.May(verdict.RuleOpen, t.IdOf(op.Entry), core.OpenListener, "a listener to be opened", func(a *core.Action) bool {
		id := t.IdOf(op.Entry)
		return sameEntry(a.Entry, op.Entry) && int(a.Listener) == op.Listener && a.Flag == op.Displaces &&
			(id == 0 || id == a.Service)
	})
}

// undo: what was opened is abandoned once no answer is outstanding any more, at
// reload; at the start the process ends, and its descriptors with it.
func undo(o *verdict.Observation, t *past.Load) {
	pending := false
	for _, op := range t.Openings {
		pending = pending || op.Pending()
	}
	tellFailures(o, t, pending)
	for _, op := range t.Openings {
		if op.Opened == past.Never || op.Abandoned != past.Never {
			continue
		}
		ask := o.May
		if !pending && !t.Boot {
			ask = o.Must
		}
		ask(verdict.RuleUndo, op.Service, core.AbandonListener, "the listener abandoned", func(a *core.Action) bool {
			return a.Service == op.Service && int(a.Listener) == op.Listener
		})
	}
	switch {
	case !pending:
		refuse(o)
	case t.Boot:
		o.May(verdict.RuleBootFailed, 0, core.Exit, "exit 1", func(a *core.Action) bool {
			return a.Number == 1 && a.Signal == 0
		})
	}
}

// commit: everything in the plan happens in this step.
func commit(o *verdict.Observation, t *past.Load) {
	for _, s := range t.Plan.Removed {
		remove(o, t, s)
	}
	given := make(map[core.ServiceID]bool)
	for _, one := range t.Plan.Entries {
		if one.Kept != nil {
			keep(o, one.Kept, one.Entry, t.Config.ReloadClearsThrottle)
		} else {
			accept(o, t, one, given)
		}
	}
	o.Must(verdict.RuleCommit, 0, core.ApplyConfig, "the configuration applied", func(a *core.Action) bool {
		return a.Config == t.Config
	})
	if t.Boot {
		o.Must(verdict.RuleBoot, 0, core.Log, "the line of the start", func(a *core.Action) bool {
			return a.Code == core.LogStarted && a.Level == verdict.Levels[core.LogStarted] && a.Config != nil &&
				a.Config.MailVersion == t.Config.MailVersion && a.Config.ConfigDirectory == t.Config.ConfigDirectory
		})
		o.Must(verdict.RuleBoot, 0, core.Announce, "the start announced", func(*core.Action) bool { return true })
	}
	if t.Hangup {
		beginReload(o, verdict.RuleHangup, t.Config)
	}
}

// remove: the children are cut off and sent SIGTERM, the listeners that nobody
// takes over are shut (design, Reload, 5). Wakeups that are under way may be
// given up: the specification speaks of their timer only.
func remove(o *verdict.Observation, t *past.Load, s *past.Service) {
	for _, c := range o.Before.Children {
		if c.Service != s.Id || !c.Lives() {
			continue
		}
		if c.Retired == past.Never {
			mustRetire(o, verdict.RuleRetire, c)
		}
		signal(o, verdict.RuleRemove, true, c, core.SIGTERM, "SIGTERM to the child of a removed service")
	}
	for k := range s.Listeners {
		if !t.Plan.Moved(s, k) {
			o.Must(verdict.RuleRemove, s.Id, core.CloseListener, "the listener shut", func(a *core.Action) bool {
				return a.Service == s.Id && int(a.Listener) == k
			})
		}
	}
	if o.Before.Watched(s) {
		o.May(verdict.RuleWatch, s.Id, core.IgnoreListener, "the listener ignored", func(a *core.Action) bool {
			return a.Service == s.Id
		})
	}
	for _, u := range o.Before.Wakeups {
		if u.Service == s.Id && u.Over == past.Never {
			o.May(verdict.RuleWakeup, s.Id, core.CloseWakeup, "the wakeup given up", func(a *core.Action) bool {
				return a.Request == u.Request
			})
		}
	}
}

// keep: the children are cut off, the wakeup timer restarts (design, Reload, 4).
// A throttled service skips the trigger (spec runtime, 9), unless the
// configuration lifts the throttle.
func keep(o *verdict.Observation, s *past.Service, e *core.ServiceConfig, clears bool) {
	for _, c := range o.Before.Children {
		if c.Service == s.Id && c.Lives() && c.Retired == past.Never {
			mustRetire(o, verdict.RuleRetire, c)
		}
	}
	_, throttled := o.Before.ThrottledUntil(s)
	if throttled && clears {
		o.Verbose("the line of the released throttle", verdict.Line{Code: core.LogThrottleReleased, Of: s})
	}
	if !e.WakeupIfUsed && (!throttled || clears) {
		mustWake(o, verdict.RuleWakeup, s.Id, e)
	}
}

// accept: the new service gets the descriptors of removed ones, what was set
// aside for it is unlinked, its first wakeup is sent.
func accept(o *verdict.Observation, t *past.Load, one past.Planned, given map[core.ServiceID]bool) {
	id := t.IdOf(one.Entry)
	for k, g := range one.Gains {
		switch g.Way {
		case past.GainMove:
			o.Must(verdict.RuleHandOver, g.From.Id, core.MoveListener, "the listener handed over", func(a *core.Action) bool {
				if a.Service != g.From.Id || int(a.Listener) != g.FromListener || int(a.ToListener) != k || a.To == 0 {
					return false
				}
				if id == 0 && !given[a.To] {
					id = a.To
					given[id] = true
				}
				return a.To == id
			})
		case past.GainDisplace:
			o.Must(verdict.RuleCommit, id, core.CommitListener, "what was set aside unlinked", func(a *core.Action) bool {
				return a.Service == id && int(a.Listener) == k
			})
		}
	}
	if !one.Entry.WakeupIfUsed {
		wake(o, o.Must, verdict.RuleWakeup, &id, one.Entry)
	}
}
