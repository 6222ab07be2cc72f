//go:build linux

package parity

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

var _ = topic("boot", bootScenarios, carelessParents(), failedStarts())

// one is the service of scenarios that need only one.
const one = "127.0.0.1:@port1 inet n - n - 2 actor"

// serveOne has a client at @port1 served by the first child.
func serveOne(s *station) *child {
	c := s.dial("@port1")
	a := s.child()
	s.observe("accept", a.do("accept"))
	s.observe("taken", a.do("taken"))
	a.do("say hello")
	s.observe("client", c.line())
	a.do("close")
	s.observe("available", a.do("avail"))
	return a
}

var bootScenarios = []scenario{
	{
		name: "a service of each type is opened and one is used",
		play: func(s *station) {
			s.master(one,
				"local unix - - n - 2 actor",
				"open unix n - n - 1 actor",
				"fed fifo n - n - 1 actor",
				"handed pass n - n - 0 actor",
				"told unix-dgram n - n - 1 actor",
			)
			s.start().observeMaster()
			serveOne(s)
		},
	},
	{
		name:  "the crash file is the only new file",
		shows: []shown{{row: "D6", ours: `^file: d/master\.crash file 0600 @owner:@owner size 0$`}},
		play: func(s *station) {
			s.master(one)
			s.start()
		},
	},
	{
		name:  "the build is named once at the start",
		shows: []shown{versionLine},
		play: func(s *station) {
			s.master(one)
			s.start().reload()
		},
	},
	{
		name: "nothing is held of the files of a careless parent",
		play: func(s *station) {
			s.master(one)
			l := s.command()
			l.Extra = []string{"@dir/left", "pipe", "socket", "null", "@dir/left", "closed", "@dir/left"}
			p := s.startAs(l)
			serveOne(s)
			held := 0
			paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.master()))
			for _, path := range paths {
				if target, err := os.Readlink(path); err == nil && target == s.path("left") {
					held++
				}
			}
			s.observef("held", "%d", held)
		},
	},
	{
		name:  "the variables of its own process",
		shows: []shown{{row: "D9", original: `^master variable GO[A-Z]+=`, ours: `^master variable STATIONMASTER_START=`}},
		play: func(s *station) {
			s.master(one)
			l := s.command()
			l.Env = append(l.Env, "GODEBUG=gctrace=1", "GOTRACEBACK=crash", "GOMAXPROCS=1")
			l.Stderr = "@dir/err"
			p := s.startAs(l)
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.master()))
			s.require("look", err)
			var lines []string
			for _, v := range bytes.Split(bytes.TrimRight(text, "\x00"), []byte{0}) {
				lines = append(lines, string(v))
			}
			slices.Sort(lines)
			for _, v := range lines {
				s.observe("master variable "+v, "")
			}
			serveOne(s)
		},
	},
	{
		name:  "a child process of the parent's ends under the master",
		shows: []shown{{row: "Q3", original: `panic: master_reap: unknown pid|^end: start 1: signal 6`, ours: `^log: info .*did not start; ignored|terminating|^end: start 1: signal 15|^listener: `}},
		play: func(s *station) {
			s.master(one)
			l := s.command()
			l.Child = goFile
			p := s.startAs(l)
			s.letGo()
			s.eventually("the child has ended", func() bool {
				return len(childrenOf(p.master())) == 0 && s.countLog("reap") > 0
			})
			if s.countLog("panic") > 0 {
				p.awaitEnd()
			}
		},
	},
	{
		name:  "a main.cf that has just been written",
		shows: []shown{{row: "Q18", original: `overriding earlier entry: A=`}},
		play: func(s *station) {
			s.main("A = first", "A = second")
			s.master(one)
			s.startAs(throughShell(s, "touch @dir/c/main.cf;", "")) // at the last moment
		},
	},
	{
		name: "fourteen reloads of a file that is not there",
		shows: []shown{
			{row: "Q1", original: `^log: crit .*fatal: open @dir/c/main.cf: |^end: start 1: exit status 1`, ours: `^log: (err|warning|info) |^end: start 1: signal 15|^listener: `},
			{row: "D10", ours: `^errors: 14$`, original: `^errors: 0$`},
		},
		play: func(s *station) {
			s.master(one)
			p := s.start()
			s.require("rm", os.Remove(s.path("c/main.cf")))
			for n := 1; n <= 14 && s.keeper.status(p.pid) == ""; n++ {
				p.signal(unix.SIGHUP)
				s.eventually("refused or ended", func() bool {
					return s.countLog("reload refused") >= n || s.keeper.status(p.pid) != ""
				})
			}
			s.observef("errors", "%d", s.countLog("error: "))
		},
	},
	{
		name: "two masters of two stations share nothing but a port",
		play: func(s *station) {
			s.master(one)
			s.start()
			other := s.command()
			s.require("copy", os.MkdirAll(s.path("c2"), 0o755))
			for _, d := range []string{"q2", "q2/pid", "q2/private", "q2/public", "d2"} {
				s.require("mkdir", os.Mkdir(s.path(d), 0o755))
				s.require("chown", os.Chown(s.path(d), s.owner.uid, s.owner.gid))
			}
			s.write()
			text, err := os.ReadFile(s.path("c/main.cf"))
			s.require("read", err)
			changed := strings.NewReplacer(s.path("q"), s.path("q2"), s.path("d")+"\n", s.path("d2")+"\n").Replace(string(text))
			s.require("write", os.WriteFile(s.path("c2/main.cf"), []byte(changed), 0o644))
			s.require("write", os.WriteFile(s.path("c2/master.cf"), []byte(s.expand(one+"\n")), 0o644))
			s.backDate("c2/main.cf")
			other.Argv = []string{"master", "-c", "@dir/c2"}
			s.startAs(other)
		},
	},
}

