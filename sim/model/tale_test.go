package model

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// tale is a history written by hand.
type tale struct {
	t       *testing.T
	m       *Model
	config  *core.Config
	now     core.Time
	request core.Request
}

const (
	smtpID core.ServiceID = iota + 1
	pickupID
	flushID
)

// smtp is reachable from outside: its children get the stress argument.
func smtp() core.ServiceConfig {
	return core.ServiceConfig{
		Name: "smtp", Canonical: "smtp", Type: core.Inet, Line: 1,
		Endpoints:    []core.Endpoint{{Address: netip.MustParseAddrPort("0.0.0.0:25")}},
		ProcessLimit: 2, Command: "smtpd", Path: "/usr/lib/smtpd", ThrottleDelay: 60 * core.Second,
	}
}

// pickup has an unconditional wakeup and room for one child.
func pickup() core.ServiceConfig {
	return core.ServiceConfig{
		Name: "pickup", Canonical: "public/pickup", Type: core.Unix, Line: 2,
		Endpoints: []core.Endpoint{{Path: "public/pickup"}}, LocalOnly: true,
		ProcessLimit: 1, WakeupInterval: 60 * core.Second,
		Command: "pickup", Path: "/usr/lib/pickup", ThrottleDelay: 60 * core.Second,
	}
}

// flush has a conditional wakeup and no limit.
func flush() core.ServiceConfig {
	return core.ServiceConfig{
		Name: "flush", Canonical: "private/flush", Type: core.Unix, Line: 3,
		Endpoints: []core.Endpoint{{Path: "private/flush"}}, LocalOnly: true,
		WakeupInterval: 1000 * core.Second, WakeupIfUsed: true,
		Command: "flush", Path: "/usr/lib/flush", ThrottleDelay: 60 * core.Second,
	}
}

func configOf(services ...core.ServiceConfig) *core.Config {
	return &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", Services: services}
}

// told returns a tale in which nothing has happened.
func told(t *testing.T, o Flags, services ...core.ServiceConfig) *tale {
	return &tale{t: t, m: New(0, o), config: configOf(services...)}
}

var leader = past.Flags{GroupLeader: true}

// booted returns a tale of a started daemon with smtp, pickup and flush.
func booted(t *testing.T) *tale { return bootedWith(t, leader, smtp(), pickup(), flush()) }

func bootedWith(t *testing.T, o Flags, services ...core.ServiceConfig) *tale {
	x := told(t, o, services...)
	var opens []core.Action
	for i := range x.config.Services {
		opens = append(opens, x.open(core.ServiceID(i+1), 0, x.entry(i), false))
	}
	x.ok(core.ConfigLoadedEvent(0, x.config), opens...)
	for i := range services {
		var actions []core.Action
		if i == len(services)-1 {
			actions = x.bootCommit()
		}
		x.ok(core.ListenerOpenedEvent(core.ServiceID(i+1), 0), actions...)
	}
	return x
}

func (x *tale) bootCommit() []core.Action {
	var actions []core.Action
	for i := range x.config.Services {
		id, e := core.ServiceID(i+1), x.entry(i)
		if e.WakeupInterval > 0 && !e.WakeupIfUsed {
			actions = append(actions, x.wake(id, e))
		}
		actions = append(actions, watch(id))
	}
	return append(actions, apply(x.config), configLine(core.LogStarted, x.config), core.Action{Kind: core.Announce})
}

func (x *tale) entry(i int) *core.ServiceConfig { return &x.config.Services[i] }

// wait lets seconds pass.
func (x *tale) wait(seconds int64) { x.now = x.now.Add(core.Duration(seconds) * core.Second) }

// ok adds a step to the tale that the model must accept.
func (x *tale) ok(ev core.Event, actions ...core.Action) {
	x.t.Helper()
	if err := x.m.Observe(x.now, ev, actions); err != nil {
		x.t.Fatalf("%v at %d: %v", ev.Kind, x.now, err)
	}
}

// not shows the model a step that it must refuse, and by which
// rule; the tale continues as if the step had not been there.
func (x *tale) not(name, rule string, ev core.Event, actions ...core.Action) {
	x.t.Helper()
	m := x.m.Clone()
	x.t.Run(name, func(t *testing.T) {
		t.Helper()
		err := m.Observe(x.now, ev, actions)
		var v *Violation
		if !errors.As(err, &v) {
			t.Fatalf("%v with %d actions: got %v, want a violation of %q", ev.Kind, len(actions), err, rule)
		}
		if v.Rule != rule {
			t.Fatalf("%v: got %v, want a violation of %q", ev.Kind, v, rule)
		}
	})
}

// due compares the predicted deadline, in seconds; below 0 none is wanted.
func (x *tale) due(seconds int64) {
	x.t.Helper()
	want := core.Time(0).Add(core.Duration(seconds) * core.Second)
	if at, ok := x.m.Deadline(); ok != (seconds >= 0) || ok && at != want {
		x.t.Fatalf("deadline: got %d %v, want %d s", at, ok, seconds)
	}
}

