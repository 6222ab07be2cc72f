package osadapter

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/benbjohnson/clock"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// stubborn is a kernel that refuses some calls for as long as it is told to.
type stubborn struct {
	sys.Linux
	noModify, noWait atomic.Bool
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
	s := openWith(t, clock.New(), func(s *station) { s.loop.exec.k = k }, local("a", "plain", 1))
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
	s := openWith(t, clock.New(), func(s *station) { s.loop.exec.k = k }, local("a", "oneshot", 1))
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
