//go:build linux

package parity

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("postfix", postfixScenarios())

const (
	postfixCommand   = "/usr/sbin/postfix"
	originalDaemons  = "/usr/lib/postfix/sbin"
	originalCommands = "/usr/sbin"
)

func noPostfixCommand() string {
	for _, path := range []string{postfixCommand, originalDaemons + "/postfix-script"} {
		if _, err := os.Stat(path); err != nil {
			return err.Error()
		}
	}
	return ""
}

// system makes the station one that postfix(1) can control: with the installed
// daemons, except for the station's master and actor.
func (s *station) system() {
	names, err := os.ReadDir(originalDaemons)
	s.require("installed daemons", err)
	for _, n := range names {
		target := filepath.Join(originalDaemons, n.Name())
		if n.Name() == "master" {
			target = s.binary
		}
		s.require("link", os.Symlink(target, s.path("s/"+n.Name())))
	}
	// The start checks every file of the list.
	s.require("write", os.WriteFile(s.path("c/postfix-files"), []byte("$config_directory/main.cf:f:root:-:644:p\n"), 0o644))
	s.require("write", os.WriteFile(s.path("c/dynamicmaps.cf"), nil, 0o644))
	for _, name := range strings.Fields("active bounce corrupt defer deferred flush hold incoming maildrop saved trace") {
		s.require("mkdir", os.Mkdir(s.path("q/"+name), 0o700))
		s.require("chown", os.Chown(s.path("q/"+name), s.owner.uid, 0))
	}
	s.setMain("command_directory", originalCommands)
	s.main("meta_directory = @dir/c", "mail_spool_directory = @dir/d", "alias_maps =", "alias_database =")
	s.noTree = true // the check creates files that are not the master's
	s.loose = true
	// postlog(1) and the programs of the script log, too; what they say about the
	// installation does not matter.
	s.ignore(`^(log|stderr|stdout): .*(symlink leaves directory|not owned by|group or other writable|warning: .*unused parameter|system is running: PID)`)
	s.write()
}

// postfix runs postfix(1) to its end and observes how it ended.
func (s *station) postfix(words ...string) {
	p := s.launchPostfix(words...)
	s.observe("postfix "+strings.Join(words, " "), p.awaitEnd())
}

func (s *station) launchPostfix(words ...string) *process {
	l := s.bare(append([]string{"-c", "@dir/c"}, words...)...)
	l.Program, l.Argv[0] = postfixCommand, "postfix"
	l.Stdout, l.Stderr = "@dir/out", "@dir/err"
	return s.launchAsIs(l)
}

// begin starts the mail system and returns its master.
func (s *station) begin() *process {
	s.postfix("start")
	return s.adopt()
}

// adopt returns the master that the lock file names.
func (s *station) adopt() *process {
	pid := 0
	s.eventually("a master", func() bool {
		text, err := os.ReadFile(s.path("q/pid/master.pid"))
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil && processState(pid) != "" && s.countLog(startedText) > 0
	})
	p := &process{station: s, number: len(s.processes) + 1, pid: pid, began: time.Now()}
	s.processes = append(s.processes, p)
	return p
}

