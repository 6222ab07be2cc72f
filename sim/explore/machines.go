package explore

import (
	"bytes"
	"fmt"
	"math"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/laws"
)

// life is where a service of the machine stands in the configuration.
type life uint8

const (
	lifeActive life = iota
	lifeRemoved
	lifeOpening
)

// serviceFact is what moves and laws need to know of one service.
type serviceFact struct {
	life      life
	slot      uint8
	kind      core.ServiceType
	throttled bool
	watching  bool
	held      bool
	limit     int8
	total     int8
	rest      int16 // throttled: seconds that are left, rounded up
}

// facts are what moves and laws need to know of one situation of the machine.
type facts struct {
	hash     uint64
	at       uint64 // where its canonical form begins in machines.text
	left     core.Duration
	size     uint16
	services uint8
	children uint8
	wakeups  uint8
	timer    bool // left means something
	loading  bool // a reload is under way
	exited   bool
	service  [maxPlaces]serviceFact
	expect   [maxChildren]process // the bits of expectMask that a child has
	of       [maxChildren]uint8   // the service of a child
}

// expectMask is what the machine and the world must agree on.
const expectMask = bitTold | bitBusy | bitServed | bitCut

// key names an event for a situation of the machine: kind, who, what.
type key uint16

func keyOf(kind core.EventKind, who, what int) key {
	return key(kind)<<8 | key(who)<<4 | key(what)
}

func (k key) kind() core.EventKind { return core.EventKind(k >> 8) }
func (k key) who() int             { return int(k >> 4 & 15) }
func (k key) what() int            { return int(k & 15) }

// What a StatusReceived is (key.what).
const (
	statusTaken = iota
	statusAvailable
	statusStale   // of an older generation, with the status that would count
	statusForeign // of another pid, with the status that would count
	statusUnknown // of a status that there is not
	statusPartial // five bytes
)

// What a TimerExpired is.
const (
	timerTick = iota // too early: time passes
	timerDue
	timerLate // a step after it was due
	timerLeap
)

// effect is an action that the world must carry out, with places instead of
// numbers: first those of the situation before, then new ones.
type effect struct {
	kind core.ActionKind
	a, b uint8
	flag bool
}

// transition is what one event makes of a situation.
type transition struct {
	to       uint32
	children uint32 // where each child was before, four bits each
	places   uint32
	wakeups  uint32
	first    uint32 // of the effects
	count    uint16
	broken   uint16 // 0, or the number of the broken law
}

// machines keeps the situations of the machine and what events make of them.
type machines struct {
	world   *World
	canon   *core.Canon
	configs [numChoices]*core.Config
	options core.MachineOptions

	nodes       chunked[facts]
	text        chunked[byte]
	index       tableOf[uint32] // by hash, to number plus one
	memo        tableOf[uint32] // by situation and key, to transition plus one
	transitions chunked[transition]
	effects     chunked[effect]
	broken      []Law

	book        laws.Book
	form, other []byte
	scratch     []effect
}

func newMachines(w *World) *machines {
	x := &machines{world: w, options: core.MachineOptions{Strict: true, GroupLeader: !w.Alone, ExitSet: w.Exit > 0, ExitAfter: w.Exit}}
	if w.Room > 0 {
		x.options.Descriptors = w.Room + uint32(len(w.Limits))
	}
	for c := range x.configs {
		x.configs[c] = w.config(Choice(c))
	}
	x.canon = core.NewCanon(x.configs[:]...)
	return x
}

func (x *machines) fact(n uint32) *facts { return x.nodes.at(int(n)) }

func (x *machines) bytes(f *facts) []byte { return x.text.slice(int(f.at), int(f.size)) }

// origin and elsewhere are two beginnings of numbers: behaviour must not
// depend on them. The second lets generations pass 32 bits.
var (
	origin    = core.RestoreBase{Now: 1000, PID: 100}
	elsewhere = core.RestoreBase{Now: 1 << 50, Service: 7000, Generation: math.MaxUint32, PID: 32000, Request: 1 << 33}
)

