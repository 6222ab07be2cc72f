package core

// What the adapter owes the machine, and what the machine keeps apart.

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestOnlyTheSignalThatWeSentIsNoNews(t *testing.T) {
	for _, x := range []struct {
		terminated, killed bool
		status             ExitStatus
		news               bool
	}{
		{false, false, KilledBy(SIGTERM), true},
		{true, false, KilledBy(SIGTERM), false},
		{true, false, KilledBy(SIGSEGV), true},
		{true, false, KilledBy(SIGKILL), true},
		{true, true, KilledBy(SIGKILL), false},
		{true, true, KilledBy(SIGTERM), false},
		{true, true, KilledBy(SIGSEGV), true},
		{true, true, ExitedWith(uint8(SIGTERM)), true},
		{true, true, ExitedWith(0), false},
	} {
		r := started(t, unix("a", 1))
		r.step(ListenerReadyEvent(1))
		if x.terminated {
			r.hangup(conf())
		}
		if x.killed {
			r.wait(removalGrace)
		}
		r.took()
		r.die(1, x.status)
		if got := strings.Contains(strings.Join(r.took(), "\n"), "log warning: process"); got != x.news {
			t.Errorf("SIGTERM sent %v, SIGKILL sent %v, %v: told %v", x.terminated, x.killed, x.status, got)
		}
	}
}

func TestWakeupOfAUsedServiceIsSentOnceForAllStarts(t *testing.T) {
	r := started(t, waking(unix("a", 3), 60*Second, true))
	r.step(ListenerReadyEvent(1))
	r.has("wake-service request=1")
	r.step(WakeupSentEvent(1))
	r.step(WakeupClosedEvent(1))
	for g := Generation(1); g <= 2; g++ {
		r.say(g, wire.Taken)
		r.took()
		r.step(ListenerReadyEvent(1))
		if got := strings.Join(r.took(), "\n"); strings.Contains(got, "wake-service") {
			t.Errorf("got:\n%s", got)
		}
	}
	r.wait(60 * Second)
	r.has("wake-service request=2")
}

func TestRemovedServiceIsNotWokenByALateStart(t *testing.T) {
	r := started(t, waking(unix("a", 1), 60*Second, true))
	r.hold = true
	r.step(ListenerReadyEvent(1))
	r.step(SignalReceivedEvent(SIGHUP))
	r.step(ConfigLoadedEvent(r.request, conf()))
	r.took()
	r.step(r.done(r.asked[0]))
	r.want("signal-child generation=1 pid=101 signal=15", "retire-child generation=1")
}

func TestAnswersNobodyWaitsForAreBrokenInvariants(t *testing.T) {
	for _, x := range []struct {
		name  string
		begin func(r *rig)
		ev    func(r *rig) Event
		want  string
	}{
		{"configuration without a question", func(*rig) {}, func(*rig) Event { return ConfigLoadedEvent(0, conf()) }, "a configuration answers LoadConfig"},
		{"configuration of another request", func(r *rig) { r.step(SignalReceivedEvent(SIGHUP)) }, func(r *rig) Event { return ConfigLoadedEvent(r.request+1, conf()) }, "a configuration answers LoadConfig"},
		{"refusal without a question", func(*rig) {}, func(*rig) Event { return ConfigRejectedEvent(0, &Config{}) }, "a configuration answers LoadConfig"},
		{"configuration after its refusal", func(r *rig) { r.step(SignalReceivedEvent(SIGHUP)); r.step(ConfigRejectedEvent(r.request, &Config{})) }, func(r *rig) Event { return ConfigLoadedEvent(r.request, conf()) }, "a configuration answers LoadConfig"},
		{"no configuration", func(r *rig) { r.step(SignalReceivedEvent(SIGHUP)) }, func(r *rig) Event { return ConfigLoadedEvent(r.request, nil) }, "a configuration comes with its diagnostics"},
		{"start of nobody", func(*rig) {}, func(*rig) Event { return ChildStartedEvent(1, 1, 101) }, "ChildStarted answers a start"},
		{"second start", func(r *rig) { r.step(ListenerReadyEvent(1)); r.step(ChildStartedEvent(1, 1, 101)) }, func(*rig) Event { return ChildStartedEvent(1, 1, 102) }, "ChildStarted answers a start"},
		{"failure of nobody", func(*rig) {}, func(*rig) Event { return ChildStartFailedEvent(1, 1, StartFork, EAGAIN) }, "ChildStartFailed answers a start"},
		{"failure after the start", func(r *rig) { r.step(ListenerReadyEvent(1)); r.step(ChildStartedEvent(1, 1, 101)) }, func(*rig) Event { return ChildStartFailedEvent(1, 1, StartFork, EAGAIN) }, "ChildStartFailed answers a start"},
		{"exit of another pid", func(r *rig) { r.step(ListenerReadyEvent(1)); r.step(ChildStartedEvent(1, 1, 101)) }, func(*rig) Event { return ChildExitedEvent(1, 102, 0) }, "the exited child is one that was started"},
		{"exit before the start", func(r *rig) { r.step(ListenerReadyEvent(1)) }, func(*rig) Event { return ChildExitedEvent(1, 0, 0) }, "the exited child is one that was started"},
		{"second answer of a listener", func(*rig) {}, func(*rig) Event { return ListenerOpenedEvent(1, 0) }, "OpenListener is answered once"},
	} {
		t.Run(strings.ReplaceAll(x.name, " ", "_"), func(t *testing.T) {
			r := started(t, unix("a", 1))
			r.hold = true
			x.begin(r)
			if got := broken(t, func() { r.m.Step(r.now, x.ev(r)) }); got.What != x.want {
				t.Errorf("got %q, want %q", got.What, x.want)
			}
		})
	}
}

func TestFirstConfigurationIsAskedForByNoRequest(t *testing.T) {
	for _, ev := range []Event{ConfigLoadedEvent(1, conf()), ConfigRejectedEvent(1, &Config{})} {
		if got := broken(t, func() { New(0, MachineOptions{}).Step(0, ev) }); got.What != "the first configuration comes once" {
			t.Errorf("got %q", got.What)
		}
	}
	m := New(0, MachineOptions{})
	m.Step(0, ConfigLoadedEvent(0, conf(unix("a", 1))))
	if got := broken(t, func() { m.Step(0, ConfigLoadedEvent(0, conf())) }); got.What != "the first configuration comes once" {
		t.Errorf("got %q", got.What)
	}
}
