//go:build linux

package parity

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("signals", eachSignal(), signalScenarios)

// eachSignal sends every signal to a master with one busy and one idle child, and
// observes what is left.
func eachSignal() []scenario {
	var list []scenario
	for n := unix.Signal(1); n <= 64; n++ {
		if n > 36 && n < 63 && n != 50 || n == unix.SIGHUP {
			continue // real-time signals behave alike
		}
		name := unix.SignalName(n)
		if name == "" {
			name = fmt.Sprintf("real-time %d", n)
		}
		var shows []shown
		if n == 33 {
			shows = []shown{{row: "D17", original: `^end: start 1: signal 33|^the master: signal 33|^process: `, ours: `^end: start 1: signal 15|^listener: |terminating|^the master: goes on|^a client is served: true`}}
		}
		list = append(list, scenario{name: "signal " + name, shows: shows, play: func(s *station) { playSignal(s, n) }})
	}
	return list
}

func playSignal(s *station, n unix.Signal) {
	s.loose = true
	s.noTree = true
	s.master("x unix - - n - 0 actor serve")
	p := s.start()
	busy := s.dial("private/x")
	busy.ask("who")
	a := s.child()
	idle := s.dial("private/x")
	idle.ask("who")
	b := s.child()
	idle.ask("quit")
	b.awaitEvent("available", 1)
	p.quietFor(still) // the reports are read
	p.signal(n)
	how := p.fate(still)
	if processState(p.master()) == "T" { // in an orphaned process group only the first of four stops
		s.observe("the master", "is stopped")
		p.signal(unix.SIGCONT)
		how = p.fate(still)
	}
	if how == "" {
		s.observe("the master", "goes on")
		served := s.dial("private/x")
		s.observef("a client is served", "%v", served.ask("who") != "")
		s.observef("the busy child answers", "%v", busy.ask("who") != "")
		return
	}
	s.observe("the master", how)
	b.awaitEnd()
	s.observef("the busy child answers", "%v", busy.ask("who") != "")
	busy.Close()
	a.awaitEnd()
}

var signalScenarios = []scenario{
	{name: "terminate ends all of the process group", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 0 actor")
		p := s.start()
		a, b := serveAt(s, "private/x"), serveAt(s, "private/x")
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
		a.awaitEnd()
		b.awaitEnd()
	}},
	{name: "terminate does not wait for deaf children", play: func(s *station) {
		s.master("x unix - - n - 0 actor deaf; accept; taken")
		p := s.start()
		c := s.dial("private/x")
		a := s.child()
		a.awaitAnswer(3)
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
		a.do("say still here")
		s.observe("client", c.line())
		s.observe("report", a.do("avail"))
		a.exit(0)
	}},
	{name: "terminate while the master is stopped", play: func(s *station) {
		s.master(one)
		p := s.start()
		p.signal(unix.SIGSTOP)
		s.eventually("it is stopped", func() bool { return processState(p.master()) == "T" })
		p.signal(unix.SIGTERM)
		p.signal(unix.SIGCONT)
		s.observe("master", p.awaitEnd())
	}},
	{name: "terminate with hangup and the end of a child at once", play: func(s *station) {
		s.loose = true
		s.ignore(`^log: info .*reload`) // which comes first is random
		s.master("x unix - - n - 2 actor")
		p := s.start()
		a := serveAt(s, "private/x")
		p.signal(unix.SIGSTOP)
		s.eventually("it is stopped", func() bool { return processState(p.master()) == "T" })
		a.exit(0)
		p.signal(unix.SIGHUP)
		p.signal(unix.SIGTERM)
		p.signal(unix.SIGCONT)
		s.observe("master", p.awaitEnd())
	}},
	{name: "terminate while a service is throttled", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix - - n - 2 actor exit 1")
		p := s.start()
		s.dial("private/x")
		s.awaitLog("throttling", 1)
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
	}},
	{name: "terminate of a session leader that was started with w", play: func(s *station) {
		s.master(one)
		p := s.start("-w")
		a := serveOne(s)
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitDaemonEnd())
		a.awaitEnd()
	}},
	{
		name:  "terminate with d and children",
		shows: []shown{{row: "Q15", original: `kill process group: No such process|^end: start 1: exit status 1|^master: exit status 1`, ours: `^end: start 1: signal 15|^master: signal 15|terminating on signal 15`}},
		play: func(s *station) {
			s.master("x unix - - n - 2 actor")
			p := s.start("-d")
			a := serveAt(s, "private/x")
			p.signal(unix.SIGTERM)
			s.observe("master", p.awaitEnd())
			a.do("eof")
			a.order("exit 0")
			a.awaitEnd()
		},
	},
	{name: "terminate with d for the leader of a group", play: func(s *station) {
		s.master("x unix - - n - 2 actor")
		l := s.command("-d")
		l.Session = "session"
		p := s.startAs(l)
		a := serveAt(s, "private/x")
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
		a.awaitEnd()
	}},
	{name: "a stopped master goes on where it was", play: func(s *station) {
		s.master("x unix - - n - 1 actor")
		p := s.start()
		p.signal(unix.SIGSTOP)
		s.eventually("it is stopped", func() bool { return processState(p.master()) == "T" })
		c := s.dial("private/x")
		s.observef("children", "%d", s.childCount())
		p.signal(unix.SIGCONT)
		a := s.child()
		a.do("accept")
		a.do("say hello")
		s.observe("client", c.line())
	}},
	{name: "the end of children without children means nothing", play: func(s *station) {
		s.master(one)
		p := s.start()
		for range 10 {
			p.signal(unix.SIGCHLD)
		}
		p.quietFor(100 * time.Millisecond)
		serveOne(s)
	}},
	{name: "alarms from outside do nothing while the loop goes round", play: func(s *station) {
		s.master(one)
		p := s.start()
		for range 2 {
			p.signal(unix.SIGALRM)
			p.quietFor(50 * time.Millisecond)
		}
		serveOne(s)
	}},
	{
		name:  "the watchdog ends a loop that does not come round",
		shows: []shown{{row: "Q2", original: `fatal: watchdog timeout|^end: start 1: exit status 1`, ours: `^end: start 1: signal 15|terminating|^listener: `}},
		play: func(s *station) {
			// Only the original waits for a child that ignores SIGTERM; alarms are
			// its clock.
			s.loose = true
			s.master(one, "127.0.0.1:@port2 inet n - n - 1 actor deaf; accept; taken")
			l := s.command()
			l.Nice = 10
			p := s.startAs(l)
			s.dial("@port2")
			a := s.child()
			a.awaitAnswer(3)
			s.setMaster(one)
			p.reload()
			for range 3 {
				_ = unix.Kill(p.master(), unix.SIGALRM)
				s.eventually("the alarm comes", func() bool { return !isPending(p.master(), unix.SIGALRM) })
				newLimit(time.Second).rest(p.master(), still) // the loop of ours completes a turn
			}
			p.fate(1500 * time.Millisecond) // the original pauses for a second before it ends
			a.exit(0)
			if s.keeper.status(p.master()) == "" {
				p.quietFor(100 * time.Millisecond)
			}
		},
	},
}
