//go:build linux

package parity

import (
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("reaping", reapingScenarios, stoppedScenarios(), strangers)

// family starts n busy children.
func family(s *station, n int) []*child {
	all := make([]*child, n)
	for i := range all {
		s.dial("public/x")
		all[i] = s.child()
		all[i].do("accept")
		all[i].do("taken")
	}
	return all
}

// endAsleep makes all children end while the master is stopped, and continues the
// master.
func endAsleep(p *process, all []*child, code int) {
	p.settle()
	p.freeze()
	for _, a := range all {
		a.exit(code)
	}
	p.station.eventually("all are dead", func() bool {
		return !slices.ContainsFunc(all, func(a *child) bool { return stateOf(a.pid) != "Z" })
	})
	p.signal(unix.SIGCONT)
}

var reapingScenarios = []scenario{
	{name: "many children end while the master sleeps", play: func(s *station) {
		s.loose = true
		s.master("x unix n - n - 0 actor")
		p := s.start()
		all := family(s, 8)
		for _, a := range all {
			a.do("avail")
		}
		endAsleep(p, all, 0)
		s.eventually("all are reaped", func() bool { return len(childrenOf(p.master())) == 0 })
		probe(s, p, "public/x")
	}},
	{name: "many children crash while the master sleeps", play: func(s *station) {
		s.loose = true
		s.ignore(`^log: warning .*exit status 3$`) // the kernel chooses the order
		s.master("x unix n - n - 0 actor")
		p := s.start()
		all := family(s, 8)
		for _, a := range all {
			a.do("avail")
		}
		endAsleep(p, all, 3)
		s.awaitLog("exit status 3", 8)
		probe(s, p, "public/x")
		s.observef("told", "%d", s.countLog("exit status 3"))
	}},
	{name: "many children crash unused while the master sleeps", play: func(s *station) {
		s.loose = true
		s.ignore(`^log: warning .*exit status 3$`) // the kernel chooses the order
		s.setMain("service_throttle_time", "60s")
		s.master("x unix n - n - 0 actor")
		p := s.start()
		all := family(s, 5)
		endAsleep(p, all, 3)
		s.awaitLog("exit status 3", 5)
		probe(s, p, "public/x")
		s.observef("told", "%d", s.countLog("exit status 3"))
	}},
	{name: "children of several services crash, each told with its program", play: func(s *station) {
		s.require("copy", linkOrCopy(s.path("s/actor"), s.path("s/other")))
		s.master("x unix n - n - 1 actor", "y unix n - n - 1 other")
		p := s.start()
		for i, program := range []string{"actor", "other"} {
			name := []string{"x", "y"}[i]
			s.dial("public/" + name)
			a := s.child(name)
			a.do("accept")
			a.do("taken")
			a.do("avail")
			p.settle()
			a.exit(4)
			s.awaitLog(program+" pid", 1)
			p.settle()
		}
	}},
	{name: "an idle child that is terminated by somebody", play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		p := s.start()
		a := busy(s, "public/x")
		a.do("avail")
		p.settle()
		s.require("kill", unix.Kill(a.pid, unix.SIGTERM))
		a.awaitEnd()
		s.awaitLog("killed by signal 15", 1)
		probe(s, p, "public/x")
	}},
	{name: "an idle child that is sent a hangup", play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		p := s.start()
		a := busy(s, "public/x")
		a.do("avail")
		p.settle()
		a.order("signal 1")
		a.awaitEnd()
		s.awaitLog("killed by signal 1", 1)
		probe(s, p, "public/x")
	}},
	{name: "a child that ended after a reload is reaped all the same", play: func(s *station) {
		s.master("x unix n - n - 0 actor")
		p := s.start()
		a := busy(s, "public/x")
		p.settle()
		p.reload()
		a.do("eof")
		a.exit(6)
		s.awaitLog("exit status 6", 1)
		p.settle()
		s.eventually("it is no zombie", func() bool { return len(childrenOf(p.master())) == 0 })
	}},
	{name: "a storm of starts leaves another service served", play: func(s *station) {
		s.loose = true
		s.ignore(`^(child [0-9]+\.|process: )`) // their number is random
		s.master("x unix n - n - 0 actor alone; count x; exit 0", "y unix n - n - 1 actor")
		s.start()
		c := s.dial("public/x")
		s.eventually("thirty starts", func() bool { return len(s.output("counts/x")) >= 30 })
		s.observe("thirty starts", "reached")
		c.Close()
		s.dial("public/y")
		s.observe("the other service", s.child().do("accept"))
		s.ignore(`^(log: info .*terminating|log: crit .*master_sigdeath|end: )`) // the end comes while children are being started
	}},
}

