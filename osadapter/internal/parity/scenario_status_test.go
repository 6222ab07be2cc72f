//go:build linux

package parity

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var _ = topic("status", oddReports(), partialReports(), statusScenarios)

// message returns a status message as hexadecimal digits.
func message(pid, generation, status int) string {
	var b [12]byte
	binary.NativeEndian.PutUint32(b[0:], uint32(int32(pid)))
	binary.NativeEndian.PutUint32(b[4:], uint32(int32(generation)))
	binary.NativeEndian.PutUint32(b[8:], uint32(int32(status)))
	return hex.EncodeToString(b[:])
}

// ownPid returns the process ID that the actor has of itself.
func ownPid(a *child) int {
	n, _ := strconv.Atoi(a.value("pid"))
	return n
}

// probe connects another client and observes whether a child was started.
func probe(s *station, p *process, address string) {
	p.settle()
	before := s.childCount()
	s.dial(address)
	p.settle()
	s.observef("another client starts", "%d", s.childCount()-before)
}

// oddReports are reports that a busy child sends instead of a correct one.
func oddReports() []scenario {
	swapped := []shown{{row: "Q32", original: `ignoring unknown status: (child 1|\d+) allegedly from pid: `, ours: `ignoring unknown status: -?\d+ allegedly from pid: child 1$`}}
	foreign := []shown{{row: "D2", ours: `sent a status update for pid `}}
	var list []scenario
	for _, c := range []struct {
		name  string
		say   func(a *child) string
		shows []shown
	}{
		{"a status of 2", func(*child) string { return "report 2" }, swapped},
		{"a status of -1", func(*child) string { return "report -1" }, swapped},
		{"a status of 256", func(*child) string { return "report 256" }, swapped},
		{"the generation before its own", func(*child) string { return "report 1 - 0" }, nil},
		{"a later generation", func(*child) string { return "report 1 - 2" }, nil},
		{"a generation far away", func(*child) string { return "report 1 - 4294967295" }, nil},
		{"the number of a process that there is not", func(*child) string { return "report 1 7777777" }, foreign},
		{"process 0", func(*child) string { return "report 1 0" }, foreign},
		{"process -1", func(*child) string { return "report 1 -1" }, foreign},
		{"process 1", func(*child) string { return "report 1 1" }, foreign},
		{"only zeros", func(*child) string { return "raw " + strings.Repeat("00", 12) }, foreign},
		{"only ones", func(*child) string { return "raw " + strings.Repeat("ff", 12) }, foreign},
		{"a wrong generation and a wrong status", func(*child) string { return "report 9 - 9" }, nil},
		{"taken again", func(*child) string { return "taken" }, nil},
	} {
		list = append(list, scenario{name: "a busy child reports " + c.name, shows: c.shows, play: func(s *station) {
			s.master("x unix n - n - 3 actor")
			p := s.start()
			s.dial("public/x")
			a := s.child()
			a.do("accept")
			a.do("taken")
			p.settle()
			s.observe("report", a.do(c.say(a)))
			p.settle()
			probe(s, p, "public/x")
			s.observe("then", a.do("avail"))
			p.settle()
		}})
	}
	return list
}

// partialReports are messages that arrive in several pieces, or in one too many.
func partialReports() []scenario {
	// Which pid the original names depends on the contents of its memory.
	garbled := shown{row: "D2", original: `child \(pid [^)]*\) sent partial status update`, ours: `child \(pid child 1\) sent partial status update`}
	var list []scenario
	for _, c := range []struct {
		name   string
		pieces func(whole string) []string // of "taken"
		shows  []shown
	}{
		{"in halves", func(w string) []string { return []string{w[:12], w[12:]} }, []shown{garbled}},
		{"but for its last byte", func(w string) []string { return []string{w[:22]} }, nil},
		{"and one byte more", func(w string) []string { return []string{w + "00"} }, []shown{garbled}},
		{"twice at once", func(w string) []string { return []string{w + w} }, nil},
		{"twice at once, and the third in part", func(w string) []string { return []string{w + w + w[:16]} }, nil},
		{"of which there are four bytes", func(w string) []string { return []string{w[:8]} }, nil},
		{"of which there is one byte", func(string) []string { return []string{"41"} }, []shown{garbled}},
		{"byte by byte", func(w string) (all []string) {
			for i := 0; i < len(w); i += 8 {
				all = append(all, w[i:i+8])
			}
			return all
		}, []shown{garbled}},
	} {
		list = append(list, scenario{name: "a report " + c.name, shows: c.shows, play: func(s *station) {
			s.master("x unix n - n - 3 actor")
			p := s.start()
			s.dial("public/x")
			a := s.child()
			a.do("accept")
			for _, piece := range c.pieces(message(ownPid(a), a.generation(), 0)) {
				s.observe("piece", a.do("raw "+piece))
				p.settle()
			}
			probe(s, p, "public/x")
			s.observe("then", a.do("taken"))
			probe(s, p, "public/x")
		}})
	}
	return list
}