// intern gives the number of the situation that m is in.
func (x *machines) intern(m *core.Machine, v *core.View) uint32 {
	x.form = x.canon.Append(x.form[:0], m)
	h := hashBytes(x.form)
	for probe := h; ; probe++ {
		n := x.index.get(probe | 1)
		if n == 0 {
			f := x.look(m, v)
			f.hash, f.size = h, uint16(len(x.form))
			f.at = uint64(x.text.add(x.form...))
			x.nodes.add(f)
			x.index.put(probe|1, uint32(x.nodes.n))
			return uint32(x.nodes.n - 1)
		}
		if f := x.fact(n - 1); f.hash == h && bytes.Equal(x.bytes(f), x.form) {
			return n - 1
		}
	}
}

// look takes the facts from the view of m, whose canonical form was just
// written.
func (x *machines) look(m *core.Machine, v *core.View) facts {
	names := x.canon.Names()
	f := facts{exited: v.Exited, loading: v.Loading}
	if len(names.Services) > maxPlaces || len(names.Children) > maxChildren || len(names.Wakeups) > maxWakeups {
		panic(fmt.Sprintf("explore: a world of %d services, %d children, %d wakeups does not fit",
			len(names.Services), len(names.Children), len(names.Wakeups)))
	}
	f.services, f.wakeups = uint8(len(names.Services)), uint8(len(names.Wakeups))
	if when, ok := m.Deadline(); ok {
		f.timer, f.left = true, when.Sub(v.Now)
	}
	for i := range names.Services {
		if i >= len(v.Services) {
			f.service[i].life = lifeOpening
			continue
		}
		s := &v.Services[i]
		f.service[i] = serviceFact{
			slot: slotOf(s.Name), kind: s.Type, throttled: s.Throttled, watching: s.Watching,
			limit: int8(s.Limit), total: int8(s.Total), held: s.State == core.StateHeld,
		}
		if s.State == core.StateStopping {
			f.service[i].life = lifeRemoved
		}
		if s.Throttled {
			f.service[i].rest = int16(s.ThrottledUntil.Sub(v.Now+1).Seconds() + 1)
		}
		for _, c := range s.Children {
			f.of[f.children], f.expect[f.children] = uint8(i), expected(&c)
			f.children++
		}
	}
	return f
}

func expected(c *core.ChildView) process {
	var p process
	if !c.Starting {
		p |= bitTold
		if !c.Idle {
			p |= bitBusy
		}
		if c.Retired {
			p |= bitCut
		}
	}
	if c.Served {
		p |= bitServed
	}
	return p
}

func slotOf(name string) uint8 {
	if name == slotNames[1] {
		return 1
	}
	return 0
}

// after gives what the event makes of the situation, computing and checking it
// at the first time.
func (x *machines) after(n uint32, k key) *transition {
	id := uint64(n)<<16 | uint64(k) | 1<<63
	if t := x.memo.get(id); t != 0 {
		return x.transitions.at(int(t - 1))
	}
	t := x.compute(n, k)
	x.transitions.add(t)
	x.memo.put(id, uint32(x.transitions.n))
	return x.transitions.at(x.transitions.n - 1)
}

// compute steps two machines of the situation, with different numbers.
func (x *machines) compute(n uint32, k key) transition {
	f := x.fact(n)
	m, err := x.canon.Restore(x.bytes(f), origin)
	if err != nil {
		panic("explore: a canonical form is not read: " + err.Error())
	}
	before := m.View()
	event, now := x.event(m, &before, f, k, origin)
	actions, broken := run(m, now, event)
	t := transition{to: n}
	if broken == holds {
		after := m.View()
		broken = x.judge(now, &event, actions, m, &before, &after)
		x.scratch = effects(x.scratch[:0], actions, origin, before.Services, after.Services)
		if broken == holds {
			t.to = x.intern(m, &after)
			names := x.canon.Names()
			t.children = places(names.Children, origin.Generation)
			t.places = places(names.Services, origin.Service)
			t.wakeups = places(names.Wakeups, origin.Request)
			t.first = uint32(x.effects.add(x.scratch...))
			t.count = uint16(len(x.scratch))
			broken = x.twin(f, k)
		}
	}
	if broken != holds {
		x.broken = append(x.broken, broken)
		t.broken = uint16(len(x.broken))
	}
	return t
}

