package osadapter

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/benbjohnson/clock"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// stubborn is a kernel that refuses some calls for as long as it is told to.
type stubborn struct {
	sys.Linux
	noModify, noWait, noBack atomic.Bool
}

func (k *stubborn) Rename(from, to string) core.Errno {
	if k.noBack.Load() && from == sockets.AsideName(to) {
		return core.ENOSPC
	}
	return k.Linux.Rename(from, to)
}

func (k *stubborn) PollModify(set, fd sys.FD, key uint64, read, write bool) core.Errno {
	if k.noModify.Load() {
		return core.ENOMEM
	}
	return k.Linux.PollModify(set, fd, key, read, write)
}

func (k *stubborn) Wait() (sys.Reaped, core.Errno) {
	if k.noWait.Load() {
		return sys.Reaped{}, core.EINTR
	}
	return k.Linux.Wait()
}

func (k *stubborn) WaitFor(pid core.PID) (sys.Reaped, core.Errno) {
	if k.noWait.Load() {
		return sys.Reaped{}, core.EINTR
	}
	return k.Linux.WaitFor(pid)
}

func TestListenerThatCannotBeWatchedIsWatchedInTheEnd(t *testing.T) {
	k := &stubborn{}
	k.noModify.Store(true)
	s := openWith(t, clock.New(), func(s *station) { s.loop.driver.exec.k = k }, local("a", "plain", 1))
	const line = "/private/a: Cannot allocate memory"
	eventually(t, "the operator is told", func() bool { return strings.Contains(s.log(), line) })
	k.noModify.Store(false)
	ask(t, "unix", s.path("a"))
	if n := strings.Count(s.log(), line); n != 1 {
		t.Errorf("told %d times\n%s", n, s.log())
	}
}

func TestChildWhoseEndIsNotToldIsReapedInTheEnd(t *testing.T) {
	k := &stubborn{}
	s := openWith(t, clock.New(), func(s *station) { s.loop.driver.exec.k = k }, local("a", "oneshot", 1))
	k.noWait.Store(true)
	ask(t, "unix", s.path("a"))
	const line = "warning: wait: Interrupted system call"
	eventually(t, "the operator is told", func() bool { return strings.Contains(s.log(), line) })
	k.noWait.Store(false)
	eventually(t, "it is reaped", func() bool { return len(s.childProcesses()) == 0 })
	ask(t, "unix", s.path("a")) // its place is free
	if n := strings.Count(s.log(), line); n != 1 {
		t.Errorf("told %d times\n%s", n, s.log())
	}
}

// A reload is undone on a full disk: the service whose path was set aside gets
// it back as soon as there is room, without another reload.
func TestPathThatCannotBePutBackIsBackInTheEnd(t *testing.T) {
	k := &stubborn{}
	prepare := func(s *station) { s.loop.driver.exec.k, s.loop.driver.exec.paths = k, sockets.NewPaths(k) }
	s := openWith(t, clock.New(), prepare, local("a", "plain", 1), local("b", "plain", 1))
	first := ask(t, "unix", s.path("a"))
	if err := os.Remove(s.path("b")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path("b"), 0o700); err != nil { // the new b cannot be opened
		t.Fatal(err)
	}
	k.noBack.Store(true)
	a, b := local("a", "plain", 1), local("b", "plain", 1)
	a.Type, b.Type = core.FIFO, core.FIFO
	s.mu.Lock()
	s.next = s.config(a, b)
	s.mu.Unlock()
	s.hangup()
	told := "cannot put " + s.path("a") + " back (No space left on device)"
	eventually(t, "the operator is told", func() bool {
		return strings.Contains(s.log(), told) && strings.Contains(s.log(), "reload refused")
	})
	k.noBack.Store(false)
	eventually(t, "the path is back", func() bool { return strings.Contains(s.log(), s.path("a")+" is restored") })
	if again := ask(t, "unix", s.path("a")); again != first {
		t.Errorf("got %q, want %q", again, first)
	}
	if n := strings.Count(s.log(), told); n != 1 {
		t.Errorf("told %d times\n%s", n, s.log())
	}
}
