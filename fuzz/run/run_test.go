package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const root = "../.."

func TestTargetsAreFoundWithTheirFolders(t *testing.T) {
	list, err := targets(root)
	if err != nil {
		t.Fatal(err)
	}
	found := map[target]bool{}
	for _, one := range list {
		if found[one] {
			t.Errorf("%v is listed twice", one)
		}
		found[one] = true
	}
	for _, want := range []target{
		{"core/trace", "FuzzRecording"},
		{"core/child", "FuzzServer"},
		{"core/config/advice", "FuzzAdvice"},
		{"sim", "FuzzTapes"},
		{"osadapter/child", "FuzzAttributes"},
		{"osadapter/options", "FuzzCommandLine"},
		{"fuzz", "FuzzMainText"},
	} {
		if !found[want] {
			t.Errorf("%v is not listed", want)
		}
	}
	if _, err := targets(t.TempDir()); err == nil {
		t.Error("an empty directory has targets")
	}
}

func TestDocumentDescribesEveryTarget(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "fuzzing.md"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := targets(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		found := false
		for line := range strings.Lines(string(text)) {
			found = found || strings.Contains(line, "`"+one.name+"`") && strings.Contains(line, "| `"+one.folder+"` |")
		}
		if !found {
			t.Errorf("docs/fuzzing.md has no row for %s in %s", one.name, one.folder)
		}
	}
}

func TestProgressAndFindingsAreHeard(t *testing.T) {
	const seconds = time.Second
	for _, x := range []struct {
		name, said string
		err        error
		want       string
		runs       int64
		fresh      int64
		ranOut     bool
	}{
		{
			"quiet end", "fuzz: elapsed: 0s, gathering baseline coverage: 6/6 completed, now fuzzing with 2 workers\n" +
				"fuzz: elapsed: 3s, execs: 10 (3/sec), new interesting: 1 (total: 7)\nfuzz: elapsed: 4s, execs: 40 (9/sec), new interesting: 2 (total: 8)\nPASS",
			nil, "ok", 40, 2, false,
		},
		{
			"a large corpus", "fuzz: elapsed: 9s, gathering baseline coverage: 5/6 completed\nPASS",
			nil, "ok, but the corpus took all the time", 0, 0, false,
		},
		{
			"a finding", "fuzz: elapsed: 2s, execs: 7 (3/sec), new interesting: 0 (total: 6)\n--- FAIL: FuzzX (2.10s)\n    --- FAIL: FuzzX (0.00s)\n        x_test.go:9: bad\n    \n" +
				"    Failing input written to testdata/fuzz/FuzzX/0123abcd\n    To re-run:\n    go test -run=FuzzX/0123abcd\nFAIL",
			errors.New("exit status 1"), "FAILED: some/folder/testdata/fuzz/FuzzX/0123abcd", 7, 0, false,
		},
		{
			"a finding in the corpus", "fuzz: elapsed: 0s, gathering baseline coverage: 0/3 completed\nfailure while testing seed corpus entry: FuzzX/seed#2\n--- FAIL: FuzzX (0.02s)\nFAIL",
			errors.New("exit status 1"), "FAILED: some/folder/testdata/fuzz/FuzzX/seed#2", 0, 0, false,
		},
		{
			"the end of the time", "fuzz: elapsed: 5s, execs: 7 (3/sec), new interesting: 0 (total: 6)\n--- FAIL: FuzzX (5.10s)\n    context deadline exceeded\nFAIL",
			errors.New("exit status 1"), "FAILED: exit status 1", 7, 0, true,
		},
		{
			"an end before the time", "fuzz: elapsed: 1s, execs: 7 (3/sec), new interesting: 0 (total: 6)\n--- FAIL: FuzzX (1.10s)\n    context deadline exceeded\nFAIL",
			errors.New("exit status 1"), "FAILED: exit status 1", 7, 0, false,
		},
		{
			"a crash", "fuzz: elapsed: 5s, execs: 7 (3/sec), new interesting: 0 (total: 6)\npanic: x\ncontext deadline exceeded\nFAIL",
			errors.New("exit status 2"), "FAILED: exit status 2", 7, 0, false,
		},
	} {
		r := result{target: target{"some/folder", "FuzzX"}, err: x.err}
		for _, line := range strings.Split(x.said, "\n") {
			r.hear(line)
		}
		if got := r.verdict(); got != x.want || r.runs != x.runs || r.fresh != x.fresh {
			t.Errorf("%s: got %q, %d runs, %d new; want %q, %d, %d", x.name, got, r.runs, r.fresh, x.want, x.runs, x.fresh)
		}
		if got := r.ranOut(5 * seconds); got != x.ranOut {
			t.Errorf("%s: ran out of time: %v", x.name, got)
		}
	}
}

