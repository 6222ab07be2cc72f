package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// beside is a scene whose files are written by a goroutine, on a disk that hangs
// between hang and goOn: what needs the files' identity waits then, and all orders
// behind it.
type beside struct {
	*scene
	gate    chan struct{} // full while the disk works
	carrier disk.Beside
}

func newBeside(t *testing.T, size int) *beside {
	s := &beside{scene: newScene(t, size), gate: make(chan struct{}, 1)}
	s.goOn()
	s.j.hooks.Carrier = &s.carrier
	s.j.hooks.As = func(act func()) error {
		<-s.gate
		act()
		s.goOn()
		return nil
	}
	t.Cleanup(func() {
		s.j.Apply("", large)
		s.j.Finish(patience)
	})
	return s
}

// mendsMissing makes the directory that was missing, and expects a reload to write
// the journal there.
func (s *beside) mendsMissing() {
	s.t.Helper()
	if err := os.Mkdir(s.path("missing"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.j.Apply(s.path("missing/j"), large)
	s.live(100)
	s.settled()
	s.replays("missing/j")
}

// isIdle reports whether all that was handed over is written.
func (s *beside) isIdle() bool {
	s.j.writer.proceed()
	return s.j.writer.idle()
}

func (s *beside) hang() { <-s.gate }
func (s *beside) goOn() { s.gate <- struct{}{} }

// told returns the warnings so far, and forgets them.
func (s *beside) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.warnings
	s.warnings = nil
	return told
}

// settled waits until all is written.
func (s *beside) settled() {
	s.t.Helper()
	s.j.Finish(patience)
	if !s.isIdle() {
		s.t.Fatal("the writer is not done")
	}
}

// What a goroutine writes is what is written at once: the same files, byte for byte.
func TestFilesAreTheSameBeside(t *testing.T) {
	const limit = 30000
	at, by := newScene(t, 8000), newBeside(t, 8000)
	for _, s := range []*scene{at, by.scene} {
		s.j.Apply(s.path("j"), limit)
		for range 60 {
			s.live(97)
			s.j.Flush()
		}
		s.j.Apply(s.path("k"), limit)
		s.live(10)
	}
	at.j.Flush()
	by.settled()
	for _, name := range []string{"j", "j.1", "k"} {
		if got, want := by.read(name), at.read(name); !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes, want %d", name, len(got), len(want))
		}
		by.replays(name)
	}
}

// Nothing waits for a disk that hangs, no matter what the journal is asked for; what has room
// is written when it goes on.
func TestDiskThatHangsStopsNobody(t *testing.T) {
	s := newBeside(t, 8000)
	s.hang()
	s.j.Apply(s.path("j"), large)
	s.live(3000)
	s.j.Flush()
	s.j.Apply(s.path("k"), large)
	s.live(3000)
	s.j.Apply(s.path("k"), large)
	s.j.Flush()
	if _, err := os.Stat(s.path("j")); err == nil {
		t.Fatal("the disk does not hang")
	}
	s.goOn()
	s.settled()
	if s.replays("j") == 0 || s.replays("k") == 0 {
		t.Error("nothing was recorded")
	}
}

// What does not fit ends the file; when all that waited is written there is a new one.
func TestWhatWaitsIsBounded(t *testing.T) {
	s := newBeside(t, 8000)
	s.j.Apply(s.path("j"), large)
	s.settled()
	s.hang()
	s.j.Apply(s.path("k"), 1<<30)
	for range 400 {
		s.live(1000)
		s.j.Flush()
		if pending := s.j.writer.pending; pending > maxPending {
			t.Fatalf("%d bytes wait", pending)
		}
	}
	told := s.told()
	if len(told) != 1 || !strings.Contains(told[0], "k: the disk does not take what is written, and 4") {
		t.Fatalf("told: %q", told)
	}
	if s.j.Apply(s.path("k"), 1<<30); s.j.recording {
		t.Error("a reload tries a disk that hangs")
	}
	s.goOn()
	eventually(t, "what waited is written", s.isIdle)
	late := s.j.late
	s.j.Flush()
	told = s.told()
	want := fmt.Sprintf("k: the disk did not take %d steps in time; recording goes on in a new file", late)
	if len(told) != 1 || !strings.Contains(told[0], want) || late == 0 {
		t.Errorf("told: %q, want %q", told, want)
	}
	s.live(100)
	s.settled()
	for _, name := range []string{"j", "k", "k.1"} {
		s.replays(name)
	}
	if n := len(s.read("k.1")); n < maxPending-bufferSize || n > maxPending+8000 {
		t.Errorf("%d bytes are in the file that was given up", n)
	}
}

