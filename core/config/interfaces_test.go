package config

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// A kernel that cannot tell its interfaces has not none of them.
func TestInterfacesThatCannotBeListedAreNotMissing(t *testing.T) {
	for value, want := range map[string]string{
		"127.0.0.1": "could not list the network interfaces (Too many open files)",
		"all":       "could not list the network interfaces (Too many open files)",
	} {
		facts := vectorFacts()
		facts.Interfaces, facts.InterfacesError = nil, core.EMFILE
		text := strings.Replace(goodMain, "inet_interfaces = 127.0.0.1", "inet_interfaces = "+value, 1)
		p := Evaluate(ParseMain("/v/config/main.cf", latin1(text)), facts, EvaluateOptions{})
		if p.OK() || !strings.Contains(strings.Join(logLines(p.Diagnostics), "\n"), want) {
			t.Errorf("inet_interfaces = %s: %q\nwant %q", value, logLines(p.Diagnostics), want)
		}
	}
}
