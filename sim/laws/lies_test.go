package laws

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// change is what a wrong machine would have answered.
type change func(ev *core.Event, actions []core.Action) []core.Action

// dropped leaves out one action of the kind.
func dropped(kind core.ActionKind) change {
	return without1(func(a *core.Action) bool { return a.Kind == kind })
}

// silenced leaves out a line.
func silenced(code core.LogCode) change {
	return without1(func(a *core.Action) bool { return a.Kind == core.Log && a.Code == code })
}

func without1(which func(*core.Action) bool) change {
	return func(_ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if which(&actions[i]) {
				return append(actions[:i:i], actions[i+1:]...)
			}
		}
		return actions
	}
}

// repeated has an action of the kind twice.
func repeated(kind core.ActionKind) change {
	return func(_ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind == kind {
				return append(actions[:i+1:i+1], actions[i:]...)
			}
		}
		return actions
	}
}

// altered changes an action of the kind.
func altered(kind core.ActionKind, alter func(*core.Action)) change {
	return func(_ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind == kind {
				alter(&actions[i])
			}
		}
		return actions
	}
}

// worded changes a line.
func worded(code core.LogCode, alter func(*core.Action)) change {
	return func(_ *core.Event, actions []core.Action) []core.Action {
		for i := range actions {
			if actions[i].Kind == core.Log && actions[i].Code == code {
				alter(&actions[i])
			}
		}
		return actions
	}
}

// added brings an action out of nowhere when the event comes.
func added(kind core.EventKind, a core.Action) change {
	return func(ev *core.Event, actions []core.Action) []core.Action {
		if ev.Kind == kind {
			return append(actions[:len(actions):len(actions)], a)
		}
		return actions
	}
}

// elsewhere returns the line with other settings.
func elsewhere(a *core.Action) {
	e := *a.Entry
	e.Path, e.Name = "/d/another", "another"
	a.Entry = &e
}

