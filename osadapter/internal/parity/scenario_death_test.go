//go:build linux

package parity

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("death", deathScenarios)

var _ = topic("descriptors", descriptorScenarios)

var deathScenarios = []scenario{
	{name: "children of a killed master finish and leave, and the next master serves at once", play: func(s *station) {
		s.loose = true
		s.master("127.0.0.1:@port1 inet n - n - 0 actor serve", "x unix - - n - 0 actor serve")
		p := s.start()
		busy, idle := s.dial("@port1"), s.dial("@port1")
		observeServed(s, "busy", busy)
		a := s.child()
		observeServed(s, "idle", idle)
		b := s.child()
		idle.ask("quit")
		b.awaitEvent("available", 1)
		p.signal(unix.SIGKILL)
		p.awaitEnd()
		b.awaitEnd()
		s.start()
		observeServed(s, "busy still", busy)
		for range 3 {
			s.dial("private/x")
		}
		observeServed(s, "a new one", s.dial("private/x"))
		busy.ask("quit")
		a.awaitEnd()
		s.ignore(`^(process: child [3-9]|child [3-9])`) // how many serve is random
	}},
	{name: "of two masters one after the other the second serves all", play: func(s *station) {
		s.loose = true
		s.master("127.0.0.1:@port1 inet n - n - 0 actor")
		p := s.start("-w")
		old := serveAt(s, "@port1")
		p.signal(unix.SIGKILL)
		p.awaitDaemonEnd()
		s.start("-w")
		s.observe("report to a dead master", old.do("avail"))
		old.exit(0)
		// Its listener, which shares the port, is closed when it is reaped.
		s.eventually("the old child is gone", func() bool { return processState(old.pid) == "" })
		for range 5 {
			a := serveAt(s, "@port1")
			a.do("close")
			a.exit(0)
		}
	}},
	{name: "a master that is killed ten times in a row", play: func(s *station) {
		s.loose = true
		s.noTree = true
		s.master("127.0.0.1:@port1 inet n - n - 0 actor serve", "x unix - - n - 0 actor serve")
		for range 10 {
			p := s.start()
			c := s.dial("private/x")
			observeServed(s, "client", c)
			p.signal(unix.SIGKILL)
			observeServed(s, "still", c)
			p.awaitEnd()
			c.ask("quit")
			s.child().awaitEnd()
		}
	}},
	{name: "a killed master leaves its children's limits, throttles and files", play: func(s *station) {
		s.loose = true
		s.setMain("service_throttle_time", "60s")
		s.master("x unix - - n - 1 actor exit 1", one)
		p := s.start()
		s.dial("private/x")
		s.awaitLog("throttling", 1)
		s.child().awaitEnd()
		p.signal(unix.SIGKILL)
		p.awaitEnd()
		s.setMaster("x unix - - n - 1 actor", one)
		s.start()
		serveAt(s, "private/x").do("avail")
	}},
	{name: "a deaf child of a killed master", play: func(s *station) {
		s.master("x unix - - n - 2 actor deaf; accept; taken")
		p := s.start()
		c := s.dial("private/x")
		a := s.child()
		a.awaitAnswer(3)
		p.signal(unix.SIGKILL)
		p.awaitEnd()
		s.observe("channel", a.do("eof"))
		a.do("say still here")
		s.observe("client", c.line())
		a.exit(0)
	}},
}

// few returns a launch with this many descriptors.
func (s *station) few(n uint64) launch {
	l := s.command()
	l.OpenFiles = [2]uint64{n, n}
	return l
}

func manyServices(n int) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("s%02d unix - - n - 2 actor", i))
	}
	return lines
}

var descriptorScenarios = []scenario{
	{name: "ten services with 64 descriptors", play: func(s *station) {
		s.loose = true
		s.master(manyServices(10)...)
		p := s.startAs(s.few(64))
		for i := range 10 {
			serveAt(s, fmt.Sprintf("private/s%02d", i)).do("avail")
		}
		p.reload()
		p.quietFor(100 * time.Millisecond)
	}},
	{
		name:  "a start with more services than 64 descriptors allow",
		shows: []shown{{row: "D11", original: `^log: crit|^file: q/private/s`, ours: `^log: `}},
		play: func(s *station) {
			s.master(manyServices(80)...)
			s.launch(s.few(64)).awaitEnd()
		},
	},
	{
		name: "a reload to more services than 64 descriptors allow",
		shows: []shown{{
			row:      "Q29",
			original: `^log: crit|^end: start 1: exit status 1|^file: q/private/s`,
			ours:     `^log: |^end: start 1: signal 15|^listener: |^child 2|^process: child 2|^(accept|taken|client)`,
		}},
		play: func(s *station) {
			s.loose = true
			s.master(manyServices(2)...)
			p := s.startAs(s.few(64))
			a := serveAt(s, "private/s00")
			s.setMaster(manyServices(80)...)
			s.write()
			p.hup()
			s.eventually("the reload is over", func() bool {
				return s.keeper.status(p.master()) != "" || s.countLog("reload refused") > 0
			})
			a.exit(0)
			if s.keeper.status(p.master()) != "" {
				return
			}
			serveAt(s, "private/s01").do("avail")
			s.setMaster(manyServices(4)...)
			p.reload()
			p.awaitListener(`"private/s03"`, true)
			p.quietFor(100 * time.Millisecond)
		},
	},
	greedy(64, 60),
	greedy(256, 400),
}

// greedy has more clients of a service without a process limit than descriptors:
// the original serves all of them at once, ours as many as it can, and both serve
// the other services.
func greedy(descriptors, clients int) scenario {
	return scenario{
		name: fmt.Sprintf("%d clients of one service with %d descriptors", clients, descriptors),
		shows: []shown{
			{row: "Q29", original: `^at once: all`, ours: `^at once: not all`},
			{row: "Q29", ours: `^log: warning .*no descriptor is left for another process of service x\(private/x\)`},
		},
		play: func(s *station) {
			s.loose = true
			s.noTree = true
			s.ignore(`^(process: )?child \d+`)                            // their number does not matter
			s.ignore(`processes although it`)                             // row D13 is shown elsewhere
			s.main(fmt.Sprintf("default_process_limit = %d", clients+10)) // the queue takes them all
			s.master("x unix - - n - 0 actor serve", "y unix - - n - 1 actor serve", "z unix - - n - 0 actor serve")
			p := s.startAs(s.few(uint64(descriptors)))
			var waiting []*client
			for range clients {
				waiting = append(waiting, s.dial("private/x"))
			}
			p.quietFor(still)
			all := s.childCount() >= clients
			s.observe("at once", map[bool]string{true: "all", false: "not all"}[all])
			for _, other := range []string{"y", "z"} {
				s.observef(other, "served %v", s.dial("private/"+other).ask("who") != "")
			}
			for _, c := range waiting {
				s.observef("client", "served %v", c.ask("who") != "")
				c.ask("quit")
			}
			p.quietFor(100 * time.Millisecond)
			s.observef("and then", "served %v", s.dial("private/x").ask("who") != "")
		},
	}
}
