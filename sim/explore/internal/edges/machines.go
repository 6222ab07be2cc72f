package edges

import (
	"bytes"
	"fmt"
	"math"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
	"github.com/stationmaster/stationmaster/sim/laws"
)

// life is where a service of the machine stands in the configuration.
type life uint8

const (
	LifeActive life = iota
	LifeRemoved
	LifeOpening
)

// serviceFact is what moves and laws need to know of one service.
type serviceFact struct {
	Life      life
	Slot      uint8
	kind      core.ServiceType
	Throttled bool
	Watching  bool
	Held      bool
	Limit     int8
	Total     int8
	Rest      int16 // throttled: seconds that are left, rounded up
}

// Facts are what moves and laws need to know of one situation of the machine.
type Facts struct {
	Hash     uint64
	at       uint64 // where its canonical form begins in machines.text
	left     core.Duration
	size     uint16
	Services uint8
	Children uint8
	Wakeups  uint8
	Timer    bool // left means something
	Loading  bool // a reload is under way
	exited   bool
	Service  [layout.MaxPlaces]serviceFact
	expect   [layout.MaxChildren]layout.Process // the bits of expectMask that a child has
	Of       [layout.MaxChildren]uint8          // the service of a child
}

// expectMask is what the machine and the world must agree on.
const expectMask = layout.BitTold | layout.BitBusy | layout.BitServed | layout.BitCut

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
	StatusTaken = iota
	StatusAvailable
	StatusStale   // of an older generation, with the status that would count
	StatusForeign // of another pid, with the status that would count
	StatusUnknown // of a status that there is not
	StatusPartial // five bytes
)

// What a TimerExpired is.
const (
	timerTick = iota // too early: time passes
	timerDue
	TimerLate // a step after it was due
	timerLeap
)

// Effect is an action that the world must carry out, with places instead of
// numbers: first those of the situation before, then new ones.
type Effect struct {
	Kind core.ActionKind
	A, B uint8
	flag bool
}

// Transition is what one event makes of a situation.
type Transition struct {
	To       uint32
	Children uint32 // where each child was before, four bits each
	places   uint32
	wakeups  uint32
	First    uint32 // of the effects
	Count    uint16
	broken   uint16 // 0, or the number of the broken law
}

// Machines keeps the situations of the machine and what events make of them.
type Machines struct {
	World   *layout.World
	canon   *core.Canon
	configs [layout.NumChoices]*core.Config
	options core.MachineOptions

	Nodes       layout.Chunked[Facts]
	text        layout.Chunked[byte]
	index       layout.TableOf[uint32] // by hash, to number plus one
	memo        layout.TableOf[uint32] // by situation and key, to transition plus one
	Transitions layout.Chunked[Transition]
	Effects     layout.Chunked[Effect]
	broken      []Law

	book        laws.Book
	form, other []byte
	scratch     []Effect
}

func New(w *layout.World) *Machines {
	x := &Machines{World: w, options: core.MachineOptions{Strict: true, GroupLeader: !w.Alone, ExitSet: w.Exit > 0, ExitAfter: w.Exit}}
	if w.Room > 0 {
		x.options.Descriptors = w.Room + uint32(len(w.Limits))
	}
	for c := range x.configs {
		x.configs[c] = w.Config(layout.Choice(c))
	}
	x.canon = core.NewCanon(x.configs[:]...)
	return x
}

func (x *Machines) Fact(n uint32) *Facts { return x.Nodes.At(int(n)) }

func (x *Machines) bytes(f *Facts) []byte { return x.text.Slice(int(f.at), int(f.size)) }

// origin and elsewhere are two beginnings of numbers: behaviour must not
// depend on them. The second lets generations pass 32 bits.
var (
	origin    = core.RestoreBase{Now: 1000, PID: 100}
	elsewhere = core.RestoreBase{Now: 1 << 50, Service: 7000, Generation: math.MaxUint32, PID: 32000, Request: 1 << 33}
)

// intern returns the number of the situation that m is in.
func (x *Machines) intern(m *core.Machine, v *core.View) uint32 {
	x.form = x.canon.Append(x.form[:0], m)
	h := layout.HashBytes(x.form)
	for probe := h; ; probe++ {
		n := x.index.Get(probe | 1)
		if n == 0 {
			f := x.look(m, v)
			f.Hash, f.size = h, uint16(len(x.form))
			f.at = uint64(x.text.Add(x.form...))
			x.Nodes.Add(f)
			x.index.Put(probe|1, uint32(x.Nodes.N))
			return uint32(x.Nodes.N - 1)
		}
		if f := x.Fact(n - 1); f.Hash == h && bytes.Equal(x.bytes(f), x.form) {
			return n - 1
		}
	}
}

