package fuzz

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// honest is an adapter that answers each action. Its kernel has listeners, files
// and processes; only what a test chooses fails. Answers come at once, or with late
// when the caller wants them.
type honest struct {
	t         testing.TB
	m         *core.Machine
	now       core.Time
	next      *core.Config // what LoadConfig reads
	late      bool         // starts are answered later
	refuse    int          // the next so many listeners cannot be opened
	orderly   bool         // no two services want one address: then files are looked at
	queue     []core.Event
	delayed   []core.Event
	took      []core.Action // all actions since the caller emptied it
	listeners map[place]core.Endpoint
	files     map[string]place // the listener that made the file at a path
	aside     map[place]place  // the listener whose file was set aside, by the one it made room for
	children  []kid
	ended     bool
	past      []happened              // every event, with keep
	keep      bool                    // the past
	refused   map[string]core.Errno   // endpoints that cannot be opened
	failing   map[string]startFailure // programs that cannot be started
}

// startFailure is how a start fails.
type startFailure struct {
	step  core.StartStep
	errno core.Errno
}

// refusal is a configuration that is rejected.
var refusal = &core.Config{Diagnostics: []core.Diagnostic{{Severity: core.Error, Text: "bad"}}}

type place struct {
	service  core.ServiceID
	listener uint16
}

// kid is a living child.
type kid struct {
	generation core.Generation
	service    core.ServiceID
	pid        core.PID
	retired    bool
	terminated bool
	busy       bool
}

func newHonest(t testing.TB, o core.MachineOptions) *honest {
	o.Strict = true
	return &honest{
		t: t, m: core.New(0, o), listeners: map[place]core.Endpoint{}, files: map[string]place{}, aside: map[place]place{},
	}
}

// step lets an event happen, and everything that follows at once.
func (h *honest) step(ev core.Event) {
	h.t.Helper()
	h.queue = append(h.queue, ev)
	for len(h.queue) > 0 {
		ev := h.queue[0]
		h.queue = h.queue[1:]
		if h.keep {
			h.past = append(h.past, happened{h.now, ev})
		}
		actions := h.m.Step(h.now, ev)
		if err := h.m.Check(); err != nil {
			h.t.Fatalf("%v after %s", err, ev.AppendText(nil))
		}
		h.took = append(h.took, actions...)
		for i := range actions {
			h.carryOut(&actions[i])
		}
	}
}

func (h *honest) carryOut(a *core.Action) {
	h.t.Helper()
	switch a.Kind {
	case core.LoadConfig:
		if h.next == nil {
			h.queue = append(h.queue, core.ConfigRejectedEvent(a.Request, refusal))
			return
		}
		h.queue = append(h.queue, core.ConfigLoadedEvent(a.Request, h.next))
	case core.OpenListener, core.CommitListener, core.AbandonListener, core.MoveListener, core.CloseListener:
		h.listener(a)
	case core.StartChild:
		g := a.Generation
		if how, fails := h.failing[a.Entry.Path]; fails {
			h.queue = append(h.queue, core.ChildStartFailedEvent(a.Service, g, how.step, how.errno))
			return
		}
		h.children = append(h.children, kid{generation: g, service: a.Service, pid: 100 + core.PID(g)})
		answer := core.ChildStartedEvent(a.Service, g, 100+core.PID(g))
		if h.late {
			h.delayed = append(h.delayed, answer)
		} else {
			h.queue = append(h.queue, answer)
		}
	case core.RetireChild:
		h.kid(a).retired = true
	case core.SignalChild:
		h.kid(a).terminated = true
	case core.WakeService:
		h.queue = append(h.queue, core.WakeupSentEvent(a.Request))
		if a.Entry.Type != core.FIFO {
			h.queue = append(h.queue, core.WakeupClosedEvent(a.Request))
		}
	case core.Exit:
		h.ended = true
	}
}

func (h *honest) kid(a *core.Action) *kid {
	h.t.Helper()
	i := slices.IndexFunc(h.children, func(k kid) bool { return k.generation == a.Generation })
	if i < 0 {
		h.t.Fatalf("%s: no such child lives", a.AppendText(nil))
	}
	return &h.children[i]
}

