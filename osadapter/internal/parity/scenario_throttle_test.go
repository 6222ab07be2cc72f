//go:build linux

package parity

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("throttle", throttleStarts(), throttleScenarios, throttleTimes)

const throttlingText = "bad command startup -- throttling"

// crashFirst makes the next child of a client report it taken and exit with status
// 1 before it has served any client: the service is throttled.
func crashFirst(s *station, address string, n int) {
	c := s.dial(address)
	a := s.child()
	a.do("accept")
	a.exit(1)
	c.awaitHangUp()
	s.awaitLog(throttlingText, n)
}

// throttleStarts are about what throttles a service and what does not.
func throttleStarts() []scenario {
	var list []scenario
	for _, c := range []struct {
		name   string
		orders []string
	}{
		{"before it accepts", nil},
		{"before it reports", []string{"accept"}},
		{"after taken alone", []string{"accept", "taken"}},
		{"after available alone", []string{"accept", "avail"}},
		{"after available twice", []string{"accept", "avail", "avail"}},
		{"after one client", []string{"accept", "taken", "close", "avail"}},
		{"with its second client", []string{"accept", "taken", "close", "avail", "taken"}},
		{"after a report of an unknown pid", []string{"accept", "taken", "report 1 0"}},
	} {
		for _, end := range []string{"exit 0", "exit 1", "signal 15"} {
			shows := []shown(nil)
			if c.name == "after a report of an unknown pid" {
				shows = []shown{{row: "D2", ours: `sent a status update for pid nobody, ignored$`}}
			}
			list = append(list, scenario{name: "a child that ends by " + end + " " + c.name, shows: shows, play: func(s *station) {
				s.setMain("service_throttle_time", "60s")
				s.master("x unix n - n - 1 actor")
				p := s.start()
				s.dial("public/x")
				a := s.child()
				for _, order := range c.orders {
					a.do(order)
					p.quietFor(still / 2) // each report is read by itself
				}
				a.order(end)
				a.awaitEnd()
				p.settle()
				s.dial("public/x")
				p.settle()
				s.observef("children with another client", "%d", s.childCount())
			}})
		}
	}
	return list
}

var throttleScenarios = []scenario{
	{name: "throttled is a service and not a program", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor", "y unix n - n - 1 actor", "actor unix n - n - 1 actor")
		p := s.start()
		crashFirst(s, "public/x", 1)
		s.dial("public/x")
		s.dial("public/y")
		s.observe("y", s.child("y").do("accept"))
		s.dial("public/actor")
		s.observe("actor", s.child("actor").do("accept"))
		p.settle()
		s.observef("children", "%d", s.childCount())
	}},
	{name: "an idle child of a throttled service serves on", play: func(s *station) {
		s.loose = true
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 3 actor")
		p := s.start()
		s.dial("public/x")
		a := s.child()
		a.do("accept")
		a.do("taken")
		s.dial("public/x")
		b := s.child()
		b.do("accept")
		b.exit(9)
		s.awaitLog(throttlingText, 1)
		c := s.dial("public/x")
		p.settle()
		s.observef("while throttled", "%d", s.childCount())
		a.do("close")
		a.do("avail")
		s.observe("the first child", a.do("accept"))
		a.do("say hello")
		s.observe("the client", c.line())
	}},
	{name: "a second bad start while throttled is told of but counts no more", play: func(s *station) {
		s.loose = true
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 3 actor")
		p := s.start()
		var all []*child
		for range 2 {
			s.dial("public/x")
			a := s.child()
			a.do("accept")
			a.do("taken")
			all = append(all, a)
		}
		for _, a := range all {
			a.exit(3)
			s.awaitLog("exit status 3", 1)
			p.settle()
		}
	}},
	{name: "a child that is slow to crash throttles too", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor sleep 300; exit 2")
		p := s.start()
		c := s.dial("public/x")
		s.child().awaitEnd()
		s.awaitLog(throttlingText, 1)
		p.settle()
		c.Close()
	}},
	{name: "a fifo and a datagram wait while their services are throttled", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("f fifo n - n - 1 actor", "t unix-dgram n - n - 1 actor")
		p := s.start()
		s.poke("public/f", "x")
		s.child().exit(1)
		s.awaitLog(throttlingText, 1)
		s.send("public/t", "x")
		s.child().exit(1)
		s.awaitLog(throttlingText, 2)
		p.settle()
		s.observef("children", "%d", s.childCount())
	}},
	{name: "a reload does not lift a throttle", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		crashFirst(s, "public/x", 1)
		s.dial("public/x")
		p.reload()
		p.settle()
		s.observef("children", "%d", s.childCount())
	}},
	{
		name: "a reload lifts a throttle with the parameter for that",
		shows: []shown{
			{row: "Q25", ours: `^child 2\.|^process: child 2 starts`},
			{row: "D7", original: `^children: 1$`, ours: `^children: 2$`},
		},
		play: func(s *station) {
			s.setMain("service_throttle_time", "60s")
			s.main("master_reload_clears_throttle = yes")
			s.master("x unix n - n - 1 actor")
			p := s.start()
			crashFirst(s, "public/x", 1)
			s.dial("public/x")
			p.reload()
			newLimit(forOneSide).poll(func() bool { return s.childCount() == 2 })
			s.observef("children", "%d", s.childCount())
		},
	},
	{name: "a throttled service that is removed and comes back is not throttled", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor", "y unix n - n - 1 actor")
		p := s.start()
		crashFirst(s, "public/x", 1)
		s.setMaster("y unix n - n - 1 actor")
		p.reload()
		p.settle()
		s.setMaster("y unix n - n - 1 actor", "x unix n - n - 1 actor")
		p.reload()
		p.settle()
		s.dial("public/x")
		s.observe("accept", s.child().do("accept"))
	}},
	{name: "a throttled master ends like any other", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		crashFirst(s, "public/x", 1)
		p.signal(unix.SIGTERM)
		p.awaitEnd()
	}},
}

