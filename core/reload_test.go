package core

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestReloadRetiresChildrenAndKeepsListeners(t *testing.T) {
	r := started(t, waking(unix("a", 3), 60*Second, false))
	r.step(WakeupSentEvent(1))
	r.step(ListenerReadyEvent(1))
	r.say(1, wire.Taken)
	r.step(ListenerReadyEvent(1))
	r.took()
	r.hangup(conf(waking(unix("a", 3), 60*Second, false)))
	r.want(
		"log info: reload -- version 3.7.11, configuration /etc/postfix",
		"load-config request=2",
		"retire-child generation=1",
		"retire-child generation=2",
		`wake-service request=3 service=1 entry="private/a/unix"`,
		"apply-config",
		"watch-listener service=1",
	)
	if s := r.service("a"); s.Total != 2 || s.Retired != 2 || s.Idle != 0 {
		t.Errorf("got %+v", s)
	}
	r.say(1, wire.Available) // a report that was queued at the cut
	r.want()
	r.die(1, ExitedWith(0))
	r.die(2, ExitedWith(0))
	r.want()
}

func TestRefusedReloadChangesNothing(t *testing.T) {
	r := started(t, unix("a", 1))
	r.step(ListenerReadyEvent(1))
	r.took()
	r.hangup(nil)
	got := strings.Join(r.took(), "\n")
	if !strings.Contains(got, "log error: bad (good)") || !strings.Contains(got, "log warning: reload refused") || strings.Contains(got, "retire") {
		t.Errorf("got:\n%s", got)
	}
	r.state("a", StateServing)
}

func TestReloadIsUndoneWhenAListenerCannotBeHad(t *testing.T) {
	r := started(t, unix("a", 1))
	r.step(ListenerReadyEvent(1))
	r.refuse["0.0.0.0:26"] = EADDRINUSE
	r.took()
	pass := unix("a", 1)
	pass.Type = Pass
	r.hangup(conf(inet(25, 1), inet(26, 1), unix("a", 1)))
	got := strings.Join(r.took(), "\n")
	for _, line := range []string{
		"abandon-listener service=2 listener=0",
		"log error: bind 0.0.0.0 port 26: Address already in use",
		"log warning: reload refused",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("got:\n%s\nwant: %s", got, line)
		}
	}
	if v := r.m.View(); len(v.Services) != 1 || v.Epoch != 1 || v.Loading {
		t.Errorf("got %+v", v)
	}
	r.state("a", StateServing)
}

func TestHangupsDuringReloadMeanOneMore(t *testing.T) {
	r := started(t, unix("a", 1))
	r.hold = true
	r.step(SignalReceivedEvent(SIGHUP))
	r.step(SignalReceivedEvent(SIGHUP))
	r.step(SignalReceivedEvent(SIGHUP))
	r.took()
	r.step(ConfigLoadedEvent(r.request, conf(unix("a", 1))))
	r.has("load-config request=2")
	r.step(ConfigLoadedEvent(r.request, conf(unix("a", 1))))
	r.want("apply-config")
}

func TestRemovedServiceEndsWithoutWaiting(t *testing.T) {
	r := started(t, unix("a", 2), unix("b", 1))
	r.step(ListenerReadyEvent(1))
	r.say(1, wire.Taken)
	r.step(ListenerReadyEvent(1))
	r.took()
	r.hangup(conf(unix("b", 1)))
	r.want(
		"log info: reload -- version 3.7.11, configuration /etc/postfix", "load-config request=1",
		"signal-child generation=1 pid=101 signal=15", "retire-child generation=1",
		"signal-child generation=2 pid=102 signal=15", "retire-child generation=2",
		"close-listener service=1 listener=0",
		"apply-config",
	)
	r.die(1, KilledBy(SIGTERM))
	r.want() // our own signal is no news
	r.step(ListenerReadyEvent(2))
	r.has("start-child service=2")
	r.wait(removalGrace)
	r.want(
		"log warning: service a(private/a) was removed; its process /d/ad pid 102 is still alive 5 s after SIGTERM, sending SIGKILL",
		"signal-child generation=2 pid=102 signal=9",
	)
	r.die(2, KilledBy(SIGKILL))
	r.want()
	if n := len(r.m.View().Services); n != 1 {
		t.Errorf("got %d services, want 1", n)
	}
}

