package trace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime/metrics"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// heapBytes is how many bytes the program ever took from the heap. Small
// objects are counted late, great ones at once.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// memoryLimit is what reading n bytes may take: what is read is larger than
// its bytes, but not by much, and the heap is counted in whole spans.
func memoryLimit(n int) uint64 { return uint64(4<<20 + 400*n) }

// wantLittleMemory fails if reading n bytes has taken more than they justify.
func wantLittleMemory(t *testing.T, n int, read func()) {
	t.Helper()
	before := heapBytes()
	read()
	if took := heapBytes() - before; took > memoryLimit(n) {
		t.Fatalf("%d bytes made it take %d bytes of memory", n, took)
	}
}

// recordings are those of machines of all kinds.
func recordings() (list [][]byte) {
	for seed := range uint64(8) {
		o := core.MachineOptions{Verbose: seed&1 != 0, InitMode: seed&2 != 0, GroupLeader: seed&4 != 0}
		if seed == 5 {
			o.ExitSet, o.ExitAfter = true, 100*core.Second
		}
		l := newLife(o, sequence(seed))
		w := NewWriter()
		w.Fresh(core.Time(seed)-4, l.options)
		l.live(40, w)
		if !l.exited {
			w.Snapshot(l.m)
			l.live(5, w)
		}
		list = append(list, bytes.Clone(w.Bytes()))
	}
	return list
}

// spoiled returns copies of b with one byte changed, and shorter ones.
func spoiled(b []byte, every int) (list [][]byte) {
	for i, change := 0, 0; i < len(b); i, change = i+every, change+1 {
		wrong := bytes.Clone(b)
		wrong[i] ^= []byte{0xff, 1, 0x80, 2, 0x55}[change%5]
		list = append(list, wrong, b[:i])
	}
	return list
}

// tellTales are recordings whose steps brought every line of the log about
// every kind of entry, at every step at which a listener may fail.
func tellTales() (list [][]byte) {
	entries := []core.ServiceConfig{entry("a", 1), entry("b", 0), entry("c", 2)}
	entries[1].Type, entries[1].WakeupInterval = core.FIFO, 60*core.Second
	entries[2].Type, entries[2].Endpoints = core.Inet, []core.Endpoint{{Address: netip.MustParseAddrPort("[::1]:25")}}
	config := &core.Config{MailVersion: "3", ConfigDirectory: "/c", Services: entries}
	for code := core.LogCode(1); code != 0 && code < 100; code++ {
		w := NewWriter()
		w.Fresh(0, core.MachineOptions{})
		ev := core.ConfigLoadedEvent(0, config)
		w.Event(1, &ev)
		var actions []core.Action
		for i := range 60 {
			a := core.Action{
				Kind: core.Log, Code: code, Level: core.Level(i % 4), Config: config, Entry: &config.Services[i%3], PID: 4, Number: int64(i),
				ListenStep: core.ListenStep(i / 3), StartStep: core.StartStep(i % 5), Errno: []core.Errno{0, core.EACCES, core.EADDRINUSE, core.ENOENT, core.EMFILE, core.EROFS, core.EISDIR, core.EADDRNOTAVAIL, 4000}[i%9],
				Status: core.ExitStatus(i * 40), Signal: core.Signal(i % 20), Flag: i&1 != 0, Text: []string{"text", ""}[i/30],
			}
			actions = append(actions, a)
		}
		w.Actions(actions)
		list = append(list, bytes.Clone(w.Bytes()))
	}
	return list
}

// readAll reads a recording, counts its steps, and writes each record again.
func readAll(t *testing.T, b []byte) (steps int, err error) {
	t.Helper()
	r, err := NewReader(b)
	if err != nil {
		return 0, err
	}
	var w Writer
	at := len(Mark)
	for {
		record, err := r.Next()
		if err == io.EOF {
			// What the recording says of the wall clock may stand at its end, with no
			// step behind it: it was cut off there.
			if last := b[at:]; r.Offset() != len(b) || !bytes.Equal(wallsAgain(t, last), last) {
				t.Fatalf("of %d bytes %d were read, %d of them in records", len(b), r.Offset(), at)
			}
			return steps, nil
		}
		if err != nil {
			return steps, err
		}
		if err := whole(&record); err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		if again := wallsAgain(t, record.walls); !bytes.Equal(again, record.walls) {
			t.Fatalf("byte %d: read %x, which is written as %x", at, record.walls, again)
		}
		again := w.again(&record)
		if renewed := record.Old && record.Machine != nil; !renewed && !bytes.Equal(again, record.raw) || !bytes.HasPrefix(b[at+len(record.walls):], record.raw) {
			t.Fatalf("byte %d: read %x, which is written as %x", at, record.raw, again)
		}
		at += len(record.walls) + len(record.raw)
		if record.Machine == nil {
			steps++
		}
	}
}

