package model

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

var (
	boom    = core.ExitedWith(1)
	expired = core.TimerExpiredEvent()
)

func TestReadinessStartsOneChild(t *testing.T) {
	x := booted(t)
	ready := core.ListenerReadyEvent(flushID)
	x.not("the first wakeup is not at the start of a conditional one", verdict.RuleWakeup, ready,
		ignore(flushID), x.start(flushID, 1, false), x.wake(flushID, x.entry(2)))
	x.not("no start although somebody waits", verdict.RuleSpawn, ready)
	x.not("two starts", verdict.RuleSpawn, ready,
		ignore(flushID), x.start(flushID, 1, false), x.start(flushID, 2, false))
	x.not("a start of another service", verdict.RuleSpawn, ready, ignore(flushID), x.start(pickupID, 1, false))
	x.not("still watched while a start is pending", verdict.RuleWatch, ready, x.start(flushID, 1, false))
	x.not("ignored twice", verdict.RuleWatch, ready, ignore(flushID), ignore(flushID), x.start(flushID, 1, false))
	x.ok(ready, ignore(flushID), x.start(flushID, 1, false))
	x.not("a second start while one is pending", "simulator S4: at most one start is pending per service",
		ready, x.start(flushID, 2, false))
	x.ok(ready) // late readiness means nothing
	x.not("no wakeup at the first child of a conditional one", verdict.RuleWakeup, core.ChildStartedEvent(flushID, 1, 101))
	x.not("a child answered for that nobody asked for", verdict.RuleAdapter, core.ChildStartedEvent(flushID, 9, 101))
	x.ok(core.ChildStartedEvent(flushID, 1, 101), x.wake(flushID, x.entry(2)))
	x.not("a start beside an idle child", verdict.RuleSpawn, ready, x.start(flushID, 2, false))
	x.not("watched beside an idle child", verdict.RuleWatch, ready, watch(flushID))
	x.not("not watched when the last idle child is taken", verdict.RuleWatch, status(1, wire.Taken))
	x.ok(status(1, wire.Taken), watch(flushID))
	x.not("a generation given twice", verdict.RuleIdentity, ready, ignore(flushID), x.start(flushID, 1, false))
	x.spawn(flushID, 2)
	x.ok(status(2, wire.Taken), watch(flushID))
	x.not("watched although a child became idle", verdict.RuleWatch, status(1, wire.Available))
	x.ok(status(1, wire.Available), ignore(flushID))
	x.not("watched too early after an exit", verdict.RuleWatch, core.ChildExitedEvent(2, 102, 0), watch(flushID))
	x.ok(core.ChildExitedEvent(2, 102, 0))
	x.ok(core.ChildExitedEvent(1, 101, 0), watch(flushID))
}

func TestProcessLimitIsComplainedAboutOnce(t *testing.T) {
	x := booted(t)
	e := x.entry(0)
	x.spawn(smtpID, 1)
	x.ok(status(1, wire.Taken), watch(smtpID))
	ready := core.ListenerReadyEvent(smtpID)
	x.not("the last place without stress", verdict.RuleStress, ready, ignore(smtpID), retire(1), x.start(smtpID, 2, false))
	x.not("no cut at the beginning of stress", verdict.RuleStress, ready, ignore(smtpID), x.start(smtpID, 2, true))
	x.ok(ready, ignore(smtpID), retire(1), x.start(smtpID, 2, true))
	x.ok(core.ChildStartedEvent(smtpID, 2, 102))
	full := status(2, wire.Taken)
	lines := limitLines(e)
	x.not("watched at the limit", verdict.RuleWatch, full, append(lines, watch(smtpID))...)
	x.not("no complaint at the limit", verdict.RuleLimit, full)
	x.not("the explanation without its line", verdict.RuleLimit, full, lines[1], lines[2])
	x.not("the explanation in front", verdict.RuleLimit, full, lines[1], lines[0], lines[2])
	wrong := lines[0]
	wrong.Number = 3
	x.not("a wrong number", verdict.RuleLimit, full, wrong, lines[1], lines[2])
	x.ok(full, lines...)
	x.ok(status(2, wire.Available))
	x.not("a complaint again at once", verdict.RuleLimit, full, lines...)
	x.ok(full)
	x.wait(1000)
	x.ok(status(2, wire.Available))
	x.not("a complaint again after 1000 s", verdict.RuleLimit, full, lines...)
	x.ok(full)
	x.now++
	x.ok(status(2, wire.Available))
	x.not("no complaint again after more than 1000 s", verdict.RuleLimit, full)
	x.ok(full, lines...)
	// A retired child has its place until it is reaped.
	x.not("a place given away twice", verdict.RuleWatch, status(1, wire.Available), watch(smtpID))
	x.ok(core.ChildExitedEvent(1, 101, 0), watch(smtpID))
}

