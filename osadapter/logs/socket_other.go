//go:build !linux

package logs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// datagramSocket makes a non-blocking, close-on-exec socket. Not every system
// can do that in one call; the lock keeps a child from being started between.
func datagramSocket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return -1, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
