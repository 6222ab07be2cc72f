package laws

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// town is a machine with an adapter that keeps its duties and draws the rest. It is
// wild and small: the books of one machine are all that is looked at.
type town struct {
	r       *rand.Rand
	m       *core.Machine
	book    *Book
	tamper  change
	shown   Machine // what the book sees of m
	now     core.Time
	story   *strings.Builder
	over    bool
	loading bool
	load    core.Request
	opens   []core.Action
	starts  []core.Action
	wakes   []core.Action
	sent    []core.Request
	kids    []*kid
	ears    []ear
	spoil   func(k *KernelView) bool // what the kernel shows is wrong
	watched []core.ServiceID
	lastPID core.PID
	line    int32
}

// ear is an open listener.
type ear struct {
	service  core.ServiceID
	listener uint16
	entry    *core.ServiceConfig
}

type kid struct {
	generation core.Generation
	pid        core.PID
	busy       bool
	cut        bool
	closed     bool
	told       core.Signal
}

var townNames = []string{"alpha", "beta", "gamma"}

// service draws an entry; there are few, so that reloads meet what is there.
func (w *town) service(name string) core.ServiceConfig {
	w.line++
	s := core.ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: core.Unix, Line: w.line, LocalOnly: true,
		Endpoints: []core.Endpoint{{Path: "private/" + name}}, ProcessLimit: int32(w.r.IntN(4)),
		Command: name, Path: fmt.Sprintf("/d/%s%d", name, w.r.IntN(2)), ThrottleDelay: core.Duration(1+w.r.IntN(60)) * core.Second,
	}
	switch w.r.IntN(6) {
	case 0:
		s.Type = core.FIFO
	case 1:
		s.Type = core.UnixDatagram
	case 2, 3:
		port := 10000 + uint16(name[0])
		s.Type, s.Canonical, s.LocalOnly = core.Inet, fmt.Sprint(port), false
		s.Endpoints = []core.Endpoint{{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}, {Address: netip.AddrPortFrom(netip.IPv6Unspecified(), port)}}
	case 4:
		s.Type = core.Pass
	}
	if w.r.IntN(3) == 0 {
		s.WakeupInterval, s.WakeupIfUsed = core.Duration(1+w.r.IntN(100))*core.Second, w.r.IntN(2) == 0
	}
	return s
}

func (w *town) config() *core.Config {
	c := &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", ReloadClearsThrottle: w.r.IntN(4) == 0}
	for _, name := range townNames {
		if w.r.IntN(4) > 0 {
			c.Services = append(c.Services, w.service(name))
		}
	}
	if n := len(c.Services); n > 0 && w.r.IntN(20) == 0 {
		c.Services[n-1].ProcessLimit = -1
	}
	return c
}

// play lets a machine live for so many steps, and returns the first breach.
func play(seed uint64, steps int, only string, tamper change, story *strings.Builder) *Breach {
	w := found(seed, only)
	w.tamper, w.story = tamper, story
	return w.live(steps)
}

// found makes a town whose machine has seen nothing.
func found(seed uint64, only string) *town {
	w := &town{r: rand.New(rand.NewPCG(seed, 1)), book: &Book{}, now: 1000, loading: true}
	if only != "" {
		w.book.Only = []string{only}
	}
	o := core.MachineOptions{GroupLeader: seed%2 == 0, Verbose: seed%3 == 0, InitMode: seed%5 == 0}
	if seed%4 == 0 {
		o.Descriptors = uint32(6 + w.r.IntN(5))
	}
	if seed%11 == 0 {
		o.ExitSet, o.ExitAfter = true, core.Duration(w.r.IntN(1000))*core.Second
	}
	w.m = core.New(w.now, o)
	w.shown = w.m
	w.book.Reset(w.now, o)
	return w
}

func (w *town) live(steps int) *Breach {
	for i := 0; i < steps && !w.over && w.book.Breach() == nil; i++ {
		w.happen()
		if i%8 == 0 {
			w.book.Sweep(w.shown)
		}
		if len(w.opens) == 0 {
			k := w.kernel()
			if w.spoil == nil || w.spoil(k) {
				w.book.Between(k)
			}
		}
	}
	w.book.Sweep(w.shown)
	return w.book.Breach()
}