func TestStressLasts1000Seconds(t *testing.T) {
	big := smtp()
	big.ProcessLimit = 3
	big.WakeupInterval = 5000 * core.Second
	x := bootedWith(t, leader, big)
	x.ok(core.WakeupSentEvent(1))
	x.ok(core.WakeupClosedEvent(1))
	ready := core.ListenerReadyEvent(smtpID)
	for g := core.Generation(1); g <= 2; g++ {
		x.spawn(smtpID, g)
		x.ok(status(g, wire.Taken), watch(smtpID))
	}
	x.not("no wakeup at the switch", verdict.RuleStress, ready, ignore(smtpID), retire(1), retire(2), x.start(smtpID, 3, true))
	x.ok(ready, ignore(smtpID), retire(1), retire(2), x.wake(smtpID, x.entry(0)), x.start(smtpID, 3, true))
	x.ok(core.WakeupSentEvent(x.request))
	x.ok(core.WakeupClosedEvent(x.request))
	x.due(5000)
	x.ok(core.ChildStartedEvent(smtpID, 3, 103))
	x.ok(core.ChildExitedEvent(1, 101, 0))
	x.ok(core.ChildExitedEvent(2, 102, 0))
	x.ok(status(3, wire.Taken), watch(smtpID))
	x.wait(999)
	x.not("stress forgotten", verdict.RuleStress, ready, ignore(smtpID), x.start(smtpID, 4, false))
	x.ok(ready, ignore(smtpID), x.start(smtpID, 4, true))
	x.ok(core.ChildStartedEvent(smtpID, 4, 104))
	x.ok(status(4, wire.Taken), watch(smtpID))
	x.wait(1)
	x.not("a second switch within 1000 s", verdict.RuleRetire, ready, ignore(smtpID), retire(3), retire(4), x.wake(smtpID, x.entry(0)), x.start(smtpID, 5, true))
	x.ok(core.ChildExitedEvent(3, 103, 0))
	x.not("stress at its end", verdict.RuleSpawn, ready, ignore(smtpID), x.start(smtpID, 5, true))
	x.ok(ready, ignore(smtpID), x.start(smtpID, 5, false))
}

func TestBadStartupThrottles(t *testing.T) {
	x := booted(t)
	e := x.entry(0)
	x.spawn(smtpID, 1)
	bad, line := core.ChildExitedEvent(1, 101, boom), exitLine(e, 1, boom)
	startup := logLine(core.LogBadStartup, e)
	x.not("no line of the end", verdict.RuleReap, bad, startup)
	x.not("no throttle", verdict.RuleThrottle, bad, line, watch(smtpID))
	x.not("the throttle before the end", verdict.RuleReap, bad, startup, line)
	x.not("watched while throttled", verdict.RuleWatch, bad, line, startup, watch(smtpID))
	other := exitLine(e, 1, core.KilledBy(core.SIGSEGV))
	x.not("another status", verdict.RuleReap, bad, other, startup)
	x.not("a line for a good end", verdict.RuleReap, core.ChildExitedEvent(1, 101, 0), exitLine(e, 1, 0), watch(smtpID))
	x.not("a throttle for a good end", verdict.RuleThrottle, core.ChildExitedEvent(1, 101, 0), startup)
	x.not("a verbose line without -v", verdict.RuleVerbose, bad, line, startup, logLine(core.LogThrottling, e))
	x.ok(bad, line, startup)
	x.not("a start while throttled", verdict.RuleThrottle, core.ListenerReadyEvent(smtpID), x.start(smtpID, 2, false))
	x.ok(core.ListenerReadyEvent(smtpID))
	x.ok(core.WakeupSentEvent(1))
	x.ok(core.WakeupClosedEvent(1))
	x.due(60)
	x.wait(59)
	x.not("a throttle lifted early", verdict.RuleWatch, expired, watch(smtpID))
	x.ok(expired)
	x.wait(1)
	x.not("a throttle never lifted", verdict.RuleWatch, expired, x.wake(pickupID, x.entry(1)))
	x.ok(expired, watch(smtpID), x.wake(pickupID, x.entry(1)))
}

