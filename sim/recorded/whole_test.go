package recorded

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
)

// segments is a journal with a snapshot on the way.
func segments() []byte {
	w, m := trace.NewWriter(), core.New(0, core.MachineOptions{})
	w.Snapshot(m)
	for i, ev := range []core.Event{
		core.ConfigLoadedEvent(0, config()), core.ListenerOpenedEvent(1, 0), core.ListenerOpenedEvent(2, 0), core.ListenerOpenedEvent(3, 0), core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 4001),
		core.SignalReceivedEvent(core.SIGHUP), core.ConfigLoadedEvent(1, config()), core.ChildExitedEvent(1, 4001, 0),
	} {
		now := core.Time(int64(i+1) * int64(second))
		w.Event(now, &ev)
		w.Actions(m.Step(now, ev))
		if i == 5 {
			w.Snapshot(m)
		}
	}
	return w.Bytes()
}

// Cut after any byte, a recording gives the longest beginning of it that is
// whole.
func TestWholeStepsBeforeABreakAreKept(t *testing.T) {
	recording := segments()
	cuts := 0
	for n := range len(recording) + 1 {
		part := recording[:n]
		whole, cut, err := Whole(part)
		if err != nil {
			continue // not even the beginning is whole
		}
		if !bytes.HasPrefix(part, whole) {
			t.Fatalf("cut after %d bytes: something else is given", n)
		}
		if (cut == nil) != (len(whole) == n) {
			t.Fatalf("cut after %d bytes: %d are whole, and it says %v", n, len(whole), cut)
		}
		if cut == nil {
			continue
		}
		cuts++
		steps, err := trace.Replay(whole)
		if err != nil && len(whole) > len(trace.Mark) || cut.Steps != steps {
			t.Fatalf("cut after %d bytes: %d steps, said %d: %v", n, steps, cut.Steps, err)
		}
		if !errors.Is(cut.Err, trace.ErrMalformed) || cut.Size != n {
			t.Fatalf("cut after %d bytes: %+v", n, cut)
		}
	}
	if cuts < len(recording)/2 {
		t.Errorf("only %d of %d cuts were told of", cuts, len(recording))
	}
}

func TestDamageIsABreakToo(t *testing.T) {
	recording := segments()
	recording[len(recording)-1] ^= 0x80
	whole, cut, err := Whole(recording)
	if err != nil || cut == nil || cut.Steps != 8 || !bytes.HasPrefix(recording, whole) || !strings.Contains(cut.String(), "breaks off after 8 steps (byte ") {
		t.Errorf("%v, %v", cut, err)
	}
}

// A ring that was dumped begins with a snapshot of a machine at work.
func TestRecordingThatBeginsLateMayBreakOff(t *testing.T) {
	m := core.New(0, core.MachineOptions{})
	r := trace.NewRing(m, 0)
	for i, ev := range []core.Event{core.ConfigLoadedEvent(0, config()), core.ListenerOpenedEvent(1, 0), core.ListenerOpenedEvent(2, 0), core.ListenerOpenedEvent(3, 0), core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 4001), core.SignalReceivedEvent(core.SIGTERM)} {
		now := core.Time(int64(i+1) * int64(second))
		r.Event(now, 0, &ev)
		r.Actions(m.Step(now, ev))
		r.Advance()
	}
	recording := r.AppendRecording(nil)
	whole, cut, err := Whole(recording[:len(recording)-1])
	if err != nil || cut == nil {
		t.Fatalf("%v, %v", cut, err)
	}
	if steps, err := trace.Replay(whole); err != nil || steps != cut.Steps {
		t.Errorf("%d steps, said %d: %v", steps, cut.Steps, err)
	}
}

func TestNothingIsNoRecording(t *testing.T) {
	for _, b := range []string{"", "no journal", trace.Mark + "\x02\x00", trace.Mark[:len(trace.Mark)-1]} {
		if whole, cut, err := Whole([]byte(b)); err == nil {
			t.Errorf("%q: %q, %v", b, whole, cut)
		}
	}
	if whole, cut, err := Whole([]byte(trace.Mark)); string(whole) != trace.Mark || cut != nil || err != nil {
		t.Errorf("an empty one: %q, %v, %v", whole, cut, err)
	}
}
