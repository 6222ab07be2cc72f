// Package command runs short-lived programs, such as getent, under a time
// limit and collects what they print.
//
// It refuses to reap: only its caller knows who in this process takes the
// statuses of children (spec go-traps, G13).
package command

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// MaxOutput bounds what a command may print, in bytes.
const MaxOutput = 1 << 20

// grace is how long a killed command has until it is given up.
const grace = time.Second

// Ways in which a command fails that started.
var (
	ErrTimeLimit = errors.New("no end within the time limit")
	ErrOutput    = errors.New("too much output")
)

// Fork starts the program with the attributes. The status is sent to ended,
// which has room for it, once it is reaped.
type Fork func(argv []string, attributes *syscall.ProcAttr) (pid int, ended <-chan core.ExitStatus, err error)

// Run starts argv[0], an absolute path, with standard input and standard error
// on /dev/null, waits at most limit and then kills it. exit is the exit code;
// err tells that it could not be started, ran out of time, was killed or
// printed more than MaxOutput.
func Run(argv []string, limit time.Duration, fork Fork) (stdout []byte, exit int, err error) {
	deadline := time.Now().Add(limit)
	pid, ended, output, err := start(argv, fork)
	if err != nil {
		return nil, 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	stdout, err = readUntil(output, deadline)
	_ = unix.Close(output)
	status, late := wait(pid, ended, deadline, err != nil)
	if err == nil {
		err = late
	}
	if sig, killed := status.Signaled(); err == nil && killed {
		err = fmt.Errorf("killed by signal %d", sig)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", argv[0], err)
	}
	return stdout, int(status.Code()), nil
}

// start starts the program with its output on a pipe of ours.
func start(argv []string, fork Fork) (pid int, ended <-chan core.ExitStatus, output int, err error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, nil, -1, err
	}
	defer unix.Close(null)
	read, write, err := pipe()
	if err != nil {
		return 0, nil, -1, err
	}
	defer unix.Close(write)
	pid, ended, err = fork(argv, &syscall.ProcAttr{
		Env:   []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C"},
		Files: []uintptr{uintptr(null), uintptr(write), uintptr(null)},
	})
	if err != nil {
		_ = unix.Close(read)
		return 0, nil, -1, err
	}
	return pid, ended, read, nil
}

// pipe makes a pipe that no other child inherits.
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

// wait takes the status of the program, which is killed at once if its output
// is not wanted any more, and otherwise if it lives on at the deadline.
func wait(pid int, ended <-chan core.ExitStatus, deadline time.Time, unwanted bool) (core.ExitStatus, error) {
	if !unwanted {
		late := time.NewTimer(time.Until(deadline))
		defer late.Stop()
		select {
		case status := <-ended:
			return status, nil
		case <-late.C:
		}
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	given := time.NewTimer(grace)
	defer given.Stop()
	select {
	case <-ended:
	case <-given.C:
	}
	return 0, ErrTimeLimit
}
