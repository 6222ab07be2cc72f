package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func crashRole(dir string, crash bool) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "BOOT_TEST_DIR="+dir)
		if crash {
			cmd.Env = append(cmd.Env, "BOOT_TEST_CRASH=yes")
		}
	}
}

func TestCrashLeavesReportForTheNextStart(t *testing.T) {
	dir := t.TempDir()
	p := launch(t, "crash", "", crashRole(dir, true))
	p.expect(`earlier ""`)
	p.expectDeathBy(syscall.SIGABRT)
	content, err := os.ReadFile(filepath.Join(dir, crashName))
	if err != nil || !strings.Contains(string(content), "panic: the reason") {
		t.Fatalf("the report is %q (%v)", content, err)
	}
	if info, _ := os.Stat(filepath.Join(dir, crashName)); info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}

	p = launch(t, "crash", "", crashRole(dir, false))
	p.expect(`earlier "` + dir + "/" + oldCrashName + `"`)
	if open := strings.Join(p.block(), " "); open != "0 1 2 3" { // 3: used by ls to read the directory
		t.Errorf("children have %s", open)
	}
	p.end()
	if old, _ := os.ReadFile(filepath.Join(dir, oldCrashName)); string(old) != string(content) {
		t.Error("the report was not set aside whole")
	}

	p = launch(t, "crash", "", crashRole(dir, false))
	p.expect(`earlier ""`)
}

func TestCrashOutputRefusesWhatOthersControl(t *testing.T) {
	for _, row := range []struct {
		name  string
		root  bool
		build func(path string) error
		want  string
	}{
		{"readable by others", false, func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Chmod(path, 0o644)
		}, "other users may read or write it"},
		{"directory", false, func(path string) error { return os.Mkdir(path, 0o700) }, "cannot open file: Is a directory"},
		{
			"pipe without reader", false, func(path string) error { return unix.Mkfifo(path, 0o600) },
			"cannot open file: No such device or address",
		},
		{"two links", false, func(path string) error {
			if err := os.WriteFile(path+".a", nil, 0o600); err != nil {
				return err
			}
			return os.Link(path+".a", path)
		}, "file has 2 hard links"},
		{"owned by another", true, func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Chown(path, 1, 1)
		}, "owned by another user"},
	} {
		if row.root && os.Getuid() != 0 {
			t.Logf("%s: not tried, needs root", row.name)
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, crashName)
		if err := row.build(path); err != nil {
			t.Fatal(err)
		}
		p := launch(t, "crash", "", crashRole(dir, false))
		if got, want := p.line(), "error: open crash output "+path+": "+row.want; got != want {
			t.Errorf("%s: got %q, want %q", row.name, got, want)
		}
	}
}
