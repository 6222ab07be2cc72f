package recorded

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/core/wire"
)

const second = core.Second

func service(name string, limit int32) core.ServiceConfig {
	return core.ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: core.Unix, Line: 1, LocalOnly: true, ProcessLimit: limit,
		Endpoints: []core.Endpoint{{Path: "private/" + name}}, Command: name, Path: "/d/" + name, ThrottleDelay: 60 * second,
	}
}

func config() *core.Config {
	return &core.Config{
		MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix",
		Services: []core.ServiceConfig{service("alpha", 2), service("bravo", 1), service("charlie", 0)},
	}
}

func status(g core.Generation, pid core.PID, s wire.Status) core.Event {
	var b [wire.StatusSize]byte
	wire.Message{PID: int32(pid), Generation: uint32(g), Status: s}.Append(b[:0])
	return core.StatusReceivedEvent(g, b, wire.StatusSize)
}

// life is a day of a daemon as its journal has it.
func life(o core.MachineOptions) (recording []byte, steps int) {
	w, m := trace.NewWriter(), core.New(0, o)
	w.Snapshot(m) // as a daemon's journal begins
	for i, ev := range []core.Event{
		core.ConfigLoadedEvent(0, config()), core.ListenerOpenedEvent(1, 0), core.ListenerOpenedEvent(2, 0), core.ListenerOpenedEvent(3, 0),
		core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 4001), status(1, 4001, wire.Taken),
		core.ListenerReadyEvent(2), core.ChildStartedEvent(2, 2, 4002), status(2, 4002, wire.Taken), status(1, 4001, wire.Available),
		core.SignalReceivedEvent(core.SIGHUP), core.ConfigLoadedEvent(1, config()), core.ChildExitedEvent(1, 4001, 0),
		core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 3, 4003), core.ChildExitedEvent(3, 4003, core.KilledBy(core.SIGSEGV)),
	} {
		now := core.Time(int64(i+1) * int64(second))
		w.Event(now, &ev)
		w.Actions(m.Step(now, ev))
		steps++
	}
	return w.Bytes(), steps
}

func TestForksGoOnInEveryWayAndNothingBreaks(t *testing.T) {
	recording, steps := life(core.MachineOptions{})
	kinds := map[core.EventKind]bool{}
	for at := range steps + 1 {
		for seed := uint64(1); seed <= 5; seed++ {
			f, err := Fork(recording, Options{At: at, Seed: seed, Steps: 150})
			if err != nil {
				t.Fatal(err)
			}
			if f.Failure != nil {
				t.Fatalf("at %d, seed %d: %v", at, seed, f.Failure)
			}
			if f.Real != at || f.Drawn != 150 && !f.Exited || !f.Modelled {
				t.Fatalf("at %d: %d real steps, %d drawn, model %v", at, f.Real, f.Drawn, f.Modelled)
			}
			if n, err := trace.Replay(f.Recording); err != nil || n != at+f.Drawn {
				t.Fatalf("at %d, seed %d: the fork's own recording: %d steps, %v", at, seed, n, err)
			}
			whole, err := read(f.Recording)
			if err != nil {
				t.Fatal(err)
			}
			for i := range whole.steps {
				kinds[whole.steps[i].event.Kind] = true
			}
		}
	}
	for kind := core.ConfigLoaded; kind <= core.TimerExpired; kind++ {
		if !kinds[kind] && !strings.HasPrefix(kind.String(), "wakeup-") { // nobody here wants any
			t.Errorf("no fork drew %v", kind)
		}
	}
}

func TestForksKeepTheRealBeginning(t *testing.T) {
	recording, _ := life(core.MachineOptions{})
	f, err := Fork(recording, Options{At: 9, Seed: 1, Steps: 40})
	if err != nil {
		t.Fatal(err)
	}
	real, _ := read(recording)
	whole, err := read(f.Recording)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if a, b := real.steps[i].event.AppendText(nil), whole.steps[i].event.AppendText(nil); !bytes.Equal(a, b) {
			t.Errorf("step %d is %s, was %s", i+1, b, a)
		}
	}
	again, err := Fork(recording, Options{At: 9, Seed: 1, Steps: 40})
	if err != nil || !bytes.Equal(again.Recording, f.Recording) {
		t.Errorf("the same fork gives another story: %v", err)
	}
	other, err := Fork(recording, Options{At: 9, Seed: 2, Steps: 40})
	if err != nil || bytes.Equal(other.Recording, f.Recording) {
		t.Errorf("another seed gives the same story: %v", err)
	}
}

