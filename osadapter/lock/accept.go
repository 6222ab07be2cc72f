package lock

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Accept is the lock that lets one idle server process of a service at a time wait
// for clients (spec child, 6). It belongs to the open file: copies of the
// descriptor share it.
type Accept struct {
	fd int
}

// OpenAccept opens or creates the lock file path ("pid/TRANSPORT.SERVICE" in the
// queue directory) with mode 0600 by the rules of SafeOpen, close-on-exec. The
// error reads "open lock file PATH: REASON".
func OpenAccept(path string) (*Accept, error) {
	fd, err := SafeOpen(path, unix.O_RDWR|unix.O_CREAT, fileMode)
	if err != nil {
		return nil, fmt.Errorf("open lock file %s: %w", path, err)
	}
	return &Accept{fd: fd}, nil
}

// Lock waits, without limit, until this process has the lock. The error reads
// "select lock: STRERROR".
func (a *Accept) Lock() error {
	if err := flock(a.fd, unix.LOCK_EX); err != nil {
		return &errorWithText{"select lock", err}
	}
	return nil
}

// Unlock releases the lock to the next process. The error reads "select unlock:
// STRERROR".
func (a *Accept) Unlock() error {
	if err := flock(a.fd, unix.LOCK_UN); err != nil {
		return &errorWithText{"select unlock", err}
	}
	return nil
}

// Close releases the lock and closes the file.
func (a *Accept) Close() error { return unix.Close(a.fd) }
