package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// full takes so many bytes and no more.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	n := min(f.room, len(b))
	f.room -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func TestLostOutputIsAFailure(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	recording, _ := cutJournal(t)
	write(t, journal, string(recording))
	for _, args := range []string{
		"", "help", "help stress", "run -h", "run -options", "run -seed 7 -set steps=50", "run -seed 7 -set steps=50 -text",
		"stress -seeds 2 -json -cores 1", "stress -seeds 2 -cores 1", "explore -list", "explore -world tiny -depth 2", "explore -world tiny -depth 2 -json",
		"mutants -list", "timeline -seed 7 -steps 10", "timeline -seed 7 -steps 10 -text",
		"replay " + journal, "replay " + journal + " -text", "replay " + journal + " -fork 2 -steps 5",
	} {
		for _, room := range []int{0, 5} {
			var complaints bytes.Buffer
			status := run(t.Context(), strings.Fields(args), &full{room}, &complaints)
			lines := strings.Split(strings.TrimSpace(complaints.String()), "\n")
			if last := lines[len(lines)-1]; status != exitUsage || last != "mastersim: write the output: no space left" {
				t.Errorf("%q with room for %d bytes: status %d, %q", args, room, status, lines)
			}
		}
	}
}

// What is wrong beside lost output is told, and lost output does not hide it.
func TestLostOutputHidesNoOtherFailure(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct {
		lost, err error
		want      string
	}{
		{nil, nil, ""},
		{nil, errFound, "exit status 1"},
		{nil, other, "other"},
		{errFull, nil, "write the output: no space left"},
		{errFull, errFound, "write the output: no space left"},
		{errFull, errCut, "write the output: no space left"},
		{errFull, errFull, "write the output: no space left"},
		{errFull, other, "other"},
	} {
		got := ""
		if err := (&output{io.Discard, c.lost}).verdict(c.err); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("lost %v, %v: got %q, want %q", c.lost, c.err, got, c.want)
		}
	}
}

func TestPlaceOfAResultIsTriedAndLeftAsItIs(t *testing.T) {
	dir := t.TempDir()
	there, none := filepath.Join(dir, "there"), filepath.Join(dir, "none")
	write(t, there, "as it was")
	for _, path := range []string{there, none, os.DevNull} {
		if err := writable(path); err != nil {
			t.Error(err)
		}
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "as it was" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Lstat(none); err == nil {
		t.Error("the trial left a file")
	}
	for _, path := range []string{dir, filepath.Join(none, "x"), filepath.Join(there, "x")} {
		if err := writable(path); err == nil {
			t.Errorf("%s is writable", path)
		}
	}
}

// Every name by which the simulator reports something is one that -only takes.
func TestOnlyKnowsEveryInvariant(t *testing.T) {
	var paths []string
	for _, dir := range []string{"", "laws"} {
		list, err := filepath.Glob(filepath.Join("..", "..", "sim", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, list...)
	}
	names := map[string]bool{"model": true, "journal": true, "contract": true}
	name := regexp.MustCompile(`"([SL][0-9]+)"|\.fail\("([^"]+)"|\bname :?= "(assert[a-z-]*)"`)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			names[m[1]+m[2]+m[3]] = true
		}
	}
	if len(names) < 25 {
		t.Errorf("found only %d names", len(names))
	}
	for name := range names {
		if err := knownInvariant(name); err != nil {
			t.Error(err)
		}
	}
	if err := knownInvariant(""); err != nil {
		t.Error(err)
	}
}

func TestReasonOfACanaryThatIsNotThereIsNotEmpty(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if _, _, complaints := mastersim(t, "stress", "-canary", none, "-seeds", "1"); !strings.HasSuffix(complaints, "no such file or directory\n") {
		t.Errorf("%q", complaints)
	}
}

func TestMutantsOutsideTheModuleNameTheFlag(t *testing.T) {
	t.Chdir(t.TempDir())
	if status, _, complaints := mastersim(t, "mutants", "-list"); status != exitUsage || !strings.Contains(complaints, "-root where the sources are") {
		t.Errorf("status %d, %q", status, complaints)
	}
}
