package main

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func TestLogIsReadLineByLine(t *testing.T) {
	m := &daemon{tree: &tree{root: t.TempDir()}}
	if got := m.news(); len(got) != 0 {
		t.Fatalf("a log that is not there: %q", got)
	}
	if err := os.Mkdir(m.tree.root+"/log", 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(m.tree.logFile())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct {
		written string
		want    []string
	}{
		{"Nov  3 10:00:00 demo master[1]: one\nNov 23 10:00:01 demo mas", []string{"master[1]: one"}},
		{"", nil},
		{"ter[1]: two words\nodd\n", []string{"master[1]: two words", "odd"}},
	} {
		if _, err := f.WriteString(c.written); err != nil {
			t.Fatal(err)
		}
		if got := m.news(); !slices.Equal(got, c.want) {
			t.Errorf("after %q: got %q, want %q", c.written, got, c.want)
		}
	}
	if !m.logged(1, "two", "words") || m.logged(1, "one") || m.logged(0, "one", "two") {
		t.Errorf("wrong lines are found in %q", m.lines)
	}
}

func TestSteeringVariablesAreKeptFromTheDaemon(t *testing.T) {
	got := environment([]string{"A=1", "MAIL_CONFIG=/x", "MAIL_DEBUG=", "POSTLOG_SERVICE=/y", "TZ=UTC"})
	if want := []string{"A=1", "TZ=UTC"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestChildrenAreCounted(t *testing.T) {
	for _, c := range []struct {
		name  string
		needs func() error
		list  func(int) ([]process, error)
	}{
		{"proc", func() error { _, err := os.Stat("/proc/self/task"); return err }, childrenFromProc},
		{"ps", func() error { _, err := exec.LookPath("ps"); return err }, childrenFromPS},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.needs(); err != nil {
				t.Skip("this system has none:", err)
			}
			sleep := exec.Command("sleep", "60")
			if err := sleep.Start(); err != nil {
				t.Skip("needs sleep(1):", err)
			}
			alive := true
			defer func() {
				if alive {
					_ = sleep.Process.Kill()
					_ = sleep.Wait()
				}
			}()
			is := func(p process) bool { return p.pid == sleep.Process.Pid && p.name == "sleep" }
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(glance) {
				all, err := c.list(os.Getpid())
				if err != nil {
					t.Fatal(err)
				}
				if slices.ContainsFunc(all, is) {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("got %v, want sleep with pid %d", all, sleep.Process.Pid)
				}
			}
			_ = sleep.Process.Kill()
			_ = sleep.Wait()
			alive = false
			if all, err := c.list(os.Getpid()); err != nil || slices.ContainsFunc(all, is) {
				t.Errorf("after its end: %v, %v", all, err)
			}
		})
	}
}
