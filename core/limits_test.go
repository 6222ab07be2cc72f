package core

// What happens at the very edge of each number and of each span.

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestStressIsForManyProcessesAndStrangersOnly(t *testing.T) {
	for _, x := range []struct {
		limit int32
		local bool
		want  bool
	}{{0, false, false}, {1, false, false}, {2, false, true}, {2, true, false}} {
		s := ServiceConfig{ProcessLimit: x.limit, LocalOnly: x.local}
		if got := s.StressAware(); got != x.want {
			t.Errorf("%+v: got %v", x, got)
		}
	}
}

// full returns a machine whose stress-aware service has no idle child left.
func full(t *testing.T, limit int32) *rig {
	r := started(t, inet(25, limit))
	for g := Generation(1); g <= Generation(limit); g++ {
		r.step(ListenerReadyEvent(1))
		r.say(g, wire.Taken)
	}
	r.state("25", StateSaturated)
	r.has("has reached its process limit")
	return r
}

func TestLimitIsWarnedOfAgainAfterMoreThanTheInterval(t *testing.T) {
	r := full(t, 2)
	begin := r.now
	for _, x := range []struct {
		at   Duration
		want bool
	}{{limitWarningInterval - 1, false}, {limitWarningInterval, false}, {limitWarningInterval + 1, true}, {limitWarningInterval + 2, false}} {
		r.wait(begin.Add(x.at).Sub(r.now))
		r.say(2, wire.Available)
		r.took()
		r.say(2, wire.Taken)
		if got := strings.Contains(strings.Join(r.took(), "\n"), "process limit"); got != x.want {
			t.Errorf("%d after the first: warned %v", x.at, got)
		}
	}
}

// At the instant at which stress mode ends its children are still under
// stress: they are not cut off again, but the next one starts without.
func TestStressEndsAtItsLastInstant(t *testing.T) {
	for _, x := range []struct {
		after Duration
		cut   bool
	}{{stressTime - 1, false}, {stressTime, false}, {stressTime + 1, true}} {
		r := full(t, 2)
		r.die(2, ExitedWith(0))
		r.wait(x.after)
		r.step(TimerExpiredEvent())
		r.took()
		if got, want := r.service("25").Stress, x.after < stressTime; got != want {
			t.Errorf("after %d: stress %v", x.after, got)
		}
		r.hangup(conf(inet(25, 3))) // room for one child that is not cut off
		r.step(ListenerReadyEvent(1))
		r.say(3, wire.Taken)
		r.took()
		r.step(ListenerReadyEvent(1))
		if got := strings.Contains(strings.Join(r.took(), "\n"), "retire-child generation=3"); got != x.cut {
			t.Errorf("after %d: cut off again %v", x.after, got)
		}
	}
}

func TestServiceWithoutWakeupsIsNeverWoken(t *testing.T) {
	r := started(t, unix("a", 1))
	if when, ok := r.m.Deadline(); ok {
		t.Errorf("a deadline at %d", when)
	}
}

func TestSettingsAtTheirLimits(t *testing.T) {
	many := func(n int) func(*ServiceConfig) {
		return func(s *ServiceConfig) {
			s.Endpoints = nil
			for i := range n {
				s.Endpoints = append(s.Endpoints, Endpoint{Path: fmt.Sprint(i)})
			}
		}
	}
	for _, x := range []struct {
		name   string
		change func(*ServiceConfig)
		want   string // "": accepted
	}{
		{"as_it_is", func(*ServiceConfig) {}, ""},
		{"behind_the_last_type", func(s *ServiceConfig) { s.Type = numServiceTypes }, "unknown transport type"},
		{"the_last_type", func(s *ServiceConfig) { s.Type = numServiceTypes - 1 }, ""},
		{"most_listeners", many(maxListeners), ""},
		{"one_listener_too_many", many(maxListeners + 1), "must have 1 to 1024 listeners"},
		{"no_limit", func(s *ServiceConfig) { s.ProcessLimit = 0 }, ""},
		{"negative_limit", func(s *ServiceConfig) { s.ProcessLimit = -1 }, "negative process limit"},
		{"no_wakeup", func(s *ServiceConfig) { s.WakeupInterval = 0 }, ""},
		{"shortest_wakeup", func(s *ServiceConfig) { s.WakeupInterval = Second }, ""},
		{"wakeup_too_short", func(s *ServiceConfig) { s.WakeupInterval = Second - 1 }, "wakeup time"},
		{"smallest_wakeup", func(s *ServiceConfig) { s.WakeupInterval = 1 }, "wakeup time"},
		{"negative_wakeup", func(s *ServiceConfig) { s.WakeupInterval = -1 }, "wakeup time"},
		{"shortest_throttle", func(s *ServiceConfig) { s.ThrottleDelay = Second }, ""},
		{"throttle_too_short", func(s *ServiceConfig) { s.ThrottleDelay = Second - 1 }, "throttle time"},
	} {
		t.Run(x.name, func(t *testing.T) {
			got := ConfigFault(conf(with(unix("a", 1), x.change)))
			if (got == "") != (x.want == "") || !strings.Contains(got, x.want) {
				t.Errorf("got %q, want %q", got, x.want)
			}
		})
	}
}

