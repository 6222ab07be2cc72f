package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
)

// rewrite reads a recording and writes what was read.
func rewrite(recording []byte) ([]byte, error) {
	r, err := NewReader(recording)
	if err != nil {
		return nil, err
	}
	w := NewWriter()
	for {
		record, err := r.Next()
		switch {
		case err == io.EOF:
			return w.Bytes(), nil
		case err != nil:
			return nil, err
		}
		w.again(&record)
	}
}

func drawn(t *rapid.T) func(int) int {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
}

func TestRandomLivesReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := core.MachineOptions{
			Strict: true, Verbose: rapid.Bool().Draw(t, "verbose"), GroupLeader: rapid.Bool().Draw(t, "leader"),
			ExitSet: rapid.Bool().Draw(t, "exit"), ExitAfter: 1000 * core.Second,
		}
		l := newLife(o, drawn(t))
		w := NewWriter()
		w.Fresh(0, o)
		cut := rapid.IntRange(0, 40).Draw(t, "snapshot after")
		n := l.live(cut, w)
		if !l.exited {
			w.Snapshot(l.m)
			n += l.live(40, w)
		}
		steps, err := Replay(w.Bytes())
		if err != nil || steps != n {
			t.Fatalf("%d of %d steps: %v", steps, n, err)
		}
		again, err := rewrite(w.Bytes())
		if err != nil || !bytes.Equal(again, w.Bytes()) {
			t.Fatalf("written again it differs: %v", err)
		}
		if _, err := Text(w.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRingStaysWithinItsBoundAndReplays(t *testing.T) {
	for _, test := range []struct{ size, steps int }{{0, 300}, {2000, 2000}, {20000, 20000}, {1 << 20, 5000}} {
		t.Run(fmt.Sprint(test.size), func(t *testing.T) {
			seeds := uint64(20)
			if testing.Short() {
				seeds = 4
			}
			whole := 0
			for seed := range seeds {
				l := newLife(core.MachineOptions{Strict: true, GroupLeader: true}, sequence(seed))
				ring := NewRing(l.m, test.size)
				largestSnapshot, largestStep, before := 0, 0, 0
				total := 0
				for range test.steps {
					snapshots := ring.number
					total += l.live(1, &clocked{Ring: ring})
					_, b := ring.Segment()
					if ring.number == snapshots {
						largestStep = max(largestStep, len(b)-before)
					} else {
						largestSnapshot = max(largestSnapshot, ring.Room()/2)
						largestStep = max(largestStep, len(b)-beginning(b))
					}
					before = len(b)
					bound := max(test.size, 4*largestSnapshot) + len(Mark) + 2*largestStep
					if ring.Len() > bound {
						t.Fatalf("seed %d: %d bytes, more than %d", seed, ring.Len(), bound)
					}
				}
				if total == test.steps {
					whole++
				}
				checkSegments(t, ring)
				recording := ring.AppendRecording(nil)
				if len(recording) != ring.Len() {
					t.Fatalf("%d bytes, Len says %d", len(recording), ring.Len())
				}
				steps, err := Replay(recording)
				if err != nil || steps == 0 || steps > total || test.size == 1<<20 && steps != total {
					t.Fatalf("seed %d: %d of %d steps: %v", seed, steps, total, err)
				}
			}
			if whole < int(seeds)/2 {
				t.Errorf("only %d machines lived to the end", whole)
			}
		})
	}
}

// checkSegments looks whether a ring that was filled keeps an older segment,
// and whether each has at least as much of steps as of its snapshot.
func checkSegments(t *testing.T, ring *Ring) {
	if ring.number > 1 && len(ring.older) == 0 {
		t.Fatal("nothing is left but the newest segment")
	}
	for _, b := range ring.older {
		if n := beginning(b); len(b) < 2*n {
			t.Fatalf("a segment of %d bytes begins with %d", len(b), n)
		}
	}
}

// beginning is the length of a segment's snapshot record.
func beginning(segment []byte) int {
	_, rest, _ := takeNumber(segment[1:])
	return len(segment) - len(rest) + lengthSize + int(binary.LittleEndian.Uint64(rest))
}

// Each segment stands for itself: any number of the oldest can be dropped.
func TestRingReplaysFromAnySegment(t *testing.T) {
	l := newLife(core.MachineOptions{Strict: true}, sequence(3))
	ring := NewRing(l.m, 16000)
	l.live(10000, &clocked{Ring: ring})
	if len(ring.older) < 2 {
		t.Fatalf("%d older segments", len(ring.older))
	}
	rest := 0
	for len(ring.older) > 0 {
		steps, err := Replay(ring.AppendRecording(nil))
		if err != nil || steps == 0 || rest != 0 && steps >= rest {
			t.Fatalf("%d steps after %d: %v", steps, rest, err)
		}
		rest = steps
		ring.older = ring.older[1:]
	}
}

func TestReplayNamesTheFirstStepThatDiffers(t *testing.T) {
	o := core.MachineOptions{}
	m := core.New(0, o)
	w := NewWriter()
	w.Fresh(0, o)
	c := &core.Config{MailVersion: "3", ConfigDirectory: "/c", Services: []core.ServiceConfig{entry("a", 2)}}
	for i, ev := range []core.Event{core.ConfigLoadedEvent(0, c), core.ListenerOpenedEvent(1, 0), core.ListenerReadyEvent(1), core.ChildStartedEvent(1, 1, 77)} {
		w.Event(core.Time(i), &ev)
		actions := m.Step(core.Time(i), ev)
		if ev.Kind == core.ListenerReady {
			actions[0].Flag = true // a lie
		}
		w.Actions(actions)
	}
	steps, err := Replay(w.Bytes())
	var d *Difference
	if !errors.As(err, &d) || steps != 2 || d.Step != 3 {
		t.Fatalf("%d steps: %v", steps, err)
	}
	want := `step 3 differs
event: 0.000000002 listener-ready service=1
recorded:
  start-child service=1 generation=1 stress=1 entry="private/a/unix" path="/d/ad"
  ignore-listener service=1
replayed:
  start-child service=1 generation=1 entry="private/a/unix" path="/d/ad"
  ignore-listener service=1`
	if got := err.Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestReplayNamesSettingsThatDiffer(t *testing.T) {
	m := core.New(0, core.MachineOptions{})
	w := NewWriter()
	w.Fresh(0, core.MachineOptions{})
	c := &core.Config{Services: []core.ServiceConfig{entry("a", 2)}}
	other := *c
	for i, ev := range []core.Event{core.ConfigLoadedEvent(0, c), core.ListenerOpenedEvent(1, 0)} {
		w.Event(0, &ev)
		actions := m.Step(0, ev)
		for k := range actions {
			if i == 1 && actions[k].Kind == core.ApplyConfig {
				actions[k].Config = &other
			}
		}
		w.Actions(actions)
	}
	_, err := Replay(w.Bytes())
	if err == nil || !strings.Contains(err.Error(), "step 2 differs") || !strings.Contains(err.Error(), "different settings") {
		t.Errorf("got: %v", err)
	}
}

func TestReplayComparesTheStateAtASnapshot(t *testing.T) {
	l := newLife(core.MachineOptions{}, sequence(1))
	w := NewWriter()
	w.Fresh(0, l.options)
	n := l.live(20, w)
	l.m.Step(l.now, core.TimerExpiredEvent()) // nobody recorded this
	w.Snapshot(l.m)
	steps, err := Replay(w.Bytes())
	var d *StateDifference
	if !errors.As(err, &d) || steps != n || d.Step != n {
		t.Errorf("%d of %d steps: %v", steps, n, err)
	}
}

func TestReplayBreaksWhereTheMachineBroke(t *testing.T) {
	l := newLife(core.MachineOptions{}, sequence(1))
	w := NewWriter()
	w.Fresh(0, l.options)
	n := l.live(20, w)
	ev := core.ChildStartedEvent(1, 99999, 1) // an answer to nothing
	w.Event(l.now, &ev)
	steps, err := Replay(w.Bytes())
	var broken *Broken
	var cause core.BrokenInvariant
	if !errors.As(err, &broken) || !errors.As(err, &cause) || steps != n || broken.Step != n+1 {
		t.Fatalf("%d of %d steps: %v", steps, n, err)
	}
	if text, err := Text(w.Bytes()); err != nil || !bytes.HasSuffix(text, []byte("child-started service=1 generation=99999 pid=1\n  (the recording ends here)\n")) {
		t.Errorf("%v\n%s", err, text)
	}
	w.Actions(nil)
	var d *Difference
	if _, err := Replay(w.Bytes()); !errors.As(err, &d) || !strings.Contains(d.Error(), "broken invariant") {
		t.Errorf("a step that breaks only in the replay: %v", err)
	}
	fine := core.ListenerReadyEvent(1)
	w = NewWriter()
	w.Fresh(0, l.options)
	w.Event(0, &fine)
	if _, err := Replay(w.Bytes()); !errors.As(err, &d) || d.Recorded[0] != "(the recording ends here)" {
		t.Errorf("a step that broke only when it was recorded: %v", err)
	}
}

func TestOtherVersionsAreRefused(t *testing.T) {
	for _, v := range []string{"0", "3", "22"} {
		_, err := Replay([]byte("stationmaster journal " + v + "\nwhatever"))
		var version *VersionError
		if !errors.As(err, &version) || version.Version != v || !strings.Contains(err.Error(), `version "`+v+`"`) {
			t.Errorf("version %s: got %v", v, err)
		}
	}
	for _, text := range []string{"", "stationmaster", "# a log file\n"} {
		if _, err := Text([]byte(text)); !errors.Is(err, ErrNoRecording) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The recording was written by a daemon before the format changed last.
func TestRecordingsOfTheOldVersionAreRead(t *testing.T) {
	b, err := os.ReadFile("../../fuzz/testdata/day-of-a-daemon.journal")
	if err != nil || !bytes.HasPrefix(b, []byte(markName+OldVersion+"\n")) {
		t.Fatalf("%.30q, %v", b, err)
	}
	steps, err := readAll(t, b)
	if err != nil || steps == 0 {
		t.Fatalf("%d steps: %v", steps, err)
	}
	if played, err := Replay(b); err != nil || played != steps {
		t.Errorf("%d of %d steps are played: %v", played, steps, err)
	}
	if _, err := Text(b); err != nil {
		t.Error(err)
	}
	mixed := bytes.Replace(b, []byte(markName+OldVersion), []byte(markName+Version), 1)
	if _, err := readAll(t, mixed); !errors.Is(err, ErrMalformed) {
		t.Errorf("an old snapshot in a new recording: %v", err)
	}
}

func TestTextReads(t *testing.T) {
	o := core.MachineOptions{GroupLeader: true}
	m := core.New(0, o)
	w := NewWriter()
	w.Fresh(0, o)
	c := &core.Config{MailVersion: "3", ConfigDirectory: "/c", Services: []core.ServiceConfig{entry("a", 2)}}
	for i, ev := range []core.Event{core.ConfigLoadedEvent(0, c), core.ListenerOpenedEvent(1, 0)} {
		now := core.Time(i) * 1500000000
		w.Event(now, &ev)
		w.Actions(m.Step(now, ev))
	}
	w.Snapshot(m)
	got, err := Text(w.Bytes())
	if err != nil || !strings.HasPrefix(string(got), "# 0.000000000 a fresh machine group-leader\n0.000000000 config-loaded request=0 services=1\n  open-listener service=1 ") ||
		!strings.HasSuffix(string(got), "  watch-listener service=1\n# 1.500000000 snapshot after step 2, services=1\n") {
		t.Errorf("%v\n%s", err, got)
	}
}

// Cut anywhere, a recording gives its whole steps and then says where it ends.
func TestCutRecordingsReplayUpToTheCut(t *testing.T) {
	l := newLife(core.MachineOptions{Strict: true}, sequence(7))
	w := NewWriter()
	w.Fresh(0, l.options)
	l.live(30, w)
	w.Snapshot(l.m)
	l.live(5, w)
	whole := w.Bytes()
	last := 0
	for n := len(Mark); n < len(whole); n++ {
		steps, err := Replay(whole[:n])
		var d *Difference
		if err != nil && !errors.Is(err, ErrMalformed) && !(errors.As(err, &d) && d.Recorded[0] == "(the recording ends here)") {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if steps < last {
			t.Fatalf("%d bytes give %d steps, fewer than before", n, steps)
		}
		last = steps
	}
	if last < 33 {
		t.Errorf("only %d steps", last)
	}
}

// hostile looks at bytes from anywhere in every way there is.
func hostile(t interface{ Fatalf(string, ...any) }, b []byte) {
	_, _ = Replay(b)
	_, _ = Text(b)
	again, err := rewrite(b)
	if err == nil && !bytes.Equal(again, b) {
		t.Fatalf("what was accepted is written as other bytes")
	}
}

func TestHostileBytesDoNoHarm(t *testing.T) {
	l := newLife(core.MachineOptions{Strict: true, Verbose: true}, sequence(11))
	w := NewWriter()
	w.Fresh(0, l.options)
	l.live(60, w)
	w.Snapshot(l.m)
	l.live(10, w)
	whole := w.Bytes()
	for i := len(Mark); i < len(whole); i++ {
		for _, change := range []byte{1, 0x55, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[i] ^= change
			hostile(t, b)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		b := append([]byte(Mark), rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")...)
		if rapid.Bool().Draw(t, "spliced") {
			b = append(bytes.Clone(whole[:rapid.IntRange(0, len(whole)).Draw(t, "keep")]), b[len(Mark):]...)
		}
		hostile(t, b)
	})
}

// Lengths are believed only as far as the bytes reach.
func TestGreatLengthsTakeNoMemory(t *testing.T) {
	fresh := NewWriter()
	fresh.Fresh(0, core.MachineOptions{})
	step := append(fresh.Bytes(), recordStep, 0)
	ready := append(bytes.Clone(step), byte(core.ListenerReady)<<1, 2)
	great := binary.AppendUvarint(nil, 1<<40)
	for name, b := range map[string][]byte{
		"snapshot":    append([]byte(Mark), recordSnapshot, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1),
		"actions":     append(bytes.Clone(ready), great...),
		"text":        append(append(bytes.Clone(step), byte(core.ConfigLoaded)<<1, 0, 1), great...),
		"references":  append(append(bytes.Clone(step), byte(core.ConfigLoaded)<<1, 0), great...),
		"empty mark":  []byte(Mark),
		"only a step": []byte(Mark + "\x03\x00\x02"),
	} {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(10, func() { _, _ = Replay(b) }); got > 60 {
				t.Errorf("%v allocations", got)
			}
			if _, err := Replay(b); (err == nil) != (name == "empty mark") {
				t.Errorf("got: %v", err)
			}
		})
	}
}

// Every field of events, actions and configurations is written: a field that
// is added and forgotten in the walks is found here.
func TestNoFieldIsForgotten(t *testing.T) {
	var config core.Config
	fill(reflect.ValueOf(&config).Elem())
	for i := range config.Services {
		s := &config.Services[i]
		s.Type, s.Endpoints = core.Inet, append(s.Endpoints[:0], core.Endpoint{Path: "p"})
	}
	var w, r core.References
	ev := core.ConfigLoadedEvent(7, &config)
	b := w.AppendEvent(nil, &ev)
	got, rest, err := r.ReadEvent(b)
	if err != nil || len(rest) > 0 || !reflect.DeepEqual(got, ev) {
		t.Fatalf("%v\n got %+v\nwant %+v", err, got.Config, ev.Config)
	}
	action := core.Action{Config: &config, Entry: &config.Services[0]}
	fill(reflect.ValueOf(&action).Elem())
	action.Kind, action.Code, action.Listener = core.Log, core.LogListenRemedy, 0
	b = w.AppendAction(nil, &action)
	gotAction, rest, err := r.ReadAction(b)
	if err != nil || len(rest) > 0 || !reflect.DeepEqual(gotAction, action) || gotAction.Config != got.Config || gotAction.Entry != &got.Config.Services[0] {
		t.Fatalf("%v\n got %+v\nwant %+v", err, gotAction, action)
	}
	action = core.Action{Kind: core.OpenListener, Listener: 3}
	b = w.AppendAction(nil, &action)
	if gotAction, _, err = r.ReadAction(b); err != nil || gotAction != action {
		t.Errorf("%v: got %+v, want %+v", err, gotAction, action)
	}
	var options core.MachineOptions
	fill(reflect.ValueOf(&options).Elem())
	if got, _, err := core.ReadOptions(core.AppendOptions(nil, options), false); err != nil || got != options {
		t.Errorf("%v: got %+v, want %+v", err, got, options)
	}
}

// fill sets every settable field to a value that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		v.SetInt(-5)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(3)
	}
}

// Every line of the log that is read has what its text needs.
func TestWhatIsReadHasAText(t *testing.T) {
	c := &core.Config{Services: []core.ServiceConfig{entry("a", 1), entry("b", 1)}}
	c.Services[1].Type = 200
	seen := 0
	for code := range 256 {
		for shape := range 8 {
			a := core.Action{Kind: core.Log, Code: core.LogCode(code), Level: core.LevelInfo}
			if shape&1 != 0 {
				a.Config = c
			}
			if shape&2 != 0 {
				a.Entry = &c.Services[shape>>2]
			}
			for _, listener := range []uint16{0, 1} {
				a.Listener = listener
				var w, r core.References
				got, _, err := r.ReadAction(w.AppendAction(nil, &a))
				if err == nil {
					got.AppendText(nil)
					seen++
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d were accepted", seen)
	}
}
