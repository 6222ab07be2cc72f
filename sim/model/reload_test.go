package model

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// hangup adds a hangup to the tale; its answer, at once, is what the machine must ask for.
func (x *tale) hangup() {
	x.t.Helper()
	x.ok(core.SignalReceivedEvent(core.SIGHUP), x.load()...)
}

// settled answers the first wakeup, so that no limit of it is due.
func (x *tale) settled() {
	x.t.Helper()
	x.ok(core.WakeupSentEvent(x.request))
	x.ok(core.WakeupClosedEvent(x.request))
}

func TestStartFollowsTheFile(t *testing.T) {
	x := told(t, leader, smtp(), pickup())
	x.config.Diagnostics = []core.Diagnostic{
		{Severity: core.Warning, Text: "one"}, {Severity: core.Info, Text: "two", Hint: "mend it"},
	}
	loaded := core.ConfigLoadedEvent(0, x.config)
	one, two := remark("one", core.LevelWarning), remark("two", core.LevelInfo)
	a, b := x.open(1, 0, x.entry(0), false), x.open(2, 0, x.entry(1), false)
	x.not("a remark unsaid", verdict.RuleDiagnostics, loaded, one, a, b)
	x.not("remarks out of order", verdict.RuleDiagnostics, loaded, two, one, a, b)
	x.not("services out of order", verdict.RuleOpen, loaded, one, two, b, a)
	x.not("nothing opened", verdict.RuleOpen, loaded, one, two)
	x.not("one number for two services", verdict.RuleIdentity, loaded, one, two, a, x.open(1, 0, x.entry(1), false))
	x.not("a path set aside at start", verdict.RuleOpen, loaded, one, two, a, x.open(2, 0, x.entry(1), true))
	x.not("committed before anything is open", verdict.RuleCommit, loaded, one, two, apply(x.config))
	x.not("a line without -v", verdict.RuleVerbose, loaded, one, two, a, b, childLine(core.LogSpawned, x.entry(0), 1))
	x.not("an answer to another request", verdict.RuleAdapter, core.ConfigLoadedEvent(7, x.config))
	x.ok(loaded, one, two, a, b)
	x.ok(core.ListenerOpenedEvent(1, 0))
	commit := x.bootCommit()
	last := core.ListenerOpenedEvent(2, 0)
	for k, name := range []string{"smtp not watched", "no first wakeup", "pickup not watched", "nothing applied", "no line", "nobody told"} {
		rule := []string{verdict.RuleWatch, verdict.RuleWakeup, verdict.RuleWatch, verdict.RuleCommit, verdict.RuleBoot, verdict.RuleBoot}[k]
		x.not(name, rule, last, append(append([]core.Action{}, commit[:k]...), commit[k+1:]...)...)
	}
	x.not("told before the line", verdict.RuleBoot, last, commit[0], commit[1], commit[2], commit[3], commit[5], commit[4])
	x.not("the wakeup behind the line", verdict.RuleBoot, last, commit[0], commit[2], commit[3], commit[4], commit[5], commit[1])
	x.ok(last, commit...)
	x.due(1)
}

func TestFailureAtStartIsFatal(t *testing.T) {
	x := told(t, leader, smtp())
	bad := configOf()
	bad.Diagnostics = []core.Diagnostic{{Severity: core.Error, Text: "broken"}}
	rejected := core.ConfigRejectedEvent(0, bad)
	x.not("an end without a word", verdict.RuleDiagnostics, rejected, exit(1, 0))
	x.not("not fatal", verdict.RuleDiagnostics, rejected, remark("broken", core.LevelError), exit(1, 0))
	x.not("no end", verdict.RuleBootFailed, rejected, remark("broken", core.LevelFatal))
	x.not("the end before the word", verdict.RuleAfterEnd, rejected, exit(1, 0), remark("broken", core.LevelFatal))

	x.ok(core.ConfigLoadedEvent(0, x.config), x.open(1, 0, x.entry(0), false))
	failed := core.ListenerFailedEvent(1, 0, core.StepBind, core.EADDRINUSE)
	lines := listenLines(x.entry(0), core.LevelFatal)
	x.not("a wrong exit code", verdict.RuleBootFailed, failed, join(lines, exit(0, 0))...)
	x.not("the remedy last", verdict.RuleBootFailed, failed, lines[1], lines[0], exit(1, 0))
	x.not("started nevertheless", verdict.RuleUndo, failed, apply(x.config))
	x.ok(failed, join(lines, exit(1, 0))...)
	x.not("something after the end", verdict.RuleAfterEnd, expired, watch(1))
	x.ok(expired)
}

