package sim

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/servers"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// playDay is a day in the life of the daemon: a client for every type of service, a
// full service, a child that crashes, one that hangs, programs that cannot be executed,
// and every kind of reload.
func playDay(s *script, prepare func(*kernel.Kernel)) {
	s.boot(stock(), func(k *kernel.Kernel) {
		k.Put("private/cleanup", sys.SocketFile) // of a master that was killed
		if prepare != nil {
			prepare(k)
		}
	})
	s.run(core.Second)
	playClients(s)
	playCrashes(s)
	playReloads(s)
	playMoves(s)
	playRemoval(s)
	playDisks(s)
	s.run(150 * core.Second)
}

func playClients(s *script) {
	s.program("smtpd", servers.Program{Work: 2 * core.Second})
	for range 4 {
		s.client(core.Inet, address("127.0.0.1:25"))
		s.run(core.Second / 2)
	}
	s.client(core.Inet, address("[::1]:25"))
	s.client(core.Unix, at("cleanup"))
	s.client(core.Pass, at("smtpd"))
	s.client(core.FIFO, at("qmgr"))
	s.client(core.UnixDatagram, at("postlog"))
	s.client(core.Unix, at("flush"))
	s.run(20 * core.Second)
}

func playCrashes(s *script) {
	s.program("cleanupd", servers.Program{Behaviour: witness.DieBusy, Work: core.Second})
	s.reload(stock()) // the good child leaves
	s.run(core.Second)
	s.client(core.Unix, at("cleanup"))
	s.run(5 * core.Second) // throttled
	s.client(core.Unix, at("cleanup"))
	s.program("cleanupd", servers.Program{Behaviour: witness.Garbage, MaxUse: 2, MaxIdle: 10 * core.Second})
	s.program("flushd", servers.Program{Missing: true})
	s.client(core.Unix, at("flush"))
	s.run(restTime)
	s.program("flushd", servers.Program{})
	s.program("passd", servers.Program{Behaviour: witness.Closer, Work: 3 * core.Second})
	s.reload(stock())
	s.run(core.Second)
	s.client(core.Pass, at("smtpd"))
	s.run(restTime + 10*core.Second)
	s.program("passd", servers.Program{})
}

func playReloads(s *script) {
	k := s.Kernel
	s.reload(nil)
	s.run(core.Second)
	k.Put("private/taken", sys.Directory)
	s.reload(stock( // both the displaced path and the new address are given back
		scriptInet("2626", "moved", 1, "127.0.0.1:2626"),
		scriptService(core.FIFO, "cleanup", "moved", 1),
		scriptService(core.UnixDatagram, "qmgr", "moved", 1),
		scriptService(core.Unix, "taken", "moved", 1),
	))
	s.run(core.Second)
	k.Take("private/taken")
	s.reload(stock(scriptService(core.FIFO, "flush", "moved", 1), scriptService(core.Unix, strings.Repeat("x", 200), "moved", 1)))
	s.run(core.Second)
	k.Limit = k.OpenFiles() + 1 // one path is had and given back, for the next there is no descriptor
	short := stock()
	short.Services[1] = scriptService(core.FIFO, "cleanup", "moved", 1)
	short.Services[3] = scriptService(core.Unix, "qmgr", "moved", 1)
	s.reload(scriptConfig(short.Services...))
	s.run(core.Second)
	k.Limit = stage.UsualFiles
}

// playMoves changes the type of services on their paths, and the service of an address,
// with a client waiting in it.
func playMoves(s *script) {
	moved := stock().Services
	moved[1] = scriptService(core.FIFO, "cleanup", "moved", 1)
	moved[3] = waking(scriptService(core.Unix, "qmgr", "qmgrd", 1), 100*core.Second, false)
	moved[4] = scriptService(core.Pass, "postlog", "passd", 1)
	moved[5] = waking(scriptInet("localhost:2525", "moved", 1, "127.0.0.1:2525"), 70*core.Second, true)
	c := scriptConfig(moved...)
	s.program("wakened", servers.Program{Work: 3 * core.Second})
	s.client(core.Inet, address("127.0.0.1:2525"))
	s.run(core.Second)
	s.client(core.Inet, address("127.0.0.1:2525"))
	s.reload(c)
	s.reload(c)
	s.run(10 * core.Second)
	s.client(core.FIFO, at("cleanup"))
	s.client(core.Unix, at("qmgr"))
	s.client(core.Pass, at("postlog"))
	s.client(core.Inet, address("127.0.0.1:2525"))
	s.run(10 * core.Second)
}

// playRemoval takes services away while a deaf child and a busy one live, and brings
// them back.
func playRemoval(s *script) {
	s.program("deafd", servers.Program{Behaviour: witness.DeafTerm, Work: 300 * core.Second})
	s.reload(stock(scriptService(core.Unix, "deaf", "deafd", 2)))
	s.run(core.Second)
	s.client(core.Unix, at("deaf"))
	s.client(core.Unix, at("deaf"))
	s.run(core.Second)
	s.reload(stock())
	s.run(core.Second)
	s.program("deafd", servers.Program{})
	s.reload(stock(scriptService(core.Unix, "deaf", "deafd", 1)))
	s.run(core.Second)
	s.client(core.Unix, at("deaf")) // held until the deaf child is killed
	s.run(10 * core.Second)
}