// run steps the machine and checks it; what panics is a broken law.
func run(m *core.Machine, now core.Time, ev core.Event) (actions []core.Action, broken Law) {
	defer func() {
		if r := recover(); r != nil {
			if b, ok := r.(core.BrokenInvariant); ok {
				broken = Law{"core", b.What}
				return
			}
			broken = Law{"core", fmt.Sprint("panic: ", r)}
		}
	}()
	actions = m.Step(now, ev)
	if err := m.Check(); err != nil {
		return nil, Law{"core", err.Error()}
	}
	return actions, Law{}
}

// twin does the same with other numbers; form and scratch hold what the first
// machine made of the event.
func (x *machines) twin(f *facts, k key) Law {
	m, err := x.canon.Restore(x.bytes(f), elsewhere)
	if err != nil {
		panic("explore: a canonical form is not read: " + err.Error())
	}
	before := m.View()
	ev, now := x.event(m, &before, f, k, elsewhere)
	actions, broken := run(m, now, ev)
	if broken.Name != "" {
		return broken
	}
	after := m.View()
	x.other = x.canon.Append(x.other[:0], m)
	same := effects(nil, actions, elsewhere, before.Services, after.Services)
	if !bytes.Equal(x.other, x.form) || len(same) != len(x.scratch) {
		return Law{"S12", "two machines in one situation, with other numbers, act alike"}
	}
	for i := range same {
		if same[i] != x.scratch[i] {
			return Law{"S12", "two machines in one situation, with other numbers, act alike"}
		}
	}
	return Law{}
}

// places packs where things were before: numbers are given in order from the
// origin on.
func places[T core.ServiceID | core.Generation | core.Request](numbers []T, from T) uint32 {
	var packed uint32
	for i, n := range numbers {
		packed |= uint32(n-from-1) << (4 * i)
	}
	return packed
}

// event makes the event that a key names for a machine with its numbers.
func (x *machines) event(m *core.Machine, v *core.View, f *facts, k key, o core.RestoreBase) (core.Event, core.Time) {
	service := o.Service + 1 + core.ServiceID(k.who())
	generation := o.Generation + 1 + core.Generation(k.who())
	request := o.Request + 1 + core.Request(k.who())
	switch k.kind() {
	case core.ConfigLoaded:
		if !v.Running {
			return core.ConfigLoadedEvent(0, x.configs[k.what()]), v.Now
		}
		return core.ConfigLoadedEvent(o.Request+1+core.Request(f.wakeups), x.configs[k.what()]), v.Now
	case core.ConfigRejected:
		return core.ConfigRejectedEvent(o.Request+1+core.Request(f.wakeups), x.configs[Rejected]), v.Now
	case core.SignalReceived:
		return core.SignalReceivedEvent(core.Signal(k.what())), v.Now
	case core.ListenerOpened:
		return core.ListenerOpenedEvent(service, 0), v.Now
	case core.ListenerFailed:
		return core.ListenerFailedEvent(service, 0, core.StepBind, core.EADDRINUSE), v.Now
	case core.ListenerReady:
		return core.ListenerReadyEvent(service), v.Now
	case core.ChildStarted:
		at := o.Service + 1 + core.ServiceID(f.of[k.who()])
		return core.ChildStartedEvent(at, generation, o.PID+1+core.PID(f.children)), v.Now
	case core.ChildStartFailed:
		at := o.Service + 1 + core.ServiceID(f.of[k.who()])
		return core.ChildStartFailedEvent(at, generation, core.StartStep(k.what()), core.EAGAIN), v.Now
	case core.StatusReceived:
		return x.status(v, generation, k.what()), v.Now
	case core.ChildChannelClosed:
		return core.ChildChannelClosedEvent(generation), v.Now
	case core.ChildExited:
		if k.who() == stranger {
			return core.ChildExitedEvent(0, o.PID+99, core.ExitedWith(1)), v.Now
		}
		return core.ChildExitedEvent(generation, pidOf(v, generation), exitStatuses[k.what()]), v.Now
	case core.ChildStopped:
		return core.ChildStoppedEvent(generation, pidOf(v, generation), 19), v.Now
	case core.WakeupSent:
		return core.WakeupSentEvent(request), v.Now
	case core.WakeupFailed:
		return core.WakeupFailedEvent(request, core.ECONNREFUSED), v.Now
	case core.WakeupClosed:
		return core.WakeupClosedEvent(request), v.Now
	default:
		return core.TimerExpiredEvent(), x.later(m, v, k.what())
	}
}

