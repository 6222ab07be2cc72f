//go:build linux

package parity

import (
	"fmt"
)

var _ = topic("addresses", addressScenarios, doubleScenarios(), badAddresses())

// served connects to each address once, in turn, for a child, and observes which
// one accepted.
func served(s *station, addresses ...string) {
	for _, address := range addresses {
		c, err := s.tryDial(address)
		if err != nil {
			s.observe(address, errorWord(err))
			continue
		}
		a := s.child()
		s.observe(address, a.do("accept"))
		a.do("close")
		a.exit(0)
		c.awaitHangUp()
	}
}

var addressScenarios = []scenario{
	{name: "a port alone is on all addresses of inet_interfaces", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_interfaces", "::1, 127.0.0.1")
		s.setMain("inet_protocols", "all")
		s.master("@port1 inet n - n - 4 actor")
		s.start()
		served(s, "@port1", "[::1]:@port1", "@port1", "127.0.0.2:@port1")
	}},
	{name: "a port alone is on an address once that is listed twice", play: func(s *station) {
		s.setMain("inet_interfaces", "127.0.0.1 localhost, 127.0.0.1")
		s.master("@port1 inet n - n - 2 actor")
		s.start()
		served(s, "@port1")
	}},
	{name: "all interfaces with IPv4 alone", play: func(s *station) {
		s.setMain("inet_interfaces", "all")
		s.master("@port1 inet n - n - 3 actor")
		s.start()
		served(s, "@port1", "127.0.0.2:@port1", "[::1]:@port1")
	}},
	{name: "all interfaces with IPv6 alone", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_interfaces", "all")
		s.setMain("inet_protocols", "ipv6")
		s.master("@port1 inet n - n - 3 actor")
		s.start()
		served(s, "[::1]:@port1", "@port1")
	}},
	{name: "all interfaces with both families take a client of each", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_interfaces", "all")
		s.setMain("inet_protocols", "ipv4, ipv6")
		s.master("@port1 inet n - n - 2 actor")
		s.start()
		served(s, "[::1]:@port1", "@port1", "127.3.2.1:@port1")
	}},
	{name: "loopback interfaces only", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_interfaces", "loopback-only")
		s.setMain("inet_protocols", "all")
		s.master("@port1 inet n - n - 2 actor")
		s.start()
		served(s, "[::1]:@port1", "@port1", "127.0.0.2:@port1")
	}},
	{name: "a host name with two addresses", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.master("localhost:@port1 inet n - n - 2 actor")
		s.start()
		served(s, "@port1", "[::1]:@port1")
	}},
	{name: "a host name with one address of the family", play: func(s *station) {
		s.master("localhost:@port1 inet n - n - 2 actor")
		s.start()
		served(s, "@port1")
	}},
	{name: "wildcard addresses of the two families side by side", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.master("[::]:@port1 inet n - n - 0 actor", "0.0.0.0:@port1 inet n - n - 2 actor")
		s.start()
		served(s, "[::1]:@port1", "@port1")
	}},
	{name: "an IPv6 wildcard takes no IPv4 clients", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.master("[::]:@port1 inet n - n - 2 actor")
		s.start()
		served(s, "@port1", "[::1]:@port1")
	}},
	{name: "forms of one IPv6 address", needs: noIPv6, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.master("[::1]:@port1 inet n - n - 1 actor", "::1:@port2 inet n - n - 1 actor",
			"[0:0:0:0:0:0:0:1]:@port3 inet n - n - 1 actor", "[IPv6:::1]:@port4 inet n - n - 1 actor")
		s.start()
		served(s, "[::1]:@port1", "[::1]:@port2", "[::1]:@port3", "[::1]:@port4")
	}},
	{name: "an IPv4 address in brackets, and a port after a colon alone", play: func(s *station) {
		s.master("[127.0.0.1]:@port1 inet n - n - 1 actor", ":@port2 inet n - n - 1 actor", "127.0.0.1:@port3 inet n - n - 1 actor")
		s.start()
		served(s, "@port1", "@port2", "@port3")
	}},
	{name: "an explicit address need not be in inet_interfaces", play: func(s *station) {
		s.master("127.0.0.9:@port1 inet n - n - 1 actor", "@port2 inet n - n - 1 actor")
		s.start()
		served(s, "127.0.0.9:@port1", "@port2", "127.0.0.9:@port2")
	}},
	{name: "a port with a name of known_tcp_ports", play: func(s *station) {
		s.main("known_tcp_ports = here=there=@port1, elsewhere=@port2")
		s.master("there inet n - n - 1 actor", "127.0.0.1:elsewhere inet n - n - 1 actor")
		s.start()
		served(s, "@port1", "@port2")
	}},
	{name: "no address for a port alone is needed when there is none", play: func(s *station) {
		s.setMain("inet_interfaces", "")
		s.master("127.0.0.1:@port1 inet n - n - 1 actor")
		s.start()
		served(s, "@port1")
	}},
	{name: "without network protocols there are no inet services", play: func(s *station) {
		s.setMain("inet_protocols", "")
		s.master("127.0.0.1:@port1 inet n - n - 1 actor", "x unix n - n - 1 actor")
		s.start()
		served(s, "public/x", "@port1")
	}},
	{name: "a service that is disabled has no socket", play: func(s *station) {
		s.main("master_service_disable = @port1.inet, fifo, x/unix")
		s.master("@port1 inet n - n - 1 actor", "f fifo n - n - 1 actor", "x unix n - n - 1 actor", "x pass n - n - 1 actor", "@port2 inet n - n - 1 actor")
		s.start()
		served(s, "@port1", "@port2", "public/x")
	}},
	{name: "the window size is that of the sockets", play: func(s *station) {
		s.main("tcp_windowsize = 30000")
		s.master("127.0.0.1:@port1 inet n - n - 1 actor", "x unix n - n - 1 actor")
		s.start()
		served(s, "@port1", "public/x")
	}},
	{name: "services on nine ports", play: func(s *station) {
		for i := range 9 {
			s.master(fmt.Sprintf("127.0.0.1:@port%d inet n - n - %d actor", i+1, i))
		}
		s.start()
		served(s, "@port9", "@port1", "@port5")
	}},
}

