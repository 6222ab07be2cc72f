package child

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

const second = core.Time(core.Second)

// turn is one event and the actions it must produce, joined by commas.
type turn struct {
	at    core.Time
	event EventKind
	want  string
}

func actionText(actions []Action) string {
	words := make([]string, 0, len(actions))
	for _, a := range actions {
		words = append(words, a.String())
	}
	return strings.Join(words, ", ")
}

func play(t *testing.T, m *Machine, turns []turn) {
	t.Helper()
	for i, tr := range turns {
		ev := PlainEvent(tr.event)
		if tr.event == LockFailed {
			ev = LockFailedEvent(core.EBADF)
		}
		got := actionText(m.Step(tr.at, ev))
		if got != tr.want {
			t.Fatalf("turn %d, %v at %d: got %q, want %q", i, tr.event, tr.at, got, tr.want)
		}
		if broken, ok := m.Check(); !ok {
			t.Fatalf("turn %d, %v: broken: %s", i, tr.event, broken)
		}
	}
}

func TestServerKeepsTheContract(t *testing.T) {
	const exitIdle, exitUsed, exitGone = "exit idle", "exit used", "exit master-gone"
	for _, c := range []struct {
		name     string
		settings Settings
		turns    []turn
	}{
		{"single serves and reports, then leaves after max_use", Settings{Skeleton: Single, MaxUse: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve"},
			{2, Served, "report available"},
			{2, Reported, "watch"},
			{3, ConnectionReady, "accept"},
			{3, Accepted, "report taken, serve"},
			{4, Served, "report available"},
			{4, Reported, exitUsed},
			{5, ChannelClosed, ""},
		}},
		{"single with a lock waits for it before it watches", Settings{Skeleton: Single, AcceptLock: true}, []turn{
			{0, Started, "lock"},
			{1, LockGranted, "watch"},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "unlock, report taken, serve"},
			{3, Served, "report available"},
			{3, Reported, "lock"},
			{4, LockGranted, "watch"},
			{5, ConnectionReady, "accept"},
			{5, AcceptMissed, "unlock, lock"},
		}},
		{"a fifo is read after the lock is given back", Settings{Skeleton: Trigger, AcceptLock: true, EarlyUnlock: true}, []turn{
			{0, Started, "lock"},
			{1, LockGranted, "watch"},
			{2, ConnectionReady, "unlock, accept"},
			{2, Accepted, "report taken, serve"},
			{3, Served, "report available"},
			{3, Reported, "lock"},
		}},
		{"end-of-file while idle ends it", Settings{Skeleton: Single}, []turn{
			{0, Started, "watch"},
			{1, ChannelClosed, exitGone},
		}},
		{"end-of-file while it waits for the lock ends it", Settings{Skeleton: Datagram, AcceptLock: true}, []turn{
			{0, Started, "lock"},
			{1, ChannelClosed, exitGone},
		}},
		{"end-of-file while busy ends it after the client", Settings{Skeleton: Single}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve"},
			{2, ChannelClosed, ""},
			{3, Served, exitGone},
		}},
		{"end-of-file between accept and answer still serves", Settings{Skeleton: Single}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, ChannelClosed, ""},
			{1, Accepted, "serve"},
			{3, Served, exitGone},
		}},
		{"a failed report of available ends it", Settings{Skeleton: Trigger}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve"},
			{2, Served, "report available"},
			{2, ReportFailed, exitGone},
		}},
		{"max_idle counts from start and from each report", Settings{Skeleton: Single, MaxIdle: 10 * core.Second}, []turn{
			{0, Started, "watch"},
			{9 * second, ConnectionReady, "accept"},
			{9 * second, Accepted, "report taken, serve"},
			{90 * second, TimerExpired, ""},
			{100 * second, Served, "report available"},
			{100 * second, Reported, "watch"},
			{110*second - 1, TimerExpired, ""},
			{110 * second, TimerExpired, exitIdle},
		}},
		{"a missed accept leaves the rest of max_idle", Settings{Skeleton: Single, MaxIdle: 10 * core.Second}, []turn{
			{0, Started, "watch"},
			{4 * second, ConnectionReady, "accept"},
			{5 * second, AcceptMissed, "watch"},
			{11*second - 1, TimerExpired, ""},
			{11 * second, TimerExpired, exitIdle},
		}},
		{"no max_idle, no exit", Settings{Skeleton: Single}, []turn{
			{0, Started, "watch"},
			{1e6 * second, TimerExpired, ""},
		}},
		{"a missed accept is no use", Settings{Skeleton: Single, MaxUse: 1}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, AcceptMissed, "watch"},
		}},
		{"readiness that nobody watches is ignored", Settings{Skeleton: Single, AcceptLock: true}, []turn{
			{0, Started, "lock"},
			{1, ConnectionReady, ""},
			{2, LockGranted, "watch"},
			{3, ConnectionReady, "accept"},
			{3, ConnectionReady, ""},
		}},
		{"a failed lock is fatal", Settings{Skeleton: Single, AcceptLock: true}, []turn{
			{0, Started, "lock"},
			{1, LockFailed, "exit lock"},
		}},
		{"retirement waits for the client", Settings{Skeleton: Single, RetireAfter: 5 * core.Second}, []turn{
			{0, Started, "watch"},
			{1 * second, ConnectionReady, "accept"},
			{1 * second, Accepted, "report taken, serve"},
			{6 * second, TimerExpired, ""},
			{7 * second, Served, "report available"},
			{7 * second, Reported, "exit retired"},
		}},
		{"multi reports requests, not accepts", Settings{Skeleton: Multi, AcceptLock: true}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "serve, watch"},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "serve, watch"},
			{3, RequestBegan, "report taken"},
			{4, RequestBegan, ""},
			{5, RequestEnded, ""},
			{6, RequestEnded, "report available"},
			{6, Reported, ""},
		}},
		{"multi leaves at max_use with its last client", Settings{Skeleton: Multi, MaxUse: 1}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "serve, watch"},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "serve, watch"},
			{3, Served, ""},
			{4, Served, exitUsed},
		}},
		{"multi is idle from its last client on", Settings{Skeleton: Multi, MaxIdle: 10 * core.Second}, []turn{
			{0, Started, "watch"},
			{1 * second, ConnectionReady, "accept"},
			{1 * second, Accepted, "serve, watch"},
			{20 * second, TimerExpired, ""},
			{30 * second, Served, ""},
			{39 * second, TimerExpired, ""},
			{40 * second, TimerExpired, exitIdle},
		}},
		{"the last client leaves while the next is accepted", Settings{Skeleton: Multi, MaxIdle: 10 * core.Second}, []turn{
			{0, Started, "watch"},
			{1 * second, ConnectionReady, "accept"},
			{1 * second, Accepted, "serve, watch"},
			{2 * second, ConnectionReady, "accept"},
			{3 * second, Served, ""},
			{4 * second, AcceptMissed, "watch"},
			{14*second - 1, TimerExpired, ""},
			{14 * second, TimerExpired, exitIdle},
		}},
		{"multi drops its clients when the master is gone", Settings{Skeleton: Multi}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "serve, watch"},
			{2, ChannelClosed, exitGone},
		}},
		{"multi that drains stays for its clients", Settings{Skeleton: Multi, Drain: true}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "serve, watch"},
			{2, RequestBegan, "report taken"},
			{3, RequestEnded, "report available"},
			{3, ReportFailed, ""},
			{4, ConnectionReady, ""},
			{5, RequestBegan, ""},
			{6, RequestEnded, ""},
			{7, Served, exitGone},
		}},
		{"event reports each accept", Settings{Skeleton: EventDriven, MaxUse: 2}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve, watch"},
			{1, RequestEnded, "report available"},
			{1, ConnectionReady, ""},
			{1, Reported, "watch"},
			{2, ConnectionReady, "accept"},
			{2, Accepted, "report taken, serve, watch"},
			{2, RequestEnded, "report available"},
			{2, Reported, ""},
			{3, Served, ""},
			{4, Served, exitUsed},
		}},
		{"retirement drains an event server", Settings{Skeleton: EventDriven, RetireAfter: core.Second}, []turn{
			{0, Started, "watch"},
			{1, ConnectionReady, "accept"},
			{1, Accepted, "report taken, serve, watch"},
			{1, RequestEnded, "report available"},
			{1, Reported, ""},
			{second, TimerExpired, ""},
			{second, ConnectionReady, ""},
			{3 * second, Served, "exit retired"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(0, c.settings)
			play(t, &m, c.turns)
		})
	}
}

