package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// theBuild is the programs' directory, made once for all tests that run them.
var theBuild struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if theBuild.dir != "" {
		os.RemoveAll(theBuild.dir)
	}
	os.Exit(code)
}

// programs builds master, echo and demo into a directory that everybody can
// read.
func programs(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: building and running the programs takes seconds")
	}
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: the master runs there alone")
	}
	theBuild.once.Do(func() {
		if theBuild.dir, theBuild.err = os.MkdirTemp("", "demo-bin-"); theBuild.err != nil {
			return
		}
		if theBuild.err = os.Chmod(theBuild.dir, 0o755); theBuild.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", theBuild.dir, ".", "../master", "../echo")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			theBuild.err = errors.New(err.Error() + "\n" + string(out))
		}
	})
	if theBuild.err != nil {
		t.Fatal("build the programs: ", theBuild.err)
	}
	return theBuild.dir
}

// show is one run of the demo as a process of its own.
type show struct {
	t     *testing.T
	cmd   *exec.Cmd
	place string // its TMPDIR: empty before and after
	out   bytes.Buffer
}

// begin starts the demo with limits that a busy machine can keep.
func begin(t *testing.T, bin string, credential *syscall.Credential, args ...string) *show {
	t.Helper()
	s := &show{t: t}
	var err error
	if s.place, err = os.MkdirTemp("", "demo-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.place) })
	if err := os.Chmod(s.place, 0o755); err != nil {
		t.Fatal(err)
	}
	if credential != nil {
		if err := os.Chown(s.place, int(credential.Uid), int(credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	args = append([]string{"-bin", bin, "-patience", "30s", "-limit", "90s"}, args...)
	s.cmd = exec.Command(filepath.Join(programs(t), "demo"), args...)
	s.cmd.Env = append(os.Environ(), "TMPDIR="+s.place, "MAIL_CONFIG=/nowhere")
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setpgid: true}
	s.cmd.WaitDelay = time.Minute
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// finished waits for the demo and checks its exit status and that nothing of
// it is left.
func (s *show) finished(status int) {
	s.t.Helper()
	err := s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("exit status %d (%v), want %d", got, err, status)
	}
	if left, err := filepath.Glob(s.place + "/*"); err != nil || len(left) > 0 {
		s.t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
	m := regexp.MustCompile(`Process (\d+) runs`).FindStringSubmatch(s.out.String())
	if m != nil {
		group, _ := strconv.Atoi(m[1])
		// Those of the dead whom we did not start are buried by process 1, when it
		// comes to it.
		for end := time.Now().Add(10 * time.Second); syscall.Kill(-group, 0) != syscall.ESRCH; time.Sleep(glance) {
			if time.Now().After(end) {
				s.t.Error("processes of the daemon's group are left")
				break
			}
		}
	}
	if s.t.Failed() {
		s.t.Logf("the demo said:\n%s", s.out.String())
	}
}

func (s *show) wants(words ...string) {
	s.t.Helper()
	text := strings.Join(strings.Fields(s.out.String()), " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			s.t.Errorf("the demo did not say %q:\n%s", w, s.out.String())
		}
	}
}

// story is what a demo that comes true must have told, in the log's words, too.
var story = []string{
	"there is no server process", "is the daemon's one child", "by a process of its own",
	"waits in the queue", "which had become free", "both have left by themselves",
	`ok Client E is greeted: "` + secondGreeting, "goes on in its old process", "leaves at once",
	"log | postfix/master", "daemon started -- version", `bad value: "two"`, "reload refused",
	"a new client F is served", "terminating on signal 15", "The directory is removed", "nothing is left",
}

func TestDemoTellsItsStoryAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := begin(t, programs(t), nil)
	s.finished(0)
	s.wants(story...)
}

func TestDemoTellsItsStoryToAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("not root: the other test is the ordinary user's")
	}
	a, err := findAccounts(0)
	if err != nil {
		t.Fatal(err)
	}
	me := a.privs
	s := begin(t, programs(t), &syscall.Credential{Uid: uint32(me.uid), Gid: uint32(me.gid)})
	s.finished(0)
	s.wants(append(story, "mail_owner "+me.name+" (you;")...)
}

// broken makes a directory of programs of which one is a script instead.
func broken(t *testing.T, name, script string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo-bad-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"master", "echo"} {
		if p == name {
			err = os.WriteFile(filepath.Join(dir, p), []byte("#!/bin/sh\n"+script+"\n"), 0o755)
		} else {
			err = os.Symlink(filepath.Join(programs(t), p), filepath.Join(dir, p))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFailureIsNamedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, program, script string
		want                  []string
	}{
		{
			"server that dies", "echo", "echo no wish to live >&2; exit 1",
			[]string{"demo: FAILED: step 2: waited 2s until client A gets a greeting", "bad command startup", "no wish to live"},
		},
		{
			"server deaf to SIGTERM", "echo", `trap "" TERM; sleep 60`,
			[]string{"demo: FAILED: step 2: waited 2s until client A gets a greeting"},
		},
		{
			"daemon that dies", "master", "echo no wish to start >&2; exit 3",
			[]string{"demo: FAILED: step 1: the daemon ended by itself (exit status 3)", "no wish to start"},
		},
		{
			"daemon that does nothing", "master", `trap "" TERM; while :; do sleep 60; done`,
			[]string{"demo: FAILED: step 1: waited 2s until the daemon has started, in vain"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, broken(t, c.program, c.script), nil, "-patience", "2s")
			s.finished(statusFailed)
			s.wants(c.want...)
		})
	}
}

func TestInterruptStopsEverything(t *testing.T) {
	t.Parallel()
	bin := programs(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := begin(t, bin, nil)
			// A server runs: the daemon is the demo's one child, the server its.
			for end := time.Now().Add(30 * time.Second); ; time.Sleep(glance) {
				daemons, err := children(s.cmd.Process.Pid)
				if err != nil {
					t.Fatal(err)
				}
				if len(daemons) == 1 {
					all, _ := children(daemons[0].pid)
					if len(all) > 0 && all[0].name == "echo" {
						break
					}
				}
				if time.Now().After(end) {
					_ = s.cmd.Process.Signal(sig)
					_ = s.cmd.Wait()
					t.Fatalf("no server in time:\n%s", s.out.String())
				}
			}
			if err := syscall.Kill(s.cmd.Process.Pid, sig); err != nil {
				t.Fatal(err)
			}
			s.finished(128 + int(sig))
			s.wants("demo: ended early by", "signal "+sig.String(), "the daemon is stopped")
		})
	}
}
