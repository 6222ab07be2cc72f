package child

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDebuggerRunsBeforeTheServer(t *testing.T) {
	s := newSite(t, "debugger_command = echo $process_name $process_id >"+t.TempDir()+"/out")
	l, address := s.listenTCP()
	p := s.start("stream", []*os.File{l}, "-D", "-l", "-t", "inet")
	dial(t, address).ask("hello")
	p.wantLog("running: echo testd " + strconv.Itoa(p.cmd.Process.Pid) + " >")
	without := newSite(t).start("stream", []*os.File{l}, "-D", "-l", "-t", "inet")
	without.wantExit(1)
	without.wantLog("fatal: no debugger_command variable set up")
}

func TestStartUpMistakesAreFatal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, _ := s.listenUnix("x")
	for _, c := range []struct {
		kind string
		args string
		want string
	}{
		{"stream", "-x", "invalid option: x"},
		{"stream", "-l", "no transport type specified"},
		{"stream", "-l -t fifo", "unsupported transport type: fifo"},
		{"trigger", "-l -t inet", "unsupported transport type: inet"},
		{"datagram", "-l -t unix", "unsupported transport type: unix"},
		{"stream", "-l -t unix -s 0", "invalid socket_count: 0"},
		{"stream", "-l -t unix -s 2", "listen descriptor 7 is not a socket"},
		{"trigger", "-l -t fifo", "listen descriptor 6 is not a FIFO"},
		{"stream", "-l -t unix -r 0", "invalid retirement time: 0"},
		{"stream", "-l -t unix -o foo", `invalid "-o foo" option value: missing '=' after attribute name`},
		{"stream", "-l -t unix -m 0", "invalid max_use parameter value 0 < 1"},
		{"stream", "-l -t unix -i 5z", "parameter max_idle: bad time value or unit: 5z"},
		{"demanding", "-t unix -n dd", "service dd requires a process limit of 1"},
		{"demanding", "-l -u -t unix", "service testd requires privileged operation"},
		{"unlimited", "-l -t unix", "service testd requires a process limit of 0"},
		{"refusing", "-l -t unix", "no luck"},
	} {
		// Each takes a second to end, so all run at once.
		p := s.start(c.kind, []*os.File{l}, strings.Fields(c.args)...)
		defer func() {
			p.wantExit(1)
			if got := p.log.String(); !strings.Contains(got, "testd: fatal: "+c.want+"\n") {
				t.Errorf("%s %s: log %q, want the fatal line %q", c.kind, c.args, got, c.want)
			}
		}()
	}
}

func TestBadGenerationIsFatal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, _ := s.listenUnix("x")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-V", "-l", "-t", "unix")
	cmd.Env = s.environment("stream", "12x")
	cmd.ExtraFiles = []*os.File{l, l, l, l}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "fatal: bad generation: 12x\n") {
		t.Errorf("got %v, %q", err, out)
	}
}

func TestUnreadableMainFileIsFatal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, _ := s.listenUnix("x")
	if err := os.Remove(s.dir + "/etc/main.cf"); err != nil {
		t.Fatal(err)
	}
	p := s.start("stream", []*os.File{l}, "-l", "-t", "unix")
	p.wantExit(1)
	p.wantLog("fatal: open " + s.dir + "/etc/main.cf: No such file or directory")
}

func TestPrivilegesAreDroppedInTheJail(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s := newSite(t)
	l, address := s.listenUnix("x")
	s.start("jailed", []*os.File{l}, "-u", "-c", "-n", "x", "-t", "unix")
	c := dial(t, address)
	if got, want := c.ask("identity"), "1 1 [1]/"; got != want {
		t.Errorf("identity %q, want %q", got, want)
	}
	p := s.start("jailed", []*os.File{l}, "-l", "-u", "-c", "-t", "unix", "-i", "1")
	p.wantExit(0)
	p.wantLog("pre-jail as 0 in " + s.dir + "/q")
	p.wantLog("post-jail as 1 in /\n")
	st, err := os.Stat(s.dir + "/q/pid/unix.x")
	if err != nil {
		t.Fatal(err)
	}
	if mode := st.Mode().Perm(); mode != 0o600 {
		t.Errorf("lock file mode %v, want 0600", mode)
	}
}

func TestOrdinaryUserIsTheMailOwnerOrRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		s := newSite(t)
		l, address := s.listenUnix("x")
		s.start("stream", []*os.File{l}, "-u", "-l", "-t", "unix")
		c := dial(t, address)
		if got := c.ask("identity"); !strings.HasPrefix(got, strconv.Itoa(os.Geteuid())+" ") {
			t.Errorf("identity %q", got)
		}
		return
	}
	for owner, want := range map[int]string{
		1:     "<nil>",
		12345: "cannot become user daemon: the process runs as user ID 12345, not as root or daemon",
	} {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(self, "-test.run=TestDropAsGivenUser")
		cmd.Env = []string{"CHILD_TEST_DROP=" + strconv.Itoa(owner), "GORACE=atexit_sleep_ms=0"}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "drop: "+want+"\n") {
			t.Errorf("as %d: got %q, %v, want %q", owner, out, err, want)
		}
	}
}

func TestDropAsGivenUser(t *testing.T) {
	uid, err := strconv.Atoi(os.Getenv("CHILD_TEST_DROP"))
	if err != nil {
		t.Skip("runs only for TestOrdinaryUserIsTheMailOwnerOrRefused")
	}
	if err := unix.Setuid(uid); err != nil {
		t.Fatal(err)
	}
	fmt.Println("drop:", dropPrivileges(accountOf("daemon", 1), true, false, "/"))
}
