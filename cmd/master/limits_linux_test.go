package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runLimited runs a shell that lowers one of its limits and then executes the
// master.
func (s *station) runLimited(limit string, args ...string) (int, string) {
	s.t.Helper()
	p := s.command(args...)
	words := append([]string{"-c", "ulimit " + limit + `; exec "$0" "$@"`, p.Path}, p.Args[1:]...)
	limited := exec.Command("/bin/sh", words...)
	limited.Stderr = p.Stderr
	p.Cmd = limited
	_ = p.Run()
	return p.ProcessState.ExitCode(), p.words()
}

func TestTooFewDescriptorsAtStart(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	for i := range 30 {
		s.master += fmt.Sprintf("s%d unix - - n - 1 echo\n", i)
	}
	s.write()
	code, stderr := s.runLimited("-n 24")
	for _, part := range []string{"Too many open files", "raise the limit on open files", "could allocate space for only 24 open files"} {
		if code != 1 || !strings.Contains(stderr, part) {
			t.Errorf("exit status %d\n%s\nwant: %s", code, stderr, part)
		}
	}
	for i := range 30 {
		if _, err := os.Lstat(s.path(fmt.Sprintf("q/private/s%d", i))); err == nil {
			t.Errorf("the socket of s%d was left behind", i)
		}
	}
}

func TestBusyPortAtReloadChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	x := s.connect()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	good := s.master
	port := l.Addr().(*net.TCPAddr).Port
	s.master = fmt.Sprintf("new unix - - n - 1 echo\n127.0.0.1:%d inet n - n - 1 echo\n", port) // and the first service removed
	s.write()
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("the reload is refused", func() bool { return strings.Contains(s.log(), "reload refused") })
	for _, part := range []string{
		fmt.Sprintf("error: bind 127.0.0.1 port %d: Address already in use", port),
		fmt.Sprintf(`master.cf: line 2: service "127.0.0.1:%d" cannot listen on 127.0.0.1:%d; another program holds this address`, port, port),
	} {
		if !strings.Contains(s.log(), part) {
			t.Errorf("log:\n%s\nwant: %s", s.log(), part)
		}
	}
	if _, err := os.Lstat(s.path("q/private/new")); err == nil {
		t.Error("the new socket was left behind")
	}
	x.echo(t, "the session goes on")
	s.connect().echo(t, "and new ones come")
	s.master = good
}

func TestMissingFilesAtReloadChangeNothing(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.start()
	for i, name := range []string{"master.cf", "main.cf"} {
		must(t, os.Remove(s.path("c/"+name)))
		must(t, p.Process.Signal(syscall.SIGHUP))
		s.eventually("the reload is refused", func() bool { return strings.Count(s.log(), "reload refused") == i+1 })
		if want := "error: open " + s.path("c/"+name) + ": No such file or directory"; !strings.Contains(s.log(), want) {
			t.Errorf("log:\n%s\nwant: %s", s.log(), want)
		}
		s.write()
	}
	s.connect().echo(t, "still here")
}

// With a full process table, the start is throttled with the original's words and
// succeeds when there is room.
func TestFullProcessTable(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("limiting the processes of another user needs root")
	}
	s := newStation(t)
	for _, name := range []string{"q", "q/pid", "log"} {
		must(t, os.Chown(s.path(name), s.owner.uid, s.owner.gid))
	}
	p := s.startAs(s.owner)
	s.limitProcesses(p, "1:")
	c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", s.port))
	must(t, err)
	defer c.Close()
	s.eventually("the failed fork is told", func() bool {
		return strings.Contains(s.log(), "warning: master_spawn: fork: Resource temporarily unavailable -- throttling")
	})
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("a reload goes through", func() bool { return strings.Count(s.log(), "reload -- version") == 1 })
	s.limitProcesses(p, "4096:")
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := c.Read(make([]byte, 64)); n == 0 {
		t.Errorf("the waiting client was not served: %v", err)
	}
}