// attempts lets n children in turn start and fail while a client waits, and
// observes whether the pauses between them were those of the setting: timers of the
// original are in whole seconds, and may end up to one early.
func attempts(s *station, n int, shortest, longest time.Duration) {
	s.dial("public/x")
	var last time.Time
	for i := range n {
		a, at := s.startedAt("x")
		if i > 0 {
			pause := at.Sub(last)
			s.observef(fmt.Sprintf("pause %d", i), "long enough %v, not too long %v", pause >= shortest, pause <= longest)
		}
		if i == n-1 {
			a.do("accept") // no client waits any longer
		}
		a.exit(1)
		s.awaitLog(throttlingText, i+1)
		last = s.lastLog(throttlingText)
	}
}

// throttleTimes are about how long it takes.
var throttleTimes = []scenario{
	{name: "there is one attempt after each throttle time", play: func(s *station) {
		s.setMain("service_throttle_time", "1s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		attempts(s, 3, 0, 30*time.Second)
		p.quietFor(still / 2)
	}},
	{name: "the throttle time is the parameter's", play: func(s *station) {
		s.setMain("service_throttle_time", "3s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		attempts(s, 2, 1900*time.Millisecond, 30*time.Second)
		p.settle()
	}},
	{name: "a reload brings another throttle time", play: func(s *station) {
		s.setMain("service_throttle_time", "1000s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		s.setMain("service_throttle_time", "1s")
		p.reload()
		p.settle()
		attempts(s, 2, 0, 30*time.Second)
		p.quietFor(still / 2)
	}},
	{name: "a reload does not shorten a throttle that has begun", play: func(s *station) {
		s.setMain("service_throttle_time", "1000s")
		s.master("x unix n - n - 1 actor")
		p := s.start()
		crashFirst(s, "public/x", 1)
		s.setMain("service_throttle_time", "1s")
		s.dial("public/x")
		p.reload()
		p.quietFor(1500 * time.Millisecond)
		p.settle()
		s.observef("children", "%d", s.childCount())
	}},
	{name: "after the throttle time a service is as before", play: func(s *station) {
		s.setMain("service_throttle_time", "1s")
		s.master("x unix n - n - 1 actor")
		p := s.start("-v")
		s.ignore(`^log: info `) // what -v logs is not the same on both sides
		crashFirst(s, "public/x", 1)
		s.awaitLog(releasedText, 1)
		s.observef("throttling told", "%d", s.countLog("throttling command @dir/s/actor"))
		p.settle()
		s.observef("children before another client", "%d", s.childCount())
		c := s.dial("public/x")
		a := s.child()
		s.observe("accept", a.do("accept"))
		a.do("taken")
		a.do("close")
		c.awaitHangUp()
		a.do("avail")
		a.exit(0)
		p.settle()
	}},
	{name: "a program that was mended in time is started after the throttle time", play: func(s *station) {
		s.setMain("service_throttle_time", "1s")
		s.require("write", os.WriteFile(s.path("s/server"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
		s.master("x unix n - n - 1 server serve")
		s.start()
		c := s.dial("public/x")
		s.awaitLog(throttlingText, 1)
		s.require("remove", os.Remove(s.path("s/server")))
		s.require("mend", linkOrCopy(s.path("s/actor"), s.path("s/server")))
		s.observef("served", "%v", c.ask("who") != "")
	}},
	{
		name:  "a throttle lasts for its time",
		shows: []shown{{row: "Q28", original: `^the whole throttle time: false$`, ours: `^the whole throttle time: true$`}},
		play: func(s *station) {
			s.setMain("service_throttle_time", "2s")
			s.master("x unix n - n - 1 actor", "y unix n - n - 1 actor")
			s.loose = true
			s.ignore(`^(child [0-9]+\.|process: |log: )`) // how many attempts it takes is random
			s.start("-v")
			s.dial("public/y")
			y := s.child("y")
			s.dial("public/x")
			whole := true
			for i, tries := 1, 0; tries < 5 && whole; i++ {
				a := s.child("x")
				s.eventually("late in a second", func() bool { return lateInSecond(time.Now()) })
				a.exit(1)
				s.awaitLog(throttlingText, i)
				begun := s.lastLog(throttlingText)
				s.eventually("the release", func() bool {
					y.do("avail") // the original looks at its timers at any event
					return s.countLog(releasedText) >= i
				})
				if lateInSecond(begun) {
					whole = s.lastLog(releasedText).Sub(begun) >= 1600*time.Millisecond
					tries++
				}
			}
			s.observef("the whole throttle time", "%v", whole)
		},
	},
}

const releasedText = "throttle released for command @dir/s/actor"

// lateInSecond reports whether a timer in whole seconds that begins now ends early.
func lateInSecond(t time.Time) bool {
	fraction := t.Sub(t.Truncate(time.Second))
	return fraction >= 700*time.Millisecond && fraction < 950*time.Millisecond
}
