package core

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core/wire"
)

// translation turns numbers of one machine into those of another that was
// restored from its canonical form. What the form does not name is no child,
// service or request of either.
type translation struct {
	names CanonNames
	from  RestoreBase
}

func newTranslation(k *Canon, from RestoreBase) translation {
	n := k.Names()
	return translation{CanonNames{
		slices.Clone(n.Services), slices.Clone(n.Children), slices.Clone(n.PIDs), slices.Clone(n.Wakeups), n.Load,
	}, from}
}

func (x translation) event(ev Event) Event {
	ev.Service = translated(x.names.Services, ev.Service, x.from.Service)
	if ev.Kind == StatusReceived && ev.N == wire.StatusSize {
		msg := wire.ParseMessage(ev.Bytes)
		own := slices.Index(x.names.Children, ev.Generation) >= 0 && uint32(ev.Generation) == msg.Generation
		msg.PID = int32(translated(x.names.PIDs, PID(msg.PID), x.from.PID))
		ev.Generation = translated(x.names.Children, ev.Generation, x.from.Generation)
		msg.Generation = 0
		if own {
			msg.Generation = uint32(ev.Generation)
		}
		copy(ev.Bytes[:], msg.Append(nil))
		return ev
	}
	ev.Generation = translated(x.names.Children, ev.Generation, x.from.Generation)
	switch ev.Kind {
	case ConfigLoaded, ConfigRejected:
		if ev.Request != 0 {
			ev.Request = x.from.Request + Request(len(x.names.Wakeups)) + 1
		}
	case ChildStarted:
		ev.PID += x.from.PID
	default:
		ev.Request = translated(x.names.Wakeups, ev.Request, x.from.Request)
		ev.PID = translated(x.names.PIDs, ev.PID, x.from.PID)
	}
	return ev
}

func translated[T ServiceID | Generation | Request | PID](names []T, n, from T) T {
	if n == 0 {
		return 0
	}
	if i := slices.Index(names, n); i >= 0 {
		return from + T(i) + 1
	}
	return 1 << 30
}

// A machine restored from its canonical form, with other numbers and at
// another time, is in the same situation, and stays in it whatever happens.
func TestCanonicalFormTellsTheWholeSituation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := make([]*Config, 3)
		for i := range known {
			known[i] = drawConfig(t)
		}
		k := NewCanon(known...)
		m := &keeper{m: New(0, MachineOptions{Strict: true}), pids: map[Generation]PID{}}
		ev := ConfigLoadedEvent(0, known[0])
		for range 50 {
			form := k.Append(nil, m.m)
			from := RestoreBase{
				Now: Time(rapid.Int64Range(1, 1<<50).Draw(t, "now")), Service: 1 << 20, Generation: 1 << 33, PID: 40000, Request: 1 << 21,
			}
			x := newTranslation(k, from)
			twin, err := k.Restore(form, from)
			if err != nil {
				t.Fatal(err)
			}
			if again := k.Append(nil, twin); !bytes.Equal(form, again) {
				t.Fatalf("a restored machine has another form:\n%x\n%x", form, again)
			}
			was := m.m.now
			actions := m.m.Step(m.now, ev)
			m.observe(actions)
			others := twin.Step(from.Now.Add(m.now.Sub(was)), x.event(ev))
			if err := twin.Check(); err != nil {
				t.Fatal(err)
			}
			if a, b := kinds(actions), kinds(others); a != b {
				t.Fatalf("%s gives other actions:\n%s\n%s", ev.AppendText(nil), a, b)
			}
			if a, b := k.Append(nil, m.m), k.Append(nil, twin); !bytes.Equal(a, b) {
				t.Fatalf("%s gives another form:\n%x\n%x", ev.AppendText(nil), a, b)
			}
			if ev = m.draw(t); ev.Kind == ConfigLoaded {
				ev.Config = rapid.SampledFrom(known).Draw(t, "config")
			}
		}
	})
}

func kinds(actions []Action) string {
	text := ""
	for _, a := range actions {
		text += fmt.Sprint(a.Kind, a.Code, a.Signal, a.Flag, a.Listener, a.Errno, a.Status, " ")
	}
	return text
}

// canonScene makes a machine with two services by a script of events.
func canonScene(t *testing.T, change func(r *rig)) (*rig, *Config) {
	r := started(t, waking(unix("a", 3), 60*Second, false), inet(25, 2))
	first := r.m.config
	change(r)
	return r, first
}

