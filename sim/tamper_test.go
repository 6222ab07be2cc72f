package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/options"
)

// lie is one way in which a machine could go wrong, seen from outside: the
// actions of a step come out changed.
type lie struct {
	name      string
	invariant string // or one of several, with blanks between
	change    func(w *World, ev *core.Event, actions []core.Action) []core.Action
}

// dropped leaves out actions of the kind.
func dropped(kind core.ActionKind) func(*World, *core.Event, []core.Action) []core.Action {
	return func(_ *World, _ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind == kind {
				return append(actions[:i:i], actions[i+1:]...)
			}
		}
		return actions
	}
}

// repeated carries out actions of the kind twice.
func repeated(kind core.ActionKind) func(*World, *core.Event, []core.Action) []core.Action {
	return func(_ *World, _ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind == kind {
				return append(actions[:i+1:i+1], actions[i:]...)
			}
		}
		return actions
	}
}

// changed alters actions of the kind.
func changed(kind core.ActionKind, alter func(*core.Action)) func(*World, *core.Event, []core.Action) []core.Action {
	return func(_ *World, _ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind == kind {
				alter(&actions[i])
			}
		}
		return actions
	}
}

// silenced leaves out the line.
func silenced(code core.LogCode) func(*World, *core.Event, []core.Action) []core.Action {
	return func(_ *World, _ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind == core.Log && actions[i].Code == code {
				return append(actions[:i:i], actions[i+1:]...)
			}
		}
		return actions
	}
}

// added brings something out of nowhere when the event comes.
func added(kind core.EventKind, a core.Action) func(*World, *core.Event, []core.Action) []core.Action {
	return func(_ *World, ev *core.Event, actions []core.Action) []core.Action {
		if ev.Kind == kind {
			return append(actions[:len(actions):len(actions)], a)
		}
		return actions
	}
}

var lies = []lie{
	{"a watch is forgotten", "S3", dropped(core.WatchListener)},
	{"an ignore is forgotten", "S3", dropped(core.IgnoreListener)},
	{"a watch comes twice", "S9", repeated(core.WatchListener)},
	{"a start comes twice", "S4", repeated(core.StartChild)},
	{"a start is forgotten", "S13 L1", dropped(core.StartChild)},
	{"a generation is used again", "S4", changed(core.StartChild, func(a *core.Action) { a.Generation = 1 + (a.Generation-1)/2 })},
	{"stress mode is the wrong way round", "S5", changed(core.StartChild, func(a *core.Action) { a.Flag = !a.Flag })},
	{"a child is started for nobody", "S4", added(core.ChildStopped, core.Action{Kind: core.StartChild, Service: 1})},
	{"an old child is not retired", "S8", dropped(core.RetireChild)},
	{"a child is cut off twice", "S8", repeated(core.RetireChild)},
	{"a child is cut off that never was", "S9", changed(core.RetireChild, func(a *core.Action) { a.Generation += 1000 })},
	{"a signal goes to another pid", "S10", changed(core.SignalChild, func(a *core.Action) { a.PID++ })},
	{"a signal without cause", "S10", repeated(core.SignalChild)},
	{"the wrong signal", "S10", changed(core.SignalChild, func(a *core.Action) { a.Signal = core.SIGHUP })},
	{"a child of a removed service is not told", "L3", dropped(core.SignalChild)},
	{"the group is signaled in mid-life", "S10", added(core.ChildStopped, core.Action{Kind: core.SignalGroup, Signal: core.SIGTERM})},
	{"a removed service keeps its listener", "L3", dropped(core.CloseListener)},
	{"a listener is closed twice", "S9", repeated(core.CloseListener)},
	{"a kept service loses its listener", "S8 S9", added(core.ChildStopped, core.Action{Kind: core.CloseListener, Service: 1})},
	{"a listener is not handed over", "S8", dropped(core.MoveListener)},
	{"a listener goes to a stranger", "S8 S9", changed(core.MoveListener, func(a *core.Action) { a.To = 1 })},
	{"what was set aside stays", "S8", dropped(core.CommitListener)},
	{"an undone listener stays", "S8", dropped(core.AbandonListener)},
	{"a displaced path is not set aside", "S8", changed(core.OpenListener, func(a *core.Action) { a.Flag = false })},
	{"a configuration is not put in force", "S8", dropped(core.ApplyConfig)},
	{"a configuration comes out of nowhere", "S8", added(core.ChildStopped, core.Action{Kind: core.ApplyConfig})},
	{"a hangup is lost", "L8", dropped(core.LoadConfig)},
	{"a file is read twice", "S4", repeated(core.LoadConfig)},
	{"a wakeup is lost", "L6", dropped(core.WakeService)},
	{"a wakeup comes twice", "S4", repeated(core.WakeService)},
	{"an overdue wakeup is kept", "L6", dropped(core.CloseWakeup)},
	{"a request is used again", "S4", changed(core.WakeService, func(a *core.Action) { a.Request = 1 })},
	{"the master does not end", "L5", dropped(core.Exit)},
	{"the group is not told", "L5", dropped(core.SignalGroup)},
	{"the master ends by the wrong signal", "L5", changed(core.Exit, func(a *core.Action) { a.Signal++ })},
	{"the master ends for nothing", "L5", added(core.ChildStopped, core.Action{Kind: core.Exit})},
	{"something follows the end", "S12", repeated(core.Exit)},
	{"an action of no kind", "S12", added(core.ChildStopped, core.Action{Kind: 0xdd})},
	{"a bad startup goes unsaid", "S7", silenced(core.LogBadStartup)},
	{"a crash goes unsaid", "S7", silenced(core.LogExited)},
	{"a foreign message goes unsaid", "S6", silenced(core.LogForeignStatus)},
	{"a stale message goes unsaid", "S6", silenced(core.LogStaleStatus)},
	{"a closed channel goes unsaid", "S11", silenced(core.LogChannelClosed)},
	{"a refused reload goes unsaid", "S8", silenced(core.LogReloadRefused)},
	{"a thousand lines", "S11", func(_ *World, ev *core.Event, actions []core.Action) []core.Action {
		if ev.Kind != core.ChildExited {
			return actions
		}
		line := core.Action{Kind: core.Log, Code: core.LogDiagnostic, Level: core.LevelInfo}
		for range 1000 {
			actions = append(actions, line)
		}
		return actions
	}},
}

// Each invariant that actions can break is broken once, and found by its name,
// first of all.
func TestInvariantsCanFail(t *testing.T) {
	w := NewWorld()
	for _, l := range lies {
		w.tamper = func(ev *core.Event, actions []core.Action) []core.Action { return l.change(w, ev, actions) }
		found, other := uint64(0), ""
		for seed := uint64(1); seed <= 2000 && found == 0 && other == ""; seed++ {
			o := options.Draw(seed)
			o.Twin = 0 // a twin, which is not tampered with, notices everything
			r := w.Run(seed, o)
			switch {
			case r.Failure == nil:
			case slices.Contains(strings.Fields(l.invariant), r.Failure.Invariant):
				found = seed
			default:
				other = r.Failure.Error()
			}
		}
		if found == 0 {
			t.Errorf("%s: want %s, found %q", l.name, l.invariant, other)
		}
	}
}