// doubleScenarios have two entries with one path, address or name.
func doubleScenarios() []scenario {
	return []scenario{
		{name: "two services on one port share it", shows: []shown{{row: "D13", ours: `^log: info .*address 127.0.0.1:@port1 is also that of the entry in line 1`}}, play: func(s *station) {
			s.loose = true
			s.ignore(`^(child [0-9]+\.|process: )`) // the kernel distributes the clients
			s.master("127.0.0.1:@port1 inet n - n - 2 actor serve", "@port1 inet n - n - 2 actor serve")
			s.start()
			for range 12 {
				c := s.dial("@port1")
				s.observef("served", "%v", c.ask("who") != "")
				c.ask("quit")
			}
		}},
		{name: "a service on the wildcard and one on an address of one port", play: func(s *station) {
			s.master("0.0.0.0:@port1 inet n - n - 1 actor -o all", "127.0.0.1:@port1 inet n - n - 1 actor -o one")
			s.start()
			served(s, "@port1", "127.0.0.2:@port1", "@port1")
		}},
		{name: "of two entries of one name the last counts", play: func(s *station) {
			s.master("x unix n - n - 1 actor -o first", "x unix n - n - 5 actor -o last",
				"@port1 inet n - n - 1 actor -o first", ":@port1 inet n - n - 0 actor -o last", "y fifo n - n - 1 actor", "y fifo n - n - 1 actor -v")
			s.start()
			served(s, "public/x", "@port1")
			s.poke("public/y", "y")
			s.observe("y", s.child().do("fifo"))
		}},
		{name: "of three entries of one name the last counts", play: func(s *station) {
			s.master("x pass n - n - 3 actor -o first", "x pass n - n - 2 actor -o second", "x pass n - n - 0 actor -o third")
			s.start()
			served(s, "public/x")
		}},
		{
			name:  "two entries of one name with a wakeup",
			shows: []shown{{row: "Q36", original: `^second: accepted`, ours: `^second: still waiting`}},
			play: func(s *station) {
				s.master("x unix n - n 1000 1 actor", "x unix n - n 1000 1 actor -v")
				p := s.start()
				a := s.child()
				s.observe("first", a.do("accept"))
				s.observe("it says", a.do("take 2"))
				a.order("accept")
				p.settle()
				s.observe("second", a.answerOr(3, "still waiting"))
			},
		},
		{
			name:  "two entries of one name with limits of their own",
			shows: []shown{{row: "Q36", original: `^listener: unix stream "public/x" backlog 200$`, ours: `^listener: unix stream "public/x" backlog 300$`}},
			play: func(s *station) {
				s.master("x unix n - n - 200 actor", "x unix n - n - 300 actor")
				s.start()
			},
		},
		{name: "of two types on one path the last has it", play: func(s *station) {
			s.master("x unix n - n - 1 actor", "x pass n - n - 1 actor", "y pass n - n - 1 actor", "y unix n - n - 1 actor",
				"z unix n - n - 1 actor", "z fifo n - n - 1 actor", "t fifo n - n - 1 actor", "t unix-dgram n - n - 1 actor")
			s.start()
			served(s, "public/x", "public/y", "public/z")
			s.poke("public/z", "z")
			s.observe("z", s.child().do("fifo"))
			s.send("public/t", "t")
			s.observe("t", s.child().do("dgram"))
		}},
		{name: "two names of one path", play: func(s *station) {
			s.master("x unix n - n - 1 actor -o first", "./x unix n - n - 1 actor -o last")
			s.start()
			served(s, "public/x")
		}},
		{name: "a name of known_tcp_ports and its number are one service", play: func(s *station) {
			s.main("known_tcp_ports = here=@port1")
			s.master("here inet n - n - 1 actor -o first", "@port1 inet n - n - 1 actor -o last")
			s.start()
			served(s, "@port1")
		}},
	}
}

