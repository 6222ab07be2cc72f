package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runHere runs the program without starting anything.
func runHere(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var words bytes.Buffer
	status = run(args, out, &words)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return status, string(text), words.String()
}

func TestUsageErrorsAreOneClearLine(t *testing.T) {
	empty := t.TempDir()
	plain := t.TempDir()
	for _, name := range []string{"master", "echo"} {
		if err := os.WriteFile(filepath.Join(plain, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"-nonsense", statusUsage, "not defined: -nonsense"},
		{"more", statusUsage, `unexpected argument "more"`},
		{"-patience 0s", statusUsage, "must be above 0"},
		{"-limit soon", statusUsage, `invalid value "soon"`},
		{"-bin", statusUsage, "needs an argument: -bin"},
		{"-bin " + empty, statusFailed, "missing: " + empty + "/master, " + empty + `/echo; run "make build" first`},
		{"-bin " + plain, statusFailed, plain + "/master is not a program"},
	} {
		status, stdout, stderr := runHere(t, strings.Fields(c.args)...)
		if status != c.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, said %q and %q; want %d and %q", c.args, status, stdout, stderr, c.status, c.want)
		}
	}
	if status, stdout, stderr := runHere(t, "-h"); status != 0 || stdout != usage || stderr != "" {
		t.Errorf("-h: status %d, said %q and %q", status, stdout, stderr)
	}
}

func TestLostHelpIsAFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unwritable, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unwritable.Close()
	var complaints bytes.Buffer
	if status := run([]string{"-h"}, unwritable, &complaints); status != statusUsage || !strings.HasPrefix(complaints.String(), "demo: write the output: ") {
		t.Errorf("status %d, %q", status, complaints.String())
	}
}

func TestTextIsWrappedBetweenWords(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want []string
	}{
		{"", 5, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 6, []string{"one", "two", "three"}},
		{"one extraordinary word", 6, []string{"one", "extraordinary", "word"}},
	} {
		if got := wrap(c.text, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d: got %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

func TestLongTextStaysBehindItsLabel(t *testing.T) {
	var out bytes.Buffer
	p := &paper{to: &out}
	p.logged(strings.Repeat("word ", 30))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) < 2 {
		t.Fatalf("not wrapped: %q", lines)
	}
	for i, line := range lines {
		label := strings.Repeat(" ", len("     log | "))
		if i == 0 {
			label = "     log | "
		}
		if len(line) > width || !strings.HasPrefix(line, label+"word") {
			t.Errorf("line %d: %q", i, line)
		}
	}
}
