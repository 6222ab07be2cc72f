package child

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
	machine "github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/config"
)

func accountOf(name string, uid uint32) core.Account {
	return core.Account{Name: name, UID: uid, GID: uid}
}

func TestOptionsFollowGetopt(t *testing.T) {
	for _, c := range []struct {
		argv string
		want options
	}{
		{"smtpd -n smtp -t inet -u -c -o stress= -s 2", options{
			service: "smtp", transport: "inet", unprivileged: true,
			chroot: true, listeners: 2, overrides: []config.Override{{Name: "stress", Value: ""}}, args: []string{},
		}},
		{"/usr/lib/x/pickup -lvtFIFO -Vdv", options{
			service: "pickup", transport: "fifo", alone: true,
			verbose: 2, toStderr: true, foreground: true, listeners: 1, args: []string{},
		}},
		{"d -z -m5 -i 6 -- -u", options{
			service: "d", unlimited: true, listeners: 1, args: []string{"-u"},
			overrides: []config.Override{{Name: "max_use", Value: "5"}, {Name: "max_idle", Value: "6"}},
		}},
		{"d -D -S -r 9 word -u", options{
			service: "d", debug: true, standard: true, retireAfter: 9 * core.Second,
			listeners: 1, args: []string{"word", "-u"},
		}},
		{"d -", options{service: "d", listeners: 1, args: []string{"-"}}},
	} {
		got, err := parseOptions(strings.Fields(c.argv), machine.Single)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.argv, got, err, c.want)
		}
	}
}

func TestOptionsThatASkeletonDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		kind machine.Skeleton
		argv string
		want string
	}{
		{machine.Trigger, "d -r 5", "invalid option: r"},
		{machine.Multi, "d -r 5", "invalid option: r"},
		{machine.Datagram, "d -S", "invalid option: S"},
		{machine.Single, "d -:", "invalid option: :"},
		{machine.Single, "d -lq", "invalid option: q"},
		{machine.Single, "d -n", "invalid option: n"},
		{machine.Single, "d -s -1", "invalid socket_count: -1"},
		{machine.Single, "d -s 70000", "invalid socket_count: 70000"},
		{machine.Single, "d -r 1x", "invalid retirement time: 1x"},
		{machine.Single, "d -o =x", `invalid "-o =x" option value: missing attribute name`},
	} {
		if _, err := parseOptions(strings.Fields(c.argv), c.kind); err == nil || err.Error() != c.want {
			t.Errorf("%v %s: got %v, want %s", c.kind, c.argv, err, c.want)
		}
	}
	for _, k := range []machine.Skeleton{machine.Single, machine.EventDriven} {
		if _, err := parseOptions([]string{"d", "-r", "5"}, k); err != nil {
			t.Errorf("%v: %v", k, err)
		}
	}
	if _, err := parseOptions(nil, machine.Single); err != nil {
		t.Errorf("an empty argv: %v", err)
	}
}

func TestAnyCommandLineGivesOptionsOrAnError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.StringMatching(`-[cdDilmnorsStuvVz:?-]{0,4}`), rapid.String())
		argv := rapid.SliceOfN(word, 0, 6).Draw(t, "argv")
		kind := machine.Skeleton(rapid.IntRange(int(machine.Single), int(machine.Datagram)).Draw(t, "skeleton"))
		o, err := parseOptions(argv, kind)
		if err == nil && (o.listeners < 1 || o.listeners > maxListeners || o.retireAfter < 0) {
			t.Fatalf("%q: %+v", argv, o)
		}
	})
}

func TestOverridesAreSplitLikeMainFileEntries(t *testing.T) {
	for text, want := range map[string]config.Override{
		"a=b":             {Name: "a", Value: "b"},
		" a = b = c ":     {Name: "a", Value: "b = c"},
		"a=":              {Name: "a", Value: ""},
		"\ta\t=\tb c\r\n": {Name: "a", Value: "b c"},
	} {
		if got, err := parseOverride(text); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":      "missing attribute name",
		" = b":  "missing attribute name",
		"a":     "missing '=' after attribute name",
		"a b=c": "missing '=' after attribute name",
	} {
		if _, err := parseOverride(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestWatchdogLimits(t *testing.T) {
	for _, c := range []struct {
		kind   machine.Skeleton
		server Server
		want   time.Duration
	}{
		{machine.Single, Server{}, 18000 * time.Second},
		{machine.Multi, Server{}, 18000 * time.Second},
		{machine.EventDriven, Server{}, 1000 * time.Second},
		{machine.Trigger, Server{}, 1000 * time.Second},
		{machine.Datagram, Server{}, 1000 * time.Second},
		{machine.Datagram, Server{Watchdog: 10 * time.Second}, 10 * time.Second},
	} {
		p := &Process{kind: c.kind, server: &c.server}
		if got := p.watchdogLimit(18000 * time.Second); got != c.want {
			t.Errorf("%v: got %v, want %v", c.kind, got, c.want)
		}
	}
}

func TestServerSetsExactlyOneFunction(t *testing.T) {
	stream := func(*Process, *Conn) {}
	trigger := func(*Process, []byte) {}
	for _, c := range []struct {
		server Server
		kind   machine.Skeleton
		ok     bool
	}{
		{Server{}, 0, false},
		{Server{Stream: stream, Trigger: trigger}, 0, false},
		{Server{Stream: stream}, machine.Single, true},
		{Server{Requests: func(*Process, *Conn) error { return nil }}, machine.Multi, true},
		{Server{Sessions: stream}, machine.EventDriven, true},
		{Server{Trigger: trigger}, machine.Trigger, true},
		{Server{Datagram: trigger}, machine.Datagram, true},
	} {
		if kind, ok := c.server.skeleton(); ok != c.ok || ok && kind != c.kind {
			t.Errorf("got %v %v, want %v %v", kind, ok, c.kind, c.ok)
		}
	}
}
