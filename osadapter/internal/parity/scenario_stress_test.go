//go:build linux

package parity

import "fmt"

var _ = topic("stress", stressScenarios)

// busy makes the next child of a client busy with it.
func busy(s *station, address string) *child {
	s.dial(address)
	a := s.child()
	s.observe("accept", a.do("accept"))
	s.observe("taken", a.do("taken"))
	return a
}

// through makes the child of a client end the session and report.
func through(s *station, name string, a *child) {
	a.do("close")
	s.observe(name+" reports", a.do("avail"))
}

var stressScenarios = []scenario{
	{name: "the child in the last place is told", play: func(s *station) {
		s.master("p pass n - n - 3 actor")
		p := s.start()
		for range 3 {
			busy(s, "public/p")
		}
		p.settle()
	}},
	{name: "an inet service that may be remote knows stress", play: func(s *station) {
		s.master("0.0.0.0:@port1 inet n - n - 2 actor")
		p := s.start()
		busy(s, "@port1")
		busy(s, "@port1")
		p.settle()
	}},
	{name: "local services do not know stress", play: func(s *station) {
		s.loose = true
		s.master("u unix n - n - 2 actor", "127.0.0.1:@port1 inet n - n - 2 actor")
		p := s.start()
		for _, address := range []string{"public/u", "@port1"} {
			a := busy(s, address)
			b := busy(s, address)
			p.settle()
			through(s, "first", a)
			through(s, "second", b)
		}
	}},
	{name: "services with one place or no limit do not know stress", play: func(s *station) {
		s.master("p pass n - n - 1 actor", "q pass n - n - 0 actor")
		p := s.start()
		a := busy(s, "public/p")
		b := busy(s, "public/q")
		busy(s, "public/q")
		p.settle()
		through(s, "first of p", a)
		through(s, "first of q", b)
	}},
	{name: "the last start cuts off those who are busy", play: func(s *station) {
		s.master("p pass n - n - 2 actor")
		p := s.start()
		a := busy(s, "public/p")
		b := busy(s, "public/p")
		through(s, "the first", a)
		through(s, "the second", b)
		a.exit(0)
		b.exit(0)
		p.settle()
	}},
	{name: "a later last start cuts off nobody", play: func(s *station) {
		s.master("p pass n - n - 2 actor")
		p := s.start()
		a := busy(s, "public/p")
		b := busy(s, "public/p")
		p.settle()
		a.exit(0)
		p.settle()
		c := busy(s, "public/p")
		through(s, "the second", b)
		through(s, "the third", c)
		p.settle()
	}},
	{name: "all who are started under stress are told, not only the last", play: func(s *station) {
		s.loose = true
		s.master("p pass n - n - 3 actor")
		p := s.start()
		all := []*child{busy(s, "public/p"), busy(s, "public/p"), busy(s, "public/p")}
		for _, a := range all {
			a.exit(0)
		}
		p.settle()
		busy(s, "public/p")
		p.settle()
	}},
	{name: "one service's stress is not another's", play: func(s *station) {
		s.master("p pass n - n - 2 actor", "q pass n - n - 2 actor")
		p := s.start()
		busy(s, "public/p")
		busy(s, "public/p")
		p.settle()
		a := busy(s, "public/q")
		through(s, "of the other service", a)
		p.settle()
	}},
	{name: "stress outlasts a reload", play: func(s *station) {
		s.loose = true
		s.master("p pass n - n - 2 actor")
		p := s.start()
		a, b := busy(s, "public/p"), busy(s, "public/p")
		p.settle()
		a.exit(0)
		b.exit(0)
		p.settle()
		p.reload()
		p.settle()
		busy(s, "public/p")
		p.settle()
	}},
	{name: "a raised limit ends no stress", play: func(s *station) {
		s.loose = true
		s.master("p pass n - n - 2 actor")
		p := s.start()
		a, b := busy(s, "public/p"), busy(s, "public/p")
		p.settle()
		s.setMaster("p pass n - n - 4 actor")
		p.reload()
		a.exit(0)
		b.exit(0)
		p.settle()
		busy(s, "public/p")
		p.settle()
	}},
	{name: "an idle child leaves no room for stress", play: func(s *station) {
		s.master("p pass n - n - 2 actor")
		p := s.start()
		a := busy(s, "public/p")
		p.settle()
		through(s, "the first", a)
		s.dial("public/p")
		p.settle()
		s.observef("children", "%d", s.childCount())
		s.observe("accept", a.do("accept"))
	}},
	{name: "the stress of a service starts its wakeup again", play: func(s *station) {
		s.master("p pass n - n 1000 2 actor")
		p := s.start()
		a := s.child()
		s.observe("first", a.do("pass"))
		s.observe("it says", a.do("take 2"))
		a.do("taken")
		s.dial("public/p")
		b := s.child()
		s.observe("second", b.do("accept"))
		s.observe("third", b.do("pass"))
		s.observe("it says", b.do("take 2"))
		p.settle()
	}},
	{name: "those who serve many leave at the start of stress", play: func(s *station) {
		s.loose = true
		s.master("p pass n - n - 3 actor serve")
		p := s.start()
		clients := make([]*client, 3)
		for i := range clients {
			clients[i] = s.dial("public/p")
			observeServed(s, fmt.Sprintf("client %d", i+1), clients[i])
		}
		all := []*child{s.child(), s.child(), s.child()}
		for i, c := range clients[:2] {
			c.ask("quit")
			all[i].awaitEnd()
		}
		clients[2].ask("quit")
		all[2].awaitEvent("available", 1)
		observeServed(s, "the next client", s.dial("public/p"))
		p.settle()
	}},
}
