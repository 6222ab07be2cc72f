//go:build linux

package parity

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Processes that are a master's children because it replaced their parent.
var _ = topic("inherited", inheritedScenarios)

// leaveDead starts programs and waits until they have ended, without reaping.
func leaveDead(programs [][]string) {
	for _, argv := range programs {
		pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: []string{"PATH=/usr/bin:/bin"}})
		must(err)
		for {
			err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
			if err != unix.EINTR {
				must(err)
				break
			}
		}
	}
}

// deadChildren returns a launch by a parent that has not reaped these.
func (s *station) deadChildren(scripts ...string) launch {
	l := s.command()
	for _, script := range scripts {
		l.Dead = append(l.Dead, []string{"/bin/sh", "-c", script})
	}
	return l
}

// strangers returns the children of the master that are not our actors.
func (p *process) strangers() []int {
	return slices.DeleteFunc(childrenOf(p.master()), func(pid int) bool {
		p.station.company.mu.Lock()
		defer p.station.company.mu.Unlock()
		return slices.ContainsFunc(p.station.company.all, func(x *child) bool { return x.pid == pid })
	})
}

// strangerAtFirstEnd is row Q3 where the original encounters an inherited child
// when the first of its own has ended.
var strangerAtFirstEnd = shown{
	row: "Q3", original: `^the next client: the master has ended$`,
	ours: `^the next client: is served$|^(child 2\.|process: child 2)`,
}

// firstEnd makes the first child end, and observes whether there is a second one.
func firstEnd(s *station, p *process) {
	busy(s, "public/x").exit(0)
	s.eventually("the end is noticed", func() bool {
		return s.keeper.status(p.master()) != "" || len(childrenOf(p.master())) == 0
	})
	c, err := s.tryDial("public/x")
	if err != nil || s.keeper.status(p.master()) != "" || s.countLog("panic") > 0 {
		p.awaitEnd()
		s.observe("the next client", "the master has ended")
		return
	}
	s.child().do("say hello")
	_ = c
	s.observe("the next client", "is served")
	p.settle()
}

var inheritedScenarios = []scenario{
	{name: "a child that died before the master began", shows: []shown{stranger, strangerAtFirstEnd}, play: func(s *station) {
		s.loose = true
		s.master("x unix n - n - 1 actor")
		p := s.startAs(s.deadChildren("exit 0"))
		firstEnd(s, p)
	}},
	{name: "three children that died before the master began", shows: []shown{stranger, strangerAtFirstEnd}, play: func(s *station) {
		s.loose = true
		s.master("x unix n - n - 1 actor")
		p := s.startAs(s.deadChildren("exit 1", "kill -9 $$", "exit 75"))
		firstEnd(s, p)
	}},
	{name: "a child that died before process 1 with i began", play: func(s *station) {
		s.master("x unix n - n - 1 actor")
		l := s.deadChildren("exit 1", "exit 0")
		l.Argv = append(l.Argv, "-i")
		l.PIDNamespace = true
		l.Stdout = "null"
		p := s.startAs(l)
		a := busy(s, "public/x")
		a.exit(0)
		s.eventually("all are reaped", func() bool { return len(childrenOf(p.master())) == 0 })
		s.dial("public/x")
		s.observe("the next", s.child().do("accept"))
	}},
	{
		name:  "a child of the parent's that looks like one of a service",
		shows: []shown{stranger, {row: "Q3", original: `^the child of the service: channel ended$|^process: child 1 ends$`, ours: `^the child of the service: (accepted|taken)|^(child 2\.|process: child 2)`}},
		play: func(s *station) {
			s.loose = true
			s.master("x unix n - n - 2 actor")
			// Its process ID, its arguments and its program are those of a child.
			p := s.startAs(throughShell(s, "GENERATION=1 @dir/s/actor -n x -t unix -u alone';' hang &", ""))
			a := busy(s, "public/x")
			p.settle()
			s.eventually("there is a stranger", func() bool { return len(p.strangers()) == 1 })
			s.require("kill", unix.Kill(p.strangers()[0], unix.SIGKILL))
			s.eventually("it is reaped", func() bool { return s.countLog("reap") > 0 })
			if s.countLog("panic") > 0 {
				p.awaitEnd()
				s.observe("the child of the service", a.do("eof"))
				a.exit(0)
				return
			}
			s.dial("public/x")
			b := s.child()
			s.observe("the child of the service", b.do("accept"))
			p.settle()
		},
	},
}