func TestExitCodes(t *testing.T) {
	m := New(0, Settings{Skeleton: Single, AcceptLock: true})
	m.Step(0, PlainEvent(Started))
	got := m.Step(1, LockFailedEvent(core.EBADF))
	want := Action{Kind: Exit, Reason: ReasonLock, Code: 1, Errno: core.EBADF}
	if len(got) != 1 || got[0] != want {
		t.Errorf("failed lock: got %v, want %v", got, want)
	}
	m.Reset(0, Settings{Skeleton: Single})
	m.Step(0, PlainEvent(Started))
	got = m.Step(1, PlainEvent(ChannelClosed))
	if len(got) != 1 || got[0].Code != 0 {
		t.Errorf("master gone: got %v, want exit code 0", got)
	}
}

func TestAnswersNobodyWaitsForAreBrokenInvariants(t *testing.T) {
	for _, ev := range []Event{
		PlainEvent(LockGranted), LockFailedEvent(core.EBADF), PlainEvent(Accepted), PlainEvent(AcceptMissed),
		PlainEvent(RequestBegan), PlainEvent(RequestEnded), PlainEvent(Served), PlainEvent(Reported),
		PlainEvent(ReportFailed), PlainEvent(Started), PlainEvent(EventNone), PlainEvent(numEventKinds),
		{Kind: Accepted, Errno: core.EPIPE},
	} {
		m := New(0, Settings{Skeleton: Multi})
		m.Step(0, PlainEvent(Started))
		if !panics(func() { m.Step(1, ev) }) {
			t.Errorf("%v: no assertion", ev)
		}
	}
	m := New(5, Settings{Skeleton: Single})
	if !panics(func() { m.Step(4, PlainEvent(Started)) }) {
		t.Error("time went back without an assertion")
	}
	if !panics(func() { New(0, Settings{}) }) {
		t.Error("settings without a skeleton were taken")
	}
}

