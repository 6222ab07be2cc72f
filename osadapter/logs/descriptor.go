package logs

import (
	"golang.org/x/sys/unix"
)

const stderrFD = 2

// maxInterrupted bounds how often a call is started again after a signal.
const maxInterrupted = 100

// dial connects a socket of a kind like SOCK_DGRAM to path. It does not block
// now or later, is close-on-exec, and is never 0, 1 or 2 (Differs: Q30).
// Without one the descriptor is -1.
func dial(path string, kind int) (int, error) {
	fd, err := newSocket(kind)
	if err != nil {
		return -1, err
	}
	fd = awayFromStandard(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		closeDescriptor(fd)
		return -1, err
	}
	return fd, nil
}

// awayFromStandard moves a descriptor up from 0, 1 and 2, where children would
// find it. When there is no room above, it stays.
func awayFromStandard(fd int) int {
	if fd > stderrFD {
		return fd
	}
	moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, stderrFD+1)
	if err != nil {
		return fd
	}
	closeDescriptor(fd)
	return moved
}

// copyOfStderr gives a private copy of descriptor 2, or -1 if it is closed or
// /dev/null.
func copyOfStderr() int {
	var st, null unix.Stat_t
	if unix.Fstat(stderrFD, &st) != nil {
		return -1
	}
	if unix.Stat("/dev/null", &null) == nil &&
		st.Mode&unix.S_IFMT == unix.S_IFCHR && null.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == null.Rdev {
		return -1
	}
	fd, err := unix.FcntlInt(stderrFD, unix.F_DUPFD_CLOEXEC, stderrFD+1)
	if err != nil {
		return -1
	}
	return fd
}

// writeDatagram sends one datagram over a connected, non-blocking socket.
func writeDatagram(fd int, datagram []byte) error {
	for i := 0; i < maxInterrupted; i++ {
		if _, err := unix.Write(fd, datagram); err != unix.EINTR {
			return err
		}
	}
	return unix.EINTR
}

// writeAll writes text with one call that a signal may start again.
func writeAll(fd int, text string) (int, error) {
	for i := 0; i < maxInterrupted; i++ {
		if n, err := unix.Write(fd, []byte(text)); err != unix.EINTR {
			return n, err
		}
	}
	return 0, unix.EINTR
}

// writeIfReady writes a short text to a descriptor that is not ours to make
// non-blocking, unless nobody takes it now. A pipe that is ready takes at least
// one page at once; no line is that long. The error says why it was not taken.
func writeIfReady(fd int, text string) error {
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(ready, 0); err != nil || n != 1 || ready[0].Revents&unix.POLLOUT == 0 {
		return unix.EAGAIN
	}
	_, err := writeAll(fd, text)
	return err
}

// appendOnly has what is written to a plain file go to its end. Without that, a
// process whose standard output a shell opened with ">" would write over the lines
// of postlogd, which opens the file anew. All processes that inherited the
// descriptor write at the end then, which is what each of them wants.
func appendOnly(fd int) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil {
		// It can only fail for a file that may never be written elsewhere.
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_APPEND)
	}
}

func closeDescriptor(fd int) {
	// Nothing was buffered: there is nothing to learn from an error.
	_ = unix.Close(fd)
}