var lies = []struct {
	name, law string
	change    change
}{
	{"a watch is forgotten", "S3", dropped(core.WatchListener)},
	{"an ignore is forgotten", "S3", dropped(core.IgnoreListener)},
	{"a watch comes twice", "S9", repeated(core.WatchListener)},
	{"a start comes twice", "S4", repeated(core.StartChild)},
	{"a start is forgotten", "L1", dropped(core.StartChild)},
	{"a generation is used again", "S4", altered(core.StartChild, func(a *core.Action) { a.Generation = 1 + (a.Generation-1)/2 })},
	{"stress mode is the wrong way round", "S5", altered(core.StartChild, func(a *core.Action) { a.Flag = !a.Flag })},
	{"a child is started by other settings", "S5", altered(core.StartChild, elsewhere)},
	{"a child is started for nobody", "S4", added(core.ChildStopped, core.Action{Kind: core.StartChild, Service: 1})},
	{"an old child is not retired", "S8", dropped(core.RetireChild)},
	{"a child is cut off twice", "S8", repeated(core.RetireChild)},
	{"a child is cut off that never was", "S9", altered(core.RetireChild, func(a *core.Action) { a.Generation += 1000 })},
	{"a signal goes to another pid", "S10", altered(core.SignalChild, func(a *core.Action) { a.PID++ })},
	{"a signal without cause", "S10", repeated(core.SignalChild)},
	{"the wrong signal", "S10", altered(core.SignalChild, func(a *core.Action) { a.Signal = core.SIGHUP })},
	{"a child of a removed service is not told", "L3", without1(func(a *core.Action) bool { return a.Kind == core.SignalChild && a.Signal == core.SIGTERM })},
	{"one that outlives the grace is not killed", "L3", without1(func(a *core.Action) bool { return a.Kind == core.SignalChild && a.Signal == core.SIGKILL })},
	{"the group is signalled in the middle of a life", "S10", added(core.ChildStopped, core.Action{Kind: core.SignalGroup, Signal: core.SIGTERM})},
	{"a removed service keeps its listener", "L3", dropped(core.CloseListener)},
	{"a listener is closed twice", "S9", repeated(core.CloseListener)},
	{"a kept service loses its listener", "S8", added(core.ChildStopped, core.Action{Kind: core.CloseListener, Service: 1})},
	{"a listener goes to a stranger", "S8", altered(core.MoveListener, func(a *core.Action) { a.To = 1 })},
	{"what was set aside stays", "S8", dropped(core.CommitListener)},
	{"an undone listener stays", "S8", dropped(core.AbandonListener)},
	{"a displaced path is not set aside", "S8", altered(core.OpenListener, func(a *core.Action) { a.Flag = false })},
	{"a listener is asked for twice", "S4", repeated(core.OpenListener)},
	{"a configuration is not put in force", "S8", dropped(core.ApplyConfig)},
	{"a configuration comes out of nowhere", "S8", added(core.ChildStopped, core.Action{Kind: core.ApplyConfig})},
	{"another configuration comes into force", "S8", altered(core.ApplyConfig, func(a *core.Action) { c := *a.Config; a.Config = &c })},
	{"the start is announced again", "S8", added(core.ChildStopped, core.Action{Kind: core.Announce})},
	{"a hangup is lost", "L8", dropped(core.LoadConfig)},
	{"a file is read twice", "S4", repeated(core.LoadConfig)},
	{"a wakeup is lost", "L6", dropped(core.WakeService)},
	{"a wakeup comes twice", "S4", repeated(core.WakeService)},
	{"an overdue wakeup is kept", "L6", dropped(core.CloseWakeup)},
	{"the master does not end", "L5", dropped(core.Exit)},
	{"the group is not told", "L5", dropped(core.SignalGroup)},
	{"the master ends by the wrong signal", "L5", altered(core.Exit, func(a *core.Action) { a.Signal++ })},
	{"the master ends for nothing", "L5", added(core.ChildStopped, core.Action{Kind: core.Exit})},
	{"something follows the end", "S12", repeated(core.Exit)},
	{"an action of no kind", "S12", added(core.ChildStopped, core.Action{Kind: 0xdd})},
	{"a thousand actions", "S11", func(ev *core.Event, actions []core.Action) []core.Action {
		if ev.Kind != core.ChildExited {
			return actions
		}
		for range 1000 {
			actions = append(actions, core.Action{Kind: core.Log, Code: core.LogDiagnostic, Level: core.LevelInfo})
		}
		return actions
	}},

	{"the start goes unsaid", "S8", silenced(core.LogStarted)},
	{"a reload goes unsaid", "L8", silenced(core.LogReload)},
	{"a refused reload goes unsaid", "S8", silenced(core.LogReloadRefused)},
	{"the end goes unsaid", "L5", silenced(core.LogTerminating)},
	{"a bad startup goes unsaid", "S7", silenced(core.LogBadStartup)},
	{"a crash goes unsaid", "S7", silenced(core.LogExited)},
	{"a failed start goes unsaid", "S7", silenced(core.LogForkFailed)},
	{"a throttle goes unsaid", "S7", silenced(core.LogThrottling)},
	{"a foreign message goes unsaid", "S6", silenced(core.LogForeignStatus)},
	{"a stale message goes unsaid", "S6", silenced(core.LogStaleStatus)},
	{"a stranger goes unsaid", "S6", silenced(core.LogStranger)},
	{"a closed channel goes unsaid", "S11", silenced(core.LogChannelClosed)},
	{"a full service says nothing", "S11", silenced(core.LogLimit)},
	{"a limit is not explained", "S11", silenced(core.LogLimitHelp)},
	{"a kill goes unsaid", "L3", silenced(core.LogRemovalKilled)},
	{"a lost wakeup goes unsaid", "L6", silenced(core.LogWakeupTimeout)},
	{"wanting descriptors go unsaid", "S13", silenced(core.LogStarved)},

	{"a crash is said of another program", "S7", worded(core.LogExited, elsewhere)},
	{"a crash is said of another pid", "S7", worded(core.LogExited, func(a *core.Action) { a.PID++ })},
	{"a crash is said to have another end", "S7", worded(core.LogExited, func(a *core.Action) { a.Status++ })},
	{"a bad startup is said of another program", "S7", worded(core.LogBadStartup, elsewhere)},
	{"a failed start is said to have another reason", "S7", worded(core.LogForkFailed, func(a *core.Action) { a.Errno = core.ENOENT })},
	{"a stop is said to be by another signal", "S6", worded(core.LogStopped, func(a *core.Action) { a.Signal++ })},
	{"a partial message is said to have another length", "S6", worded(core.LogPartialStatus, func(a *core.Action) { a.Number++ })},
	{"a foreign message is said to be for another pid", "S6", worded(core.LogForeignStatus, func(a *core.Action) { a.Number++ })},
	{"a stranger is said to have another pid", "S6", worded(core.LogStranger, func(a *core.Action) { a.PID = 99 })},
	{"a stranger is said to have another end", "S6", worded(core.LogStranger, func(a *core.Action) { a.Status++ })},
	{"the limit of another service is told", "S11", worded(core.LogLimit, elsewhere)},
	{"a kill is said of another pid", "L3", worded(core.LogRemovalKilled, func(a *core.Action) { a.PID += 100 })},
	{"a wakeup is said to fail for another reason", "L6", worded(core.LogWakeupFailed, func(a *core.Action) { a.Errno = core.ENOENT })},
	{"the end is said to be by another signal", "L5", worded(core.LogTerminating, func(a *core.Action) { a.Signal++ })},
	{"a crash is an error", "S7", worded(core.LogExited, func(a *core.Action) { a.Level = core.LevelError })},
}

// A machine that does one thing wrong is found out, by the law that is meant, and by
// that law alone as well.
func TestWhatIsWrongBreaksItsLaw(t *testing.T) {
	for _, lie := range lies {
		for _, only := range []string{"", lie.law} {
			found := ""
			for seed := uint64(0); seed < 3000 && found == ""; seed++ {
				if b := play(seed, 600, only, lie.change, nil); b != nil {
					found = b.Error()
					if b.Law != lie.law {
						t.Errorf("%s: want %s, found %s", lie.name, lie.law, found)
					}
				}
			}
			if found == "" {
				t.Errorf("%s: not found (only %q)", lie.name, only)
			}
		}
	}
}
