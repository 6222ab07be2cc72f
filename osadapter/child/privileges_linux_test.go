package child

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEveryThreadGivesUpItsPrivileges(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newSite(t)
	l, address := s.listenUnix("x")
	p := s.start("threaded", []*os.File{l}, "-u", "-n", "x", "-t", "unix")
	dial(t, address).ask("identity")
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil || len(threads) < 5 {
		t.Fatalf("%d threads, %v; want the four that were started and one", len(threads), err)
	}
	for _, path := range threads {
		status, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Uid:\t1\t1\t1\t1\n", "Gid:\t1\t1\t1\t1\n", "Groups:\t1 \n"} {
			if !strings.Contains(string(status), want) {
				t.Errorf("%s: no line %q in\n%s", path, want, status)
			}
		}
	}
}

func TestMissingCapabilityIsNamed(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for name, x := range map[string]struct {
		capability uintptr
		want       string
	}{
		"CAP_SETGID":     {unix.CAP_SETGID, "fatal: setgid(1): Operation not permitted\n"},
		"CAP_SETUID":     {unix.CAP_SETUID, "fatal: setuid(1): Operation not permitted\n"},
		"CAP_SYS_CHROOT": {unix.CAP_SYS_CHROOT, "/q): Operation not permitted\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			l, _ := s.listenUnix("x")
			started := make(chan *server)
			go func() {
				// The thread cannot regain its privileges: it ends with the
				// goroutine.
				runtime.LockOSThread()
				if err := unix.Prctl(unix.PR_CAPBSET_DROP, x.capability, 0, 0, 0); err != nil {
					t.Error(err)
				}
				started <- s.start("stream", []*os.File{l}, "-l", "-t", "unix", "-u", "-c")
			}()
			p := <-started
			p.wantExit(1)
			if log := p.log.String(); !strings.HasSuffix(log, x.want) || !strings.Contains(log, "lacks the capability "+name+",") {
				t.Errorf("log %q", log)
			}
		})
	}
}