func TestCommandLineIsFoundOutFromTheFirstSnapshot(t *testing.T) {
	for _, o := range []core.MachineOptions{
		{}, {GroupLeader: true}, {InitMode: true, Verbose: true}, {ExitSet: true, ExitAfter: 30 * second, GroupLeader: true},
	} {
		recording, _ := life(o)
		tale, err := read(recording)
		if err != nil {
			t.Fatal(err)
		}
		f, ok := tale.flags()
		if !ok || f.InitMode != o.InitMode || f.GroupLeader != o.GroupLeader || f.Verbose != o.Verbose || f.ExitSet != o.ExitSet || f.ExitAfter != o.ExitAfter {
			t.Errorf("%+v: found %+v, %v", o, f, ok)
		}
	}
}

func TestForksRefuseWhatTheyCannotKnow(t *testing.T) {
	w, m := trace.NewWriter(), core.New(0, core.MachineOptions{})
	m.Step(1, core.ConfigLoadedEvent(0, config()))
	w.Snapshot(m)
	if _, err := Fork(w.Bytes(), Options{At: 1, Steps: 10}); err == nil || !strings.Contains(err.Error(), "in the middle of a life") {
		t.Errorf("a snapshot of a machine at work: %v", err)
	}
	recording, _ := wrong()
	if _, err := Fork(recording, Options{At: 100, Steps: 10}); err == nil || !strings.Contains(err.Error(), "differs from the recording") {
		t.Errorf("a recording that differs: %v", err)
	}
	for _, b := range [][]byte{nil, []byte("no journal"), []byte(trace.Mark), []byte(trace.Mark + "\x02\x00")} {
		if _, err := Fork(b, Options{}); err == nil {
			t.Errorf("%q was forked", b)
		}
		if _, err := Reduce(b, 100, nil); err == nil {
			t.Errorf("%q was reduced", b)
		}
	}
}

// wrong is a day that ends with actions that no machine of today takes.
func wrong() (recording []byte, steps int) {
	recording, steps = life(core.MachineOptions{})
	t, _ := read(recording)
	w := t.writer(t.first)
	for i := range t.steps {
		s := &t.steps[i]
		w.Event(s.now, &s.event)
		w.Actions(s.actions)
	}
	ev := core.ListenerReadyEvent(3)
	w.Event(core.Time(100*second), &ev)
	w.Actions(nil)
	return w.Bytes(), steps + 1
}

func TestDifferencesKeepOnlyTheStepsTheyNeed(t *testing.T) {
	recording, steps := wrong()
	r, err := Reduce(recording, 10000, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The configuration, its three listeners, and the readiness; and whatever
	// gave the numbers that the recorded actions of the last step name.
	if r.Before != steps || r.Steps > 8 || !strings.Contains(r.What, "listener-ready service=3") {
		t.Errorf("%d steps became %d: %s", r.Before, r.Steps, r.What)
	}
	_, err = trace.Replay(r.Recording)
	var d *trace.Difference
	if !errors.As(err, &d) || d.Step != r.Steps || len(d.Recorded) != 0 || !strings.Contains(strings.Join(d.Got, "\n"), "start-child") {
		t.Errorf("what is left: %v", err)
	}
}

func TestBrokenRecordingsKeepOnlyTheStepsTheyNeed(t *testing.T) {
	recording, steps := life(core.MachineOptions{})
	tale, err := read(recording)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tale.machine()
	if err != nil {
		t.Fatal(err)
	}
	w := tale.writer(m)
	for i := range tale.steps {
		s := &tale.steps[i]
		w.Event(s.now, &s.event)
		w.Actions(m.Step(s.now, s.event))
	}
	ev := core.ChildStartedEvent(2, 77, 5000) // an answer to nothing
	w.Event(core.Time(200*second), &ev)
	told := 0
	r, err := Reduce(w.Bytes(), 10000, func(int, int) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if r.Before != steps+1 || r.Steps > 2 || told == 0 || !strings.Contains(r.What, "generation=77") {
		t.Errorf("%d steps became %d, told %d times: %s", r.Before, r.Steps, told, r.What)
	}
	n, err := trace.Replay(r.Recording)
	var broken *trace.Broken
	if !errors.As(err, &broken) || n != r.Steps-1 {
		t.Errorf("what is left: %d steps, %v", n, err)
	}
}

func TestRightRecordingsHaveNothingToReduce(t *testing.T) {
	recording, _ := life(core.MachineOptions{})
	if _, err := Reduce(recording, 100, nil); !errors.Is(err, ErrSame) {
		t.Errorf("got %v", err)
	}
}

// What was kept by mastersim reduce must not go wrong again.
func TestKeptJournalsReplay(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d journals are kept", len(paths))
	for _, path := range paths {
		recording, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if steps, err := trace.Replay(recording); err != nil {
			t.Errorf("%s: after %d steps: %v", filepath.Base(path), steps, err)
		}
	}
}
