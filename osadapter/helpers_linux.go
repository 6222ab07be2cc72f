package osadapter

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// Helpers runs short-lived programs of our own, such as getent, beside the
// loop. The loop reaps every process there is, so their statuses come to us
// through it (spec go-traps, G13).
type Helpers struct {
	mu      sync.Mutex
	waiting map[core.PID]chan core.ExitStatus
}

// NewHelpers gives an empty set.
func NewHelpers() *Helpers { return &Helpers{waiting: map[core.PID]chan core.ExitStatus{}} }

// helperOutput bounds what a helper may print.
const helperOutput = 1 << 20

// Run implements facts.Runner. It must not be called on the loop's goroutine.
func (h *Helpers) Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error) {
	deadline := time.Now().Add(limit)
	output, status, pid, err := h.start(argv)
	if err != nil {
		return nil, 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	defer unix.Close(output)
	stdout, err = readAll(output, deadline)
	if err != nil {
		_ = unix.Kill(int(pid), unix.SIGKILL)
	}
	select {
	case s := <-status:
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", argv[0], err)
		}
		if _, killed := s.Signaled(); killed {
			return nil, 0, fmt.Errorf("%s: %s", argv[0], s)
		}
		return stdout, int(s.Code()), nil
	case <-time.After(time.Until(deadline) + time.Second):
		_ = unix.Kill(int(pid), unix.SIGKILL)
		return nil, 0, fmt.Errorf("%s: %w", argv[0], errHelperTime)
	}
}

var (
	errHelperTime   = errors.New("no end within the time limit")
	errHelperOutput = errors.New("too much output")
)

// start forks under the lock, so that the loop cannot meet the status before
// we know the number.
func (h *Helpers) start(argv []string) (output int, status <-chan core.ExitStatus, pid core.PID, err error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, nil, 0, err
	}
	defer unix.Close(null)
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, 0, err
	}
	defer unix.Close(ends[1])
	h.mu.Lock()
	defer h.mu.Unlock()
	n, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env:   []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C"},
		Files: []uintptr{uintptr(null), uintptr(ends[1]), uintptr(null)},
	})
	if err != nil {
		unix.Close(ends[0])
		return 0, nil, 0, err
	}
	c := make(chan core.ExitStatus, 1)
	h.waiting[core.PID(n)] = c
	return ends[0], c, core.PID(n), nil
}

// claim takes the status of a process if it is one of ours.
func (h *Helpers) claim(pid core.PID, s core.ExitStatus) bool {
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.waiting[pid]
	if ok {
		delete(h.waiting, pid)
		c <- s
	}
	return ok
}

func readAll(fd int, deadline time.Time) ([]byte, error) {
	var out []byte
	buffer := make([]byte, 4096)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return nil, errHelperTime
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
		if err == unix.EINTR || err == nil && n == 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		n, err = unix.Read(fd, buffer)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case n == 0:
			return out, nil
		case len(out)+n > helperOutput:
			return nil, errHelperOutput
		}
		out = append(out, buffer[:n]...)
	}
}
