package main

import (
	"bufio"
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

// block returns the text of docs/contract.md between a line and the next fence.
func block(t *testing.T, after string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/contract.md")
	must(t, err)
	_, rest, begun := strings.Cut(string(text), "\n"+after+"\n")
	found, _, ended := strings.Cut(rest, "```\n")
	if !begun || !ended {
		t.Fatalf("docs/contract.md has no block after %q", after)
	}
	return found
}

// serverOfThePage returns the program of docs/contract.md, with the path of Python
// in its first line adapted to this system.
func serverOfThePage(t *testing.T) string {
	t.Helper()
	python, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Skip("needs python3: ", err)
	}
	program := block(t, "```python")
	if lines := strings.Count(program, "\n"); lines > 50 {
		t.Errorf("the program has %d lines; more than 50 are no sample", lines)
	}
	const usual = "/usr/bin/python3"
	if !strings.HasPrefix(program, "#!"+usual+"\n") {
		t.Fatalf("the program begins with %.40q", program)
	}
	if _, err := os.Stat(usual); err != nil {
		program = strings.Replace(program, usual, strings.TrimSpace(string(python)), 1)
	}
	return program
}

// greeted connects a client to the server of the page and waits for the greeting.
func (s *station) greeted(network, address string) *session {
	s.t.Helper()
	c, err := net.DialTimeout(network, address, 10*time.Second)
	must(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	must(s.t, c.SetDeadline(time.Now().Add(20*time.Second)))
	x := &session{Conn: c, lines: bufio.NewScanner(c)}
	x.greeting = x.read(s.t)
	if _, err := fmt.Sscanf(x.greeting, "hello from pid %d", &x.pid); err != nil {
		s.t.Fatalf("greeting %q: %v", x.greeting, err)
	}
	return x
}

func (s *station) leaves(why string, pid int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("process %d has left: %s", pid, why), func() bool { return gone(pid) })
}

// TestTheServerOfTheContractKeepsIt runs the program of docs/contract.md, with
// its lines of master.cf, through its whole life.
func TestTheServerOfTheContractKeepsIt(t *testing.T) {
	t.Parallel()
	program := serverOfThePage(t)
	s := newStation(t)
	must(t, os.Mkdir(s.path("programs"), 0o755))
	must(t, os.WriteFile(s.path("programs/hello"), []byte(program), 0o755))
	s.main = strings.Replace(s.main, "daemon_directory = "+binaries, "daemon_directory = "+s.path("programs"), 1)
	inet, local := fmt.Sprintf("127.0.0.1:%d", s.port), s.path("q/public/hello")
	lines := block(t, "# service type private unpriv chroot wakeup maxproc command")
	if !strings.HasPrefix(lines, "7008 ") {
		t.Fatalf("the lines of master.cf: %q", lines)
	}
	s.master = strings.Replace(lines, "7008", inet, 1) +
		"twice unix n - n - 1 hello -m 2\nbrief unix n - n - 2 hello -i 1\n"
	s.write()
	p := s.start()

	x := s.greeted("tcp4", inet)
	x.echo(t, "a line")
	y := s.greeted("tcp4", inet)
	if y.pid == x.pid {
		t.Error("a busy process has taken a second client")
	}
	s.looksLikeAServer(x.pid, "q/pid/inet."+inet)
	x.Close()
	z := s.greeted("tcp4", inet) // both processes are in use, so one must be reused
	if z.pid != x.pid {
		t.Errorf("process %d served, want %d, which is available", z.pid, x.pid)
	}
	killed := s.greeted("unix", local)
	killed.echo(t, "another line")
	killed.Close()
	if again := s.greeted("unix", local); again.pid != killed.pid { // so it has said that it is available
		t.Errorf("process %d served, want %d, which is the only one", again.pid, killed.pid)
	}
	must(t, syscall.Kill(killed.pid, syscall.SIGKILL))
	alone := s.greeted("unix", local) // a crash after good service does not throttle
	alone.Close()

	brief := s.greeted("unix", s.path("q/public/brief"))
	brief.Close()
	first := s.greeted("unix", s.path("q/public/twice"))
	first.Close()
	if second := s.greeted("unix", s.path("q/public/twice")); second.pid != first.pid {
		t.Error("the process left before max_use")
	} else {
		second.Close()
	}
	s.leaves("max_use", first.pid)
	s.greeted("unix", s.path("q/public/twice")).Close()

	must(t, p.Process.Signal(syscall.SIGHUP))
	s.leaves("it is idle, and the configuration is another", alone.pid)
	z.echo(t, "the busy one finishes")
	z.Close()
	s.leaves("its report fails", z.pid)
	if after := s.greeted("tcp4", inet); after.pid == y.pid || after.pid == z.pid {
		t.Error("a process of the old configuration has taken a client")
	}
	s.leaves("max_idle", brief.pid)
	if log := s.log(); strings.Count(log, ": warning: ") != 1 || !strings.Contains(log, "killed by signal 9") {
		t.Errorf("of one killed process the log says:\n%s", log)
	}
	must(t, p.Process.Signal(syscall.SIGTERM))
	s.leaves("the master ends", y.pid)
}

// looksLikeAServer checks the state of the process after its start: its identity,
// its lock file, and that no part of the contract would be inherited by a program
// that it starts.
func (s *station) looksLikeAServer(pid int, lock string) {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(s.t, err)
	if want := fmt.Sprintf("\nUid:\t%[1]d\t%[1]d\t%[1]d", s.owner.uid); !strings.Contains(string(status), want) {
		s.t.Errorf("not mail_owner's, %d:\n%s", s.owner.uid, status)
	}
	if info, err := os.Stat(s.path(lock)); err != nil || info.Mode().Perm() != 0o600 {
		s.t.Errorf("lock file: %v, %v", info, err)
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/[3456]", pid))
	must(s.t, err)
	if len(files) != 4 {
		s.t.Errorf("descriptors %q", files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(s.t, err)
		var position, flags int
		if _, err := fmt.Sscanf(string(text), "pos: %d\nflags: %o", &position, &flags); err != nil {
			s.t.Fatalf("%s: %v\n%s", file, err, text)
		}
		if flags&syscall.O_CLOEXEC == 0 {
			s.t.Errorf("%s is not close-on-exec", file)
		}
	}
}