func TestPlanNoticesEveryChangeOfASetting(t *testing.T) {
	base := unix("a", 3)
	base.Args = []string{"-o", "x=1"}
	changed := func(s ServiceConfig) bool {
		r := started(t, base)
		e := r.m.Plan(conf(s)).Entries[0]
		if e.Kept != 1 {
			t.Fatalf("%+v is another service", s)
		}
		return e.Changed
	}
	for name, change := range map[string]func(*ServiceConfig){
		"name":          func(s *ServiceConfig) { s.Name = "b" },
		"unprivileged":  func(s *ServiceConfig) { s.Unprivileged = true },
		"chroot":        func(s *ServiceConfig) { s.Chroot = true },
		"local":         func(s *ServiceConfig) { s.LocalOnly = false },
		"wakeup":        func(s *ServiceConfig) { s.WakeupInterval = Second },
		"wakeup mark":   func(s *ServiceConfig) { s.WakeupIfUsed = true },
		"limit":         func(s *ServiceConfig) { s.ProcessLimit++ },
		"command":       func(s *ServiceConfig) { s.Command = "c" },
		"path":          func(s *ServiceConfig) { s.Path = "/c" },
		"throttle":      func(s *ServiceConfig) { s.ThrottleDelay++ },
		"owner":         func(s *ServiceConfig) { s.Owner.UID++ },
		"argument":      func(s *ServiceConfig) { s.Args = []string{"-o", "x=2"} },
		"more":          func(s *ServiceConfig) { s.Args = []string{"-o", "x=1", "-v"} },
		"fewer":         func(s *ServiceConfig) { s.Args = []string{"-o"} },
		"none":          func(s *ServiceConfig) { s.Args = nil },
		"first of args": func(s *ServiceConfig) { s.Args = []string{"-v", "x=1"} },
	} {
		if !changed(with(base, change)) {
			t.Errorf("%s: the change is not noticed", name)
		}
	}
	if changed(with(base, func(s *ServiceConfig) { s.Line, s.Backlog = 9, 9; s.Args = []string{"-o", "x=1"} })) {
		t.Error("a change where there is none")
	}
}

func TestOnlyTheFirstFailedListenersAreTold(t *testing.T) {
	r := started(t, unix("a", 1))
	var services []ServiceConfig
	for port := range uint16(maxFailureLines + 2) {
		services = append(services, inet(1000+port, 1))
		r.refuse[fmt.Sprintf("0.0.0.0:%d", 1000+port)] = EADDRINUSE
	}
	r.hangup(conf(services...))
	told := 0
	for _, line := range r.took() {
		if strings.HasPrefix(line, "log error: bind ") {
			if want := fmt.Sprintf("port %d:", 1000+told); !strings.Contains(line, want) {
				t.Errorf("got %s, want %s", line, want)
			}
			told++
		}
	}
	if told != maxFailureLines {
		t.Errorf("%d failures are told, want %d", told, maxFailureLines)
	}
}

func TestOfErrorsAtStartTheFirstIsTheLastLine(t *testing.T) {
	r := newRig(t, MachineOptions{})
	r.step(ConfigRejectedEvent(0, &Config{Diagnostics: []Diagnostic{
		{Severity: Error, Text: "first"}, {Severity: Warning, Text: "w"}, {Severity: Error, Text: "second", Hint: "mend"},
	}}))
	r.want("log info: also w", "log info: also second (mend)", "log fatal: first", "exit signal=0 code=1")
}

func TestRefusalWithoutAReasonSaysSo(t *testing.T) {
	r := newRig(t, MachineOptions{})
	r.step(ConfigRejectedEvent(0, &Config{Diagnostics: []Diagnostic{{Severity: Warning, Text: "w"}}}))
	r.want("log warning: w", "log fatal: the configuration was refused without a reason", "exit signal=0 code=1")
}

