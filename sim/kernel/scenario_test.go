package kernel

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

var owner = core.Account{Name: "postfix", UID: 89, GID: 90}

const throttleDelay = 60 * core.Second

func service(t core.ServiceType, name, program string, limit int32) core.ServiceConfig {
	s := core.ServiceConfig{
		Name: name, Canonical: name, Type: t, Line: 1, ProcessLimit: limit, Command: program, Path: "/d/" + program,
		ThrottleDelay: throttleDelay, Backlog: 5, Owner: owner, SwitchIdentity: true,
	}
	if t != core.Inet {
		s.Canonical, s.LocalOnly = "private/"+name, true
		s.Endpoints = []core.Endpoint{{Path: s.Canonical}}
	}
	return s
}

func inet(name, program string, limit int32, addresses ...string) core.ServiceConfig {
	s := service(core.Inet, name, program, limit)
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, core.Endpoint{Address: netip.MustParseAddrPort(a)})
	}
	return s
}

func waking(s core.ServiceConfig, every core.Duration, ifUsed bool) core.ServiceConfig {
	s.WakeupInterval, s.WakeupIfUsed = every, ifUsed
	return s
}

func configuration(services ...core.ServiceConfig) *core.Config {
	return &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", Services: services}
}

// stock is a configuration with a service of every type, two of them with a
// wakeup of their own.
func stock(more ...core.ServiceConfig) *core.Config {
	windowed := inet("smtp", "smtpd", 2, "0.0.0.0:25", "[::]:25")
	windowed.WindowSize = 65536
	return configuration(append([]core.ServiceConfig{
		windowed,
		service(core.Unix, "cleanup", "cleanupd", 0),
		waking(service(core.Pass, "smtpd", "passd", 3), 50*core.Second, false),
		waking(service(core.FIFO, "qmgr", "qmgrd", 1), 100*core.Second, false),
		service(core.UnixDatagram, "postlog", "postlogd", 1),
		waking(inet("2525", "wakened", 1, "127.0.0.1:2525"), 70*core.Second, false),
		waking(service(core.Unix, "flush", "flushd", 1), 80*core.Second, true),
	}, more...)...)
}

var programs = []string{"smtpd", "cleanupd", "passd", "qmgrd", "postlogd", "wakened", "flushd", "moved", "deafd"}

func newTestWorld(dice *Dice) *World {
	w := NewWorld(owner, dice)
	for _, p := range programs {
		w.kernel.SetProgram("/d/"+p, Program{})
	}
	return w
}

func path(name string) core.Endpoint { return core.Endpoint{Path: "private/" + name} }

func address(a string) core.Endpoint { return core.Endpoint{Address: netip.MustParseAddrPort(a)} }

// play is a day in the life of the daemon: a client for every type of
// service, a full service, a child that crashes, one that hangs, programs that
// cannot be executed, and every kind of reload.
func play(w *World) {
	k := w.kernel
	k.Put("private/cleanup", sys.SocketFile) // of a master that was killed
	w.Boot(stock())
	w.Run(core.Second)
	playClients(w)
	playCrashes(w)
	playReloads(w)
	playMoves(w)
	playRemoval(w)
	playDisks(w)
	w.Run(150 * core.Second)
}

func playClients(w *World) {
	k := w.kernel
	k.SetProgram("/d/smtpd", Program{Work: 2 * core.Second})
	for range 4 {
		w.Client(core.Inet, address("127.0.0.1:25"))
		w.Run(core.Second / 2)
	}
	w.Client(core.Inet, address("[::1]:25"))
	w.Client(core.Unix, path("cleanup"))
	w.Client(core.Pass, path("smtpd"))
	w.Client(core.FIFO, path("qmgr"))
	w.Client(core.UnixDatagram, path("postlog"))
	w.Client(core.Unix, path("flush"))
	w.Run(20 * core.Second)
}

func playCrashes(w *World) {
	k := w.kernel
	k.SetProgram("/d/cleanupd", Program{DieBusy: true, DieStatus: core.KilledBy(core.SIGSEGV), Work: core.Second})
	w.Reload(stock()) // the good child leaves
	w.Run(core.Second)
	w.Client(core.Unix, path("cleanup"))
	w.Run(5 * core.Second) // throttled
	w.Client(core.Unix, path("cleanup"))
	k.SetProgram("/d/cleanupd", Program{MaxUse: 2, MaxIdle: 10 * core.Second, Liar: true})
	k.RemoveProgram("/d/flushd")
	w.Client(core.Unix, path("flush"))
	w.Run(throttleDelay)
	k.SetProgram("/d/flushd", Program{})
	k.SetProgram("/d/passd", Program{Closes: true})
	w.Reload(stock())
	w.Run(core.Second)
	w.Client(core.Pass, path("smtpd"))
	w.Run(throttleDelay + 10*core.Second)
	k.SetProgram("/d/passd", Program{})
}