func TestHangupIsRememberedOnce(t *testing.T) {
	x := booted(t)
	hup := core.SignalReceivedEvent(core.SIGHUP)
	x.not("no line", verdict.RuleReload, hup, core.Action{Kind: core.LoadConfig, Request: x.next()})
	x.not("no load", verdict.RuleReload, hup, configLine(core.LogReload, x.config))
	x.hangup()
	first := x.request
	x.not("a second load meanwhile", verdict.RuleHangup, hup, core.Action{Kind: core.LoadConfig, Request: x.next()})
	x.ok(hup)
	x.ok(hup)
	bad := configOf()
	bad.Diagnostics = []core.Diagnostic{{Severity: core.Error, Text: "broken"}}
	rejected := core.ConfigRejectedEvent(first, bad)
	broken := remark("broken", core.LevelError)
	next := x.load()
	x.not("the remembered hangup forgotten", verdict.RuleHangup, rejected, broken, refusal(x.config))
	x.not("no refusal", verdict.RuleRefused, rejected, join(broken, next)...)
	x.not("the refusal before its reason", verdict.RuleRefused, rejected, join(refusal(x.config), broken, next)...)
	x.not("the next reload before the refusal", verdict.RuleHangup, rejected, join(broken, next, refusal(x.config))...)
	x.not("children retired by a refused reload", verdict.RuleRetire, rejected, join(broken, refusal(x.config), next, retire(1))...)
	x.not("a refused reload that ends the daemon", verdict.RuleEnd, rejected, join(broken, refusal(x.config), next, exit(1, 0))...)
	x.ok(rejected, join(broken, refusal(x.config), next)...)
	x.not("remembered twice", verdict.RuleHangup, core.ConfigRejectedEvent(x.request, bad), join(broken, refusal(x.config), x.load()[1])...)
	x.ok(core.ConfigRejectedEvent(next[1].Request, bad), broken, refusal(x.config))
}

func TestAcceptedReloadRestartsEverything(t *testing.T) {
	x := booted(t)
	x.settled()
	x.spawn(smtpID, 1)
	x.spawn(flushID, 2, x.wake(flushID, x.entry(2)))
	x.settled()
	x.ok(core.ListenerReadyEvent(pickupID), ignore(pickupID), x.start(pickupID, 3, false))
	x.hangup()
	old := x.config
	x.config = configOf(smtp(), pickup(), flush())
	loaded := core.ConfigLoadedEvent(x.request, x.config)
	wake := x.wake(pickupID, x.entry(1))
	x.not("an idle child spared", verdict.RuleRetire, loaded, retire(2), wake, watch(smtpID), watch(flushID), apply(x.config))
	x.not("no wakeup", verdict.RuleWakeup, loaded, retire(1), retire(2), watch(smtpID), watch(flushID), apply(x.config))
	x.not("nothing applied", verdict.RuleCommit, loaded, retire(1), retire(2), wake, watch(smtpID), watch(flushID))
	x.not("the old one applied", verdict.RuleCommit, loaded, retire(1), retire(2), wake, watch(smtpID), watch(flushID), apply(old))
	x.not("retired children that count as idle", verdict.RuleWatch, loaded, retire(1), retire(2), wake, apply(x.config))
	x.not("a listener of a kept service closed", verdict.RuleRemove, loaded, retire(1), retire(2), wake, closing(smtpID), watch(smtpID), watch(flushID), apply(x.config))
	x.not("a conditional wakeup at reload", verdict.RuleWakeup, loaded, retire(1), retire(2), wake, x.wake(flushID, x.entry(2)), watch(smtpID), watch(flushID), apply(x.config))
	x.ok(loaded, retire(1), retire(2), wake, watch(smtpID), watch(flushID), apply(x.config))
	x.not("a retired child that becomes idle", verdict.RuleWatch, status(1, wire.Taken), ignore(smtpID))
	x.ok(status(1, wire.Taken))
	started := core.ChildStartedEvent(pickupID, 3, 103)
	x.not("a child of the old entry kept", verdict.RuleRetire, started)
	x.ok(started, retire(3))
	x.not("a place given away twice", verdict.RuleWatch, core.ChildExitedEvent(2, 102, 0), watch(pickupID))
	x.ok(core.ChildExitedEvent(2, 102, 0))
	x.ok(core.ChildExitedEvent(3, 103, 0), watch(pickupID))
	x.ok(core.ListenerReadyEvent(flushID), ignore(flushID), x.start(flushID, 4, false))
	x.not("no wakeup at the first start after the reload", verdict.RuleWakeup, core.ChildStartedEvent(flushID, 4, 104))
	x.ok(core.ChildStartedEvent(flushID, 4, 104), x.wake(flushID, x.entry(2)))
}