// limitProcesses sets the soft limit of a running process, as its user.
func (s *station) limitProcesses(p *process, limit string) {
	s.t.Helper()
	set := exec.Command("prlimit", "--pid", fmt.Sprint(p.Process.Pid), "--nproc="+limit)
	set.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	if out, err := set.CombinedOutput(); err != nil {
		s.t.Skipf("prlimit(1) does not do it here: %v: %s", err, out)
	}
}

// startAs runs the master as another user, with mail_owner being that user.
func (s *station) startAs(owner account) *process {
	s.t.Helper()
	s.as = &syscall.Credential{Uid: uint32(owner.uid), Gid: uint32(owner.gid)}
	return s.start()
}

func TestOtherUsersAreRefused(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	s := newStation(t)
	p := s.command()
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	_ = p.Run()
	for _, part := range []string{"fatal: the master command is reserved for the superuser", "start it as root, or as mail_owner (" + s.owner.name + ")"} {
		if p.ProcessState.ExitCode() != 1 || !strings.Contains(p.words(), part) {
			t.Errorf("exit status %d\n%s\nwant: %s", p.ProcessState.ExitCode(), p.words(), part)
		}
	}
}

// Process 1 of a namespace reaps orphans without logging, and ends with exit status
// 0.
func TestInitMode(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("a process namespace needs root")
	}
	s := newStation(t)
	p := s.command("-i")
	p.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if err := p.Start(); err != nil {
		t.Skipf("a process namespace is not to be had here: %v", err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
	})
	s.eventually("the daemon has started", func() bool { return strings.Contains(s.log(), "daemon started") })
	x := s.connect()
	x.echo(t, "served by a child of process 1")
	must(t, p.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it lives on")
	}
	if code := p.ProcessState.ExitCode(); code != 0 || !strings.Contains(s.log(), "terminating on signal 15") {
		t.Errorf("ended with %v\n%s", p.ProcessState, s.log())
	}
}

func TestProcessNameDecidesTheLock(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	p := s.command("-d")
	p.Args[0] = filepath.Join("any", "other")
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, p.Start())
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
		<-p.ended
	})
	s.eventually("the daemon has started", func() bool { return strings.Contains(s.log(), "postfix/other[") })
	if _, err := os.Lstat(s.path("q/pid/other.pid")); err != nil {
		t.Error(err)
	}
	if code, _ := s.run("-t"); code != 0 {
		t.Errorf("a master of another name is taken for one: exit status %d", code)
	}
}

// Variables that steer the Go runtime do not prevent a start, except for those that
// docs/differences.md lists.
func TestVariablesOfTheRuntimeAreNoObstacle(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	for _, variable := range []string{
		"GOMEMLIMIT=", "GOMEMLIMIT=1", "GOGC=x", "GOGC=-5", "GOGC=99999999999999", "GOMAXPROCS=x", "GOMAXPROCS=1000",
		"GOTRACEBACK=x", "GORACE=x", "GOCOVERDIR=/nonexistent", "ZONEINFO=/nonexistent", "GODEBUG=x", "GODEBUG=gcstoptheworld=2,sbrk=1",
	} {
		p := s.command("-t")
		p.Env = append(p.Env, variable)
		if err := p.Run(); err != nil || p.words() != "" {
			t.Errorf("%s: %v: %s", variable, err, p.words())
		}
	}
}

// A bug of ours ends the process as in the original: a panic line, then SIGABRT.
func TestBugIsLoggedAndEndsByAbort(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "log")
	self, err := os.Executable()
	must(t, err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), "MASTER_TEST_PANIC="+file)
	c.Dir = t.TempDir() // for a core file
	_ = c.Run()
	status := c.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGABRT {
		t.Errorf("ended with %v", c.ProcessState)
	}
	text, _ := os.ReadFile(file)
	if !strings.Contains(string(text), ": panic: broken invariant: what must hold (step 7)") {
		t.Errorf("log:\n%s", text)
	}
}
