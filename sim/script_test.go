package sim

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/servers"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// script is a world in which nothing is drawn: what happens is written down.
type script struct {
	*World
	current     *core.Config // what is on disk
	torn        bool         // it does not parse
	descriptors int32        // that listeners and children may hold; 0: no matter how many
	lines       []line
	clients     []*visitor
}

// line is one line of the daemon's log.
type line struct {
	at    core.Time
	level core.Level
	text  string
}

const restTime = 60 * core.Second

func newScript() *script {
	s := &script{World: NewWorld()}
	s.Fates = map[int32]string{}
	s.World.Programs = map[string]*servers.Program{}
	for _, p := range scriptPrograms {
		s.program(p, servers.Program{})
	}
	s.World.Configure = func() (*core.Config, bool) {
		if s.torn {
			return &core.Config{}, false
		}
		return s.current, true
	}
	s.World.hears = func(level core.Level, text string) { s.lines = append(s.lines, line{s.Now, level, text}) }
	return s
}

var scriptPrograms = []string{"smtpd", "cleanupd", "passd", "qmgrd", "postlogd", "wakened", "flushd", "moved", "deafd"}

func (s *script) program(name string, p servers.Program) { s.World.Programs["/d/"+name] = &p }

// boot starts the daemon. prepare, if not nil, does something to the kernel before.
func (s *script) boot(c *core.Config, prepare func(*kernel.Kernel)) {
	s.current = c
	o := options.Usual()
	o.Steps, o.Services, o.PIDs, o.ArrivalMS, o.Sweep = 1<<30, 1, kernel.MaxProcesses, 0, 256
	o.StatusDelayUS, o.ReadyDelayUS, o.ReapDelayUS, o.LoadDelayMS, o.BootMS, o.ServiceMS = 0, 0, 0, 0, 0, 0
	o.Descriptors = s.descriptors
	s.Choose.Play(nil)
	s.prepare = prepare
	s.guarded(func() { s.begin(o) })
}

// run lets the world go on for a span of time.
func (s *script) run(d core.Duration) { s.runUntil(d, func() bool { return false }) }

// runUntil does so until enough says so, and reports whether it did.
func (s *script) runUntil(d core.Duration, enough func() bool) (did bool) {
	end := s.Now.Add(d)
	s.guarded(func() {
		for did = enough(); !did && s.Failure == nil; did = enough() {
			if len(s.Schedule.Heap) == 0 || s.Schedule.Heap[0].When > end {
				s.Now = end
				return
			}
			if due := s.next(); !s.Stale(&due) {
				s.Now = max(s.Now, due.When)
				s.happen(&due)
			}
			s.visit()
		}
	})
	return did
}

func (s *script) reload(c *core.Config) {
	s.torn = c == nil
	if c != nil {
		s.current = c
	}
	s.Signal(core.SIGHUP)
}

// ended reports whether the daemon is gone.
func (s *script) ended() bool { return s.Daemon.Gone }

func (s *script) logged(text string) bool {
	return slices.ContainsFunc(s.lines, func(l line) bool { return strings.Contains(l.text, text) })
}

// judged lets all trouble end: every invariant and law must hold, and nothing is left
// over.
func (s *script) judged() *witness.Failure {
	s.torn = false
	s.World.Programs = nil
	s.guarded(func() {
		s.EndFaults()
		s.finish()
	})
	return s.Failure
}

// visitor is a client who knocks until there is room.
type visitor struct {
	kind   core.ServiceType
	to     core.Endpoint
	number int32
	state  string // empty: it waits
}

// client lets a client come.
func (s *script) client(t core.ServiceType, to core.Endpoint) *visitor {
	v := &visitor{kind: t, to: to}
	s.clients = append(s.clients, v)
	s.visit()
	return v
}

// visit lets the clients go on.
func (s *script) visit() {
	s.clients = slices.DeleteFunc(s.clients, func(v *visitor) bool {
		if v.number == 0 {
			switch e := s.World.Connect(v.kind, v.to); e {
			case 0:
				v.number = s.Came
			case core.EAGAIN:
			default:
				v.state = witness.ClientRefused.String()
			}
		}
		if v.number != 0 {
			v.state = s.fate(v)
		}
		return v.state != ""
	})
}

// fate says how a client who has come ended.
func (s *script) fate(v *visitor) string {
	if v.kind == core.FIFO || v.kind == core.UnixDatagram {
		l, e := s.Kernel.Listener(v.kind, v.to)
		switch {
		case e != 0:
			return witness.ClientLost.String()
		case !l.HasClient():
			return witness.ClientServed.String()
		}
		return ""
	}
	return s.Fates[v.number]
}

func scriptService(t core.ServiceType, name, program string, limit int32) core.ServiceConfig {
	s := core.ServiceConfig{
		Name: name, Canonical: name, Type: t, Line: 1, ProcessLimit: limit, Command: program, Path: "/d/" + program,
		ThrottleDelay: restTime, Backlog: 5, Owner: mastercf.Owner, SwitchIdentity: true,
	}
	if t != core.Inet {
		s.Canonical, s.LocalOnly = "private/"+name, true
		s.Endpoints = []core.Endpoint{{Path: s.Canonical}}
	}
	return s
}

func scriptInet(name, program string, limit int32, addresses ...string) core.ServiceConfig {
	s := scriptService(core.Inet, name, program, limit)
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, core.Endpoint{Address: netip.MustParseAddrPort(a)})
	}
	return s
}

func waking(s core.ServiceConfig, every core.Duration, ifUsed bool) core.ServiceConfig {
	s.WakeupInterval, s.WakeupIfUsed = every, ifUsed
	return s
}

// scriptConfig gives every service a line of its own, by which settings are known.
func scriptConfig(services ...core.ServiceConfig) *core.Config {
	for i := range services {
		services[i].Line = int32(i + 1)
	}
	return &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", Services: services}
}

// stock is a configuration with a service of every type, some of them with a wakeup of
// their own.
func stock(more ...core.ServiceConfig) *core.Config {
	windowed := scriptInet("smtp", "smtpd", 2, "0.0.0.0:25", "[::]:25")
	windowed.WindowSize = 65536
	return scriptConfig(append([]core.ServiceConfig{
		windowed,
		scriptService(core.Unix, "cleanup", "cleanupd", 0),
		waking(scriptService(core.Pass, "smtpd", "passd", 3), 50*core.Second, false),
		waking(scriptService(core.FIFO, "qmgr", "qmgrd", 1), 100*core.Second, false),
		scriptService(core.UnixDatagram, "postlog", "postlogd", 1),
		waking(scriptInet("2525", "wakened", 1, "127.0.0.1:2525"), 70*core.Second, false),
		waking(scriptService(core.Unix, "flush", "flushd", 1), 80*core.Second, true),
	}, more...)...)
}

func at(name string) core.Endpoint { return core.Endpoint{Path: "private/" + name} }

func address(a string) core.Endpoint { return core.Endpoint{Address: netip.MustParseAddrPort(a)} }

// mustStand fails the test if something was found.
func mustStand(t testing.TB, s *script) {
	t.Helper()
	if s.Failure == nil {
		return
	}
	t.Errorf("%v", s.Failure)
	for _, l := range s.lines {
		t.Logf("%8.3f %s: %s", float64(l.at-witness.StartOfTime)/float64(core.Second), l.level, l.text)
	}
}