// carelessParents start the master incorrectly; the master and a child are
// observed.
func carelessParents() []scenario {
	blocked := []shown{{row: "D9", original: `^child 1.status SigBlk: |^master SigBlk: `, ours: `^child 1.status SigBlk: none$|^master SigBlk: 0+$`}}
	ignored := []shown{{row: "D9", original: `^child 1.status SigIgn: |^master SigIgn: `, ours: `^child 1.status SigIgn: 13$|^master SigIgn: 0*1000$`}}
	group := []shown{{row: "D9", original: `(Gid|Groups): 50|:50 size|/50 read`, ours: `(Gid|Groups): 0|:root size|/root read|^master open files`}}
	closed := []shown{{row: "Q30", original: `^master fd/[012]: socket:`, ours: `^(child 1.fd|master fd/) ?[012]: (device )?/dev/null`}}
	closedAndGroup := append([]shown{{row: "Q15", original: `kill process group: No such process|^end: start 1: exit status 1`, ours: `^end: start 1: signal 15|terminating on signal 15`}}, closed...)
	var list []scenario
	for _, c := range []struct {
		name   string
		change func(l *launch)
		shows  []shown
	}{
		{"an umask of 0", func(l *launch) { l.Umask = 0 }, nil},
		{"an umask of 0777", func(l *launch) { l.Umask = 0o777 }, nil},
		{"hangup, interrupt and the end of children ignored", func(l *launch) { l.Ignored = []int{1, 2, 17} }, nil},
		{"user signals and alarm ignored", func(l *launch) { l.Ignored = []int{10, 12, 14} }, ignored},
		{"terminate ignored", func(l *launch) { l.Ignored = []int{15} }, nil},
		{"every signal blocked but terminate", func(l *launch) {
			for n := 1; n < 65; n++ {
				if n != 9 && n != 15 && n != 19 {
					l.Blocked = append(l.Blocked, n)
				}
			}
		}, blocked},
		{"one user signal blocked", func(l *launch) { l.Blocked = []int{10} }, blocked},
		{"supplementary groups", func(l *launch) { l.Groups = []int{4, 24, 50} }, nil},
		{"another group of its own", func(l *launch) { l.GID = 50 }, group},
		{"a low priority", func(l *launch) { l.Nice = 5 }, nil},
		{"an alarm that is set", func(l *launch) { l.Alarm = 300 }, nil},
		{"a session of its own", func(l *launch) { l.Session = "session" }, nil},
		{"another directory", func(l *launch) { l.Dir = "@dir/s" }, nil},
		{"an equal soft and hard limit on files", func(l *launch) { l.OpenFiles = [2]uint64{512, 512} }, nil},
		{"few files", func(l *launch) { l.OpenFiles = [2]uint64{64, 64} }, nil},
		{"limits on core, stack, time and memory", func(l *launch) {
			l.Limits[unix.RLIMIT_CORE] = [2]uint64{0, 0}
			l.Limits[unix.RLIMIT_STACK] = [2]uint64{1 << 20, 2 << 20}
			l.Limits[unix.RLIMIT_CPU] = [2]uint64{1000, 2000}
			l.Limits[unix.RLIMIT_DATA] = [2]uint64{1 << 32, 1 << 33}
		}, nil},
		{"a limit on the size of files", func(l *launch) { l.Limits[unix.RLIMIT_FSIZE] = [2]uint64{1 << 20, 1 << 21} }, nil},
		{"standard input closed", func(l *launch) { l.Stdin = "closed" }, closed},
		{"standard output closed", func(l *launch) { l.Stdout = "closed" }, closed},
		{"standard error closed", func(l *launch) { l.Stderr = "closed" }, closed},
		{"all standard descriptors closed", func(l *launch) { l.Stdin, l.Stdout, l.Stderr = "closed", "closed", "closed" }, closed},
		{"all standard descriptors closed and d", func(l *launch) {
			l.Stdin, l.Stdout, l.Stderr = "closed", "closed", "closed"
			l.Argv = append(l.Argv, "-d")
		}, closedAndGroup},
		{"standard output a broken pipe", func(l *launch) { l.Stdout, l.Stderr = "pipe", "pipe" }, nil},
		{"no environment at all", func(l *launch) { l.Env = []string{} }, nil},
	} {
		list = append(list, scenario{name: "parent with " + c.name, shows: c.shows, play: func(s *station) {
			s.master(one)
			l := s.command()
			c.change(&l)
			s.startAs(l).observeMaster()
			serveOne(s)
		}})
	}
	return list
}

