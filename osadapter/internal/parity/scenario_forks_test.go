//go:build linux

package parity

// Forks that fail; the test is asked before each one.
var _ = topic("forks", forkScenarios)

const forkText = "master_spawn: fork: "

var forkScenarios = []scenario{
	{name: "a fork that fails throttles its service and no other", needs: noFilter, play: func(s *station) {
		s.loose = true
		s.master("x unix n - n - 2 actor", "y unix n - n - 2 actor")
		p, forks := s.startAsking(0)
		forks.refuse.Store(1)
		s.dial("public/x")
		s.awaitLog(forkText, 1)
		p.settle()
		serveAt(s, "public/y").do("avail")
		a := s.child("x") // after the throttle time
		s.observe("then", a.do("accept"))
		a.do("taken")
		serveAt(s, "public/x").do("avail")
		p.settle()
		s.observef("told", "%d", s.countLog(forkText))
	}},
	{name: "forks that fail again and again are tried once in each throttle time", needs: noFilter, play: func(s *station) {
		s.setMain("service_throttle_time", "1s")
		s.master("x unix n - n - 2 actor")
		p, forks := s.startAsking(0)
		forks.refuse.Store(3)
		s.dial("public/x")
		s.awaitLog(forkText, 3)
		a := s.child()
		s.observe("then", a.do("accept"))
		a.do("taken")
		p.settle()
	}},
	{name: "a fork that fails while a child is busy leaves it alone", needs: noFilter, play: func(s *station) {
		s.setMain("service_throttle_time", "1s")
		s.master("x unix n - n - 2 actor")
		p, forks := s.startAsking(0)
		a := serveAt(s, "public/x")
		forks.refuse.Store(1)
		s.dial("public/x")
		s.awaitLog(forkText, 1)
		p.settle()
		s.observe("the busy child reports", a.do("avail"))
		s.observe("and serves", a.do("accept"))
		a.do("taken")
		s.dial("public/x")
		b := s.child()
		s.observe("the next", b.do("accept"))
		b.do("taken")
		p.settle()
	}},
	{name: "a reload while forks fail", needs: noFilter, play: func(s *station) {
		s.master("x unix n - n - 2 actor")
		p, forks := s.startAsking(0)
		forks.refuse.Store(1)
		s.dial("public/x")
		s.awaitLog(forkText, 1)
		p.reload()
		p.settle()
		s.observe("then", s.child().do("accept"))
		p.settle()
	}},
	{name: "a fork that fails at the first wakeup is made up for", needs: noFilter, play: func(s *station) {
		s.setMain("service_throttle_time", "1s")
		s.master("x unix n - n 3600 1 actor")
		p, _ := s.startAsking(1)
		s.awaitLog(forkText, 1)
		a := s.child()
		s.observe("wakeup", a.do("accept"))
		s.observe("it says", a.do("take 2"))
		p.settle()
	}},
}
