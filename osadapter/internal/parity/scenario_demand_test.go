//go:build linux

package parity

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

var _ = topic("demand", demandScenarios, leavingScenarios)

// observeServed asks a serving actor for its identity and observes its generation.
func observeServed(s *station, name string, c *client) {
	var pid, generation int
	var program string
	_, err := fmt.Sscanf(c.ask("who"), "%d %d %s", &pid, &generation, &program)
	if err != nil {
		s.observe(name, "not served")
		return
	}
	s.observef(name, "served by child %d, %s", generation, program)
}

var demandScenarios = []scenario{
	{name: "nothing is started before a client comes", play: func(s *station) {
		s.master(one, "x unix - - n - 2 actor", "f fifo n - n - 2 actor", "t unix-dgram n - n - 2 actor")
		s.start().quietFor(still)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "one child that has not accepted is enough for two clients", play: func(s *station) {
		s.master(one)
		p := s.start()
		s.dial("@port1")
		s.child()
		s.dial("@port1")
		p.quietFor(still)
	}},
	{name: "a busy child is joined by another one", play: func(s *station) {
		s.master(one)
		p := s.start()
		s.dial("@port1")
		a := s.child()
		a.do("accept")
		a.do("taken")
		p.quietFor(still)
		s.observef("before the second client", "%d", s.childCount())
		s.dial("@port1")
		s.observe("second", s.child().do("accept"))
	}},
	{name: "a child that is available again serves the next client", play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n - 5 actor serve")
		p := s.start()
		for i := range 3 {
			c := s.dial("@port1")
			observeServed(s, fmt.Sprintf("client %d", i+1), c)
			c.ask("quit")
			p.quietFor(still)
		}
	}},
	{name: "the next client is left to a child that is available again", play: func(s *station) {
		s.master(one)
		p := s.start()
		serveOne(s)
		p.quietFor(still)
		s.dial("@port1")
		p.quietFor(still)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "three clients at once have three children", play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n - 5 actor serve")
		p := s.start()
		for i := range 3 {
			observeServed(s, fmt.Sprintf("client %d", i+1), s.dial("@port1"))
		}
		p.quietFor(still)
	}},
	{name: "of two children that are idle again neither is in the way", play: func(s *station) {
		s.loose = true
		s.master("127.0.0.1:@port1 inet n - n - 5 actor serve")
		p := s.start()
		a, b := s.dial("@port1"), s.dial("@port1")
		a.ask("who")
		b.ask("who")
		a.ask("quit")
		b.ask("quit")
		p.quietFor(still)
		for range 4 {
			c := s.dial("@port1")
			s.observef("served", "%v", c.ask("who") != "")
			c.ask("quit")
		}
		p.quietFor(still)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "services count by themselves", play: func(s *station) {
		s.master("a unix n - n - 1 actor serve", "b unix n - n - 1 actor serve", "c pass n - n - 1 actor")
		s.start()
		observeServed(s, "a", s.dial("public/a"))
		observeServed(s, "b", s.dial("public/b"))
		s.dial("public/c")
		s.child("a")
		s.child("b")
		s.observe("c", s.child("c").do("accept"))
	}},
	{name: "a datagram starts a child that finds it", play: func(s *station) {
		s.master("t unix-dgram n - n - 1 actor")
		s.start()
		s.send("public/t", "hello")
		s.observe("got", s.child().do("dgram"))
	}},
	{name: "a byte in a fifo starts a child that finds it", play: func(s *station) {
		s.master("f fifo n - n - 1 actor")
		s.start()
		s.poke("public/f", "abc")
		s.observe("got", s.child().do("fifo"))
	}},
	{name: "clients of a unix socket see the owner's credentials", play: func(s *station) {
		s.master("x unix n - n - 1 actor", "y pass n - n - 1 actor")
		s.start()
		for _, name := range []string{"public/x", "public/y"} {
			cred := s.dial(name).peerCredentials()
			s.observef(name, "pid %d uid %d gid %d", cred.Pid, cred.Uid, cred.Gid)
			s.child()
		}
	}},
	{name: "a client that waited before the master looked is served", play: func(s *station) {
		s.loose = true
		s.master("127.0.0.1:@port1 inet n - n - 1 actor serve max_use=1")
		s.start()
		for i := range 5 {
			c := s.dial("@port1")
			observeServed(s, fmt.Sprintf("client %d", i+1), c)
			c.ask("quit")
		}
		s.awaitChildren(5)
		s.eventually("all have left", func() bool {
			for _, x := range s.company.all {
				if !x.isEnded() {
					return false
				}
			}
			return true
		})
	}},
	{name: "a child that says nothing counts as idle for ever", play: func(s *station) {
		s.master("x unix n - n - 3 actor")
		p := s.start()
		s.dial("public/x")
		a := s.child()
		a.do("accept")
		s.dial("public/x")
		p.quietFor(still)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "taken before accept starts children up to the limit", play: func(s *station) {
		s.loose = true
		s.master("x unix n - n - 3 actor taken")
		p := s.start()
		s.dial("public/x")
		for range 3 {
			s.child()
		}
		p.quietFor(still)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "a child that exits 0 at once is started again and again", play: func(s *station) {
		s.master("x unix n - n - 1 actor alone; count x; exit 0")
		s.start()
		c := s.dial("public/x")
		s.eventually("fifty starts", func() bool { return len(s.output("counts/x")) >= 50 })
		c.Close()
		s.observe("fifty starts", "reached")
		// The loop continues until the end, which may reach a child before it has
		// executed its program.
		s.ignore(`^log: crit (postfix/)?master\[other\]`)
	}},
	{name: "generations are counted over all services", play: func(s *station) {
		s.master("a unix n - n - 0 actor", "b unix n - n - 0 actor")
		s.start()
		for _, name := range []string{"a", "b", "a", "b"} {
			s.dial("public/" + name)
			x := s.child(name)
			x.do("accept")
			x.do("taken")
		}
	}},
	{name: "a reload has idle children leave and busy ones stay to the end", play: func(s *station) {
		s.loose = true
		s.master("x unix n - n - 0 actor serve")
		p := s.start()
		busy := s.dial("public/x")
		observeServed(s, "before", busy)
		idle := s.dial("public/x")
		observeServed(s, "the other", idle)
		a, b := s.child(), s.child()
		idle.ask("quit")
		b.awaitEvent("available", 1)
		p.reload()
		b.awaitEnd()
		observeServed(s, "after the reload", busy)
		observeServed(s, "a new one", s.dial("public/x"))
		busy.ask("quit")
		a.awaitEnd()
		s.child()
	}},
}

// leavingScenarios are about the ways in which children end.
var leavingScenarios = func() []scenario {
	var list []scenario
	for _, c := range []struct{ name, order string }{
		{"exits 0", "exit 0"},
		{"exits 1", "exit 1"},
		{"exits 75", "exit 75"},
		{"exits 255", "exit 255"},
		{"is killed", "signal 9"},
		{"is terminated", "signal 15"},
		{"has a segment fault", "signal 11"},
		{"aborts", "signal 6"},
		{"dies of a user signal", "signal 10"},
	} {
		list = append(list,
			scenario{name: "a child that " + c.name + " after use is replaced on demand", play: func(s *station) {
				s.master(one)
				p := s.start()
				a := serveOne(s)
				p.quietFor(still) // a report that is not read does not count
				a.order(c.order)
				a.awaitEnd()
				if c.order != "exit 0" {
					s.awaitLog("process @dir/s/actor pid", 1)
				}
				s.dial("@port1")
				s.observe("next", s.child().do("accept"))
			}},
			scenario{name: "a child that " + c.name + " in its first session", play: func(s *station) {
				s.master(one)
				p := s.start()
				client := s.dial("@port1")
				a := s.child()
				a.do("accept")
				a.do("taken")
				a.order(c.order)
				a.awaitEnd()
				client.awaitHangUp()
				if c.order != "exit 0" {
					s.awaitLog("throttling", 1)
				}
				p.quietFor(still)
			}})
	}
	return append(list,
		scenario{name: "an idle child that leaves makes room for the next client", play: func(s *station) {
			s.master("127.0.0.1:@port1 inet n - n - 1 actor serve max_idle=50")
			s.start()
			for i := range 3 {
				c := s.dial("@port1")
				observeServed(s, fmt.Sprintf("client %d", i+1), c)
				c.ask("quit")
				s.child().awaitEnd()
			}
		}},
		scenario{name: "a stopped child keeps its place", play: func(s *station) {
			s.master("x unix n - n - 1 actor serve")
			p := s.start()
			c := s.dial("public/x")
			a := s.child()
			observeServed(s, "before", c)
			s.require("stop", unix.Kill(a.pid, unix.SIGSTOP))
			s.dial("public/x")
			p.quietFor(still)
			s.observef("children", "%d", s.childCount())
			s.require("continue", unix.Kill(a.pid, unix.SIGCONT))
			observeServed(s, "after", c)
		}},
		scenario{name: "a program that is not there", shows: []shown{
			{row: "G6", original: `^log: crit (postfix/)?master\[other\] fatal: master_spawn: exec`, ours: `^log: warning postfix/master\[master\] warning: master_spawn: exec`},
			{row: "D1", original: `^log: warning .*process @dir/s/none pid other exit status 1`},
		}, play: func(s *station) {
			s.setMain("service_throttle_time", "60s")
			s.master("x unix n - n - 1 none")
			p := s.start()
			s.dial("public/x")
			s.awaitLog("throttling", 1)
			p.quietFor(still)
		}},
		scenario{name: "a program that may not be run", shows: []shown{
			{row: "G6", original: `^log: crit (postfix/)?master\[other\] fatal: master_spawn: exec`, ours: `^log: warning postfix/master\[master\] warning: master_spawn: exec`},
			{row: "D1", original: `^log: warning .*process @dir/s/plain pid other exit status 1`},
		}, play: func(s *station) {
			s.require("write", os.WriteFile(s.path("s/plain"), []byte("#!/bin/sh\n"), 0o644))
			s.setMain("service_throttle_time", "60s")
			s.master("x unix n - n - 1 plain")
			p := s.start()
			s.dial("public/x")
			s.awaitLog("throttling", 1)
			p.quietFor(still)
		}},
	)
}()
