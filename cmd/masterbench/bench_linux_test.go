package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// binaries builds the programs once for all tests and returns their directory.
func binaries(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("short: builds and runs masters")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root has namespaces to give")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("needs a C compiler: " + err.Error())
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, ".", "../master")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	probe := exec.Command("/bin/true")
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	if err := probe.Run(); err != nil {
		t.Skip("needs namespaces: " + err.Error())
	}
	return dir
}

const benchLimit = 2 * time.Minute

func bench1(t *testing.T, dir string, args ...string) (*exec.Cmd, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), benchLimit)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, filepath.Join(dir, "masterbench"), args...)
	temporary := t.TempDir()
	command.Env = append(os.Environ(), "TMPDIR="+temporary)
	return command, temporary
}

func TestQuickMeasuresOneMetric(t *testing.T) {
	dir := binaries(t)
	file := filepath.Join(t.TempDir(), "figures.json")
	command, temporary := bench1(t, dir, "-quick", "-only", "^spawn/unix/1/rate$", "-json", file)
	var out, trouble bytes.Buffer
	command.Stdout, command.Stderr = &out, &trouble
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), trouble.String())
	}
	if !strings.Contains(out.String(), "| one-shot connections, unix, concurrency 1 ") {
		t.Errorf("no line for the metric in\n%s", out.String())
	}
	if !strings.Contains(trouble.String(), "stage 1 of 1, spawn/unix/1: round 1 of 1, ours, yardstick ") {
		t.Errorf("no progress in\n%s", trouble.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Results) != 1 || r.Results[0].ID != "spawn/unix/1/rate" || r.Results[0].Ours.Median <= 0 {
		t.Errorf("results: %+v", r.Results)
	}
	nothingIn(t, temporary)
}

func TestBadMasterFailsTheBench(t *testing.T) {
	dir := binaries(t)
	command, temporary := bench1(t, dir, "-quick", "-ours", "/bin/false", "-only", "^spawn/unix/1/rate$")
	text, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "stage spawn/unix/1/, ours: start ") {
		t.Errorf("a master that does not start: %v\n%s", err, text)
	}
	if !strings.Contains(string(text), "note: ended early: stage spawn/unix/1/") {
		t.Errorf("what was measured before the failure is not told:\n%s", text)
	}
	nothingIn(t, temporary)
}

func TestSignalEndsTheBenchAndLeavesNothing(t *testing.T) {
	dir := binaries(t)
	command, temporary := bench1(t, dir, "-only", "^rest/wakeups$")
	progress, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(progress)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "stage 1") {
		continue
	}
	inner := childrenOf(t, command.Process.Pid)
	if len(inner) != 1 {
		t.Errorf("the bench has children %v, want one", inner)
	}
	if err := command.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	var last string
	for lines.Scan() {
		last = lines.Text()
	}
	_ = command.Wait()
	if got := command.ProcessState.ExitCode(); got != 128+int(unix.SIGINT) {
		t.Errorf("exit status %d", got)
	}
	if !strings.Contains(last, "all processes are stopped") {
		t.Errorf("last line %q", last)
	}
	for _, pid := range inner {
		if _, err := os.Stat("/proc/" + pid); err == nil {
			t.Errorf("process %s is left", pid)
		}
	}
	nothingIn(t, temporary)
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// childrenOf returns the processes whose parent is pid.
func childrenOf(t *testing.T, pid int) (found []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if fields[1] == strconv.Itoa(pid) {
			found = append(found, filepath.Base(filepath.Dir(path)))
		}
	}
	return found
}
