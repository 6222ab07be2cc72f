//go:build linux

package parity

import (
	"fmt"

	"golang.org/x/sys/unix"
)

var _ = topic("limits", limitScenarios)

// occupy connects n clients, served by n children.
func occupy(s *station, address string, n int) []*client {
	clients := make([]*client, 0, n)
	for i := range n {
		c := s.dial(address)
		observeServed(s, fmt.Sprintf("client %d", i+1), c)
		clients = append(clients, c)
	}
	return clients
}

var limitScenarios = []scenario{
	{name: "a client beyond the limit waits for a place", play: func(s *station) {
		s.master("x unix n - n - 2 actor serve")
		p := s.start()
		first := occupy(s, "public/x", 2)
		waiting := s.dial("public/x")
		p.quietFor(still)
		s.observef("children at the limit", "%d", s.childCount())
		first[0].ask("quit")
		observeServed(s, "the waiting client", waiting)
	}},
	{name: "a client beyond the limit is served when a child has exited", play: func(s *station) {
		s.master("x unix n - n - 1 actor serve")
		s.start()
		first := occupy(s, "public/x", 1)
		waiting := s.dial("public/x")
		first[0].ask("exit 0")
		s.child().awaitEnd()
		observeServed(s, "the waiting client", waiting)
		s.child()
	}},
	{name: "a crash at the limit gives the place back", play: func(s *station) {
		s.master("x unix n - n - 1 actor serve")
		p := s.start()
		c := s.dial("public/x")
		observeServed(s, "first", c)
		c.ask("quit")
		a := s.child()
		a.awaitEvent("available", 1)
		p.quietFor(still)
		second := s.dial("public/x")
		observeServed(s, "second", second)
		waiting := s.dial("public/x")
		second.ask("signal 9")
		a.awaitEnd()
		observeServed(s, "the waiting client", waiting)
		s.child()
	}},
	{name: "the default limit", play: func(s *station) {
		s.main("default_process_limit = 3")
		s.master("x unix n - n - - actor serve")
		p := s.start()
		occupy(s, "public/x", 3)
		s.dial("public/x")
		p.quietFor(still)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "no limit", play: func(s *station) {
		s.main("default_process_limit = 2")
		s.master("x unix n - n - 0 actor serve")
		s.start()
		occupy(s, "public/x", 8)
	}},
	{name: "the backlog is the larger of the limits", shows: []shown{{row: "D13", ours: `^log: warning .* can have at most \d+ processes although its process limit is 5000`}}, play: func(s *station) {
		s.main("default_process_limit = 10")
		for _, n := range []string{"-", "0", "1", "9", "10", "11", "300", "5000"} {
			s.master(fmt.Sprintf("x%s unix n - n - %s actor", n, n))
		}
		s.master("127.0.0.1:@port1 inet n - n - 77 actor", "p pass n - n - 66 actor")
		s.start()
	}},
	{name: "the warning at the limit comes for services that may be remote", play: func(s *station) {
		s.master("p pass n - n - 2 actor", "u unix n - n - 2 actor")
		p := s.start()
		for _, name := range []string{"public/p", "public/u"} {
			for range 2 {
				s.dial(name)
				a := s.child()
				s.observe(name, a.do("accept"))
				s.observe(name, a.do("taken"))
			}
		}
		p.quietFor(still)
	}},
	{name: "the warning comes once", play: func(s *station) {
		s.master("p pass n - n - 2 actor")
		p := s.start()
		s.dial("public/p")
		first := s.child()
		first.do("accept")
		first.do("taken")
		for range 3 {
			s.dial("public/p")
			a := s.child()
			a.do("accept")
			a.do("taken")
			p.quietFor(still)
			a.exit(0)
			p.quietFor(still)
		}
	}},
	{name: "a lowered limit ends no child and starts none", play: func(s *station) {
		s.loose = true
		s.master("x unix n - n - 3 actor serve")
		p := s.start()
		clients := occupy(s, "public/x", 3)
		all := []*child{s.child(), s.child(), s.child()}
		s.setMaster("x unix n - n - 1 actor serve")
		p.reload()
		waiting := s.dial("public/x")
		p.quietFor(still)
		s.observef("children", "%d", s.childCount())
		for i, c := range clients {
			c.ask("quit")
			all[i].awaitEnd()
		}
		observeServed(s, "the waiting client", waiting)
		s.child()
	}},
	{name: "a raised limit starts another child", play: func(s *station) {
		s.master("x unix n - n - 1 actor serve")
		p := s.start()
		busy := occupy(s, "public/x", 1)
		waiting := s.dial("public/x")
		p.quietFor(still)
		s.setMaster("x unix n - n - 2 actor serve")
		p.reload()
		observeServed(s, "the waiting client", waiting)
		s.child()
		s.child()
		observeServed(s, "the busy client", busy[0])
	}},
	{name: "numbers with something behind them", shows: []shown{{row: "D13", ours: `^log: info .* is taken as `}}, play: func(s *station) {
		s.master("a unix n - n - 1x actor", "b unix n - n - 0x10 actor", "c unix n - n - 007 actor", "d unix n - n - 1.5 actor", "e unix n - n - 4294967297 actor")
		s.start()
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			s.dial("public/" + name)
			s.child()
		}
	}},
	{name: "children may open as many files as the hard limit says", play: func(s *station) {
		s.master(one)
		l := s.command()
		l.OpenFiles = [2]uint64{300, 600}
		s.startAs(l)
		serveOne(s)
	}},
	{name: "a hundred services", play: func(s *station) {
		for i := range 100 {
			s.master(fmt.Sprintf("x%d unix n - n - 1 actor serve", i))
		}
		s.start()
		for _, i := range []int{99, 0, 50} {
			observeServed(s, fmt.Sprintf("x%d", i), s.dial(fmt.Sprintf("public/x%d", i)))
		}
	}},
	{name: "a burst of twenty clients is served by at most five", play: func(s *station) {
		s.loose = true
		s.ignore(`^(child [0-9]+\.|process: )`) // which child serves a client is random
		s.master("x unix n - n - 5 actor serve max_use=3")
		s.start()
		clients := make([]*client, 20)
		for i := range clients {
			clients[i] = s.dial("public/x")
		}
		for _, c := range clients {
			s.observef("served", "%v", c.ask("who") != "")
			c.ask("quit")
		}
	}},
	{name: "a busy service does not keep the end from coming", play: func(s *station) {
		s.master("x unix n - n - 2 actor serve")
		p := s.start()
		occupy(s, "public/x", 2)
		p.signal(unix.SIGTERM)
		p.awaitEnd()
		s.child().awaitEnd()
		s.child().awaitEnd()
		s.loose = true
	}},
}