// badAddresses are starts that fail because of an address.
func badAddresses() []scenario {
	badForm := []shown{hint(`write port, host:port or `), undone}
	var list []scenario
	for _, c := range []struct {
		name  string
		entry string
		main  [][2]string // names and values
		shows []shown
	}{
		{"a port that has no name", "127.0.0.1:nosuchservice inet n - n - 1 actor", nil, []shown{hint(`use a port number, or a TCP service`), undone}},
		{"a port name alone that has no number", "nosuchservice inet n - n - 1 actor", nil, []shown{hint(`use a port number, or a TCP service`), undone}},
		{"an IPv6 address without IPv6", "[::1]:@port1 inet n - n - 1 actor", nil, []shown{hint(`use a host with an address of a family in inet_protocols`), undone}},
		{"an IPv4 address without IPv4", "127.0.0.1:@port1 inet n - n - 1 actor", [][2]string{{"inet_protocols", "ipv6"}, {"inet_interfaces", "all"}}, []shown{hint(`use a host with an address of a family in inet_protocols`), undone}},
		{"a port alone without interfaces", "@port1 inet n - n - 1 actor", [][2]string{{"inet_interfaces", ""}}, []shown{hint(`put a host before the port`), undone}},
		{"an interface that is not there", "x unix n - n - 1 actor", [][2]string{{"inet_interfaces", "192.0.2.77"}}, []shown{hint(`name addresses of this machine`)}},
		{"an interface name that does not fit", "x unix n - n - 1 actor", [][2]string{{"inet_interfaces", "ALL"}}, []shown{hint(`name hosts or addresses of the families`)}},
		{"an address without a port", "127.0.0.1 inet n - n - 1 actor", nil, badForm},
		{"an address with an empty port", "127.0.0.1: inet n - n - 1 actor", nil, badForm},
		{"a bracket that is not closed", "[::1:@port1 inet n - n - 1 actor", nil, badForm},
		{"text behind a bracket", "[::1]x:@port1 inet n - n - 1 actor", nil, badForm},
		{"a scope behind an address", "[::1%lo]:@port1 inet n - n - 1 actor", [][2]string{{"inet_protocols", "all"}}, badForm},
		{"a number behind which is text", "@port1x inet n - n - 1 actor", nil, badForm},
		{"a host of bad form", "a..b:@port1 inet n - n - 1 actor", nil, badForm},
		{"an inet service that is private", "@port1 inet y - n - 1 actor", nil, []shown{hint(`write n in the private column`), undone}},
		{"an inet service that is private by default", "@port1 inet - - n - 1 actor", nil, []shown{hint(`write n in the private column`), undone}},
	} {
		list = append(list, scenario{name: "start fails with " + c.name, shows: c.shows, play: func(s *station) {
			for _, setting := range c.main {
				s.setMain(setting[0], setting[1])
			}
			s.master("before unix n - n - 1 actor", c.entry)
			s.run()
		}})
	}
	return list
}
