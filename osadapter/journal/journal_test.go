package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/core/wire"
)

// scene is a machine with one child that is taken and available in turn.
type scene struct {
	t     testing.TB
	m     *core.Machine
	j     *Journal
	dir   string
	now   core.Time
	taken bool
	steps int

	mu       sync.Mutex
	warnings []string
}

func newScene(t testing.TB, size int) *scene {
	s := &scene{t: t, m: core.New(0, core.MachineOptions{}), dir: t.TempDir()}
	s.j = New(s.m, size, Hooks{Warn: s.warn})
	service := core.ServiceConfig{
		Name: "a", Canonical: "private/a", Type: core.Unix, Line: 1, LocalOnly: true,
		Endpoints: []core.Endpoint{{Path: "private/a"}}, Command: "a", Path: "/d/a", ThrottleDelay: core.Second,
	}
	for _, ev := range []core.Event{
		core.ConfigLoadedEvent(0, &core.Config{Services: []core.ServiceConfig{service}}),
		core.ListenerOpenedEvent(1, 0), core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 7),
	} {
		s.step(ev)
	}
	return s
}

func (s *scene) step(ev core.Event) {
	s.now += 1000
	s.steps++
	s.j.Event(s.now, s.wall(), &ev)
	s.j.Actions(s.m.Step(s.now, ev))
}

// wall is the wall clock of the scene.
func (s *scene) wall() int64 { return 1_800_000_000_000_000_000 + int64(s.now) }

func (s *scene) live(n int) {
	for range n {
		s.taken = !s.taken
		status := wire.Available
		if s.taken {
			status = wire.Taken
		}
		var b [wire.StatusSize]byte
		wire.Message{PID: 7, Generation: 1, Status: status}.Append(b[:0])
		s.step(core.StatusReceivedEvent(1, b, len(b)))
	}
}

func (s *scene) warn(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warnings = append(s.warnings, text)
}

// patience is how long a disk may take that is not meant to hang.
const patience = 20 * time.Second

func (s *scene) path(name string) string { return filepath.Join(s.dir, name) }

func (s *scene) read(name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *scene) replays(name string) (steps int) {
	s.t.Helper()
	steps, err := trace.Replay(s.read(name))
	if err != nil || len(s.warnings) > 0 {
		s.t.Fatalf("%s: %d steps: %v; warnings: %q", name, steps, err, s.warnings)
	}
	return steps
}

const large = 64 << 20

