package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/servers"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// playContest is a reload by which two new services want the path of a running one, and
// which is refused because of a third.
func playContest(s *script, prepare func(*kernel.Kernel)) {
	s.boot(scriptConfig(scriptService(core.Unix, "a", "cleanupd", 2), scriptService(core.Pass, "b", "passd", 2)), prepare)
	s.client(core.Unix, at("a"))
	s.run(core.Second)
	s.reload(scriptConfig(
		scriptService(core.Pass, "b", "passd", 2), scriptService(core.UnixDatagram, "a", "postlogd", 1), scriptService(core.FIFO, "a", "qmgrd", 1),
		scriptInet("192.0.2.1:25", "moved", 1, "192.0.2.1:25"),
	))
	s.run(core.Second)
	s.client(core.Unix, at("a"))
	s.run(core.Second)
	s.reload(scriptConfig(scriptService(core.Pass, "b", "passd", 2), scriptService(core.FIFO, "a", "qmgrd", 1)))
	s.run(core.Second)
}

// TestContestedPathIsServed: with each pair of faults in such a reload and the next one,
// which succeeds, everybody is served in the end, and nothing is left over.
func TestContestedPathIsServed(t *testing.T) {
	quiet := newScript()
	playContest(quiet, nil)
	calls := quiet.Kernel.Calls()
	quiet.judged()
	mustStand(t, quiet)
	var all []fault.Fault
	for _, c := range fault.Persistent {
		for n := range calls[c] {
			f := fault.Fault{Call: c, N: n, Errno: core.ENOMEM}
			all = append(all, f)
			f.Lasting = true
			all = append(all, f)
		}
	}
	pairs := 0
	for i, first := range all {
		for _, second := range all[i:] {
			if every := 7; !*everyFault && (first.N+second.N)%every != 0 {
				continue
			}
			pairs++
			s := newScript()
			playContest(s, func(k *kernel.Kernel) {
				k.Inject(first)
				k.Inject(second)
			})
			s.judged()
			mustStand(t, s)
			if t.Failed() {
				t.Fatalf("with %s %d, lasting %v, and %s %d, lasting %v", first.Call, first.N, first.Lasting, second.Call, second.N, second.Lasting)
			}
		}
	}
	t.Logf("%d pairs of faults", pairs)
}

// A service without a process limit and with more clients than descriptors: every other
// service gets its process at once, nobody is throttled, and in the end all are served.
func TestGreedyServiceLeavesEveryOtherAProcess(t *testing.T) {
	var more []core.ServiceConfig
	for i := range 15 {
		more = append(more, scriptService(core.Unix, fmt.Sprint("s", i), "flushd", 1))
	}
	for _, files := range []int32{48, 40} {
		s := newScript()
		s.descriptors = files
		s.program("cleanupd", servers.Program{Work: 5 * core.Second, MaxIdle: 10 * core.Second})
		s.boot(stock(more...), nil)
		s.run(core.Second)
		var greedy []*visitor
		for range 120 {
			greedy = append(greedy, s.client(core.Unix, at("cleanup")))
		}
		s.run(core.Second)
		if !s.logged("no descriptor is left for another process of service cleanup(private/cleanup)") {
			t.Errorf("%d files: nothing was said", files)
		}
		others := []*visitor{
			s.client(core.Inet, address("127.0.0.1:25")), s.client(core.Pass, at("smtpd")),
			s.client(core.UnixDatagram, at("postlog")), s.client(core.Unix, at("flush")),
		}
		for i := range more {
			others = append(others, s.client(core.Unix, at(more[i].Name)))
		}
		for _, other := range others {
			if !s.runUntil(core.Second, func() bool { return other.state == witness.ClientServed.String() }) {
				t.Errorf("%d files: a client of %s %s", files, other.to, other.state)
			}
		}
		allServed := func() bool {
			for _, c := range greedy {
				if c.state != witness.ClientServed.String() {
					return false
				}
			}
			return true
		}
		if !s.runUntil(400*5*core.Second, allServed) {
			t.Errorf("%d files: clients still wait", files)
		}
		told := 0
		for _, l := range s.lines {
			if strings.Contains(l.text, "throttling") {
				t.Errorf("%d files: %s", files, l.text)
			}
			if strings.Contains(l.text, "no descriptor is left") {
				told++
			}
		}
		if most := 1 + int(s.Now.Sub(witness.StartOfTime)/(1000*core.Second)); told > most {
			t.Errorf("%d files: told %d times, %d would do", files, told, most)
		}
		s.judged()
		mustStand(t, s)
	}
}