func TestSummaryFailsWithATarget(t *testing.T) {
	list := []result{{target: target{"a", "FuzzA"}, runs: 100, elapsed: 2 * time.Second, fresh: 3}, {target: target{"b", "FuzzB"}, err: errors.New("hangs")}}
	var out strings.Builder
	if err := summary(&out, list[:1]); err != nil {
		t.Error(err)
	}
	if err := summary(&out, list); err == nil || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"FuzzA", "100", "50", "ok", "FAILED: hangs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestProfilesOfSeveralProgramsAreMerged(t *testing.T) {
	p, err := parseProfile("mode: set\nm/core/a.go:1.2,3.4 3 0\nm/core/a.go:5.1,6.1 1 1\nmode: set\nm/core/a.go:1.2,3.4 3 1\nm/core/b/c.go:1.1,2.2 4 0\n")
	if err != nil {
		t.Fatal(err)
	}
	sums := p.packages()
	if got := sums["m/core"]; got != (share{4, 4}) {
		t.Errorf("got %+v", got)
	}
	if got := sums["m/core/b"]; got != (share{0, 4}) || got.perCent() != 0 {
		t.Errorf("got %+v", got)
	}
	again, err := parseProfile(string(p.text()))
	if err != nil || len(again) != 3 || again["m/core/a.go:1.2,3.4"] != (block{3, true}) {
		t.Errorf("%v: got %v", err, again)
	}
	for _, bad := range []string{"", "a b", "a.go:1.1,2.2 x 1"} {
		if _, err := parseProfile(bad); err == nil {
			t.Errorf("%q is a profile", bad)
		}
	}
}

// Every planted weakness fits the source, and its finder is a target.
func TestPlantedWeaknessesFit(t *testing.T) {
	list, err := weaknesses(root)
	if err != nil {
		t.Fatal(err)
	}
	const least = 8
	if len(list) < least {
		t.Errorf("there are %d weaknesses, want at least %d", len(list), least)
	}
	for i := range list {
		if list[i].text == "" || list[i].What == "" {
			t.Errorf("%+v", list[i])
		}
	}
}

func TestWeaknessThatDoesNotFitIsToldOf(t *testing.T) {
	write := func(dir, name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, text := range map[string]string{
		"":                 "what\nfile: p/a.go\nfinder: FuzzX\nold:\n\tcheck()\nnew:\n",
		"does not occur":   "what\nfile: p/a.go\nfinder: FuzzX\nold:\n\tother()\nnew:\n",
		"is no target":     "what\nfile: p/a.go\nfinder: FuzzY\nold:\n\tcheck()\nnew:\n",
		"no such file":     "what\nfile: p/b.go\nfinder: FuzzX\nold:\n\tcheck()\nnew:\n",
		"no line \"new:\"": "what\nfile: p/a.go\nfinder: FuzzX\nold:\n\tcheck()\n",
	} {
		dir := t.TempDir()
		write(dir, "p/a.go", "package p\n\nfunc f() {\n\tcheck()\n}\n")
		write(dir, "p/a_test.go", "package p\n\nfunc FuzzX(f *testing.F) {}\n")
		write(dir, bank+"/one.txt", text)
		_, err := weaknesses(dir)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", want, err)
		}
	}
}

func TestMirrorSharesAllButTheTestdata(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"a/b/testdata/fuzz/FuzzX/1", "a/b/x.go", "a/y.go", "c/z.go", "go.mod"} {
		path := filepath.Join(from, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := mirror(from, "a/b", to)
	if err != nil || folder != filepath.Join(to, "a", "b") {
		t.Fatalf("%v: %s", err, folder)
	}
	for _, name := range []string{"testdata/fuzz/FuzzX/1", "x.go", "../y.go", "../../c/z.go", "../../go.mod"} {
		if _, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "testdata", "fuzz", "FuzzX", "2"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(from, "a", "b", "testdata", "fuzz", "FuzzX", "2")); err == nil {
		t.Error("what is written into the mirror comes into the tree")
	}
}

func TestCommandLine(t *testing.T) {
	s, _, err := parse([]string{"-time", "10s", "-only", "^FuzzX$", "fuzz"})
	if err != nil || s.time != 10*time.Second || s.command != "fuzz" || !s.only.MatchString("FuzzX") || s.floor != 95 || s.limit != 2*time.Minute {
		t.Errorf("%v: got %+v", err, s)
	}
	if here, err := moduleRoot(); err != nil {
		t.Error(err)
	} else if _, err := os.Stat(filepath.Join(here, "go.mod")); err != nil {
		t.Error(err)
	}
}

func TestWrongCommandLinesNameTheCommands(t *testing.T) {
	for args, want := range map[string]string{
		"-only ( fuzz": "run: -only: ", "": "run: one command is wanted", "fuzz cover": "run: one command is wanted",
		"nonsense": `run: there is no command "nonsense"`, "-nonsense fuzz": "run: flag provided but not defined: -nonsense",
	} {
		var out, complaints strings.Builder
		status := run(t.Context(), strings.Fields(args), &out, &complaints)
		if said := complaints.String(); status != statusUsage || out.String() != "" || !strings.HasPrefix(said, want) || !strings.Contains(said, usage) {
			t.Errorf("%q: status %d, said %q and %q", args, status, out.String(), said)
		}
	}
}

func TestHelpIsNoFault(t *testing.T) {
	var out, complaints strings.Builder
	status := run(t.Context(), []string{"-h"}, &out, &complaints)
	if status != 0 || complaints.String() != "" || !strings.HasPrefix(out.String(), usage) || !strings.Contains(out.String(), "-floor percent") {
		t.Errorf("status %d, said %q and %q", status, out.String(), complaints.String())
	}
}