// spawn adds a requested child of service id, and its start.
func (x *tale) spawn(id core.ServiceID, g core.Generation, also ...core.Action) {
	x.t.Helper()
	x.ok(core.ListenerReadyEvent(id), ignore(id), x.start(id, g, false))
	x.ok(core.ChildStartedEvent(id, g, pidOf(g)), also...)
}

func (x *tale) start(id core.ServiceID, g core.Generation, stress bool) core.Action {
	return core.Action{Kind: core.StartChild, Service: id, Generation: g, Entry: x.entry(int(id) - 1), Flag: stress}
}

// pidOf is the pid of generation g in these tales.
func pidOf(g core.Generation) core.PID { return 100 + core.PID(g) }

func status(g core.Generation, s wire.Status) core.Event {
	return message(g, wire.Message{PID: int32(pidOf(g)), Generation: uint32(g), Status: s})
}

func message(g core.Generation, msg wire.Message) core.Event {
	var b [wire.StatusSize]byte
	copy(b[:], msg.Append(nil))
	return core.StatusReceivedEvent(g, b, wire.StatusSize)
}

func (x *tale) next() core.Request {
	x.request++
	return x.request
}

func (x *tale) open(id core.ServiceID, listener uint16, e *core.ServiceConfig, aside bool) core.Action {
	return core.Action{Kind: core.OpenListener, Service: id, Listener: listener, Entry: e, Flag: aside}
}

func (x *tale) wake(id core.ServiceID, e *core.ServiceConfig) core.Action {
	return core.Action{Kind: core.WakeService, Service: id, Request: x.next(), Entry: e}
}

// load is the configuration request that follows on a hangup.
func (x *tale) load() []core.Action {
	return []core.Action{
		configLine(core.LogReload, x.config), {Kind: core.LoadConfig, Request: x.next()},
	}
}

func watch(id core.ServiceID) core.Action {
	return core.Action{Kind: core.WatchListener, Service: id}
}

func ignore(id core.ServiceID) core.Action {
	return core.Action{Kind: core.IgnoreListener, Service: id}
}

func apply(c *core.Config) core.Action { return core.Action{Kind: core.ApplyConfig, Config: c} }

func retire(g core.Generation) core.Action {
	return core.Action{Kind: core.RetireChild, Generation: g}
}

func kill(g core.Generation, s core.Signal) core.Action {
	return core.Action{Kind: core.SignalChild, Generation: g, PID: pidOf(g), Signal: s}
}

func closing(id core.ServiceID) core.Action {
	return core.Action{Kind: core.CloseListener, Service: id}
}

func abandon(id core.ServiceID) core.Action {
	return core.Action{Kind: core.AbandonListener, Service: id}
}

func giveUp(r core.Request) core.Action { return core.Action{Kind: core.CloseWakeup, Request: r} }

func exit(number int64, by core.Signal) core.Action {
	return core.Action{Kind: core.Exit, Number: number, Signal: by}
}

func configLine(code core.LogCode, c *core.Config) core.Action {
	return core.Action{Kind: core.Log, Code: code, Level: verdict.Levels[code], Config: c}
}

func logLine(code core.LogCode, e *core.ServiceConfig) core.Action {
	return core.Action{Kind: core.Log, Code: code, Level: verdict.Levels[code], Entry: e}
}

func childLine(code core.LogCode, e *core.ServiceConfig, g core.Generation) core.Action {
	a := logLine(code, e)
	a.PID = pidOf(g)
	return a
}

func exitLine(e *core.ServiceConfig, g core.Generation, s core.ExitStatus) core.Action {
	a := childLine(core.LogExited, e, g)
	a.Status = s
	return a
}

func remark(text string, level core.Level) core.Action {
	return core.Action{Kind: core.Log, Code: core.LogDiagnostic, Level: level, Text: text}
}

// limitLines are the three lines about the process limit.
func limitLines(e *core.ServiceConfig) []core.Action {
	a := logLine(core.LogLimit, e)
	a.Number = int64(e.ProcessLimit)
	return []core.Action{a, logLine(core.LogLimitRemedy, nil), logLine(core.LogLimitHelp, nil)}
}

// listenLines are the lines about the first listener of an entry that cannot be opened.
func listenLines(e *core.ServiceConfig, level core.Level) []core.Action {
	a := core.Action{Kind: core.Log, Code: core.LogListenRemedy, Level: core.LevelInfo, Entry: e, ListenStep: core.StepBind, Errno: core.EADDRINUSE}
	b := a
	b.Code, b.Level = core.LogListenFailed, level
	return []core.Action{a, b}
}

// refusal is the line that a reload is refused.
func refusal(c *core.Config) core.Action { return configLine(core.LogReloadRefused, c) }

func join(parts ...any) []core.Action {
	var all []core.Action
	for _, p := range parts {
		switch p := p.(type) {
		case core.Action:
			all = append(all, p)
		case []core.Action:
			all = append(all, p...)
		}
	}
	return all
}
