//go:build linux

package parity

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("init", initScenarios, initSignals())

// first returns a launch as process 1 of a namespace.
func (s *station) first(args ...string) launch {
	l := s.command(args...)
	l.PIDNamespace = true
	return l
}

var initScenarios = []scenario{
	{name: "process 1 with i serves", play: func(s *station) {
		s.master(one, "x unix - - n - 2 actor")
		p := s.startAs(s.first("-i"))
		p.observeMaster()
		a := serveOne(s)
		p.reload()
		s.observe("channel", a.do("eof"))
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
	}},
	{name: "process 1 without i serves", play: func(s *station) {
		s.master(one)
		p := s.startAs(s.first("-s"))
		a := serveOne(s)
		p.signal(unix.SIGKILL)
		p.awaitEnd()
		a.awaitEnd()
	}},
	{
		name:  "process 1 that is alone ends",
		shows: []shown{{row: "Q15", original: `kill process group: No such process|^master: exit status 1|^end: start 1: exit status 1`, ours: `^master: exit status 0|^end: start 1: exit status 0|terminating`}},
		play: func(s *station) {
			s.master(one)
			p := s.startAs(s.first("-i"))
			p.signal(unix.SIGTERM)
			s.observe("master", p.awaitEnd())
		},
	},
	{name: "process 1 ends its deaf children with it", play: func(s *station) {
		s.master("x unix - - n - 2 actor deaf; accept; taken")
		p := s.startAs(s.first("-i"))
		c := s.dial("private/x")
		a := s.child()
		a.awaitAnswer(3)
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
		a.awaitEnd()
		c.awaitHangUp()
	}},
	{name: "process 1 that is killed takes all with it", play: func(s *station) {
		s.master("x unix - - n - 2 actor")
		p := s.startAs(s.first("-i"))
		a := serveAt(s, "private/x")
		p.signal(unix.SIGKILL)
		s.observe("master", p.awaitEnd())
		a.awaitEnd()
	}},
	{name: "process 1 with i reaps what it did not start", play: func(s *station) {
		s.master(one)
		l := s.first("-i")
		l.Child = goFile
		p := s.startAs(l)
		s.letGo()
		s.eventually("the orphan is gone", func() bool { return len(childrenOf(p.master())) == 0 })
		serveOne(s)
		s.ignore(`^end: start 1: `)
	}},
	{
		name:  "process 1 without i does not know orphans",
		shows: []shown{{row: "Q3", original: `panic: master_reap: unknown pid|^end: start 1: `, ours: `^log: info .*did not start; ignored|terminating|^end: start 1: |^listener: `}},
		play: func(s *station) {
			s.master(one)
			l := s.first("-s")
			l.Child = goFile
			p := s.startAs(l)
			s.letGo()
			s.eventually("the orphan is gone", func() bool {
				return len(childrenOf(p.master())) == 0 && s.countLog("reap") > 0
			})
			if s.countLog("panic") > 0 {
				p.awaitEnd()
			}
		},
	},
	{name: "process 1 keeps standard output and gives it to children", play: func(s *station) {
		s.master(one)
		l := s.first("-i")
		l.Stdout, l.Stderr = "@dir/out", "@dir/err"
		p := s.startAs(l)
		serveOne(s)
		p.quietFor(50 * time.Millisecond)
	}},
	{name: "process 1 reaps the children of a crash", play: func(s *station) {
		s.loose = true
		s.master("x unix - - n - 4 actor")
		p := s.startAs(s.first("-i"))
		for range 3 {
			a := serveAt(s, "private/x")
			a.do("avail")
			p.settle() // the original throttles over reports that it has not read: row D15
			a.exit(1)
		}
		s.awaitLog("exit status 1", 3)
		s.eventually("no zombies", func() bool { return len(childrenOf(p.master())) == 0 })
		serveAt(s, "private/x").do("avail")
	}},
	{name: "process 1 with a log file on standard output", needs: noPostlogd, play: func(s *station) {
		s.makeStdout()
		s.require("link", os.Symlink(originalPostlogd, s.path("s/postlogd")))
		s.main("maillog_file = /dev/stdout")
		s.master("postlog unix-dgram n - n - 1 postlogd", "x unix - - n - 2 actor")
		l := s.first("-i")
		l.Stdout = "@dir/counts/stdout"
		p := s.launch(l)
		s.eventually("it has started", func() bool { return countText(s.output("counts/stdout"), startedText) == 1 })
		c := s.dial("private/x")
		a := s.child()
		a.do("accept")
		a.do("say hello")
		s.observe("client", c.line())
		a.exit(2)
		s.eventually("the exit is told, and what follows", func() bool {
			text := s.output("counts/stdout")
			return countText(text, "exit status 2") == 1 && countText(text, "throttling") == 1
		})
		s.observeLogFile("counts/stdout")
		p.signal(unix.SIGTERM)
		s.observe("master", p.awaitEnd())
	}},
}

// firstRests is longer than the second after which ours ends.
const firstRests = 1600 * time.Millisecond

// initSignals are those that end other masters; the kernel lets process 1 die of
// none that it does not handle.
func initSignals() []scenario {
	var list []scenario
	for _, n := range []unix.Signal{
		unix.SIGINT, unix.SIGQUIT, unix.SIGILL, unix.SIGBUS, unix.SIGSEGV, unix.SIGTERM,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGABRT, unix.SIGALRM, unix.SIGFPE,
	} {
		for _, option := range []string{"-i", "-s"} {
			var shows []shown
			if option == "-s" && slices.Contains([]unix.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGILL, unix.SIGBUS, unix.SIGSEGV, unix.SIGTERM}, n) {
				shows = []shown{{row: "D18", original: `^log: warning |^the master: goes on|^end: start 1: signal 9`, ours: `^the master: exit status 1|^end: start 1: exit status 1`}}
			}
			list = append(list, scenario{name: "process 1 with " + option + " and signal " + unix.SignalName(n), shows: shows, play: func(s *station) {
				s.noTree = true
				s.loose = true
				s.master("x unix - - n - 2 actor")
				p := s.startAs(s.first(option))
				a := serveAt(s, "private/x")
				p.signal(n)
				if how := p.fate(firstRests); how != "" {
					s.observe("the master", how)
					a.awaitEnd()
					return
				}
				s.observe("the master", "goes on")
				p.signal(unix.SIGKILL)
				p.awaitEnd()
				a.awaitEnd()
			}})
		}
	}
	return list
}
