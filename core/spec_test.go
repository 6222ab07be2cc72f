package core

// Rules of spec runtime, sections 8 to 12, whose cases make a table. Those that are
// a story are in testdata, see trace_test.go.

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestLimitZeroMeansNone(t *testing.T) {
	r := started(t, unix("a", 0))
	for g := Generation(1); g <= 200; g++ {
		r.step(ListenerReadyEvent(1))
		r.say(g, wire.Taken)
	}
	if s := r.service("a"); s.Busy != 200 || !s.Watching {
		t.Errorf("got %+v", s)
	}
}

func TestThrottle(t *testing.T) {
	tests := []struct {
		name      string
		before    func(r *rig)
		status    ExitStatus
		throttled bool
		why       string
	}{
		{"exit_before_first_use", func(*rig) {}, ExitedWith(1), true, "bad startup"},
		{"killed_before_first_use", func(*rig) {}, KilledBy(11), true, "bad startup"},
		{"exit_zero_before_first_use", func(*rig) {}, ExitedWith(0), false, "a voluntary exit is no fault"},
		{"crash_in_first_request", func(r *rig) { r.say(1, wire.Taken) }, ExitedWith(1), true, "no report of available yet"},
		{"crash_after_first_request", func(r *rig) { r.say(1, wire.Taken); r.say(1, wire.Available) }, ExitedWith(1), false, "it has served"},
		{"crash_in_second_request", func(r *rig) { r.say(1, wire.Taken); r.say(1, wire.Available); r.say(1, wire.Taken) }, KilledBy(9), false, "it has served"},
		{"available_without_taken", func(r *rig) { r.say(1, wire.Available) }, ExitedWith(1), true, "a report of what is known counts for nothing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := started(t, unix("a", 1))
			r.step(ListenerReadyEvent(1))
			test.before(r)
			r.took()
			r.die(1, test.status)
			if got := r.service("a").Throttled; got != test.throttled {
				t.Errorf("throttled: got %v, want %v: %s", got, test.throttled, test.why)
			}
			if test.throttled {
				r.want("log warning: process /d/ad pid 101 "+test.status.String(), "log warning: /d/ad: bad command startup -- throttling")
				r.wait(60*Second - 1)
				r.state("a", StateThrottled)
				r.wait(1)
				r.want("watch-listener service=1")
			}
		})
	}
}

func TestStartFailures(t *testing.T) {
	tests := []struct {
		name string
		fail Failed
		want []string
	}{
		{"fork", Failed{StartFork, EAGAIN}, []string{"log warning: master_spawn: fork: Resource temporarily unavailable -- throttling"}},
		{"channel", Failed{StartChannel, EMFILE}, []string{"log warning: master_spawn: no status channel for /d/ad (Too many open files) -- throttling"}},
		{"exec", Failed{StartExec, ENOENT}, []string{
			"log warning: master_spawn: exec /d/ad: No such file or directory",
			"log warning: /d/ad: bad command startup -- throttling",
		}},
		{"exec that hangs", Failed{StartExec, ETIMEDOUT}, []string{
			"log warning: master_spawn: exec /d/ad: Connection timed out -- the file system that holds the program does not respond; " +
				"the process is killed, and clients wait until the file system responds and the throttle time is over",
			"log warning: /d/ad: bad command startup -- throttling",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := started(t, unix("a", 1))
			r.fail["/d/ad"] = test.fail
			r.step(ListenerReadyEvent(1))
			got := r.took()
			if strings.Join(got[2:], "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got %q, want %q", got[2:], test.want)
			}
			r.state("a", StateThrottled)
			delete(r.fail, "/d/ad")
			r.wait(60 * Second)
			r.state("a", StateIdle)
			r.step(ListenerReadyEvent(1))
			r.state("a", StateServing)
		})
	}
}

func TestStatusMessages(t *testing.T) {
	var bytes [wire.StatusSize]byte
	tests := []struct {
		name string
		ev   Event
		want []string
		idle int32
	}{
		{"taken", report(1, 101, 1, wire.Taken), []string{"watch-listener service=1"}, 0},
		{"repeated", report(1, 101, 1, wire.Available), nil, 1},
		{"partial", StatusReceivedEvent(1, bytes, 5), []string{"log warning: service a(private/a): child (pid 101) sent partial status update (5 bytes)"}, 1},
		{"foreign_pid", report(1, 7, 1, wire.Taken), []string{"log warning: service a(private/a): child (pid 101) sent a status update for pid 7, ignored"}, 1},
		{"stale_generation", report(1, 101, 9, wire.Taken), []string{"log info: ignoring status update from child pid 101 generation 9"}, 1},
		{"unknown_status", report(1, 101, 1, 7), []string{"log warning: master_status_event: ignoring unknown status: 7 allegedly from pid: 101"}, 1},
		{"unknown_channel", report(99, 101, 1, wire.Taken), nil, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := started(t, unix("a", 2))
			r.step(ListenerReadyEvent(1))
			r.took()
			r.step(test.ev)
			r.want(test.want...)
			if got := r.service("a").Idle; got != test.idle {
				t.Errorf("idle: got %d, want %d", got, test.idle)
			}
		})
	}
}

