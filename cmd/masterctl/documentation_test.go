package main

import (
	"os"
	"strings"
	"testing"
)

// TestExamplesOfTheManualAreTrue runs every command of docs/masterctl.md, in order,
// on the files of testdata/example.
func TestExamplesOfTheManualAreTrue(t *testing.T) {
	needAccounts(t, []string{"postfix", "nobody"}, []string{"postdrop"})
	if _, err := os.Stat("/usr/lib/postfix/sbin/smtpd"); err != nil {
		t.Skip("needs the programs that the files name (Debian package postfix):", err)
	}
	for _, name := range []string{"/var/spool/postfix/pid", "/var/lib/postfix"} {
		if _, err := os.Stat(name); err != nil {
			t.Skip("needs the directories that the defaults name (postfix check makes them):", err)
		}
	}
	const manual = "../../docs/masterctl.md"
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, "", "")
	for _, name := range []string{"main.cf", "master.cf"} {
		example, err := os.ReadFile("testdata/example/" + name)
		if err != nil {
			t.Fatal(err)
		}
		s.write(name, string(example))
	}
	const fence = "```console\n"
	parts := strings.Split(string(text), fence)
	commands := 0
	for i, part := range parts[1:] {
		block, rest, ok := strings.Cut(part, "```\n")
		if !ok {
			t.Fatalf("no end of the block %.40q", part)
		}
		var got strings.Builder
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				got.WriteString(s.transcript(strings.TrimSpace(command)))
				commands++
			}
		}
		if err := same(got.String(), block); err != nil && !*update {
			t.Error(err)
		}
		parts[i+1] = got.String() + "```\n" + rest
	}
	if commands == 0 {
		t.Error("no examples")
	}
	if *update {
		if err := os.WriteFile(manual, []byte(strings.Join(parts, fence)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
