//go:build linux

package parity

import (
	"fmt"
	"time"
)

var _ = topic("removal", removalScenarios, removedTypes())

// untilKilled is longer than ours lets a child of a removed service live that
// ignores SIGTERM.
const untilKilled = 10 * time.Second

// within reports whether a condition was met in time.
func within(d time.Duration, holds func() bool) bool { return newLimit(d).poll(holds) }

// afterRemoval reports whether a condition is met after the removal of a service
// with a child that does not leave. A master that rests waits for a timer, and the
// test waits with it; the original works until the child has ended.
func (p *process) afterRemoval(holds func() bool) bool {
	if newLimit(untilKilled).rest(p.master(), still) {
		return within(patience, holds)
	}
	return holds()
}

// withinSlowly is within for connections, which the original's queue must accept.
func withinSlowly(d time.Duration, holds func() bool) bool {
	return within(d, func() bool {
		if holds() {
			return true
		}
		time.Sleep(d / 20)
		return false
	})
}

var removalScenarios = []scenario{
	{
		name: "a deaf child of a removed service holds up nobody else",
		shows: []shown{{
			row:      "Q2",
			original: `^after the reload: connected$|^other service: waits$`,
			ours:     `^after the reload: refused in time$|^other service: is served$`,
		}},
		play: func(s *station) {
			s.loose = true
			s.ignore(`^(process: child|child [2-9])|reload -- version`) // they follow from the rest
			other := "127.0.0.1:@port9 inet n - n - 2 actor serve"
			// On a busy machine anything may take longer, but not always.
			const tries = 5
			services := []string{other}
			for i := range tries {
				services = append(services, fmt.Sprintf("127.0.0.1:@port%d inet n - n - 1 actor deaf; accept; taken", i+1))
			}
			s.master(services...)
			l := s.command()
			l.Nice = 10 // the original never rests while it waits
			p := s.startAs(l)
			var deaf []*child
			for i := range tries {
				s.dial(fmt.Sprintf("@port%d", i+1))
				deaf = append(deaf, s.child())
				deaf[i].awaitAnswer(3)
			}
			inTime := false
			for i := 0; i < tries && !inTime; i++ {
				s.setMaster(append([]string{other}, services[i+2:]...)...)
				p.reload()
				address := fmt.Sprintf("@port%d", i+1)
				refused := func() bool { return s.dialResult(address) == "connection refused" }
				inTime = within(100*time.Millisecond, refused)
				if !withinSlowly(forOneSide, refused) {
					break // the original waits for the child
				}
			}
			s.observe("after the reload", map[bool]string{true: "refused in time", false: "connected"}[inTime])
			c := s.dial("@port9")
			if within(forOneSide, func() bool { return s.childCount() > tries }) {
				s.observe("other service", "is served")
			} else {
				s.observe("other service", "waits")
			}
			for _, a := range deaf {
				a.exit(0)
			}
			if c.ask("who") != "" {
				s.observe("in the end", "it is served")
			}
		},
	},
	{
		name:  "a deaf child is killed in the end",
		shows: []shown{{row: "Q2", original: `^the deaf child: lives`, ours: `^the deaf child: is killed|^process: child 1 ends|^log: warning .*SIGKILL`}},
		play: func(s *station) {
			s.master(one, "x unix n - n - 1 actor deaf; accept; taken")
			s.ignore(`^(file: q/public/x|listener:)`) // row Q12, and the original has not ended yet
			l := s.command()
			l.Nice = 19
			p := s.startAs(l)
			s.dial("public/x")
			deaf := s.child()
			deaf.awaitAnswer(3)
			s.setMaster(one)
			p.reload()
			if p.afterRemoval(deaf.isEnded) {
				s.observe("the deaf child", "is killed")
			} else {
				s.observe("the deaf child", "lives")
			}
		},
	},
	{
		name: "a removed service that comes back waits for its deaf child",
		shows: []shown{{
			row: "Q2", original: `^log: info .*reload|^(then|now): |^file: `,
			ours: `^log: info .*reload|^then: gone true, back true, children 1$|^now: deaf child ended true, next started true$|^file: `,
		}},
		play: func(s *station) {
			s.master(one, "x unix n - n - 1 actor deaf; accept; taken; hang")
			s.loose = true
			l := s.command()
			l.Nice = 19
			p := s.startAs(l)
			s.dial("public/x")
			deaf := s.child()
			deaf.awaitAnswer(3)
			s.setMaster(one)
			p.reload()
			gone := withinSlowly(forOneSide, func() bool { return s.dialResult("public/x") == "no such file or directory" })
			s.setMaster(one, "x unix n - n - 1 actor")
			s.write()
			p.hup()
			back := withinSlowly(forOneSide, func() bool { return s.dialResult("public/x") == "connected" })
			s.observef("then", "gone %v, back %v, children %d", gone, back, s.childCount())
			started := p.afterRemoval(func() bool { return s.childCount() > 1 })
			s.observef("now", "deaf child ended %v, next started %v", deaf.isEnded(), started)
			s.ignore(`^(process: |child 2|log: warning .*SIGKILL|listener: )`) // they follow from the above
		},
	},
	{name: "children of a removed service that end by another way are told of", play: func(s *station) {
		s.loose = true
		s.master(one, "127.0.0.1:@port2 inet n - n - 3 actor deaf; accept; taken")
		p := s.start()
		var all []*child
		for range 3 {
			s.dial("@port2")
			a := s.child()
			a.awaitAnswer(3)
			all = append(all, a)
		}
		s.setMaster(one)
		p.reload()
		for _, a := range all {
			s.observe("channel", a.do("eof"))
		}
		all[0].exit(3)
		s.awaitLog("exit status 3", 1)
		all[1].order("signal 9")
		all[1].awaitEnd()
		s.awaitLog("killed by signal 9", 1)
		all[2].exit(0)
		p.awaitListener("tcp 127.0.0.1:@port2", false)
		serveAt(s, "@port1").do("avail")
		s.ignore(`bad command startup`) // see the scenario of that name
	}},
	{name: "a bad start of a removed service is no bad start", play: func(s *station) {
		s.loose = true
		s.master(one, "127.0.0.1:@port2 inet n - n - 3 actor deaf; accept; taken")
		p := s.start()
		s.dial("@port2")
		a := s.child()
		a.awaitAnswer(3)
		s.setMaster(one)
		p.reload()
		s.observe("channel", a.do("eof"))
		a.exit(3)
		p.awaitListener("tcp 127.0.0.1:@port2", false)
		s.awaitLog("exit status 3", 1)
		p.quietFor(100 * time.Millisecond)
	}},
	{name: "idle and busy children of a removed service are ended without a word", play: func(s *station) {
		s.loose = true
		s.master(one, "127.0.0.1:@port2 inet n - n - 0 actor")
		p := s.start()
		busy := serveAt(s, "@port2")
		serveAt(s, "@port2").do("avail")
		s.setMaster(one)
		p.reload()
		busy.awaitEnd()
		p.awaitListener("tcp 127.0.0.1:@port2", false)
		p.quietFor(100 * time.Millisecond)
	}},
	{name: "a stopped child of a removed service", shows: []shown{{row: "Q2", original: `^the stopped child: lives`, ours: `^the stopped child: is killed|^process: child 1 ends|^log: warning .*SIGKILL|^listener: `}}, play: func(s *station) {
		s.ignore(`^listener:`)
		s.master(one, "127.0.0.1:@port2 inet n - n - 1 actor")
		l := s.command()
		l.Nice = 19
		p := s.startAs(l)
		a := serveAt(s, "@port2")
		a.order("stop")
		s.eventually("it is stopped", func() bool { return processState(a.pid) == "T" })
		s.setMaster(one)
		p.reload()
		if p.afterRemoval(a.isEnded) {
			s.observe("the stopped child", "is killed")
		} else {
			s.observe("the stopped child", "lives")
		}
	}},
	{name: "the last service goes", shows: []shown{{row: "D13", ours: `warning: no service is enabled in `}}, play: func(s *station) {
		s.master(one)
		p := s.start()
		s.setMaster("# nothing")
		p.reload()
		p.awaitListener("tcp ", false)
		s.observe("a client", s.dialResult("@port1"))
		s.setMaster(one)
		p.hangupWith()
		p.awaitListener("tcp 127.0.0.1:@port1", true)
		serveOne(s)
	}},
	{
		name:  "an address that moves to another service keeps the clients that wait",
		shows: []shown{{row: "D16", original: `^all served: false`, ours: `^all served: true`}},
		play: func(s *station) {
			s.loose = true
			s.main("default_process_limit = 250")
			s.master("127.0.0.1:@port1 inet n - n - 1 actor")
			p := s.start()
			s.dial("@port1")
			a := s.child()
			a.do("accept")
			a.do("taken")
			var waiting []*client
			for range 200 {
				waiting = append(waiting, s.dial("@port1"))
			}
			s.setMaster("localhost:@port1 inet n - n - 5 actor serve")
			p.reload()
			a.awaitEnd()
			served := 0
			for _, c := range waiting {
				if c.ask("who") != "" {
					served++
				}
				c.Close()
			}
			s.observef("all served", "%v", served == len(waiting))
			s.ignore(`^(process: child [2-9]|child [2-9]|log: info .*add up)`) // how many serve is random
		},
	},
}

// hup sends a hangup and does not wait.
func (p *process) hup() { p.signal(1) }

// removedTypes removes a service of each type whose child is busy.
func removedTypes() []scenario {
	var list []scenario
	for _, c := range []struct {
		name, entry, path string
		start             func(s *station)
	}{
		{"a socket", "x unix - - n - 1 actor", "x", func(s *station) { s.dial("private/x") }},
		{"a FIFO", "x fifo - - n - 1 actor", "x", func(s *station) { s.poke("private/x", "W") }},
		{"datagrams", "x unix-dgram - - n - 1 actor", "x", func(s *station) { s.send("private/x", "text") }},
		{"descriptors", "x pass - - n - 1 actor", "x", func(s *station) { s.dial("private/x") }},
	} {
		list = append(list, scenario{
			name:  "a service of " + c.name + " goes",
			shows: []shown{{row: "Q12", original: `^file: q/private/x `}},
			play: func(s *station) {
				s.master(one, c.entry)
				p := s.start()
				c.start(s)
				a := s.child()
				s.setMaster(one)
				p.reload()
				a.awaitEnd()
				p.quietFor(100 * time.Millisecond)
			},
		})
	}
	return list
}
