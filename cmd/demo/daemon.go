package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// daemon is the master that we run. We wait for it by hand, one pid at a time:
// until then its pid cannot mean anybody else.
type daemon struct {
	pid    int  // 0: never started
	ended  bool // and waited for
	status syscall.WaitStatus

	tree  *tree
	read  int64  // how much of its log we have seen
	half  string // a last line that is not complete yet
	lines []string
}

// start runs the program in the foreground, away from our terminal.
func (m *daemon) start(programs string) error {
	if err := becomeParent(); err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	words, err := os.OpenFile(m.tree.stderrFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open a file for the daemon's words: %w", err)
	}
	defer words.Close()
	pid, err := syscall.ForkExec(filepath.Join(programs, "master"), m.argv(), &syscall.ProcAttr{
		Env:   environment(os.Environ()),
		Files: []uintptr{null.Fd(), null.Fd(), words.Fd()},
		Sys:   daemonAttributes(),
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", filepath.Join(programs, "master"), err)
	}
	m.pid = pid
	return nil
}

// argv is the daemon's command line. It must be called master: its lock file is
// named after it.
func (m *daemon) argv() []string { return []string{"master", "-c", m.tree.config(), "-d"} }

// environment leaves out what would steer the daemon instead of our files.
func environment(environ []string) []string {
	return slices.DeleteFunc(environ, func(s string) bool {
		return strings.HasPrefix(s, "MAIL_") || strings.HasPrefix(s, "POSTLOG_")
	})
}

// running tells whether the daemon lives, and waits for it if it does not.
func (m *daemon) running() bool {
	if m.pid == 0 || m.ended {
		return false
	}
	m.ended = reap(m.pid, &m.status)
	return !m.ended
}

// reap waits for a child of ours if it has ended.
func reap(pid int, status *syscall.WaitStatus) bool {
	for {
		got, err := syscall.Wait4(pid, status, syscall.WNOHANG, nil)
		if err != syscall.EINTR {
			return got == pid || err == syscall.ECHILD
		}
	}
}

// exit says how the daemon ended.
func (m *daemon) exit() string {
	if m.status.Signaled() {
		return fmt.Sprintf("killed by signal %d", m.status.Signal())
	}
	return fmt.Sprintf("exit status %d", m.status.ExitStatus())
}

// signal sends a signal to the daemon.
func (m *daemon) signal(s syscall.Signal) error {
	if !m.running() {
		return errors.New("the daemon is not running")
	}
	return syscall.Kill(m.pid, s)
}

// servers are the pids of the echo processes under the daemon. Others, such as
// a look-up of a name, are not meant.
func (m *daemon) servers() ([]int, error) {
	all, err := children(m.pid)
	var pids []int
	for _, p := range all {
		if p.name == "echo" {
			pids = append(pids, p.pid)
		}
	}
	return pids, err
}

// orphans are processes of the daemon that have outlived it. They are our
// children now; those that have ended are waited for here.
func (m *daemon) orphans() ([]int, error) {
	all, err := children(os.Getpid())
	var pids []int
	for _, p := range all {
		session, err := unix.Getsid(p.pid)
		if err != nil || session != m.pid || p.pid == m.pid {
			continue
		}
		if !reap(p.pid, nil) {
			pids = append(pids, p.pid)
		}
	}
	return pids, err
}

// recordedPID reads the pid from the lock file, as an operator's script does.
func (m *daemon) recordedPID() (int, error) {
	text, err := os.ReadFile(m.tree.pidFile())
	if err != nil {
		return 0, fmt.Errorf("find the daemon's pid: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("find the daemon's pid: %s: %w", m.tree.pidFile(), err)
	}
	return pid, nil
}

// maxLog bounds how much of the log is read at once, in bytes.
const maxLog = 64 << 10

// news gives the log's lines since the last call, without time and host.
func (m *daemon) news() []string {
	f, err := os.Open(m.tree.logFile())
	if err != nil {
		return nil // not there yet
	}
	defer f.Close()
	text := make([]byte, maxLog)
	n, _ := f.ReadAt(text, m.read)
	m.read += int64(n)
	lines := strings.Split(m.half+string(text[:n]), "\n")
	m.half = lines[len(lines)-1]
	lines = lines[:len(lines)-1]
	for i := range lines {
		lines[i] = withoutTime(lines[i])
	}
	m.lines = append(m.lines, lines...)
	return lines
}

// withoutTime takes "Nov 23 10:00:00 host " from the front of a log line.
func withoutTime(line string) string {
	const stamp = len(time.Stamp) + 1
	if len(line) <= stamp {
		return line
	}
	_, text, ok := strings.Cut(line[stamp:], " ")
	if !ok {
		return line
	}
	return text
}

// logged tells whether a line after the first n has all the words.
func (m *daemon) logged(n int, words ...string) bool {
	for _, line := range m.lines[n:] {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return true
		}
	}
	return false
}

// lastWords are what the daemon and its servers said on standard error.
func (m *daemon) lastWords() []string {
	text, err := os.ReadFile(m.tree.stderrFile())
	if err != nil {
		return nil
	}
	const most = 20
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "" })
}

// How long processes have to end, and how often we look.
const (
	stopLimit = 3 * time.Second
	killLimit = time.Second
	glance    = 10 * time.Millisecond
)

// stop ends the daemon and all its processes, by force if need be, whatever
// state they are in. It does nothing when they are gone.
func (m *daemon) stop() error {
	if m.pid == 0 {
		return nil
	}
	if m.running() {
		_ = syscall.Kill(m.pid, syscall.SIGTERM)
		_ = syscall.Kill(m.pid, syscall.SIGCONT)
	}
	if m.gone(stopLimit) {
		return nil
	}
	if m.running() {
		_ = syscall.Kill(-m.pid, syscall.SIGKILL) // it leads its group
	}
	for range 2 { // servers come to us only when the daemon is gone
		left, _ := m.orphans()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if m.gone(killLimit) {
			return nil
		}
	}
	left, err := m.orphans()
	return fmt.Errorf("processes of the daemon (%d) are left: %v %v", m.pid, left, err)
}

// gone waits until no process of the daemon is left.
func (m *daemon) gone(limit time.Duration) bool {
	for end := time.Now().Add(limit); ; time.Sleep(glance) {
		if !m.running() {
			if left, err := m.orphans(); err == nil && len(left) == 0 {
				return true
			}
		}
		if time.Now().After(end) {
			return false
		}
	}
}
