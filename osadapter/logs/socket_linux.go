package logs

import "golang.org/x/sys/unix"

// datagramSocket makes a non-blocking, close-on-exec socket.
func datagramSocket() (int, error) {
	return unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}
