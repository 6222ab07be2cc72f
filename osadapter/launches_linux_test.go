package osadapter

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/stuck"
)

// gated is a service whose program is held up, and the gate.
func gated(t testing.TB, name, behaviour string) (core.ServiceConfig, *stuck.Gate) {
	t.Helper()
	c := local(name, behaviour, 1)
	gate := stuck.NewGate(t, c.Path)
	c.Path = gate.Path
	return c, gate
}

// dial is a client that waits.
func (s *station) dial(name string) net.Conn {
	s.t.Helper()
	c, err := net.Dial("unix", s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// An exec that takes long keeps its own clients waiting, and nobody else.
func TestSlowExecKeepsOnlyItsOwnClientsWaiting(t *testing.T) {
	slow, gate := gated(t, "slow", "plain")
	s := open(t, clock.New(), slow, local("a", "oneshot", 5))
	c := s.dial("slow")
	eventually(t, "the exec is held up", func() bool { return gate.Arrived() == 1 })
	for range 10 {
		ask(t, "unix", s.path("a"))
		runtime.GC()
	}
	s.reload(slow, local("a", "oneshot", 5), local("b", "plain", 1))
	ask(t, "unix", s.path("b"))
	gate.Open()
	if answer := line(t, c); !strings.HasPrefix(answer, "plain") {
		t.Errorf("got %q", answer)
	}
	if log := s.log(); strings.Contains(log, "warning") {
		t.Errorf("log:\n%s", log)
	}
}

// passes lets the time of a station pass until something holds.
func (s *station) passes(mock *clock.Mock, what string, holds func() bool) {
	s.t.Helper()
	eventually(s.t, what, func() bool {
		mock.Add(time.Second)
		s.loop.k.WakerWake(s.loop.driver.waker) // the wait itself goes by the real time
		return holds()
	})
}

const timedOut = "Connection timed out -- the file system that holds the program does not respond"

// On a dead disk the start fails in the end. Its process cannot be killed; it is reaped
// without a word when the disk is gone, and is nobody's child.
func TestStartOnADeadDiskFailsAndItsProcessIsReaped(t *testing.T) {
	mock := clock.NewMock()
	disk := stuck.NewDisk(t)
	dead := local("dead", "plain", 1)
	dead.Path, dead.ThrottleDelay = filepath.Join(disk.Dir, "program"), 1000*core.Second
	s := openWith(t, mock, func(*station) {}, dead, local("a", "plain", 1))
	s.dial("dead")
	eventually(t, "the disk is asked", func() bool { return disk.Asked() > 0 })
	before := len(s.childProcesses())
	if before != 1 {
		t.Fatalf("%d processes", before)
	}
	s.passes(mock, "the start has failed", func() bool { return strings.Contains(s.log(), timedOut) })
	if answer := ask(t, "unix", s.path("a")); !strings.HasPrefix(answer, "plain") {
		t.Errorf("got %q", answer)
	}
	if n := len(s.childProcesses()); n != 2 {
		t.Errorf("%d processes; the one on the disk cannot have ended", n)
	}
	disk.TakeAway()
	eventually(t, "the process on the disk is reaped", func() bool { return len(s.childProcesses()) == 1 })
	if log := s.log(); strings.Contains(log, "reaped process") || strings.Contains(log, "killed by") || strings.Count(log, timedOut) != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// Each try leaves a process that cannot be killed; there are not more and more of them,
// and the service comes back with its disk.
func TestProcessesOnADeadDiskAreFew(t *testing.T) {
	mock := clock.NewMock()
	disk := stuck.NewDisk(t)
	dead := local("dead", "plain", 1)
	program := dead.Path
	dead.Path = filepath.Join(disk.Dir, "program")
	s := openWith(t, mock, func(*station) {}, dead)
	c := s.dial("dead")
	const tries = 3 * stuckLimit
	s.passes(mock, "the start was tried again and again", func() bool { return strings.Count(s.log(), timedOut) >= tries })
	if n := len(s.childProcesses()); n != stuckLimit {
		t.Errorf("%d processes after %d tries, want %d", n, tries, stuckLimit)
	}
	disk.TakeAway()
	if err := os.Mkdir(disk.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(disk.Dir) })
	if err := os.Symlink(program, dead.Path); err != nil {
		t.Fatal(err)
	}
	s.passes(mock, "a client is served", func() bool {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		n, _ := c.Read(make([]byte, 64))
		return n > 0
	})
}

// Each start on a dead disk is waited for a shorter time: many hold the loop up for as
// long as few.
func TestManyDeadStartsShareTheLoopsPatience(t *testing.T) {
	x := &Exec{leaving: map[core.PID]string{}}
	all := core.Duration(0)
	for n := range 1000 {
		all += x.patience()
		if n%2 == 0 {
			x.launches = append(x.launches, launch{})
		} else {
			x.leaving[core.PID(n)] = "program"
		}
	}
	if all > 100*core.Millisecond {
		t.Errorf("a thousand starts hold the loop up for %v", time.Duration(all))
	}
}

// A signal that ends the master is heeded while execs hang, and those who hang are told
// to end: nobody would find them any more.
func TestEndDoesNotWaitForExecsThatHang(t *testing.T) {
	slow, gate := gated(t, "slow", "plain")
	s := open(t, clock.New(), slow)
	s.loop.driver.exec.hooks.BeforeGroupSignal = func(core.Signal) {}
	s.dial("slow")
	eventually(t, "the exec is held up", func() bool { return gate.Arrived() == 1 })
	children := s.childProcesses()
	s.loop.signals <- unix.SIGTERM
	select {
	case ending := <-s.ended:
		s.ended <- ending
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if len(children) != 1 {
		t.Fatalf("children %v", children)
	}
	pid, _ := strconv.Atoi(children[0])
	var status unix.WaitStatus
	eventually(t, "it has ended", func() bool {
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		return err != nil || got == pid
	})
	if !status.Signaled() {
		t.Errorf("it ended with %v", status)
	}
	s.once.Do(func() {}) // the loop has ended
}

// A child that is killed before it is executed has a short life, but it has one.
func TestChildThatDiesBeforeItsExec(t *testing.T) {
	slow, gate := gated(t, "slow", "plain")
	s := open(t, clock.New(), slow)
	c := s.dial("slow")
	eventually(t, "the exec is held up", func() bool { return gate.Arrived() == 1 })
	pid, _ := strconv.Atoi(s.childProcesses()[0])
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end is told", func() bool { return strings.Contains(s.log(), "pid "+strconv.Itoa(pid)+" killed by signal 9") })
	gate.Open()
	if answer := line(t, c); !strings.HasPrefix(answer, "plain") {
		t.Errorf("got %q", answer)
	}
}
