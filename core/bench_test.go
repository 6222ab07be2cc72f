package core

import (
	"fmt"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// crowd is a machine with services and busy or idle children, and the events
// of their daily life.
type crowd struct {
	m     *Machine
	now   Time
	pids  []PID
	gens  []Generation
	taken []bool
}

func newCrowd(tb testing.TB, services, children int) *crowd {
	var list []ServiceConfig
	for i := range services {
		list = append(list, unix(fmt.Sprintf("s%d", i), 0))
	}
	c := &crowd{m: New(0, MachineOptions{})}
	pump(c.m, 0, ConfigLoadedEvent(0, conf(list...)))
	for i := range children {
		id := ServiceID(i%services + 1)
		g := c.m.lastGeneration + 1
		pump(c.m, 0, ListenerReadyEvent(id))
		if c.m.lastGeneration != g {
			tb.Fatal("no child was started")
		}
		pid := PID(g) + 1000
		pump(c.m, 0, report(g, pid, uint32(g), wire.Taken))
		c.pids, c.gens, c.taken = append(c.pids, pid), append(c.gens, g), append(c.taken, true)
	}
	return c
}

// pump steps the event and answers what can be answered at once.
func pump(m *Machine, now Time, ev Event) {
	var queue []Event
	for {
		for _, a := range m.Step(now, ev) {
			switch a.Kind {
			case OpenListener:
				queue = append(queue, ListenerOpenedEvent(a.Service, a.Listener))
			case StartChild:
				queue = append(queue, ChildStartedEvent(a.Service, a.Generation, PID(a.Generation)+1000))
			}
		}
		if len(queue) == 0 {
			return
		}
		ev, queue = queue[0], queue[1:]
	}
}

// report is a status change of child i.
func (c *crowd) report(i int) {
	s := wire.Taken
	if c.taken[i] {
		s = wire.Available
	}
	c.taken[i] = !c.taken[i]
	c.m.Step(c.now, report(c.gens[i], c.pids[i], uint32(c.gens[i]), s))
}

// renew lets child i exit and another take its place: four steps. All
// children of its service must be busy.
func (c *crowd) renew(i int) {
	id := c.m.children.get(uint64(c.gens[i])).service.id
	c.m.Step(c.now, ChildExitedEvent(c.gens[i], c.pids[i], 0))
	c.m.Step(c.now, ListenerReadyEvent(id))
	g := c.m.lastGeneration
	c.gens[i], c.pids[i], c.taken[i] = g, PID(g)+1000, true
	c.m.Step(c.now, ChildStartedEvent(id, g, c.pids[i]))
	c.m.Step(c.now, report(g, c.pids[i], uint32(g), wire.Taken))
}

// next is a cheap sequence that visits the children without a pattern.
func next(x *uint32, n int) int {
	*x = *x*1664525 + 1013904223
	return int(uint64(*x) * uint64(n) >> 32)
}

func BenchmarkStep(b *testing.B) {
	for _, size := range []struct{ services, children int }{{1, 1}, {1, 100}, {1000, 10000}} {
		name := fmt.Sprintf("services=%d/children=%d", size.services, size.children)
		b.Run("status/"+name, func(b *testing.B) {
			c := newCrowd(b, size.services, size.children)
			x := uint32(1)
			b.ReportAllocs()
			for b.Loop() {
				c.report(next(&x, size.children))
			}
		})
		b.Run("mixed/"+name, func(b *testing.B) {
			c := newCrowd(b, size.services, size.children)
			x := uint32(1)
			b.ReportAllocs()
			steps := 0
			for b.Loop() {
				i := next(&x, size.children)
				if i%2 == 0 {
					c.report(i)
					c.report(i)
					steps += 2
				} else {
					c.renew(i)
					steps += 4
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
		})
	}
}

// Every hot event is handled without taking memory.
func TestHotEventsDoNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	c, fresh := newCrowd(t, 10, 100), newCrowd(t, 10, 100)
	i := 0
	tests := []struct {
		name string
		run  func()
	}{
		{"status", func() { c.report(i % 100); i++ }},
		{"exit_and_start", func() { fresh.renew(i % 100); i++ }},
		{"channel_closed", func() { c.m.Step(c.now, ChildChannelClosedEvent(c.gens[i%100])); i++ }},
		{"spurious_ready", func() { c.m.Step(c.now, ListenerReadyEvent(99)) }},
		{"stranger", func() { c.m.Step(c.now, ChildExitedEvent(0, 5, 0)) }},
		{"timer", func() { c.now++; c.m.Step(c.now, TimerExpiredEvent()) }},
		{"signal", func() { c.m.Step(c.now, SignalReceivedEvent(10)) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(1000, test.run); got != 0 {
				t.Errorf("got %v allocations a run, want 0", got)
			}
		})
	}
	waking := New(0, MachineOptions{})
	pump(waking, 0, ConfigLoadedEvent(0, conf(with(unix("w", 1), func(s *ServiceConfig) { s.WakeupInterval = Second }))))
	now, r := Time(0), Request(1)
	t.Run("wakeup", func(t *testing.T) {
		if got := testing.AllocsPerRun(1000, func() {
			waking.Step(now, WakeupSentEvent(r))
			waking.Step(now, WakeupClosedEvent(r))
			now = now.Add(Second)
			waking.Step(now, TimerExpiredEvent())
			r++
		}); got != 0 {
			t.Errorf("got %v allocations a run, want 0", got)
		}
	})
	bad := New(0, MachineOptions{})
	pump(bad, 0, ConfigLoadedEvent(0, conf(unix("b", 1))))
	now = 0
	t.Run("crash_and_throttle", func(t *testing.T) {
		if got := testing.AllocsPerRun(1000, func() {
			bad.Step(now, ListenerReadyEvent(1))
			g := bad.lastGeneration
			bad.Step(now, ChildStartedEvent(1, g, 7))
			bad.Step(now, ChildExitedEvent(g, 7, ExitedWith(1)))
			now = now.Add(60 * Second)
			bad.Step(now, TimerExpiredEvent())
		}); got != 0 {
			t.Errorf("got %v allocations a run, want 0", got)
		}
	})
}
