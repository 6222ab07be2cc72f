package core

import (
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestViewShowsChildrenAsTheyAre(t *testing.T) {
	r := started(t, unix("a", 4))
	r.step(ListenerReadyEvent(1))
	r.say(1, wire.Taken)
	r.say(1, wire.Available)
	r.say(1, wire.Taken)
	r.step(ListenerReadyEvent(1))
	r.hangup(conf(unix("a", 4)))
	r.step(ListenerReadyEvent(1))
	r.say(3, wire.Taken)
	r.hold = true
	r.step(ListenerReadyEvent(1))
	want := []ChildView{
		{Generation: 1, PID: 101, Retired: true, Served: true},
		{Generation: 2, PID: 102, Retired: true, Idle: true},
		{Generation: 3, PID: 103},
		{Generation: 4, Starting: true},
	}
	s := r.service("a")
	if !slices.Equal(s.Children, want) {
		t.Errorf("got  %+v\nwant %+v", s.Children, want)
	}
	if s.Total != 4 || s.Starting != 1 || s.Idle != 0 || s.Busy != 1 || s.Retired != 2 {
		t.Errorf("got %+v", s)
	}
}

func TestViewShowsTheMachineAsItIs(t *testing.T) {
	m := New(7, MachineOptions{})
	for _, x := range []struct {
		ev   Event
		want View
	}{
		{ConfigLoadedEvent(0, conf(unix("a", 1))), View{Step: 1, Now: 8, Loading: true}},
		{ListenerOpenedEvent(1, 0), View{Step: 2, Now: 9, Running: true, Epoch: 1}},
		{SignalReceivedEvent(SIGHUP), View{Step: 3, Now: 10, Running: true, Epoch: 1, Loading: true}},
		{ConfigRejectedEvent(1, &Config{}), View{Step: 4, Now: 11, Running: true, Epoch: 1}},
		{SignalReceivedEvent(SIGTERM), View{Step: 5, Now: 12, Exited: true, Epoch: 1}},
	} {
		m.Step(m.now+1, x.ev)
		got := m.View()
		got.Services = nil
		if got.Step != x.want.Step || got.Now != x.want.Now || got.Running != x.want.Running || got.Exited != x.want.Exited ||
			got.Epoch != x.want.Epoch || got.Loading != x.want.Loading {
			t.Errorf("after %s: got %+v, want %+v", x.ev.AppendText(nil), got, x.want)
		}
	}
}

func TestViewShowsMoreRemovedServicesThanActiveOnes(t *testing.T) {
	r := started(t, unix("a", 1), unix("b", 1))
	r.step(ListenerReadyEvent(1))
	r.step(ListenerReadyEvent(2))
	r.hangup(conf())
	v := r.m.View()
	if len(v.Services) != 2 || v.Services[0].State != StateStopping || v.Services[1].State != StateStopping {
		t.Errorf("got %+v", v.Services)
	}
}

// What Check must find, planted.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	for _, x := range []struct {
		want  string
		plant func(r *rig, s *service)
	}{
		{"no count is negative", func(_ *rig, s *service) { s.idle = -1 }},
		{"no count exceeds the children", func(_ *rig, s *service) { s.total, s.starting, s.idle = 1, 1, 1 }},
		{"no count exceeds the children", func(_ *rig, s *service) { s.total, s.retired = 1, 2 }},
		{"at most one start of a service is pending", func(_ *rig, s *service) { s.total, s.starting, s.idle = 3, 2, 0 }},
		{"the watch agrees with the state", func(_ *rig, s *service) { s.watching = true }},
		{"a throttled service has a deadline", func(_ *rig, s *service) { s.throttled = true }},
	} {
		r := started(t, unix("a", 3))
		r.step(ListenerReadyEvent(1))
		s := r.m.services.get(1)
		r.m.checkCounts(s)
		x.plant(r, s)
		if got := broken(t, func() { r.m.checkCounts(s) }); got.What != x.want {
			t.Errorf("got %q, want %q", got.What, x.want)
		}
	}
}

func TestCheckFindsWhatIsWrongWithARemovedService(t *testing.T) {
	for _, x := range []struct {
		want  string
		plant func(s, next *service)
	}{
		{"a removed service waits for retired children only", func(s, _ *service) { s.total, s.retired = 0, 0 }},
		{"a removed service waits for retired children only", func(s, _ *service) { s.retired = 0 }},
		{"a removed service knows its place", func(s, _ *service) { s.stoppingIndex = 1 }},
		{"a successor is held", func(_, next *service) { next.heldBy = 0 }},
		{"a successor is held", func(_, next *service) { next.life = lifeStopping }},
	} {
		r := started(t, unix("a", 3))
		r.step(ListenerReadyEvent(1))
		r.hangup(conf())
		r.hangup(conf(unix("a", 3)))
		s := r.m.stopping[0]
		r.m.checkLife(s, 0)
		x.plant(s, s.successors[0])
		if got := broken(t, func() { r.m.checkLife(s, 0) }); got.What != x.want {
			t.Errorf("got %q, want %q", got.What, x.want)
		}
	}
}

func TestCheckFindsDeadlinesOutOfOrder(t *testing.T) {
	for _, swapped := range [][2]int{{0, 1}, {0, 2}, {1, 4}} {
		m := New(0, MachineOptions{})
		timers := make([]timer, 5)
		for i := range timers {
			m.timers.arm(&timers[i], Time(i))
		}
		m.checkTimers()
		m.timers.swap(swapped[0], swapped[1])
		if got := broken(t, m.checkTimers); got.What != "the next deadline is on top" {
			t.Errorf("%v: got %q", swapped, got.What)
		}
	}
}

