package osadapter

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/osadapter/journal"
)

// A real run with everything in it that a daemon meets: clients, crashes, a
// program that is missing, throttles, wakeups, reloads that are accepted and
// refused, services that go and come. What was recorded replays to the last
// byte, over all the snapshots on the way.
func TestRealRunReplaysToTheLastByte(t *testing.T) {
	begun := time.Now()
	file := filepath.Join(t.TempDir(), "recording")
	note := filepath.Join(t.TempDir(), "note")
	woken := local("woken", "note:"+note, 1)
	woken.WakeupInterval = core.Second
	missing := local("missing", "plain", 1)
	missing.Path = "/nonexistent/program"
	services := func() []core.ServiceConfig {
		return []core.ServiceConfig{
			local("a", "plain", 2), local("once", "oneshot", 5), local("crash", "crash", 1), woken, missing, local("busy", "busy", 3),
		}
	}
	var recorder *journal.Journal
	s := openWith(t, clock.New(), func(s *station) {
		recorder = journal.New(s.machine, 4<<10, journal.Hooks{
			Warn: func(text string) { t.Error(text) },
		})
		recorder.Apply(file, 64<<20)
		s.loop.driver.hooks.Journal = recorder
	}, services()...)
	session, err := net.Dial("unix", s.path("busy"))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	line(t, session)
	for _, name := range []string{"crash", "missing"} {
		c, err := net.Dial("unix", s.path(name))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	rounds, clients := 5, 40
	if testing.Short() {
		rounds, clients = 2, 10
	}
	for range rounds {
		ask(t, "unix", s.path("a"))
		for range clients {
			if fault := tryAsk(s.path("once")); fault != "" {
				t.Fatal(fault)
			}
		}
		s.reload(services()...)
	}
	s.reload(services()[1:]...)
	s.mu.Lock()
	s.next = nil
	s.mu.Unlock()
	s.hangup()
	eventually(t, "a reload is refused", func() bool { return strings.Contains(s.log(), "reload refused") })
	s.reload(services()...)
	eventually(t, "throttles end and begin anew", func() bool {
		return strings.Count(s.log(), "bad command startup -- throttling") >= 4
	})
	session.Close()
	s.close()

	recording, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := trace.Replay(recording)
	if err != nil || uint64(steps) != s.machine.View().Step {
		t.Fatalf("%d of %d steps: %v", steps, s.machine.View().Step, err)
	}
	reader, err := trace.NewReader(recording)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		record, err := reader.Next()
		if err == io.EOF && n > steps {
			break
		}
		if at := time.Unix(0, record.Wall); err != nil || record.Machine == nil && (at.Before(begun) || at.After(time.Now())) {
			t.Fatalf("record %d is of %v, which is not since %v: %v", n, at, begun, err)
		}
	}
	text, err := trace.Text(recording)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"config-loaded", "config-rejected", "child-started", "child-start-failed", "wakeup-sent", "timer-expired",
		`exit status 3`, "throttling", "retire-child", "close-listener", "snapshot after step",
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("nothing of %q in the recording", part)
		}
	}
	t.Logf("%d steps, %d bytes, %d snapshots", steps, len(recording), strings.Count(string(text), "snapshot after step"))
}
