//go:build linux

package parity

import (
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("reload", renewedServices(), replacedServices(), reloadScenarios, refusedReloads())

// serveAt connects a client to the address, which the next child of any service
// serves.
func serveAt(s *station, address string) *child {
	c := s.dial(address)
	a := s.child()
	s.observe("accept", a.do("accept"))
	s.observe("taken", a.do("taken"))
	a.do("say hello")
	s.observe("client of "+address, c.line())
	return a
}

// renewedServices are the rows of the life cycle in which a service continues: its
// busy child stays until its session ends, and the next child has the new settings.
func renewedServices() []scenario {
	var list []scenario
	for _, c := range []struct{ name, before, after, address, later string }{
		{"nothing at all", one, one, "@port1", "@port1"},
		{"its arguments", one, one + " -v -o x=y", "@port1", "@port1"},
		{"its program", one, "127.0.0.1:@port1 inet n - n - 2 second", "@port1", "@port1"},
		{"the unprivileged column", one, "127.0.0.1:@port1 inet n n n - 2 actor", "@port1", "@port1"},
		{"the chroot column", one, "127.0.0.1:@port1 inet n - y - 2 actor", "@port1", "@port1"},
		{"its limit to none", one, "127.0.0.1:@port1 inet n - n - 0 actor", "@port1", "@port1"},
		{"a default to the same in words", "x unix - - - - - actor", "x unix y y n 0 100 actor", "private/x", "private/x"},
		{"its port to a name of the same", one, "127.0.0.1:alpha inet n - n - 2 actor", "@port1", "@port1"},
	} {
		list = append(list, scenario{name: "a service goes on when a reload changes " + c.name, play: func(s *station) {
			s.loose = true
			s.main("known_tcp_ports = alpha=@port1")
			s.require("link", linkOrCopy(s.path("s/actor"), s.path("s/second")))
			s.master(c.before)
			p := s.start()
			a := serveAt(s, c.address)
			s.setMaster(c.after)
			p.reload()
			s.observe("the channel of the busy child", a.do("eof"))
			s.observe("it says", a.do("say still here"))
			s.observe("its session ends", a.do("close"))
			s.observe("it reports", a.do("avail"))
			a.exit(0)
			serveAt(s, c.later).do("avail")
		}})
	}
	return list
}

// replacedServices are the rows in which a service is replaced by another one: its
// busy child is terminated.
func replacedServices() []scenario {
	gone := []shown{{row: "Q12", original: `^file: q/private/x socket`}}
	var list []scenario
	for _, c := range []struct {
		name          string
		before, after []string
		address       string
		later         string
		shows         []shown
	}{
		{"its private column", []string{"x unix y - n - 2 actor"}, []string{"x unix n - n - 2 actor"}, "private/x", "public/x", gone},
		{"its type from socket to descriptors", []string{"x unix n - n - 2 actor"}, []string{"x pass n - n - 2 actor"}, "public/x", "public/x", nil},
		{"its type from socket to port", []string{"x unix - - n - 2 actor"}, []string{"127.0.0.1:@port1 inet n - n - 2 actor"}, "private/x", "@port1", gone},
		{"its host text to none", []string{one}, []string{"@port1 inet n - n - 2 actor"}, "@port1", "@port1", nil},
		{"its host text to a name", []string{one}, []string{"localhost:@port1 inet n - n - 2 actor"}, "@port1", "@port1", nil},
		{"its address", []string{one}, []string{"127.0.0.2:@port1 inet n - n - 2 actor"}, "@port1", "127.0.0.2:@port1", nil},
		{"its port", []string{one}, []string{"127.0.0.1:@port2 inet n - n - 2 actor"}, "@port1", "@port2", nil},
		{"its name", []string{"x unix - - n - 2 actor"}, []string{"y unix - - n - 2 actor"}, "private/x", "private/y", gone},
		{"its name to another form of the path", []string{"x unix n - n - 2 actor"}, []string{"./x unix n - n - 2 actor"}, "public/x", "public/x", nil},
		{"nothing but takes it out", []string{"x unix - - n - 2 actor", one}, []string{one}, "private/x", "@port1", gone},
	} {
		list = append(list, scenario{name: "a service is replaced when a reload changes " + c.name, shows: c.shows, play: func(s *station) {
			s.loose = true
			s.master(c.before...)
			p := s.start()
			client := s.dial(c.address)
			a := s.child()
			s.observe("accept", a.do("accept"))
			s.observe("taken", a.do("taken"))
			s.setMaster(c.after...)
			p.reload()
			a.awaitEnd()
			client.awaitHangUp()
			p.quietFor(100 * time.Millisecond)
			serveAt(s, c.later).do("avail")
		}})
	}
	return list
}

var reloadScenarios = []scenario{
	{name: "the order of services does not matter to a reload", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 2 actor", "y unix - - n - 2 actor", "z unix - - n - 2 actor")
		p := s.start()
		a := serveAt(s, "private/y")
		s.setMaster("z unix - - n - 2 actor", "y unix - - n - 2 actor", "x unix - - n - 2 actor")
		p.reload()
		s.observe("the busy child", a.do("eof"))
		a.do("say still here")
		s.observe("reports", a.do("avail"))
		a.exit(0)
		serveAt(s, "private/z").do("avail")
	}},
	{
		name:  "a service that is disabled goes and comes back",
		shows: []shown{{row: "Q12", original: `^refused at: connection refused`, ours: `^refused at: no such file`}},
		play: func(s *station) {
			s.loose = true
			s.master("x unix - - n - 2 actor", "y unix - - n - 2 actor")
			p := s.start()
			a := serveAt(s, "private/x")
			s.main("master_service_disable = x/unix")
			p.reload()
			a.awaitEnd()
			p.awaitListener(`unix stream "private/x"`, false)
			s.observe("refused at", s.dialResult("private/x"))
			s.setMain("master_service_disable", "")
			p.hangupWith()
			p.awaitListener(`unix stream "private/x"`, true)
			serveAt(s, "private/x").do("avail")
		},
	},
	{
		name:  "of two services on one path the later goes",
		shows: []shown{{row: "D32", original: `^the other: connection refused`, ours: `^(the other: connected|child \d|process: child \d)`}},
		play: func(s *station) {
			s.loose = true
			s.master("x unix - - n - 2 actor", "x pass - - n - 2 actor")
			p := s.start()
			s.setMaster("x unix - - n - 2 actor")
			p.reload()
			p.quietFor(100 * time.Millisecond)
			result := s.dialResult("private/x")
			if result == "connected" {
				s.child().exit(0)
			}
			s.observe("the other", result)
		},
	},
	{name: "a type that is disabled goes", play: func(s *station) {
		s.master(one, "127.0.0.1:@port2 inet n - n - 2 actor", "x unix - - n - 2 actor")
		p := s.start()
		s.main("master_service_disable = inet")
		p.reload()
		p.awaitListener("tcp 127.0.0.1:@port1", false)
		p.awaitListener("tcp 127.0.0.1:@port2", false)
		s.observe("a port", s.dialResult("@port1"))
		serveAt(s, "private/x").do("avail")
	}},
	{name: "a wakeup that a reload brings is sent at once", play: func(s *station) {
		s.master("x unix - - n - 1 actor")
		p := s.start()
		s.setMaster("x unix - - n 3600 1 actor")
		p.reload()
		a := s.child()
		s.observe("accept", a.do("accept"))
		a.do("taken")
		p.quietFor(100 * time.Millisecond)
		s.observe("heard", a.do("hear"))
	}},
	{name: "a reload sends every wakeup again", play: func(s *station) {
		s.master("x unix - - n 3600 1 actor")
		p := s.start()
		a := s.child()
		a.do("accept")
		a.do("taken")
		s.observe("heard", a.do("hear"))
		p.reload()
		s.observe("channel", a.do("eof"))
		a.exit(0)
		s.observe("the next", s.child().do("accept"))
	}},
	{name: "a wakeup that a reload takes away is not sent", play: func(s *station) {
		s.master("x unix - - n 3600 1 actor")
		p := s.start()
		a := s.child()
		a.do("accept")
		a.do("taken")
		s.setMaster("x unix - - n - 1 actor")
		p.reload()
		a.do("eof")
		a.exit(0)
		p.quietFor(200 * time.Millisecond)
		s.observef("children", "%d", s.childCount())
	}},
	{name: "hangups while the master is stopped are one", play: func(s *station) {
		s.master(one)
		p := s.start()
		p.signal(unix.SIGSTOP)
		s.eventually("the master is stopped", func() bool { return processState(p.master()) == "T" })
		for range 5 {
			p.signal(unix.SIGHUP)
		}
		p.signal(unix.SIGCONT)
		s.awaitLog("reload -- version", 1)
		p.quietFor(200 * time.Millisecond)
		serveOne(s)
	}},
	{name: "twenty reloads in a row are twenty lines", play: func(s *station) {
		s.loose = true
		s.master(one, "x unix - - n - 0 actor", "f fifo - - n - 1 actor", "p pass - - n - 1 actor", "d unix-dgram - - n - 1 actor")
		p := s.start()
		for range 20 {
			p.hangup()
		}
		p.quietFor(100 * time.Millisecond)
		serveOne(s)
	}},
	{name: "the log's name and facility change after the line", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 2 actor")
		p := s.start()
		a := serveAt(s, "private/x")
		s.main("syslog_name = other", "syslog_facility = local3")
		p.reload()
		s.observe("the busy child", a.do("eof"))
		a.exit(3)
		s.awaitLog("exit status 3", 1)
		serveAt(s, "private/x").do("avail")
	}},
	{name: "children learn of a log file from a reload, and of its end", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 2 actor")
		p := s.start()
		serveAt(s, "private/x").exit(0)
		s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
		p.reload()
		p.quietFor(200 * time.Millisecond)
		serveAt(s, "private/x").exit(4)
		s.eventually("the exit is in the file", func() bool { return strings.Contains(s.output("counts/log"), "exit status 4") })
		s.setMain("maillog_file", "")
		s.write()
		p.signal(unix.SIGHUP)
		s.eventually("the reload is in the file", func() bool { return strings.Contains(s.output("counts/log"), "reload") })
		p.quietFor(200 * time.Millisecond)
		serveAt(s, "private/x").exit(5)
		s.awaitLog("exit status 5", 1)
		s.observeLogFile("counts/log")
	}},
	{
		name:  "a report that a reload overtakes",
		shows: []shown{{row: "Q5", original: `^second client: waits|^children: 1`, ours: `^second client: is served|^children: 2|^process: child 2|^child 2\.`}},
		play: func(s *station) {
			s.master("x unix - - n - 2 actor")
			p := s.start()
			s.dial("private/x")
			a := s.child()
			a.do("accept")
			p.signal(unix.SIGSTOP)
			s.eventually("the master is stopped", func() bool { return processState(p.master()) == "T" })
			a.do("taken")
			p.signal(unix.SIGHUP)
			p.signal(unix.SIGCONT)
			s.awaitLog("reload -- version", 1)
			s.observe("channel", a.do("eof"))
			c := s.dial("private/x")
			p.quietFor(300 * time.Millisecond)
			s.observef("children", "%d", s.childCount())
			if s.childCount() == 1 {
				s.observe("second client", "waits")
				return
			}
			b := s.child()
			b.do("accept")
			b.do("say hello")
			s.observe("second client", "is served: "+c.line())
			s.loose = true
		},
	},
	{
		name:  "an idle child that does not leave after a reload",
		shows: []shown{{row: "Q5", original: `^children: 1`, ours: `^children: 2|^process: child 2|^child 2\.`}},
		play: func(s *station) {
			s.loose = true
			s.master("x unix - - n - 2 actor")
			p := s.start()
			serveAt(s, "private/x").do("avail") // it serves only our client
			p.reload()
			s.dial("private/x")
			p.quietFor(300 * time.Millisecond)
			s.observef("children", "%d", s.childCount())
		},
	},
	{name: "a busy server of before the reload never serves a second client", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 0 actor serve")
		p := s.start()
		var old []*client
		pids := map[string]bool{}
		for range 3 {
			c := s.dial("private/x")
			pid, _, _ := strings.Cut(c.ask("who"), " ")
			pids[pid] = true
			old = append(old, c)
		}
		p.reload()
		again := 0
		for _, c := range old {
			a := s.child()
			c.ask("quit")
			a.awaitEnd()
			for range 4 {
				next := s.dial("private/x")
				if pid, _, _ := strings.Cut(next.ask("who"), " "); pids[pid] {
					again++
				}
				next.ask("quit")
			}
		}
		s.observef("servers before", "%d", len(pids))
		s.observef("second clients of old servers", "%d", again)
		s.ignore(`^(process|child \d+)[:.]`) // how many serve the short sessions is random
	}},
	{
		name: "of duplicates the last one counts at a reload",
		play: func(s *station) {
			s.loose = true
			s.master(one)
			p := s.start()
			a := serveAt(s, "@port1")
			s.setMaster(one, "127.0.0.1:@port1 inet n - n - 1 actor -v", one+" -o last=1")
			p.reload()
			s.observe("the busy child", a.do("eof"))
			a.exit(0)
			serveAt(s, "@port1").do("avail")
		},
	},
	{name: "inet_interfaces is warned about at every reload", play: func(s *station) {
		s.master("@port1 inet n - n - 2 actor", "127.0.0.2:@port2 inet n - n - 1 actor", "x unix - - n - 1 actor")
		p := s.start()
		s.setMain("inet_interfaces", "127.0.0.3")
		s.master("@port3 inet n - n - 1 actor")
		p.reload()
		s.awaitLog("to change inet_interfaces", 3)
		p.hangupWith()
		s.awaitLog("to change inet_interfaces", 6)
		s.setMain("inet_interfaces", "127.0.0.1")
		p.hangupWith()
		p.quietFor(100 * time.Millisecond)
		serveAt(s, "@port1").do("avail")
	}},
	{name: "queue_directory is warned about at every reload", play: func(s *station) {
		s.master(one)
		p := s.start()
		s.setMain("queue_directory", "@dir/elsewhere")
		p.reload()
		s.awaitLog("to change queue_directory", 1)
		p.hangupWith()
		s.awaitLog("to change queue_directory", 2)
		s.setMain("queue_directory", "@dir/q")
		p.hangupWith()
		p.quietFor(100 * time.Millisecond)
		serveOne(s)
	}},
	{
		name:  "the protocols are those of the start",
		needs: noIPv6,
		shows: []shown{{row: "Q9", original: `^child 1.argv: `, ours: `^child 1.argv: `}},
		play: func(s *station) {
			s.setMain("inet_protocols", "all")
			s.master("localhost:@port1 inet n - n - 2 actor")
			p := s.start()
			s.setMain("inet_protocols", "ipv4")
			p.reload()
			s.awaitLog("to change inet_protocols", 1)
			p.quietFor(100 * time.Millisecond)
			serveOne(s)
		},
	},
	{name: "data_directory and import_environment are not looked at again", play: func(s *station) {
		s.master(one)
		p := s.start()
		s.setMain("data_directory", "@dir/elsewhere")
		s.setMain("import_environment", "MAIL_CONFIG NEW=1")
		p.reload()
		p.quietFor(100 * time.Millisecond)
		serveOne(s)
	}},
	{name: "defaults that a reload changes", play: func(s *station) {
		s.loose = true
		s.master("x unix - - - - - actor", "y unix - - - - - actor")
		p := s.start()
		s.main("default_process_limit = 1")
		s.setMain("compatibility_level", "0")
		s.require("mkdir", os.Mkdir(s.path("s2"), 0o755))
		s.require("link", linkOrCopy(s.path("s/actor"), s.path("s2/actor")))
		s.setMain("daemon_directory", "@dir/s2")
		p.reload()
		s.awaitLog("default setting chroot=y", 2)
		serveAt(s, "private/x").do("avail")
	}},
	{name: "sockets stay as they were made", play: func(s *station) {
		s.master("x unix - - n - 2 actor", "f fifo - - n - 1 actor", one)
		p := s.start()
		for _, name := range []string{"q/private/x", "q/private/f"} {
			s.require("chmod", os.Chmod(s.path(name), 0o601))
		}
		s.main("default_process_limit = 300")
		s.setMaster("x unix - - n - 400 actor", "f fifo - - n - 1 actor", "127.0.0.1:@port1 inet n - n - 400 actor")
		p.reload()
		p.quietFor(100 * time.Millisecond)
	}},
}