func TestServedChildrenDoNotThrottle(t *testing.T) {
	x := booted(t)
	e := x.entry(2)
	x.spawn(flushID, 1, x.wake(flushID, e))
	x.ok(status(1, wire.Taken), watch(flushID))
	line, startup := exitLine(e, 1, boom), logLine(core.LogBadStartup, e)
	x.not("a death in the first request is one before first use", verdict.RuleThrottle, core.ChildExitedEvent(1, 101, boom), line)
	x.ok(status(1, wire.Available), ignore(flushID))
	x.not("a throttle after the first use", verdict.RuleThrottle, core.ChildExitedEvent(1, 101, boom), line, startup)
	x.ok(core.ChildExitedEvent(1, 101, boom), line, watch(flushID))
	x.spawn(flushID, 2)
	x.ok(status(2, wire.Taken), watch(flushID))
	x.spawn(flushID, 3)
	x.ok(core.ChildExitedEvent(2, 102, boom), exitLine(e, 2, boom), startup)
	x.not("a second throttle within the first", verdict.RuleThrottle, core.ChildExitedEvent(3, 103, boom), exitLine(e, 3, boom), startup)
	x.ok(core.ChildExitedEvent(3, 103, boom), exitLine(e, 3, boom))
}

func TestFailedStartThrottles(t *testing.T) {
	for _, c := range []struct {
		step core.StartStep
		code core.LogCode
	}{
		{core.StartChannel, core.LogChannelFailed}, {core.StartFork, core.LogForkFailed}, {core.StartExec, core.LogExecFailed},
	} {
		x := booted(t)
		x.ok(core.ListenerReadyEvent(pickupID), ignore(pickupID), x.start(pickupID, 1, false))
		line := logLine(c.code, x.entry(1))
		line.Errno = core.EAGAIN
		var startup []core.Action
		if c.step == core.StartExec {
			startup = append(startup, logLine(core.LogBadStartup, x.entry(1)))
		}
		failed := core.ChildStartFailedEvent(pickupID, 1, c.step, core.EAGAIN)
		x.not("silent", verdict.RuleThrottle, failed)
		x.not("watched after a failed start", verdict.RuleWatch, failed, join(line, startup, watch(pickupID))...)
		wrong := line
		wrong.Errno = core.ENOMEM
		x.not("another errno", verdict.RuleThrottle, failed, join(wrong, startup)...)
		x.ok(failed, join(line, startup)...)
		x.ok(core.WakeupSentEvent(1))
		x.ok(core.WakeupClosedEvent(1))
		x.wait(60)
		// The wakeup of the same second may be skipped or sent.
		x.not("no end of the throttle", verdict.RuleWatch, expired)
		x.ok(expired, watch(pickupID))
		x.due(120)
	}
}

func TestStatusMessagesAreJudgedInOrder(t *testing.T) {
	x := booted(t)
	e := x.entry(2)
	x.spawn(flushID, 1, x.wake(flushID, e))
	foreign := message(1, wire.Message{PID: 999, Generation: 1, Status: wire.Taken})
	line := childLine(core.LogForeignStatus, e, 1)
	line.Number = 999
	x.not("a foreign claim believed", verdict.RuleStatus, foreign, watch(flushID))
	x.not("a foreign claim believed and told", verdict.RuleWatch, foreign, line, watch(flushID))
	x.ok(foreign, line)
	stale := message(1, wire.Message{PID: 101, Generation: 7, Status: wire.Taken})
	line = childLine(core.LogStaleStatus, e, 1)
	line.Number = 7
	x.not("a stale message is none of another pid", verdict.RuleStatus, stale, childLine(core.LogForeignStatus, e, 1))
	x.ok(stale, line)
	unknown := message(1, wire.Message{PID: 101, Generation: 1, Status: 5})
	line = childLine(core.LogUnknownStatus, e, 1)
	swapped := line
	line.Number = 5
	swapped.Number, swapped.PID = 101, 5
	x.not("the numbers swapped", verdict.RuleStatus, unknown, swapped)
	x.ok(unknown, line)
	partial := core.StatusReceivedEvent(1, [wire.StatusSize]byte{}, 3)
	line = childLine(core.LogPartialStatus, e, 1)
	line.Number = 3
	x.not("a partial message unseen", verdict.RuleStatus, partial)
	x.ok(partial, line)
	x.not("a line for a message that repeats the state", verdict.RuleStatus, status(1, wire.Available), line)
	x.ok(status(1, wire.Available))
	x.not("no byte at all", verdict.RuleAdapter, core.StatusReceivedEvent(1, [wire.StatusSize]byte{}, 0))
}

