package fuzz

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// happened is one event of a recording.
type happened struct {
	now core.Time
	ev  core.Event
}

// scribe encodes events as the choices that make them happen again, and steps a
// machine of its own through them meanwhile. Names, paths and addresses are
// replaced; equal ones stay equal.
type scribe struct {
	station
	out   []byte
	names numbering[string]
	ids   numbering[string]
	paths numbering[string]
	ports numbering[netip.AddrPort]
	other numbering[string] // settings that mean nothing to the machine
}

// numbering assigns a number to each thing, in the order of their appearance.
type numbering[T comparable] struct{ known []T }

func (n *numbering[T]) of(x T) byte {
	i := slices.Index(n.known, x)
	if i < 0 {
		i = len(n.known)
		n.known = append(n.known, x)
	}
	return byte(i)
}

// encode writes the events as choices for FuzzEvents, or with proper for
// FuzzEventsWithModel: as many as that plays, from a machine on that was made
// at began.
func encode(o core.MachineOptions, began core.Time, events []happened, at byte, proper bool) ([]byte, error) {
	head := byte(beginTold | beginCanonical)
	for bit, set := range map[byte]bool{beginInit: o.InitMode, beginLeader: o.GroupLeader, beginVerbose: o.Verbose, beginExit: o.ExitSet} {
		if set {
			head |= bit
		}
	}
	if o.Descriptors != 0 {
		at = byte(min(fewDescriptors+o.Descriptors-1, math.MaxUint8))
	}
	w := &scribe{out: []byte{head, at}}
	if o.ExitSet {
		w.out = binary.AppendUvarint(w.out, uint64(o.ExitAfter))
	}
	o.Strict, w.proper = true, proper
	w.begin(core.New(0, o), 0)
	steps := maxEvents
	if proper {
		steps = maxEventsModel
	}
	for i := range min(steps, len(events)) {
		if err := w.add(core.Time(events[i].now.Sub(began)), &events[i].ev); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return w.out, nil
}

// add writes one event and steps the machine with it.
func (w *scribe) add(now core.Time, ev *core.Event) error {
	from := len(w.out)
	how := w.pass(now)
	kind, err := w.event(ev, how)
	if err != nil {
		return err
	}
	w.out[from] = kind | how<<4
	w.b = w.out[from:]
	got := w.station.event()
	want := *ev
	if ev.Kind == core.ConfigRejected {
		want.Config = got.Config // of which nothing but the remarks counts
	}
	if a, b := want.AppendText(nil), got.AppendText(nil); string(a) != string(b) || w.now != now {
		return fmt.Errorf("%s at %d became %s at %d", a, now, b, w.now)
	}
	w.observe(w.m.Step(now, got))
	return nil
}

// pass writes a first byte, to be filled in, and how much time passes.
func (w *scribe) pass(now core.Time) (how byte) {
	w.out = append(w.out, 0)
	span := now.Sub(w.now)
	if i := slices.Index(passSpans[:], span); i >= 0 {
		return byte(i)
	}
	if at, ok := w.m.Deadline(); ok && at == now {
		return passDeadline
	}
	if seconds := span.Seconds(); seconds < 256 && core.Duration(seconds)*core.Second == span {
		w.out = append(w.out, byte(seconds))
		return passSeconds
	}
	w.out = binary.AppendUvarint(w.out, uint64(span))
	return passSpan
}

// event writes the choices that the kind of event needs.
func (w *scribe) event(ev *core.Event, _ byte) (kind byte, err error) {
	switch ev.Kind {
	case core.ConfigLoaded:
		w.out = append(w.out, 0)
		return stepLoad, w.config(ev.Config)
	case core.ConfigRejected:
		w.out = append(w.out, 1)
		w.diagnostics(ev.Config)
		return stepLoad, nil
	case core.SignalReceived:
		w.out = append(w.out, byte(ev.Signal))
		return stepSignal, nil
	case core.ListenerReady:
		w.out = append(w.out, byte(ev.Service))
		return stepReady, nil
	case core.ListenerOpened, core.ListenerFailed, core.ChildStarted, core.ChildStartFailed:
		return w.answer(ev)
	case core.StatusReceived:
		return w.status(ev), nil
	case core.ChildChannelClosed:
		return stepClosed, w.living(ev.Generation, !w.proper)
	case core.ChildStopped:
		err := w.living(ev.Generation, false)
		w.out = append(w.out, byte(ev.Signal))
		return stepStopped, err
	case core.ChildExited:
		return w.exited(ev), nil
	case core.WakeupSent, core.WakeupFailed, core.WakeupClosed:
		w.out = append(w.out, byte(ev.Request))
		kind := map[core.EventKind]byte{core.WakeupSent: stepWakeupSent, core.WakeupFailed: stepWakeupFailed, core.WakeupClosed: stepWakeupClosed}[ev.Kind]
		if ev.Kind == core.WakeupFailed {
			w.out = append(w.out, byte(ev.Errno))
		}
		return kind, nil
	}
	return stepTimer, nil
}

func (w *scribe) answer(ev *core.Event) (kind byte, err error) {
	i := slices.IndexFunc(w.asked, func(q question) bool {
		return q.service == ev.Service && q.listener == ev.Listener && q.generation == ev.Generation
	})
	if i < 0 || i > 255 {
		return 0, fmt.Errorf("%s answers question %d", ev.AppendText(nil), i)
	}
	w.out = append(w.out, byte(i))
	switch ev.Kind {
	case core.ListenerFailed:
		w.out = append(w.out, byte(ev.ListenStep)-properly[byte](w.proper, 1), byte(ev.Errno))
		return stepFail, nil
	case core.ChildStartFailed:
		w.out = append(w.out, byte(ev.StartStep)-properly[byte](w.proper, 1), byte(ev.Errno))
		return stepFail, nil
	case core.ChildStarted:
		if ev.PID < 255 {
			w.out = append(w.out, byte(ev.PID))
		} else {
			w.out = binary.AppendUvarint(append(w.out, 255), uint64(ev.PID))
		}
	}
	return stepAnswer, nil
}

func properly[T byte | int](proper bool, x T) T {
	if proper {
		return x
	}
	return 0
}

// living writes the index of a child, or its generation.
func (w *scribe) living(g core.Generation, any bool) error {
	if any {
		w.out = append(w.out, byte(g-w.base))
		return nil
	}
	i := slices.IndexFunc(w.station.living, func(c process) bool { return c.generation == g })
	if i < 0 || i > 255 {
		return fmt.Errorf("child %d is number %d of the living", g, i)
	}
	w.out = append(w.out, byte(i))
	return nil
}

func (w *scribe) status(ev *core.Event) (kind byte) {
	c := w.child(ev.Generation)
	m := wire.ParseMessage(ev.Bytes)
	if c != nil && ev.N == wire.StatusSize && m.PID == int32(c.pid) && m.Generation == uint32(c.generation) && m.Status>>8 == 0 {
		_ = w.living(ev.Generation, false)
		w.out = append(w.out, byte(m.Status))
		return stepReport
	}
	n := ev.N - properly[byte](w.proper, 1)
	if w.living(ev.Generation, false) != nil {
		w.out = append(w.out, byte(ev.Generation-w.base))
		n |= 128
	}
	w.out = append(append(w.out, n), ev.Bytes[:]...)
	return stepBytes
}

func (w *scribe) exited(ev *core.Event) (kind byte) {
	kind = stepExit
	if w.living(ev.Generation, false) != nil {
		kind = stepStranger
		w.out = binary.AppendUvarint(binary.AppendUvarint(w.out, uint64(ev.Generation)), uint64(ev.PID))
	}
	w.out = append(w.out, byte(ev.Status), byte(ev.Status>>8))
	return kind
}

// config writes a configuration as reader.config reads it.
func (w *scribe) config(c *core.Config) error {
	if len(c.Services) > maxServices {
		return fmt.Errorf("%d services", len(c.Services))
	}
	head := byte(len(c.Services))
	if c.ReloadClearsThrottle {
		head |= 1 << 6
	}
	if len(c.Diagnostics) > 0 {
		head |= 1 << 7
	}
	w.out = append(w.out, head)
	if len(c.Diagnostics) > 0 {
		w.diagnostics(c)
	}
	for i := range c.Services {
		w.service(&c.Services[i])
	}
	return nil
}

func (w *scribe) diagnostics(c *core.Config) {
	n := min(len(c.Diagnostics), 7)
	w.out = append(w.out, byte(n))
	for i := range n {
		b := byte(c.Diagnostics[i].Severity)
		if c.Diagnostics[i].Hint != "" {
			b |= 1 << 7
		}
		w.out = append(w.out, b)
	}
}

func (w *scribe) service(s *core.ServiceConfig) {
	head := byte(max(0, slices.Index(choiceTypes[:], s.Type)))
	if !s.LocalOnly {
		head |= choiceReachable
	}
	if s.WakeupIfUsed {
		head |= choiceIfUsed
	}
	name, id := w.names.of(s.Name), w.ids.of(s.Canonical)
	odd := byte(0)
	if name != id {
		odd |= oddCanonical
	}
	settings := w.other.of(fmt.Sprint(s.Command, s.Path, s.Args))<<2 | one(s.Unprivileged) | one(s.Chroot)<<1
	if settings != 0 {
		odd |= oddSettings
	}
	if odd != 0 {
		head |= choiceOdd
	}
	head |= byte(min(len(s.Endpoints)-1, 3)) << choiceEndpoints
	w.out = append(w.out, head, name)
	w.limit(s.ProcessLimit)
	wakeup, throttle := numberOf(&wakeupSpans, s.WakeupInterval), numberOf(&throttleSpans, s.ThrottleDelay)
	w.out = append(w.out, wakeup|throttle<<4)
	for _, x := range []struct {
		number byte
		span   core.Duration
	}{{wakeup, s.WakeupInterval}, {throttle, s.ThrottleDelay}} {
		if x.number == spanFollows {
			w.out = binary.AppendUvarint(w.out, uint64(x.span))
		}
	}
	if odd != 0 {
		w.out = append(w.out, odd)
	}
	if odd&oddCanonical != 0 {
		w.out = append(w.out, id)
	}
	if odd&oddSettings != 0 {
		w.out = append(w.out, settings)
	}
	if len(s.Endpoints) > 3 {
		w.out = append(w.out, byte(len(s.Endpoints)))
	}
	for _, e := range s.Endpoints {
		if s.Type == core.Inet {
			w.out = append(w.out, w.ports.of(e.Address))
		} else {
			w.out = append(w.out, w.paths.of(e.Path))
		}
	}
}

func one(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func numberOf(spans *[15]core.Duration, d core.Duration) byte {
	if i := slices.Index(spans[:], d); i >= 0 {
		return byte(i)
	}
	return spanFollows
}

func (w *scribe) limit(n int32) {
	switch {
	case n == 0:
		w.out = append(w.out, limitNone)
	case n > 0 && n <= limitFollows:
		w.out = append(w.out, byte(n-1))
	default:
		w.out = binary.AppendUvarint(append(w.out, limitFollows), uint64(n))
	}
}
