// Package command runs short-lived programs, such as getent, under a time limit and
// collects their output.
//
// It does not reap: only its caller knows what in this process takes the statuses
// of children (spec go-traps, G13).
package command

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// MaxOutput bounds what a command may print, in bytes.
const MaxOutput = 1 << 20

// grace is how long a killed command may take to end.
const grace = time.Second

// Ways in which a started command fails.
var (
	ErrTimeLimit   = errors.New("not finished within the time limit")
	ErrNotExecuted = errors.New("not executed within the time limit, its file system does not respond")
	ErrOutput      = errors.New("too much output")
)

// Program describes a program to run.
type Program struct {
	Argv  []string // Argv[0] is an absolute path
	Env   []string
	Files []uintptr // Files[n] becomes descriptor n
}

// Running is a program that was started.
type Running struct {
	process
	lock   sync.Locker
	look   func()
	reaped bool // guarded by lock
	ended  chan core.ExitStatus
}

// Begin starts a program; its exec may happen later. The code that takes the status
// of its process holds the lock meanwhile and calls Reaped. Until then look is
// called repeatedly, without the lock, to take it.
func Begin(p *Program, lock sync.Locker, look func()) (*Running, error) {
	begun, err := begin(p)
	if err != nil {
		return nil, err
	}
	return &Running{process: begun, lock: lock, look: look, ended: make(chan core.ExitStatus, 1)}, nil
}

// Reaped delivers the status of the process, whose ID may be reused from now on.
// The caller has held the lock since before it took the status.
func (r *Running) Reaped(s core.ExitStatus) {
	r.reaped = true
	r.ended <- s
}

// isReaped reports whether the status has been taken.
func (r *Running) isReaped() bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.reaped
}

// kill kills the process, unless its ID may have been reused.
func (r *Running) kill() {
	r.lock.Lock()
	defer r.lock.Unlock()
	if !r.reaped {
		_ = unix.Kill(r.pid(), unix.SIGKILL)
	}
}

// Run starts argv[0], an absolute path, with standard input and standard error on
// /dev/null, waits for at most limit and then kills it. exit is the exit code; err
// says that it could not be started, ran out of time, was killed or printed more
// than MaxOutput.
func Run(argv []string, limit time.Duration, begin func(*Program) (*Running, error)) (stdout []byte, exit int, err error) {
	deadline := time.Now().Add(limit)
	r, output, err := start(argv, begin)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot start %s, %w", argv[0], err)
	}
	defer unix.Close(output)
	if err := r.awaitExec(deadline); err != nil {
		_, _ = r.wait(deadline, true)
		return nil, 0, fmt.Errorf("cannot start %s, %w", argv[0], err)
	}
	stdout, err = readUntil(output, deadline)
	status, late := r.wait(deadline, err != nil)
	if err == nil {
		err = late
	}
	if sig, killed := status.Signaled(); err == nil && killed {
		err = fmt.Errorf("killed by signal %d", sig)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s, %w", argv[0], err)
	}
	return stdout, int(status.Code()), nil
}

// start starts the program with its output on a pipe of ours.
func start(argv []string, begin func(*Program) (*Running, error)) (r *Running, output int, err error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, -1, err
	}
	defer unix.Close(null)
	read, write, err := pipe()
	if err != nil {
		return nil, -1, err
	}
	defer unix.Close(write)
	r, err = begin(&Program{
		Argv:  argv,
		Env:   []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C"},
		Files: []uintptr{uintptr(null), uintptr(write), uintptr(null)},
	})
	if err != nil {
		_ = unix.Close(read)
		return nil, -1, err
	}
	return r, read, nil
}

// pipe creates a pipe that no other child inherits.
func pipe() (read, write int, err error) {
	var ends [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(ends[:]); err != nil {
		return -1, -1, err
	}
	unix.CloseOnExec(ends[0])
	unix.CloseOnExec(ends[1])
	return ends[0], ends[1], nil
}

// readUntil reads to the end of the output, at most until the deadline.
func readUntil(fd int, deadline time.Time) ([]byte, error) {
	var out []byte
	buffer := make([]byte, 4096)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return nil, ErrTimeLimit
		}
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, int(left/time.Millisecond)+1)
		switch {
		case err == unix.EINTR || err == nil && n == 0:
			continue
		case err != nil:
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
		case len(out)+n > MaxOutput:
			return nil, ErrOutput
		}
		out = append(out, buffer[:n]...)
	}
}

// awaitExec waits for the exec of the program, at most until the deadline.
func (r *Running) awaitExec(deadline time.Time) error {
	for {
		reaped := r.isReaped()
		left := time.Until(deadline)
		over, err := r.executed(min(left, longestPause))
		switch {
		case over || reaped: // its status says the rest
			return err
		case left <= 0:
			return ErrNotExecuted
		}
	}
}

// The pauses between two checks for the end of the process, which grow.
const (
	firstPause   = 100 * time.Microsecond
	longestPause = 20 * time.Millisecond
)

// wait takes the status of the program. It kills the program at once if its output
// is not wanted any more, otherwise at the deadline.
func (r *Running) wait(deadline time.Time, unwanted bool) (core.ExitStatus, error) {
	if !unwanted {
		if status, ok := r.status(deadline); ok {
			return status, nil
		}
	}
	r.kill()
	r.status(time.Now().Add(grace))
	return 0, ErrTimeLimit
}

// status waits for the status, at most until the deadline.
func (r *Running) status(deadline time.Time) (s core.ExitStatus, ok bool) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if !r.isReaped() { // look must not deliver a second status
			r.look()
		}
		timer := time.NewTimer(min(pause, time.Until(deadline)))
		select {
		case s := <-r.ended:
			timer.Stop()
			return s, true
		case <-timer.C:
		}
		if !time.Now().Before(deadline) {
			return 0, false
		}
	}
}