// A file that was given up and then fails waits for a reload, as its warning says.
func TestErrorOfAFileThatWasGivenUpWaitsForAReload(t *testing.T) {
	s := newBeside(t, 8000)
	s.hang()
	s.j.Apply(s.path("missing/j"), 1<<30)
	for !s.j.behind {
		s.live(1000)
		s.j.Flush()
	}
	s.told()
	s.goOn()
	eventually(t, "what waited is tried", s.isIdle)
	s.live(100)
	s.settled()
	if told := s.told(); len(told) != 1 || !strings.Contains(told[0], "No such file or directory; no steps are written there until the next reload") {
		t.Errorf("told: %q", told)
	}
	s.mendsMissing()
}

// Errors are told once, and a reload tries again, as without a goroutine.
func TestErrorsBesideAreToldOnceAndTriedAgain(t *testing.T) {
	s := newBeside(t, 8000)
	s.j.Apply(s.path("missing/j"), large)
	s.live(20000)
	s.settled()
	if told := s.told(); len(told) != 1 || !strings.Contains(told[0], "No such file or directory; no steps are written there") {
		t.Fatalf("told: %q", told)
	}
	s.mendsMissing()
}

// A thread that cannot become root again is not used again.
func TestBugOfTheWriterIsAnError(t *testing.T) {
	s := newBeside(t, 8000)
	as := s.j.hooks.As
	s.j.hooks.As = func(func()) error { panic(errors.New("cannot become root again")) }
	s.j.Apply(s.path("j"), large)
	s.live(100)
	s.settled()
	if told := s.told(); len(told) != 1 || !strings.Contains(told[0], "j: cannot become root again; no steps are written") {
		t.Fatalf("told: %q", told)
	}
	if _, err := s.j.Save(s.dir, patience); err == nil {
		t.Error("saved")
	}
	s.j.hooks.As = as
	s.j.Apply(s.path("j"), large)
	s.live(100)
	s.settled()
	s.replays("j")
}

// An end waits for a disk that hangs, but not for long.
func TestEndIsBounded(t *testing.T) {
	s := newBeside(t, 8000)
	s.j.Apply(s.path("j"), large)
	s.settled()
	s.hang()
	s.j.Apply(s.path("k"), large)
	s.j.Finish(time.Millisecond)
	if told := s.told(); len(told) != 1 || !strings.Contains(told[0], "k: the disk did not take the last ") {
		t.Errorf("told: %q", told)
	}
	if _, err := s.j.Save(s.dir, time.Millisecond); !errors.Is(err, errLate) {
		t.Errorf("got: %v", err)
	}
	s.goOn()
	eventually(t, "the file comes after all", func() bool {
		_, err := os.Stat(s.path(savedName))
		return err == nil
	})
}

// No goroutine is left when all is written.
func TestWriterLeavesNoGoroutine(t *testing.T) {
	s := newBeside(t, 8000)
	for range 3 {
		s.j.Apply(s.path("j"), large)
		s.live(10)
		s.j.Apply("", large)
		s.settled()
		if n := s.carrier.UnderWay(); n != 0 {
			t.Errorf("%d goroutines are left", n)
		}
	}
	s.replays("j")
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("not in time: ", what)
		}
	}
}
