package core

import (
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// One event of each kind with a value in each field that the kind uses.
func recordedEvents(c *Config) []Event {
	status := [wire.StatusSize]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	return []Event{
		ConfigLoadedEvent(5, c),
		ConfigRejectedEvent(6, c),
		SignalReceivedEvent(SIGTERM),
		ListenerOpenedEvent(300, 7),
		ListenerFailedEvent(300, 7, StepListen, EADDRINUSE),
		ListenerReadyEvent(300),
		ChildStartedEvent(300, 1<<40, 4711),
		ChildStartFailedEvent(300, 1<<40, StartExec, ENOENT),
		StatusReceivedEvent(1<<40, status, wire.StatusSize),
		StatusReceivedEvent(1<<40, [wire.StatusSize]byte{1}, 1),
		ChildChannelClosedEvent(1 << 40),
		ChildExitedEvent(1<<40, 4711, KilledBy(SIGSEGV)),
		ChildStoppedEvent(1<<40, 4711, 19),
		WakeupSentEvent(8),
		WakeupFailedEvent(8, ECONNREFUSED),
		WakeupClosedEvent(8),
		TimerExpiredEvent(),
	}
}

func TestEveryEventIsReadAsItWasWritten(t *testing.T) {
	seen := [numEventKinds]bool{EventNone: true}
	var w, r References
	for _, ev := range recordedEvents(conf(unix("a", 1))) {
		seen[ev.Kind] = true
		b := w.AppendEvent(nil, &ev)
		for n := range b {
			var fresh References
			if _, _, err := fresh.ReadEvent(b[:n]); err == nil {
				t.Errorf("%v: %d of %d bytes were accepted", ev.Kind, n, len(b))
			}
		}
		got, rest, err := r.ReadEvent(append(b, 0xee))
		if err != nil || len(rest) != 1 {
			t.Fatalf("%v: %v, %d bytes are left", ev.Kind, err, len(rest))
		}
		if ev.Config != nil {
			if got.Config == nil || len(got.Config.Services) != 1 || got.Config.Services[0].Name != "a" {
				t.Errorf("%v: another configuration came", ev.Kind)
			}
			got.Config = ev.Config
		}
		if got != ev {
			t.Errorf("got  %+v\nwant %+v", got, ev)
		}
	}
	for k, there := range seen {
		if !there {
			t.Errorf("%v is not tried", EventKind(k))
		}
	}
}

func TestUnknownEventsAreNotRead(t *testing.T) {
	for _, b := range [][]byte{{2 * byte(EventNone)}, {2 * byte(numEventKinds)}, {2*byte(numEventKinds) + 2}} {
		var r References
		if ev, _, err := r.ReadEvent(b); err == nil {
			t.Errorf("%x: got %+v", b, ev)
		}
	}
	var w References
	if b := w.AppendEvent(nil, &Event{Kind: numEventKinds, Service: 1}); len(b) != 1 {
		t.Errorf("fields of an unknown kind are written: %x", b)
	}
}

func TestStatusLongerThanAMessageIsNotRead(t *testing.T) {
	var w, r References
	ev := StatusReceivedEvent(1, [wire.StatusSize]byte{}, wire.StatusSize)
	b := w.AppendEvent(nil, &ev)
	at := len(b) - wire.StatusSize - 1
	b[at] += 2 // one more, zigzagged
	if got, _, err := r.ReadEvent(append(b, 0)); err == nil {
		t.Errorf("got %+v", got)
	}
	b[at] -= 2
	if _, _, err := r.ReadEvent(b); err != nil {
		t.Errorf("a whole message: %v", err)
	}
}

// A field whose value is zero is not announced: there is one way to write an
// action.
func TestAnnouncedZeroIsNotRead(t *testing.T) {
	for _, b := range [][]byte{
		{2 * byte(Announce), byte(fService), 0},
		{2 * byte(Announce), byte(fEntry), 0},
	} {
		var r References
		if a, _, err := r.ReadAction(b); err == nil {
			t.Errorf("%x: got %+v", b, a)
		}
	}
}

func TestActionsWithoutATextAreNotRead(t *testing.T) {
	s, c := unix("a", 1), conf(unix("a", 1))
	odd := unix("a", 1)
	odd.Type = numServiceTypes
	for _, x := range []struct {
		name string
		a    Action
		want bool
	}{
		{"no kind", Action{}, false},
		{"the first kind", Action{Kind: LoadConfig}, true},
		{"the last kind", Action{Kind: numActionKinds - 1}, true},
		{"behind the last kind", Action{Kind: numActionKinds}, false},
		{"a line without a code", Action{Kind: Log, Level: LevelInfo}, false},
		{"a line without a level", Action{Kind: Log, Code: LogExitTime}, true},
		{"the highest level", Action{Kind: Log, Code: LogExitTime, Level: LevelPanic}, true},
		{"above the highest level", Action{Kind: Log, Code: LogExitTime, Level: LevelPanic + 1}, false},
		{"the last code", Action{Kind: Log, Code: numLogCodes - 1, Entry: &s}, true},
		{"behind the last code", Action{Kind: Log, Code: numLogCodes, Entry: &s, Config: c}, false},
		{"an entry is missing", Action{Kind: Log, Code: LogExited}, false},
		{"an entry is there", Action{Kind: Log, Code: LogExited, Entry: &s}, true},
		{"an entry of no type", Action{Kind: Log, Code: LogExited, Entry: &odd}, false},
		{"an entry nobody needs", Action{Kind: Log, Code: LogExitTime, Entry: &odd}, true},
		{"a configuration is missing", Action{Kind: Log, Code: LogStarted}, false},
		{"a configuration is there", Action{Kind: Log, Code: LogStarted, Config: c}, true},
		{"the last listener", Action{Kind: Log, Code: LogListenFailed, Entry: &s}, true},
		{"behind the last listener", Action{Kind: Log, Code: LogListenFailed, Entry: &s, Listener: 1}, false},
		{"a listener nobody needs", Action{Kind: Log, Code: LogExited, Entry: &s, Listener: 1}, true},
	} {
		var w, r References
		a, rest, err := r.ReadAction(w.AppendAction(nil, &x.a))
		if got := err == nil; got != x.want {
			t.Errorf("%s: %v", x.name, err)
		}
		if err != nil && len(rest) != 0 {
			t.Errorf("%s: %d bytes are left behind an error", x.name, len(rest))
		}
		if err == nil {
			a.AppendText(nil)
		}
	}
}

func TestSettingsAreWrittenOnceAndReferredTo(t *testing.T) {
	c, alone := conf(unix("a", 1), unix("b", 1)), unix("c", 1)
	var w, r References
	read := func(a Action) (Action, int) {
		t.Helper()
		b := w.AppendAction(nil, &a)
		got, rest, err := r.ReadAction(b)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%v, %d bytes are left", err, len(rest))
		}
		return got, len(b)
	}
	first, _ := read(Action{Kind: ApplyConfig, Config: c})
	again, n := read(Action{Kind: ApplyConfig, Config: c})
	if again.Config != first.Config || n > 5 {
		t.Errorf("the configuration is written again, in %d bytes", n)
	}
	for i := range c.Services {
		got, n := read(Action{Kind: StartChild, Entry: &c.Services[i]})
		if got.Entry != &first.Config.Services[i] || n > 5 {
			t.Errorf("entry %d of the configuration is written again, in %d bytes", i, n)
		}
	}
	single, _ := read(Action{Kind: StartChild, Entry: &alone})
	if got, n := read(Action{Kind: StartChild, Entry: &alone}); got.Entry != single.Entry || n > 5 {
		t.Errorf("an entry is written again, in %d bytes", n)
	}
	if single.Entry.Name != "c" {
		t.Errorf("got %s", single.Entry.Name)
	}
	second, _ := read(Action{Kind: ApplyConfig, Config: conf(unix("d", 1))})
	if got, _ := read(Action{Kind: ApplyConfig, Config: c}); got.Config != first.Config || second.Config == first.Config {
		t.Error("a second configuration is taken for the first")
	}
	if got, _, err := r.ReadEvent(w.AppendEvent(nil, &Event{Kind: ConfigLoaded, Request: 1})); err != nil || got.Config != nil {
		t.Errorf("no configuration: got %v, %v", got.Config, err)
	}
}