func playReloads(w *World) {
	k := w.kernel
	w.Reload(nil)
	w.Run(core.Second)
	k.Put("private/taken", sys.Directory)
	w.Reload(stock( // both the displaced path and the new address are given back
		inet("2626", "moved", 1, "127.0.0.1:2626"),
		service(core.FIFO, "cleanup", "moved", 1),
		service(core.UnixDatagram, "qmgr", "moved", 1),
		service(core.Unix, "taken", "moved", 1),
	))
	w.Run(core.Second)
	k.Take("private/taken")
	w.Reload(stock(service(core.FIFO, "flush", "moved", 1), service(core.Unix, strings.Repeat("x", 200), "moved", 1)))
	w.Run(core.Second)
	k.Limit = k.used() + 1 // one path is had and given back, for the next there is no descriptor
	short := stock()
	short.Services[1] = service(core.FIFO, "cleanup", "moved", 1)
	short.Services[3] = service(core.Unix, "qmgr", "moved", 1)
	w.Reload(short)
	w.Run(core.Second)
	k.Limit = 256
}

// playMoves changes the type of services on their paths, and the service of
// an address, with a client waiting in it.
func playMoves(w *World) {
	k := w.kernel
	moved := stock()
	s := moved.Services
	s[1] = service(core.FIFO, "cleanup", "moved", 1)
	s[3] = waking(service(core.Unix, "qmgr", "qmgrd", 1), 100*core.Second, false)
	s[4] = service(core.Pass, "postlog", "passd", 1)
	s[5] = waking(inet("localhost:2525", "moved", 1, "127.0.0.1:2525"), 70*core.Second, true)
	k.SetProgram("/d/wakened", Program{Work: 3 * core.Second})
	w.Client(core.Inet, address("127.0.0.1:2525"))
	w.Run(core.Second)
	w.Client(core.Inet, address("127.0.0.1:2525"))
	w.Reload(moved)
	w.Reload(moved)
	w.Run(10 * core.Second)
	w.Client(core.FIFO, path("cleanup"))
	w.Client(core.Unix, path("qmgr"))
	w.Client(core.Pass, path("postlog"))
	w.Client(core.Inet, address("127.0.0.1:2525"))
	w.Run(10 * core.Second)
}

// playRemoval takes services away while a deaf child and a busy one live, and
// brings them back.
func playRemoval(w *World) {
	k := w.kernel
	k.SetProgram("/d/deafd", Program{Deaf: true, Work: 300 * core.Second})
	w.Reload(stock(service(core.Unix, "deaf", "deafd", 2)))
	w.Run(core.Second)
	w.Client(core.Unix, path("deaf"))
	w.Client(core.Unix, path("deaf"))
	w.Run(core.Second)
	w.Reload(stock())
	w.Run(core.Second)
	k.SetProgram("/d/deafd", Program{})
	w.Reload(stock(service(core.Unix, "deaf", "deafd", 1)))
	w.Run(core.Second)
	w.Client(core.Unix, path("deaf")) // held until the deaf child is killed
	w.Run(10 * core.Second)
}

// playDisks lets programs be executed late, after a reload and a removal, or not at all.
func playDisks(w *World) {
	k := w.kernel
	k.SetProgram("/d/moved", Program{Exec: 3 * core.Second})
	k.SetProgram("/d/deafd", Program{Exec: 15 * core.Second, DeadDisk: true})
	slow, dead := service(core.Unix, "slow", "moved", 1), service(core.Unix, "dead", "deafd", 1)
	gone := service(core.Unix, "gone", "moved", 1)
	w.Reload(stock(slow, dead, gone))
	w.Run(core.Second)
	for _, name := range []string{"slow", "dead", "gone"} {
		w.Client(core.Unix, path(name))
	}
	w.Run(core.Second)
	w.Reload(stock(slow, dead))
	w.Run(11 * core.Second)
	k.SetProgram("/d/deafd", Program{Exec: core.Second, ExecErrno: core.EIO})
	w.Run(throttleDelay)
	k.SetProgram("/d/moved", Program{})
	k.SetProgram("/d/deafd", Program{})
}

// judge lets the trouble end, looks whether everybody is served, reloads, looks
// again, and ends the daemon.
func judge(w *World) {
	w.Mend()
	if !w.ended() {
		w.Serves(throttleDelay + 30*core.Second)
		w.Reload(w.current)
		w.Serves(throttleDelay + 30*core.Second)
		w.Stop()
		return
	}
	w.Stop()
}

func report(t testing.TB, w *World) {
	t.Helper()
	if len(w.Findings()) == 0 {
		return
	}
	for _, f := range w.Findings() {
		t.Errorf("%s", f)
	}
	for _, l := range w.Log() {
		t.Logf("%8.3f %s: %s", float64(l.At-Start)/float64(core.Second), l.Level, l.Text)
	}
}

func TestTheDayPassesWithoutAFinding(t *testing.T) {
	w := newTestWorld(nil)
	play(w)
	for _, text := range []string{
		"daemon started", "bad command startup", "master_spawn: exec /d/flushd", "reload refused", "is a directory", "socket: too many open files",
		"sending SIGKILL", "sent a status update for pid", "closed its status channel", "name too long",
		"exec /d/deafd: Connection timed out", "exec /d/deafd: Input/output error",
	} {
		if !strings.Contains(strings.ToLower(logText(w)), strings.ToLower(text)) {
			t.Errorf("the day has no line with: %s", text)
		}
	}
	if w.Ending() != nil {
		t.Errorf("the daemon ended: %+v", *w.Ending())
	}
	judge(w)
	report(t, w)
	for c := range numCalls {
		if w.kernel.calls[c] == 0 {
			t.Errorf("the day has no call of %s", c)
		}
	}
	t.Logf("%d calls, %d lines", w.kernel.total, len(w.Log()))
}
