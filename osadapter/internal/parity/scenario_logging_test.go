//go:build linux

package parity

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("logging", eventsInLogs(), loggingScenarios)

const originalPostlogd = "/usr/lib/postfix/sbin/postlogd"

func noPostlogd() string {
	if _, err := os.Stat(originalPostlogd); err != nil {
		return err.Error()
	}
	return ""
}

// makeStdout creates /dev/stdout in the station's /dev.
func (s *station) makeStdout() {
	s.require("symlink", os.Symlink("/proc/self/fd/1", s.path("dev/stdout")))
}

func countText(text, part string) int { return strings.Count(text, part) }

// logEvents make a master log its lines, one kind each. lines is what the log must
// contain before the scenario continues.
var logEvents = []struct {
	name  string
	shows []shown
	set   []string // main.cf
	entry string
	play  func(s *station, p *process, a *child)
	text  string
	count int
}{
	{
		"the exit of a child", nil, nil, "x unix - - n - 2 actor",
		func(_ *station, p *process, a *child) { a.do("avail"); p.settle(); a.exit(69) }, "exit status 69", 1,
	},
	{
		"the death of a child", nil, nil, "x unix - - n - 2 actor",
		func(_ *station, p *process, a *child) { a.do("avail"); p.settle(); a.order("signal 9"); a.awaitEnd() }, "killed by signal 9", 1,
	},
	{
		"a bad start", nil, nil, "x unix - - n - 2 actor",
		func(_ *station, _ *process, a *child) { a.exit(1) }, "bad command startup -- throttling", 1,
	},
	{
		"an unknown status",
		[]shown{{row: "Q32", original: `ignoring unknown status: \d\d+ allegedly`, ours: `ignoring unknown status: 7 allegedly`}},
		nil, "x unix - - n - 2 actor",
		func(_ *station, _ *process, a *child) { a.do("report 7") }, "unknown status", 1,
	},
	{
		"a report of another generation", nil, nil, "x unix - - n - 2 actor",
		func(_ *station, _ *process, a *child) { a.do("report 1 - 77") }, "generation", 1,
	},
	{
		"a limit that is reached", nil, nil, "127.0.0.1:@port1 inet n - n - 1 actor\nx pass n - n - 2 actor",
		func(s *station, p *process, a *child) {
			for range 2 {
				s.dial("public/x")
				b := s.child()
				b.do("accept")
				b.do("taken")
			}
		}, "see http", 1,
	},
	{
		"a reload", nil, nil, "x unix - - n - 2 actor",
		func(s *station, p *process, _ *child) { s.write(); p.signal(unix.SIGHUP) }, "reload -- version", 1,
	},
	{
		"parameters that a reload cannot change", nil, nil, "@port1 inet n - n - 2 actor",
		func(s *station, p *process, _ *child) {
			s.setMain("inet_interfaces", "127.0.0.3")
			s.setMain("inet_protocols", "all")
			s.write()
			p.signal(unix.SIGHUP)
		}, "to change inet_interfaces, stop and start Postfix", 1,
	},
	{
		"an entry that stands twice", nil, nil, "x unix - - n - 2 actor\nx unix - - n - 2 actor",
		func(*station, *process, *child) {}, "duplicate master.cf entry", 1,
	},
	{
		"parameters that stand twice", nil,
		[]string{"myhostname = other.example.net", "odd = 1", "odd = 2"},
		"x unix - - n - 2 actor",
		func(*station, *process, *child) {}, "", 0,
	},
	{
		"a line that begins with blanks", nil, nil, " lost\nx unix - - n - 2 actor",
		func(*station, *process, *child) {}, "", 0,
	},
	{
		"a default of old", nil,
		[]string{"compatibility_level = 0"},
		"x unix - - - - 2 actor",
		func(*station, *process, *child) {}, "", 0,
	},
	{
		"a wakeup that fails", nil, nil, "x unix - - n - 2 actor\nd unix-dgram - - n 600 1 actor",
		func(*station, *process, *child) {}, "master_wakeup_timer_event", 1,
	},
	{
		"text that is not ASCII", nil, nil, "x\xc3\xa9\x07y unix - - n - 2 actor\nx unix - - n - 2 actor\nx\xc3\xa9\x07y unix - - n - 2 actor",
		func(*station, *process, *child) {}, "duplicate", 1,
	},
	{
		"no network at all", nil,
		[]string{"inet_protocols ="},
		"x unix - - n - 2 actor",
		func(*station, *process, *child) {}, "disabling all type", 1,
	},
}

// eventsInLogs plays every event with each kind of log.
func eventsInLogs() []scenario {
	var list []scenario
	for _, e := range logEvents {
		for _, way := range []string{"syslog", "postlog", "file"} {
			shows := e.shows
			list = append(list, scenario{name: e.name + " in " + way, shows: shows, play: func(s *station) {
				s.loose = true
				s.noTree = true
				for _, line := range e.set {
					name, value, _ := strings.Cut(line, "=")
					if countText(strings.Join(e.set, "\n"), strings.TrimSpace(name)+" =") == 1 && strings.TrimSpace(name) != "myhostname" {
						s.setMain(strings.TrimSpace(name), strings.TrimSpace(value))
						continue
					}
					s.main(line)
				}
				s.master(strings.Split(e.entry, "\n")...)
				playLogEvent(s, way, e.text, e.count, e.play)
			}})
		}
	}
	return list
}

