package child

import (
	"math"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

func TestNumbersBehindTheLastNameAreUnknown(t *testing.T) {
	for what, got := range map[string]string{
		"event kind":     numEventKinds.String(),
		"action kind":    numActionKinds.String(),
		"reason":         numReasons.String(),
		"skeleton":       numSkeletons.String(),
		"zero skeleton":  Skeleton(0).String(),
		"largest event":  EventKind(255).String(),
		"largest action": ActionKind(255).String(),
		"largest reason": Reason(255).String(),
	} {
		if got != "unknown" {
			t.Errorf("%s: got %q", what, got)
		}
	}
}

func TestKindsBehindTheLastAreNotWellFormed(t *testing.T) {
	if (Event{Kind: numEventKinds}).wellFormed() {
		t.Error("an event behind the last kind is well formed")
	}
	if (Action{Kind: numActionKinds}).wellFormed() {
		t.Error("an action behind the last kind is well formed")
	}
	if !PlainEvent(numEventKinds-1).wellFormed() || !(Action{Kind: numActionKinds - 1}).wellFormed() {
		t.Error("the last kind is not well formed")
	}
}

func TestSettingsOutOfRangeAreBrokenInvariants(t *testing.T) {
	for _, s := range []Settings{
		{Skeleton: numSkeletons},
		{Skeleton: Single, MaxUse: -1},
		{Skeleton: Single, MaxIdle: -1},
		{Skeleton: Single, RetireAfter: -1},
		{Skeleton: Multi, MaxClients: -1},
	} {
		if !panics(func() { New(0, s) }) {
			t.Errorf("%+v was taken", s)
		}
	}
	if panics(func() { New(0, Settings{Skeleton: numSkeletons - 1}) }) {
		t.Error("the last skeleton was not taken")
	}
}

// broken returns the value that the function panics with.
func broken(t *testing.T, f func()) (b core.BrokenInvariant) {
	t.Helper()
	defer func() {
		var ok bool
		if b, ok = recover().(core.BrokenInvariant); !ok {
			t.Error("no invariant was broken")
		}
	}()
	f()
	return b
}

func TestBrokenInvariantTellsStepAndDuty(t *testing.T) {
	for _, skeleton := range []Skeleton{Single, Multi} {
		m := New(0, Settings{Skeleton: skeleton})
		m.Step(0, PlainEvent(Started))
		m.Step(1, PlainEvent(ConnectionReady))
		got := broken(t, func() { m.Step(2, PlainEvent(Served)) })
		if want := (core.BrokenInvariant{Step: 3, What: "Served answers Serve"}); got != want {
			t.Errorf("%v: got %+v, want %+v", skeleton, got, want)
		}
	}
}

func TestTooManyActionsAreABrokenInvariant(t *testing.T) {
	m := New(0, Settings{Skeleton: Single})
	for range maxActions {
		m.emit(Action{Kind: Watch})
	}
	if got := broken(t, func() { m.emit(Action{Kind: Watch}) }); got.What != "a step has few actions" {
		t.Errorf("got %+v", got)
	}
}

func TestUsesStopAtTheLargestNumber(t *testing.T) {
	m := New(0, Settings{Skeleton: Single})
	m.Step(0, PlainEvent(Started))
	m.uses = math.MaxInt32 - 1
	for range 3 {
		for _, k := range []EventKind{ConnectionReady, Accepted, Served, Reported} {
			m.Step(0, PlainEvent(k))
		}
		if m.Uses() != math.MaxInt32 {
			t.Fatalf("got %d uses", m.Uses())
		}
	}
}

func TestPhaseFollowsTheServer(t *testing.T) {
	m := New(0, Settings{Skeleton: Single, AcceptLock: true, MaxUse: 1})
	if m.Phase() != Starting {
		t.Errorf("new: got %d", m.Phase())
	}
	for _, x := range []struct {
		event EventKind
		want  Phase
	}{
		{Started, Locking},
		{LockGranted, Watching},
		{ConnectionReady, Accepting},
		{Accepted, Busy},
		{Served, Reporting},
		{Reported, Exited},
	} {
		m.Step(0, PlainEvent(x.event))
		if m.Phase() != x.want {
			t.Errorf("%v: got phase %d, want %d", x.event, m.Phase(), x.want)
		}
	}
	m.Reset(0, Settings{Skeleton: Multi, MaxClients: 1, Drain: true})
	for _, x := range []struct {
		event EventKind
		want  Phase
	}{
		{Started, Watching},
		{ConnectionReady, Accepting},
		{Accepted, Full},
		{RequestBegan, Busy},
		{RequestEnded, Full},
		{Served, Reporting},
		{Reported, Watching},
		{ConnectionReady, Accepting},
		{Accepted, Full},
		{ChannelClosed, Full},
		{Served, Exited},
	} {
		m.Step(0, PlainEvent(x.event))
		if m.Phase() != x.want {
			t.Errorf("%v: got phase %d, want %d", x.event, m.Phase(), x.want)
		}
	}
}

func TestDeadlineOfRetirementAfterIdleTime(t *testing.T) {
	m := New(0, Settings{Skeleton: Single, MaxIdle: 2 * core.Second, RetireAfter: 3 * core.Second})
	m.Step(0, PlainEvent(Started))
	if when, ok := m.Deadline(); !ok || when != 2*second {
		t.Errorf("idle: got %v %v, want the idle time at 2 s", when, ok)
	}
	m.Step(second, PlainEvent(ConnectionReady))
	if when, ok := m.Deadline(); !ok || when != 3*second {
		t.Errorf("accepting: got %v %v, want the retirement at 3 s", when, ok)
	}
}