func TestThrottleSurvivesReload(t *testing.T) {
	for _, clears := range []bool{false, true} {
		x := bootedWith(t, leader, smtp())
		e := x.entry(0)
		x.spawn(smtpID, 1)
		x.ok(core.ChildExitedEvent(1, 101, boom), exitLine(e, 1, boom), logLine(core.LogBadStartup, e))
		x.hangup()
		x.config = configOf(smtp())
		x.config.ReloadClearsThrottle = clears
		loaded := core.ConfigLoadedEvent(x.request, x.config)
		if clears {
			x.not("a throttle kept", verdict.RuleWatch, loaded, apply(x.config))
			x.ok(loaded, apply(x.config), watch(smtpID))
			x.due(-1)
			continue
		}
		x.not("a throttle lifted", verdict.RuleWatch, loaded, apply(x.config), watch(smtpID))
		x.ok(loaded, apply(x.config))
		x.due(60)
	}
}

func TestLoweredLimitKillsNobody(t *testing.T) {
	x := bootedWith(t, leader, flush())
	for g := core.Generation(1); g <= 2; g++ {
		also := []core.Action{}
		if g == 1 {
			also = append(also, x.wake(1, x.entry(0)))
		}
		x.spawn(1, g, also...)
		x.ok(status(g, wire.Taken), watch(1))
	}
	x.hangup()
	small := flush()
	small.ProcessLimit = 1
	x.config = configOf(small)
	loaded := core.ConfigLoadedEvent(x.request, x.config)
	x.not("a surplus child killed", verdict.RuleRemove, loaded, retire(1), retire(2), apply(x.config), kill(2, core.SIGTERM), ignore(1))
	x.not("watched above the limit", verdict.RuleWatch, loaded, retire(1), retire(2), apply(x.config))
	x.ok(loaded, retire(1), retire(2), apply(x.config), ignore(1))
	x.not("a start above the limit", verdict.RuleSpawn, core.ListenerReadyEvent(1), x.start(1, 3, false))
	x.ok(core.ChildExitedEvent(1, 101, 0))
	x.ok(core.ChildExitedEvent(2, 102, 0), watch(1))
}

func TestRemovedServicesAreKilledAfterTheGrace(t *testing.T) {
	x := booted(t)
	x.settled()
	x.spawn(smtpID, 1)
	x.ok(status(1, wire.Taken), watch(smtpID))
	x.ok(core.ListenerReadyEvent(smtpID), ignore(smtpID), retire(1), x.start(smtpID, 2, true))
	e := x.entry(0)
	x.hangup()
	x.config = configOf(pickup(), flush())
	loaded := core.ConfigLoadedEvent(x.request, x.config)
	wake := x.wake(pickupID, x.entry(0))
	term := kill(1, core.SIGTERM)
	x.not("no SIGTERM", verdict.RuleRemove, loaded, wake, closing(smtpID), apply(x.config))
	x.not("another signal", verdict.RuleRemove, loaded, wake, kill(1, core.SIGKILL), closing(smtpID), apply(x.config))
	x.not("the listener left open", verdict.RuleRemove, loaded, wake, term, apply(x.config))
	x.not("the listener shut first", verdict.RuleRemove, loaded, wake, closing(smtpID), term, apply(x.config))
	x.not("retired twice", verdict.RuleRetire, loaded, wake, term, retire(1), closing(smtpID), apply(x.config))
	x.ok(loaded, wake, term, closing(smtpID), apply(x.config))
	x.settled()
	started := core.ChildStartedEvent(smtpID, 2, 102)
	x.not("a late child not retired", verdict.RuleRetire, started, kill(2, core.SIGTERM))
	x.not("a late child not told to go", verdict.RuleRemove, started, retire(2))
	x.ok(started, retire(2), kill(2, core.SIGTERM))
	x.not("our own signal logged as a crash", verdict.RuleReap, core.ChildExitedEvent(2, 102, core.KilledBy(core.SIGTERM)), exitLine(e, 2, core.KilledBy(core.SIGTERM)))
	x.not("another end unseen", verdict.RuleReap, core.ChildExitedEvent(2, 102, boom))
	x.not("a removed service throttled", verdict.RuleThrottle, core.ChildExitedEvent(2, 102, boom), exitLine(e, 2, boom), logLine(core.LogBadStartup, e))
	x.due(5)
	x.wait(5)
	killed := childLine(core.LogRemovalKilled, e, 1)
	also := []core.Action{kill(2, core.SIGKILL), childLine(core.LogRemovalKilled, e, 2)}
	x.not("nobody killed", verdict.RuleGrace, expired)
	x.not("killed unseen", verdict.RuleGrace, expired, join(kill(1, core.SIGKILL), also)...)
	x.not("one spared", verdict.RuleGrace, expired, kill(1, core.SIGKILL), killed)
	x.ok(expired, join(kill(1, core.SIGKILL), killed, also)...)
	x.ok(core.ChildExitedEvent(2, 102, core.KilledBy(core.SIGKILL)))
	x.due(10)
	x.wait(5)
	x.not("a dead one killed", verdict.RuleRemove, expired, kill(1, core.SIGKILL), kill(2, core.SIGKILL))
	x.ok(expired, kill(1, core.SIGKILL))
	x.ok(core.ChildExitedEvent(1, 101, core.KilledBy(core.SIGKILL)))
	x.due(60)
}

