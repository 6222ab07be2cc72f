package child

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestStreamReportsAroundEachClientAndLeavesAfterMaxUse(t *testing.T) {
	s := newSite(t, "max_use = 2")
	l, address := s.listenTCP()
	p := s.start("stream", []*os.File{l}, "-l", "-n", "smtp", "-t", "inet", "more", "-t")
	for range 2 {
		c := dial(t, address)
		p.wantReport(wire.Taken)
		if got := c.ask("pid"); got != strconv.Itoa(p.cmd.Process.Pid) {
			t.Errorf("pid %s, want %d", got, p.cmd.Process.Pid)
		}
		if got, want := c.ask("service"), "smtp inet more -t"; got != want {
			t.Errorf("service %q, want %q", got, want)
		}
		p.wantSilence()
		c.Close()
		p.wantReport(wire.Available)
	}
	p.wantExit(0)
}

func TestConnectionIsAcceptedBeforeTakenIsReported(t *testing.T) {
	s := newSite(t)
	l, address := s.listenTCP()
	p := s.start("stream", []*os.File{l}, "-l", "-t", "inet")
	for range 50 {
		c := dial(t, address)
		p.wantReport(wire.Taken)
		set := []unix.PollFd{{Fd: int32(l.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(set, 0); n != 0 || err != nil {
			t.Fatalf("the listener is still readable (%d, %v)", n, err)
		}
		c.Close()
		p.wantReport(wire.Available)
	}
}

func TestCommandLineOverridesMainFile(t *testing.T) {
	s := newSite(t, "max_use = 50", "max_idle = 50")
	l, address := s.listenTCP()
	p := s.start("stream", []*os.File{l}, "-lt", "inet", "-m1", "-o", "stress=yes", "-o", "greeting = good  day ")
	c := dial(t, address)
	for ask, want := range map[string]string{
		"parameter stress": "yes", "parameter greeting": "good  day", "parameter max_use": "1",
		"parameter max_idle": "50", "parameter nothing": "none",
	} {
		if got := c.ask(ask); got != want {
			t.Errorf("%s: got %q, want %q", ask, got, want)
		}
	}
	c.Close()
	p.wantExit(0)
}

func TestServerOverridesMaxUseAndMaxIdle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, address := s.listenTCP()
	p := s.start("resident", []*os.File{l}, "-l", "-t", "inet", "-m", "1", "-i", "1")
	for range 3 {
		dial(t, address).Close()
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
	}
	select {
	case <-p.done:
		t.Error("the resident server left")
	case <-time.After(1300 * time.Millisecond): // longer than max_idle
	}
}

func TestFastClientsAreCountedOnceEach(t *testing.T) {
	const clients = 40
	s := newSite(t, "max_use = "+strconv.Itoa(clients))
	l, address := s.listenTCP()
	p := s.start("stream", []*os.File{l}, "-t", "inet")
	for i := range clients {
		c := dial(t, address)
		if i%2 == 0 {
			// Reset before the server can accept it.
			_ = c.Conn.(*net.TCPConn).SetLinger(0)
		}
		c.Close()
	}
	for range clients {
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
	}
	p.wantExit(0)
}

func TestSeveralListenersAreAllServed(t *testing.T) {
	s := newSite(t)
	var files []*os.File
	var addresses []string
	for range 3 {
		l, address := s.listenTCP()
		files, addresses = append(files, l), append(addresses, address)
	}
	p := s.start("stream", files, "-l", "-t", "inet", "-s", "3")
	for _, address := range append(addresses, addresses...) {
		c := dial(t, address)
		c.ask("hello")
		c.Close()
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
	}
}

func TestListenersTakeTurns(t *testing.T) {
	s := newSite(t)
	l1, first := s.listenUnix("a")
	l2, second := s.listenUnix("b")
	s.start("stream", []*os.File{l1, l2}, "-l", "-t", "unix", "-s", "2")
	busy := dial(t, first)
	busy.ask("hello")
	next, other := dial(t, first), dial(t, second)
	busy.Close()
	other.ask("hello") // and next still waits
	other.Close()
	next.ask("hello")
}

func TestStandardInputAndOutput(t *testing.T) {
	s := newSite(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"stream", "requests", "sessions"} {
		cmd := exec.Command(self, "-V", "-S")
		cmd.Env = s.environment(kind, "1")
		cmd.Stdin = strings.NewReader("one\ntwo\nquit\nthree\n")
		out, err := cmd.Output()
		if err != nil || string(out) != "one\ntwo\n" {
			t.Errorf("%s: got %q, %v", kind, out, err)
		}
	}
}

func TestNothingLeaksToProgramsThatTheServerStarts(t *testing.T) {
	s := newSite(t)
	l, address := s.listenTCP()
	p := s.start("stream", []*os.File{l}, "-n", "x", "-t", "inet")
	c := dial(t, address)
	// Shells, flock(1) and make -j pass descriptors to this test, which passes them
	// on, except for the numbers that the contract assigns to others.
	if got, want := c.ask("leaks"), leaks(3+len(p.cmd.ExtraFiles)); got != want {
		t.Errorf("open for a program started now: %s, want %s", got, want)
	}
}
