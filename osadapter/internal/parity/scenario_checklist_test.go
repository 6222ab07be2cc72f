//go:build linux

package parity

import "fmt"

var _ = topic("checklist", checklist)

// round connects a client to each address, waits until it is served, and returns
// the clients.
func round(s *station, addresses ...string) []*client {
	var clients []*client
	for _, address := range addresses {
		c := s.dial(address)
		observeServed(s, address, c)
		clients = append(clients, c)
	}
	return clients
}

// checklist covers the intents of another master's tests, under their names.
var checklist = []scenario{
	{name: "service: one client after another", play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n - - actor serve")
		s.start()
		for i := range 5 {
			c := s.dial("@port1")
			observeServed(s, fmt.Sprintf("client %d", i+1), c)
			c.ask("quit")
			s.child1().awaitEvent("available", i+1)
		}
	}},
	{name: "prefork: the child that the wakeup has started serves the first client", play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n 1000 3 actor accept; close; serve")
		s.start()
		a := s.child()
		a.awaitAnswer(3)
		c := s.dial("@port1")
		observeServed(s, "the first client", c)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "multi_connections: clients at once, then again", play: func(s *station) {
		s.loose = true
		s.master("127.0.0.1:@port1 inet n - n - - actor serve")
		p := s.start()
		clients := round(s, "@port1", "@port1", "@port1", "@port1", "@port1")
		for _, c := range clients {
			c.ask("quit")
		}
		p.settle()
		for range 5 {
			c := s.dial("@port1")
			s.observef("served", "%v", c.ask("who") != "")
		}
		p.settle()
		s.observef("children", "%d", s.childCount())
	}},
	{name: "multi_services: clients of three services in turn", play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n - - actor serve", "127.0.0.1:@port2 inet n - n - - actor serve", "z unix n - n - - actor serve")
		s.start()
		clients := round(s, "@port1", "@port2", "public/z", "@port2", "@port1", "public/z", "public/z")
		for i, c := range clients {
			s.observef("still served", "%d %v", i+1, c.ask("who") != "")
		}
	}},
	{name: "exit_after_connect: each child leaves after its client", play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n - 2 actor serve max_use=1")
		s.start()
		for i := range 6 {
			c := s.dial("@port1")
			observeServed(s, fmt.Sprintf("client %d", i+1), c)
			c.ask("quit")
			s.child().awaitEnd()
		}
	}},
	{name: "exit_after_connect: each child exits 0 when it has a client", play: func(s *station) {
		s.master("x unix n - n - 2 actor accept; taken; exit 0")
		p := s.start()
		for range 4 {
			c := s.dial("public/x")
			s.child().awaitEnd()
			c.awaitHangUp()
			p.quietFor(still / 2)
		}
	}},
	{name: "reap_rate: ten children crash after good service and nobody waits", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 1 actor serve")
		p := s.start()
		for i := range 10 {
			c := s.dial("public/x")
			observeServed(s, fmt.Sprintf("client %d", 2*i+1), c)
			c.ask("quit")
			a := s.child()
			a.awaitEvent("available", 1)
			p.quietFor(still / 5)
			d := s.dial("public/x")
			d.ask("exit 1")
			a.awaitEnd()
			s.awaitLog("exit status 1", i+1)
		}
	}},
	{name: "service_exit_during_start: the others are served", play: func(s *station) {
		s.setMain("service_throttle_time", "60s")
		s.master("bad unix n - n - 2 actor exit 1", "good unix n - n - 2 actor serve")
		p := s.start()
		s.dial("public/bad")
		s.child("bad").awaitEnd()
		s.awaitLog(throttlingText, 1)
		round(s, "public/good", "public/good")
		p.settle()
	}},
	{name: "service_exit_during_start: a client is served when the service has recovered", play: func(s *station) {
		s.setMain("service_throttle_time", "1s")
		s.master("x unix n - n - 1 actor")
		s.start()
		s.dial("public/x")
		s.child().exit(1)
		s.awaitLog(throttlingText, 1)
		a := s.child()
		s.observe("accept", a.do("accept"))
	}},
	{
		name: "service_noexe: the others are served",
		shows: []shown{
			{row: "G6", original: `^log: crit master\[other\] fatal: master_spawn: exec`, ours: `^log: warning postfix/master\[master\] warning: master_spawn: exec`},
			{row: "D1", original: `^log: warning .*process @dir/s/none pid other exit status 1`},
		},
		play: func(s *station) {
			s.setMain("service_throttle_time", "60s")
			s.master("bad unix n - n - 2 none", "good unix n - n - 2 actor serve")
			p := s.start()
			s.dial("public/bad")
			s.awaitLog(throttlingText, 1)
			round(s, "public/good", "public/good")
			p.settle()
		},
	},
	{
		name: "service_noexe: a directory is no program",
		shows: []shown{
			{row: "G6", original: `^log: crit master\[other\] fatal: master_spawn: exec`, ours: `^log: warning postfix/master\[master\] warning: master_spawn: exec`},
			{row: "D1", original: `^log: warning .*process @dir/s/. pid other exit status 1`},
		},
		play: func(s *station) {
			s.setMain("service_throttle_time", "60s")
			s.master("bad unix n - n - 2 .")
			p := s.start()
			s.dial("public/bad")
			s.awaitLog(throttlingText, 1)
			p.settle()
		},
	},
	{name: "service_bad_name: odd names are names", play: func(s *station) {
		s.master("foo!@bar unix n - n - 1 actor serve", "foo&bar unix n - n - 1 actor serve", ". unix n - n - 1 actor serve")
		s.setMaster(s.masterText[:2]...)
		s.start()
		round(s, "public/foo!@bar", "public/foo&bar")
	}},
	{name: "service_bad_name: the name of the directory itself", shows: []shown{hint(`.*cannot listen on public/\.; `), undone}, play: func(s *station) {
		s.master("before unix n - n - 1 actor", ". unix n - n - 1 actor")
		s.run()
	}},
	{name: "service_dup_port: two services of one port are both started", shows: []shown{{row: "D13", ours: `^log: info .*is also that of the entry in line 1`}}, play: func(s *station) {
		s.master("127.0.0.1:@port1 inet n - n - 1 actor", ":@port1 inet n - n - 1 actor", "127.0.0.1:@port2 inet n - n - 1 actor serve")
		s.start()
		round(s, "@port2")
	}},
	{name: "service_ipv6: clients of both families", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.setMain("inet_interfaces", "loopback-only")
		s.master("@port1 inet n - n - 4 actor serve")
		s.start()
		round(s, "[::1]:@port1", "@port1", "[::1]:@port1", "@port1")
	}},
	{name: "service_nohost: a port alone", play: func(s *station) {
		s.master("@port1 inet n - n - - actor serve")
		s.start()
		round(s, "@port1", "@port1")
	}},
	{name: "service_unix: clients of a socket", play: func(s *station) {
		s.master("x unix - - n - - actor serve")
		s.start()
		for _, c := range round(s, "private/x", "private/x", "private/x") {
			c.ask("quit")
		}
		s.loose = true
		s.awaitChildren(3)
	}},
	{name: "startup_exits: a service that nobody uses starts nothing", play: func(s *station) {
		s.master("x unix - - n - - actor exit 1", "y unix - - n 0 - actor exit 0")
		s.start().settle()
		s.observef("children", "%d", s.childCount())
	}},
}
