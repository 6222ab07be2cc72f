package trace

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
)

func TestWallClockIsWrittenAsTheLibraryDoes(t *testing.T) {
	walls := []int64{0, 1, -1, 951_782_399_999_999_999, 951_782_400e9, 951_868_800e9, 4_107_542_400e9, math.MaxInt64, math.MinInt64}
	for day := int64(-100_000); day < 100_000; day += 13 {
		walls = append(walls, day*86400e9+day%7*1234567890123)
	}
	for _, wall := range walls {
		want := time.Unix(0, wall).UTC().Format("2006-01-02T15:04:05.000000000Z")
		if got := string(AppendWall(nil, wall)); got != want {
			t.Fatalf("%d: got %s, want %s", wall, got, want)
		}
	}
}

// Each step has the wall clock that was told with it, also after the clock was set and
// in a segment that begins the recording because those before it were dropped. The
// replay is the same whatever the clock says.
func TestStepsHaveTheirWallClock(t *testing.T) {
	l := newLife(core.MachineOptions{}, sequence(3))
	r := NewRing(l.m, 0)
	w := &clocked{Ring: r}
	total := 0
	for range 5 {
		total += l.live(20, w)
		r.Advance()
	}
	recording := r.AppendRecording(nil)
	reader, err := NewReader(recording)
	if err != nil {
		t.Fatal(err)
	}
	var read []Record
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if record.Machine == nil {
			read = append(read, record)
		}
	}
	if len(read) == 0 {
		t.Fatal("nothing was kept")
	}
	for i, record := range read {
		if want := clockOf(int64(total-len(read)+i+1), record.Time); record.Wall != want {
			t.Errorf("step %d: the wall clock is %d, want %d", i, record.Wall, want)
		}
	}
	if steps, err := Replay(recording); err != nil || steps != len(read) {
		t.Errorf("%d of %d steps: %v", steps, len(read), err)
	}
	text, err := Text(recording)
	if want := string(AppendWall(nil, read[0].Wall)); err != nil || !strings.Contains(string(text), " "+want+" ") {
		t.Errorf("%v, no %s in:\n%s", err, want, text)
	}
}

// The clock takes a few bytes a segment, not some a step.
func TestSteadyClockIsToldOnce(t *testing.T) {
	l := newLife(core.MachineOptions{}, sequence(3))
	r := NewRing(l.m, 1<<20)
	with, without := &clocked{Ring: r}, NewRing(l.m, 1<<20)
	for range 6 {
		ev := l.next()
		with.steps = 0
		with.Event(l.now, &ev)
		without.Event(l.now, 0, &ev)
		actions := l.m.Step(l.now, ev)
		with.Actions(actions)
		without.Actions(actions)
	}
	if more := with.Len() - without.Len(); more <= 0 || more > 11 {
		t.Errorf("the clock takes %d bytes", more)
	}
}
