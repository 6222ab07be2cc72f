package child

import (
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestIdleServerLeavesAfterMaxIdle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, _ := s.listenTCP()
	began := time.Now()
	p := s.start("stream", []*os.File{l}, "-l", "-t", "inet", "-i", "1")
	p.wantExit(0)
	if d := time.Since(began); d < time.Second {
		t.Errorf("left after %v", d)
	}
}

func TestRetiredServerLeaves(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, _ := s.listenTCP()
	p := s.start("sessions", []*os.File{l}, "-r", "1", "-t", "inet")
	p.wantExit(0)
}

func TestIdleServerLeavesWhenTheMasterIsGone(t *testing.T) {
	s := newSite(t)
	l, address := s.listenTCP()
	for _, kind := range []string{"stream", "requests", "sessions"} {
		p := s.start(kind, []*os.File{l}, "-t", "inet")
		c := dial(t, address)
		c.ask("pid")
		c.Close()
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
		p.hangUp()
		p.wantExit(0)
	}
}

func TestBusyServerServesItsClientToTheEndWhenTheMasterIsGone(t *testing.T) {
	s := newSite(t)
	l, address := s.listenTCP()
	p := s.start("stream", []*os.File{l}, "-l", "-t", "inet")
	c := dial(t, address)
	p.wantReport(wire.Taken)
	p.hangUp()
	for range 3 {
		if got := c.ask("still there"); got != "still there" {
			t.Fatalf("got %q", got)
		}
	}
	if !p.running() {
		t.Fatal("the server left its client")
	}
	c.Close()
	p.wantExit(0)
}

func TestStuckServerIsEndedByTheWatchdog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, address := s.listenUnix("x")
	p := s.start("stuck", []*os.File{l}, "-l", "-t", "unix")
	dial(t, address).Close()
	p.wantReport(wire.Taken)
	p.wantReport(wire.Available)
	time.Sleep(300 * time.Millisecond) // longer than the limit: waiting is allowed
	if log := p.log.String(); log != "" {
		t.Fatalf("log of an idle server: %q", log)
	}
	c := dial(t, address)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	p.wantReport(wire.Taken)
	p.wantExit(1)
	p.wantLog("fatal: watchdog timeout")
}

func TestLongSessionThatSaysItIsAliveIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, address := s.listenUnix("x")
	p := s.start("alive", []*os.File{l}, "-l", "-t", "unix", "-m", "1")
	dial(t, address).wantEOF()
	p.wantReport(wire.Taken)
	p.wantReport(wire.Available)
	p.wantExit(0)
	if log := p.log.String(); log != "" {
		t.Errorf("log of a server that is alive: %q", log)
	}
}

func TestPanicLeavesItsCauseAndPlace(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("x")
	p := s.start("panicking", []*os.File{l}, "-l", "-t", "unix")
	dial(t, address)
	p.wantExit(2)
	p.wantLog("testd: panic: lost my way\ntestd: at ")
	if log := p.log.String(); !strings.Contains(log, "child.getLost (") || !strings.Contains(log, "servers_test.go:") {
		t.Error("the log does not say where")
	}
	if n := strings.Count(p.log.String(), "testd: "); n != 1+maxCalls {
		t.Errorf("%d lines in the log, want the cause and %d calls", n, maxCalls)
	}
}

func TestRuntimeErrorLeavesItsPlaceFirst(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("x")
	p := s.start("faulting", []*os.File{l}, "-t", "unix")
	dial(t, address)
	p.wantExit(2)
	_, calls, _ := strings.Cut(p.log.String(), "nil pointer dereference\n")
	if first, _, _ := strings.Cut(calls, "\n"); !strings.HasPrefix(first, "testd: at ") || !strings.Contains(first, "child.misread (") {
		t.Errorf("first line after the cause: %q", first)
	}
}

func TestTermEndsItByTheSignal(t *testing.T) {
	s := newSite(t)
	l, address := s.listenTCP()
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGINT} {
		if signal.Ignored(sig) {
			continue // nohup ignores it for all that we start
		}
		p := s.start("stream", []*os.File{l}, "-l", "-t", "inet")
		c := dial(t, address)
		p.wantReport(wire.Taken)
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		p.wantExit(-1)
		if got := p.cmd.ProcessState.String(); !strings.HasPrefix(got, "signal: ") {
			t.Errorf("%v: %s", sig, got)
		}
		c.Close()
	}
}