// whole checks the machine of a beginning, and that there is a line for each
// action that logs one. What a diagnostic says, its finder decides: it may say
// nothing.
func whole(record *Record) error {
	for i := range record.Actions {
		if a := &record.Actions[i]; a.Kind == core.Log && a.Code != core.LogDiagnostic && a.Message() == "" {
			return fmt.Errorf("no line for %s", a.AppendText(nil))
		}
	}
	if record.Machine == nil {
		return nil
	}
	return record.Machine.Check()
}

// again writes one record after those before it.
func (w *Writer) again(record *Record) []byte {
	at := len(w.b)
	switch {
	case record.Fresh:
		w.Fresh(record.Time, record.Options)
	case record.Machine != nil:
		w.now = record.Time
		w.Snapshot(record.Machine)
	default:
		w.Event(record.Time, &record.Event)
		if !record.Open {
			w.Actions(record.Actions)
		}
	}
	return w.b[at:]
}

// wallsAgain writes again what a recording says of the wall clock between two steps.
func wallsAgain(t *testing.T, walls []byte) []byte {
	t.Helper()
	var w Writer
	for len(walls) > 0 {
		ahead, rest, ok := takeNumber(walls[1:])
		if walls[0] != recordWall || !ok {
			t.Fatalf("no record of the wall clock: %x", walls)
		}
		w.Wall(ahead)
		walls = rest
	}
	return w.b
}

// FuzzRecording throws bytes at everything that reads a recording. Every
// record that is accepted is written as the same bytes again, also when a
// later one is refused; a machine that is read is whole; reading takes no
// memory that the bytes do not justify; text and replay agree with it.
func FuzzRecording(f *testing.F) {
	list := recordings()
	for _, b := range append(list, tellTales()...) {
		f.Add(b)
	}
	for _, b := range append(spoiled(list[3], 37), spoiled(list[6], 41)...) {
		f.Add(b)
	}
	for _, text := range []string{Mark, markName, "stationmaster journal 0\n", "", Mark + "\x01\x00\x07", Mark + "\x01\x00\x00\x00\x00\x00\x00\x00\x03\x80\x00"} {
		f.Add([]byte(text))
	}
	if journal, err := os.ReadFile("../../fuzz/testdata/day-of-a-daemon.journal"); err == nil {
		f.Add(journal)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var steps int
		var err error
		wantLittleMemory(t, len(b), func() { steps, err = readAll(t, b) })
		if _, textErr := Text(b); (textErr == nil) != (err == nil) {
			t.Fatalf("reading says %v, text says %v", err, textErr)
		}
		played, replayErr := Replay(b)
		if played > steps {
			t.Fatalf("%d steps are played of %d", played, steps)
		}
		explained(t, replayErr)
		if replayErr == nil && (err != nil || played != steps && !endsOpen(b)) {
			t.Fatalf("%d of %d steps are played without a word; reading says %v", played, steps, err)
		}
	})
}

// endsOpen reports whether the last step has no actions.
func endsOpen(b []byte) (open bool) {
	r, err := NewReader(b)
	for err == nil {
		var record Record
		record, err = r.Next()
		open = open || record.Open
	}
	return open
}

// explained wants every end of a replay to be one of those that it promises.
func explained(t *testing.T, err error) {
	t.Helper()
	var (
		difference *Difference
		state      *StateDifference
		broken     *Broken
		version    *VersionError
	)
	switch {
	case err == nil, errors.Is(err, ErrNoRecording), errors.Is(err, ErrMalformed):
	case errors.As(err, &difference), errors.As(err, &state), errors.As(err, &broken), errors.As(err, &version):
		if err.Error() == "" {
			t.Fatal("an error without a word")
		}
	default:
		t.Fatalf("an error of no known kind: %v", err)
	}
}

