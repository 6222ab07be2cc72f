package facts

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Plain runs commands for programs that have no loop of their own: it starts
// the process and waits for that pid alone.
type Plain struct{}

// maxOutput bounds what a command may write, in bytes.
const maxOutput = 1 << 20

var (
	errTimeLimit = errors.New("no end within the time limit")
	errOutput    = errors.New("too much output")
)

// Run implements Runner.
func (Plain) Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error) {
	deadline := time.Now().Add(limit)
	pid, output, err := start(argv)
	if err != nil {
		return nil, 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	stdout, err = readUntil(output, deadline)
	_ = unix.Close(output)
	if err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	status, waited := wait(pid, deadline)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("%s: %w", argv[0], err)
	case waited != nil:
		return nil, 0, fmt.Errorf("%s: %w", argv[0], waited)
	case status.Signaled():
		return nil, 0, fmt.Errorf("%s: killed by signal %d", argv[0], int(status.Signal()))
	}
	return stdout, status.ExitStatus(), nil
}

// start starts the command with its output on a pipe of ours.
func start(argv []string) (pid, output int, err error) {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, -1, err
	}
	defer unix.Close(null)
	read, write, err := pipe()
	if err != nil {
		return 0, -1, err
	}
	defer unix.Close(write)
	pid, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env:   []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C"},
		Files: []uintptr{uintptr(null), uintptr(write), uintptr(null)},
	})
	if err != nil {
		_ = unix.Close(read)
		return 0, -1, err
	}
	return pid, read, nil
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
			return nil, errTimeLimit
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
		case len(out)+n > maxOutput:
			return nil, errOutput
		}
		out = append(out, buffer[:n]...)
	}
}

// wait takes the status of the process. A process that closed its output but
// lives on at the deadline is killed.
func wait(pid int, deadline time.Time) (status syscall.WaitStatus, err error) {
	pause := 100 * time.Microsecond
	killed := false
	for {
		done, e := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		switch {
		case e == syscall.EINTR:
			continue
		case e != nil:
			return status, e
		case done == pid:
			return status, err
		}
		if !killed && time.Now().After(deadline) {
			killed, err = true, errTimeLimit
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(pause)
		pause = min(2*pause, 20*time.Millisecond)
	}
}