func TestNonsenseIsMuted(t *testing.T) {
	r := started(t, unix("a", 2))
	r.step(ListenerReadyEvent(1))
	r.took()
	for range 1000 {
		r.step(report(1, 101, 1, 7))
	}
	if got := r.took(); len(got) != complaintLimit || !strings.Contains(got[len(got)-1], "no more of them are logged") {
		t.Errorf("got %d lines, the last: %s", len(got), got[len(got)-1])
	}
}

func TestSignalsEndTheProcess(t *testing.T) {
	for _, sig := range []Signal{SIGINT, SIGQUIT, SIGILL, SIGBUS, SIGSEGV, SIGTERM} {
		r := started(t, unix("a", 1))
		r.step(SignalReceivedEvent(sig))
		if got := r.took(); got[0] != "signal-group signal=15" || r.exit == nil || r.exit.Signal != sig {
			t.Errorf("signal %d: got %q", sig, got)
		}
		r.step(SignalReceivedEvent(SIGHUP))
		r.want()
	}
}

func TestOtherSignalsAreNoneOfOurs(t *testing.T) {
	r := started(t, unix("a", 1))
	r.step(SignalReceivedEvent(10))
	r.want()
}

func TestExitTimeBesideAnotherTimer(t *testing.T) {
	r := newRig(t, MachineOptions{ExitSet: true, ExitAfter: 100 * Second})
	r.step(ConfigLoadedEvent(0, conf(unix("a", 1))))
	r.step(ListenerReadyEvent(1))
	r.die(1, ExitedWith(1)) // throttled for 60 s
	r.took()
	r.now = r.now.Add(200 * Second)
	r.step(TimerExpiredEvent())
	r.want("log info: master exit time has arrived", "exit signal=0 code=0")
}

func TestReportOfRetiredChildRepeatsNoWarning(t *testing.T) {
	r := started(t, inet(25, 2))
	r.step(ListenerReadyEvent(1))
	r.say(1, wire.Taken)
	r.step(ListenerReadyEvent(1)) // the last slot: the first child is cut off
	r.say(2, wire.Taken)
	r.has("has reached its process limit")
	r.wait(2000 * Second)
	r.took()
	r.say(1, wire.Available)
	r.want()
}

func TestSeveralFailuresAtStartEndWithTheFirst(t *testing.T) {
	r := newRig(t, MachineOptions{})
	r.refuse["0.0.0.0:25"], r.refuse["private/a"] = EADDRINUSE, EISDIR
	r.step(ConfigLoadedEvent(0, conf(inet(25, 1), unix("a", 1))))
	got := r.took()[2:]
	if len(got) != 4 || !strings.HasPrefix(got[0], "log info:") || !strings.HasPrefix(got[1], "log info:") ||
		got[2] != "log fatal: bind 0.0.0.0 port 25: Address already in use" || got[3] != "exit signal=0 code=1" {
		t.Errorf("got %q", got)
	}
}

func TestStartFailsOnRejectedConfig(t *testing.T) {
	r := newRig(t, MachineOptions{})
	r.step(ConfigRejectedEvent(0, &Config{Diagnostics: []Diagnostic{
		{Severity: Warning, Text: "w"},
		{Severity: Error, Text: "first", Hint: "mend"},
		{Severity: Error, Text: "second"},
	}}))
	r.want("log warning: w", "log info: mend", "log info: also second", "log fatal: first", "exit signal=0 code=1")
}

func TestRejectedConfigIsToldWithItsPlace(t *testing.T) {
	diagnostics := []Diagnostic{
		{Severity: Error, File: "/c/m.cf", Line: 3, Text: "first", Hint: "mend"},
		{Severity: Error, File: "/c/m.cf", Line: 4, Text: "/c/m.cf: line 4: second", Hint: "mend"},
		{Severity: Error, File: "/c/m.cf", Line: 5, Text: "third"},
		{Severity: Error, File: "/c/m.cf", Text: "fourth", Hint: "mend"},
	}
	r := newRig(t, MachineOptions{})
	r.step(ConfigRejectedEvent(0, &Config{Diagnostics: diagnostics}))
	r.want("log info: mend; see /c/m.cf, line 3",
		"log info: also /c/m.cf: line 4: second (mend)",
		"log info: also third (see /c/m.cf, line 5)",
		"log info: also fourth (mend)",
		"log fatal: first", "exit signal=0 code=1")
}
