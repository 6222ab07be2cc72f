package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCheckOfAGoodConfigurationSaysSo(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	s := newSite(t, strings.Replace(plainMain, "/usr/lib/postfix/sbin", "/bin", 1), "foo unix - - n - - sh\n")
	s.directories()
	want := s.dir + ": 0 errors, 0 warnings; 1 service\n"
	if r := s.run("check", "--strict"); r != (result{exitClean, want, ""}) {
		t.Errorf("%+v", r)
	}
	if r := s.run("check", "--json", "--strict"); r != (result{exitClean, "", ""}) {
		t.Errorf("%+v", r)
	}
}

func TestFileOfOurOwnParameters(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	s := newSite(t, strings.Replace(plainMain, "/usr/lib/postfix/sbin", "/bin", 1)+"master_reload_clears_throttle = yes\nmy_journals = /var/tmp\n", "foo unix - - n - - sh\n")
	s.directories()
	own := s.path("stationmaster.cf")
	write := func(text string) {
		if err := os.WriteFile(own, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("# ours\nmaster_journal_file = $my_journals/trace\n")
	s.run("check", "--strict").expect(t, exitClean, "note: postconf and \"postfix start\" warn that master_reload_clears_throttle is an unused parameter, because Postfix does not know it\n", "")
	s.run("check", "--strict").expect(t, exitClean, "= move the line to stationmaster.cf in the same directory, which only the master reads\n", "")
	s.run("param", "master_journal_file").expect(t, exitClean, "/var/tmp/trace\n", "")
	write("# ours\nrelayhost = x\n")
	s.run("check").expect(t, exitError, own+":2:1: error: "+own+", line 2: \"relayhost\" is not a parameter that can be set in this file\n    2 | relayhost = x\n      | ^\n", "")
	s.run("param", "relayhost").expect(t, exitError, "", own+", line 2: ")
}

func TestEmptiedMasterIsWarnedOf(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	s := newSite(t, strings.Replace(plainMain, "/usr/lib/postfix/sbin", "/bin", 1), "")
	s.directories()
	r := s.run("check", "--strict")
	r.expect(t, exitFound, s.path("master.cf")+": warning: master.cf has no entry: no service is started, and a reload stops all\n", "")
	r.expect(t, exitFound, "0 errors, 1 warning; 0 services\n", "")
}

func TestMissingDirectoriesAreWarnedOf(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	s := newSite(t, strings.Replace(plainMain, "/usr/lib/postfix/sbin", "/bin", 1), "foo unix - - n - - sh\n")
	s.directories()
	for _, c := range []struct{ path, want string }{
		{"queue/pid", s.path("main.cf") + ":2:19: warning: " + s.path("queue/pid") + " is not a directory"},
		{"queue", "queue_directory = " + s.path("queue") + " is not a directory"},
		{"data", s.path("main.cf") + ":3:18: warning: data_directory = " + s.path("data") + " is not a directory"},
	} {
		if err := os.RemoveAll(s.path(c.path)); err != nil {
			t.Fatal(err)
		}
		s.run("check", "--strict").expect(t, exitFound, c.want, "")
	}
}

func TestParamOfAMainThatCannotBeParsedIsAnError(t *testing.T) {
	s := newSite(t, plainMain+"no equals sign\n", "")
	s.run("param", "myhostname").expect(t, exitError, "", "missing '=' after attribute name")
}

func TestUnreadableFilesAreNamedWithTheRemedy(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(s *site) error
		user    bool
		want    string
		hint    string
	}{
		{
			"no directory", func(s *site) error { return os.RemoveAll(s.path(".")) }, false,
			"open @DIR@/main.cf: No such file or directory", "directory @DIR@ does not exist; name the directory of main.cf and master.cf with -c",
		},
		{
			"no main.cf", func(s *site) error { return os.Remove(s.path("main.cf")) }, false,
			"open @DIR@/main.cf: No such file or directory", "create the file, or name the directory",
		},
		{
			"no master.cf", func(s *site) error { return os.Remove(s.path("master.cf")) }, false,
			"open @DIR@/master.cf: No such file or directory", "create the file, or name the directory",
		},
		{
			"secret main.cf", func(s *site) error { return os.Chmod(s.path("main.cf"), 0o600) }, true,
			"open @DIR@/main.cf: Permission denied", "run masterctl as root, or let this user read @DIR@/main.cf",
		},
		{
			"secret master.cf", func(s *site) error { return os.Chmod(s.path("master.cf"), 0o600) }, true,
			"open @DIR@/master.cf: Permission denied", "run masterctl as root, or let this user read @DIR@/master.cf",
		},
		{
			"file in place of the directory", func(s *site) error {
				return errors.Join(os.RemoveAll(s.path(".")), os.WriteFile(s.dir, nil, 0o600))
			}, false,
			"open @DIR@/main.cf: Not a directory", "@DIR@ is not a directory; name the directory of main.cf and master.cf with -c",
		},
		{
			"main.cf is a link to itself", func(s *site) error {
				return errors.Join(os.Remove(s.path("main.cf")), os.Symlink("main.cf", s.path("main.cf")))
			}, false,
			"open @DIR@/main.cf: Too many levels of symbolic links", "create the file, or name the directory of main.cf and master.cf with -c",
		},
		{
			"directory in place of a file", func(s *site) error {
				if err := os.Remove(s.path("master.cf")); err != nil {
					return err
				}
				return os.Mkdir(s.path("master.cf"), 0o755)
			}, false,
			"read @DIR@/master.cf: Is a directory", "there is a directory in place of the file",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, plainMain, "")
			if c.user {
				needRoot(t)
				s.ordinary()
			}
			program := s.program
			if err := c.prepare(s); err != nil {
				t.Fatal(err)
			}
			dir := s.dir
			s.dir, s.program, s.environ = "/", program, []string{"MAIL_CONFIG=" + dir}
			here := strings.NewReplacer("@DIR@", dir)
			r := s.run("check")
			r.expect(t, exitError, "error: "+here.Replace(c.want)+"\n", "")
			r.expect(t, exitError, "= "+here.Replace(c.hint), "")
			s.run("explain").expect(t, exitError, "", here.Replace(c.want))
			if n := strings.Count(r.out, "= "); n != 1 {
				t.Errorf("%d remedies: %s", n, r.out)
			}
			if strings.Contains(c.want, "main.cf") {
				s.run("param", "myhostname").expect(t, exitError, "", "masterctl: fatal: "+here.Replace(c.want)+"\nmasterctl: "+here.Replace(c.hint))
			} else {
				s.run("param", "myhostname").expect(t, exitClean, "mail.example.com\n", "")
			}
		})
	}
}

