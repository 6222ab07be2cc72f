package trace

import (
	"fmt"
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// life drives a machine with drawn events: hostile in all that comes from
// outside, true in the adapter's own duty to answer each question once.
type life struct {
	m       *core.Machine
	options core.MachineOptions
	below   func(n int) int // the choices
	now     core.Time
	asked   []core.Action
	load    core.Request
	living  []core.Generation
	pids    map[core.Generation]core.PID
	lastGen core.Generation
	lastPID core.PID
	waking  []core.Request
	up      bool
	exited  bool
	begun   bool
}

func newLife(o core.MachineOptions, below func(int) int) *life {
	return &life{m: core.New(0, o), options: o, below: below, pids: map[core.Generation]core.PID{}}
}

func entry(name string, limit int32) core.ServiceConfig {
	return core.ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: core.Unix, Line: 1, LocalOnly: true,
		Endpoints: []core.Endpoint{{Path: "private/" + name}}, ProcessLimit: limit,
		Command: name + "d", Path: "/d/" + name + "d", ThrottleDelay: 60 * core.Second,
	}
}

func (l *life) config() *core.Config {
	c := &core.Config{
		MailVersion: "3", ConfigDirectory: "/c", ReloadClearsThrottle: l.below(2) == 1,
		Environment: []core.EnvironmentItem{{Name: "A", Value: "b", Set: true}},
		Diagnostics: []core.Diagnostic{{Severity: core.Warning, Text: "odd", Hint: "even"}},
	}
	for i := range l.below(5) {
		s := entry(fmt.Sprint("s", l.below(4)), int32(l.below(4)))
		switch l.below(5) {
		case 1:
			s.Type, s.Canonical = core.Inet, fmt.Sprint(25+i)
			s.Endpoints = []core.Endpoint{{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(25+i))}, {Address: netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(25+i))}}
		case 2:
			s.Type = core.Pass
		case 3:
			s.Type = core.FIFO
		case 4:
			s.Type = core.UnixDatagram
		}
		s.WakeupInterval = core.Duration(l.below(3)) * 50 * core.Second
		s.WakeupIfUsed = l.below(2) == 1
		c.Services = append(c.Services, s)
	}
	return c
}

// next draws an event.
func (l *life) next() core.Event {
	if !l.begun {
		l.begun = true
		return core.ConfigLoadedEvent(0, l.config())
	}
	g := core.Generation(l.below(int(l.lastGen) + 2))
	switch kind := l.below(12); {
	case l.load != 0 && kind == 0:
		r := l.load
		l.load = 0
		if l.below(4) == 0 {
			return core.ConfigRejectedEvent(r, &core.Config{Diagnostics: []core.Diagnostic{{Severity: core.Error, Text: "bad"}}})
		}
		return core.ConfigLoadedEvent(r, l.config())
	case len(l.asked) > 0 && kind <= 4:
		return l.answer()
	case kind == 5:
		return core.SignalReceivedEvent(core.SIGHUP)
	case kind == 6:
		return core.ListenerReadyEvent(core.ServiceID(1 + l.below(8)))
	case kind == 7 && len(l.living) > 0:
		i := l.below(len(l.living))
		g = l.living[i]
		l.living = append(l.living[:i], l.living[i+1:]...)
		return core.ChildExitedEvent(g, l.pids[g], core.ExitStatus([]int{0, 1, 256 + 9, 256 + 15}[l.below(4)]))
	case kind <= 9:
		return l.report(g)
	case kind == 10 && len(l.waking) > 0:
		r := l.waking[l.below(len(l.waking))]
		return []core.Event{core.WakeupSentEvent(r), core.WakeupFailedEvent(r, core.ECONNREFUSED), core.WakeupClosedEvent(r)}[l.below(3)]
	case kind == 11:
		return []core.Event{core.ChildChannelClosedEvent(g), core.ChildExitedEvent(0, 5, core.ExitedWith(1)), core.ChildStoppedEvent(g, 5, 19), core.SignalReceivedEvent(10)}[l.below(4)]
	}
	l.now = l.now.Add(core.Duration(l.below(120)) * core.Second / 2)
	return core.TimerExpiredEvent()
}

func (l *life) report(g core.Generation) core.Event {
	var b [wire.StatusSize]byte
	message := wire.Message{PID: int32(l.pids[g]), Generation: uint32(g), Status: wire.Status(l.below(3))}
	copy(b[:], message.Append(nil))
	n := wire.StatusSize
	if l.below(8) == 7 {
		n = 1 + l.below(wire.StatusSize)
		clear(b[n:])
	}
	return core.StatusReceivedEvent(g, b, n)
}

func (l *life) answer() core.Event {
	i := l.below(len(l.asked))
	a := l.asked[i]
	l.asked = append(l.asked[:i], l.asked[i+1:]...)
	fails := l.below(5) == 4
	if !l.up && fails {
		fails = l.below(20) == 19 // at the start that is the end
	}
	switch {
	case a.Kind == core.OpenListener && fails:
		return core.ListenerFailedEvent(a.Service, a.Listener, core.StepBind, core.EADDRINUSE)
	case a.Kind == core.OpenListener:
		return core.ListenerOpenedEvent(a.Service, a.Listener)
	case fails:
		return core.ChildStartFailedEvent(a.Service, a.Generation, core.StartStep(1+l.below(3)), core.EAGAIN)
	}
	l.lastPID++
	l.pids[a.Generation] = l.lastPID
	l.living = append(l.living, a.Generation)
	return core.ChildStartedEvent(a.Service, a.Generation, l.lastPID)
}

func (l *life) observe(actions []core.Action) {
	for _, a := range actions {
		switch a.Kind {
		case core.OpenListener, core.StartChild:
			l.asked = append(l.asked, a)
			l.lastGen = max(l.lastGen, a.Generation)
		case core.LoadConfig:
			l.load = a.Request
		case core.WakeService:
			l.waking = append(l.waking, a.Request)
		case core.Announce:
			l.up = true
		case core.Exit:
			l.exited = true
		}
	}
}

// recorder is what a Writer and a Ring have in common.
type recorder interface {
	Event(core.Time, *core.Event)
	Actions([]core.Action)
}

// clocked records with a wall clock that is set every seventh step.
type clocked struct {
	*Ring
	steps int64
}

func (c *clocked) Event(now core.Time, ev *core.Event) {
	c.steps++
	c.Ring.Event(now, clockOf(c.steps, now), ev)
}

// clockOf is what the wall clock of clocked says at a step, counted from 1.
func clockOf(step int64, now core.Time) int64 {
	return 1_800_000_000_000_000_000 + int64(now) + step/7*int64(core.Second)
}

// live makes at most n steps and has them recorded.
func (l *life) live(n int, w recorder) (steps int) {
	for steps < n && !l.exited {
		ev := l.next()
		w.Event(l.now, &ev)
		actions := l.m.Step(l.now, ev)
		w.Actions(actions)
		l.observe(actions)
		steps++
	}
	return steps
}

// sequence returns choices from a cheap generator.
func sequence(seed uint64) func(int) int {
	x := seed*2862933555777941757 + 3037000493
	return func(n int) int {
		x = x*6364136223846793005 + 1442695040888963407
		return int((x >> 33) * uint64(n) >> 31)
	}
}
