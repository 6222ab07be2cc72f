//go:build linux

package parity

import (
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("exittime", exitTimes)

var _ = topic("debugger", debuggerScenarios())

var exitTimes = []scenario{
	{name: "the exit time leaves children to themselves", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 2 actor")
		p := s.start("-e", "8")
		c := s.dial("private/x")
		a := s.child()
		a.do("accept")
		a.do("taken")
		idle := serveAt(s, "private/x")
		idle.do("avail")
		s.observe("master", p.awaitEnd())
		s.observe("channel of the idle child", idle.do("eof"))
		idle.exit(0)
		a.do("say still here")
		s.observe("client", c.line())
		s.observe("report", a.do("avail"))
		a.exit(0)
	}},
	{name: "the exit time is counted from the start", play: func(s *station) {
		s.master(one)
		p := s.start("-e", "7")
		serveOne(s)
		s.eventually("some time has gone", func() bool { return time.Since(p.began) > 4*time.Second })
		p.reload()
		s.observe("master", p.awaitEnd())
		after := p.endedAt().Sub(p.began)
		s.observef("in time", "%v", after > 6*time.Second && after < 11*time.Second)
	}},
	{name: "the exit time with w", play: func(s *station) {
		s.master(one)
		p := s.start("-w", "-e", "5")
		s.observe("parent", p.awaitEnd())
		s.observe("daemon", p.awaitDaemonEnd())
	}},
	{name: "the exit time of process 1", play: func(s *station) {
		s.master("x unix - - n - 2 actor")
		p := s.startAs(s.first("-i", "-e", "8"))
		a := serveAt(s, "private/x")
		s.observe("master", p.awaitEnd())
		a.awaitEnd()
	}},
	{name: "a signal before the exit time", play: func(s *station) {
		s.master(one)
		p := s.start("-e", "60")
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
	}},
}

// debuggerScenarios run debugger_command: what it is, what it can know, and that
// its end has no effect. As the master does not lead a process group, row Q15
// shows.
func debuggerScenarios() []scenario {
	group := []shown{{row: "Q15", original: `kill process group: No such process|^end: start 1: exit status 1`, ours: `^end: start 1: signal 15|terminating on signal 15`}}
	var list []scenario
	for _, c := range []struct{ name, command string }{
		{"names and numbers", "echo $daemon_directory $process_name $$# $$0 >@dir/out; test $process_id = $$PPID && echo parent >>@dir/out"},
		{"the environment", "env | sort | grep -v -e ^PWD= -e ^SHLVL= -e ^_= >@dir/out"},
		{"the directory and the umask", "(pwd; umask) >@dir/out"},
		{"a status that is not 0", "exit 7"},
		{"a signal", "kill -9 $$$$"},
		{"a program that is not there", "/nowhere/at/all"},
		{"a syntax error", "((("},
		{"something left in the background", "sleep 0.3 & echo gone >@dir/out"},
	} {
		list = append(list, scenario{name: "a debugger command with " + c.name, shows: group, play: func(s *station) {
			s.noTree = true
			s.ignore(`^log: info .*running: .*; test \d+`) // a process number
			s.main("debugger_command = " + c.command)
			s.master("x unix - - n - 2 actor")
			l := s.command("-D")
			l.Env = append(l.Env, "PATH=/usr/bin:/bin")
			p := s.startAs(l)
			p.quietFor(50 * time.Millisecond)
		}})
	}
	list = append(list,
		scenario{name: "no session with D", shows: group, play: func(s *station) {
			s.main("debugger_command = true")
			s.master(one)
			s.start("-D").observeMaster()
			serveOne(s)
		}},
		scenario{name: "children of D run no debugger of their own", shows: group, play: func(s *station) {
			s.main("debugger_command = echo >>@dir/counts/runs")
			s.master(one)
			p := s.start("-D")
			serveOne(s)
			p.reload()
			p.quietFor(100 * time.Millisecond)
			s.observe("runs", s.fileText(s.path("counts/runs")))
		}},
	)
	return list
}
