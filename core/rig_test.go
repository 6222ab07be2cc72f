package core

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// rig drives a machine the way an adapter must: it answers what is asked,
// unless the test wants to answer later, and keeps the lines of the trace.
type rig struct {
	t       testing.TB
	m       *Machine
	now     Time
	hold    bool              // the test answers by itself
	refuse  map[string]Errno  // endpoint: OpenListener fails with this
	fail    map[string]Failed // path: StartChild fails with this
	next    []*Config         // answers to LoadConfig; nil: rejected
	request Request           // of the last LoadConfig
	lastPID PID
	pids    map[Generation]PID
	asked   []Action // not answered, with hold
	lines   []string // of the actions since the last call of took
	exit    *Action
}

// Failed is how a start fails.
type Failed struct {
	Step  StartStep
	Errno Errno
}

func newRig(t testing.TB, o MachineOptions) *rig {
	o.Strict = true
	return &rig{
		t: t, m: New(1000, o), now: 1000, lastPID: 100,
		refuse: map[string]Errno{}, fail: map[string]Failed{}, pids: map[Generation]PID{},
	}
}

// started returns a rig whose machine runs the services.
func started(t testing.TB, services ...ServiceConfig) *rig {
	r := newRig(t, MachineOptions{GroupLeader: true})
	r.step(ConfigLoadedEvent(0, conf(services...)))
	if !r.m.View().Running {
		t.Fatalf("the machine does not run:\n%s", strings.Join(r.lines, "\n"))
	}
	r.took()
	return r
}

func conf(services ...ServiceConfig) *Config {
	return &Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", Services: services}
}

func unix(name string, limit int32) ServiceConfig {
	return ServiceConfig{
		Name: name, Canonical: "private/" + name, Type: Unix, Line: 1,
		Endpoints: []Endpoint{{Path: "private/" + name}}, LocalOnly: true,
		ProcessLimit: limit, Command: name + "d", Path: "/d/" + name + "d", ThrottleDelay: 60 * Second,
	}
}

func inet(port uint16, limit int32) ServiceConfig {
	name := fmt.Sprint(port)
	return ServiceConfig{
		Name: name, Canonical: name, Type: Inet, Line: 1,
		Endpoints:    []Endpoint{{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port)}},
		ProcessLimit: limit, Command: "smtpd", Path: "/d/smtpd", ThrottleDelay: 60 * Second,
	}
}

func waking(s ServiceConfig, interval Duration, ifUsed bool) ServiceConfig {
	s.WakeupInterval, s.WakeupIfUsed = interval, ifUsed
	return s
}

func with(s ServiceConfig, change func(*ServiceConfig)) ServiceConfig {
	change(&s)
	return s
}

func (r *rig) step(ev Event) {
	r.t.Helper()
	queue := []Event{ev}
	for len(queue) > 0 {
		actions := r.m.Step(r.now, queue[0])
		queue = queue[1:]
		for i := range actions {
			a := actions[i]
			r.lines = append(r.lines, string(a.AppendText(nil)))
			if answer, ok := r.answer(a); ok {
				queue = append(queue, answer)
			}
		}
		if err := r.m.Check(); err != nil {
			r.t.Fatalf("%v after:\n%s", err, strings.Join(r.lines, "\n"))
		}
	}
}

func (r *rig) answer(a Action) (Event, bool) {
	switch a.Kind {
	case Exit:
		r.exit = &a
	case LoadConfig:
		r.request = a.Request
		if r.hold || len(r.next) == 0 {
			return Event{}, false
		}
		c := r.next[0]
		r.next = r.next[1:]
		if c == nil {
			return ConfigRejectedEvent(a.Request, &Config{Diagnostics: []Diagnostic{{Severity: Error, Text: "bad", Hint: "good"}}}), true
		}
		return ConfigLoadedEvent(a.Request, c), true
	case OpenListener, StartChild:
		if r.hold {
			r.asked = append(r.asked, a)
			return Event{}, false
		}
		return r.done(a), true
	}
	return Event{}, false
}

// done is the answer to an action.
func (r *rig) done(a Action) Event {
	switch a.Kind {
	case OpenListener:
		if e := r.refuse[a.Entry.Endpoints[a.Listener].String()]; e != 0 {
			return ListenerFailedEvent(a.Service, a.Listener, StepBind, e)
		}
		return ListenerOpenedEvent(a.Service, a.Listener)
	case StartChild:
		if f, ok := r.fail[a.Entry.Path]; ok {
			return ChildStartFailedEvent(a.Service, a.Generation, f.Step, f.Errno)
		}
		r.lastPID++
		r.pids[a.Generation] = r.lastPID
		return ChildStartedEvent(a.Service, a.Generation, r.lastPID)
	}
	r.t.Fatalf("%v is not answered", a.Kind)
	return Event{}
}

func (r *rig) say(g Generation, s wire.Status) {
	r.t.Helper()
	r.step(report(g, r.pids[g], uint32(g), s))
}

func report(g Generation, pid PID, wireGeneration uint32, s wire.Status) Event {
	var b [wire.StatusSize]byte
	copy(b[:], wire.Message{PID: int32(pid), Generation: wireGeneration, Status: s}.Append(nil))
	return StatusReceivedEvent(g, b, len(b))
}

func (r *rig) die(g Generation, s ExitStatus) {
	r.t.Helper()
	r.step(ChildExitedEvent(g, r.pids[g], s))
}

// wait lets time pass and fires every deadline on the way at its instant.
func (r *rig) wait(d Duration) {
	r.t.Helper()
	end := r.now.Add(d)
	for {
		when, ok := r.m.Deadline()
		if !ok || when > end {
			break
		}
		r.now = max(r.now, when)
		r.step(TimerExpiredEvent())
	}
	r.now = end
}

// took returns the lines since the last call.
func (r *rig) took() []string {
	lines := r.lines
	r.lines = nil
	return lines
}

// want compares the lines since the last call.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	got := strings.Join(r.took(), "\n")
	if want := strings.Join(lines, "\n"); got != want {
		r.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// has fails unless one of the lines since the last call contains the text.
func (r *rig) has(text string) {
	r.t.Helper()
	if got := strings.Join(r.took(), "\n"); !strings.Contains(got, text) {
		r.t.Errorf("got:\n%s\nwant a line with: %s", got, text)
	}
}

func (r *rig) service(name string) ServiceView {
	r.t.Helper()
	for _, s := range r.m.View().Services {
		if s.Name == name && s.State != StateStopping {
			return s
		}
	}
	r.t.Fatalf("no service %s", name)
	return ServiceView{}
}

func (r *rig) state(name string, want State) {
	r.t.Helper()
	if got := r.service(name).State; got != want {
		r.t.Errorf("service %s is %v, want %v", name, got, want)
	}
}

func (r *rig) hangup(next ...*Config) {
	r.t.Helper()
	r.next = append(r.next, next...)
	r.step(SignalReceivedEvent(SIGHUP))
}
