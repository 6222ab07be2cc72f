package disk

import (
	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// Real are the files of the system.
type Real struct{}

var _ Files = Real{}

// maxInterrupted bounds how often a call is started again after a signal.
const maxInterrupted = 100

// stderrFD is the highest of the standard descriptors.
const stderrFD = 2

// AwayFromStandard moves a descriptor up from 0, 1 and 2, where children would
// find it (Differs: Q30). When there is no room above, it stays.
func AwayFromStandard(fd int) int {
	if fd > stderrFD {
		return fd
	}
	moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, stderrFD+1)
	if err != nil {
		return fd
	}
	_ = unix.Close(fd) // a copy is open
	return moved
}

// Interrupted makes a call again for as long as signals interrupt it, but not for ever.
func Interrupted(call func() (int, error)) (n int, err error) {
	for range maxInterrupted {
		if n, err = call(); err != unix.EINTR {
			return n, err
		}
	}
	return n, err
}

// Open opens a file that others could tamper with.
func (Real) Open(path string, flags int, mode uint32) (int, error) {
	fd, err := lock.SafeOpen(path, flags, mode)
	if err != nil {
		return -1, err
	}
	return AwayFromStandard(fd), nil
}

// Close closes the descriptor, whatever the error says.
func (Real) Close(fd int) error { return unix.Close(fd) }

// Read reads from the file.
func (Real) Read(fd int, p []byte) (int, error) {
	return Interrupted(func() (int, error) { return unix.Read(fd, p) })
}

// Write makes one write.
func (Real) Write(fd int, p []byte) (int, error) {
	return Interrupted(func() (int, error) { return unix.Write(fd, p) })
}

// Sync waits until the file is on the disk.
func (Real) Sync(fd int) error { return unix.Fsync(fd) }

// Status describes the open file.
func (Real) Status(fd int) (Status, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Status{}, err
	}
	return Status{
		Regular: st.Mode&unix.S_IFMT == unix.S_IFREG,
		Mode:    uint32(st.Mode) & 0o7777,
		UID:     st.Uid,
		Links:   uint64(st.Nlink),
		Ours:    st.Uid == 0 || int(st.Uid) == unix.Geteuid(),
	}, nil
}

// Chmod sets the mode of the open file.
func (Real) Chmod(fd int, mode uint32) error { return unix.Fchmod(fd, mode) }

// Exists asks lstat.
func (Real) Exists(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil
}

// MayCreate asks access.
func (Real) MayCreate(directory string) error { return unix.Access(directory, unix.W_OK|unix.X_OK) }

// Rename renames a file.
func (Real) Rename(from, to string) error { return unix.Rename(from, to) }

// Unlink removes a name.
func (Real) Unlink(path string) error { return unix.Unlink(path) }

// Writable asks poll, without waiting.
func (Real) Writable(fd int) bool { return Writable(fd, 0) }

// Writable reports whether the descriptor takes something within so many milliseconds.
func Writable(fd, milliseconds int) bool {
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(ready, milliseconds)
	return err == nil && n == 1 && ready[0].Revents&unix.POLLOUT != 0
}
