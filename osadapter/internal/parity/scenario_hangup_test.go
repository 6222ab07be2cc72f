//go:build linux

package parity

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What other masters do with processes and listeners after a hangup is checked for
// this one, too.
var _ = topic("hangup", hangupScenarios)

var hangupScenarios = []scenario{
	{name: "idle processes are recycled", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 0 actor serve")
		p := s.start()
		var idle []*child
		var clients []*client
		for range 3 {
			c := s.dial("private/x")
			c.ask("who")
			idle = append(idle, s.child())
			clients = append(clients, c)
		}
		for i, c := range clients {
			c.ask("quit")
			idle[i].awaitEvent("available", 1)
		}
		p.reload()
		for _, a := range idle {
			a.awaitEnd()
			a.awaitEvent("leaves: channel ended", 1)
		}
		observeServed(s, "the next client", s.dial("private/x"))
		s.child()
	}},
	{name: "a service is added", play: func(s *station) {
		s.loose = true
		s.master(one)
		p := s.start()
		s.observe("before", s.dialResult("@port2"))
		s.master("127.0.0.1:@port2 inet n - n - 2 actor", "n unix - - n - 2 actor")
		p.reload()
		p.awaitListener("tcp 127.0.0.1:@port2", true)
		p.awaitListener(`unix stream "private/n"`, true)
		p.quietFor(100 * time.Millisecond)
		serveAt(s, "@port2").do("avail")
		serveAt(s, "private/n").do("avail")
		serveAt(s, "@port1").do("avail")
	}},
	{name: "a service listens elsewhere and then again where it was", play: func(s *station) {
		s.master(one)
		p := s.start()
		s.setMaster("127.0.0.2:@port1 inet n - n - 2 actor")
		p.reload()
		p.awaitListener("tcp 127.0.0.2:@port1", true)
		p.awaitListener("tcp 127.0.0.1:@port1", false)
		s.observe("where it was", s.dialResult("@port1"))
		s.setMaster(one)
		p.hangupWith()
		p.awaitListener("tcp 127.0.0.1:@port1", true)
		p.awaitListener("tcp 127.0.0.2:@port1", false)
		p.quietFor(100 * time.Millisecond)
		serveOne(s)
	}},
	{name: "a service changes from one protocol to the other", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.master(one)
		p := s.start()
		s.setMaster("[::1]:@port1 inet n - n - 2 actor")
		p.reload()
		p.awaitListener("tcp [::1]:@port1", true)
		p.awaitListener("tcp 127.0.0.1:@port1", false)
		s.observe("IPv4", s.dialResult("@port1"))
		serveAt(s, "[::1]:@port1").do("avail")
	}},
	{name: "a service that fails at its start and is mended by a reload", play: func(s *station) {
		s.loose = true
		s.setMain("service_throttle_time", "6s") // time enough for the reload and the other service
		s.master("x unix - - n - 2 actor exit 9", one)
		p := s.start()
		s.dial("private/x")
		s.awaitLog("throttling", 1)
		s.child().awaitEnd()
		s.setMaster("x unix - - n - 2 actor", one)
		p.reload()
		p.quietFor(100 * time.Millisecond)
		serveAt(s, "@port1").do("avail")
		a := s.child("x")
		s.observe("accept", a.do("accept"))
	}},
	{name: "the lock files of the start stay held", play: func(s *station) {
		s.master(one)
		p := s.start()
		s.require("rename", os.Rename(s.path("q/pid/master.pid"), s.path("q/pid/old")))
		p.reload()
		p.quietFor(100 * time.Millisecond)
		s.observe("test without the file", s.run("-t"))
		s.require("rename", os.Rename(s.path("q/pid/old"), s.path("q/pid/master.pid")))
		s.observe("test with it", s.run("-t"))
		s.require("symlink", os.Symlink("master.pid", s.path("q/pid/link")))
		p.signal(unix.SIGTERM)
		p.awaitEnd()
		s.observe("test after the end", s.run("-t"))
	}},
}

// hangupWith reloads changed files, after the previous reload.
func (p *process) hangupWith() {
	p.quietFor(shortRest)
	p.station.write()
	p.hangup()
}
