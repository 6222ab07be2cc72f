package logs

import "golang.org/x/sys/unix"

// newSocket makes a non-blocking, close-on-exec socket of a kind like
// SOCK_DGRAM.
func newSocket(kind int) (int, error) {
	return unix.Socket(unix.AF_UNIX, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}
