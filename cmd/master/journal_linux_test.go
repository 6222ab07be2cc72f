package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/osadapter/disk"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

func (s *station) recording(name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	must(s.t, err)
	return b
}

// The file of master_journal_file holds the whole life of a daemon, from its first
// step to its last, and replays.
func TestJournalFileOfADaemonReplays(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.main += "master_journal_file = $data_directory/master.trace\n"
	s.write()
	p := s.start()
	x := s.connect()
	x.echo(t, "before")
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("the reload is done", func() bool { return strings.Count(s.log(), "reload -- version") == 1 })
	x.echo(t, "after")
	y := s.connect()
	must(t, syscall.Kill(y.pid, syscall.SIGKILL)) // a crash
	s.eventually("the crash is told", func() bool { return strings.Contains(s.log(), "killed by signal 9") })
	s.main += "default_process_limit = many\n"
	s.write()
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("a reload is refused", func() bool { return strings.Contains(s.log(), "reload refused") })
	// Everything is in the file while the daemon waits.
	s.eventually("what happened is in the file", func() bool {
		text, err := trace.Text(s.recording("d/master.trace"))
		return err == nil && strings.Contains(string(text), "config-rejected")
	})
	must(t, p.Process.Signal(syscall.SIGTERM))
	<-p.ended
	recording := s.recording("d/master.trace")
	steps, err := trace.Replay(recording)
	if err != nil || steps < 10 {
		t.Fatalf("%d steps: %v", steps, err)
	}
	text, err := trace.Text(recording)
	must(t, err)
	for _, part := range []string{
		"snapshot after step 0", "config-loaded", "config-rejected", "reload refused", "killed by signal 9",
		fmt.Sprintf("pid=%d", x.pid), "signal-received signal=15", "terminating on signal 15", "\n  exit ",
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("nothing of %q in:\n%s", part, text)
		}
	}
	info, err := os.Stat(s.path("d/master.trace"))
	must(t, err)
	if uid := info.Sys().(*syscall.Stat_t).Uid; info.Mode() != 0o600 || int(uid) != s.owner.uid {
		t.Errorf("mode %v, owner %d; want 0600 and %d", info.Mode(), uid, s.owner.uid)
	}
}

func TestJournalFileThatCannotBeHadIsOneWarning(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.main += "master_journal_file = /nonexistent/master.trace\n"
	s.write()
	p := s.start()
	s.connect().echo(t, "mail goes on")
	const warning = "warning: master_journal_file /nonexistent/master.trace: cannot create file exclusively: No such file or directory; no steps are written there until the next reload"
	if n := strings.Count(s.log(), warning); n != 1 {
		t.Errorf("%d warnings\n%s", n, s.log())
	}
	s.main = strings.Replace(s.main, "/nonexistent/", "$data_directory/", 1)
	s.write()
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("the file is there after a reload", func() bool {
		b, err := os.ReadFile(s.path("d/master.trace"))
		if err != nil {
			return false
		}
		_, err = trace.Replay(b)
		return err == nil
	})
	if n := strings.Count(s.log(), "master_journal_file"); n != 1 {
		t.Errorf("%d lines about it\n%s", n, s.log())
	}
}

// breakVariable marks a copy of this program that meets a bug of its own, and names
// its directory; hangVariable makes the journal's disk hang then.
const (
	breakVariable = "STATIONMASTER_TEST_BREAK"
	hangVariable  = "STATIONMASTER_TEST_HANG"
)

func init() {
	directory := os.Getenv(breakVariable)
	if directory == "" {
		return
	}
	runtime.LockOSThread()
	d := &daemon{
		log:      logs.New(logs.Origin{Process: "master", PID: os.Getpid(), Fallback: true, Stderr: true}, syscall.Getenv),
		crashDir: crashDir{directory: directory},
	}
	defer d.recovered()
	if err := d.prepareLoop(); err != nil {
		d.fatal(err.Error())
	}
	if os.Getenv(hangVariable) != "" {
		d.journal = journal.New(d.machine, journal.Size, journal.Hooks{
			As:      func(func()) error { select {} },
			Carrier: &disk.Beside{},
		})
	}
	d.loop.Boot(core.ConfigLoadedEvent(0, &core.Config{
		MailVersion: "v", ConfigDirectory: directory,
		Log: core.LogSettings{Name: "test", File: directory + "/log", PostlogPath: directory + "/nobody"},
	}))
	d.loop.Boot(core.ChildStartedEvent(1, 99, 7)) // an answer to nothing
}

// meetBug runs a copy of this program in dir that meets a bug, and returns its log.
func meetBug(t *testing.T, dir string, variables ...string) (log string) {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	command := exec.Command(program)
	command.Env = append(append(os.Environ(), breakVariable+"="+dir, "LANG=C"), variables...)
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGABRT {
		t.Fatalf("ended with %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	must(t, err)
	return string(text)
}

// A disk that hangs does not keep a process alive that has met a bug.
func TestBugOnADiskThatHangsEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := meetBug(t, dir, hangVariable+"=1")
	want := "warning: save journal " + filepath.Join(dir, "master.journal") + ": the disk did not take it in time\n"
	if !strings.Contains(log, want) || !strings.Contains(log, ": panic: ") {
		t.Errorf("log:\n%s\nwant: %s", log, want)
	}
}

func TestBrokenInvariantSavesTheJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "master.journal")
	text := meetBug(t, dir)
	for _, part := range []string{"panic: broken invariant: ChildStarted answers a start (step 2)", "the last steps of this master are in " + path} {
		if !strings.Contains(text, part) {
			t.Errorf("nothing of %q in:\n%s", part, text)
		}
	}
	recording, err := os.ReadFile(path)
	must(t, err)
	steps, err := trace.Replay(recording)
	var broken *trace.Broken
	if !errors.As(err, &broken) || steps != 1 || broken.Step != 2 || !strings.Contains(broken.Event, "generation=99") {
		t.Errorf("%d steps: %v", steps, err)
	}
}