func TestReturningServiceIsHeld(t *testing.T) {
	pass := unix("a", 1)
	pass.Type = Pass
	other := unix("a", 1)
	other.Canonical, other.Endpoints = "public/a", []Endpoint{{Path: "public/a"}}
	for _, test := range []struct {
		name   string
		comes  ServiceConfig
		direct bool // without a reload in between that removes it
	}{{"same", unix("a", 1), false}, {"other_type", pass, true}, {"other_privacy", other, true}} {
		t.Run(test.name, func(t *testing.T) {
			r := started(t, unix("a", 1))
			r.step(ListenerReadyEvent(1))
			if !test.direct {
				r.hangup(conf())
			}
			r.hangup(conf(test.comes))
			r.state("a", StateHeld)
			r.took()
			r.step(ListenerReadyEvent(2))
			r.want()
			r.die(1, KilledBy(SIGTERM))
			r.want("watch-listener service=2")
			r.state("a", StateIdle)
		})
	}
}

func TestHeldServiceMayGoAndComeAgain(t *testing.T) {
	r := started(t, unix("a", 1))
	r.step(ListenerReadyEvent(1))
	r.hangup(conf())
	r.hangup(conf(unix("a", 1)))
	r.state("a", StateHeld)
	r.hangup(conf())
	r.hangup(conf(unix("a", 1)))
	r.state("a", StateHeld)
	r.die(1, ExitedWith(0))
	r.state("a", StateIdle)
}

func TestListenerIsTakenOver(t *testing.T) {
	renamed := inet(25, 1)
	renamed.Name, renamed.Canonical = "0.0.0.0:25", "[0.0.0.0]:25"
	r := started(t, inet(25, 1))
	r.hangup(conf(renamed))
	r.want(
		"log info: reload -- version 3.7.11, configuration /etc/postfix", "load-config request=1",
		"ignore-listener service=1", "move-listener service=1 listener=0 to=2 to-listener=0",
		"apply-config", "watch-listener service=2",
	)
}

func TestOfTwoListenersOnOnePathTheLatestIsTakenOver(t *testing.T) {
	pass := unix("a", 1)
	pass.Type = Pass
	other := unix("b", 1)
	other.Endpoints = []Endpoint{{Path: "private/a"}}
	r := started(t, unix("a", 1))
	r.hangup(conf(pass, unix("a", 1))) // the later service, first in the file, has its own file at the path
	r.took()
	r.hangup(conf(other))
	got := strings.Join(r.took(), "\n")
	if !strings.Contains(got, "move-listener service=2 listener=0 to=3 to-listener=0") || !strings.Contains(got, "close-listener service=1") {
		t.Errorf("got:\n%s", got)
	}
}

func TestPathThatAServiceTookIsGivenBackWhenItGoes(t *testing.T) {
	for name, taker := range map[string]struct {
		kind ServiceType
		want []string
	}{
		"by one of its kind": {Pass, []string{"move-listener service=2 listener=0 to=3 to-listener=0"}},
		"by another kind": {UnixDatagram, []string{
			`open-listener service=3 listener=0 displace=1 entry="private/a/unix" endpoint="private/a"`, "close-listener service=2", "commit-listener service=3",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			later := unix("a", 1)
			later.Type = taker.kind
			r := started(t, unix("a", 1))
			r.hangup(conf(unix("a", 1), later))
			r.took()
			r.hangup(conf(unix("a", 1), later))
			if got := strings.Join(r.took(), "\n"); strings.Contains(got, "listener=") {
				t.Fatalf("a reload of the same:\n%s", got)
			}
			r.hangup(conf(unix("a", 1)))
			got := strings.Join(r.took(), "\n")
			for _, want := range append(taker.want, "close-listener service=1", "watch-listener service=3") {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in:\n%s", want, got)
				}
			}
		})
	}
}

func TestListenerAtAPathThatManyWantIsNotTakenOver(t *testing.T) {
	pass, fifo := unix("a", 1), unix("a", 1)
	pass.Type, fifo.Type = Pass, FIFO
	r := started(t, unix("a", 1))
	r.hangup(conf(fifo, pass)) // pass could take over what unix has, but the FIFO would have its file
	got := strings.Join(r.took(), "\n")
	if strings.Contains(got, "move-listener") || strings.Count(got, "displace=1") != 2 || !strings.Contains(got, "close-listener service=1") {
		t.Errorf("got:\n%s", got)
	}
}

func TestListenerWhosePathAnotherHasIsNotTakenOver(t *testing.T) {
	pass, fifo := unix("a", 1), unix("a", 1)
	pass.Type, fifo.Type = Pass, FIFO
	r := started(t, unix("a", 1), fifo)
	r.hangup(conf(fifo, pass))
	got := strings.Join(r.took(), "\n")
	if strings.Contains(got, "move-listener") || strings.Count(got, "displace=1") != 1 || !strings.Contains(got, "close-listener service=1") {
		t.Errorf("got:\n%s", got)
	}
}

func TestSpellingsOfAPathAreOnePath(t *testing.T) {
	other := unix("./a", 1)
	r := started(t, unix("a", 1))
	r.hangup(conf(unix("a", 1), other))
	r.has(`displace=1 entry="private/./a/unix"`)
}

