package logs

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/disk"
	"github.com/stationmaster/stationmaster/osadapter/stuck"
)

// within fails the test when a call waits for a disk that never answers.
func within(t *testing.T, what string, call func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); call() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal(what + " waits for the disk")
	}
}

// deadDisk is a disk that does not answer, for which nobody waits long.
func deadDisk(t *testing.T) *stuck.Disk {
	t.Helper()
	before := filePatience
	t.Cleanup(func() { filePatience = before })
	filePatience = 200 * time.Millisecond
	return stuck.NewDisk(t)
}

// takeAway ends all calls.
func takeAway(t *testing.T, disk *stuck.Disk) {
	t.Helper()
	disk.TakeAway()
	for deadline := time.Now().Add(30 * time.Second); beside.UnderWay() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("calls are under way though the disk is gone")
		}
	}
}

// A log file on a disk that does not answer holds nobody up, takes no more threads
// than are reserved, and loses nothing: in the end syslog has the lines.
func TestDiskThatDoesNotAnswerHoldsNobodyUp(t *testing.T) {
	disk := deadDisk(t)
	dir := shortDir(t)
	r := listen(t, filepath.Join(dir, "log"))
	settings := postlogSettings(dir)
	settings.File = filepath.Join(disk.Dir, "file")
	l := New(testOrigin(filepath.Join(dir, "log")), utc())
	defer takeAway(t, disk) // before the log is closed
	t.Cleanup(l.Close)
	l.Log(Info, "before")
	r.next()
	within(t, "a switch", func() {
		for range 2 * MaxThreads {
			next := l.open(settings, true)
			_ = next.probe(true)
			l.adopt(settings, next)
		}
	})
	if n := beside.UnderWay(); n != MaxThreads-1 {
		t.Errorf("%d looks are under way, want %d", n, MaxThreads-1)
	}
	lines := numbered(200)
	within(t, "a line", func() {
		for _, line := range lines {
			l.Log(Info, line)
		}
	})
	if n := beside.UnderWay(); n != MaxThreads {
		t.Errorf("%d calls are under way, want %d", n, MaxThreads)
	}
	if l.Flush() || l.Retry() == nil {
		t.Error("the disk seems to have answered")
	}
	got := r.readLater(0, lines[len(lines)-1])
	within(t, "the end", l.Finish)
	expectLines(t, <-got, lines)
}

// Reloads to such a disk leave the log where it was, however many there are.
func TestSwitchToADiskThatDoesNotAnswerIsRefused(t *testing.T) {
	disk := deadDisk(t)
	l, settings := withFile(t, shortDir(t))
	defer takeAway(t, disk)
	away := settings
	away.File = filepath.Join(disk.Dir, "file")
	for range 2 * MaxThreads {
		var err error
		within(t, "a switch", func() { err = l.Switch(away) })
		if err == nil || !strings.HasSuffix(err.Error(), "/file' is on a disk that does not answer") {
			t.Errorf("the error: %v", err)
		}
	}
	filePatience = 10 * time.Second
	l.Log(Info, "still there")
	expectFile(t, settings.File, "before", "still there")
}

// late is a file whose disk answers when it is let.
func late(f *logFile, line string, answer error) (calls *int, release func()) {
	calls, gate := new(int), make(chan struct{})
	f.slow = true // nobody waits
	_ = f.ask(line, func(t *task, _ disk.Files) error {
		*calls++
		<-gate
		t.cut = true
		return answer
	})
	return calls, func() {
		under := f.under
		close(gate)
		real.Await(&under.job, 30*time.Second)
	}
}

// The answer that comes late belongs to who asked; nothing is done twice.
func TestLateAnswerIsTakenOnce(t *testing.T) {
	for _, answer := range []error{nil, unix.ENOSPC} {
		f := &logFile{sys: real, path: "f", held: none, left: filePatience}
		calls, release := late(f, "one", answer)
		never := func(*task, disk.Files) error {
			t.Error("asked again")
			return nil
		}
		for _, line := range []string{"one", "two"} {
			if err := f.ask(line, never); !isFull(err) {
				t.Errorf("%s got %v before there is an answer", line, err)
			}
		}
		release()
		if err := f.ask("one", never); err != answer || *calls != 1 || !f.cut {
			t.Errorf("got %v after %d calls, want %v after one; cut: %t", err, *calls, answer, f.cut)
		}
		asked := false
		if err := f.ask("two", func(*task, disk.Files) error { asked = true; return nil }); err != nil || !asked {
			t.Errorf("the next got %v, asked: %t", err, asked)
		}
	}
}

// What is said of lost lines stays the same from try to try, so that a slow disk's
// late answer is recognised.
func TestSlowDiskIsToldOfLostLinesOnce(t *testing.T) {
	dir := shortDir(t)
	l, settings := withFile(t, dir)
	file := &l.route.target.(*postlog).file
	l.lost.lose(unix.ENOSPC)
	_, release := late(file, "busy", nil)
	second := time.Date(2024, 3, 5, 13, 4, 9, 0, time.UTC)
	for n := range 3 { // the clock goes on meanwhile
		l.origin.Now = func() time.Time { return second.Add(time.Duration(n) * time.Second) }
		if l.flush() {
			t.Fatal("flushed while the disk is busy")
		}
	}
	release()
	file.cut = false
	file.slow = false
	file.under = nil
	if !l.flush() {
		t.Fatalf("not flushed: %v", l.route.stuck)
	}
	expectFile(t, settings.File, "before", "warning: 1 log line was lost: no space left on device")
}