// stoppedScenarios are about children that a signal stops.
func stoppedScenarios() []scenario {
	var list []scenario
	for _, n := range []unix.Signal{unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU} {
		list = append(list, scenario{name: fmt.Sprintf("a child that signal %d stops is no news", n), play: func(s *station) {
			s.master("x unix n - n - 1 actor")
			p := s.start()
			a := busy(s, "public/x")
			p.settle()
			s.require("stop", unix.Kill(a.pid, n)) // without a terminal only the first signal stops it
			probe(s, p, "public/x")
			s.require("continue", unix.Kill(a.pid, unix.SIGCONT))
			s.observe("then", a.do("avail"))
			p.settle()
			s.observef("children", "%d", s.childCount())
		}})
	}
	return append(list,
		scenario{name: "a child that is killed while it is stopped", play: func(s *station) {
			s.master("x unix n - n - 1 actor")
			p := s.start()
			a := busy(s, "public/x")
			a.do("avail")
			p.settle()
			s.require("stop", unix.Kill(a.pid, unix.SIGSTOP))
			s.eventually("it is stopped", func() bool { return stateOf(a.pid) == "T" })
			s.require("kill", unix.Kill(a.pid, unix.SIGKILL))
			a.awaitEnd()
			s.awaitLog("killed by signal 9", 1)
			probe(s, p, "public/x")
		}},
		scenario{name: "an idle child that is stopped keeps its service from others", play: func(s *station) {
			s.master("x unix n - n - 3 actor serve")
			p := s.start()
			c := s.dial("public/x")
			observeServed(s, "before", c)
			c.ask("quit")
			a := s.child()
			a.awaitEvent("available", 1)
			s.require("stop", unix.Kill(a.pid, unix.SIGSTOP))
			p.settle()
			d := s.dial("public/x")
			p.settle()
			s.observef("children", "%d", s.childCount())
			s.require("continue", unix.Kill(a.pid, unix.SIGCONT))
			observeServed(s, "after", d)
		}},
	)
}

// stateOf returns the letter of a process's state, "" if it has ended.
func stateOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	for i := len(text) - 1; i > 0; i-- {
		if text[i] == ')' && i+2 < len(text) {
			return string(text[i+2])
		}
	}
	return ""
}

// goFile is the file for which processes wait that must end when the scenario says
// so.
const goFile = "@dir/counts/go"

// letGo ends them.
func (s *station) letGo() {
	s.require("go", os.WriteFile(s.expand(goFile), nil, 0o666))
}

// throughShell returns a launch of sh that runs a script and then becomes the
// master; its children are the master's.
func throughShell(s *station, before string, args string) launch {
	s.require("link", os.Symlink(s.binary, s.path("s/master")))
	l := s.command()
	l.Program = "/bin/sh"
	l.Argv = []string{"sh", "-c", before + " exec @dir/s/master -c @dir/c " + args}
	return l
}

// stranger is row Q3 for a master that panics at the end of an inherited child.
var stranger = shown{
	row: "Q3", original: `panic: master_reap: unknown pid|^end: start 1: signal 6$`,
	ours: `^log: info .*did not start; ignored$|terminating|^end: start 1: signal 15$|^listener: `,
}

var strangers = []scenario{
	{name: "an inherited child that ends between two of the master's own", shows: []shown{stranger, {row: "Q3", original: `^process: child 1 ends$|^the channel: `, ours: `^(child 2\.|process: child 2|after: )`}}, play: func(s *station) {
		s.master("x unix n - n - 0 actor")
		p := s.startAs(throughShell(s, "(while [ ! -e "+goFile+" ]; do sleep 0.02; done) &", ""))
		a := busy(s, "public/x")
		p.settle()
		s.letGo()
		s.eventually("it is reaped", func() bool { return s.countLog("reap") > 0 })
		if s.countLog("panic") > 0 {
			p.awaitEnd()
			s.observe("the channel", a.do("eof"))
			a.exit(0)
			return
		}
		a.do("close")
		s.observe("after", a.do("avail"))
		s.dial("public/x")
		s.observe("after", a.do("accept"))
		a.do("taken")
		s.dial("public/x")
		s.observe("after", s.child().do("accept"))
	}},
	{name: "children of the parent of w are not the daemon's", play: func(s *station) {
		s.master("x unix n - n - 0 actor")
		p := s.startAs(daemonised(throughShell(s, "(while [ ! -e "+goFile+" ]; do sleep 0.02; done) &", "-w")))
		s.letGo()
		p.awaitEnd()
		a := busy(s, "public/x")
		p.settle()
		a.exit(0)
		p.settle()
	}},
	{name: "what a child leaves behind is nobody's business", play: func(s *station) {
		s.require("write", os.WriteFile(s.path("s/leaver"), []byte(s.expand("#!/bin/sh\nsleep 0.3 &\nexec @dir/s/actor \"$@\"\n")), 0o755))
		s.master("x unix n - n - 1 leaver")
		p := s.start()
		a := busy(s, "public/x")
		a.do("avail")
		p.settle()
		a.exit(0)
		p.quietFor(500 * time.Millisecond)
		probe(s, p, "public/x")
	}},
	{name: "a child whose own child crashes", play: func(s *station) {
		s.require("write", os.WriteFile(s.path("s/parent"), []byte(s.expand("#!/bin/sh\n@dir/s/actor \"$@\"\nexit 0\n")), 0o755))
		s.master("x unix n - n - 1 parent")
		p := s.start()
		s.dial("public/x")
		a := s.child()
		a.do("accept")
		a.order("signal 11")
		a.awaitEnd()
		p.settle()
		probe(s, p, "public/x")
	}},
}

// daemonised marks a launch as one that waits for the daemon, as with -w.
func daemonised(l launch) launch {
	l.Argv = append(l.Argv, "-w")
	return l
}