func panics(f func()) (broke bool) {
	defer func() {
		if r := recover(); r != nil {
			_, broke = r.(core.BrokenInvariant)
		}
	}()
	f()
	return false
}

func TestEveryKindHasItsName(t *testing.T) {
	for k := range numEventKinds {
		if k.String() == "" {
			t.Errorf("event kind %d has no name", k)
		}
	}
	for k := range numActionKinds {
		if k.String() == "" {
			t.Errorf("action kind %d has no name", k)
		}
	}
	for r := range numReasons {
		if r.String() == "" {
			t.Errorf("reason %d has no name", r)
		}
	}
	for s := Skeleton(1); s < numSkeletons; s++ {
		if s.String() == "unknown" {
			t.Errorf("skeleton %d has no rule", s)
		}
	}
}

func TestDeadlineIsTheNearerOfTwo(t *testing.T) {
	m := New(0, Settings{Skeleton: Single, MaxIdle: 3 * core.Second, RetireAfter: 2 * core.Second})
	if _, ok := m.Deadline(); ok {
		t.Error("a deadline before the start")
	}
	m.Step(0, PlainEvent(Started))
	if when, ok := m.Deadline(); !ok || when != 2*second {
		t.Errorf("got %v %v, want the retirement at 2 s", when, ok)
	}
	m.Step(2*second, PlainEvent(TimerExpired))
	if _, ok := m.Deadline(); ok {
		t.Error("a deadline after the exit")
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	m := New(0, Settings{Skeleton: Single, AcceptLock: true, MaxIdle: core.Second})
	m.Step(0, PlainEvent(Started))
	round := [...]EventKind{LockGranted, ConnectionReady, Accepted, Served, Reported}
	if n := testing.AllocsPerRun(100, func() {
		for _, k := range round {
			m.Step(m.now+1, PlainEvent(k))
		}
	}); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}

func BenchmarkRound(b *testing.B) {
	m := New(0, Settings{Skeleton: Single, AcceptLock: true, MaxIdle: core.Second})
	m.Step(0, PlainEvent(Started))
	round := [...]EventKind{LockGranted, ConnectionReady, Accepted, Served, Reported}
	b.ReportAllocs()
	for b.Loop() {
		for _, k := range round {
			m.Step(m.now, PlainEvent(k))
		}
	}
}