func playLogEvent(s *station, way, text string, count int, event func(s *station, p *process, a *child)) {
	told := func(what string, n int) bool {
		// What precedes the configuration goes to syslog.
		return s.countLog(what)+countText(s.output("counts/log"), what) >= n
	}
	if way != "syslog" {
		s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
	}
	if way == "postlog" {
		// The socket is ours: what arrives is what postlogd would write.
		receiver := newPostlog(s)
		defer receiver()
	}
	p := s.launch(s.command())
	s.eventually("daemon started", func() bool { return told(startedText, 1) || s.keeper.status(p.pid) != "" })
	address := "private/x"
	if strings.Contains(strings.Join(s.masterText, "\n"), "@port1") {
		address = "@port1"
	}
	s.dial(address)
	a := s.child()
	s.observe("accept", a.do("accept"))
	s.observe("taken", a.do("taken"))
	event(s, p, a)
	s.eventually("the line", func() bool { return told(text, count) })
	p.quietFor(50 * time.Millisecond)
	p.signal(unix.SIGTERM)
	s.observe("master", p.awaitEnd())
	s.awaitAllEnded()
	if way != "syslog" {
		s.eventually("the last line", func() bool { return told("terminating on signal 15", 1) })
		s.observeLogFile("counts/log")
	}
}

// awaitAllEnded waits until all children so far have ended.
func (s *station) awaitAllEnded() {
	s.await("all children end", s.company.wait(func() bool {
		return !slices.ContainsFunc(s.company.all, func(x *child) bool { return !x.ended })
	}))
}

