package child

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestTwoServersWithAnAcceptLock(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("x")
	lockFile := s.dir + "/q/pid/unix.x"
	held := func() bool {
		fd, err := unix.Open(lockFile, unix.O_RDWR, 0)
		if err != nil {
			return false
		}
		defer unix.Close(fd)
		return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
	}
	first := s.start("stream", []*os.File{l}, "-n", "x", "-t", "unix")
	waitFor(t, "the lock of the first server", held)
	second := s.start("stream", []*os.File{l}, "-n", "x", "-t", "unix")

	a := dial(t, address)
	if got := a.ask("pid"); got != strconv.Itoa(first.cmd.Process.Pid) {
		t.Fatalf("served by %s, want the first, which has the lock", got)
	}
	first.wantReport(wire.Taken)
	b := dial(t, address)
	if got := b.ask("pid"); got != strconv.Itoa(second.cmd.Process.Pid) {
		t.Fatalf("served by %s, want the second", got)
	}
	second.wantReport(wire.Taken)
	a.Close()
	first.wantReport(wire.Available)
	waitFor(t, "the lock back with the first", held)
	b.Close()
	second.wantReport(wire.Available)

	// The second process waits for the lock, and notices the end of its master at
	// once although the first never releases it.
	second.hangUp()
	second.wantExit(0)
	if !first.running() || !held() {
		t.Error("the first server lost its lock")
	}
}

func TestLockFileThatCannotBeHadIsFatal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, _ := s.listenUnix("x")
	if err := os.Mkdir(s.dir+"/q/pid/unix.x", 0o755); err != nil {
		t.Fatal(err)
	}
	p := s.start("stream", []*os.File{l}, "-n", "x", "-t", "unix")
	p.wantExit(1)
	p.wantLog("fatal: open lock file pid/unix.x: ")
}

func TestServerAloneTakesNoLock(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("x")
	s.start("stream", []*os.File{l}, "-l", "-t", "unix")
	dial(t, address).ask("hello")
	if files, err := os.ReadDir(s.dir + "/q/pid"); len(files) != 0 || err != nil {
		t.Errorf("files in pid: %v, %v", files, err)
	}
}
