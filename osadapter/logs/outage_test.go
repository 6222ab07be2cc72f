package logs

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

const stamp = "Mar  5 13:04:09 mx postfix/master[42]: "

func expectFile(t *testing.T, path string, lines ...string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, string(content), stamp+strings.Join(lines, "\n"+stamp)+"\n")
}

// withFile is a log that goes to the file of the settings.
func withFile(t *testing.T, dir string) (*Log, core.LogSettings) {
	t.Helper()
	settings := postlogSettings(dir)
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	t.Cleanup(l.Close)
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "before")
	return l, settings
}

// limited makes sure that only n lines of five bytes, besides the time and the tag,
// fit into what is kept.
func limited(l *Log, n int) {
	room := n * (stampLength + len(l.tag) + 5)
	l.route.kept.bytes = maxKept - room
}

func TestLostLinesAreToldOfOncePerOutage(t *testing.T) {
	dir := shortDir(t)
	l, settings := withFile(t, dir)
	reason := " lost: open logfile '" + settings.File + "': cannot open file: Is a directory"
	for lost, what := range map[int]string{1: "1 log line was", 2: "2 log lines were", 3: "3 log lines were"} {
		if err := os.Remove(settings.File); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(settings.File, 0o700); err != nil {
			t.Fatal(err)
		}
		limited(l, 2)
		for _, text := range []string{"keep1", "keep2"} {
			l.Log(Info, text)
		}
		for i := 0; i < lost; i++ {
			l.Log(Info, "lost!")
		}
		if err := os.Remove(settings.File); err != nil {
			t.Fatal(err)
		}
		l.Log(Info, "back")
		l.Log(Info, "on")
		expectFile(t, settings.File, "keep1", "keep2", "warning: "+what+reason, "back", "on")
		l.route.kept.bytes = 0
	}
}

// roleLimit writes a file that may grow no further for a while.
func roleLimit() {
	signal.Ignore(syscall.SIGXFSZ)
	dir := os.Getenv("LOGS_TEST_DIR")
	var free unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &free) != nil {
		os.Exit(1)
	}
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	if l.Switch(postlogSettings(dir)) != nil {
		os.Exit(2)
	}
	l.Log(Info, "whole")
	tight := free
	tight.Cur = 51 // the line above, and "Mar  5" of the next
	if unix.Setrlimit(unix.RLIMIT_FSIZE, &tight) != nil {
		os.Exit(3)
	}
	l.Log(Info, "cut and written again")
	if l.Err() == nil {
		os.Exit(4)
	}
	l.Log(Info, "kept")
	if l.Retry() == nil {
		os.Exit(5)
	}
	if unix.Setrlimit(unix.RLIMIT_FSIZE, &free) != nil {
		os.Exit(6)
	}
	if l.Retry() != nil || l.Err() != nil {
		os.Exit(7)
	}
	l.Log(Info, "back")
	os.Exit(0)
}

func TestLineThatWasCutDoesNotHideTheNext(t *testing.T) {
	dir := shortDir(t)
	run(t, "limit", `"$1"`, "LOGS_TEST_DIR="+dir)
	file := postlogSettings(dir).File
	content, _ := os.ReadFile(file)
	expect(t, string(content), stamp+"whole\nMar  5\n"+
		stamp+"cut and written again\n"+stamp+"kept\n"+stamp+"back\n")
}

func TestLinesThatNoDaemonTookGoToTheFile(t *testing.T) {
	dir := shortDir(t)
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer l.Close()
	l.Log(Info, "no syslog daemon during the start")
	settings := postlogSettings(dir)
	if err := l.Switch(settings); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "started")
	expectFile(t, settings.File, "no syslog daemon during the start", "started")
}

func TestSwitchToFileThatCannotBeOpenedKeepsTheLog(t *testing.T) {
	dir := shortDir(t)
	for _, from := range []string{"a file", "syslog"} {
		l, settings := withFile(t, dir)
		var r *receiver
		if from == "syslog" {
			r = listen(t, filepath.Join(dir, "log"))
			if err := l.Switch(core.LogSettings{Name: "postfix", Facility: mailFacility}); err != nil {
				t.Fatal(err)
			}
		}
		bad := settings
		bad.Name, bad.Hostname, bad.File = "other", "elsewhere", filepath.Join(dir, "missing", "maillog")
		want := "open logfile '" + bad.File + "': cannot create file exclusively: No such file or directory"
		if err := l.Switch(bad); err == nil || err.Error() != want {
			t.Fatalf("from %s: got %v, want %q", from, err, want)
		}
		l.Log(Warning, "refused")
		if r != nil {
			expect(t, r.next(), "<20>Mar  5 13:04:09 postfix/master[42]: warning: refused")
			r.close()
			continue
		}
		expectFile(t, settings.File, "before", "warning: refused")
		if err := os.Remove(settings.File); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSwitchBetweenTwoLogsThatFail takes the new one: it is the one that the
// operator will mend.
func TestSwitchBetweenTwoLogsThatFail(t *testing.T) {
	dir := shortDir(t)
	l, settings := withFile(t, dir)
	if err := os.Remove(settings.File); err != nil {
		t.Fatal(err)
	}
	next := settings
	next.File = filepath.Join(dir, "next")
	for _, path := range []string{settings.File, next.File} {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Switch(next); err == nil {
		t.Fatal("no error")
	}
	if err := os.Remove(next.File); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "mended")
	expectFile(t, next.File, "mended")
}

func TestSwitchFromFileToMissingSyslogKeepsTheFile(t *testing.T) {
	dir := shortDir(t)
	l, settings := withFile(t, dir)
	syslog := core.LogSettings{Name: "postfix", Facility: mailFacility}
	want := "log socket '" + filepath.Join(dir, "log") + "': No such file or directory"
	if err := l.Switch(syslog); err == nil || err.Error() != want {
		t.Fatalf("got %v, want %q", err, want)
	}
	l.Log(Info, "still here")
	expectFile(t, settings.File, "before", "still here")
	r := listen(t, filepath.Join(dir, "log"))
	if err := l.Switch(syslog); err != nil {
		t.Fatal(err)
	}
	l.Log(Info, "there")
	expect(t, r.next(), "<22>Mar  5 13:04:09 postfix/master[42]: there")
	r.close()
	// A reload while the daemon is away is not refused: there is nothing better.
	if err := l.Switch(syslog); err != nil {
		t.Error(err)
	}
}

func TestSwitchLeavesNoDescriptors(t *testing.T) {
	dir := shortDir(t)
	l, _ := withFile(t, dir)
	r := listen(t, filepath.Join(dir, "log"))
	first, err := newSocket(unix.SOCK_DGRAM)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(first)
	bad := postlogSettings(dir)
	bad.File = filepath.Join(dir, "missing", "maillog")
	for i := 0; i < 20; i++ {
		_ = l.Switch(core.LogSettings{Name: "postfix"})
		_ = l.Switch(bad)
	}
	r.close()
	l.Close()
	last, err := newSocket(unix.SOCK_DGRAM)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(last)
	if last > first {
		t.Errorf("descriptor %d is free, was %d", last, first)
	}
}
