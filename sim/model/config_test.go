package model

import (
	"net/netip"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// Which configuration has a fault is read without the machine: one that took it
// would be found out, and so would one that says nothing of it.
func TestFaultyConfigurationsMustBeRefused(t *testing.T) {
	sound := func() *core.Config {
		return &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", Services: []core.ServiceConfig{{
			Name: "alpha", Canonical: "private/alpha", Type: core.Unix, Line: 1, LocalOnly: true,
			Endpoints: []core.Endpoint{{Path: "private/alpha"}}, Path: "/d/alphad", ThrottleDelay: core.Second,
		}}}
	}
	address := core.Endpoint{Address: netip.MustParseAddrPort("127.0.0.1:25")}
	for _, c := range []struct {
		name   string
		change func(s *core.ServiceConfig)
	}{
		{"an unknown transport", func(s *core.ServiceConfig) { s.Type = 9 }},
		{"no transport", func(s *core.ServiceConfig) { s.Type = 0 }},
		{"no listener", func(s *core.ServiceConfig) { s.Endpoints = nil }},
		{"too many listeners", func(s *core.ServiceConfig) { s.Endpoints = make([]core.Endpoint, 1025) }},
		{"an address for a unix service", func(s *core.ServiceConfig) { s.Endpoints = []core.Endpoint{address} }},
		{"a path for an inet service", func(s *core.ServiceConfig) { s.Type = core.Inet }},
		{"a negative limit", func(s *core.ServiceConfig) { s.ProcessLimit = -1 }},
		{"a short wakeup", func(s *core.ServiceConfig) { s.WakeupInterval = 1 }},
		{"a negative wakeup", func(s *core.ServiceConfig) { s.WakeupInterval = -core.Second }},
		{"a long wakeup", func(s *core.ServiceConfig) { s.WakeupInterval = 1 << 31 * core.Second }},
		{"a short throttle time", func(s *core.ServiceConfig) { s.ThrottleDelay = core.Second - 1 }},
		{"a long throttle time", func(s *core.ServiceConfig) { s.ThrottleDelay = 1 << 31 * core.Second }},
	} {
		config := sound()
		c.change(&config.Services[0])
		mustBeRefused(t, c.name, config)
	}
	twice := sound()
	twice.Services = append(twice.Services, twice.Services[0])
	mustBeRefused(t, "one service twice", twice)

	config := sound()
	ev := core.ConfigLoadedEvent(0, config)
	actions := core.New(0, core.MachineOptions{}).Step(1, ev)
	if err := New(0, Flags{}).Observe(1, ev, actions); err != nil {
		t.Errorf("a sound configuration: %v", err)
	}
}

func mustBeRefused(t *testing.T, name string, config *core.Config) {
	t.Helper()
	ev := core.ConfigLoadedEvent(0, config)
	actions := core.New(0, core.MachineOptions{}).Step(1, ev)
	if err := New(0, Flags{}).Observe(1, ev, actions); err != nil {
		t.Errorf("%s: the machine refuses it, and the model says: %v", name, err)
	}
	taken := []core.Action{{Kind: core.OpenListener, Service: 1, Entry: &config.Services[0]}}
	if New(0, Flags{}).Observe(1, ev, taken) == nil {
		t.Errorf("%s: a machine that takes it is not found out", name)
	}
	if New(0, Flags{}).Observe(1, ev, []core.Action{{Kind: core.Exit, Number: 1}}) == nil {
		t.Errorf("%s: a machine that does not say why it ends is not found out", name)
	}
}