func TestReferencesToWhatWasNeverMetAreNotRead(t *testing.T) {
	var w References
	ev := ConfigLoadedEvent(1, conf())
	whole := w.AppendEvent(nil, &ev)
	far := append([]byte{}, whole...)
	far[2]++ // after kind and request: 1 says that it follows
	var r References
	if _, _, err := r.ReadEvent(far); err == nil {
		t.Error("a configuration was made up")
	}
	s := unix("a", 1)
	w.Reset()
	b := w.AppendAction(nil, &Action{Kind: StartChild, Entry: &s})
	b[2]++ // after kind and fields
	if _, _, err := r.ReadAction(b); err == nil {
		t.Error("an entry was made up")
	}
}

// A reload may give the configuration that is in force: it is one and the same
// afterwards, too.
func TestOneConfigurationInTwoPlacesIsReferredToAsOne(t *testing.T) {
	r := started(t, unix("a", 1))
	r.hold = true
	r.step(SignalReceivedEvent(SIGHUP))
	c := conf(unix("a", 1), unix("b", 1))
	r.step(ConfigLoadedEvent(r.request, c))
	var w, read References
	if _, err := RestoreReferences(r.m.AppendSnapshot(nil, &w), &read); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*Config{"running": r.m.config, "next": c} {
		a := Action{Kind: ApplyConfig, Config: f}
		b := w.AppendAction(nil, &a)
		got, _, err := read.ReadAction(b)
		if err != nil || len(b) > 5 || len(got.Config.Services) != len(f.Services) {
			t.Errorf("%s: %v, %d bytes", name, err, len(b))
		}
	}
}
