package boot

import (
	"errors"

	"golang.org/x/sys/unix"
)

const (
	nullPath      = "/dev/null"
	firstOwnFD    = 3 // the first descriptor that is not standard
	stdoutFD      = 1
	maxRestarts   = 100 // of a call that signals interrupt
	standardCount = 3
)

// OpenStandard opens /dev/null on each of the descriptors 0, 1 and 2 that is
// closed, so that no other file ever gets these numbers (Differs: Q30). The error
// reads "open /dev/null: STRERROR".
func OpenStandard() error {
	for fd := 0; fd < standardCount; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			continue
		}
		null, err := openNull(0)
		if err != nil {
			return err
		}
		if null == fd {
			continue
		}
		err = unix.Dup2(null, fd)
		_ = unix.Close(null)
		if err != nil {
			return &failure{"open " + nullPath, err}
		}
	}
	return nil
}

// DetachStandard makes descriptors 0, 1 and 2 /dev/null, open for reading and
// writing; keepStdout leaves 1 as it is (options -s and -i). With -d it is not
// called at all. The error reads "open /dev/null: STRERROR".
func DetachStandard(keepStdout bool) error {
	null, err := openNull(unix.O_CLOEXEC)
	if err != nil {
		return err
	}
	for fd := 0; fd < standardCount; fd++ {
		if fd == stdoutFD && keepStdout {
			continue
		}
		if fd == null {
			return &failure{"open " + nullPath, unix.EBADF} // OpenStandard was not called
		}
		if err := unix.Dup2(null, fd); err != nil {
			_ = unix.Close(null)
			return &failure{"open " + nullPath, err}
		}
	}
	return unix.Close(null)
}

func openNull(flags int) (int, error) {
	for i := 0; i < maxRestarts; i++ {
		fd, err := unix.Open(nullPath, unix.O_RDWR|flags, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return -1, &failure{"open " + nullPath, err}
		}
		return fd, nil
	}
	return -1, &failure{"open " + nullPath, unix.EINTR}
}