// postfixScenarios control the mail system with postfix(1), the command that
// operators use.
func postfixScenarios() []scenario {
	var list []scenario
	for _, c := range []struct {
		name  string
		shows []shown
		play  func(s *station)
	}{
		{"start, status and stop", nil, func(s *station) {
			s.postfix("status")
			p := s.begin()
			s.postfix("status")
			a := serveOne(s)
			s.postfix("stop")
			s.observe("master", p.awaitEnd())
			a.awaitEnd()
			s.postfix("status")
		}},
		{"a start that fails, with a log file", []shown{
			{row: "D5", ours: `^line in counts/log: .* cannot listen on 192\.0\.2\.1`},
			{row: "Q16", ours: `^stderr: master: `},
			// The original has made its postlog socket, which dies with it.
			{row: "D31", ours: `^line in counts/log: .* fatal: bind `},
			{row: "D31", ours: `^log: crit .* fatal: daemon initialization failure`},
		}, func(s *station) {
			s.ignore(`^line in counts/log: .* postfix/postfix-script `)
			s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
			s.master("postlog unix-dgram n - n - 1 postlogd", "192.0.2.1:@port1 inet n - n - 1 actor")
			s.write()
			s.postfix("start")
			s.observeLogFile("counts/log")
		}},
		{"a second start", nil, func(s *station) {
			s.begin()
			s.postfix("start")
			serveOne(s)
		}},
		{"a stop and a reload of nothing", nil, func(s *station) {
			s.postfix("stop")
			s.postfix("reload")
			s.postfix("abort")
			s.postfix("drain")
		}},
		{"a stop with a busy child", nil, func(s *station) {
			p := s.begin()
			c := s.dial("@port1")
			a := s.child()
			a.do("accept")
			a.do("taken")
			s.postfix("stop")
			s.observe("master", p.awaitEnd())
			a.awaitEnd()
			c.awaitHangUp()
		}},
		{"a drain with a busy child", nil, func(s *station) {
			p := s.begin()
			c := s.dial("@port1")
			a := s.child()
			a.do("accept")
			a.do("taken")
			s.postfix("drain")
			s.observe("master", p.awaitEnd())
			a.do("say still here")
			s.observe("client", c.line())
			s.observe("report", a.do("avail"))
			s.postfix("status")
			a.exit(0)
		}},
		{"an abort with a busy child", nil, func(s *station) {
			p := s.begin()
			s.dial("@port1")
			a := s.child()
			a.do("accept")
			a.do("taken")
			s.postfix("abort")
			s.observe("master", p.awaitEnd())
			a.awaitEnd()
		}},
		{"a reload", nil, func(s *station) {
			p := s.begin()
			s.setMaster(one + " -v")
			s.write()
			s.postfix("reload")
			s.awaitLog("reload -- version", 1)
			p.quietFor(100 * time.Millisecond)
			serveOne(s)
		}},
		{"a start after a kill", nil, func(s *station) {
			p := s.begin()
			p.signal(unix.SIGKILL)
			p.awaitEnd()
			s.postfix("status")
			s.postfix("start")
			s.eventually("started", func() bool { return s.countLog(startedText) == 2 })
			s.adopt()
			serveOne(s)
		}},
		{"a stop of a master that does not answer", nil, func(s *station) {
			p := s.begin()
			p.signal(unix.SIGSTOP)
			s.postfix("stop")
			s.observe("state of the master", processState(p.master()))
			_ = unix.Kill(p.master(), unix.SIGKILL)
			s.observe("master", p.awaitEnd())
		}},
		{"a flush", nil, func(s *station) {
			s.master("qmgr unix n - n - 1 actor")
			s.write()
			s.begin()
			s.postfix("flush")
			a := s.child("qmgr")
			s.observe("accept", a.do("accept"))
			s.observe("heard", a.do("hear"))
		}},
		{"a flush without a queue manager", nil, func(s *station) {
			s.begin()
			s.postfix("flush")
		}},
		{"a check", nil, func(s *station) {
			s.postfix("check")
			s.begin()
			s.postfix("check")
		}},
		{"a check that finds something", nil, func(s *station) {
			s.require("chmod", os.Chmod(s.path("q/maildrop"), 0o777))
			s.postfix("check")
		}},
		{"a start with a bad entry", []shown{hint(`.*cannot listen on`), {row: "Q16", ours: `^stderr: .*`}}, func(s *station) {
			s.setMaster("192.0.2.200:@port2 inet n - n - 1 actor")
			s.write()
			s.postfix("start")
			s.postfix("status")
		}},
		{"a reload with a bad entry", []shown{{
			row: "Q1", original: `^log: crit|not running|^postfix status: exit status 1|^end:`,
			ours: `^log: (err|warning)|cannot listen on|^postfix status: exit status 0|^end:|^log: info .*(PID|terminating|running)|^stderr: .*|^listener: `,
		}}, func(s *station) {
			p := s.begin()
			s.setMaster(one, "192.0.2.200:@port2 inet n - n - 1 actor")
			s.write()
			s.postfix("reload")
			s.eventually("the reload is over", func() bool {
				return s.keeper.status(p.master()) != "" || s.countLog("reload refused") > 0
			})
			s.postfix("status")
		}},
		{"a log that is rotated", nil, func(s *station) {
			s.ignore(`^line in counts/log: .* postfix/postfix-script `)
			s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
			s.master("postlog unix-dgram n - n - 1 postlogd")
			s.write()
			s.launchPostfix("start").awaitEnd()
			s.eventually("started", func() bool { return countText(s.output("counts/log"), startedText) > 0 })
			s.postfix("logrotate")
			s.eventually("rotated", func() bool {
				found, _ := filepath.Glob(s.path("counts/log.*.gz"))
				return len(found) == 1
			})
			s.postfix("status")
			s.eventually("the next log", func() bool { return s.output("counts/log") != "" })
			s.observe("the next log", strings.Split(s.fileText(s.path("counts/log")), " size")[0])
			s.postfix("stop")
			s.ignore(`^end: `)
		}},
		{"a log that is not there is not rotated", nil, func(s *station) {
			s.begin()
			s.postfix("logrotate")
		}},
		{"an unknown command", nil, func(s *station) { s.postfix("dance") }},
		{"a start in the foreground", nil, func(s *station) {
			foreground := s.launchPostfix("start-fg")
			s.awaitLog(startedText, 1)
			serveOne(s)
			s.postfix("status")
			s.postfix("stop")
			s.observe("foreground", foreground.awaitEnd())
		}},
		{"a start in the foreground as process 1", nil, func(s *station) {
			l := s.bare("-c", "@dir/c", "start-fg")
			l.Program, l.Argv[0] = postfixCommand, "postfix"
			l.Stdout, l.Stderr = "@dir/out", "@dir/err"
			l.PIDNamespace = true
			p := s.launchAsIs(l)
			s.awaitLog(startedText, 1)
			a := serveOne(s)
			p.signal(unix.SIGHUP)
			s.awaitLog("reload -- version", 1)
			s.observe("channel", a.do("eof"))
			p.signal(unix.SIGTERM)
			s.observe("master", p.awaitEnd())
			a.awaitEnd()
		}},
	} {
		list = append(list, scenario{name: c.name, needs: noPostfixCommand, shows: c.shows, play: func(s *station) {
			s.master(one)
			s.system()
			// The script says so unless the master has ended when it looks first.
			s.ignore(`waiting for the Postfix mail system to terminate`)
			c.play(s)
		}})
	}
	return list
}
