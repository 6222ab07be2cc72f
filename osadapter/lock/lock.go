package lock

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// recordSize is the length of a record: the process ID right-aligned in 32
	// columns and a line feed.
	recordSize = 33
	fileMode   = 0o600
)

// Lock is a lock that this process holds. It must not be used by two goroutines at
// once.
type Lock struct {
	fd   int
	path string
}

// HeldError says that another process holds the lock. Its text is the original's
// complete line: "open lock file PATH: unable to set exclusive lock: Resource
// temporarily unavailable".
type HeldError struct {
	Path   string
	Holder int // the process ID in the file; 0 if it has none
	err    error
}

func (e *HeldError) Error() string {
	return "open lock file " + e.Path + ": unable to set exclusive lock: " + ErrorText(e.err)
}

// Unwrap returns the error number.
func (e *HeldError) Unwrap() error { return e.err }

// Acquire opens or creates the lock file path with mode 0600, locks it without
// waiting, and keeps it open, close-on-exec (spec go-traps, G12), until the process
// ends or Close is called. It does not change the file's content; see Record. The
// error is a *HeldError if another process has the lock; other errors read "open
// lock file PATH: REASON".
func Acquire(path string) (*Lock, error) {
	fd, err := SafeOpen(path, unix.O_RDWR|unix.O_CREAT, fileMode)
	if err != nil {
		return nil, fmt.Errorf("open lock file %s: %w", path, err)
	}
	if err := exclusive(path, fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Lock{fd: fd, path: path}, nil
}

// Test reports whether a living process holds the lock path, and changes nothing
// (option -t). A file that does not exist, or whose directory does not exist, is
// not held. An error means that this cannot be determined; it reads "open lock file
// PATH: REASON".
func Test(path string) (held bool, err error) {
	fd, err := SafeOpen(path, unix.O_RDWR, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open lock file %s: %w", path, err)
	}
	defer unix.Close(fd)
	err = exclusive(path, fd)
	var busy *HeldError
	if errors.As(err, &busy) {
		return true, nil
	}
	return false, err
}

// exclusive locks an open lock file, or returns an error that names the holder.
func exclusive(path string, fd int) error {
	err := flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return &HeldError{Path: path, Holder: holder(fd), err: err}
	}
	return fmt.Errorf("open lock file %s: %w", path, &errorWithText{"unable to set exclusive lock", err})
}

// holder reads the process ID from a lock file, 0 if there is none.
func holder(fd int) int {
	var record [recordSize]byte
	n, err := unix.Pread(fd, record[:], 0)
	if err != nil || n <= 0 {
		return 0
	}
	pid, err := strconv.ParseInt(strings.Trim(string(record[:n]), " \n"), 10, 32)
	if err != nil || pid <= 0 {
		return 0
	}
	return int(pid)
}

// Record writes the process ID to the start of the file, without truncating the
// file first. The error reads "cannot update lock file PATH: STRERROR".
func (l *Lock) Record(pid int) error {
	record := fmt.Appendf(nil, "%*d\n", recordSize-1, pid)
	n, err := unix.Pwrite(l.fd, record, 0)
	if err == unix.ESPIPE {
		n, err = unix.Write(l.fd, record) // a FIFO can be locked like a file
	}
	if err == nil && n != len(record) {
		err = unix.ENOSPC
	}
	if err != nil {
		return &errorWithText{"cannot update lock file " + l.path, err}
	}
	return nil
}

// Close releases the lock. The file stays.
func (l *Lock) Close() error { return unix.Close(l.fd) }

// flock calls flock(2), again after a signal.
func flock(fd, how int) error {
	for {
		err := unix.Flock(fd, how)
		if err != unix.EINTR {
			return err
		}
	}
}
