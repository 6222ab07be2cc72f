package model

import (
	"fmt"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// beginReload: the line first, with the configuration that is still in force,
// then the request (spec runtime, 10.1).
func (o *observation) beginReload(rule string, c *core.Config) {
	o.must(rule, 0, core.Log, "the reload line", func(a *core.Action) bool {
		return a.Code == core.LogReload && a.Level == levels[core.LogReload] && a.Config != nil &&
			a.Config.MailVersion == c.MailVersion && a.Config.ConfigDirectory == c.ConfigDirectory
	})
	o.must(rule, 0, core.LoadConfig, "a configuration to be loaded", func(*core.Action) bool { return true })
}

// diagnostics: every remark is logged with its weight; an error is an error at
// reload (Differs: Q1), with its hint behind it. At the start the first error is
// fatal, and what comes after it is told for information.
func (o *observation) diagnostics(c *core.Config) {
	for _, r := range o.remarks(c) {
		o.must(ruleDiagnostics, 0, core.Log, "the remark "+r.text, r.match)
		if hint := r.remedy; hint != "" {
			o.may(ruleDiagnostics, 0, core.Log, "the hint "+hint, func(a *core.Action) bool {
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
	fault        *fault // instead of text: the words are ours
}

func (o *observation) remarks(c *core.Config) []saying {
	boot, over := o.seen.load.boot, false
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
	if f := o.step.fault; f != nil {
		level := core.LevelError
		switch {
		case over:
			level = core.LevelInfo
		case boot:
			level = core.LevelFatal
		}
		all = append(all, saying{level: level, text: "that service " + f.service + " has a fault: " + f.about, fault: f})
	}
	return all
}

// match: the remedy may stand behind the text, but not in a fatal line.
func (r saying) match(a *core.Action) bool {
	return a.Code == core.LogDiagnostic && a.Level == r.level &&
		(r.fault != nil && r.fault.named(a.Text) || r.fault == nil && a.Text == r.text || r.level != core.LevelFatal && r.remedy != "" && a.Text == r.text+" ("+r.remedy+")")
}

func (o *observation) configLoaded() {
	o.diagnostics(o.step.ev.Config)
	o.advance()
}

func (o *observation) configRejected() {
	o.diagnostics(o.step.ev.Config)
	o.refuse()
}

// refuse ends a transaction in vain: at the start the process, at reload
// nothing but the reload. A hangup that was remembered gets its turn.
func (o *observation) refuse() {
	t := o.seen.load
	if t.boot {
		o.mustExit(ruleBootFailed, "exit 1", 1, 0)
		return
	}
	o.must(ruleRefused, 0, core.Log, "the line that the reload is refused", func(a *core.Action) bool {
		return a.Code == core.LogReloadRefused && a.Level == levels[core.LogReloadRefused] && a.Config != nil
	})
	if t.hangup {
		o.beginReload(ruleHangup, o.before.config())
	}
}

// tellFailures: a listener that cannot be had is told with its remedy, at the
// latest when the transaction ends. Of several, one is enough: the original
// would have seen only one.
func (o *observation) tellFailures(t *load, pending bool) {
	level := core.LevelError
	if t.boot {
		level = core.LevelFatal
	}
	var untold []*opening
	told := false
	for _, op := range t.openings {
		told = told || op.told
		if op.failed != never && !op.told {
			untold = append(untold, op)
		}
	}
	for _, l := range []struct {
		code  core.LogCode
		level core.Level
		what  string
	}{
		{core.LogListenFailed, level, "the line of the listener that cannot be had"},
		{core.LogListenRemedy, levels[core.LogListenRemedy], "the line of the remedy"},
	} {
		done := make(map[*opening]bool)
		match := func(a *core.Action) bool {
			for _, op := range untold {
				if !done[op] && a.Code == l.code && a.Level == l.level && op.about(a) {
					done[op] = true
					return true
				}
			}
			return false
		}
		for i := range untold {
			if i == 0 && !pending && !told {
				o.must(ruleUndo, untold[0].service, core.Log, l.what, match)
			} else {
				o.may(ruleUndo, untold[i].service, core.Log, l.what, match)
			}
		}
	}
}

// advance says what a transaction may ask for next: plain listeners, then, when
// all those are had, displaced ones, then the commit. How many are asked for in
// one step is not fixed; that something is under way is (see checkProgress).
func (o *observation) advance() {
	t := o.seen.load
	pending, plain, all := false, true, true
	for _, op := range t.openings {
		if op.failed != never {
			o.undo(t)
			return
		}
		pending = pending || op.pending()
		all = all && op.opened != never
		plain = plain && (op.displaces || op.opened != never)
	}
	for _, op := range t.openings {
		if op.asked == never && (plain || !op.displaces) {
			o.mayOpen(t, op)
		}
	}
	if all && !pending {
		o.commit(t)
	}
}

func (o *observation) mayOpen(t *load, op *opening) {
	o.may(ruleOpen, t.idOf(op.entry), core.OpenListener, "a listener to be opened", func(a *core.Action) bool {
		id := t.idOf(op.entry)
		return sameEntry(a.Entry, op.entry) && int(a.Listener) == op.listener && a.Flag == op.displaces &&
			(id == 0 || id == a.Service)
	})
}

// undo: what was opened is abandoned once no answer is outstanding any more, at
// reload; at the start the process ends, and its descriptors with it.
func (o *observation) undo(t *load) {
	pending := false
	for _, op := range t.openings {
		pending = pending || op.pending()
	}
	o.tellFailures(t, pending)
	for _, op := range t.openings {
		if op.opened == never || op.abandoned != never {
			continue
		}
		ask := o.may
		if !pending && !t.boot {
			ask = o.must
		}
		ask(ruleUndo, op.service, core.AbandonListener, "the listener abandoned", func(a *core.Action) bool {
			return a.Service == op.service && int(a.Listener) == op.listener
		})
	}
	switch {
	case !pending:
		o.refuse()
	case t.boot:
		o.may(ruleBootFailed, 0, core.Exit, "exit 1", func(a *core.Action) bool {
			return a.Number == 1 && a.Signal == 0
		})
	}
}

// commit: everything that the plan says happens in this step.
func (o *observation) commit(t *load) {
	for _, s := range t.plan.removed {
		o.remove(t, s)
	}
	given := make(map[core.ServiceID]bool)
	for _, one := range t.plan.entries {
		if one.kept != nil {
			o.keep(one.kept, one.entry, t.config.ReloadClearsThrottle)
		} else {
			o.accept(t, one, given)
		}
	}
	o.must(ruleCommit, 0, core.ApplyConfig, "the configuration applied", func(a *core.Action) bool {
		return a.Config == t.config
	})
	if t.boot {
		o.must(ruleBoot, 0, core.Log, "the line of the start", func(a *core.Action) bool {
			return a.Code == core.LogStarted && a.Level == levels[core.LogStarted] && a.Config != nil &&
				a.Config.MailVersion == t.config.MailVersion && a.Config.ConfigDirectory == t.config.ConfigDirectory
		})
		o.must(ruleBoot, 0, core.Announce, "the start announced", func(*core.Action) bool { return true })
	}
	if t.hangup {
		o.beginReload(ruleHangup, t.config)
	}
}

// remove: the children are cut off and told to go, the listeners that nobody
// takes over are shut (design, Reload, 5). Wakeups that are under way may be
// given up: the specification speaks of their timer only.
func (o *observation) remove(t *load, s *service) {
	for _, c := range o.before.children {
		if c.service != s.id || !c.lives() {
			continue
		}
		if c.retired == never {
			o.mustRetire(ruleRetire, c)
		}
		o.signal(ruleRemove, true, c, core.SIGTERM, "SIGTERM to the child of a removed service")
	}
	for k := range s.listeners {
		if !t.plan.moved(s, k) {
			o.must(ruleRemove, s.id, core.CloseListener, "the listener shut", func(a *core.Action) bool {
				return a.Service == s.id && int(a.Listener) == k
			})
		}
	}
	if o.before.watched(s) {
		o.may(ruleWatch, s.id, core.IgnoreListener, "the listener ignored", func(a *core.Action) bool {
			return a.Service == s.id
		})
	}
	for _, u := range o.before.wakeups {
		if u.service == s.id && u.over == never {
			o.may(ruleWakeup, s.id, core.CloseWakeup, "the wakeup given up", func(a *core.Action) bool {
				return a.Request == u.request
			})
		}
	}
}

// keep: the children are cut off, the wakeup timer restarts (design, Reload, 4).
// A throttled service skips the trigger (spec runtime, 9), unless the
// configuration lifts the throttle.
func (o *observation) keep(s *service, e *core.ServiceConfig, clears bool) {
	for _, c := range o.before.children {
		if c.service == s.id && c.lives() && c.retired == never {
			o.mustRetire(ruleRetire, c)
		}
	}
	_, throttled := o.before.throttledUntil(s)
	if throttled && clears {
		o.verbose("the line of the released throttle", line{code: core.LogThrottleReleased, of: s})
	}
	if !e.WakeupIfUsed && (!throttled || clears) {
		o.mustWake(ruleWakeup, s.id, e)
	}
}

// accept: the new service gets the descriptors of removed ones, what was set
// aside for it is unlinked, its first wakeup is sent.
func (o *observation) accept(t *load, one planned, given map[core.ServiceID]bool) {
	id := t.idOf(one.entry)
	for k, g := range one.gains {
		switch g.way {
		case gainMove:
			o.must(ruleHandOver, g.from.id, core.MoveListener, "the listener handed over", func(a *core.Action) bool {
				if a.Service != g.from.id || int(a.Listener) != g.fromListener || int(a.ToListener) != k || a.To == 0 {
					return false
				}
				if id == 0 && !given[a.To] {
					id = a.To
					given[id] = true
				}
				return a.To == id
			})
		case gainDisplace:
			o.must(ruleCommit, id, core.CommitListener, "what was set aside unlinked", func(a *core.Action) bool {
				return a.Service == id && int(a.Listener) == k
			})
		}
	}
	if !one.entry.WakeupIfUsed {
		o.wake(o.must, ruleWakeup, &id, one.entry)
	}
}
