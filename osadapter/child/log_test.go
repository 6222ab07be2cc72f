package child

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// newSiteWithFile returns a mail system that logs to a file and has no postlogd.
func newSiteWithFile(t *testing.T, lines ...string) (s *site, file string) {
	t.Helper()
	s = newSite(t)
	file = s.dir + "/log"
	s.moreMain(append([]string{"maillog_file = " + file, "maillog_file_prefixes = " + s.dir}, lines...)...)
	s.env = []string{"POSTLOG_SERVICE=" + s.dir + "/q/public/postlog", "POSTLOG_HOSTNAME=mail.example.com"}
	return s, file
}

// wantFile waits for a text in the log file.
func wantFile(t *testing.T, path, text string) {
	t.Helper()
	waitFor(t, text+" in "+path, func() bool {
		content, _ := os.ReadFile(path)
		return strings.Contains(string(content), text)
	})
}

func TestWithoutPostlogdTheEndOfAStartIsInTheFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string // in main.cf
		args string
		want string
	}{
		{"", "-x", "fatal: invalid option: x\n"},
		{"", "-l", "fatal: no transport type specified\n"},
		{"", "-l -t unix", "fatal: no luck\n"},
		{"max_use = x", "-l -t unix", "fatal: bad numerical configuration: max_use = x\n"},
		{"syslog_facility = x", "-l -t unix", "main.cf: parameter syslog_facility: unrecognized value: x\n"},
	} {
		s, file := newSiteWithFile(t, c.line)
		l, _ := s.listenUnix("x")
		p := s.start("refusing", []*os.File{l}, strings.Fields(c.args)...)
		defer func() {
			p.wantExit(1)
			wantFile(t, file, c.want)
			content, _ := os.ReadFile(file)
			if !strings.Contains(string(content), " mail postfix/testd[") {
				t.Errorf("host and tag in %q", content)
			}
		}()
	}
}

func TestServerThatGaveUpRootStillHasTheFile(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, args := range []string{"-u", "-u -c"} {
		s, file := newSiteWithFile(t)
		if err := os.WriteFile(file, nil, 0o600); err != nil { // owned by root
			t.Fatal(err)
		}
		l, _ := s.listenUnix("x")
		s.start("jailed", []*os.File{l}, strings.Fields("-l -t unix "+args)...)
		wantFile(t, file, ": warning: post-jail as 1 in ")
	}
}

func TestRenamedFileGetsTheLinesUntilTheServerLeaves(t *testing.T) {
	t.Parallel()
	needRoot(t)
	s, file := newSiteWithFile(t)
	l, _ := s.listenUnix("x")
	d, path := s.listenDatagram("d")
	p := s.start("datagram", []*os.File{d}, "-l", "-t", "unix-dgram", "-u")
	c, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(text string) {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	say("before")
	wantFile(t, file, `datagram "before"`)
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	say("after")
	wantFile(t, file+".1", `datagram "after"`)
	p.hangUp() // as at a reload
	p.wantExit(0)
	s.start("jailed", []*os.File{l}, "-l", "-t", "unix", "-u")
	wantFile(t, file, "post-jail as 1")
}

func TestLogFileMayBeStandardOutput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.moreMain("maillog_file = /dev/stdout")
	out, err := s.byHand("refusing", nil, "-l", "-t", "unix").Output()
	if err == nil || !strings.Contains(string(out), "]: fatal: listen descriptor 6 is not a socket\n") {
		t.Errorf("standard output %q, %v", out, err)
	}
}

func TestForbiddenLogFileIsFatalAndNotMade(t *testing.T) {
	t.Parallel()
	s, file := newSiteWithFile(t)
	s.moreMain("maillog_file_prefixes = /var")
	l, _ := s.listenUnix("x")
	p := s.start("stream", []*os.File{l}, "-l", "-t", "unix")
	p.wantExit(1)
	p.wantLog("fatal: maillog_file value '" + file + "' does not match any prefix in maillog_file_prefixes\n")
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is there: %v", err)
	}
}

func TestLogFileThatCannotBeOpenedEndsNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.moreMain("maillog_file = "+s.dir+"/missing/log", "maillog_file_prefixes = "+s.dir)
	l, address := s.listenUnix("x")
	s.start("stream", []*os.File{l}, "-l", "-t", "unix")
	if got := dial(t, address).ask("hello"); got != "hello" {
		t.Errorf("got %q", got)
	}
}

// byHand returns a server that is started without the descriptors of a service.
func (s *site) byHand(kind string, stdin *os.File, args ...string) *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"testd"}, args...)
	cmd.Env = s.environment(kind, "1")
	if stdin != nil {
		cmd.Stdin = stdin
	}
	return cmd
}
