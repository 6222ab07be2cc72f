package laws

import (
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// liar is a machine that says something wrong of itself.
type liar struct {
	*core.Machine
	service func(s *core.ServiceView) bool // reports whether it lied
	timer   func(at core.Time, set bool) (core.Time, bool)
}

func (l *liar) View() core.View {
	v := l.Machine.View()
	for i := range v.Services {
		if l.service != nil && l.service(&v.Services[i]) {
			break
		}
	}
	return v
}

func (l *liar) Deadline() (core.Time, bool) {
	at, set := l.Machine.Deadline()
	if l.timer != nil {
		return l.timer(at, set)
	}
	return at, set
}

// always is a lie about every service.
func always(change func(s *core.ServiceView)) func(*core.ServiceView) bool {
	return func(s *core.ServiceView) bool { change(s); return true }
}

// ofChild is a lie about the first child.
func ofChild(change func(c *core.ChildView)) func(*core.ServiceView) bool {
	return func(s *core.ServiceView) bool {
		if len(s.Children) == 0 {
			return false
		}
		change(&s.Children[0])
		return true
	}
}

// What a machine says of itself is held against the account, by the law that is meant
// and by that law alone as well.
func TestWhatIsShownWronglyBreaksItsLaw(t *testing.T) {
	for _, lie := range []struct {
		name, law string
		machine   liar
		others    bool // may see it first
	}{
		{name: "another limit", law: "S1", machine: liar{service: always(func(s *core.ServiceView) { s.Limit++ })}},
		{name: "a child too many", law: "S2", machine: liar{service: always(func(s *core.ServiceView) { s.Total++ })}},
		{name: "a forgotten child", law: "S2", machine: liar{service: func(s *core.ServiceView) bool {
			if len(s.Children) == 0 {
				return false
			}
			s.Children = s.Children[1:]
			return true
		}}},
		{name: "another pid", law: "S2", machine: liar{service: ofChild(func(c *core.ChildView) { c.PID++ })}},
		{name: "another state", law: "S3", machine: liar{service: always(func(s *core.ServiceView) { s.State = core.StateOpening })}},
		{name: "another watch", law: "S3", machine: liar{service: always(func(s *core.ServiceView) { s.Watching = !s.Watching })}},
		{name: "stress mode", law: "S5", machine: liar{service: always(func(s *core.ServiceView) { s.Stress = !s.Stress })}},
		{name: "an idle child that is busy", law: "S6", machine: liar{service: ofChild(func(c *core.ChildView) { c.Idle = !c.Idle })}},
		{name: "a child that has served", law: "S6", machine: liar{service: ofChild(func(c *core.ChildView) { c.Served = !c.Served })}},
		{name: "a throttle", law: "S7", machine: liar{service: always(func(s *core.ServiceView) { s.Throttled = !s.Throttled })}},
		{name: "another name", law: "S8", machine: liar{service: always(func(s *core.ServiceView) { s.Name += "x" })}},
		{name: "a retired child that is not", law: "S8", machine: liar{service: ofChild(func(c *core.ChildView) { c.Retired = !c.Retired })}},
		{name: "a starved service", law: "S13", machine: liar{service: always(func(s *core.ServiceView) { s.Starved = !s.Starved })}},
		{name: "another time to kill", law: "L3", machine: liar{service: func(s *core.ServiceView) bool {
			s.KillAt++
			return s.State == core.StateStopping
		}}},
		{name: "another wakeup", law: "L6", machine: liar{service: always(func(s *core.ServiceView) { s.NextWakeup++ })}},
		{name: "a timer for nothing", law: "L7", machine: liar{timer: func(at core.Time, set bool) (core.Time, bool) {
			if set {
				at--
			}
			return at, set
		}}},
		{name: "a timer that never comes", law: "S7", machine: liar{timer: func(core.Time, bool) (core.Time, bool) { return 0, false }}, others: true},
		{name: "a timer that comes again and again", law: "L9", machine: liar{timer: func(_ core.Time, set bool) (core.Time, bool) { return 0, set }}, others: true},
	} {
		for _, only := range []string{"", lie.law} {
			var b *Breach
			for seed := uint64(0); seed < 300 && b == nil; seed++ {
				w := found(seed, only)
				l := lie.machine
				l.Machine, w.shown = w.m, &l
				b = w.live(600)
			}
			if b == nil || b.Law != lie.law && (only != "" || !lie.others) {
				t.Errorf("%s: want %s, found %v (only %q)", lie.name, lie.law, b, only)
			}
		}
	}
}

// Events that no adapter may deliver are named.
func TestEventsThatCannotBeAreNamed(t *testing.T) {
	var w *town
	for seed := uint64(0); ; seed++ {
		if w = found(seed, ""); w.live(150) == nil && !w.over && len(w.kids) > 1 && len(w.starts) > 0 && w.book.Child(w.kids[0].generation).Service.Life == Active {
			break
		}
	}
	one, start := w.kids[0], w.starts[0]
	for _, c := range []struct {
		name, law string
		ev        core.Event
	}{
		{"a start that nobody asked for", "S4", core.ChildStartedEvent(start.Service, start.Generation+1000, 7777)},
		{"a start that is answered twice", "S4", core.ChildStartedEvent(1, one.generation, 7777)},
		{"a pid that is in use", "S4", core.ChildStartedEvent(start.Service, start.Generation, one.pid)},
		{"a stranger under the pid of a child", "S4", core.ChildExitedEvent(0, one.pid, 0)},
		{"a report of nobody", "S6", core.StatusReceivedEvent(start.Generation+1000, [12]byte{}, 12)},
		{"a report before the start", "S6", core.StatusReceivedEvent(start.Generation, [12]byte{}, 12)},
		{"the end of nobody", "S6", core.ChildExitedEvent(start.Generation+1000, 7777, 0)},
		{"the end of another pid", "S6", core.ChildExitedEvent(one.generation, one.pid+1000, 0)},
		{"a channel of nobody that is closed", "S6", core.ChildChannelClosedEvent(start.Generation + 1000)},
		{"a listener that nobody asked for", "S8", core.ListenerOpenedEvent(1, 7)},
		{"a configuration that nobody asked for", "S8", core.ConfigLoadedEvent(9999, &core.Config{})},
	} {
		book := *w.book // only the event is looked at
		book.judgeEvent(&c.ev)
		if b := book.breach; b == nil || b.Law != c.law {
			t.Errorf("%s: want %s, found %v", c.name, c.law, b)
		}
	}
}

// A step takes no memory.
func TestStepsTakeNoMemory(t *testing.T) {
	w := found(2, "")
	w.live(2000)
	kids := len(w.kids)
	if w.over || kids == 0 {
		t.Fatal("the town has ended")
	}
	ev := core.ChildStoppedEvent(w.kids[0].generation, w.kids[0].pid, 19)
	actions := append([]core.Action(nil), w.m.Step(w.now, ev)...)
	if n := testing.AllocsPerRun(100, func() { w.book.Step(w.now, &ev, actions, w.m) }); n != 0 || w.book.Breach() != nil {
		t.Errorf("a step takes memory %v times: %v", n, w.book.Breach())
	}
}
