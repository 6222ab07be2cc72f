package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