// playDisks lets programs be executed late, after a reload and a removal, or not at all.
func playDisks(s *script) {
	s.program("moved", servers.Program{Exec: 3 * core.Second})
	s.program("deafd", servers.Program{Exec: 15 * core.Second, Dead: true})
	slow, dead := scriptService(core.Unix, "slow", "moved", 1), scriptService(core.Unix, "dead", "deafd", 1)
	gone := scriptService(core.Unix, "gone", "moved", 1)
	s.reload(stock(slow, dead, gone))
	s.run(core.Second)
	for _, name := range []string{"slow", "dead", "gone"} {
		s.client(core.Unix, at(name))
	}
	s.run(core.Second)
	s.reload(stock(slow, dead))
	s.run(11 * core.Second)
	s.program("deafd", servers.Program{Exec: core.Second, ExecErrno: core.EIO})
	s.run(restTime)
	s.program("moved", servers.Program{})
	s.program("deafd", servers.Program{})
}

func TestTheDayPassesWithoutAFinding(t *testing.T) {
	s := newScript()
	playDay(s, nil)
	all := ""
	for _, l := range s.lines {
		all += strings.ToLower(l.text) + "\n"
	}
	for _, text := range []string{
		"daemon started", "bad command startup", "master_spawn: exec /d/flushd", "reload refused", "is a directory", "socket: too many open files",
		"sending sigkill", "closed its status channel", "name too long", "exec /d/deafd: connection timed out", "exec /d/deafd: input/output error",
	} {
		if !strings.Contains(all, text) {
			t.Errorf("the day has no line with: %s", text)
		}
	}
	if s.ended() {
		t.Errorf("the daemon ended: %+v", s.Daemon.Driver.Ending())
	}
	calls := s.Kernel.Calls()
	s.judged()
	mustStand(t, s)
	for c := range fault.NumCalls {
		if calls[c] == 0 {
			t.Errorf("the day has no call of %s", c)
		}
	}
	t.Logf("%d calls, %d lines", s.Kernel.Total(), len(s.lines))
}

// dayFaults are all those that the day has room for: each occurrence of each call with
// each of its errors.
func dayFaults() []fault.Fault {
	s := newScript()
	playDay(s, nil)
	s.judged()
	calls := s.Kernel.Calls()
	var all []fault.Fault
	for c := range fault.NumCalls {
		for n := range calls[c] {
			for _, e := range fault.Errnos[c] {
				all = append(all, fault.Fault{Call: c, N: n, Errno: e})
			}
		}
	}
	return all
}

// TestEveryFaultIsSurvived plays the day once for each fault. With it the daemon either
// serves everybody again as soon as the fault is gone and the throttle time is over, or
// it has ended with a fatal line, or it never began.
func TestEveryFaultIsSurvived(t *testing.T) {
	tryAll(t, dayFaults(), 5, 29)
}

// TestLastingFaultsAreSurvived lets a call fail until the end of the day, from any
// occurrence on. When it works again, a reload mends what is left. Calls that are
// insisted on, because nothing but trying again can help, must work in the end; they
// are left out. So is a descriptor that is ready for ever and yet not ready.
func TestLastingFaultsAreSurvived(t *testing.T) {
	var lasting []fault.Fault
	for _, f := range dayFaults() {
		errnos := fault.Errnos[f.Call]
		if f.Errno == errnos[f.N%len(errnos)] && !f.Insisted() {
			f.Lasting = true
			lasting = append(lasting, f)
		}
	}
	tryAll(t, lasting, 2, 11)
}

var everyFault = flag.Bool("every-fault", false, "play the day with each fault, however long that takes")

// tryAll plays the day with every usually'th fault alone, with -short with every
// shortly'th, and with -every-fault with each.
func tryAll(t *testing.T, all []fault.Fault, usually, shortly int) {
	step := usually
	switch {
	case *everyFault:
		step = 1
	case testing.Short():
		step = shortly
	}
	shards := runtime.GOMAXPROCS(0)
	var tried, ended atomic.Int64
	t.Run("days", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprintf("%dof%d", shard+1, shards), func(t *testing.T) {
				t.Parallel()
				for n := shard * step; n < len(all) && !t.Failed(); n += shards * step {
					s := newScript()
					playDay(s, func(k *kernel.Kernel) { k.Inject(all[n]) })
					tried.Add(1)
					if s.ended() {
						ended.Add(1)
						endsClearly(t, s)
					}
					s.judged()
					mustStand(t, s)
					if t.Failed() {
						t.Logf("with %s number %d: %s, lasting: %v", all[n].Call, all[n].N, all[n].Errno, all[n].Lasting)
					}
				}
			})
		}
	})
	t.Logf("%d faults of %d tried, with %d of them the daemon ended", tried.Load(), len(all), ended.Load())
}

// endsClearly: the last word of a daemon that could not go on is a fatal line, or an
// error of NewDriver or a panic that the program makes one.
func endsClearly(t *testing.T, s *script) {
	t.Helper()
	if s.Daemon.Driver == nil || s.Daemon.Driver.Ending() == nil {
		return
	}
	fatal := false
	for _, l := range s.lines {
		fatal = fatal || l.level == core.LevelFatal
	}
	if e := s.Daemon.Driver.Ending(); !e.Fatal || e.Code == 0 || !fatal {
		t.Errorf("the daemon ended without a fatal line: %+v", *e)
	}
}