// look takes the facts from the view of m, whose canonical form was just
// written.
func (x *Machines) look(m *core.Machine, v *core.View) Facts {
	names := x.canon.Names()
	f := Facts{exited: v.Exited, Loading: v.Loading}
	if len(names.Services) > layout.MaxPlaces || len(names.Children) > layout.MaxChildren || len(names.Wakeups) > layout.MaxWakeups {
		panic(fmt.Sprintf("explore: a world of %d services, %d children, %d wakeups does not fit",
			len(names.Services), len(names.Children), len(names.Wakeups)))
	}
	f.Services, f.Wakeups = uint8(len(names.Services)), uint8(len(names.Wakeups))
	if when, ok := m.Deadline(); ok {
		f.Timer, f.left = true, when.Sub(v.Now)
	}
	for i := range names.Services {
		if i >= len(v.Services) {
			f.Service[i].Life = LifeOpening
			continue
		}
		s := &v.Services[i]
		f.Service[i] = serviceFact{
			Slot: slotOf(s.Name), kind: s.Type, Throttled: s.Throttled, Watching: s.Watching,
			Limit: int8(s.Limit), Total: int8(s.Total), Held: s.State == core.StateHeld,
		}
		if s.State == core.StateStopping {
			f.Service[i].Life = LifeRemoved
		}
		if s.Throttled {
			f.Service[i].Rest = int16(s.ThrottledUntil.Sub(v.Now+1).Seconds() + 1)
		}
		for _, c := range s.Children {
			f.Of[f.Children], f.expect[f.Children] = uint8(i), expected(&c)
			f.Children++
		}
	}
	return f
}

func expected(c *core.ChildView) layout.Process {
	var p layout.Process
	if !c.Starting {
		p |= layout.BitTold
		if !c.Idle {
			p |= layout.BitBusy
		}
		if c.Retired {
			p |= layout.BitCut
		}
	}
	if c.Served {
		p |= layout.BitServed
	}
	return p
}

func slotOf(name string) uint8 {
	if name == layout.SlotNames[1] {
		return 1
	}
	return 0
}

// After returns the situation that follows on the event, computing and checking it
// at the first time.
func (x *Machines) After(n uint32, k key) *Transition {
	id := uint64(n)<<16 | uint64(k) | 1<<63
	if t := x.memo.Get(id); t != 0 {
		return x.Transitions.At(int(t - 1))
	}
	t := x.compute(n, k)
	x.Transitions.Add(t)
	x.memo.Put(id, uint32(x.Transitions.N))
	return x.Transitions.At(x.Transitions.N - 1)
}