func TestCheckFindsWhatIsWrongWithChildrenAndWakeups(t *testing.T) {
	for _, x := range []struct {
		want  string
		plant func(m *Machine, s *service)
	}{
		{"a child is found by its generation", func(m *Machine, s *service) { m.children.remove(uint64(s.first.generation)) }},
		{"a child is in the list of its service", func(m *Machine, s *service) { s.first.service = m.active[1] }},
		{"a child is in the list of its service", func(_ *Machine, s *service) { s.last.prev = nil }},
		{"a started child has a pid", func(_ *Machine, s *service) { s.first.pid = 0 }},
		{"nobody complains of a retired child's channel", func(m *Machine, s *service) { s.first.retired = true; m.timers.arm(&s.first.timer, 1<<50) }},
		{"the list of children has its last", func(_ *Machine, s *service) { s.last = s.first }},
		{"counts equal the children listed", func(_ *Machine, s *service) { s.total++ }},
		{"counts equal the children listed", func(_ *Machine, s *service) { s.starting++ }},
		{"counts equal the children listed", func(_ *Machine, s *service) { s.idle-- }},
		{"counts equal the children listed", func(_ *Machine, s *service) { s.retired++ }},
		{"a wakeup is found by its request", func(m *Machine, s *service) { m.wakeups.remove(uint64(s.openWakeups.request)) }},
		{"a wakeup is in the list of its service and has a deadline", func(m *Machine, s *service) { s.openWakeups.service = m.active[1] }},
		{"a wakeup is in the list of its service and has a deadline", func(_ *Machine, s *service) { s.openWakeups.next.prev = nil }},
		{"a wakeup is in the list of its service and has a deadline", func(m *Machine, s *service) { m.timers.cancel(&s.openWakeups.timer) }},
		{"a service is found by its number", func(m *Machine, s *service) { m.services.remove(uint64(s.id)) }},
		{"no service is left dirty", func(_ *Machine, s *service) { s.dirty = true }},
		{"every touched service is settled", func(m *Machine, s *service) { m.markDirty(s) }},
		{"no service is forgotten", func(m *Machine, _ *service) { m.services.put(99, &service{}) }},
		{"no child is forgotten", func(m *Machine, _ *service) { m.children.put(99, &child{}) }},
		{"no wakeup is forgotten", func(m *Machine, _ *service) { m.wakeups.put(99, &wakeup{}) }},
		{"a timer knows its place", func(m *Machine, s *service) { s.wakeupTimer.pos++ }},
		{"a transaction waits for answers or is over", func(m *Machine, _ *service) { m.reload.pending = 1 }},
		{"a transaction waits for answers or is over", func(m *Machine, _ *service) { m.reload.phase = reloadOpening }},
		{"an active service has all its listeners", func(_ *Machine, s *service) { s.listeners[0] = listenerNone }},
		{"armed wakeups have a deadline", func(m *Machine, s *service) { m.timers.cancel(&s.wakeupTimer) }},
		{"a forgotten service is in no list", func(_ *Machine, s *service) { s.life = lifeGone }},
	} {
		r := started(t, waking(unix("a", 3), 60*Second, false), unix("b", 1))
		r.step(WakeupSentEvent(1))
		r.wait(60 * Second) // a second wakeup beside the first
		r.step(ListenerReadyEvent(1))
		r.say(1, wire.Taken)
		r.step(ListenerReadyEvent(1))
		x.plant(r.m, r.m.active[0])
		err := r.m.Check()
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("got %v, want %q", err, x.want)
		}
	}
}

func TestCheckFindsWhatARemovedServiceMustNotHave(t *testing.T) {
	const want = "a removed service waits for its end only"
	for name, plant := range map[string]func(m *Machine, s *service){
		"no end":    func(m *Machine, s *service) { m.timers.cancel(&s.removalTimer) },
		"a wakeup":  func(m *Machine, s *service) { m.timers.arm(&s.wakeupTimer, 1<<50) },
		"a request": func(_ *Machine, s *service) { s.openWakeups = &wakeup{} },
	} {
		r := started(t, unix("a", 3))
		r.step(ListenerReadyEvent(1))
		r.hangup(conf())
		plant(r.m, r.m.stopping[0])
		if got := broken(t, func() { r.m.checkLife(r.m.stopping[0], 0) }); got.What != want {
			t.Errorf("%s: got %q", name, got.What)
		}
	}
}

func TestCheckFindsWhatAnOpeningServiceMustNotHave(t *testing.T) {
	const want = "a service begins when the reload is committed"
	for name, plant := range map[string]func(m *Machine, s *service){
		"a child":  func(_ *Machine, s *service) { s.total = 1 },
		"a wakeup": func(m *Machine, s *service) { m.timers.arm(&s.wakeupTimer, 1<<50) },
	} {
		r := started(t)
		r.hold = true
		r.step(SignalReceivedEvent(SIGHUP))
		r.step(ConfigLoadedEvent(r.request, conf(unix("a", 1))))
		s := r.m.reload.added[0]
		r.m.checkLife(s, 0)
		plant(r.m, s)
		if got := broken(t, func() { r.m.checkLife(s, 0) }); got.What != want {
			t.Errorf("%s: got %q", name, got.What)
		}
	}
}

func TestCheckFindsAHeldServiceWithChildren(t *testing.T) {
	r := started(t, unix("a", 3))
	r.step(ListenerReadyEvent(1))
	s := r.m.active[0]
	s.heldBy = 1
	if got := broken(t, func() { r.m.checkLife(s, 0) }); got.What != "a held service starts no children" {
		t.Errorf("got %q", got.What)
	}
	s.total, s.heldBy = 0, 1
	r.m.checkLife(s, 0)
}
