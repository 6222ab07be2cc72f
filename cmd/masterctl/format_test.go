package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core/config"
)

const (
	disorder = "# head\nsmtp inet n - y - - smtpd\n  # why\n\t-o a=b  \nfoo unix - - n - - foo"
	order    = "# head\nsmtp      inet  n       -       y       -       -       smtpd\n  # why\n  -o a=b\n" +
		"foo       unix  -       -       n       -       -       foo\n"
)

func TestFmtPrintsAndLeavesTheFileAlone(t *testing.T) {
	s := newSite(t, "", disorder)
	for _, args := range [][]string{{"fmt"}, {"fmt", s.path("master.cf")}, {"fmt", "-c", "/nonexistent", "master.cf"}} {
		if r := s.run(args...); r != (result{exitClean, order, ""}) {
			t.Errorf("%q: %+v", args, r)
		}
	}
	if got := s.read("master.cf"); got != disorder {
		t.Errorf("the file became %q", got)
	}
}

func TestFmtReadsStandardInput(t *testing.T) {
	var out, complaints bytes.Buffer
	c := &terminal{out: &out, err: &complaints, in: strings.NewReader(disorder), environ: func(string) string { return "" }}
	if status := c.run([]string{"fmt", "-"}); status != exitClean || out.String() != order || complaints.Len() > 0 {
		t.Errorf("exit status %d, %q, %q", status, out.String(), complaints.String())
	}
}

func TestFmtTellsWhatIsNotInOrder(t *testing.T) {
	s := newSite(t, "", disorder)
	s.write("good", order)
	diff := "--- master.cf\n+++ master.cf\n@@ -1,5 +1,5 @@\n # head\n-smtp inet n - y - - smtpd\n" +
		"+smtp      inet  n       -       y       -       -       smtpd\n   # why\n-\t-o a=b  \n-foo unix - - n - - foo\n" +
		"\\ No newline at end of file\n+  -o a=b\n+foo       unix  -       -       n       -       -       foo\n"
	for _, c := range []struct {
		args string
		want result
	}{
		{"fmt -l master.cf good", result{exitFound, "master.cf\n", ""}},
		{"fmt --check master.cf", result{exitFound, "master.cf\n", ""}},
		{"fmt --check good", result{exitClean, "", ""}},
		{"fmt -d good master.cf", result{exitFound, diff, ""}},
		{"fmt -l -d good", result{exitClean, "", ""}},
	} {
		if got := s.run(strings.Fields(c.args)...); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.args, got, c.want)
		}
	}
	if got := s.read("master.cf"); got != disorder {
		t.Errorf("the file became %q", got)
	}
}

func TestDifferencesAreThoseThatPatchApplies(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		t.Skip("needs patch:", err)
	}
	line := rapid.SampledFrom([]string{"# c\n", "\n", "a unix - - n - - b\n", "a         unix  -       -       n       -       -       b\n", "\t-o x\n"})
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		was := strings.Join(rapid.SliceOfN(line, 1, 40).Draw(rt, "lines"), "")
		was = strings.TrimSuffix(was, rapid.SampledFrom([]string{"\n", ""}).Draw(rt, "end"))
		is := string(config.Layout([]byte(was)))
		if was == is {
			return
		}
		path := filepath.Join(dir, "f")
		if err := os.WriteFile(path, []byte(was), 0o600); err != nil {
			rt.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "patch", "-s", "-f", path)
		cmd.Stdin = strings.NewReader(difference("f", was, is))
		if out, err := cmd.CombinedOutput(); err != nil {
			rt.Fatalf("%v: %s\n%s", err, out, difference("f", was, is))
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != is {
			rt.Fatalf("%v: got %q, want %q", err, got, is)
		}
	})
}

