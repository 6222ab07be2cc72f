//go:build linux

package main

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// postlogVariables returns the variables that postfix(1), and a master with a log
// file, pass on.
func (s *station) postlogVariables() []string {
	return append(os.Environ(), "POSTLOG_SERVICE="+s.path("q/public/postlog"), "POSTLOG_HOSTNAME=host.example.net")
}

// Nobody reads the socket that the environment names, and postfix(1) discards
// standard error.
func TestFailedStartIsInTheLogFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(s *station)
		want   string
	}{
		{"bad_entry", func(s *station) { s.master += "bad entry\n" }, "fatal: "},
		{"duplicate", func(s *station) { s.master += s.master + "bad entry\n" }, "warning: duplicate master.cf entry"},
		{"bad_time", func(s *station) { s.main += "max_idle = 5q\n" }, "fatal: parameter max_idle: bad time value or unit: 5q"},
		{"bad_level", func(s *station) { s.main += "compatibility_level = x\n" }, "fatal: malformed compatibility level syntax"},
		{"missing_data_directory", func(s *station) { s.main += "data_directory = /nonexistent/d\n" }, "fatal: open lock file /nonexistent/d/master.lock"},
		{"missing_queue", func(s *station) { s.main = strings.Replace(s.main, "/q\n", "/nowhere\n", 1) }, "fatal: chdir "},
		{"missing_pid_directory", func(s *station) { must(s.t, os.Remove(s.path("q/pid"))) }, "fatal: open lock file pid/master.pid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStation(t)
			c.change(s)
			s.write()
			p := s.command()
			p.Env = s.postlogVariables()
			if err := p.Run(); err == nil {
				t.Error("it started")
			}
			if !strings.Contains(s.log(), " host postfix/master[") || !strings.Contains(s.log(), c.want) {
				t.Errorf("log:\n%s\nwant: %s", s.log(), c.want)
			}
		})
	}
}

// A socket file without an owner counts as no socket.
func TestVerboseStartIsInTheLogFile(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("q/public/postlog"), Net: "unixgram"})
	must(t, err)
	must(t, l.Close())
	p := s.command("-v")
	p.Env = s.postlogVariables()
	s.master += "bad entry\n"
	s.write()
	_ = p.Run()
	if n := strings.Count(s.log(), "\n"); !strings.Contains(s.log(), "fatal: ") {
		t.Errorf("%d lines:\n%s", n, s.log())
	}
}

// While postlogd cannot run, what is sent to it is written to the log file.
func TestLinesOfAPostlogdThatCannotRun(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.main = strings.Replace(s.main, "service_throttle_time = 1s", "service_throttle_time = 1000s", 1)
	s.master += "postlog unix-dgram n - n - 1 nosuchd\n"
	s.write()
	p := s.start()
	s.eventually("the throttle", func() bool { return strings.Contains(s.log(), "nosuchd: bad command startup -- throttling") })

	// Lines of other processes, as servers send them.
	c, err := net.Dial("unixgram", s.path("q/public/postlog"))
	must(t, err)
	defer c.Close()
	_, err = c.Write([]byte("Nov  3 04:05:06 host postfix/smtpd[7]: a client"))
	must(t, err)
	s.eventually("the line of a server", func() bool { return strings.Contains(s.log(), "postfix/smtpd[7]: a client\n") })

	// A reload with a log file that cannot be opened.
	s.main = strings.Replace(s.main, "/log/mail.log", "/nowhere/mail.log", 1)
	s.write()
	must(t, p.Process.Signal(syscall.SIGHUP))
	s.eventually("the warning", func() bool { return strings.Contains(s.log(), "; the log stays as it was") })
	must(t, p.Process.Signal(unix.SIGTERM))
	<-p.ended
	if !strings.Contains(s.log(), "terminating on signal 15") {
		t.Errorf("the last line is missing:\n%s", s.log())
	}
	if strings.Contains(s.log(), "lines were lost") {
		t.Errorf("lost lines:\n%s", s.log())
	}
}