// FuzzSnapshot throws bytes at what restores a machine. A machine that is
// accepted is whole and has the same snapshot again, can be looked at, and
// lives on: whatever comes then, it answers or breaks an invariant that it
// names, and never anything else.
func FuzzSnapshot(f *testing.F) {
	f.Add(core.New(0, core.MachineOptions{}).Snapshot(), []byte{})
	for seed := range uint64(8) {
		for _, steps := range []int{1, 3, 20, 60} {
			l := newLife(core.MachineOptions{Verbose: seed&1 != 0, GroupLeader: seed&2 != 0}, sequence(seed))
			l.live(steps, NewWriter())
			f.Add(l.m.Snapshot(), []byte{0, 1, 2, 3})
			if seed < 2 && steps == 20 {
				for i, b := range spoiled(l.m.Snapshot(), 7) {
					f.Add(b, []byte{byte(i), 5, 2})
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, b, events []byte) {
		var m *core.Machine
		var err error
		wantLittleMemory(t, len(b), func() { m, err = core.Restore(b) })
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		if err := m.Check(); err != nil {
			t.Fatalf("accepted, and %v", err)
		}
		if again := m.Snapshot(); !core.IsOldSnapshot(b) && !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which is written as %x", b, again)
		}
		goOn(t, m, events)
	})
}

// goOn looks at a restored machine and steps it.
func goOn(t *testing.T, m *core.Machine, events []byte) {
	t.Helper()
	view := m.View()
	now := view.Now
	for _, choice := range events[:min(len(events), 20)] {
		if when, ok := m.Deadline(); ok && when > now {
			now = when
		}
		ev := core.TimerExpiredEvent()
		switch choice & 3 {
		case 1:
			ev = core.SignalReceivedEvent([]core.Signal{core.SIGHUP, core.SIGTERM}[choice>>2&1])
		case 2:
			if n := len(view.Services); n > 0 {
				ev = core.ListenerReadyEvent(view.Services[int(choice>>2)%n].ID)
			}
		case 3:
			ev = core.ChildChannelClosedEvent(core.Generation(choice >> 2))
		}
		_, broken := Step(m, now, ev)
		var invariant core.BrokenInvariant
		if broken == nil {
			continue
		}
		if !errors.As(broken, &invariant) {
			t.Fatalf("%s broke it: %v", ev.AppendText(nil), broken)
		}
		return
	}
}

// FuzzRing keeps a life in a ring of any size: what is left can be replayed, is
// as long as it says, holds what it must, and grows no longer than it may.
func FuzzRing(f *testing.F) {
	for seed := range uint64(6) {
		below := sequence(seed)
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(below(256))
		}
		f.Add(uint16(seed*700), b)
	}
	f.Fuzz(func(t *testing.T, size uint16, choices []byte) {
		l := newLife(core.MachineOptions{Verbose: size&1 != 0}, func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			v := int(choices[0])
			choices = choices[1:]
			return v % n
		})
		r := NewRing(l.m, int(size))
		w := &clocked{Ring: r}
		number, newest := r.Segment()
		snapshot, step := len(newest), 0 // the largest
		for steps := 0; steps < 300 && len(choices) > 0 && !l.exited; steps++ {
			before := len(newest)
			l.live(1, w)
			next, b := r.Segment()
			if next == number && len(b) <= before || next < number || next > number+1 {
				t.Fatalf("segment %d of %d bytes, then %d of %d", number, before, next, len(b))
			}
			if next == number {
				step = max(step, len(b)-before)
			} else {
				snapshot, step = max(snapshot, len(b)), max(step, len(b))
			}
			number, newest = next, b
			if most := max(int(size), 4*snapshot) + 2*step + len(Mark); r.Len() > most {
				t.Fatalf("%d bytes in a ring of %d, and at most %d", r.Len(), size, most)
			}
		}
		recording := r.AppendRecording(nil)
		if len(recording) != r.Len() || !bytes.HasSuffix(recording, newest) {
			t.Fatalf("%d bytes, it says %d; %d of the newest segment", len(recording), r.Len(), len(newest))
		}
		if _, err := Replay(recording); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(t, recording); err != nil {
			t.Fatal(err)
		}
	})
}
