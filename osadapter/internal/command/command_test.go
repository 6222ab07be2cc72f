//go:build unix

package command

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core"
)

// sleeper starts a program that does not end by itself.
func sleeper(t *testing.T) *Running {
	t.Helper()
	r, err := Begin(&Program{Argv: []string{"/bin/sleep", "60"}, Files: []uintptr{0, 1, 2}}, &sync.Mutex{}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(r.pid(), syscall.SIGKILL)
		_, _ = syscall.Wait4(r.pid(), nil, 0, nil)
	})
	return r
}

// Once the status has been taken, the ID can be that of another process: here, of
// one that must live.
func TestWhoIsReapedIsNotKilled(t *testing.T) {
	r := sleeper(t)
	r.lock.Lock()
	r.Reaped(core.ExitedWith(0))
	r.lock.Unlock()
	r.kill()
	var status syscall.WaitStatus
	for range 20 { // a signal takes a moment
		if pid, err := syscall.Wait4(r.pid(), &status, syscall.WNOHANG, nil); pid != 0 || err != nil {
			t.Fatalf("killed: %v, %v", status, err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhoIsNotReapedIsKilled(t *testing.T) {
	r := sleeper(t)
	r.kill()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(r.pid(), &status, 0, nil); err != nil || status.Signal() != syscall.SIGKILL {
		t.Errorf("%v, %v", status, err)
	}
}
