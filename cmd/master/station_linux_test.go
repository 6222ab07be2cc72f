package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

var binaries string // directory of master and echo

const stamp = "v1.2.3-4-gtest" // the version that they are built with

func TestMain(m *testing.M) {
	if file := os.Getenv("MASTER_TEST_PANIC"); file != "" {
		breakDown(file)
	}
	os.Exit(buildAndRun(m))
}

// breakDown is a daemon that meets a bug of its own.
func breakDown(file string) {
	d := &daemon{log: logs.New(logs.Origin{Process: "master", PID: os.Getpid(), Fallback: true}, os.LookupEnv), process: "master"}
	if err := d.log.Switch(core.LogSettings{Name: "postfix", Facility: 2, File: file, PostlogPath: "/nonexistent", Hostname: "h"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	defer d.recovered()
	panic(core.BrokenInvariant{Step: 7, What: "what must hold"})
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "smbin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("go", "build", "-ldflags", "-X github.com/stationmaster/stationmaster/osadapter/version.stamp="+stamp, "-o", dir+"/", ".", "../echo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building master and echo:", err)
		return 1
	}
	binaries = dir
	return m.Run()
}

// station is a private mail system that contains the sample server.
type station struct {
	t      *testing.T
	dir    string
	port   int
	main   string // contents of main.cf
	master string // contents of master.cf
	owner  account
	as     *syscall.Credential // identity that starts the master; nil: ours
}

type account struct {
	name     string
	uid, gid int
}

// accounts returns a mail owner that exists on this machine, and a group other than
// its own.
func accounts(t *testing.T) (owner account, group string) {
	t.Helper()
	for _, f := range records(t, "/etc/passwd") {
		uid, gid := number(f[2]), number(f[3])
		if f[0] == "nobody" || uid == 0 || gid == 0 {
			continue
		}
		if me := os.Getuid(); me == 0 || me == uid {
			owner = account{f[0], uid, gid}
			break
		}
	}
	for _, f := range records(t, "/etc/group") {
		if gid := number(f[2]); gid != 0 && gid != owner.gid && f[0] != "nogroup" {
			group = f[0]
			break
		}
	}
	if owner.name == "" || group == "" {
		t.Skip("no account here can be mail_owner")
	}
	return owner, group
}

func records(t *testing.T, path string) [][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("accounts are looked up in %s: %v", path, err)
	}
	var all [][]string
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Split(line, ":"); len(f) >= 4 {
			all = append(all, f)
		}
	}
	return all
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func newStation(t *testing.T) *station {
	t.Helper()
	dir, err := os.MkdirTemp("", "sm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	owner, group := accounts(t)
	s := &station{t: t, dir: dir, port: freePort(t), owner: owner}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"c", "q", "q/pid", "q/private", "q/public", "d", "log"} {
		if err := os.Mkdir(s.path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		for _, name := range []string{"q/private", "q/public", "d"} {
			if err := os.Chown(s.path(name), owner.uid, owner.gid); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.main = fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/q
data_directory = %[1]s/d
daemon_directory = %[2]s
maillog_file = %[1]s/log/mail.log
maillog_file_prefixes = %[1]s
mail_owner = %[3]s
setgid_group = %[4]s
inet_interfaces = loopback-only
inet_protocols = ipv4
echo_greeting = hello
service_throttle_time = 1s
`, dir, binaries, owner.name, group)
	s.master = fmt.Sprintf("127.0.0.1:%d inet n - n - 2 echo\n", s.port)
	s.write()
	return s
}

func (s *station) path(name string) string { return filepath.Join(s.dir, name) }

// write writes the configuration files.
func (s *station) write() {
	s.t.Helper()
	for name, text := range map[string]string{"c/main.cf": s.main, "c/master.cf": s.master} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// process is a master that the test started and will end.
type process struct {
	*exec.Cmd
	stderr *os.File // a file: a child that lives on must not keep us waiting
	ended  chan struct{}
}

func (p *process) words() string {
	text, err := os.ReadFile(p.stderr.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *station) command(args ...string) *process {
	p := &process{Cmd: exec.Command(filepath.Join(binaries, "master"), append([]string{"-c", s.path("c")}, args...)...), ended: make(chan struct{})}
	p.Args[0] = "master"
	var err error
	if p.stderr, err = os.CreateTemp(s.t.TempDir(), "stderr"); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { p.stderr.Close() })
	p.Stderr = p.stderr
	return p
}

// start runs a master in the foreground and waits until it serves.
func (s *station) start(args ...string) *process {
	s.t.Helper()
	p := s.command(append([]string{"-d"}, args...)...)
	// A process group of its own, so that a signal to it spares the tests.
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.as}
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	s.t.Cleanup(func() {
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		<-p.ended
	})
	s.eventually("the daemon has started", func() bool {
		select {
		case <-p.ended:
			s.t.Fatalf("it ended: %v\n%s\n%s", p.ProcessState, p.words(), s.log())
		default:
		}
		return strings.Contains(s.log(), "daemon started")
	})
	return p
}

// run runs a master to its end and returns its exit status and standard error.
func (s *station) run(args ...string) (int, string) {
	s.t.Helper()
	p := s.command(args...)
	err := p.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return p.ProcessState.ExitCode(), p.words()
}

func (s *station) log() string {
	text, _ := os.ReadFile(s.path("log/mail.log"))
	return string(text)
}

func (s *station) eventually(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within 20 s: %s\nlog:\n%s", what, s.log())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// session is a client of the sample server.
type session struct {
	net.Conn
	lines    *bufio.Scanner
	greeting string
	pid      int
}

func (s *station) connect() *session {
	s.t.Helper()
	c, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", s.port), 10*time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	x := &session{Conn: c, lines: bufio.NewScanner(c)}
	x.greeting = x.read(s.t)
	_, digits, _ := strings.Cut(x.greeting, " pid ")
	x.pid = number(digits)
	return x
}

func (x *session) read(t *testing.T) string {
	t.Helper()
	if !x.lines.Scan() {
		t.Fatalf("no line: %v", x.lines.Err())
	}
	return x.lines.Text()
}

func (x *session) echo(t *testing.T, text string) {
	t.Helper()
	fmt.Fprintln(x, text)
	if got := x.read(t); got != text {
		t.Errorf("echo: got %q, want %q", got, text)
	}
}

// gone reports whether the process has ended. If its parent, the master, ended
// first, process 1 reaps it, which may take a while.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, found := strings.Cut(string(text), ") ")
	return err == nil && found && strings.HasPrefix(state, "Z")
}