// failedStarts are starts that end with a fatal line.
func failedStarts() []scenario {
	few := []shown{{row: "D11", original: `^log: |^file: (d/master.lock|q/pid/master.pid) `, ours: `^log: `}}
	var list []scenario
	for _, c := range []struct {
		name   string
		before func(s *station, l *launch)
		shows  []shown
	}{
		{"the leader of a process group cannot have a session", func(_ *station, l *launch) { l.Session = "group" }, []shown{hint(`an interactive shell made this process the leader`)}},
		{"the queue directory is missing", func(s *station, _ *launch) { s.setMain("queue_directory", "@dir/none") }, []shown{hint(`create the directory, or correct queue_directory`)}},
		{"the queue directory is a file", func(s *station, _ *launch) { s.setMain("queue_directory", "@dir/c/main.cf") }, []shown{hint(`create the directory, or correct queue_directory`)}},
		{"the pid directory is missing", func(s *station, _ *launch) { s.require("rm", os.Remove(s.path("q/pid"))) }, []shown{hint(`the directory of lock file .*/q/pid/master.pid is missing`)}},
		{"the data directory is missing", func(s *station, _ *launch) { s.require("rm", os.Remove(s.path("d"))) }, []shown{hint(`the directory of lock file .*/d/master.lock is missing`)}},
		{"the data directory is root's", func(s *station, _ *launch) { s.require("chown", os.Chown(s.path("d"), 0, 0)) }, []shown{hint(`lock file .*/d/master.lock must be a regular file owned by `)}},
		{"the socket directory is missing", func(s *station, _ *launch) {
			s.require("rm", os.Remove(s.path("q/private")))
			s.master("x unix - - n - - actor")
		}, []shown{hint(`.*cannot listen on private/x; the directory is missing`)}},
		{"the socket directory is root's", func(s *station, _ *launch) {
			s.require("chown", os.Chown(s.path("q/private"), 0, 0))
			s.master("x unix - - n - - actor")
		}, []shown{hint(`.*cannot listen on private/x; permission denied`)}},
		{"a directory is where a socket should be", func(s *station, _ *launch) {
			s.require("mkdir", os.Mkdir(s.path("q/private/x"), 0o777))
			s.master("x unix - - n - - actor")
		}, []shown{hint(`.*cannot listen on private/x; there is a directory`)}},
		{"an address that is not of this machine", func(s *station, _ *launch) { s.master("192.0.2.200:@port2 inet n - n - 2 actor") }, []shown{hint(`.*cannot listen on .*no local interface has this address`)}},
		{"a bad line in master.cf after a good one", func(s *station, _ *launch) { s.master("x unix - - n - -") }, []shown{hint(`an entry has eight columns`)}},
		{"a mail owner that nobody knows", func(s *station, _ *launch) { s.setMain("mail_owner", "nobody-of-this-name") }, []shown{hint(`create the account, or name one that exists`)}},
		{"eight descriptors", func(_ *station, l *launch) { l.OpenFiles = [2]uint64{8, 8} }, few},
		{"twelve descriptors", func(_ *station, l *launch) { l.OpenFiles = [2]uint64{12, 12} }, few},
	} {
		list = append(list, scenario{name: "start fails when " + c.name, shows: c.shows, play: func(s *station) {
			s.master(one)
			l := s.command()
			c.before(s, &l)
			p := s.launch(l)
			p.pause()
		}})
	}
	for _, file := range []string{"c/main.cf", "c/master.cf"} {
		list = append(list, scenario{name: "start fails when there is no " + filepath.Base(file), shows: []shown{hint(`create the file`)}, play: func(s *station) {
			s.master(one)
			s.write()
			s.require("rm", os.Remove(s.path(file)))
			s.launchAsIs(s.command()).awaitEnd()
		}})
	}
	return list
}