// returned returns a tale in which flush was removed with a living child and has
// come back, as number 4, with the listener opened and the commit still to come.
func returned(t *testing.T) (x *tale, opened core.Event, commit []core.Action) {
	x = bootedWith(t, leader, smtp(), pickup(), flush())
	x.settled()
	x.spawn(flushID, 1, x.wake(flushID, x.entry(2)))
	x.settled()
	x.hangup()
	x.config = configOf(smtp(), pickup())
	x.ok(core.ConfigLoadedEvent(x.request, x.config), x.wake(pickupID, x.entry(1)),
		retire(1), kill(1, core.SIGTERM), closing(flushID), apply(x.config))
	x.settled()
	x.hangup()
	x.config = configOf(smtp(), pickup(), flush())
	loaded := core.ConfigLoadedEvent(x.request, x.config)
	x.not("an old number for a new service", verdict.RuleIdentity, loaded, x.open(flushID, 0, x.entry(2), false))
	x.ok(loaded, x.open(4, 0, x.entry(2), false))
	return x, core.ListenerOpenedEvent(4, 0), []core.Action{x.wake(pickupID, x.entry(1)), apply(x.config)}
}

func TestReturnedServiceIsHeld(t *testing.T) {
	x, opened, commit := returned(t)
	x.not("a held service watched", verdict.RuleWatch, opened, append(commit, watch(4))...)
	x.ok(opened, commit...)
	start := core.Action{Kind: core.StartChild, Service: 4, Generation: 2, Entry: x.entry(2)}
	x.not("a child of a held service", verdict.RuleHeld, core.ListenerReadyEvent(4), start)
	gone := core.ChildExitedEvent(1, 101, core.KilledBy(core.SIGTERM))
	x.not("held for ever", verdict.RuleWatch, gone)
	x.ok(gone, watch(4))
}