// hangup reloads unchanged files, when the previous reload has ended: the original
// may lose a hangup that arrives during a reload.
func (p *process) hangup() {
	p.quietFor(shortRest)
	before := p.station.countLog("reload -- version")
	p.signal(unix.SIGHUP)
	p.station.awaitLog("reload -- version", before+1)
}

// awaitListener waits until the master has, or no longer has, a listener that is
// described by the text, without connecting to it.
func (p *process) awaitListener(text string, there bool) {
	s := p.station
	want := s.expand(text)
	s.eventually("listener "+text+" "+strconv.FormatBool(there), func() bool {
		has := func(line string) bool { return strings.Contains(line, want) }
		return slices.ContainsFunc(s.listeners(p.master()), has) == there
	})
}

// processState returns the state letter of a process, "" if it has ended.
func processState(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text), ") ")
	state, _, _ := strings.Cut(after, " ")
	return state
}

// refusedReloads are faults that end the original at a reload, and that ours
// refuses; the service serves the next client.
func refusedReloads() []scenario {
	shows := []shown{{
		row:      "Q1",
		original: `^log: crit postfix/master\[master\] fatal: |^end: start 1: exit status 1`,
		ours:     `^log: err postfix/master\[master\] error: |^log: warning .*reload refused|terminating on signal|^end: start 1: signal 15|^listener: |^client of @port1: |^child 2|^process: child 2|^accept: |^taken: `,
	}}
	bad := func(lines ...string) func(s *station) { return func(s *station) { s.master(lines...) } }
	hinted := append(shows, hint(`.*cannot listen on`))
	var list []scenario
	for _, c := range []struct {
		name   string
		change func(s *station)
	}{
		{"an entry that is too short", bad("x unix - - n - -")},
		{"an entry with an unknown type", bad("x unicorn - - n - - actor")},
		{"an entry with a bad limit", bad("x unix - - n - many actor")},
		{"a parameter that is no number", func(s *station) { s.main("default_process_limit = many") }},
		{"a macro that does not end", func(s *station) { s.main("myhostname = ${x") }},
		{"an unknown mail_owner", func(s *station) { s.setMain("mail_owner", "nobody-of-this-name") }},
		{"a host that nobody knows", bad("nosuchhost.invalid:@port2 inet n - n - 1 actor")},
		{"an address of another machine", bad("192.0.2.200:@port2 inet n - n - 1 actor")},
		{"a port that is in use", func(s *station) {
			l, err := net.Listen("tcp", s.expand("127.0.0.1:@port2"))
			s.require("listen", err)
			s.cleanups = append(s.cleanups, func() { l.Close() })
			s.master("127.0.0.1:@port2 inet n - n - 1 actor")
		}},
		{"a directory where a socket should be", func(s *station) {
			s.require("mkdir", os.Mkdir(s.path("q/private/x"), 0o777))
			s.master("x unix - - n - - actor")
		}},
		{"a log file with a prefix that is not allowed", func(s *station) { s.main("maillog_file = /elsewhere/log") }},
	} {
		shows := shows
		if slices.Contains([]string{"an address of another machine", "a port that is in use", "a directory where a socket should be"}, c.name) {
			shows = hinted
		}
		list = append(list, scenario{name: "a reload with " + c.name, shows: shows, play: func(s *station) {
			playRefused(s, func() { c.change(s); s.write() })
		}})
	}
	for _, file := range []string{"main.cf", "master.cf"} {
		list = append(list, scenario{name: "a reload without " + file, shows: shows, play: func(s *station) {
			playRefused(s, func() { s.write(); s.require("rm", os.Remove(s.path("c/"+file))) })
		}})
	}
	return list
}

// playRefused plays a reload that fails while a child is busy.
func playRefused(s *station, spoil func()) {
	s.loose = true
	s.master(one)
	p := s.start()
	c := s.dial("@port1")
	a := s.child()
	a.do("accept")
	a.do("taken")
	spoil()
	p.signal(unix.SIGHUP)
	s.eventually("the reload is over", func() bool {
		return s.keeper.status(p.master()) != "" || s.countLog("reload refused") > 0
	})
	a.do("say still here")
	s.observe("the busy child", c.line())
	a.exit(0)
	if s.keeper.status(p.master()) == "" {
		serveAt(s, "@port1").do("avail")
	}
}
