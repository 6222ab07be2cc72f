package boot

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// startVariable is set for a copy of this program that we start ourselves: to "clean",
// or to "ready=N" with N the ready descriptor. Enter removes it, so that no child ever
// sees it.
const (
	startVariable = "STATIONMASTER_START"
	startClean    = "clean"
	startReady    = "ready="
	readyFD       = 3 // the ready descriptor of the started process
)

// How often Announce tries to write to the parent, and the pause in between.
const (
	readyTries = 10
	readyPause = 100 * time.Millisecond
)

// ReadyLimit is how long the parent of a daemon waits for it (option -w).
const ReadyLimit = 100 * time.Second

// ErrNotReady says that the daemon ended before it was up.
var ErrNotReady = errors.New("daemon initialization failure -- see logs for details")

// Start says how this process was started.
type Start struct {
	// Clean says that we started ourselves: signal mask, environment and
	// descriptors are as they should be.
	Clean bool
	// Ready is set in the process that Detach started.
	Ready *Ready
}

// Ready is a daemon's end of the pipe on which its parent waits.
type Ready struct {
	fd int
}

// Enter reads and removes the private variable of a process that we started
// ourselves, and makes its ready descriptor close-on-exec. A value that we would
// not have written is ignored.
func Enter() Start {
	value, present := syscall.Getenv(startVariable)
	if !present {
		return Start{}
	}
	_ = syscall.Unsetenv(startVariable) // fails only for impossible names
	if value == startClean {
		nameProcess()
		return Start{Clean: true}
	}
	digits, ok := strings.CutPrefix(value, startReady)
	fd, err := strconv.Atoi(digits)
	if !ok || err != nil || fd < firstOwnFD || !isPipe(fd) {
		return Start{}
	}
	unix.CloseOnExec(fd)
	nameProcess()
	return Start{Clean: true, Ready: &Ready{fd: fd}}
}

// isPipe reports whether fd can be a ready descriptor.
func isPipe(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// Announce tells the parent that the daemon is up. A parent that is gone does not
// matter. On nil, and the second time, it does nothing.
func (r *Ready) Announce() {
	if r == nil || r.fd < 0 {
		return
	}
	for range readyTries {
		if _, err := unix.Write(r.fd, []byte{0}); err == nil || err == unix.EPIPE {
			break
		}
		Pause(readyPause) // a parent that reads nothing assumes that we have failed
	}
	_ = unix.Close(r.fd)
	r.fd = -1
}

// Waiter is the parent's end of a start with -w.
type Waiter struct {
	pid int
	fd  int
}

// PID returns the process ID of the started process.
func (w *Waiter) PID() int { return w.pid }

// Detach starts this program again with argv and environ, without what influences
// the Go runtime, with no signal blocked, a ready descriptor and a large descriptor
// table (spec go-traps, G2, G5, G15 and G23). argv[0] stays as it is (G11). The
// caller must be locked to its thread and may only Wait after this.
func Detach(argv, environ []string) (*Waiter, error) {
	program, err := programPath()
	if err != nil {
		return nil, err
	}
	var ends [2]int
	if err := closeOnExecPipe(&ends); err != nil {
		return nil, &failure{"pipe", err}
	}
	environ = SetVariable(withoutSteering(environ), startVariable, startReady+strconv.Itoa(readyFD))
	pid, err := forkUnmasked(program, argv, environ, ends[1])
	_ = unix.Close(ends[1])
	if err != nil {
		_ = unix.Close(ends[0])
		return nil, &failure{"start " + program, err}
	}
	return &Waiter{pid: pid, fd: ends[0]}, nil
}

// WaitError says that waiting failed or took too long; the daemon was killed. Its
// text is the original's warning: "STRERROR while waiting for daemon
// initialization". Report ErrNotReady after it.
type WaitError struct{ err error }

func (e *WaitError) Error() string {
	return lock.ErrorText(e.err) + " while waiting for daemon initialization"
}

// Unwrap returns the error number.
func (e *WaitError) Unwrap() error { return e.err }

// Wait waits up to limit for the daemon to come up. The error is ErrNotReady if it
// ended instead, or a *WaitError, after which it is dead.
func (w *Waiter) Wait(limit time.Duration) error {
	defer unix.Close(w.fd)
	ready, err := w.awaitByte(time.Now().Add(limit))
	if err != nil {
		// A daemon that is late must not come up after this.
		_ = unix.Kill(w.pid, unix.SIGKILL)
		_, _ = syscall.Wait4(w.pid, nil, 0, nil)
		return &WaitError{err}
	}
	if !ready {
		return ErrNotReady
	}
	return nil
}

// awaitByte returns true for a byte and false for end-of-file.
func (w *Waiter) awaitByte(deadline time.Time) (bool, error) {
	poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return false, unix.ETIMEDOUT
		}
		n, err := unix.Poll(poll, int(left/time.Millisecond)+1)
		if err == unix.EINTR || (err == nil && n == 0) {
			continue
		}
		if err != nil {
			return false, err
		}
		var b [1]byte
		n, err = unix.Read(w.fd, b[:])
		if err == unix.EINTR {
			continue
		}
		return n == 1, err
	}
}

// CleanImage executes this program again in place: same process, same arguments.
// The new image has what only a fresh one can have: an empty signal mask (a mask
// that a careless parent left would reach every child, because the runtime restores
// it there; spec go-traps, G2), an environment that does not influence the runtime
// (G23), and a large descriptor table before there are threads (G15). It returns
// only if it fails, and then nothing has changed: the process can continue with
// NeutralizeRuntime alone.
func CleanImage(argv, environ []string) error {
	program, err := programPath()
	if err != nil {
		return err
	}
	environ = SetVariable(withoutSteering(environ), startVariable, startClean)
	release := reserveTable()
	defer release()
	return executeUnmasked(program, argv, environ)
}