func TestBadMessagesAreMutedAfterFifteen(t *testing.T) {
	x := booted(t)
	e := x.entry(2)
	x.spawn(flushID, 1, x.wake(flushID, e))
	partial := core.StatusReceivedEvent(1, [wire.StatusSize]byte{}, 3)
	line, muted := childLine(core.LogPartialStatus, e, 1), childLine(core.LogMuted, e, 1)
	line.Number = 3
	for range 14 {
		x.ok(partial, line)
	}
	x.not("muted too early", verdict.RuleStatus, partial, muted)
	x.ok(partial, line)
	x.not("muted too late", verdict.RuleMuted, partial, line)
	x.ok(partial, muted)
	x.not("muted twice", verdict.RuleMuted, partial, muted)
	x.ok(partial)
	x.not("still heard", verdict.RuleWatch, status(1, wire.Taken))
	x.ok(status(1, wire.Taken), watch(flushID))
}

func TestChildrenThatCloseTheirChannelAreComplainedAbout(t *testing.T) {
	x := booted(t)
	x.ok(core.WakeupSentEvent(1))
	x.ok(core.WakeupClosedEvent(1))
	e := x.entry(0)
	line := childLine(core.LogChannelClosed, e, 1)
	x.spawn(smtpID, 1)
	x.not("a complaint at once", verdict.RuleChannel, core.ChildChannelClosedEvent(1), line)
	x.ok(core.ChildChannelClosedEvent(1))
	x.due(1)
	x.wait(1)
	x.not("no complaint after a second", verdict.RuleChannel, expired)
	x.ok(expired, line)
	x.not("a complaint twice", verdict.RuleChannel, expired, line)
	x.ok(core.ChildExitedEvent(1, 101, 0), watch(smtpID))
	x.due(60)
}

func TestStrangersAndStoppedChildrenChangeNothing(t *testing.T) {
	x := booted(t)
	stranger := core.ChildExitedEvent(0, 4711, boom)
	line := core.Action{Kind: core.Log, Code: core.LogStranger, Level: core.LevelInfo, PID: 4711, Status: boom}
	x.not("a stranger unseen", verdict.RuleStranger, stranger)
	x.ok(stranger, line)
	x.spawn(smtpID, 1)
	stopped := childLine(core.LogStopped, x.entry(0), 1)
	stopped.Signal = 19
	x.not("a stopped child unseen", verdict.RuleStopped, core.ChildStoppedEvent(1, 101, 19))
	x.not("a stopped child given up", verdict.RuleWatch, core.ChildStoppedEvent(1, 101, 19), stopped, watch(smtpID))
	x.ok(core.ChildStoppedEvent(1, 101, 19), stopped)

	x = bootedWith(t, Flags{InitMode: true, GroupLeader: true}, smtp())
	x.not("a line for a stranger of process 1", verdict.RuleStranger, stranger, line)
	x.ok(stranger)
}

func TestVerboseLinesAreDemandedWithV(t *testing.T) {
	x := bootedWith(t, Flags{GroupLeader: true, Verbose: true}, smtp())
	e := x.entry(0)
	x.ok(core.ListenerReadyEvent(smtpID), ignore(smtpID), x.start(smtpID, 1, false))
	x.not("a start unseen", verdict.RuleVerbose, core.ChildStartedEvent(smtpID, 1, 101))
	x.ok(core.ChildStartedEvent(smtpID, 1, 101), childLine(core.LogSpawned, e, 1))
	x.not("a throttle unseen", verdict.RuleVerbose, core.ChildExitedEvent(1, 101, boom), exitLine(e, 1, boom), logLine(core.LogBadStartup, e))
	x.ok(core.ChildExitedEvent(1, 101, boom), exitLine(e, 1, boom), logLine(core.LogBadStartup, e), logLine(core.LogThrottling, e))
	x.wait(60)
	x.not("its end unseen", verdict.RuleVerbose, expired, watch(smtpID))
	x.ok(expired, watch(smtpID), logLine(core.LogThrottleReleased, e))
}