func TestStreamHoldsEveryStepFromTheFirstOn(t *testing.T) {
	s := newScene(t, 8000)
	s.live(10)
	s.j.Apply(s.path("j"), large)
	s.live(20000)
	s.j.Flush()
	if steps := s.replays("j"); steps != s.steps {
		t.Errorf("%d of %d steps", steps, s.steps)
	}
	info, err := os.Stat(s.path("j"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v: %v", info.Mode(), err)
	}
}

func TestStreamIsWrittenWhenTheBufferIsFull(t *testing.T) {
	s := newScene(t, 1<<20)
	s.j.Apply(s.path("j"), large)
	before := len(s.read("j"))
	s.live(100)
	if now := len(s.read("j")); now != before {
		t.Errorf("%d bytes were written at once", now-before)
	}
	s.live(5 * bufferSize / 20)
	if pending := s.j.ring.Len() - len(s.read("j")); pending >= bufferSize || len(s.read("j")) == before {
		t.Errorf("%d bytes wait", pending)
	}
	s.j.Flush()
	if s.j.ring.Len() != len(s.read("j")) {
		t.Error("not all was written")
	}
}

func TestStreamIsRotatedOnceAndStaysWithinItsLimit(t *testing.T) {
	s := newScene(t, 8000)
	const limit = 30000
	s.j.Apply(s.path("j"), limit)
	rotated := 0
	for range 400 {
		old, _ := os.ReadFile(s.path("j.1"))
		s.live(100)
		s.j.Flush()
		for _, name := range []string{"j", "j.1"} {
			if b, _ := os.ReadFile(s.path(name)); len(b) > limit {
				t.Fatalf("%s has %d bytes", name, len(b))
			}
		}
		if now, _ := os.ReadFile(s.path("j.1")); !bytes.Equal(old, now) {
			rotated++
			s.replays("j.1")
		}
	}
	s.replays("j")
	if rotated < 10 {
		t.Errorf("rotated %d times", rotated)
	}
	list, err := os.ReadDir(s.dir)
	if err != nil || len(list) != 2 {
		t.Errorf("%v: %v", list, err)
	}
}

func TestStreamWithATinyLimitHoldsOneSegmentAtLeast(t *testing.T) {
	s := newScene(t, 8000)
	s.j.Apply(s.path("j"), 1)
	for range 50 {
		s.live(20)
		s.j.Flush()
		if n := len(s.read("j")); n > s.j.ring.Room()+200 {
			t.Fatalf("%d bytes, a segment has %d", n, s.j.ring.Room())
		}
	}
	if s.replays("j") == 0 || s.replays("j.1") == 0 {
		t.Error("nothing was recorded")
	}
}

func TestEarlierRecordingIsSetAside(t *testing.T) {
	s := newScene(t, 8000)
	earlier := trace.Mark + "of an earlier process"
	for name, text := range map[string]string{"j": earlier, "j.1": trace.Mark + "older"} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.j.Apply(s.path("j"), large)
	s.replays("j")
	if got := s.read("j.1"); string(got) != earlier {
		t.Errorf("got %q", got)
	}
}

func TestReloadKeepsMovesAndEndsTheStream(t *testing.T) {
	s := newScene(t, 8000)
	s.j.Apply(s.path("j"), large)
	s.live(100)
	s.j.Apply(s.path("j"), large)
	if _, err := os.Stat(s.path("j.1")); err == nil {
		t.Error("a reload without a change began the file anew")
	}
	s.live(100)
	s.j.Apply(s.path("k"), large)
	if steps := s.replays("j"); steps != s.steps {
		t.Errorf("j: %d of %d steps", steps, s.steps)
	}
	s.live(100)
	s.j.Apply("", large)
	if steps := s.replays("k"); steps != s.steps {
		t.Errorf("k: %d of %d steps", steps, s.steps)
	}
	ended := s.read("k")
	s.live(100)
	s.j.Flush()
	if !bytes.Equal(s.read("k"), ended) {
		t.Error("the file grows on")
	}
}

// What cannot be written is told once, and tried again at a reload.
func TestErrorsAreToldOnceAndTriedAgain(t *testing.T) {
	s := newScene(t, 8000)
	s.j.Apply(s.path("missing/j"), large)
	s.live(20000)
	s.j.Flush()
	want := "master_journal_file " + s.path("missing/j") + ": cannot create file exclusively: No such file or directory; no steps are written there until the next reload"
	if len(s.warnings) != 1 || s.warnings[0] != want {
		t.Fatalf("got %q\nwant %q", s.warnings, want)
	}
	if err := os.Mkdir(s.path("missing"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.warnings = nil
	s.j.Apply(s.path("missing/j"), large)
	s.live(100)
	s.j.Flush()
	s.replays("missing/j")

	if err := unix.Close(s.j.writer.fd); err != nil { // as if the disk went away
		t.Fatal(err)
	}
	s.j.writer.fd = 1 << 20 // no descriptor
	s.live(20000)
	s.j.Flush()
	if len(s.warnings) != 1 || !strings.Contains(s.warnings[0], "write: Bad file descriptor; no steps") {
		t.Fatalf("got %q", s.warnings)
	}
	s.warnings = nil
	s.j.Apply(s.path("missing/j"), large)
	s.live(100)
	s.j.Flush()
	s.replays("missing/j")
	s.replays("missing/j.1")
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	for _, test := range []struct {
		what string
		make func(path string) error
		want string
	}{
		{"a file", func(p string) error { return os.WriteFile(p, []byte("mail"), 0o600) }, "no recording"},
		{"a directory", func(p string) error { return os.Mkdir(p, 0o700) }, ": file is a directory; no steps"},
		{"a symbolic link", func(p string) error { return os.Symlink("/dev/null", p) }, ""},
		{"a FIFO", func(p string) error { return unix.Mkfifo(p, 0o600) }, "not a regular file"},
		{"a file set aside", func(p string) error {
			return errors.Join(os.WriteFile(p, []byte(trace.Mark), 0o600), os.WriteFile(p+".1", []byte("mail"), 0o600))
		}, "no recording"},
	} {
		t.Run(test.what, func(t *testing.T) {
			s := newScene(t, 8000)
			if err := test.make(s.path("j")); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(s.path("j"))
			s.j.Apply(s.path("j"), large)
			s.live(10)
			s.j.Flush()
			if len(s.warnings) != 1 || !strings.Contains(s.warnings[0], test.want) {
				t.Errorf("got %q", s.warnings)
			}
			after, err := os.Lstat(s.path("j"))
			if err != nil || !os.SameFile(before, after) || before.Size() != after.Size() {
				t.Errorf("it was changed: %v", err)
			}
		})
	}
}

func TestSaveReplacesTheFileWhole(t *testing.T) {
	s := newScene(t, 8000)
	for _, name := range []string{"master.journal", "master.journal.new"} {
		if err := os.WriteFile(s.path(name), bytes.Repeat([]byte("old"), 100000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.live(2000)
	path, err := s.j.Save(s.dir, patience)
	if err != nil || path != s.path("master.journal") {
		t.Fatalf("%s: %v", path, err)
	}
	if s.replays("master.journal") == 0 || len(s.read("master.journal")) > 8000+200 {
		t.Errorf("%d bytes", len(s.read("master.journal")))
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v: %v", info.Mode(), err)
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("the file beside was left")
	}
	if _, err := s.j.Save(s.path("missing"), patience); err == nil || !strings.Contains(err.Error(), "No such file or directory") {
		t.Errorf("got: %v", err)
	}
}

func TestSaveAfterABrokenInvariantHoldsTheStepThatBroke(t *testing.T) {
	s := newScene(t, 8000)
	s.live(2000)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("nothing broke")
			}
		}()
		s.step(core.ChildStartedEvent(1, 99, 8))
	}()
	if _, err := s.j.Save(s.dir, patience); err != nil {
		t.Fatal(err)
	}
	steps, err := trace.Replay(s.read("master.journal"))
	var broken *trace.Broken
	if !errors.As(err, &broken) || steps == 0 || !strings.Contains(broken.Event, "generation=99") {
		t.Errorf("%d steps: %v", steps, err)
	}
}

func TestFilesAreMadeWithTheOwnersIdentity(t *testing.T) {
	s := newScene(t, 8000)
	asked := 0
	s.j.hooks.As = func(act func()) error { asked++; act(); return nil }
	s.j.Apply(s.path("j"), 20000)
	s.live(3000)
	if asked < 3 {
		t.Errorf("asked %d times", asked)
	}
	s.j.hooks.As = func(func()) error { return errors.New("no such identity") }
	s.live(3000)
	if len(s.warnings) != 1 || !strings.Contains(s.warnings[0], "no such identity") {
		t.Errorf("got %q", s.warnings)
	}
	if _, err := s.j.Save(s.dir, patience); err == nil {
		t.Error("saved without the identity")
	}
}

func BenchmarkRecordToFile(b *testing.B) {
	for _, turns := range []int{1, 100} {
		b.Run(fmt.Sprintf("steps=%d", turns), func(b *testing.B) {
			s := newScene(b, Size)
			s.j.Apply(s.path("j"), large)
			b.ReportAllocs()
			for b.Loop() {
				s.live(turns)
				s.j.Flush()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*turns), "ns/step")
		})
	}
}
