package core

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// A snapshot of a state that cannot be is refused, whatever is wrong with it.
func TestSnapshotsOfImpossibleStatesAreRefused(t *testing.T) {
	for name, plant := range map[string]func(m *Machine){
		"service without a number":       func(m *Machine) { m.active[0].id = 0 },
		"two services of one number":     func(m *Machine) { m.active[1].id = m.active[0].id },
		"fewer listeners than endpoints": func(m *Machine) { m.active[0].listeners = nil },
		"child without a generation":     func(m *Machine) { m.active[0].first.generation = 0 },
		"two children of one generation": func(m *Machine) { m.active[0].last.generation = m.active[0].first.generation },
		"child in no state":              func(m *Machine) { m.active[0].last.state = childBusy + 1 },
		"wakeup without a request":       func(m *Machine) { m.active[0].openWakeups.request = 0 },
		"two wakeups of one request":     func(m *Machine) { m.active[0].openWakeups.request = m.active[0].openWakeups.next.request },
		"service that waits for itself":  func(m *Machine) { m.stopping[0].successors[0] = m.stopping[0] },
		"service that waits for nobody":  func(m *Machine) { m.stopping[0].successors[0] = &service{id: 99} },
		"answer that nobody will give":   func(m *Machine) { m.reload.pending++ },
		"service that nobody is to open": func(m *Machine) { m.reload.added = append(m.reload.added, m.newService(m.reload.added[0].entry)) },
		"reload without its new service": func(m *Machine) { m.services.remove(uint64(m.reload.added[0].id)); m.reload.added = nil },
		"reload to impossible settings":  func(m *Machine) { m.reload.plan.Config.Services[0].ProcessLimit = -1 },
		"impossible settings in force":   func(m *Machine) { m.config.Services[0].ProcessLimit = -1 },
		"reload without a plan":          func(m *Machine) { m.reload.plan = nil },
		"reload in an unknown phase":     func(m *Machine) { m.reload.phase = reloadDisplacing + 1 },
		"unknown phase":                  func(m *Machine) { m.phase = phaseExited + 1 },
		"no configuration":               func(m *Machine) { m.config = nil },
		"booting for the second time":    func(m *Machine) { m.phase = phaseBooting },
		"service ahead of the last":      func(m *Machine) { m.lastService = 1 },
		"child ahead of the last":        func(m *Machine) { m.lastGeneration = 1 },
		"wakeup ahead of the last":       func(m *Machine) { m.lastRequest = 0 },
		"timer ahead of the last":        func(m *Machine) { m.timers.seq = 0 },
		"service of an unknown type": func(m *Machine) {
			entry := *m.active[0].entry
			entry.Type = numServiceTypes
			m.active[0].entry = &entry
		},
		"listener of an unknown state":    func(m *Machine) { m.active[0].listeners[0] = listenerRefused + 1 },
		"client that nobody waits for":    func(m *Machine) { m.active[1].watching = false },
		"throttled without an end of it":  func(m *Machine) { m.active[0].throttled = true },
		"wakeups that come at no instant": func(m *Machine) { m.timers.cancel(&m.active[0].wakeupTimer) },
	} {
		r := started(t, waking(unix("a", 4), 60*Second, false), unix("b", 1), unix("c", 1))
		r.step(WakeupSentEvent(1))
		r.wait(60 * Second)
		r.step(ListenerReadyEvent(3))
		r.hangup(conf(waking(unix("a", 4), 60*Second, false), unix("b", 1)))
		r.hangup(conf(waking(unix("a", 4), 60*Second, false), unix("b", 1), unix("c", 1)))
		for range 2 {
			r.step(ListenerReadyEvent(1))
			r.say(r.m.lastGeneration, wire.Taken)
		}
		r.hold = true
		r.step(SignalReceivedEvent(SIGHUP))
		r.step(ConfigLoadedEvent(r.request, conf(waking(unix("a", 4), 60*Second, false), unix("b", 1), unix("c", 1), unix("d", 1))))
		if _, err := Restore(r.m.Snapshot()); err != nil {
			t.Fatalf("as it is: %v", err)
		}
		plant(r.m)
		if _, err := Restore(r.m.Snapshot()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEndpointsHaveOneForm(t *testing.T) {
	address := netip.AddrPortFrom(netip.IPv6Loopback(), 25)
	for _, x := range []struct {
		path, text string
		want       bool
	}{
		{"private/a", "", true},
		{"", address.String(), true},
		{"", "", true},
		{"private/a", address.String(), false},
		{"", "nowhere", false},
		{"", "[0:0::1]:25", false},
		{"", "[::1]:025", false},
	} {
		var b codec
		b.string(&x.path)
		b.string(&x.text)
		c, e := codec{b: b.b, reading: true}, Endpoint{}
		c.endpoint(&e)
		if (c.err == nil) != x.want {
			t.Errorf("%+v: got %+v, %v", x, e, c.err)
		}
		var again codec
		if again.endpoint(&e); c.err == nil && !bytes.Equal(again.b, b.b) {
			t.Errorf("%+v is written as %q", x, again.b)
		}
		if c.err == nil && (e.Path != x.path || x.text != "" && e.Address != address) {
			t.Errorf("%+v: got %+v", x, e)
		}
	}
}

// A count of successors that cannot be is refused before anything is done so
// many times.
func TestImpossibleCountsOfSuccessorsAreRefused(t *testing.T) {
	for _, n := range []int{-1, 2, 1 << 60} {
		var b codec
		number(&b, &n)
		s := &service{}
		w := machineWalk{c: codec{b: b.b, reading: true}, m: &Machine{}, all: []*service{s}}
		if w.successors(s); w.c.err == nil {
			t.Errorf("%d successors of one service were accepted", n)
		}
	}
}