func (w *town) step(ev core.Event) {
	actions := w.m.Step(w.now, ev)
	if w.tamper != nil {
		actions = w.tamper(&ev, actions)
	}
	if w.story != nil {
		fmt.Fprintf(w.story, "%d %s\n", w.now, ev.AppendText(nil))
		for i := range actions {
			fmt.Fprintf(w.story, "    %s\n", actions[i].AppendText(nil))
		}
	}
	w.book.Step(w.now, &ev, actions, w.shown)
	for i := range actions {
		w.carryOut(&actions[i])
	}
}

func (w *town) carryOut(a *core.Action) {
	switch a.Kind {
	case core.LoadConfig:
		w.loading, w.load = true, a.Request
	case core.OpenListener:
		w.opens = append(w.opens, *a)
	case core.StartChild:
		w.starts = append(w.starts, *a)
	case core.RetireChild:
		if k := w.kid(a.Generation); k != nil {
			k.cut = true
		}
	case core.SignalChild:
		if k := w.kid(a.Generation); k != nil {
			k.told = a.Signal
		}
	case core.WakeService:
		w.wakes = append(w.wakes, *a)
	case core.CloseWakeup:
		for i := range w.wakes {
			if w.wakes[i].Request == a.Request {
				w.wakes = append(w.wakes[:i], w.wakes[i+1:]...)
				break
			}
		}
		w.sent = account.Without(w.sent, a.Request)
	case core.WatchListener:
		w.watched = append(w.watched, a.Service)
	case core.IgnoreListener:
		w.watched = account.Without(w.watched, a.Service)
	case core.AbandonListener, core.CloseListener:
		w.ears = drop(w.ears, func(e ear) bool { return e.service == a.Service && e.listener == a.Listener })
	case core.MoveListener:
		for i := range w.ears {
			if e := &w.ears[i]; e.service == a.Service && e.listener == a.Listener {
				e.service, e.listener = a.To, a.ToListener
				break
			}
		}
	case core.Exit:
		w.over = true
	}
}