func TestOrdinaryUsersGetNoFalseErrors(t *testing.T) {
	needRoot(t)
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	s := newSite(t, "", "foo unix - - n - - foo\nsmtp inet n - n - - foo\n")
	s.directories()
	for _, dir := range []string{"sbin", "closed"} {
		if err := os.Mkdir(s.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write("closed/foo", "")
	s.write("closed/mailname", "mail.example.com\n")
	if err := os.Chmod(s.path("closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("main.cf", strings.Replace(plainMain, "/usr/lib/postfix/sbin", s.path("closed"), 1)+"myorigin = "+s.path("closed/mailname")+"\n")
	s.ordinary()
	r := s.run("check")
	r.expect(t, exitClean, "warning: myorigin: "+s.path("closed/mailname")+" cannot be read by this user", "")
	r.expect(t, exitClean, s.dir+": 0 errors, 1 warning; 2 services\n", "")
	s.run("explain", "foo").expect(t, exitClean, "private/foo", "")
}

func TestLookUpsThatFailAreNoErrors(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	s := newSite(t, plainMain, "host.invalid:25 inet n - n - - foo\n")
	c := load(host{}, s.dir)
	if len(c.diagnostics) != 1 {
		t.Fatalf("diagnostics %+v", c.diagnostics)
	}
	f := c.parameters.Facts()
	host := f.Hosts["host.invalid"]
	host.Trouble = "the resolver sleeps"
	f.Hosts["host.invalid"] = host
	c.diagnostics[0].Hint = "the resolver sleeps; use another"
	c.doubt()
	if d := c.diagnostics[0]; words[d.Severity] != "warning" || !strings.Contains(d.Hint, "this may be correct: the resolver sleeps;") {
		t.Errorf("%+v", d)
	}
}

func TestColoursAreForTerminalsThatWantThem(t *testing.T) {
	terminal, other, err := openTerminal()
	if err != nil {
		t.Skip("needs a pseudo terminal:", err)
	}
	defer terminal.Close()
	defer other.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	set := func(list ...string) func(string) string {
		return func(name string) string {
			for _, item := range list {
				if value, ok := strings.CutPrefix(item, name+"="); ok {
					return value
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		file    *os.File
		environ func(string) string
		want    bool
	}{
		{other, set("TERM=xterm"), true},
		{other, set("TERM=xterm", "NO_COLOR=1"), false},
		{other, set("TERM=dumb"), false},
		{null, set("TERM=xterm"), false},
	} {
		if got := wantsColour(c.file, c.environ); got != c.want {
			t.Errorf("%s, NO_COLOR=%q, TERM=%q: %v", c.file.Name(), c.environ("NO_COLOR"), c.environ("TERM"), got)
		}
	}
}

func TestColouredOutputSaysTheSame(t *testing.T) {
	s := newSite(t, plainMain+"max_use = x\n", "")
	var plain, coloured strings.Builder
	for _, to := range []*strings.Builder{&plain, &coloured} {
		c := &terminal{out: to, err: to, environ: func(string) string { return s.dir }, colour: to == &coloured}
		if status := c.run([]string{"check"}); status != exitError {
			t.Fatalf("exit status %d", status)
		}
	}
	stripped := coloured.String()
	for _, code := range []string{bold, red, yellow, blue, green, "0"} {
		stripped = strings.ReplaceAll(stripped, "\x1b["+code+"m", "")
	}
	if stripped != plain.String() || strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b["+red+"merror:\x1b[0m") {
		t.Errorf("plain %q, coloured %q", plain.String(), coloured.String())
	}
}

func TestHostileFilesGiveBoundedOutput(t *testing.T) {
	hostile := map[string]string{
		"escapes":       "\x1b[2J\x1b]0;title\a = x\nname = \x9b31m\u202e\n\x00\x01 y\n",
		"invalid UTF-8": "\xff\xfe\xc3( = \xf0\x9f\nmax_use = \xff\xff\n",
		"a long line":   "max_use = " + strings.Repeat("9", 1<<17) + "\n" + strings.Repeat("z", 1<<17) + "\n",
		"many tabs":     "max_use =" + strings.Repeat("\t", 1<<16) + "x\n",
		"deep macros":   "max_use = " + strings.Repeat("${a?{", 5000) + "\n",
		"no newline":    "max_use = $",
		"only blanks":   " \t \v\f\r ",
	}
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, plainMain+text, text)
			for _, args := range []string{"check", "explain", "check --json", "explain --json"} {
				r := s.run(strings.Fields(args)...)
				all := r.out + r.err
				harmful := "\x1b\x07\x00"
				if !strings.Contains(args, "json") {
					harmful += "\u202e\u009b"
				}
				if len(all) > 64<<10 || strings.ContainsAny(all, harmful) || strings.Contains(all, "goroutine") {
					t.Errorf("%s: exit status %d, %d bytes: %.2000q", args, r.status, len(all), all)
				}
			}
			s.run("fmt")
		})
	}
}

func TestFIFOInPlaceOfAFileIsNotWaitedFor(t *testing.T) {
	s := newSite(t, plainMain, "")
	if err := os.Remove(s.path("master.cf")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(s.path("master.cf"), 0o644); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(s.path("master.cf"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for _, command := range []string{"check", "fmt"} {
		if r := s.run(command); r.status != exitError || !strings.Contains(strings.ToLower(r.out+r.err), "not a regular file") {
			t.Errorf("%s: %+v", command, r)
		}
	}
}

func TestJSONIsOneObjectALine(t *testing.T) {
	s := newSite(t, plainMain+"max_use = 0\nmax_idle = \xff\n", "foo unix - - n - - foo\nfoo unix - - n - 3x foo\n")
	for _, args := range []string{"check --json", "explain --json"} {
		if args == "explain --json" {
			s.write("main.cf", plainMain)
		}
		r := s.run(strings.Fields(args)...)
		lines := 0
		for scan := bufio.NewScanner(strings.NewReader(r.out)); scan.Scan(); lines++ {
			var object map[string]any
			if err := json.Unmarshal(scan.Bytes(), &object); err != nil || object["file"] == nil {
				t.Errorf("%s: %v: %s", args, err, scan.Text())
			}
		}
		if lines < 2 || r.err != "" {
			t.Errorf("%s: %d lines, complaints %q", args, lines, r.err)
		}
	}
}

func TestExcerptPointsAtTheByte(t *testing.T) {
	long := strings.Repeat("a", 300) + "X" + strings.Repeat("b", 300)
	for _, c := range []struct {
		line   string
		column int32
		at     string // the text above the caret
	}{
		{"abc", 1, "a"},
		{"abc", 3, "c"},
		{"abc", 4, ""},
		{"abc", 99, ""},
		{"\tabc", 2, "a"},
		{"a\tb\tc", 5, "c"},
		{"é\xffx", 4, "x"},
		{"\x1b[31mx", 6, "x"},
		{long, 301, "X"},
		{"é" + strings.Repeat("é", 200) + "X", 403, "X"},
		{"", 1, ""},
	} {
		shown, before := excerpt(c.line, c.column)
		runes := []rune(shown)
		at := ""
		if before < len(runes) {
			at = string(runes[before])
		}
		if at != c.at || len(runes) > widestExcerpt+2*len("...") {
			t.Errorf("%.20q, column %d: %q, %d before: above the caret stands %q, want %q", c.line, c.column, shown, before, at, c.at)
		}
	}
}

func TestSourceGivesLines(t *testing.T) {
	s := source{text: []byte("one\r\ntwo\n\nfour")}
	for number, want := range map[int32]string{1: "one", 2: "two", 3: "", 4: "four"} {
		if got, ok := s.line(number); !ok || got != want {
			t.Errorf("line %d: %q, %v", number, got, ok)
		}
	}
	for _, number := range []int32{-1, 0, 5} {
		if got, ok := s.line(number); ok {
			t.Errorf("line %d: %q", number, got)
		}
	}
}

func TestNearNamesAreOffered(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"smpt", "smtp"},
		{"smtp", "smtp"},
		{"qmg", "qmgr"},
		{"x", ""},
		{"submision", "submission"},
		{"entirely_else", ""},
		{strings.Repeat("s", 1000), ""},
		{"", ""},
	} {
		want := c.want
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := didYouMean(c.name, []string{"smtp", "qmgr", "submission", strings.Repeat("s", 999)}); got != want {
			t.Errorf("%q: %q, want %q", c.name, got, want)
		}
	}
}

// openTerminal opens both ends of a pseudo-terminal.
func openTerminal() (terminal, other *os.File, err error) {
	if terminal, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	path, err := unlockTerminal(int(terminal.Fd()))
	if err == nil {
		other, err = os.OpenFile(filepath.Clean(path), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		terminal.Close()
		return nil, nil, err
	}
	return terminal, other, nil
}

func TestProgramsThatCannotBeRunAreWarnedOf(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	needRoot(t) // if other users own the files, those may run them
	s := newSite(t, strings.Replace(plainMain, "/usr/lib/postfix/sbin", "$config_directory/sbin", 1), "")
	s.directories()
	if err := os.MkdirAll(s.path("sbin/closed"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"good": {"#!/bin/sh\n", 0o755}, "pipe": {"#!/usr/bin/env sh\n", 0o755}, "empty": {"", 0o755}, "crlf": {"#!/bin/sh\r\n", 0o755},
		"lost": {"#!/nowhere/sh\n", 0o755}, "byname": {"#!/usr/bin/env nowhere9\n", 0o755}, "secret": {"#!/bin/sh\n", 0o700}, "closed/x": {"#!/bin/sh\n", 0o755},
	} {
		s.write("sbin/"+name, file.text)
		if err := os.Chmod(s.path("sbin/"+name), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(s.path("sbin/closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	agent := func(program string) string {
		return "x unix - n n - - pipe user=nobody argv=" + s.path("sbin/"+program) + " a\n"
	}
	server := func(program string) string { return "x unix - - n - - " + program + "\n" }
	for _, c := range []struct{ master, want string }{
		{server("good"), "0 errors, 0 warnings"},
		{agent("good"), "0 errors, 0 warnings"},
		{server("empty"), "sbin/empty is empty"},
		{server("crlf"), "ends in CR LF"},
		{server("lost"), "the interpreter /nowhere/sh of "},
		{server("byname"), `is to be run by "nowhere9", which is not in PATH (/usr/bin:/bin)`},
		{agent("lost"), "the interpreter /nowhere/sh of "},
		{agent("secret"), "the user nobody may not execute "},
		{agent("closed/x"), "the user nobody may not search the directory "},
	} {
		s.write("master.cf", c.master)
		r := s.run("check")
		r.expect(t, exitClean, c.want, "")
	}
}
