package model_test

import (
	"net/netip"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"pgregory.net/rapid"
)

// drawConfig draws a configuration in which little is likely to stay the same.
func drawConfig(t *rapid.T) *core.Config {
	c := &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix"}
	c.ReloadClearsThrottle = below(t, 5, "clears") == 0
	if below(t, 5, "remarks") == 0 {
		c.Diagnostics = []core.Diagnostic{{Severity: core.Warning, Text: "odd"}, {Severity: core.Info, Text: "note"}}
	}
	for _, draw := range []func(*rapid.T) core.ServiceConfig{drawPort, drawPath("qmgr"), drawPort, drawPath("smtp"), drawPath("flush")} {
		if below(t, 4, "present") == 0 {
			continue
		}
		c.Services = append(c.Services, drawSettings(t, draw(t)))
	}
	seen := make(map[string]bool)
	c.Services = slices.DeleteFunc(c.Services, func(e core.ServiceConfig) bool {
		key := e.Canonical + " " + e.Type.String()
		defer func() { seen[key] = true }()
		return seen[key]
	})
	return c
}

func drawSettings(t *rapid.T, e core.ServiceConfig) core.ServiceConfig {
	e.Line = 1
	e.ProcessLimit = int32(below(t, 4, "limit"))
	e.WakeupInterval = core.Duration([]int{0, 0, 3, 60, 300}[below(t, 5, "wakeup")]) * core.Second
	e.WakeupIfUsed = e.WakeupInterval > 0 && rapid.Bool().Draw(t, "if used")
	e.ThrottleDelay = core.Duration(1+below(t, 60, "throttle")) * core.Second
	e.Command = []string{"one", "two"}[below(t, 2, "command")]
	e.Path = "/usr/lib/" + e.Command
	return e
}

func drawPort(t *rapid.T) core.ServiceConfig {
	any4, lo4, lo6 := netip.MustParseAddrPort("0.0.0.0:25"), netip.MustParseAddrPort("127.0.0.1:25"), netip.MustParseAddrPort("[::1]:25")
	ends := func(list ...netip.AddrPort) []core.Endpoint {
		var all []core.Endpoint
		for _, a := range list {
			all = append(all, core.Endpoint{Address: a})
		}
		return all
	}
	all := []core.ServiceConfig{
		{Name: "smtp", Canonical: "smtp", Endpoints: ends(any4)},
		{Name: "25", Canonical: "smtp", Endpoints: ends(any4)},
		{Name: "0.0.0.0:25", Canonical: "0.0.0.0:smtp", Endpoints: ends(any4), HostInName: true},
		{Name: "localhost:25", Canonical: "localhost:smtp", Endpoints: ends(lo4, lo6), HostInName: true, LocalOnly: true},
		{Name: "localhost:25", Canonical: "localhost:smtp", Endpoints: ends(lo6), HostInName: true, LocalOnly: true},
		{Name: "[::1]:25", Canonical: "[::1]:smtp", Endpoints: ends(lo6), HostInName: true, LocalOnly: true},
	}
	e := all[rapid.IntRange(0, len(all)-1).Draw(t, "port")]
	e.Type = core.Inet
	return e
}

func drawPath(name string) func(*rapid.T) core.ServiceConfig {
	return func(t *rapid.T) core.ServiceConfig {
		path := []string{"private/", "public/"}[below(t, 2, "privacy")] + name
		return core.ServiceConfig{
			Name: name, Canonical: path, Type: core.Unix + core.ServiceType(below(t, 4, "transport")),
			Endpoints: []core.Endpoint{{Path: path}}, LocalOnly: true,
		}
	}
}