// broken returns the value that the function panics with.
func broken(t *testing.T, f func()) (b BrokenInvariant) {
	t.Helper()
	defer func() {
		var ok bool
		if b, ok = recover().(BrokenInvariant); !ok {
			t.Error("no invariant was broken")
		}
	}()
	f()
	return b
}

func TestAnswerForAListenerThatIsNotThereIsABrokenInvariant(t *testing.T) {
	for _, ev := range []Event{ListenerOpenedEvent(1, 1), ListenerOpenedEvent(2, 0), ListenerFailedEvent(1, 1, StepBind, EIO)} {
		m := New(0, MachineOptions{})
		m.Step(0, ConfigLoadedEvent(0, conf(unix("a", 1))))
		b := broken(t, func() { m.Step(0, ev) })
		if want := (BrokenInvariant{Step: 2, What: "an answer names a listener that was asked for"}); b != want {
			t.Errorf("%s: got %+v", ev.AppendText(nil), b)
		}
		if text := b.Error(); !strings.Contains(text, b.What) {
			t.Errorf("got %q", text)
		}
	}
}

func TestEventsOfUnknownKindsAreBrokenInvariants(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, kind := range []EventKind{EventNone, numEventKinds, 255} {
			m := New(0, MachineOptions{Strict: strict})
			broken(t, func() { m.Step(0, Event{Kind: kind}) })
		}
	}
	m := New(5, MachineOptions{})
	broken(t, func() { m.Step(4, TimerExpiredEvent()) })
}

func TestEventsWithForeignFieldsAreRefusedWhenStrict(t *testing.T) {
	for name, ev := range map[string]Event{
		"signal": {Signal: 1}, "step": {ListenStep: 1}, "start": {StartStep: 1}, "count": {N: 1}, "bytes": {Bytes: [wire.StatusSize]byte{1}},
		"listener": {Listener: 1}, "errno": {Errno: 1}, "status": {Status: 1}, "pid": {PID: 1}, "service": {Service: 1},
		"generation": {Generation: 1}, "request": {Request: 1}, "config": {Config: &Config{}},
	} {
		ev.Kind = TimerExpired
		if ev.wellFormed() {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTableGivesConsecutiveNumbersTheirOwnCells(t *testing.T) {
	var x table[int]
	for key := range uint64(1000) {
		x.put(key+1, new(int))
	}
	furthest := uint64(0)
	for i, c := range x.cells {
		if c.key != 0 {
			furthest = max(furthest, (uint64(i)-x.home(c.key))&uint64(len(x.cells)-1))
		}
	}
	if furthest > 8 {
		t.Errorf("one of them stands %d cells from where it is looked for first", furthest)
	}
}

func TestNothingExpiresAfterTheExitTime(t *testing.T) {
	r := newRig(t, MachineOptions{ExitSet: true, ExitAfter: 50 * Second})
	r.step(ConfigLoadedEvent(0, conf(waking(unix("a", 1), 60*Second, false))))
	r.step(WakeupSentEvent(1))
	r.step(WakeupClosedEvent(1))
	r.took()
	r.now = r.now.Add(200 * Second)
	r.step(TimerExpiredEvent())
	r.want("log info: master exit time has arrived", "exit signal=0 code=0")
}

// The spans of spec runtime, 8 and 9, and of our own rules, in numbers.
func TestSpansAreAsLongAsTheyAreSaidToBe(t *testing.T) {
	for _, x := range []struct {
		name  string
		begin func(r *rig)
		span  Duration
		want  string
	}{
		{"closed channel", func(r *rig) {
			r.step(WakeupSentEvent(1))
			r.step(WakeupClosedEvent(1))
			r.step(ChildChannelClosedEvent(1))
		}, 1000 * Millisecond, "is still running"},
		{"wakeup under way", func(*rig) {}, 1000 * Millisecond, "Connection timed out"},
		{"wakeup held", func(r *rig) { r.step(WakeupSentEvent(1)) }, 101_000 * Millisecond, "read timeout"},
		{"removal", func(r *rig) { r.hangup(conf()) }, 5000 * Millisecond, "signal=9"},
	} {
		t.Run(strings.ReplaceAll(x.name, " ", "_"), func(t *testing.T) {
			r := started(t, waking(unix("a", 1), 3600*Second, false))
			r.step(ListenerReadyEvent(1))
			x.begin(r)
			r.took()
			r.wait(x.span - 1)
			r.want()
			r.wait(1)
			r.has(x.want)
		})
	}
}
