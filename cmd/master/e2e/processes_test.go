//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a process as /proc shows it. Pid and start together identify it
// forever; pids alone are reused.
type process struct {
	pid, parent, session int
	start                uint64 // clock ticks since the system came up
	state                byte
	command              string
}

func (p process) String() string {
	return fmt.Sprintf("%d (%s, state %c, parent %d)", p.pid, p.command, p.state, p.parent)
}

func (p process) zombie() bool { return p.state == 'Z' || p.state == 'X' }

// readProcess reads a process. ok is false if there is none.
func readProcess(pid int) (p process, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, false
	}
	// The name is in parentheses and may contain anything, including parentheses.
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[shut+1:]))
	if open < 0 || shut < open || len(fields) < 20 {
		return p, false
	}
	p = process{pid: pid, state: fields[0][0], command: string(stat[open+1 : shut])}
	p.parent, _ = strconv.Atoi(fields[1])
	p.session, _ = strconv.Atoi(fields[3])
	p.start, _ = strconv.ParseUint(fields[19], 10, 64)
	return p, true
}

// processes lists all processes of the system.
func processes() []process {
	names, _ := filepath.Glob("/proc/[0-9]*")
	var all []process
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// children returns the children of the process, including zombies.
func children(parent int) []process {
	var found []process
	for _, p := range processes() {
		if p.parent == parent {
			found = append(found, p)
		}
	}
	return found
}

// alive returns those of the processes that still exist.
func alive(of []process) []process {
	var left []process
	for _, p := range of {
		if now, ok := readProcess(p.pid); ok && now.start == p.start {
			left = append(left, now)
		}
	}
	return left
}

// inside lists the living processes of the mail system in the directory: those
// that work in it, and those that were told to read its configuration.
func inside(root string) []process {
	var found []process
	marker := []byte("MAIL_CONFIG=" + root + "/")
	for _, p := range processes() {
		if p.pid == os.Getpid() || p.zombie() {
			continue
		}
		proc := fmt.Sprintf("/proc/%d/", p.pid)
		directory, _ := os.Readlink(proc + "cwd")
		environment, _ := os.ReadFile(proc + "environ")
		if directory == root || strings.HasPrefix(directory, root+"/") || bytes.Contains(environment, marker) {
			found = append(found, p)
		}
	}
	return found
}

// ours reports whether the path is the directory of a mail system of this test.
func ours(root string) bool {
	return filepath.IsAbs(root) && strings.HasPrefix(filepath.Base(root), rootPrefix)
}

// killInside ends, by pid, every process of the mail system in the directory.
// It kills nothing for a directory that is not the test's own.
func killInside(root string) error {
	if !ours(root) {
		return nil
	}
	var left []process
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = inside(root); len(left) == 0 {
			return nil
		}
		for _, p := range left {
			if len(alive([]process{p})) == 1 {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
	}
	return fmt.Errorf("processes survive SIGKILL: %v", left)
}

// status reads one line of /proc/PID/status; sizes are in kB.
func status(t *testing.T, pid int, name string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("read the status of the master: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatalf("status of the master, %q: %v", line, err)
			}
			return n
		}
	}
	t.Fatalf("status of the master has no %s", name)
	return 0
}

// openDescriptors counts the descriptors of the process.
func openDescriptors(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatalf("list the descriptors of the master: %v", err)
	}
	return len(entries)
}

// eventually waits until unmet returns nothing.
func eventually(t *testing.T, limit time.Duration, what string, unmet func() string) {
	t.Helper()
	var complaint string
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if complaint = unmet(); complaint == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v: %s", what, limit, complaint)
		}
	}
}