// compute steps two machines of the situation, with different numbers.
func (x *Machines) compute(n uint32, k key) Transition {
	f := x.Fact(n)
	m, err := x.canon.Restore(x.bytes(f), origin)
	if err != nil {
		panic("explore: a canonical form is not read: " + err.Error())
	}
	before := m.View()
	event, now := x.event(m, &before, f, k, origin)
	actions, broken := run(m, now, event)
	t := Transition{To: n}
	if broken == Holds {
		after := m.View()
		broken = x.judge(now, &event, actions, m, &before, &after)
		x.scratch = effects(x.scratch[:0], actions, origin, before.Services, after.Services)
		if broken == Holds {
			t.To = x.intern(m, &after)
			names := x.canon.Names()
			t.Children = places(names.Children, origin.Generation)
			t.places = places(names.Services, origin.Service)
			t.wakeups = places(names.Wakeups, origin.Request)
			t.First = uint32(x.Effects.Add(x.scratch...))
			t.Count = uint16(len(x.scratch))
			broken = x.twin(f, k)
		}
	}
	if broken != Holds {
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
func (x *Machines) twin(f *Facts, k key) Law {
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
func (x *Machines) event(m *core.Machine, v *core.View, f *Facts, k key, o core.RestoreBase) (core.Event, core.Time) {
	service := o.Service + 1 + core.ServiceID(k.who())
	generation := o.Generation + 1 + core.Generation(k.who())
	request := o.Request + 1 + core.Request(k.who())
	switch k.kind() {
	case core.ConfigLoaded:
		if !v.Running {
			return core.ConfigLoadedEvent(0, x.configs[k.what()]), v.Now
		}
		return core.ConfigLoadedEvent(o.Request+1+core.Request(f.Wakeups), x.configs[k.what()]), v.Now
	case core.ConfigRejected:
		return core.ConfigRejectedEvent(o.Request+1+core.Request(f.Wakeups), x.configs[layout.Rejected]), v.Now
	case core.SignalReceived:
		return core.SignalReceivedEvent(core.Signal(k.what())), v.Now
	case core.ListenerOpened:
		return core.ListenerOpenedEvent(service, 0), v.Now
	case core.ListenerFailed:
		return core.ListenerFailedEvent(service, 0, core.StepBind, core.EADDRINUSE), v.Now
	case core.ListenerReady:
		return core.ListenerReadyEvent(service), v.Now
	case core.ChildStarted:
		at := o.Service + 1 + core.ServiceID(f.Of[k.who()])
		return core.ChildStartedEvent(at, generation, o.PID+1+core.PID(f.Children)), v.Now
	case core.ChildStartFailed:
		at := o.Service + 1 + core.ServiceID(f.Of[k.who()])
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
	layout.EndedWell: core.ExitedWith(0), layout.EndedBadly: core.ExitedWith(1),
	layout.EndedByTERM: core.KilledBy(core.SIGTERM), layout.EndedByKILL: core.KilledBy(core.SIGKILL),
}

func (x *Machines) later(m *core.Machine, v *core.View, what int) core.Time {
	switch what {
	case timerDue:
		when, _ := m.Deadline()
		return when
	case TimerLate:
		when, _ := m.Deadline()
		return when.Add(x.World.Tick)
	case timerLeap:
		return v.Now.Add(x.World.Leap)
	default:
		return v.Now.Add(x.World.Tick)
	}
}

// status makes what a child says. False reports claim what would change a
// count if it were believed.
func (x *Machines) status(v *core.View, g core.Generation, what int) core.Event {
	c := childOf(v, g)
	msg := wire.Message{PID: int32(c.PID), Generation: uint32(g), Status: wire.Taken}
	if what == StatusAvailable || what >= StatusStale && !c.Idle {
		msg.Status = wire.Available
	}
	switch what {
	case StatusStale:
		msg.Generation--
	case StatusForeign:
		msg.PID++
	case StatusUnknown:
		msg.Status = 7
	}
	var b [wire.StatusSize]byte
	copy(b[:], msg.Append(nil))
	if what == StatusPartial {
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
func effects(dst []Effect, actions []core.Action, o core.RestoreBase, before, after []core.ServiceView) []Effect {
	for i := range actions {
		a := &actions[i]
		e := Effect{Kind: a.Kind}
		switch a.Kind {
		case core.Log, core.ApplyConfig, core.Announce:
			continue
		case core.OpenListener, core.CommitListener, core.AbandonListener, core.CloseListener, core.WatchListener, core.IgnoreListener:
			e.A, e.flag = uint8(a.Service-o.Service-1), a.Flag
		case core.MoveListener:
			e.A, e.B = uint8(a.Service-o.Service-1), uint8(a.To-o.Service-1)
		case core.StartChild:
			e.A, e.B = uint8(a.Generation-o.Generation-1), uint8(a.Service-o.Service-1)
		case core.RetireChild:
			e.A = uint8(a.Generation - o.Generation - 1)
		case core.SignalChild:
			e.A, e.B = uint8(a.Generation-o.Generation-1), uint8(a.Signal)
			e.flag = pidIn(after, a.Generation) == a.PID || pidIn(before, a.Generation) == a.PID
		case core.WakeService:
			e.A, e.B = uint8(a.Request-o.Request-1), uint8(a.Service-o.Service-1)
		case core.CloseWakeup:
			e.A = uint8(a.Request - o.Request - 1)
		}
		dst = append(dst, e)
	}
	return dst
}

func pidIn(services []core.ServiceView, g core.Generation) core.PID {
	return pidOf(&core.View{Services: services}, g)
}

// What one of each takes, for the bound on memory.
const (
	FactsSize      = 128
	TransitionSize = 24
	EffectSize     = 4
)

// Memory is what is held, counted and not measured.
func (x *Machines) Memory() uint64 {
	return layout.ChunkSize*(uint64(len(x.Nodes.Chunks))*FactsSize+uint64(len(x.Transitions.Chunks))*TransitionSize+
		uint64(len(x.Effects.Chunks))*EffectSize+uint64(len(x.text.Chunks))) +
		layout.CellSize*uint64(len(x.index.Cells)+len(x.memo.Cells))
}
