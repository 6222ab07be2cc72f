//go:build linux

package parity

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Rare cases: odd ports, and log lines with rare causes.
var _ = topic("rare", zeroPorts(), rareScenarios)

// zeroPorts are ports with leading zeros.
func zeroPorts() []scenario {
	var list []scenario
	for _, c := range []struct{ name, entry string }{
		{"one zero", "127.0.0.1:0@port1 inet n - n - 2 actor"},
		{"many zeros", "127.0.0.1:0000000000@port1 inet n - n - 2 actor"},
		{"zeros and no host", "00@port1 inet n - n - 2 actor"},
	} {
		list = append(list, scenario{name: "a port with " + c.name + " before it", play: func(s *station) {
			s.master(c.entry)
			p := s.start()
			serveAt(s, "@port1").do("avail")
			p.settle()
		}})
	}
	return append(list,
		scenario{name: "a wakeup of a port with a zero before it", play: func(s *station) {
			s.master("127.0.0.1:0@port1 inet n - n 1000 1 actor")
			p := s.start()
			a := s.child()
			s.observe("wakeup", a.do("accept"))
			s.observe("it says", a.do("take 2"))
			p.settle()
		}},
		scenario{name: "a reload puts a zero before a port", play: func(s *station) {
			s.loose = true
			s.master(one)
			p := s.start()
			a := serveAt(s, "@port1")
			s.setMaster("127.0.0.1:0@port1 inet n - n - 2 actor")
			p.reload()
			p.settle()
			if !a.isEnded() {
				s.observe("the busy child", a.do("eof"))
				a.exit(0)
			}
			p.settle()
			serveAt(s, "@port1").do("avail")
			p.settle()
		}},
	)
}

// noSetUID: set-uid programs do not work here.
func noSetUID() string {
	var fs unix.Statfs_t
	if err := unix.Statfs("/tmp", &fs); err != nil {
		return err.Error()
	}
	if fs.Flags&unix.ST_NOSUID != 0 {
		return "/tmp is mounted with nosuid"
	}
	return ""
}

// twice is what the original logs again when it is about to start services.
var twice = []shown{{row: "D19", original: `inet_protocols: disabling IPv6 name/address support`}}

var rareScenarios = []scenario{
	{name: "a set-uid program", needs: noSetUID, play: func(s *station) {
		s.master(one)
		text, err := os.ReadFile(s.binary)
		s.require("read", err)
		path := s.path("s/master")
		s.require("write", os.WriteFile(path, text, 0o755))
		s.require("chown", os.Chown(path, s.owner.uid, s.owner.gid))
		s.require("chmod", os.Chmod(path, 0o755|os.ModeSetuid))
		l := s.command()
		l.Program = path
		s.runAs(l)
	}},
	{name: "i with d", play: playInitWith("-d")},
	{name: "i with D", play: playInitWith("-D")},
	{name: "i with w", play: playInitWith("-w")},
	{name: "a lock file that cannot be written", shows: []shown{hint(`lock file .*/q/pid/master.pid cannot be written because`)}, play: func(s *station) {
		s.master(one)
		// A device of its own: a lock on the system's device would affect
		// everybody.
		s.require("mknod", unix.Mknod(s.path("full"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 7))))
		s.require("symlink", os.Symlink(s.path("full"), s.path("q/pid/master.pid")))
		s.runAs(s.command())
	}},
	{name: "no null device", play: func(s *station) {
		s.master(one)
		l := s.command()
		l.Stdin, l.Stdout, l.Stderr = "full", "full", "full"
		s.eventually("the keeper has a /dev", func() bool { _, err := os.Stat(s.path("hosts")); return err == nil })
		s.require("rename", os.Rename(s.path("dev/null"), s.path("dev/other")))
		s.runAs(l)
	}},
	{name: "no IPv6 in the kernel", needs: noFilter, shows: twice, play: func(s *station) {
		s.setMain("inet_protocols", "all")
		s.master("localhost:@port1 inet n - n - 2 actor", "@port2 inet n - n - 2 actor")
		l := s.command()
		l.Filter = noIPv6Sockets
		p := s.startAs(l)
		p.settle()
	}},
	{name: "no IPv6 in the kernel and nothing else wanted", needs: noFilter, shows: twice, play: func(s *station) {
		s.setMain("inet_protocols", "ipv6")
		s.setMain("inet_interfaces", "all")
		s.master("@port2 inet n - n - 2 actor", "x unix n - n - 1 actor")
		l := s.command()
		l.Filter = noIPv6Sockets
		p := s.launch(l)
		s.eventually("started or ended", func() bool { return s.countLog(startedText) > 0 || s.keeper.status(p.pid) != "" })
	}},
	{
		name:  "a wakeup of a host whose name is gone",
		needs: noTurnedClock,
		shows: []shown{{
			row: "Q20", original: `^log: warning .*warning: host or service .* not found: |^log: warning .*master_wakeup_timer_event: |^second wakeup: fails$`,
			ours: `^second wakeup: accepted at 6$`,
		}},
		play: func(s *station) {
			s.setHosts(usualHosts + "127.0.0.5 soon-gone.invalid\n")
			s.master("soon-gone.invalid:@port1 inet n - n 1000 1 actor")
			p := s.start()
			a := s.child()
			s.observe("first wakeup", a.do("accept"))
			a.do("close")
			p.settle()
			s.setHosts(usualHosts)
			a.order("accept")
			p.turn(1005 * time.Second)
			s.eventually("woken or told", func() bool { return s.countLog(wakeupFailed) > 0 || a.answerOr(3, "") != "" })
			s.observe("second wakeup", a.answerOr(3, "fails"))
			p.settle()
		},
	},
	{
		name:  "a service that comes with a change of the protocols",
		needs: noIPv6,
		shows: []shown{{row: "Q9", ours: `^listener: tcp \[::1\]:@port2 |^IPv6: connected$`}, {row: "Q9", original: `^IPv6: connection refused$`}},
		play: func(s *station) {
			s.setMain("inet_protocols", "all")
			s.master("localhost:@port1 inet n - n - 2 actor")
			p := s.start()
			s.setMain("inet_protocols", "ipv4")
			s.master("localhost:@port2 inet n - n - 0 actor")
			p.reload()
			s.awaitLog("to change inet_protocols", 1)
			p.settle()
			s.observe("IPv6", s.dialResult("[::1]:@port2"))
			p.settle()
			s.ignore(`^(process: )?child 1`) // it follows from the above
		},
	},
	{name: "ports in a list that is wrong", play: func(s *station) {
		s.main("known_tcp_ports = alpha, beta=gamma=1, delta=@port1, =2, epsilon=, zeta=x")
		s.master("delta inet n - n - 2 actor")
		p := s.start()
		serveAt(s, "@port1").do("avail")
		p.settle()
	}},
}

// playInitWith starts process 1 with -i and an option that conflicts with it.
func playInitWith(option string) func(s *station) {
	return func(s *station) {
		s.master(one)
		l := s.command("-i", option)
		l.PIDNamespace = true
		s.runAs(l)
	}
}