// How often things were started, under which pids and when, is not part of a
// situation.
func TestEqualSituationsHaveOneForm(t *testing.T) {
	form := func(change func(r *rig)) string {
		r := started(t, unix("a", 3), unix("b", 2))
		change(r)
		return string(NewCanon(r.m.config).Append(nil, r.m))
	}
	want := form(func(r *rig) {
		r.step(ListenerReadyEvent(1))
		r.step(ListenerReadyEvent(2))
		r.die(1, ExitedWith(1))
	})
	for name, change := range map[string]func(r *rig){
		"the other way round": func(r *rig) {
			r.step(ListenerReadyEvent(2))
			r.step(ListenerReadyEvent(1))
			r.die(2, ExitedWith(1))
		},
		"later, after others": func(r *rig) {
			r.step(ListenerReadyEvent(2))
			r.die(1, 0)
			r.wait(7 * Second)
			r.step(ListenerReadyEvent(1))
			r.step(ListenerReadyEvent(2))
			r.die(2, ExitedWith(1))
		},
		"after an older throttle": func(r *rig) {
			r.step(ListenerReadyEvent(1))
			r.die(1, ExitedWith(1))
			r.wait(60 * Second)
			r.step(ListenerReadyEvent(1))
			r.step(ListenerReadyEvent(2))
			r.die(2, ExitedWith(1))
		},
	} {
		if got := form(change); got != want {
			t.Errorf("%s: got\n%x, want\n%x", name, got, want)
		}
	}
}

func TestOtherSituationsHaveOtherForms(t *testing.T) {
	scenes := map[string]func(r *rig){
		"nothing":    func(*rig) {},
		"idle":       func(r *rig) { r.step(ListenerReadyEvent(1)) },
		"other idle": func(r *rig) { r.step(ListenerReadyEvent(2)) },
		"starting":   func(r *rig) { r.hold = true; r.step(ListenerReadyEvent(1)) },
		"busy":       func(r *rig) { r.step(ListenerReadyEvent(1)); r.say(1, wire.Taken) },
		"served":     func(r *rig) { r.step(ListenerReadyEvent(1)); r.say(1, wire.Taken); r.say(1, wire.Available) },
		"closed":     func(r *rig) { r.step(ListenerReadyEvent(1)); r.step(ChildChannelClosedEvent(1)) },
		"complained": func(r *rig) { r.step(ListenerReadyEvent(1)); r.step(report(1, 7, 1, wire.Taken)) },
		"throttled":  func(r *rig) { r.step(ListenerReadyEvent(1)); r.die(1, ExitedWith(1)) },
		"less left":  func(r *rig) { r.step(ListenerReadyEvent(1)); r.die(1, ExitedWith(1)); r.wait(Second) },
		"loading":    func(r *rig) { r.step(SignalReceivedEvent(SIGHUP)) },
		"again":      func(r *rig) { r.step(SignalReceivedEvent(SIGHUP)); r.step(SignalReceivedEvent(SIGHUP)) },
		"retired":    func(r *rig) { r.step(ListenerReadyEvent(1)); r.hangup(r.m.config) },
		"removed":    func(r *rig) { r.step(ListenerReadyEvent(1)); r.hangup(conf(inet(25, 2))) },
		"gone":       func(r *rig) { r.hangup(conf(inet(25, 2))) },
		"stressed":   func(r *rig) { r.step(ListenerReadyEvent(2)); r.say(1, wire.Taken); r.step(ListenerReadyEvent(2)) },
		"woken":      func(r *rig) { r.step(WakeupSentEvent(1)) },
		"ended":      func(r *rig) { r.step(SignalReceivedEvent(SIGTERM)) },
	}
	forms := map[string]string{}
	for name, change := range scenes {
		r, first := canonScene(t, change)
		form := string(NewCanon(first, r.m.config).Append(nil, r.m))
		if other, ok := forms[form]; ok {
			t.Errorf("%s and %s have one form", name, other)
		}
		forms[form] = name
	}
}

func TestMalformedCanonicalFormsAreNoPanic(t *testing.T) {
	r, first := canonScene(t, func(r *rig) {
		r.step(ListenerReadyEvent(1))
		r.step(ListenerReadyEvent(2))
		r.step(SignalReceivedEvent(SIGHUP))
	})
	k := NewCanon(first)
	form := k.Append(nil, r.m)
	for n := range form {
		if _, err := k.Restore(form[:n], RestoreBase{}); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(form))
		}
		for _, flip := range []byte{1, 2, 0x55, 0xff} {
			changed := bytes.Clone(form)
			changed[n] ^= flip
			if m, err := k.Restore(changed, RestoreBase{}); err == nil {
				_ = m.View()
			}
		}
	}
}

// A configuration that was refused cannot be named in a form: no machine can
// have it, in force or on its way, nor a service with settings of it.
func TestCanonicalFormsCannotNameRefusedSettings(t *testing.T) {
	good := conf(unix("a", 1))
	bad := conf(with(inet(25, 1), func(s *ServiceConfig) { s.Type = numServiceTypes }))
	if k := NewCanon(bad, good, bad); !slices.Equal(k.configs, []*Config{good}) || !slices.Equal(k.entries, []*ServiceConfig{&good.Services[0]}) {
		t.Errorf("known are %v and %v", k.configs, k.entries)
	}
	r := newRig(t, MachineOptions{})
	r.step(ConfigLoadedEvent(0, good))
	form := NewCanon(good).Append(nil, r.m)
	if _, err := NewCanon(good).Restore(form, RestoreBase{}); err != nil {
		t.Error(err)
	}
	if _, err := NewCanon(bad).Restore(form, RestoreBase{}); err == nil {
		t.Error("accepted")
	}
}
