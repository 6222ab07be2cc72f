package core

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// few returns a rig whose machine runs the services with so many descriptors for
// children.
func few(t *testing.T, children uint32, services ...ServiceConfig) *rig {
	t.Helper()
	listeners := 0
	for i := range services {
		listeners += len(services[i].Endpoints)
	}
	r := newRig(t, MachineOptions{GroupLeader: true, Descriptors: children + uint32(listeners)})
	r.step(ConfigLoadedEvent(0, conf(services...)))
	r.took()
	return r
}

// client has a child of the service take a client.
func (r *rig) client(s ServiceID) (started bool) {
	r.t.Helper()
	before := r.m.lastGeneration
	r.step(ListenerReadyEvent(s))
	if r.m.lastGeneration == before {
		return false
	}
	r.say(r.m.lastGeneration, wire.Taken)
	return true
}

func TestDescriptorIsKeptForEachServiceWithoutAChild(t *testing.T) {
	r := few(t, 4, unix("greedy", 0), unix("b", 5), unix("c", 5))
	for range 2 {
		if !r.client(1) {
			t.Fatal("two of four are for the greedy service")
		}
	}
	r.took()
	r.step(ListenerReadyEvent(1))
	r.want(
		"log warning: no descriptor is left for another process of service greedy(private/greedy); 2 processes are running, "+
			"and one descriptor is reserved for each service without a process; clients wait until a process exits; raise the hard limit on open files (ulimit -Hn)",
		"ignore-listener service=1")
	r.state("greedy", StateStarved)
	if !r.client(2) || !r.client(3) {
		t.Error("the others get the first child of theirs")
	}
	if r.client(2) || r.client(3) {
		t.Error("and no more")
	}
	r.state("b", StateStarved)
	r.took()
	r.die(3, ExitedWith(0)) // the only one of b: it is owed the next, and nobody else gains anything
	r.want("watch-listener service=2")
	r.state("greedy", StateStarved)
	r.die(1, ExitedWith(0)) // one is free for the next start
	r.want("watch-listener service=1", "watch-listener service=3")
	if !r.client(3) || r.client(1) || !r.client(2) {
		t.Error("whoever comes first takes it; b has its own")
	}
}

// A reload cuts every child off, and with it all descriptors are free but those of
// the services that it adds.
func TestReloadFreesDescriptors(t *testing.T) {
	r := few(t, 4, unix("greedy", 0), unix("b", 5)) // six with the listeners
	for range 3 {
		r.client(1)
	}
	r.client(1)
	r.state("greedy", StateStarved)
	r.hangup(conf(unix("greedy", 0), unix("b", 5), unix("c", 1)))
	r.state("greedy", StateIdle)
	if !r.client(1) || r.client(1) { // three are left, of which two are kept
		t.Error("one is for the greedy service")
	}
	r.took()
	r.hangup(conf(unix("b", 5))) // the starved service is removed
	if len(r.m.starved) != 0 || r.m.live != 0 {
		t.Errorf("%d are held back, %d descriptors are held", len(r.m.starved), r.m.live)
	}
}

// With fewer descriptors than services the kernel decides, one child for each.
func TestTooFewDescriptorsForAll(t *testing.T) {
	r := few(t, 1, unix("a", 0), unix("b", 0), unix("c", 0))
	for id := range ServiceID(3) {
		if !r.client(id+1) || r.client(id+1) {
			t.Errorf("service %d has one child", id+1)
		}
	}
}

func TestShortageIsToldOncePerInterval(t *testing.T) {
	r := few(t, 2, unix("a", 0), unix("b", 0))
	r.client(1)
	begin := r.now
	for _, x := range []struct {
		at   Duration
		want bool
	}{{0, true}, {1, false}, {limitWarningInterval, false}, {limitWarningInterval + 1, true}} {
		r.wait(begin.Add(x.at).Sub(r.now))
		r.took()
		if r.client(1) {
			t.Fatal("a child was started")
		}
		if got := strings.Contains(strings.Join(r.took(), "\n"), "no descriptor is left"); got != x.want {
			t.Errorf("%d after the first: told %v", x.at, got)
		}
		r.die(r.m.lastGeneration, ExitedWith(0))
		r.client(1)
	}
}

// Who is held back, and what was said, is part of the state.
func TestShortageIsCarriedOver(t *testing.T) {
	r := few(t, 3, unix("a", 0), unix("b", 0), unix("c", 0))
	for _, id := range []ServiceID{1, 2, 3, 3, 1} {
		r.client(id)
	}
	m, err := Restore(r.m.Snapshot())
	if err != nil || !bytes.Equal(m.Snapshot(), r.m.Snapshot()) {
		t.Fatalf("the snapshot is another one: %v", err)
	}
	k := NewCanon(r.m.config)
	form := k.Append(nil, r.m)
	other, err := k.Restore(form, RestoreBase{Now: 7, PID: 100})
	if err != nil || other.Check() != nil || !bytes.Equal(k.Append(nil, other), form) {
		t.Fatalf("the canonical form is another one: %v, %v", err, other.Check())
	}
	var lists [3]string
	for i, x := range []*Machine{r.m, m, other} {
		for _, a := range x.Step(x.now, ChildExitedEvent(1, x.children.get(1).pid, ExitedWith(0))) {
			lists[i] += string(a.AppendText(nil)) + "\n"
		}
	}
	if lists[0] == "" || lists[0] != lists[1] || lists[0] != lists[2] {
		t.Errorf("got %q", lists)
	}
}