var statusScenarios = []scenario{
	{name: "available twice counts once", play: func(s *station) {
		s.master("x unix n - n - 3 actor")
		p := s.start()
		a := busy(s, "public/x")
		a.do("avail")
		a.do("avail")
		p.settle()
		a.do("taken")
		probe(s, p, "public/x")
	}},
	{name: "taken twice is undone by available once", play: func(s *station) {
		s.master("x unix n - n - 3 actor")
		p := s.start()
		a := busy(s, "public/x")
		a.do("taken")
		p.settle()
		a.do("avail")
		probe(s, p, "public/x")
	}},
	{name: "taken and available in one breath", play: func(s *station) {
		s.master("x unix n - n - 3 actor")
		p := s.start()
		s.dial("public/x")
		a := s.child()
		a.do("accept")
		whole := message(ownPid(a), a.generation(), 0) + message(ownPid(a), a.generation(), 1)
		s.observe("report", a.do("raw "+strings.Repeat(whole, 10)))
		probe(s, p, "public/x")
		s.observe("the client", a.do("accept"))
		a.exit(1)
		p.settle()
	}},
	{name: "available before taken", play: func(s *station) {
		s.master("x unix n - n - 3 actor")
		p := s.start()
		s.dial("public/x")
		a := s.child()
		a.do("accept")
		a.do("avail")
		p.settle()
		a.do("taken")
		probe(s, p, "public/x")
	}},
	{
		name:  "a child reports for another of its service",
		shows: []shown{{row: "D2", original: `^another client starts: 0$`, ours: `^another client starts: 1$|sent a status update for pid child 1, ignored$|^child 3\.|^process: child 3`}},
		play: func(s *station) {
			s.master("x unix n - n - 3 actor")
			p := s.start()
			a := busy(s, "public/x")
			b := busy(s, "public/x")
			p.settle()
			b.do(fmt.Sprintf("report 1 %d %d", ownPid(a), a.generation()))
			probe(s, p, "public/x")
		},
	},
	{
		name: "a child reports for one of another service",
		shows: []shown{{
			row:      "D2",
			original: `panic: master_status_event: pointer corruption|^end: start 1: signal 6$`,
			ours:     `sent a status update for pid child 1, ignored$|terminating on signal 15|^listener: |^end: start 1: signal 15$`,
		}},
		play: func(s *station) {
			s.master("x unix n - n - 3 actor", "y unix n - n - 3 actor")
			p := s.start()
			a := busy(s, "public/x")
			b := busy(s, "public/y")
			p.settle()
			b.do(fmt.Sprintf("report 1 %d %d", ownPid(a), a.generation()))
			s.eventually("a line", func() bool { return s.countLog("pointer corruption")+s.countLog("sent a status update for") > 0 })
			if s.countLog("panic") > 0 {
				p.awaitEnd()
			}
		},
	},
	{
		name:  "a child that sends nonsense again and again",
		shows: []shown{{row: "D2", original: `sent partial status update \(8 bytes\)$`, ours: `keeps sending bad status updates; no more of them are logged$`}},
		play: func(s *station) {
			s.master("x unix n - n - 3 actor")
			p := s.start()
			a := busy(s, "public/x")
			whole := message(ownPid(a), a.generation(), 0)
			for range 30 {
				a.do("raw " + whole[:16])
				p.quietFor(still / 10)
			}
			probe(s, p, "public/x")
			s.observe("then", a.do("avail"))
			probe(s, p, "public/x")
		},
	},
	{name: "nonsense of one child does no harm to another", play: func(s *station) {
		s.master("x unix n - n - 3 actor")
		p := s.start()
		a := busy(s, "public/x")
		b := busy(s, "public/x")
		p.settle()
		whole := message(ownPid(a), a.generation(), 1)
		a.do("raw " + whole[:16])
		p.settle()
		s.observe("the other", b.do("avail"))
		probe(s, p, "public/x")
		s.observe("the client", b.do("accept"))
	}},
	{name: "a report after a reload comes to nobody", play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		p := s.start()
		a := busy(s, "public/x")
		p.settle()
		p.reload()
		s.observe("the channel", a.do("eof"))
		s.observe("the report", a.do("avail"))
		s.observe("once more", a.do("avail"))
		a.exit(0)
		s.dial("public/x")
		s.observe("the next", s.child().do("accept"))
		p.settle()
	}},
	{name: "a report after the end of the master comes to nobody", play: func(s *station) {
		s.master("x unix n - n - 1 actor deaf")
		p := s.start()
		s.dial("public/x")
		a := s.child()
		a.do("accept")
		a.do("taken")
		p.settle()
		p.signal(unix.SIGKILL)
		p.awaitEnd()
		s.observe("the channel", a.do("eof"))
		s.observe("the report", a.do("avail"))
		a.exit(0)
	}},
	{name: "what a child reported just before it crashed counts", shows: []shown{{
		row: "D15", original: `^throttled: true$`, ours: `^throttled: false$`,
	}}, play: func(s *station) {
		s.loose = true
		s.ignore(`^(child [0-9]+\.|process: |log: warning )`) // how many it takes is random
		s.setMain("service_throttle_time", "60s")
		const tries = 6
		for i := range tries {
			s.master(fmt.Sprintf("x%d unix n - n - 1 actor", i))
		}
		p := s.start()
		for i := 0; i < tries && s.countLog(throttlingText) == 0; i++ {
			s.dial(fmt.Sprintf("public/x%d", i))
			a := s.child()
			a.do("accept")
			p.settle()
			p.freeze()
			a.do("taken") // the original reads one report at a time
			a.do("avail")
			a.exit(1)
			s.eventually("it is dead", func() bool { return stateOf(a.pid) == "Z" })
			p.signal(unix.SIGCONT)
			s.awaitLog("exit status 1", i+1)
			p.settle()
		}
		s.observef("throttled", "%v", s.countLog(throttlingText) > 0)
	}},
	{name: "a child that closes its channel and leaves is no news", play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		p := s.start()
		a := busy(s, "public/x")
		a.do("avail")
		p.settle()
		a.do("shut 5")
		a.exit(0)
		p.settle()
		probe(s, p, "public/x")
	}},
	{
		name:  "a child that closes its channel and lives on",
		shows: []shown{{row: "D3", original: `^told: false$`, ours: `^told: true$|^log: info .*closed its status channel but is still running`}},
		play: func(s *station) {
			s.master("x unix n - n - 1 actor")
			p := s.start()
			a := busy(s, "public/x")
			p.settle()
			s.observe("shut", a.do("shut 5"))
			newLimit(forOneSide).poll(func() bool { return s.countLog("closed its status channel") > 0 })
			s.observef("told", "%v", s.countLog("closed its status channel") > 0)
			probe(s, p, "public/x")
			a.exit(0)
			s.observe("the next", s.child().do("accept"))
		},
	},
	{name: "a busy child that never reports again keeps its place", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		a := busy(s, "public/x")
		a.do("close")
		probe(s, p, "public/x")
		s.require("kill", unix.Kill(a.pid, unix.SIGKILL))
		a.awaitEnd()
		s.awaitLog("killed by signal 9", 1)
		p.settle()
	}},
	{name: "a child may write its reports before it reads its clients", play: func(s *station) {
		s.master("x unix n - n - 2 actor avail; avail; accept; taken")
		p := s.start()
		s.dial("public/x")
		a := s.child()
		a.awaitAnswer(4)
		probe(s, p, "public/x")
	}},
}
