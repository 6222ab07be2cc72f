//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
)

// guardVariable is set for the copy of the test program that is the guard.
const guardVariable = "E2E_GUARD"

// sentry is our end of the guard: a process in a session of its own that outlives
// the test, however it ends, and then cleans up what was left.
type sentry struct {
	mu    sync.Mutex
	pipe  io.WriteCloser
	ended func() error
}

var theGuard sentry

// protect has the path cleaned up if the test process ends without having done so
// itself, by a signal or at the test's time limit.
func (g *sentry) protect(t *testing.T, path string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pipe == nil {
		if err := g.start(); err != nil {
			t.Fatalf("start the guard: %v", err)
		}
	}
	fmt.Fprintf(g.pipe, "+%s\n", path)
}

// release says that the path has been cleaned up.
func (g *sentry) release(path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fmt.Fprintf(g.pipe, "-%s\n", path)
}

func (g *sentry) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), guardVariable+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if g.pipe, err = cmd.StdinPipe(); err != nil {
		return err
	}
	g.ended = cmd.Wait
	return cmd.Start()
}

// dismiss ends the guard at the end of the tests.
func (g *sentry) dismiss() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pipe != nil {
		g.pipe.Close()
		_ = g.ended()
	}
}

// guard is the guard itself: it reads which paths to protect until the test process
// has ended, and cleans up those that were not released.
func guard() {
	left := map[string]bool{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case len(line) < 2:
		case line[0] == '+':
			left[line[1:]] = true
		case line[0] == '-':
			delete(left, line[1:])
		}
	}
	for path := range left {
		_ = killInside(path)
		if ours(path) || path == syslogPath {
			_ = os.RemoveAll(path)
		}
	}
}
