package config

import (
	"net/netip"
	"strings"
	"testing"
)

// What osadapter/internal/parity/config found to differ from the original.

func TestFacilityKernIsTakenForMail(t *testing.T) {
	_, r := load(goodMain+"syslog_facility = kern\n", "", Flags{})
	const mail = 2
	if !r.OK || r.Config.Log.Facility != mail {
		t.Errorf("accepted %v, facility %d, want that of mail", r.OK, r.Config.Log.Facility)
	}
}

func TestLoopbackOfIPv6StandsForThatOfIPv4Alone(t *testing.T) {
	main := strings.Replace(goodMain, "inet_protocols = all", "inet_protocols = ipv4", 1)
	main = strings.Replace(main, "inet_interfaces = 127.0.0.1", "inet_interfaces = v6.example", 1)
	_, r := load(main, "v6.example:10025 inet n - - - 1 foo\n10026 inet n - - - 1 foo\n", Flags{})
	if !r.OK {
		t.Fatalf("refused: %q", logLines(r.Config.Diagnostics))
	}
	for i, s := range r.Config.Services {
		want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(10025+i))
		if len(s.Endpoints) != 1 || s.Endpoints[0].Address != want {
			t.Errorf("%s listens on %v, want %v", s.Name, s.Endpoints, want)
		}
	}
	_, r = load(main, "[::1]:10025 inet n - - - 1 foo\n", Flags{})
	if r.OK {
		t.Error("the address itself is accepted without IPv6")
	}
}

func TestIPv4AddressInIPv6FormIsThatOfIPv4Alone(t *testing.T) {
	const entry = "[::ffff:127.0.0.1]:10025 inet n - - - 1 foo\n"
	for protocols, want := range map[string]string{"all": "[::ffff:127.0.0.1]:10025", "ipv4": "[127.0.0.1]:10025"} {
		_, r := load(strings.Replace(goodMain, "inet_protocols = all", "inet_protocols = "+protocols, 1), entry, Flags{})
		if !r.OK {
			t.Fatalf("%s: refused: %q", protocols, logLines(r.Config.Diagnostics))
		}
		s := r.Config.Services[0]
		if s.Canonical != want || s.Endpoints[0].Address.Addr().Is4() != (protocols == "ipv4") {
			t.Errorf("%s: %s on %v, want %s", protocols, s.Canonical, s.Endpoints, want)
		}
	}
}

func TestLoopIsReportedAtEveryLevel(t *testing.T) {
	_, r := load(goodMain+"l = ${x:$l ${x}} cc ${x}\nmydestination = $l\n", "", Flags{})
	got := logLines(r.Config.Diagnostics)
	if len(got) != 103 || got[102] != "fatal: "+macroError {
		t.Errorf("%d lines, want 103: the macro, 101 literals and the end", len(got))
	}
}