func TestChangedTypeTakesOverOrDisplaces(t *testing.T) {
	x := bootedWith(t, leader, flush())
	x.spawn(1, 1, x.wake(1, x.entry(0)))
	x.settled()
	x.hangup()
	pass := flush()
	pass.Type = core.Pass
	pass.WakeupIfUsed = false
	x.config = configOf(pass)
	loaded := core.ConfigLoadedEvent(x.request, x.config)
	move := core.Action{Kind: core.MoveListener, Service: 1, To: 2}
	gone := []core.Action{retire(1), kill(1, core.SIGTERM), apply(x.config)}
	wake := x.wake(2, x.entry(0))
	x.not("a descriptor thrown away", verdict.RuleHandOver, loaded, join(gone, closing(1), wake)...)
	x.not("handed over and shut", verdict.RuleRemove, loaded, join(gone, move, closing(1), wake)...)
	x.not("opened again", verdict.RuleHandOver, loaded, join(gone, x.open(2, 0, x.entry(0), false), wake)...)
	x.ok(loaded, join(gone, move, wake)...)
	x.settled()
	x.hangup()
	dgram := flush()
	dgram.Type = core.UnixDatagram
	x.config = configOf(dgram)
	loaded = core.ConfigLoadedEvent(x.request, x.config)
	x.not("a path in use not set aside", verdict.RuleOpen, loaded, x.open(3, 0, x.entry(0), false))
	x.ok(loaded, x.open(3, 0, x.entry(0), true))
	settle := core.Action{Kind: core.CommitListener, Service: 3}
	failed := core.ListenerFailedEvent(3, 0, core.StepBind, core.EADDRINUSE)
	x.not("the commit after a failure", verdict.RuleUndo, failed, settle, closing(2), apply(x.config))
	opened := core.ListenerOpenedEvent(3, 0)
	x.not("the old file left aside", verdict.RuleCommit, opened, closing(2), apply(x.config))
	x.not("watched while the first one's child lives", verdict.RuleWatch, opened, settle, closing(2), apply(x.config), watch(3))
	x.ok(opened, settle, closing(2), apply(x.config))
	x.ok(core.ChildExitedEvent(1, 101, 0), watch(3))
}

func TestRefusedListenersUndoTheReload(t *testing.T) {
	x := bootedWith(t, leader, flush())
	x.hangup()
	old := x.config
	dgram := flush()
	dgram.Type = core.UnixDatagram
	x.config = configOf(smtp(), pickup(), dgram)
	loaded := core.ConfigLoadedEvent(x.request, x.config)
	plain := []core.Action{x.open(2, 0, x.entry(0), false), x.open(3, 0, x.entry(1), false)}
	aside := x.open(4, 0, x.entry(2), true)
	x.not("a displaced one before the plain ones", verdict.RuleOpen, loaded, append(plain, aside)...)
	x.ok(loaded, plain...)
	x.ok(core.ListenerOpenedEvent(2, 0))
	last := core.ListenerOpenedEvent(3, 0)
	x.not("the displaced one forgotten", verdict.RuleOpen, last)
	x.not("committed without it", verdict.RuleCommit, last, apply(x.config))
	x.ok(last, aside)
	failed := core.ListenerFailedEvent(4, 0, core.StepBind, core.EADDRINUSE)
	lines := listenLines(x.entry(2), core.LevelError)
	x.not("the failure untold", verdict.RuleUndo, failed, abandon(2), abandon(3), refusal(old))
	x.not("one listener left open", verdict.RuleUndo, failed, join(lines, abandon(2), refusal(old))...)
	x.not("no refusal", verdict.RuleRefused, failed, join(lines, abandon(2), abandon(3))...)
	x.not("the refusal before the failure", verdict.RuleRefused, failed, join(refusal(old), lines, abandon(2), abandon(3))...)
	x.not("fatal", verdict.RuleUndo, failed, join(listenLines(x.entry(2), core.LevelFatal), abandon(2), abandon(3), refusal(old))...)
	x.not("a failed one abandoned", verdict.RuleUndo, failed, join(lines, abandon(2), abandon(3), abandon(4), refusal(old))...)
	x.not("services of the refused file", verdict.RuleCommit, failed, join(lines, abandon(2), abandon(3), refusal(old), apply(x.config))...)
	x.ok(failed, join(lines, abandon(2), abandon(3), refusal(old))...)
	x.config = old
	x.spawn(1, 1, x.wake(1, x.entry(0)))
}

