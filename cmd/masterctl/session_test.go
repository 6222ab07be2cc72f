package main

import (
	"flag"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// identity matches the IDs of an account, with the blanks after them that keep
// columns aligned whatever the numbers are.
var identity = regexp.MustCompile(`\(uid \d+, gid \d+\) *`)

// neutral replaces what differs between systems.
func (s *site) neutral(text string) string {
	inTable := regexp.MustCompile(regexp.QuoteMeta(s.dir) + `(\S*)(?: {2,}|\n {20,})`)
	text = inTable.ReplaceAllStringFunc(text, func(found string) string {
		name := inTable.FindStringSubmatch(found)[1]
		return fmt.Sprintf("%-*s  ", valueWidth, "/etc/postfix"+name)
	})
	text = strings.ReplaceAll(text, s.dir, "/etc/postfix")
	return identity.ReplaceAllStringFunc(text, func(found string) string {
		const usual = "(uid 102, gid 105)"
		if blanks := len(found) - len(usual); strings.HasSuffix(found, " ") && blanks > 0 {
			return usual + strings.Repeat(" ", blanks)
		}
		return usual
	})
}

// transcript runs a command line and returns what a user sees: standard output,
// standard error, and an exit status other than 0.
func (s *site) transcript(line string) string {
	s.t.Helper()
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != "masterctl" {
		s.t.Fatalf("%q does not begin with masterctl", line)
	}
	for i := range words {
		words[i] = strings.Trim(words[i], "'")
	}
	r := s.run(words[1:]...)
	out := "$ " + line + "\n" + s.neutral(r.out) + s.neutral(r.err)
	if r.status != 0 {
		out += fmt.Sprintf("(exit status %d)\n", r.status)
	}
	return out
}

func needAccounts(t *testing.T, users []string, groups []string) {
	t.Helper()
	for _, name := range users {
		if _, err := user.Lookup(name); err != nil {
			t.Skip("needs the user "+name+":", err)
		}
	}
	for _, name := range groups {
		if _, err := user.LookupGroup(name); err != nil {
			t.Skip("needs the group "+name+":", err)
		}
	}
}

// A golden file has the parts "== main.cf", "== master.cf" and "== session".
// "@PROGRAMS@" in main.cf is a directory with the programs that are listed after
// it, as in "daemon_directory = @PROGRAMS@ smtpd qmgr".
func TestSessions(t *testing.T) {
	needAccounts(t, []string{"daemon", "nobody"}, []string{"mail"})
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files:", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := regexp.MustCompile(`(?m)^== (?:main\.cf|master\.cf|session)\n`).Split(string(text), -1)
			if len(parts) != 4 {
				t.Fatalf("%d parts", len(parts))
			}
			head := strings.TrimSuffix(string(text), parts[3])
			s := newSite(t, "", "")
			s.directories()
			s.write("main.cf", s.programs(escapes.Replace(parts[1])))
			s.write("master.cf", escapes.Replace(parts[2]))
			var got strings.Builder
			for line := range strings.Lines(parts[3]) {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					got.WriteString(s.transcript(strings.TrimSpace(command)))
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(head+got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := same(got.String(), parts[3]); err != nil && !*update {
				t.Error(err)
			}
		})
	}
}

// escapes stand for bytes that are hard to read in a golden file.
var escapes = strings.NewReplacer("<TAB>", "\t", "<NUL>", "\x00", "<ESC>", "\x1b", "<FF>", "\xff", "<CR>", "\r")

// programs creates the directory of programs.
func (s *site) programs(mainText string) string {
	line := regexp.MustCompile(`@PROGRAMS@(.*)`).FindStringSubmatch(mainText)
	if line == nil {
		return mainText
	}
	if err := os.Mkdir(s.path("sbin"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range strings.Fields(line[1]) {
		if err := os.WriteFile(s.path("sbin/"+name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	return strings.Replace(mainText, line[0], s.path("sbin"), 1)
}