// names lists a directory.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestFmtReplacesTheFileWithItsOwnerAndMode(t *testing.T) {
	s := newSite(t, "", disorder)
	path := s.path("master.cf")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	owner := 0
	if os.Geteuid() == 0 {
		owner = 12345
		if err := os.Chown(path, owner, 23456); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := os.Stat(path)
	s.run("fmt", "-w").expect(t, exitClean, "", "")
	after, _ := os.Stat(path)
	was, is := before.Sys().(*syscall.Stat_t), after.Sys().(*syscall.Stat_t)
	if s.read("master.cf") != order || was.Mode != is.Mode || was.Uid != is.Uid || was.Gid != is.Gid {
		t.Errorf("%q, mode %o became %o, owner %d:%d became %d:%d", s.read("master.cf"), was.Mode, is.Mode, was.Uid, was.Gid, is.Uid, is.Gid)
	}
	if was.Ino == is.Ino {
		t.Error("the file was written in place")
	}
	s.run("fmt", "-w").expect(t, exitClean, "", "")
	if again, _ := os.Stat(path); !os.SameFile(after, again) {
		t.Error("a file in order was replaced")
	}
	if got := names(t, s.dir); len(got) != 2 {
		t.Errorf("left behind: %q", got)
	}
}

func TestFmtWritesToTheTargetOfALink(t *testing.T) {
	s := newSite(t, "", "")
	if err := os.Mkdir(s.path("real"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.write("real/m", disorder)
	if err := os.Remove(s.path("master.cf")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real/m", s.path("master.cf")); err != nil {
		t.Fatal(err)
	}
	s.run("fmt", "-w").expect(t, exitClean, "", "")
	if target, err := os.Readlink(s.path("master.cf")); err != nil || target != "real/m" || s.read("real/m") != order {
		t.Errorf("link to %q (%v), text %q", target, err, s.read("real/m"))
	}
}

func TestFmtRefusesWhatItCannotReplaceWhole(t *testing.T) {
	s := newSite(t, "", disorder)
	for name, c := range map[string]struct {
		prepare func(path string) error
		want    string
	}{
		"missing":   {func(string) error { return nil }, "no such file or directory; name the directory of master.cf with -c"},
		"directory": {func(path string) error { return os.Mkdir(path, 0o755) }, "is a directory; name the file"},
		"hard link": {func(path string) error { return os.Link(s.path("master.cf"), path) }, "it has 2 hard links"},
		"loop":      {func(path string) error { return os.Symlink(path, path) }, "too many levels of symbolic links"},
	} {
		t.Run(name, func(t *testing.T) {
			path := s.path("file")
			if err := c.prepare(path); err != nil {
				t.Fatal(err)
			}
			r := s.run("fmt", "-w", path)
			r.expect(t, exitError, "", c.want)
			if !strings.Contains(r.err, path) {
				t.Errorf("%q does not name the file", r.err)
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if got := names(t, s.dir); len(got) != 2 || s.read("master.cf") != disorder {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

func TestFmtOfAFileThatChangedMeanwhileLeavesItAlone(t *testing.T) {
	s := newSite(t, "", order)
	err := replaceFile(s.path("master.cf"), []byte(disorder), []byte(order))
	if err == nil || !strings.Contains(err.Error(), "it changed meanwhile") || len(names(t, s.dir)) != 2 {
		t.Errorf("error %v, %q", err, names(t, s.dir))
	}
}

func TestFmtByAnOrdinaryUser(t *testing.T) {
	needRoot(t)
	s := newSite(t, "", disorder)
	s.ordinary()
	if r := s.run("fmt"); r != (result{exitClean, order, ""}) {
		t.Errorf("%+v", r)
	}
	s.run("fmt", "-w").expect(t, exitError, "", "permission denied; run masterctl as root")
	if err := os.Chmod(s.dir, 0o777); err != nil { // it may write beside the file, but not change its owner
		t.Fatal(err)
	}
	s.run("fmt", "-w").expect(t, exitError, "", "cannot have the same owner")
	if err := os.Chmod(s.path("master.cf"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("fmt").expect(t, exitError, "", s.path("master.cf")+": permission denied; run masterctl as root")
	if got := names(t, s.dir); len(got) != 3 || s.read("master.cf") != disorder {
		t.Errorf("left behind: %q", got)
	}
}

func TestFmtOfManyFilesIsBounded(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("x"), zeros{})
	var complaints bytes.Buffer
	c := &terminal{out: io.Discard, err: &complaints, in: endless, environ: func(string) string { return "" }}
	if status := c.run([]string{"fmt", "-"}); status != exitError || !strings.Contains(complaints.String(), fmt.Sprint("more than ", maxFile>>20, " MB")) {
		t.Errorf("exit status %d, %q", status, complaints.String())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