func (h *honest) listener(a *core.Action) {
	h.t.Helper()
	at := place{a.Service, a.Listener}
	end, open := h.listeners[at]
	if open == (a.Kind == core.OpenListener) {
		h.t.Fatalf("%s: open already: %v", a.AppendText(nil), open)
	}
	switch a.Kind {
	case core.OpenListener:
		h.open(a, at)
	case core.CommitListener:
		delete(h.aside, at)
	case core.MoveListener:
		to := place{a.To, a.ToListener}
		delete(h.listeners, at)
		h.listeners[to] = end
		if h.files[end.Path] == at {
			h.files[end.Path] = to
		}
	default:
		delete(h.listeners, at)
		if h.files[end.Path] == at {
			delete(h.files, end.Path)
			if before, ok := h.aside[at]; ok && a.Kind == core.AbandonListener {
				h.files[end.Path] = before
			}
		}
		delete(h.aside, at)
	}
}

func (h *honest) open(a *core.Action, at place) {
	h.t.Helper()
	if h.refuse > 0 {
		h.refuse--
		h.queue = append(h.queue, core.ListenerFailedEvent(a.Service, a.Listener, core.StepBind, core.EADDRINUSE))
		return
	}
	end := a.Entry.Endpoints[a.Listener]
	if errno := h.refused[end.String()]; errno != 0 {
		h.queue = append(h.queue, core.ListenerFailedEvent(a.Service, a.Listener, core.StepBind, errno))
		return
	}
	ours := false
	for _, other := range h.listeners {
		ours = ours || other == end
	}
	if h.orderly && ours != a.Flag {
		h.t.Fatalf("%s: in use by us: %v", a.AppendText(nil), ours)
	}
	h.listeners[at] = end
	if end.Path != "" {
		if before, ok := h.files[end.Path]; ok && a.Flag {
			h.aside[at] = before
		}
		h.files[end.Path] = at
	}
	h.queue = append(h.queue, core.ListenerOpenedEvent(a.Service, a.Listener))
}

// answerAll answers the starts that are still unanswered.
func (h *honest) answerAll() {
	h.late = false
	for len(h.delayed) > 0 {
		ev := h.delayed[0]
		h.delayed = h.delayed[1:]
		h.step(ev)
	}
}

// report sends the machine a report of child i: busy, or free again.
func (h *honest) report(i int) {
	k := &h.children[i]
	if slices.ContainsFunc(h.delayed, func(ev core.Event) bool { return ev.Generation == k.generation }) {
		return // it is not there yet
	}
	status := wire.Taken
	if k.busy {
		status = wire.Available
	}
	k.busy = !k.busy
	h.step(statusEvent(k.generation, wire.Message{PID: int32(k.pid), Generation: uint32(k.generation), Status: status}))
}

// bury ends every child that was cut off or was sent a signal.
func (h *honest) bury() {
	for i := 0; i < len(h.children); {
		k := h.children[i]
		if !k.retired && !k.terminated {
			i++
			continue
		}
		h.children = slices.Delete(h.children, i, i+1)
		status := core.ExitedWith(0)
		if k.terminated {
			status = core.KilledBy(core.SIGTERM)
		}
		h.step(core.ChildExitedEvent(k.generation, k.pid, status))
	}
}

// reload makes the machine load c.
func (h *honest) reload(c *core.Config) {
	h.next, h.took = c, h.took[:0]
	h.step(core.SignalReceivedEvent(core.SIGHUP))
}

// countActions counts the kinds of all actions since took was emptied.
func (h *honest) countActions() (n [core.Exit + 1]int) {
	for i := range h.took {
		n[h.took[i].Kind]++
	}
	return n
}

// inOrder returns what is wrong with files and listeners, if every service of c
// should have its own and no other service any.
func (h *honest) inOrder(c *core.Config) error {
	view := h.m.View()
	wanted := 0
	for i := range c.Services {
		for k, end := range c.Services[i].Endpoints {
			at := place{view.Services[i].ID, uint16(k)}
			wanted++
			if h.listeners[at] != end {
				return fmt.Errorf("listener %d of %s is on %v, want %v", k, c.Services[i].Name, h.listeners[at], end)
			}
			if end.Path != "" && h.files[end.Path] != at {
				return fmt.Errorf("at %s stands what %v made, want %v", end.Path, h.files[end.Path], at)
			}
		}
	}
	if len(h.listeners) != wanted || len(h.aside) != 0 {
		return fmt.Errorf("%d listeners are open, %d wanted; %d files are aside", len(h.listeners), wanted, len(h.aside))
	}
	return nil
}
