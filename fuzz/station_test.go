package fuzz

import (
	"math"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// station is an adapter that keeps its contract and nothing else: what the machine
// asks is answered at most once, at any later time, in any order, with success
// or any error; a process is reported to have ended once, under its own pid;
// no child has pid 0. All that comes from outside is as hostile as the bytes.
type station struct {
	reader
	m     *core.Machine
	now   core.Time
	began core.Time       // when the machine was made
	base  core.Generation // before the first start

	// proper is an adapter that the reference model accepts: it also keeps a
	// wakeup's answers in order, reports of a child's channel only what can come
	// out of it, and begins with the configuration.
	proper bool

	configs arena
	load    core.Request
	loading bool // LoadConfig is unanswered
	ended   bool
	asked   []question
	living  []process
	wakeups []request
	steps   int
}

// question is an unanswered OpenListener or StartChild.
type question struct {
	kind       core.ActionKind
	listener   uint16
	service    core.ServiceID
	generation core.Generation
}

// process is a child that lives.
type process struct {
	generation      core.Generation
	pid             core.PID
	service         core.ServiceID
	retired, closed bool
}

// request is a wakeup that is under way.
type request struct {
	number core.Request
	fifo   bool
	sent   bool
}

func (s *station) begin(m *core.Machine, now core.Time) {
	s.m, s.now = m, now
	s.configs.used = 0
	s.load, s.loading, s.ended = 0, true, false
	s.asked, s.living, s.wakeups = s.asked[:0], s.living[:0], s.wakeups[:0]
	s.steps = 0
}

// The numbers of what happens, in the low half of a step's first byte.
const (
	stepTimer = iota
	stepAnswer
	stepFail
	stepSignal
	stepReady
	stepReport
	stepBytes
	stepForge
	stepClosed
	stepExit
	stepStranger
	stepStopped
	stepWakeupSent
	stepWakeupFailed
	stepWakeupClosed
	stepLoad
)

// How time passes, in the high half.
const (
	passSeconds  = 9  // as many as a byte says
	passSpan     = 10 // nanoseconds follow
	passLeap     = 11 // a power of two of nanoseconds
	passBefore   = 12 // to just before the deadline
	passDeadline = 13
	passAfter    = 14 // to just after it
	passEnd      = 15 // to the last second of all time
)

var passSpans = [passSeconds]core.Duration{
	0, 1, core.Microsecond, core.Millisecond, core.Second, 5 * core.Second, 60 * core.Second, 101 * core.Second, 1000 * core.Second,
}

// endOfTime is the last instant that comes: at the very end of the scale there
// would be no later deadline.
const endOfTime = core.Time(math.MaxInt64 - 1)

func (s *station) pass(how byte) {
	var span core.Duration
	switch how {
	case passSeconds:
		span = core.Duration(s.byte()) * core.Second
	case passSpan:
		span = core.Duration(s.uvarint() &^ (1 << 63))
	case passLeap:
		span = 1 << (s.byte() % 63)
	case passBefore, passDeadline, passAfter:
		if at, ok := s.m.Deadline(); ok && at > math.MinInt64 {
			s.now = max(s.now, min(at, endOfTime-1)+core.Time(how)-passDeadline)
		}
	case passEnd:
		s.now = max(s.now, endOfTime-core.Time(core.Second))
	default:
		span = passSpans[how]
	}
	if span > core.Duration(endOfTime-max(s.now, 0)) && s.now >= 0 {
		s.now = endOfTime
		return
	}
	s.now += core.Time(span)
}

// event lets time pass and something happen.
func (s *station) event() core.Event {
	step := s.byte()
	s.pass(step >> 4)
	switch kind := step & 15; kind {
	case stepLoad:
		if s.loading {
			return s.answerLoad()
		}
	case stepAnswer, stepFail:
		if len(s.asked) > 0 {
			return s.answer(kind == stepFail)
		}
	case stepSignal:
		return core.SignalReceivedEvent(core.Signal(s.byte()))
	case stepReady:
		return core.ListenerReadyEvent(core.ServiceID(s.byte()))
	case stepReport, stepBytes, stepForge, stepClosed, stepExit, stepStranger, stepStopped:
		return s.process(kind)
	case stepWakeupSent, stepWakeupFailed, stepWakeupClosed:
		return s.wakeup(kind)
	}
	return core.TimerExpiredEvent()
}

func (s *station) answerLoad() core.Event {
	r := s.load
	how := s.byte()
	var c *core.Config
	switch {
	case how&1 != 0:
		c = s.configs.fresh()
		s.diagnostics(c)
	case how&2 != 0 && s.configs.used > 0:
		c = s.configs.again(int(how >> 2))
	default:
		c = s.config(&s.configs)
	}
	if s.proper {
		properRemarks(c, how&1 != 0)
	}
	s.load, s.loading = 0, false
	if how&1 != 0 {
		return core.ConfigRejectedEvent(r, c)
	}
	return core.ConfigLoadedEvent(r, c)
}

// properRemarks makes the remarks about a configuration consistent: a refused one
// has an error, an accepted one has none.
func properRemarks(c *core.Config, refused bool) {
	for i := range c.Diagnostics {
		d := &c.Diagnostics[i]
		d.Severity = min(max(d.Severity, core.Info), core.Error)
		if !refused {
			d.Severity = min(d.Severity, core.Warning)
		}
	}
	if refused {
		c.Diagnostics = append(c.Diagnostics, core.Diagnostic{Severity: core.Error, Text: "it cannot be"})
	}
}

func (s *station) answer(fails bool) core.Event {
	i := s.below(len(s.asked))
	q := s.asked[i]
	s.asked = slices.Delete(s.asked, i, i+1)
	switch {
	case q.kind == core.OpenListener && fails:
		step := s.byte()
		if s.proper {
			step = byte(core.StepName) + step%byte(core.StepUser) // the last of them
		}
		return core.ListenerFailedEvent(q.service, q.listener, core.ListenStep(step), core.Errno(s.byte()))
	case q.kind == core.OpenListener:
		return core.ListenerOpenedEvent(q.service, q.listener)
	case fails:
		step := s.byte()
		if s.proper {
			step = byte(core.StartChannel) + step%byte(core.StartExec)
		}
		return core.ChildStartFailedEvent(q.service, q.generation, core.StartStep(step), core.Errno(s.byte()))
	}
	pid := core.PID(s.byte())
	switch pid {
	case 0:
		pid = 100 + core.PID(q.generation-s.base)
	case 255:
		pid = core.PID(max(1, s.uvarint()&math.MaxInt32))
	}
	s.living = append(s.living, process{generation: q.generation, pid: pid, service: q.service})
	return core.ChildStartedEvent(q.service, q.generation, pid)
}

// process is something about a child, or about what claims to be one.
func (s *station) process(kind byte) core.Event {
	if kind == stepStranger {
		return s.stranger()
	}
	b := s.byte()
	var c process // the zero process if no child lives
	i := 0
	if len(s.living) > 0 {
		i = int(b) % len(s.living)
		c = s.living[i]
	}
	if s.proper && c.generation == 0 {
		return core.TimerExpiredEvent()
	}
	switch kind {
	case stepReport:
		return statusEvent(c.generation, wire.Message{PID: int32(c.pid), Generation: uint32(c.generation), Status: wire.Status(s.byte())})
	case stepBytes:
		return s.bytes(c, b)
	case stepForge:
		return s.forge(c)
	case stepClosed:
		return s.closed(i, b)
	case stepStopped:
		return core.ChildStoppedEvent(c.generation, c.pid, core.Signal(s.byte()))
	}
	if c.generation == 0 {
		return core.TimerExpiredEvent()
	}
	s.living = slices.Delete(s.living, i, i+1)
	return core.ChildExitedEvent(c.generation, c.pid, core.ExitStatus(s.byte())|core.ExitStatus(s.byte())<<8)
}

func statusEvent(g core.Generation, m wire.Message) core.Event {
	var b [wire.StatusSize]byte
	m.Append(b[:0])
	return core.StatusReceivedEvent(g, b, len(b))
}

// bytes come over the channel of a child, or of any generation at all.
func (s *station) bytes(c process, any byte) core.Event {
	n, g := s.byte(), c.generation
	if s.proper {
		n = 1 + n%wire.StatusSize
	} else if n >= 128 {
		n, g = n-128, s.base+core.Generation(any)
	}
	var b [wire.StatusSize]byte
	copy(b[:], s.b)
	s.b = s.b[min(len(s.b), len(b)):]
	return core.StatusReceivedEvent(g, b, int(n))
}

// forge returns a well-formed message with the pid and generation of another child.
func (s *station) forge(c process) core.Event {
	m := wire.Message{PID: int32(c.pid), Generation: uint32(c.generation), Status: wire.Status(s.byte() & 1)}
	if len(s.living) > 0 {
		m.PID, m.Generation = int32(s.living[s.below(len(s.living))].pid), uint32(s.living[s.below(len(s.living))].generation)
	}
	return statusEvent(c.generation, m)
}

func (s *station) closed(i int, any byte) core.Event {
	if !s.proper {
		return core.ChildChannelClosedEvent(s.base + core.Generation(any))
	}
	c := &s.living[i]
	if c.retired || c.closed {
		return core.TimerExpiredEvent()
	}
	c.closed = true
	return core.ChildChannelClosedEvent(c.generation)
}

// stranger is the end of a process that is no living child of ours, under any
// generation that is not one of those.
func (s *station) stranger() core.Event {
	g, pid := core.Generation(s.uvarint()), core.PID(s.uvarint())
	status := core.ExitStatus(s.byte()) | core.ExitStatus(s.byte())<<8
	ours := false
	for i := range s.living {
		ours = ours || s.living[i].generation == g
	}
	for i := range s.asked {
		ours = ours || s.asked[i].kind == core.StartChild && s.asked[i].generation == g
	}
	if ours {
		return core.TimerExpiredEvent()
	}
	if s.proper {
		g = 0
	}
	return core.ChildExitedEvent(g, pid, status)
}

func (s *station) wakeup(kind byte) core.Event {
	b := s.byte()
	number := core.Request(b)
	i := slices.IndexFunc(s.wakeups, func(w request) bool { return w.number == number })
	if s.proper && (i < 0 || s.wakeups[i].sent != (kind == stepWakeupClosed)) {
		return core.TimerExpiredEvent()
	}
	switch {
	case i < 0:
	case kind == stepWakeupSent && !s.wakeups[i].fifo:
		s.wakeups[i].sent = true
	default:
		s.wakeups = slices.Delete(s.wakeups, i, i+1)
	}
	switch kind {
	case stepWakeupSent:
		return core.WakeupSentEvent(number)
	case stepWakeupFailed:
		return core.WakeupFailedEvent(number, core.Errno(s.byte()))
	}
	return core.WakeupClosedEvent(number)
}

// observe takes the actions of a step; the law book judges whether they are allowed.
func (s *station) observe(actions []core.Action) {
	s.steps++
	for i := range actions {
		s.carryOut(&actions[i])
	}
}

func (s *station) carryOut(a *core.Action) {
	switch a.Kind {
	case core.LoadConfig:
		s.load, s.loading = a.Request, true
	case core.OpenListener:
		s.asked = append(s.asked, question{kind: a.Kind, service: a.Service, listener: a.Listener})
	case core.StartChild:
		s.asked = append(s.asked, question{kind: a.Kind, service: a.Service, generation: a.Generation})
	case core.RetireChild:
		if c := s.child(a.Generation); c != nil {
			c.retired = true
		}
	case core.WakeService:
		s.wakeups = append(s.wakeups, request{number: a.Request, fifo: a.Entry.Type == core.FIFO})
	case core.CloseWakeup:
		s.wakeups = slices.DeleteFunc(s.wakeups, func(w request) bool { return w.number == a.Request })
	case core.Exit:
		s.ended = true
	}
}

func (s *station) child(g core.Generation) *process {
	for i := range s.living {
		if s.living[i].generation == g {
			return &s.living[i]
		}
	}
	return nil
}