func drop[T any](list []T, which func(T) bool) []T {
	for i := range list {
		if which(list[i]) {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

// kernel is what the kernel of the town knows.
func (w *town) kernel() *KernelView {
	k := &KernelView{}
	for _, e := range w.ears {
		k.Listeners = append(k.Listeners, Socket{Endpoint: e.entry.Endpoints[e.listener%uint16(len(e.entry.Endpoints))], Type: e.entry.Type, Polled: has(w.watched, e.service)})
	}
	for _, c := range w.kids {
		k.Processes = append(k.Processes, Running{PID: c.pid, Generation: c.generation})
		if !c.cut && !c.closed {
			k.Channels = append(k.Channels, Socket{Generation: c.generation, Polled: true})
		}
	}
	return k
}

func (w *town) kid(g core.Generation) *kid {
	for _, k := range w.kids {
		if k.generation == g {
			return k
		}
	}
	return nil
}

func some[T any](w *town, list *[]T) T {
	i := w.r.IntN(len(*list))
	x := (*list)[i]
	*list = append((*list)[:i:i], (*list)[i+1:]...)
	return x
}

// happen lets time pass and one thing happen.
func (w *town) happen() {
	then := w.now.Add(core.Duration(w.r.IntN(3)*w.r.IntN(2000)) * core.Millisecond)
	if at, ok := w.m.Deadline(); ok && (at <= then || w.r.IntN(12) == 0) {
		w.now = max(w.now, at)
		if w.r.IntN(4) == 0 {
			w.now = w.now.Add(core.Duration(w.r.IntN(1200)) * core.Second)
		}
		w.step(core.TimerExpiredEvent())
		return
	}
	w.now = then
	switch n := w.r.IntN(40); {
	case n < 6 && w.loading:
		w.loading = false
		if w.r.IntN(6) == 0 {
			w.step(core.ConfigRejectedEvent(w.load, &core.Config{Diagnostics: []core.Diagnostic{{Severity: core.Error, Text: "bad"}}}))
		} else {
			w.step(core.ConfigLoadedEvent(w.load, w.config()))
		}
	case n < 12 && len(w.opens) > 0:
		if a := some(w, &w.opens); w.r.IntN(30) == 0 {
			w.step(core.ListenerFailedEvent(a.Service, a.Listener, core.StepBind, core.EADDRINUSE))
		} else {
			w.ears = append(w.ears, ear{a.Service, a.Listener, a.Entry})
			w.step(core.ListenerOpenedEvent(a.Service, a.Listener))
		}
	case n < 16 && len(w.starts) > 0:
		w.answerStart()
	case n < 18 && len(w.wakes) > 0:
		if a := some(w, &w.wakes); w.r.IntN(4) == 0 {
			w.step(core.WakeupFailedEvent(a.Request, core.ECONNREFUSED))
		} else {
			if a.Entry.Type != core.FIFO {
				w.sent = append(w.sent, a.Request)
			}
			w.step(core.WakeupSentEvent(a.Request))
		}
	case n < 19 && len(w.sent) > 0:
		w.step(core.WakeupClosedEvent(some(w, &w.sent)))
	case n < 25 && len(w.watched) > 0:
		w.step(core.ListenerReadyEvent(w.watched[w.r.IntN(len(w.watched))]))
	case n < 38 && len(w.kids) > 0:
		w.childDoes(w.kids[w.r.IntN(len(w.kids))])
	case n == 38 && !w.book.Exited && w.book.Running:
		w.step(core.SignalReceivedEvent(core.SIGHUP))
	case n == 39 && w.r.IntN(100) == 0:
		w.step(core.SignalReceivedEvent([]core.Signal{core.SIGTERM, core.SIGINT, 10}[w.r.IntN(3)]))
	case n == 39 && w.r.IntN(4) == 0:
		w.step(core.ChildExitedEvent(0, 9999, core.ExitedWith(1)))
	}
}

func (w *town) answerStart() {
	a := some(w, &w.starts)
	if w.r.IntN(8) == 0 {
		w.step(core.ChildStartFailedEvent(a.Service, a.Generation, core.StartStep(1+w.r.IntN(3)), core.EAGAIN))
		return
	}
	w.lastPID++
	w.kids = append(w.kids, &kid{generation: a.Generation, pid: w.lastPID})
	w.step(core.ChildStartedEvent(a.Service, a.Generation, w.lastPID))
}

func (w *town) childDoes(k *kid) {
	message := wire.Message{PID: int32(k.pid), Generation: uint32(k.generation), Status: wire.Taken}
	if k.busy {
		message.Status = wire.Available
	}
	size := wire.StatusSize
	switch n := w.r.IntN(20); {
	case n < 11 && !k.closed && !k.cut:
		k.busy = !k.busy
	case n < 14 && !k.closed && !k.cut:
		switch w.r.IntN(5) {
		case 0:
			message.PID++
		case 1:
			message.Generation--
		case 2:
			message.Status = 7
		case 3:
			size = 5
		}
		if size == wire.StatusSize && message.PID == int32(k.pid) && message.Generation == uint32(k.generation) && message.Status != 7 {
			k.busy = !k.busy
		}
	case n == 14 && !k.closed && !k.cut:
		k.closed = true
		w.step(core.ChildChannelClosedEvent(k.generation))
		return
	case n == 15:
		w.step(core.ChildStoppedEvent(k.generation, k.pid, 19))
		return
	case n > 15:
		w.kids = account.Without(w.kids, k)
		status := []core.ExitStatus{0, 0, core.ExitedWith(1), core.KilledBy(core.SIGSEGV), core.KilledBy(core.SIGTERM), core.KilledBy(core.SIGKILL)}[w.r.IntN(6)]
		w.step(core.ChildExitedEvent(k.generation, k.pid, status))
		return
	default:
		return
	}
	var b [wire.StatusSize]byte
	copy(b[:], message.Append(nil))
	if size < len(b) {
		clear(b[size:])
	}
	w.step(core.StatusReceivedEvent(k.generation, b, size))
}

// A right machine breaks no law.
func TestARightMachineBreaksNoLaw(t *testing.T) {
	seeds := uint64(2000)
	if testing.Short() {
		seeds = 300
	}
	for seed := range seeds {
		if b := play(seed, 600, "", nil, nil); b != nil {
			var story strings.Builder
			play(seed, 600, "", nil, &story)
			text := story.String()
			t.Fatalf("seed %d: %v\n%s", seed, b, text[max(0, len(text)-6000):])
		}
	}
}