// newPostlog is a server for the log's datagrams that runs before the master and
// stays: it writes them down.
func newPostlog(s *station) func() {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	s.require("socket", err)
	s.require("bind", unix.Bind(fd, &unix.SockaddrUnix{Name: s.path("q/public/postlog")}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, _, err := unix.Recvfrom(fd, b, 0)
			if err != nil || n == 0 {
				return
			}
			f, err := os.OpenFile(s.path("counts/log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				return
			}
			_, _ = f.Write(append(b[:n:n], '\n'))
			f.Close()
		}
	}()
	return func() {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
		<-done
		_ = unix.Close(fd)
	}
}

// awaitThrottle waits until postlogd has ended, a second after it failed. The
// original does not log that.
func awaitThrottle(s *station) {
	newLimit(1500 * time.Millisecond).poll(func() bool { return countText(s.output("counts/log"), "throttling") > 0 })
}

var loggingScenarios = []scenario{
	{name: "a log file through the real postlogd", needs: noPostlogd, shows: []shown{{row: "D31", ours: `^line in counts/log: .* terminating on signal 15$`}}, play: func(s *station) {
		s.loose = true
		s.require("link", os.Symlink(originalPostlogd, s.path("s/postlogd")))
		s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
		s.master("postlog unix-dgram n - n - 1 postlogd", "x unix - - n - 2 actor")
		p := s.launch(s.command())
		s.eventually("daemon started", func() bool { return countText(s.output("counts/log"), startedText) > 0 })
		serveAt(s, "private/x").exit(3)
		s.eventually("the exit", func() bool { return countText(s.output("counts/log"), "throttling") > 0 })
		s.write()
		p.signal(unix.SIGHUP)
		s.eventually("the reload", func() bool { return countText(s.output("counts/log"), "reload") > 0 })
		p.quietFor(200 * time.Millisecond)
		p.signal(unix.SIGTERM)
		p.awaitEnd()
		s.observeLogFile("counts/log")
	}},
	{name: "a log file that was moved is made again", play: func(s *station) {
		s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
		s.master("x unix - - n - 2 actor")
		p := s.launch(s.command())
		s.eventually("daemon started", func() bool { return countText(s.output("counts/log"), startedText) > 0 })
		s.require("move", os.Rename(s.path("counts/log"), s.path("counts/old")))
		s.write()
		p.signal(unix.SIGHUP)
		s.eventually("the reload", func() bool { return countText(s.output("counts/log"), "reload") > 0 })
		p.quietFor(100 * time.Millisecond)
		s.observeLogFile("counts/old")
		s.observeLogFile("counts/log")
	}},
	{name: "a log file that cannot be written ends the start", shows: []shown{{row: "D20", ours: `^log: crit postfix/master\[master\] fatal: open logfile`}}, play: func(s *station) {
		s.main("maillog_file = @dir/nowhere/log", "maillog_file_prefixes = @dir")
		s.master("x unix - - n - 2 actor")
		s.ignore(`^stderr: `) // row Q16 is shown by the command line
		s.launch(s.command()).awaitEnd()
	}},
	{name: "a log file with a prefix that is not allowed ends the start", shows: []shown{hint(`put the file below`), {row: "D14", original: `^file: q/private/`}}, play: func(s *station) {
		s.main("maillog_file = @dir/counts/log")
		s.master("x unix - - n - 2 actor")
		s.launch(s.command()).awaitEnd()
		s.observeLogFile("counts/log")
	}},
	{name: "a reload to a log file that cannot be opened, behind the real postlogd", needs: noPostlogd, shows: []shown{
		{row: "D20", ours: `^line in counts/log: .* warning: open logfile '@dir/nowhere/log': .*; the log stays as it was`},
		{row: "D31", ours: `^line in counts/log: .*(fatal: open logfile|postlogd pid other exit status 1|postlogd: bad command startup|terminating on signal 15)`},
	}, play: func(s *station) {
		s.loose = true
		s.require("link", os.Symlink(originalPostlogd, s.path("s/postlogd")))
		s.setMain("service_throttle_time", "1000s")
		s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
		s.master("postlog unix-dgram n - n - 1 postlogd", "x unix - - n - 2 actor")
		p := s.launch(s.command())
		s.eventually("daemon started", func() bool { return countText(s.output("counts/log"), startedText) > 0 })
		s.setMain("maillog_file", "@dir/nowhere/log")
		s.write()
		p.signal(unix.SIGHUP)
		s.eventually("the reload", func() bool { return countText(s.output("counts/log"), "reload") > 0 })
		awaitThrottle(s)
		p.signal(unix.SIGTERM)
		p.awaitEnd()
		s.observeLogFile("counts/log")
	}},
	{name: "a postlogd that cannot be executed", shows: []shown{
		{row: "D31", ours: `^line in counts/log: |^at counts/log: file`, original: `^at counts/log: no such file`},
		{row: "D31", ours: `^told while it runs: true`, original: `^told while it runs: false`},
	}, play: func(s *station) {
		s.setMain("service_throttle_time", "1000s")
		s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
		s.master("postlog unix-dgram n - n - 1 nosuchd", "x unix - - n - 2 actor")
		p := s.launch(s.command())
		s.eventually("the service", func() bool { return s.fileText(s.path("q/private/x")) != "no such file or directory" })
		awaitThrottle(s)
		s.observef("told while it runs", "%t", countText(s.output("counts/log"), "throttling") > 0)
		p.signal(unix.SIGTERM)
		p.awaitEnd()
		s.observeLogFile("counts/log")
	}},
	{name: "a log file that is a symlink of another user ends the start", shows: []shown{{row: "D20", ours: `^log: crit postfix/master\[master\] fatal: open logfile`}}, play: func(s *station) {
		s.main("maillog_file = @dir/counts/log", "maillog_file_prefixes = @dir")
		s.require("symlink", os.Symlink(s.path("counts/other"), s.path("counts/log")))
		s.master("x unix - - n - 2 actor")
		s.launch(s.command()).awaitEnd()
	}},
	{name: "standard output is a log with s", needs: noPostlogd, play: func(s *station) {
		s.makeStdout()
		s.require("link", os.Symlink(originalPostlogd, s.path("s/postlogd")))
		s.main("maillog_file = /dev/stdout")
		s.master("postlog unix-dgram n - n - 1 postlogd")
		l := s.command("-s")
		l.Stdout = "@dir/counts/stdout"
		p := s.launch(l)
		s.eventually("daemon started", func() bool { return countText(s.output("counts/stdout"), startedText) > 0 })
		p.quietFor(100 * time.Millisecond)
		s.observeLogFile("counts/stdout")
	}},
	{name: "standard output without postlogd", play: func(s *station) {
		s.makeStdout()
		s.main("maillog_file = /dev/stdout")
		s.master("x unix - - n - 2 actor")
		l := s.command("-s")
		l.Stdout = "@dir/counts/stdout"
		p := s.launch(l)
		s.eventually("started or ended", func() bool {
			return countText(s.output("counts/stdout"), startedText) > 0 || s.keeper.status(p.pid) != ""
		})
		p.quietFor(100 * time.Millisecond)
		s.observeLogFile("counts/stdout")
	}},
	{name: "a long line is cut", shows: []shown{{row: "D14", original: `^file: q/private/`}}, play: func(s *station) {
		s.main("syslog_name = n")
		long := strings.Repeat("x", 3000)
		s.master("x unix - - n - - "+long+"/actor", "y unix - - n - 2 actor", fmt.Sprintf("x unix - - n - - %s", long), "y unix")
		s.ignore(`^log: info `) // row D5
		s.launch(s.command()).awaitEnd()
	}},
	{name: "the log's name with an odd character", play: func(s *station) {
		s.main("syslog_name = odd%s/na:me")
		s.master("x unix - - n - 2 actor")
		s.start()
		serveAt(s, "private/x").do("avail")
	}},
}