func TestPathOfAnotherKindIsSetAsideFirst(t *testing.T) {
	dgram := unix("a", 1)
	dgram.Type = UnixDatagram
	r := started(t, unix("a", 1))
	r.hold = true
	r.step(SignalReceivedEvent(SIGHUP))
	r.took()
	r.step(ConfigLoadedEvent(r.request, conf(inet(25, 1), dgram)))
	r.want(`open-listener service=2 listener=0 entry="25/inet" endpoint="0.0.0.0:25"`)
	r.step(ListenerOpenedEvent(2, 0))
	r.want(`open-listener service=3 listener=0 displace=1 entry="private/a/unix-dgram" endpoint="private/a"`)
	r.step(ListenerOpenedEvent(3, 0))
	r.want("ignore-listener service=1", "close-listener service=1 listener=0", "commit-listener service=3 listener=0", "apply-config",
		"watch-listener service=2", "watch-listener service=3")
}

func TestReloadMeetsPendingStart(t *testing.T) {
	r := started(t, unix("a", 2))
	r.hold = true
	r.step(ListenerReadyEvent(1))
	r.step(SignalReceivedEvent(SIGHUP))
	r.step(ConfigLoadedEvent(r.request, conf(unix("a", 2))))
	r.state("a", StateStarting)
	r.took()
	r.step(r.done(r.asked[0]))
	r.want("retire-child generation=1", "watch-listener service=1")
}

func TestRemovalMeetsPendingStart(t *testing.T) {
	r := started(t, unix("a", 2))
	r.hold = true
	r.step(ListenerReadyEvent(1))
	r.step(SignalReceivedEvent(SIGHUP))
	r.step(ConfigLoadedEvent(r.request, conf()))
	r.took()
	r.step(r.done(r.asked[0]))
	r.want("signal-child generation=1 pid=101 signal=15", "retire-child generation=1")
	r.wait(removalGrace)
	r.has("signal=9")
}

func TestLimitLoweredBelowTheLiving(t *testing.T) {
	r := started(t, unix("a", 3))
	for g := Generation(1); g <= 3; g++ {
		r.step(ListenerReadyEvent(1))
		r.say(g, wire.Taken)
	}
	r.hangup(conf(unix("a", 1)))
	r.took()
	r.state("a", StateSaturated)
	for g := Generation(1); g <= 2; g++ {
		r.die(g, ExitedWith(0))
		r.state("a", StateSaturated)
	}
	r.want()
	r.die(3, ExitedWith(0))
	r.want("watch-listener service=1")
}

func TestThrottleOutlivesReload(t *testing.T) {
	for _, clears := range []bool{false, true} {
		r := started(t, unix("a", 1))
		r.step(ListenerReadyEvent(1))
		r.die(1, ExitedWith(1))
		c := conf(unix("a", 1))
		c.ReloadClearsThrottle = clears
		r.hangup(c)
		if got := r.service("a").Throttled; got == clears {
			t.Errorf("ReloadClearsThrottle %v: throttled %v", clears, got)
		}
		r.took()
		r.wait(60 * Second)
		r.state("a", StateIdle)
	}
}

func TestContradictoryConfigIsRefused(t *testing.T) {
	tests := []struct {
		name     string
		services []ServiceConfig
		want     string
	}{
		{"twice", []ServiceConfig{unix("a", 1), unix("a", 2)}, "has two entries for private/a/unix"},
		{"no_listener", []ServiceConfig{with(unix("a", 1), func(s *ServiceConfig) { s.Endpoints = nil })}, "must have 1 to 1024 listeners"},
		{"no_type", []ServiceConfig{with(unix("a", 1), func(s *ServiceConfig) { s.Type = 0 })}, "unknown transport type"},
		{"no_throttle", []ServiceConfig{with(unix("a", 1), func(s *ServiceConfig) { s.ThrottleDelay = 0 })}, "throttle time"},
		{"wrong_kind", []ServiceConfig{with(unix("a", 1), func(s *ServiceConfig) { s.Type = Inet })}, "a listener of the wrong kind"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := started(t, unix("b", 1))
			r.hangup(conf(test.services...))
			r.has(test.want)
			r.state("b", StateIdle)
		})
	}
}

// The daemon catches no signal before its first configuration is in force, so no world
// of the simulator comes to this.
func TestHangupBeforeTheFirstConfigurationIsRemembered(t *testing.T) {
	m := New(0, MachineOptions{Strict: true})
	m.Step(0, SignalReceivedEvent(SIGHUP))
	actions := m.Step(0, ConfigLoadedEvent(0, &Config{}))
	if last := actions[len(actions)-1]; last.Kind != LoadConfig {
		t.Errorf("after the start comes %v, want %v", last.Kind, LoadConfig)
	}
}
