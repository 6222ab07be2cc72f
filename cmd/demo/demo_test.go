package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the directory of the programs, which are built once for all tests.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// build builds the programs into a directory that everybody can read.
var build = sync.OnceValues(func() (output []byte, err error) {
	if built, err = os.MkdirTemp("", "demo-bin-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(built, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "build", "-o", built, ".", "../master", "../echo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.CombinedOutput()
})

func programs(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: building and running the programs takes seconds")
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs Linux, as the master does:", err)
	}
	if output, err := build(); err != nil {
		t.Fatalf("build the programs: %v\n%s", err, output)
	}
	return built
}

// play is one run of the demo as a process.
type play struct {
	t   *testing.T
	cmd *exec.Cmd
	tmp string // its TMPDIR: empty before and after
	out bytes.Buffer
}

// begin starts the demo.
func begin(t *testing.T, bin, limit string, credential *syscall.Credential) *play {
	t.Helper()
	p := &play{t: t, tmp: openDirectory(t)}
	if credential != nil {
		if err := os.Chown(p.tmp, int(credential.Uid), int(credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	p.cmd = exec.Command(filepath.Join(programs(t), "demo"), "-bin", bin, "-limit", limit)
	p.cmd.Env = append(os.Environ(), "TMPDIR="+p.tmp, "MAIL_CONFIG=/nowhere")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setpgid: true}
	p.cmd.WaitDelay = time.Minute
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// openDirectory returns a temporary directory that everybody can enter.
func openDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// ends waits for the end of the demo, and checks its exit status, that it said
// all the words, and that it left nothing.
func (p *play) ends(status int, words ...string) {
	p.t.Helper()
	err := p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Errorf("exit status %d (%v), want %d", got, err, status)
	}
	for _, w := range words {
		if !strings.Contains(p.out.String(), w) {
			p.t.Errorf("the demo did not say %q", w)
		}
	}
	if left, err := filepath.Glob(p.tmp + "/*"); err != nil || len(left) > 0 {
		p.t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
	if m := regexp.MustCompile(`master \(process (\d+)\)`).FindStringSubmatch(p.out.String()); m != nil {
		pid, _ := strconv.Atoi(m[1])
		if left := processes(pid); len(left) > 0 {
			p.t.Errorf("processes of the daemon are left: %v", left)
		}
	}
	if p.t.Failed() {
		p.t.Logf("the demo said:\n%s", p.out.String())
	}
}

// story is what a successful demo has said.
var story = []string{
	"the only server process", "no third process is started", "its process serves client C",
	"no server process is left after", "the sessions of E and F continue", `greets client G with "Good evening from"`,
	`bad value: "two"`, "reload refused", "a new client, H, is served as before",
	"bad command startup -- throttling", "is started and serves client I",
	"log | postfix/master", "terminating on signal 15", "The demo succeeded.",
}

func TestDemoSucceeds(t *testing.T) {
	t.Parallel()
	begin(t, programs(t), "2m", nil).ends(0, story...)
}

func TestDemoSucceedsForAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("not root: TestDemoSucceeds is an ordinary user's")
	}
	a, err := findAccounts()
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(a.privs.Uid)
	gid, _ := strconv.Atoi(a.privs.Gid)
	p := begin(t, programs(t), "2m", &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)})
	p.ends(0, append(story, "mail_owner  "+a.privs.Username)...)
}

func TestDemoFailsWhenAPromiseIsBroken(t *testing.T) {
	t.Parallel()
	// edited is a master whose configuration differs from what the demo wrote.
	edited := func(edit, file string) string {
		return "sed -i '" + edit + "' $2/" + file + "; exec $REAL/master \"$@\""
	}
	for _, c := range []struct{ name, program, script, want string }{
		{"server dies", "echo", "echo no wish to live >&2; exit 1", "step 2: client A did not receive a greeting"},
		{"server deaf to SIGTERM", "echo", `trap "" TERM; sleep 60`, "step 2: client A did not receive a greeting"},
		{"daemon dies", "master", "exit 3", "step 1: the daemon ended by itself (exit status 3)"},
		{"daemon does nothing", "master", `trap "" TERM; while :; do sleep 60; done`, "step 1: waited in vain for a line with"},
		{"limit exceeded", "master", edited("s/ 2 echo/ 3 echo/", "master.cf"), "step 3: client C was answered"},
		{"server leaves after one client", "echo", `exec $REAL/echo -m 1 "$@"`, "step 3: client C is served by process"},
		{"idle servers stay", "master", edited("s/max_idle = .*/max_idle = 1h/", "main.cf"), "step 4: waited in vain for 0 server processes"},
		{"idle servers leave at once", "master", edited("s/max_idle = .*/max_idle = 1/", "main.cf"), "step 4: idle processes left after"},
		{"settings stay", "echo", `exec $REAL/echo -o "echo_greeting=Hello from" "$@"`, "step 5: client G was greeted with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bin := openDirectory(t)
			for _, name := range []string{"master", "echo"} {
				if err := os.Symlink(filepath.Join(programs(t), name), filepath.Join(bin, name)); err != nil {
					t.Fatal(err)
				}
			}
			script := "#!/bin/sh\nREAL=" + programs(t) + "\n" + c.script + "\n"
			path := filepath.Join(bin, c.program)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			begin(t, bin, "12s", nil).ends(statusFailed, "demo: FAILED: "+c.want)
		})
	}
}

func TestDemoFailsAtItsLimit(t *testing.T) {
	t.Parallel()
	begin(t, programs(t), "1s", nil).ends(statusFailed, "demo: FAILED: step ", "the demo exceeded its limit of 1s")
}

func TestInterruptStopsEverything(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := begin(t, programs(t), "2m", nil)
			// The demo has written its log and started the daemon.
			for end := time.Now().Add(30 * time.Second); ; time.Sleep(glance) {
				if log, _ := filepath.Glob(p.tmp + "/*/queue/pid/master.pid"); len(log) > 0 || time.Now().After(end) {
					break
				}
			}
			if err := p.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			p.ends(128+int(sig), "demo: interrupted by signal "+sig.String())
		})
	}
}

func TestUsageErrorsAreOneLine(t *testing.T) {
	empty := t.TempDir()
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"-nonsense", statusUsage, "not defined: -nonsense"},
		{"more", statusUsage, `unexpected argument "more"`},
		{"-limit 0s", statusUsage, "must be greater than 0"},
		{"-limit soon", statusUsage, `invalid value "soon"`},
		{"-bin " + empty, statusFailed, empty + `/master: no such file or directory; run "make build" first`},
	} {
		var stdout, stderr bytes.Buffer
		status := run(strings.Fields(c.args), &stdout, &stderr)
		if status != c.status || stdout.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s: status %d, said %q and %q; want %d and %q", c.args, status, &stdout, &stderr, c.status, c.want)
		}
	}
}

func TestLostHelpIsAFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unwritable, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unwritable.Close()
	var stderr bytes.Buffer
	if status := run([]string{"-h"}, unwritable, &stderr); status != statusUsage || !strings.HasPrefix(stderr.String(), "demo: write the output: ") {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}
