package osadapter

import (
	"net"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/benbjohnson/clock"
	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// noticing opens a station and counts how often it asks for SIGCHLD, which it
// gets only then. files is the limit on descriptors that it is told.
func noticing(t testing.TB, files uint64, services ...core.ServiceConfig) (*station, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	s := openWith(t, clock.New(), func(s *station) {
		around := &s.loop.exec.around
		around.OpenFiles = files
		around.CatchEnds = func() {
			asked.Add(1)
			signal.Notify(s.loop.signals, unix.SIGCHLD)
		}
	}, services...)
	return s, &asked
}

func (s *station) reapsAll() {
	s.t.Helper()
	eventually(s.t, "every child is reaped", func() bool { return len(s.childProcesses()) == 0 })
}

// Without SIGCHLD nothing wakes another thread when a child ends.
func TestEndsAreNoticedWithoutSignals(t *testing.T) {
	s, asked := noticing(t, 0, local("a", "oneshot", 5), local("b", "crash", 1))
	for range 20 {
		ask(t, "unix", s.path("a"))
	}
	c, err := net.Dial("unix", s.path("b"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the crash is noticed", func() bool { return strings.Contains(s.log(), "exit status 3") })
	s.reapsAll()
	if n := asked.Load(); n != 0 {
		t.Errorf("SIGCHLD was asked for %d times", n)
	}
}

// The end of the status channel is not the end of the child, nor the other way
// round: a descendant may hold it.
func TestChildIsReapedThoughItsHeirHoldsTheChannel(t *testing.T) {
	s, asked := noticing(t, 0, local("a", "heir", 5))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line(t, c) // of the server
	heir := pidOf(t, line(t, c))
	t.Cleanup(func() { _ = unix.Kill(heir, unix.SIGKILL) })
	s.reapsAll()
	if unix.Kill(heir, 0) != nil {
		t.Error("the heir does not live: nothing was tested")
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("SIGCHLD was asked for %d times", n)
	}
}

func TestEndOfRetiredChildIsNoticed(t *testing.T) {
	s, _ := noticing(t, 0, local("a", "busy", 2))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	line(t, c)
	s.reload(local("a", "busy", 2)) // cuts its channel
	c.Close()
	s.reapsAll()
}

// When fewer than a quarter of the descriptors is left, children get none for
// their end, and SIGCHLD does.
func TestSignalsTellOfEndsWhenDescriptorsAreFew(t *testing.T) {
	s, asked := noticing(t, 40, local("a", "oneshot", 5), local("b", "plain", 1))
	ask(t, "unix", s.path("b"))
	for range 10 {
		ask(t, "unix", s.path("a"))
	}
	eventually(t, "the children for one client are reaped", func() bool { return len(s.childProcesses()) == 1 })
	if n := asked.Load(); n != 1 {
		t.Errorf("SIGCHLD was asked for %d times, want once", n)
	}
}

// Who was our child before we started any is found at the start, and waited for
// by SIGCHLD.
func TestInheritedChildrenAreReaped(t *testing.T) {
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	s, asked := noticing(t, 0, local("a", "plain", 1))
	eventually(t, "SIGCHLD is asked for", func() bool { return asked.Load() == 1 })
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.reapsAll()
	told := "reaped process " + itoa(pid)
	eventually(t, told, func() bool { return strings.Contains(s.log(), told) })
}

func TestManyEndsAtOnceAreAllNoticed(t *testing.T) {
	const children = 40
	s, asked := noticing(t, 0, local("a", "busy", children))
	var all []net.Conn
	for range children {
		c, err := net.Dial("unix", s.path("a"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
		line(t, c)
	}
	for _, pid := range s.childProcesses() {
		n := pidOf(t, "child "+pid)
		_ = unix.Kill(n, unix.SIGKILL)
	}
	s.reapsAll()
	if n := asked.Load(); n != 0 {
		t.Errorf("SIGCHLD was asked for %d times", n)
	}
	eventually(t, "each end is told", func() bool { return strings.Count(s.log(), "killed by signal 9") == len(all) })
}

func BenchmarkSpawn(b *testing.B) {
	s, _ := noticing(b, 0, local("a", "oneshot", 50))
	ask(b, "unix", s.path("a"))
	b.ReportAllocs()
	for b.Loop() {
		ask(b, "unix", s.path("a"))
	}
}

// One round is a thousand reports of one child.
func BenchmarkReports(b *testing.B) {
	s, _ := noticing(b, 0, local("a", "chatter", 2))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	line(b, c)
	order := []byte{'r'}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(order); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(order); err != nil {
			b.Fatal(err)
		}
	}
}