// stranger in the place of a child is a process that we did not start.
const stranger = 15

var exitStatuses = [...]core.ExitStatus{
	endedWell: core.ExitedWith(0), endedBadly: core.ExitedWith(1),
	endedByTERM: core.KilledBy(core.SIGTERM), endedByKILL: core.KilledBy(core.SIGKILL),
}

func (x *machines) later(m *core.Machine, v *core.View, what int) core.Time {
	switch what {
	case timerDue:
		when, _ := m.Deadline()
		return when
	case timerLate:
		when, _ := m.Deadline()
		return when.Add(x.world.Tick)
	case timerLeap:
		return v.Now.Add(x.world.Leap)
	default:
		return v.Now.Add(x.world.Tick)
	}
}

// status makes what a child says. False reports claim what would change a
// count if it were believed.
func (x *machines) status(v *core.View, g core.Generation, what int) core.Event {
	c := childOf(v, g)
	msg := wire.Message{PID: int32(c.PID), Generation: uint32(g), Status: wire.Taken}
	if what == statusAvailable || what >= statusStale && !c.Idle {
		msg.Status = wire.Available
	}
	switch what {
	case statusStale:
		msg.Generation--
	case statusForeign:
		msg.PID++
	case statusUnknown:
		msg.Status = 7
	}
	var b [wire.StatusSize]byte
	copy(b[:], msg.Append(nil))
	if what == statusPartial {
		clear(b[5:])
		return core.StatusReceivedEvent(g, b, 5)
	}
	return core.StatusReceivedEvent(g, b, len(b))
}

func childOf(v *core.View, g core.Generation) core.ChildView {
	for i := range v.Services {
		for _, c := range v.Services[i].Children {
			if c.Generation == g {
				return c
			}
		}
	}
	return core.ChildView{}
}

func pidOf(v *core.View, g core.Generation) core.PID { return childOf(v, g).PID }

// effects turns actions into what the world must do.
func effects(dst []effect, actions []core.Action, o core.RestoreBase, before, after []core.ServiceView) []effect {
	for i := range actions {
		a := &actions[i]
		e := effect{kind: a.Kind}
		switch a.Kind {
		case core.Log, core.ApplyConfig, core.Announce:
			continue
		case core.OpenListener, core.CommitListener, core.AbandonListener, core.CloseListener, core.WatchListener, core.IgnoreListener:
			e.a, e.flag = uint8(a.Service-o.Service-1), a.Flag
		case core.MoveListener:
			e.a, e.b = uint8(a.Service-o.Service-1), uint8(a.To-o.Service-1)
		case core.StartChild:
			e.a, e.b = uint8(a.Generation-o.Generation-1), uint8(a.Service-o.Service-1)
		case core.RetireChild:
			e.a = uint8(a.Generation - o.Generation - 1)
		case core.SignalChild:
			e.a, e.b = uint8(a.Generation-o.Generation-1), uint8(a.Signal)
			e.flag = pidIn(after, a.Generation) == a.PID || pidIn(before, a.Generation) == a.PID
		case core.WakeService:
			e.a, e.b = uint8(a.Request-o.Request-1), uint8(a.Service-o.Service-1)
		case core.CloseWakeup:
			e.a = uint8(a.Request - o.Request - 1)
		}
		dst = append(dst, e)
	}
	return dst
}

func pidIn(services []core.ServiceView, g core.Generation) core.PID {
	return pidOf(&core.View{Services: services}, g)
}

// memory is what is held, counted and not measured.
func (x *machines) memory() uint64 {
	return chunkSize*(uint64(len(x.nodes.chunks))*factsSize+uint64(len(x.transitions.chunks))*transitionSize+
		uint64(len(x.effects.chunks))*effectSize+uint64(len(x.text.chunks))) +
		cellSize*uint64(len(x.index.cells)+len(x.memo.cells))
}
