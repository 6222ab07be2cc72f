package core

// Situations that a snapshot and a canonical form must carry over whole.

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// carried returns the machine that was restored from a snapshot, and the one
// that was restored from the canonical form with other numbers.
func carried(t *testing.T, m *Machine, known ...*Config) (*Machine, *Machine) {
	t.Helper()
	same, err := Restore(m.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	k := NewCanon(known...)
	form := k.Append(nil, m)
	other, err := k.Restore(form, RestoreBase{Now: m.now + 12345, Service: 50, Generation: 60, PID: 7000, Request: 80})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Check(); err != nil {
		t.Fatal(err)
	}
	if again := k.Append(nil, other); !bytes.Equal(form, again) {
		t.Errorf("the restored machine has another form:\n%x\n%x", form, again)
	}
	return same, other
}

func TestEqualSettingsAreOneSituation(t *testing.T) {
	first, second, third := conf(unix("a", 1)), conf(unix("a", 1)), conf(unix("a", 1))
	third.DataDirectory = "/elsewhere"
	k := NewCanon(first, second, third)
	form := func(c *Config) string {
		m := New(0, MachineOptions{})
		m.Step(0, ConfigLoadedEvent(0, c))
		m.Step(0, ListenerOpenedEvent(1, 0))
		return string(k.Append(nil, m))
	}
	if form(first) != form(second) {
		t.Error("equal configurations have two forms")
	}
	if form(first) == form(third) {
		t.Error("different configurations have one form")
	}
	if k.entryNumbers[&first.Services[0]] != k.entryNumbers[&third.Services[0]] {
		t.Error("equal entries of different configurations are taken for two")
	}
}

func TestNamesTellTheRequestOfAReload(t *testing.T) {
	r := started(t, unix("a", 1))
	k := NewCanon(r.m.config)
	if k.Append(nil, r.m); k.Names().Load != 0 {
		t.Errorf("before: got %d", k.Names().Load)
	}
	r.hold = true
	r.step(SignalReceivedEvent(SIGHUP))
	if k.Append(nil, r.m); k.Names().Load != r.request {
		t.Errorf("got %d, want %d", k.Names().Load, r.request)
	}
	r.step(ConfigRejectedEvent(r.request, &Config{}))
	if k.Append(nil, r.m); k.Names().Load != 0 {
		t.Errorf("after: got %d", k.Names().Load)
	}
}

func TestBytesBehindACanonicalFormAreRefused(t *testing.T) {
	r := started(t, unix("a", 1))
	k := NewCanon(r.m.config)
	form := k.Append(nil, r.m)
	if _, err := k.Restore(form, RestoreBase{}); err != nil {
		t.Error(err)
	}
	if _, err := k.Restore(append(form, 0), RestoreBase{}); err == nil {
		t.Error("one byte too many was accepted")
	}
}

// Stress mode and the last warning count as long as a comparison with now can
// tell, and are kept to the nanosecond.
func TestInstantsThatStillMatterAreKept(t *testing.T) {
	r := started(t, inet(25, 2))
	r.wait(5000 * Second)
	r.step(TimerExpiredEvent())
	s, now := r.m.services.get(1), r.m.now
	for _, x := range []struct {
		left, ago        Duration
		stressed, warned bool
	}{
		{-1, limitWarningInterval + 1, false, false},
		{0, limitWarningInterval, true, true},
		{1, limitWarningInterval - 1, true, true},
		{Second, Second, true, true},
		{stressTime, 0, true, true},
	} {
		s.stressed, s.stressUntil, s.warned, s.warnedAt = true, now.Add(x.left), true, now.Add(-x.ago)
		_, m := carried(t, r.m, r.m.config)
		got := m.services.get(51)
		if got.stressed != x.stressed || got.warned != x.warned {
			t.Errorf("%+v: stressed %v, warned %v", x, got.stressed, got.warned)
		}
		if got.stressed && got.stressUntil.Sub(m.now) != x.left || got.warned && m.now.Sub(got.warnedAt) != x.ago {
			t.Errorf("%+v: %d left, %d ago", x, got.stressUntil.Sub(m.now), m.now.Sub(got.warnedAt))
		}
	}
}

// The kernel gives no pid twice at once, but the form would carry it.
func TestChildrenOfOnePIDKeepOnePID(t *testing.T) {
	r := started(t, unix("a", 3))
	for range 3 {
		r.lastPID = 100
		r.step(ListenerReadyEvent(1))
		r.say(r.m.lastGeneration, wire.Taken)
	}
	same, other := carried(t, r.m, r.m.config)
	for g := Generation(1); g <= 3; g++ {
		if got := same.children.get(uint64(g)).pid; got != 101 {
			t.Errorf("snapshot, child %d: pid %d", g, got)
		}
		if got := other.children.get(uint64(60 + g)).pid; got != 7001 {
			t.Errorf("canonical form, child %d: pid %d", g, got)
		}
	}
}

func TestClosedChannelIsStillComplainedOf(t *testing.T) {
	r := started(t, unix("a", 3))
	for g := Generation(1); g <= 3; g++ {
		r.step(ListenerReadyEvent(1))
		r.say(g, wire.Taken)
	}
	r.step(ChildChannelClosedEvent(2))
	same, other := carried(t, r.m, r.m.config)
	for pid, m := range map[PID]*Machine{102: same, 7002: other} {
		actions := m.Step(m.now.Add(channelGrace), TimerExpiredEvent())
		if len(actions) != 1 || actions[0].Code != LogChannelClosed || actions[0].PID != pid {
			t.Errorf("pid %d: got %+v", pid, actions)
		}
	}
}

func TestTimersOfThingsThatAreNotThereAreRefused(t *testing.T) {
	r := started(t, unix("a", 1))
	w := machineWalk{canon: NewCanon(r.m.config), m: r.m, all: r.m.active}
	for kind := timerNone; kind <= timerExit+1; kind++ {
		for _, owner := range []int{-1, 1, 2} {
			if kind == timerExit && owner >= 0 {
				continue // there is one, no matter of which service
			}
			if w.owned(kind, owner) != nil {
				t.Errorf("kind %d, owner %d: there is one", kind, owner)
			}
		}
	}
	if w.owned(timerThrottle, 0) != &r.m.active[0].throttleTimer {
		t.Error("the timer of a service is not found")
	}
}

// As many failures as are told one by one, and the reload goes on.
func TestReloadWithMostFailuresIsCarriedOver(t *testing.T) {
	r := started(t, unix("a", 1))
	r.hold = true
	r.step(SignalReceivedEvent(SIGHUP))
	services := []ServiceConfig{unix("a", 1)}
	for port := range uint16(maxFailureLines + 2) {
		services = append(services, inet(1000+port, 1))
	}
	c := conf(services...)
	r.step(ConfigLoadedEvent(r.request, c))
	asked := r.asked
	for i, a := range asked[:maxFailureLines+1] {
		r.step(ListenerFailedEvent(a.Service, a.Listener, StepBind, EADDRINUSE))
		if len(r.m.reload.failed) != min(i+1, maxFailureLines) {
			t.Fatalf("%d failures are kept of %d", len(r.m.reload.failed), i+1)
		}
		carried(t, r.m, c, r.m.config)
	}
	_, other := carried(t, r.m, c, r.m.config)
	last := asked[maxFailureLines+1]
	want := kinds(r.m.Step(r.m.now, ListenerOpenedEvent(last.Service, last.Listener)))
	if got := kinds(other.Step(other.now, ListenerOpenedEvent(50+last.Service, last.Listener))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRemovedServicesKnowTheirPlaces(t *testing.T) {
	services := []ServiceConfig{unix("a", 1), unix("b", 1), unix("c", 1)}
	for order := range 3 {
		r := started(t, services...)
		for id := range ServiceID(3) {
			r.step(ListenerReadyEvent(id + 1))
		}
		first := r.m.config
		r.hangup(conf())
		same, other := carried(t, r.m, first, r.m.config)
		for i := range 3 {
			g := Generation((order+i)%3 + 1)
			same.Step(same.now, ChildExitedEvent(g, PID(100+g), ExitedWith(0)))
			other.Step(other.now, ChildExitedEvent(60+g, PID(7000+g), ExitedWith(0)))
			for _, m := range []*Machine{same, other} {
				if err := m.Check(); err != nil {
					t.Fatal(err)
				}
				if len(m.stopping) != 2-i {
					t.Errorf("%d removed services are left", len(m.stopping))
				}
			}
		}
	}
}

// The listeners of a service stay what they were when the file names others.
func TestListenersThatDifferFromTheFileAreCarriedOver(t *testing.T) {
	two := inet(25, 1)
	two.Endpoints = append(slices.Clone(two.Endpoints), inet(26, 1).Endpoints...)
	r := started(t, inet(25, 1))
	first := r.m.config
	r.hangup(conf(two))
	same, other := carried(t, r.m, first, r.m.config)
	for _, m := range []*Machine{same, other} {
		if s := m.active[0]; len(s.endpoints) != 1 || len(s.listeners) != 1 || len(s.entry.Endpoints) != 2 {
			t.Errorf("got %d endpoints, %d listeners", len(s.endpoints), len(s.listeners))
		}
	}
}

// A service that is being opened has the listeners of its entry.
func TestOpeningServiceWithOtherListenersIsRefused(t *testing.T) {
	r := started(t, unix("a", 1))
	r.hold = true
	r.step(SignalReceivedEvent(SIGHUP))
	r.step(ConfigLoadedEvent(r.request, conf(unix("a", 1), unix("b", 1))))
	if _, err := Restore(r.m.Snapshot()); err != nil {
		t.Fatal(err)
	}
	s := r.m.reload.added[0]
	s.endpoints, s.listeners = append(s.endpoints, Endpoint{Path: "x"}), append(s.listeners, listenerOpen)
	if _, err := Restore(r.m.Snapshot()); err == nil {
		t.Error("it was accepted")
	}
}

func TestBytesThatAreNoSnapshotAreToldFromABrokenOne(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "x": true, snapshotMark[:len(snapshotMark)-1]: true, "X" + snapshotMark: true,
		snapshotMark: false, snapshotMark + "\xff": false,
	} {
		_, err := Restore([]byte(text))
		if err == nil || errors.Is(err, errNoSnapshot) != want {
			t.Errorf("%q: got %v", text, err)
		}
	}
	r := started(t, unix("a", 1))
	if _, err := Restore(append(r.m.Snapshot(), 0)); err == nil {
		t.Error("a byte behind a snapshot was accepted")
	}
}

func TestReferenceToAnEntryThatIsNotThereIsRefused(t *testing.T) {
	s := unix("a", 1)
	refs := References{entries: numbering[ServiceConfig]{values: []*ServiceConfig{&s}}}
	for n, want := range map[int]bool{-1: false, 0: true, 1: false, 2: false} {
		c := codec{}
		number(&c, &n)
		w := machineWalk{c: codec{b: c.b, reading: true}, refs: &refs}
		var e *ServiceConfig
		if w.entry(&e); (w.c.err == nil) != want || (e == &s) != want {
			t.Errorf("%d: got %v, %v", n, e, w.c.err)
		}
	}
}
