package child

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns both ends of a pseudo-terminal.
func terminal(t *testing.T) (person, server *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs a terminal to stand in for a person:", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	server, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("needs /dev/pts:", err)
	}
	t.Cleanup(func() { server.Close() })
	return person, server
}

func TestServerStartedByHandSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, tty := terminal(t)
	for _, args := range []string{"", "-l", "-l -t inet", "-t unix"} {
		cmd := s.byHand("stream", tty, strings.Fields(args)...)
		var said strings.Builder
		cmd.Stderr = &said
		err := cmd.Run()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "add -S") ||
			!strings.HasSuffix(said.String(), "\ntestd: fatal: do not run this command by hand\n") {
			t.Errorf("%q: %v, %q", args, err, said.String())
		}
	}
	cmd := s.byHand("datagram", tty)
	if out, _ := cmd.CombinedOutput(); strings.Contains(string(out), "-S") || !strings.Contains(string(out), "cannot be tried by hand") {
		t.Errorf("a datagram server has no -S, but says %q", out)
	}
}

func TestServerWithoutAMasterSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for args, fatal := range map[string]string{
		"":           "no transport type specified",
		"-h":         "invalid option: h",
		"--help":     "invalid option: -",
		"-l -o x":    `invalid "-o x" option value: missing '=' after attribute name`,
		"-l -t unix": "listen descriptor 6 is not a socket",
	} {
		out, _ := s.byHand("stream", nil, strings.Fields(args)...).CombinedOutput()
		if !strings.Contains(string(out), "add -S") || !strings.Contains(string(out), "testd: fatal: "+fatal) {
			t.Errorf("%q: %q", args, out)
		}
	}
}

func TestWrongOptionOfMasterCfBringsNoAdvice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, args := range []string{"-l -t unix -h", "-S -h"} {
		out, _ := s.byHand("stream", nil, strings.Fields(args)...).CombinedOutput()
		if string(out) != "testd: fatal: invalid option: h\n" {
			t.Errorf("%q: %q", args, out)
		}
	}
}

func TestServerWithoutAFunctionTellsItsAuthor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	out, _ := s.byHand("unfinished", nil).CombinedOutput()
	if want := "testd: fatal: this program must set exactly one of Stream, Requests, Sessions, Trigger and Datagram in its child.Server\n"; string(out) != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestMissingMainCfTellsHowToNameAnotherDirectory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	cmd := s.byHand("stream", nil, "-S")
	cmd.Env = append(cmd.Env, "MAIL_CONFIG="+s.dir+"/nowhere")
	out, _ := cmd.CombinedOutput()
	for _, part := range []string{"directory " + s.dir + "/nowhere; set MAIL_CONFIG", "testd: fatal: open " + s.dir + "/nowhere/main.cf: No such file"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%q lacks %q", out, part)
		}
	}
}

func TestStandardServesOnATerminalAndWithoutTheLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, kind := range []string{"demanding", "unlimited"} {
		person, tty := terminal(t)
		cmd := s.byHand(kind, tty, "-S")
		var said strings.Builder
		cmd.Stderr = &said
		if _, err := person.WriteString("hello\nquit\n"); err != nil {
			t.Fatal(err)
		}
		if out, err := cmd.Output(); err != nil || string(out) != "hello\n" || said.String() != "" {
			t.Errorf("%s: %q, %q, %v", kind, out, said.String(), err)
		}
	}
}

func TestStandardShowsErrorsOnStandardErrorAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.moreMain("maillog_file = /dev/stdout")
	cmd := s.byHand("refusing", nil, "-S")
	var said strings.Builder
	cmd.Stderr = &said
	out, _ := cmd.Output()
	if len(out) != 0 || said.String() != "testd: fatal: no luck\n" {
		t.Errorf("the client gets %q, standard error %q", out, said.String())
	}
}