func TestWakeupsKeepTheirIntervalAndLimits(t *testing.T) {
	x := booted(t)
	e := x.entry(1)
	failed := logLine(core.LogWakeupFailed, e)
	failed.Errno = core.ETIMEDOUT
	x.due(1)
	x.wait(1)
	x.not("a wakeup that hangs", verdict.RuleWakeLimit, expired)
	x.not("a wakeup that hangs unseen", verdict.RuleWakeLimit, expired, giveUp(1))
	x.ok(expired, giveUp(1), failed)
	x.due(60)
	x.wait(59)
	x.not("a wakeup left out", verdict.RuleWakeup, expired)
	x.not("a request number given twice", verdict.RuleIdentity, expired, core.Action{Kind: core.WakeService, Service: pickupID, Request: 1, Entry: e})
	x.ok(expired, x.wake(pickupID, e))
	refused := failed
	refused.Errno = core.ECONNREFUSED
	x.not("a failed wakeup unseen", verdict.RuleWakeup, core.WakeupFailedEvent(x.request, core.ECONNREFUSED))
	x.ok(core.WakeupFailedEvent(x.request, core.ECONNREFUSED), refused)
	x.not("a wakeup before its time", verdict.RuleWakeup, expired, x.wake(pickupID, e))
	x.wait(60)
	x.ok(expired, x.wake(pickupID, e))
	second := x.request
	x.ok(core.WakeupSentEvent(second))
	x.wait(60)
	x.ok(expired, x.wake(pickupID, e))
	x.ok(core.WakeupSentEvent(x.request))
	x.due(221)
	x.wait(41)
	timeout := logLine(core.LogWakeupTimeout, e)
	x.not("a receiver that never closes", verdict.RuleWakeLimit, expired)
	x.ok(expired, giveUp(second), timeout)
	x.ok(core.WakeupClosedEvent(x.request))
	x.due(240)
}

func TestThrottledServicesSkipTheirWakeups(t *testing.T) {
	p := pickup()
	p.WakeupInterval = 50 * core.Second
	x := bootedWith(t, leader, p)
	x.ok(core.WakeupSentEvent(1))
	x.ok(core.WakeupClosedEvent(1))
	e := x.entry(0)
	x.ok(core.ListenerReadyEvent(1), ignore(1), x.start(1, 1, false))
	x.ok(core.ChildStartedEvent(1, 1, 101))
	x.ok(core.ChildExitedEvent(1, 101, boom), exitLine(e, 1, boom), logLine(core.LogBadStartup, e))
	x.wait(50)
	x.not("a wakeup of a throttled service", verdict.RuleWakeup, expired, x.wake(1, e))
	x.ok(expired)
	x.due(60)
	x.wait(60) // the clock leaps over both
	x.ok(expired, watch(1), x.wake(1, e))
}

func TestPredictionsDoNotDependOnCopies(t *testing.T) {
	x := booted(t)
	x.spawn(smtpID, 1)
	c := x.m.Clone()
	x.ok(status(1, wire.Taken), watch(smtpID))
	if err := c.Observe(x.now, core.ChildExitedEvent(1, 101, 0), []core.Action{watch(smtpID)}); err != nil {
		t.Fatalf("the copy: %v", err)
	}
	x.ok(status(1, wire.Available), ignore(smtpID))
	if got := len(c.Watched()); got != 3 {
		t.Fatalf("the copy watches %d services, want 3", got)
	}
	if got := len(x.m.Watched()); got != 2 {
		t.Fatalf("the original watches %d services, want 2", got)
	}
	x.m.Reset(0, leader)
	if _, ok := x.m.Deadline(); ok || x.m.Watched() != nil {
		t.Fatal("a reset model remembers something")
	}
}