func TestTheEnd(t *testing.T) {
	x := booted(t)
	x.spawn(smtpID, 1)
	term := core.SignalReceivedEvent(core.SIGTERM)
	group := core.Action{Kind: core.SignalGroup, Signal: core.SIGTERM}
	line := core.Action{Kind: core.Log, Code: core.LogTerminating, Level: core.LevelInfo, Signal: core.SIGTERM}
	x.not("nobody told", verdict.RuleEnd, term, line, exit(0, core.SIGTERM))
	x.not("another signal", verdict.RuleEnd, term, core.Action{Kind: core.SignalGroup, Signal: core.SIGKILL}, line, exit(0, core.SIGTERM))
	x.not("no line", verdict.RuleEnd, term, group, exit(0, core.SIGTERM))
	x.not("the line first", verdict.RuleEnd, term, line, group, exit(0, core.SIGTERM))
	x.not("a good end", verdict.RuleEnd, term, group, line, exit(0, 0))
	x.not("something behind the exit", verdict.RuleAfterEnd, term, group, exit(0, core.SIGTERM), line)
	x.not("children watched to the end", verdict.RuleWatch, term, group, line, watch(smtpID), exit(0, core.SIGTERM))
	x.ok(core.SignalReceivedEvent(10)) // not one of ours
	x.ok(term, group, line, exit(0, core.SIGTERM))
	x.due(-1)

	x = bootedWith(t, Flags{InitMode: true}, smtp())
	x.spawn(smtpID, 1)
	x.not("children missed without a group", verdict.RuleEnd, term, group, line, exit(0, 0))
	x.not("death by signal of process 1", verdict.RuleEnd, term, group, kill(1, core.SIGTERM), line, exit(0, core.SIGTERM))
	x.ok(term, group, kill(1, core.SIGTERM), line, exit(0, 0))
}

func TestExitTimeEndsTheProcess(t *testing.T) {
	x := bootedWith(t, Flags{GroupLeader: true, ExitSet: true, ExitAfter: 10 * core.Second}, smtp())
	x.spawn(smtpID, 1)
	line := core.Action{Kind: core.Log, Code: core.LogExitTime, Level: core.LevelInfo}
	x.due(10)
	x.not("too early", verdict.RuleExitTime, expired, line, exit(0, 0))
	x.wait(10)
	x.not("never", verdict.RuleExitTime, expired)
	x.not("children signalled", verdict.RuleRemove, expired, kill(1, core.SIGTERM), line, exit(0, 0))
	x.not("no success", verdict.RuleExitTime, expired, line, exit(1, 0))
	x.ok(expired, line, exit(0, 0))
}

// claims is a machine whose view and deadline are what a test wants.
type claims struct {
	at   core.Time
	due  bool
	view core.View
}

func (m *claims) Deadline() (core.Time, bool) { return m.at, m.due }
func (m *claims) View() core.View             { return m.view }

func TestMachineIsComparedWithTheHistory(t *testing.T) {
	x := bootedWith(t, leader, smtp())
	x.spawn(1, 1)
	fresh := func() *claims {
		return &claims{view: core.View{Services: []core.ServiceView{{
			ID: 1, State: core.StateServing, Limit: 2, Total: 1, Idle: 1, Children: []core.ChildView{{Generation: 1, PID: pidOf(1), Idle: true}},
		}}}}
	}
	if err := x.m.Compare(fresh()); err != nil {
		t.Fatal(err)
	}
	for name, lie := range map[string]func(m *claims, s *core.ServiceView, c *core.ChildView){
		"a deadline":     func(m *claims, _ *core.ServiceView, _ *core.ChildView) { m.at, m.due = 5, true },
		"no service":     func(m *claims, _ *core.ServiceView, _ *core.ChildView) { m.view.Services = nil },
		"busy":           func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.Idle, s.Busy = 0, 1 },
		"limit":          func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.Limit = 3 },
		"watching":       func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.Watching = true },
		"stress":         func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.Stress = true },
		"stress until":   func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.StressUntil = 1 },
		"leaving until":  func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.LeavingUntil = 1 },
		"kill":           func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.KillAt = 1 },
		"wakeup":         func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.NextWakeup = 1 },
		"starved":        func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.Starved = true },
		"throttled":      func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.Throttled = true },
		"held":           func(_ *claims, s *core.ServiceView, _ *core.ChildView) { s.State = core.StateHeld },
		"child's pid":    func(_ *claims, _ *core.ServiceView, c *core.ChildView) { c.PID++ },
		"other child":    func(_ *claims, _ *core.ServiceView, c *core.ChildView) { c.Generation++ },
		"child starting": func(_ *claims, _ *core.ServiceView, c *core.ChildView) { c.Starting = true },
		"child busy":     func(_ *claims, _ *core.ServiceView, c *core.ChildView) { c.Idle = false },
		"child retired":  func(_ *claims, _ *core.ServiceView, c *core.ChildView) { c.Retired = true },
		"child served":   func(_ *claims, _ *core.ServiceView, c *core.ChildView) { c.Served = true },
	} {
		m := fresh()
		if lie(m, &m.view.Services[0], &m.view.Services[0].Children[0]); x.m.Compare(m) == nil {
			t.Errorf("%s: it passed", name)
		}
	}
}
