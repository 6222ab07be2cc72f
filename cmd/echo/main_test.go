package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; nothing that works comes close to it.
const patience = 20 * time.Second

// TestMain makes the test program the server if a master starts it.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "echo" {
		main()
	}
	os.Exit(m.Run())
}

const masterProgram = "/usr/lib/postfix/sbin/master"

// site is a private mail system with one echo service.
type site struct {
	t       *testing.T
	dir     string
	address string
	path    string
}

func needOriginal(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the original's master demands it")
	}
	if _, err := os.Stat(masterProgram); err != nil {
		t.Skip("needs the original's master (Debian package postfix):", err)
	}
}

// mailOwner returns an account that can be mail_owner for the user who runs the
// test.
func mailOwner(t *testing.T) (name string, uid, gid int) {
	t.Helper()
	owner, err := user.Current()
	if os.Geteuid() == 0 {
		owner, err = user.Lookup("daemon")
	}
	if err != nil {
		t.Skip("needs an account to own the mail:", err)
	}
	uid, _ = strconv.Atoi(owner.Uid)
	gid, _ = strconv.Atoi(owner.Gid)
	return owner.Username, uid, gid
}

func newSite(t *testing.T) *site {
	t.Helper()
	owner, uid, gid := mailOwner(t)
	dir, err := os.MkdirTemp("", "sm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{"", "/etc", "/sbin", "/q", "/q/pid", "/q/public", "/q/private", "/d"} {
		if err := os.MkdirAll(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"/q/public", "/q/private", "/d"} {
		if err := os.Chown(dir+d, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, dir+"/sbin/echo"); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: dir, address: freeAddress(t), path: dir + "/q/public/say"}
	s.write("main.cf", fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/q
data_directory = %[1]s/d
daemon_directory = %[1]s/sbin
mail_owner = %[2]s
default_privs = nobody
setgid_group = mail
myhostname = mail.example.com
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
import_environment = MAIL_CONFIG MAIL_LOGTAG LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME GORACE=atexit_sleep_ms=0
echo_greeting = welcome
`, dir, owner))
	s.write("master.cf", s.address+" inet n y n - 2 echo -o echo_greeting=hello\n"+
		"say unix n y n - 1 echo\n")
	return s
}

// write writes a configuration file with an old modification time: the original
// waits for one that has just changed.
func (s *site) write(name, text string) {
	s.t.Helper()
	path := s.dir + "/etc/" + name
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(path, old, old); err != nil {
		s.t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the original master until the test ends.
func (s *site) start() *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(masterProgram, "-c", s.dir+"/etc", "-d")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // so that its end reaches its children
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer stuck.Stop()
		_ = cmd.Wait()
		if s.t.Failed() {
			log, _ := os.ReadFile(s.dir + "/log")
			s.t.Logf("log:\n%s", log)
		}
	})
	s.until("the master runs", func() bool {
		log, _ := os.ReadFile(s.dir + "/log")
		return strings.Contains(string(log), "daemon started")
	})
	return cmd
}

func (s *site) until(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("timed out waiting until %s", what)
		}
	}
}

// session is a client that has received the greeting.
type session struct {
	net.Conn
	t   *testing.T
	in  *bufio.Reader
	pid int
}

func (s *site) open(network, address, greeting string) *session {
	s.t.Helper()
	c, err := net.DialTimeout(network, address, patience)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	v := &session{Conn: c, t: s.t, in: bufio.NewReader(c)}
	line, err := v.in.ReadString('\n')
	if _, serr := fmt.Sscanf(line, greeting+" pid %d\n", &v.pid); err != nil || serr != nil {
		s.t.Fatalf("greeting %q, %v, want %q with a pid", line, err, greeting)
	}
	return v
}

func (v *session) say(line string) {
	v.t.Helper()
	if _, err := io.WriteString(v, line); err != nil {
		v.t.Fatal(err)
	}
	if got, err := v.in.ReadString('\n'); got != line || err != nil {
		v.t.Fatalf("got %q, %v, want %q back", got, err, line)
	}
}

// quit ends the session.
func (v *session) quit() {
	v.t.Helper()
	if _, err := io.WriteString(v, "quit\n"); err != nil {
		v.t.Fatal(err)
	}
	if rest, err := io.ReadAll(v.in); len(rest) != 0 || err != nil {
		v.t.Fatalf("after quit: %q, %v", rest, err)
	}
	v.Close()
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestEchoLivesUnderTheOriginalsMaster(t *testing.T) {
	needOriginal(t)
	s := newSite(t)
	master := s.start()

	a := s.open("tcp", s.address, "hello")
	a.say("first\n")
	b := s.open("tcp", s.address, "hello")
	b.say("second\n")
	if a.pid == b.pid {
		t.Error("one process serves two clients at once")
	}
	b.quit()
	again := s.open("tcp", s.address, "hello")
	if again.pid != b.pid {
		t.Errorf("served by %d, want the idle %d", again.pid, b.pid)
	}
	again.quit()
	local := s.open("unix", s.path, "welcome")
	local.say("third\n")
	local.quit()

	// After a reload, idle processes leave at once, and busy ones after their
	// client.
	if err := master.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.until("the idle processes of before are gone", func() bool { return !alive(b.pid) && !alive(local.pid) })
	a.say("still here\n")
	if c := s.open("tcp", s.address, "hello"); c.pid == b.pid || c.pid == a.pid {
		t.Errorf("served by %d, a process of before the reload", c.pid)
	}
	a.quit()
	s.until("the busy process of before is gone", func() bool { return !alive(a.pid) })

	log, err := os.ReadFile(s.dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"warning", "error", "fatal", "panic"} {
		if strings.Contains(string(log), word+": ") {
			t.Errorf("a %s in the log:\n%s", word, log)
		}
	}
}

func TestEchoOnStandardInputAndOutput(t *testing.T) {
	s := newSite(t)
	self := s.dir + "/sbin/echo"
	for in, want := range map[string]string{
		"one\ntwo\nquit\nthree\n":       "one\ntwo\n",
		"one\r\nquit\r\n":               "one\r\n",
		"no end of line":                "no end of line",
		strings.Repeat("x", 10000):      strings.Repeat("x", 10000),
		"quit now\nQUIT\nquit \nquit\n": "quit now\nQUIT\nquit \n",
	} {
		cmd := exec.Command(self, "-S")
		cmd.Env = []string{"MAIL_CONFIG=" + s.dir + "/etc", "GORACE=atexit_sleep_ms=0"}
		cmd.Stdin = strings.NewReader(in)
		out, err := cmd.Output()
		greeting, rest, _ := strings.Cut(string(out), "\n")
		if err != nil || rest != want || greeting != fmt.Sprintf("welcome pid %d", cmd.Process.Pid) {
			t.Errorf("%.20q: got %.40q after %q, %v", in, rest, greeting, err)
		}
	}
}
