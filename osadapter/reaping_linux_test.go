package osadapter

import (
	"io"
	"net"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/internal/command"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// noticing opens a station and counts how often it asks for SIGCHLD, which it
// gets only then.
func noticing(t testing.TB, services ...core.ServiceConfig) (*station, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	s := openWith(t, clock.New(), func(s *station) {
		hooks := s.loop.driver.hooks
		hooks.CatchEnds = func() {
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
	s, asked := noticing(t, local("a", "oneshot", 5), local("b", "crash", 1))
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
	s, asked := noticing(t, local("a", "heir", 5))
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
	s, _ := noticing(t, local("a", "busy", 2))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	line(t, c)
	s.reload(local("a", "busy", 2)) // cuts its channel
	c.Close()
	s.reapsAll()
}

// halfBlind is a kernel in which only some of the notices of an end come.
type halfBlind struct {
	sys.Linux
	early    atomic.Int32 // so often a child that is asked for is said to live
	unlooked bool         // nobody hears of ends in general
}

func (k *halfBlind) WaitFor(pid core.PID) (sys.Reaped, core.Errno) {
	if k.early.Add(-1) >= 0 {
		return sys.Reaped{Alive: true}, 0
	}
	return k.Linux.WaitFor(pid)
}

func (k *halfBlind) AwaitEnd() core.Errno {
	if k.unlooked {
		return core.ECHILD
	}
	return k.Linux.AwaitEnd()
}

func (k *halfBlind) put(s *station) { s.loop.k, s.loop.driver.exec.k = k, k }

// A child that has closed its channel is asked for until it has ended: the first
// answer is often too early.
func TestEndIsNoticedByTheChannelAlone(t *testing.T) {
	k := &halfBlind{unlooked: true}
	s := openWith(t, clock.New(), k.put, local("a", "oneshot", 1))
	for range 5 {
		k.early.Store(maxAsked - 2)
		ask(t, "unix", s.path("a"))
		s.reapsAll()
	}
}

func TestEndIsNoticedWithoutTheChannel(t *testing.T) {
	k := &halfBlind{}
	k.early.Store(1 << 30)
	s := openWith(t, clock.New(), k.put, local("a", "oneshot", 1))
	for range 5 {
		ask(t, "unix", s.path("a"))
		s.reapsAll()
	}
}

// sharer is a kernel in which another process has a copy of our end of every channel, as a
// process has that is just being started.
type sharer struct {
	sys.Linux
	copies chan int
}

func (k *sharer) StatusPair() (ours, theirs sys.FD, e core.Errno) {
	if ours, theirs, e = k.Linux.StatusPair(); e == 0 {
		fd, err := unix.FcntlInt(uintptr(ours), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return sys.None, sys.None, core.EMFILE
		}
		k.copies <- fd
	}
	return ours, theirs, e
}

// What is closed is not reported any more, though another process has it open.
func TestClosedChannelThatIsSharedLeavesThePollSet(t *testing.T) {
	missing := local("b", "plain", 1)
	missing.Path = "/nonexistent/program"
	for _, service := range []core.ServiceConfig{local("a", "oneshot", 1), missing} {
		k := &sharer{copies: make(chan int, 1)}
		s := openWith(t, clock.New(), func(s *station) { s.loop.driver.exec.k = k }, service)
		s.dial(service.Name)
		defer unix.Close(<-k.copies)
		s.reapsAll()
		eventually(t, "nothing is reported", func() bool {
			var events [4]unix.EpollEvent
			n, err := unix.EpollWait(int(s.loop.driver.exec.set), events[:], 0)
			return n == 0 && err == nil
		})
	}
}

func TestWakeupThatIsSharedLeavesThePollSet(t *testing.T) {
	dir := t.TempDir()
	server, err := net.Listen("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	kernel := sys.Linux{}
	x, err := newExec(kernel, &Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	entry := core.ServiceConfig{Type: core.Unix, Endpoints: []core.Endpoint{{Path: dir + "/s"}}}
	x.wakeService(&core.Action{Kind: core.WakeService, Request: 7, Entry: &entry})
	if x.wakeups[7] == nil {
		t.Fatal("no wakeup is under way")
	}
	held, err := unix.FcntlInt(uintptr(x.wakeups[7].attempt.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(held)
	c, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	var ready [4]sys.PollEvent
	for len(x.wakeups) != 0 {
		n, e := kernel.PollWait(x.set, ready[:], 10*core.Second)
		if n == 0 || e != 0 {
			t.Fatalf("the end is not reported: %v", e)
		}
		for _, event := range ready[:n] {
			x.ready(event)
		}
	}
	if n, e := kernel.PollWait(x.set, ready[:], 0); n != 0 || e != 0 {
		t.Errorf("%+v is reported still, %v", ready[0], e)
	}
}

// Wakeups that nobody reads leave the master descriptors, and are read later all the same.
func TestWakeupsThatWaitAreLimited(t *testing.T) {
	dir := t.TempDir()
	server, err := net.Listen("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	const openFiles, most, sent = 20, 2 + 10, 20 // a quarter of the half that is the master's, and the other half
	x, err := newExec(sys.Linux{}, &Hooks{OpenFiles: openFiles})
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	entry := core.ServiceConfig{Type: core.Unix, Endpoints: []core.Endpoint{{Path: dir + "/s"}}}
	for r := range core.Request(sent) {
		x.wakeService(&core.Action{Kind: core.WakeService, Request: r + 1, Entry: &entry})
	}
	x.limitWakeups()
	if len(x.wakeups) != most || x.wakeups[sent-most] != nil || x.wakeups[sent-most+1] == nil {
		t.Errorf("%d wakeups are open, want the newest %d", len(x.wakeups), most)
	}
	for n := range sent {
		c, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		request := make([]byte, 2)
		if _, err := io.ReadFull(c, request); err != nil || string(request) != "W\x00" {
			t.Errorf("wakeup %d: got %q, %v", n+1, request, err)
		}
		c.Close()
	}
}

func TestOneWhoLivesOnWithoutChannelIsToldAndReaped(t *testing.T) {
	s, _ := noticing(t, local("a", "mute", 1))
	c, err := net.Dial("unix", s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line(t, c)
	eventually(t, "it is told", func() bool { return strings.Contains(s.log(), "closed its status channel") })
	c.Close()
	s.reapsAll()
}

// Who was our child before we started any is found at the start, and waited for
// by SIGCHLD.
func TestInheritedChildrenAreReaped(t *testing.T) {
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	s, asked := noticing(t, local("a", "plain", 1))
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
	s, asked := noticing(t, local("a", "busy", children))
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

// sweeps counts sweeps that find nobody.
type sweeps struct {
	sys.Linux
	made int
}

func (k *sweeps) Wait() (sys.Reaped, core.Errno) {
	k.made++
	return sys.Reaped{}, 0
}

// While ends are found by their channels a sweep is put off, but not for ever, and
// the loop does not sleep over it.
func TestSweepIsPutOffForSomeTurns(t *testing.T) {
	k := &sweeps{}
	hooks := &Hooks{}
	m := core.New(0, core.MachineOptions{})
	d := &Driver{machine: m, exec: &Exec{k: k, hooks: hooks, paths: sockets.NewPaths(k)}, hooks: hooks}
	turn := func(sweep, found bool) {
		if found {
			d.exec.ended = append(d.exec.ended, 1) // it is reaped by now
		}
		d.reap(sweep, false)
	}
	for range sweepPatience {
		turn(true, true)
	}
	if wait, bounded := d.Wait(0); k.made != 0 || wait != 0 || !bounded {
		t.Fatalf("%d sweeps, and then a wait of %v, %v", k.made, wait, bounded)
	}
	for range 2 * sweepPatience {
		turn(false, true)
	}
	if k.made != 1 {
		t.Errorf("%d sweeps, want 1", k.made)
	}
	if turn(true, false); k.made != 2 || d.sweep {
		t.Errorf("%d sweeps, want 2; %v", k.made, d.sweep)
	}
	d.exec.ended = append(d.exec.ended, 1)
	if d.reap(true, true); k.made != 3 {
		t.Errorf("%d sweeps before a signal that ends us, want 3", k.made)
	}
}

func BenchmarkSpawn(b *testing.B) {
	s, _ := noticing(b, local("a", "oneshot", 50))
	ask(b, "unix", s.path("a"))
	b.ReportAllocs()
	for b.Loop() {
		ask(b, "unix", s.path("a"))
	}
}

// One round is a thousand reports of one child.
func BenchmarkReports(b *testing.B) {
	s, _ := noticing(b, local("a", "chatter", 2))
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

// reaper is a kernel in which a process ends, and which looks who knows of it while it
// is asked for the next.
type reaper struct {
	sys.Linux
	programs *Commands
	ended    core.PID
	known    bool
}

func (k *reaper) Wait() (sys.Reaped, core.Errno) {
	if pid := k.ended; pid != 0 {
		k.ended = 0
		return sys.Reaped{PID: pid}, 0
	}
	k.known = len(k.programs.running) == 0
	return sys.Reaped{}, 0
}

// From when on a program of ours is reaped, nobody signals its number: that it is gone
// is known before the lock is free.
func TestProgramIsKnownToBeReapedAtOnce(t *testing.T) {
	k := &reaper{programs: NewCommands(func() {}, func() {})}
	r, err := k.programs.begin(&command.Program{Argv: []string{"/bin/true"}, Files: []uintptr{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	k.ended = r.PID
	if _, err := unix.Wait4(int(r.PID), nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	x := &Exec{k: k, hooks: &Hooks{Programs: k.programs}}
	x.reap()
	if !k.known {
		t.Error("reaped, and signalled still")
	}
}
