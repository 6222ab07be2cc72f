package journal

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/osadapter/lock"
)

const (
	fileMode = 0o600 // a configuration may hold what others must not read
	// Never wait for the other end of a FIFO, and never get a terminal.
	openFlags = unix.O_NONBLOCK | unix.O_NOCTTY

	asideSuffix = ".1"   // of the recording before
	newSuffix   = ".new" // of one that is not whole yet
)

// maxInterrupted bounds how often a call is started again after a signal.
const maxInterrupted = 100

var (
	errNotRegular = errors.New("not a regular file")
	errStrange    = errors.New("owned by somebody else")
	errNotOurs    = errors.New("something that is no recording stands there, and was left alone; remove it or choose another name")
)

// callError is a system call that failed, with the C library's words.
type callError struct {
	call string
	err  error
}

func (e *callError) Error() string { return e.call + ": " + lock.ErrorText(e.err) }
func (e *callError) Unwrap() error { return e.err }

// openAnew makes the file anew; a recording that is there is set aside.
func openAnew(path string) (fd int, err error) {
	if err := setAside(path); err != nil {
		return -1, err
	}
	return openWriting(path)
}

// openWriting opens an empty or missing file of ours for writing.
func openWriting(path string) (fd int, err error) {
	fd, err = lock.SafeOpen(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|openFlags, fileMode)
	if err != nil {
		return -1, err
	}
	if err := inspect(fd); err != nil {
		_ = unix.Close(fd) // nothing was written
		return -1, err
	}
	return fd, nil
}

// inspect refuses what is not a regular file of ours, and shuts others out.
func inspect(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &callError{"fstat", err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return errNotRegular
	case st.Uid != 0 && int(st.Uid) != unix.Geteuid():
		return errStrange
	case st.Mode&0o7777 == fileMode:
		return nil
	}
	if err := unix.Fchmod(fd, fileMode); err != nil {
		return &callError{"fchmod", err}
	}
	return nil
}

// setAside renames a recording at path, over one that was set aside before.
// Anything else at either name is refused; an empty file is nothing.
func setAside(path string) error {
	there, err := recordingAt(path)
	if err != nil || !there {
		return err
	}
	if _, err := recordingAt(path + asideSuffix); err != nil {
		return err
	}
	if err := unix.Rename(path, path+asideSuffix); err != nil {
		return &callError{"rename", err}
	}
	return nil
}

// recordingAt tells whether a recording that is not empty stands at path.
func recordingAt(path string) (there bool, err error) {
	fd, err := lock.SafeOpen(path, unix.O_RDONLY|openFlags, 0)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(fd) // only read from
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, &callError{"fstat", err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false, errNotRegular
	}
	var beginning [len(trace.Mark)]byte
	n, err := interrupted(func() (int, error) { return unix.Read(fd, beginning[:]) })
	switch {
	case err != nil:
		return false, &callError{"read", err}
	case n == 0:
		return false, nil
	case !trace.IsRecording(beginning[:n]):
		return false, errNotOurs
	}
	return true, nil
}

// writeAll appends all of b, or says why not.
func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := interrupted(func() (int, error) { return unix.Write(fd, b) })
		if err == nil && n <= 0 {
			err = unix.EIO // no system does that; it must not spin
		}
		if err != nil {
			return &callError{"write", err}
		}
		b = b[n:]
	}
	return nil
}

func interrupted(call func() (int, error)) (n int, err error) {
	for range maxInterrupted {
		if n, err = call(); err != unix.EINTR {
			return n, err
		}
	}
	return n, err
}

// replace writes the file beside its place, and puts it there when it is whole.
func replace(path string, content []byte) error {
	beside := path + newSuffix
	if err := unix.Unlink(beside); err != nil && err != unix.ENOENT {
		return &callError{"unlink " + beside, err}
	}
	fd, err := openWriting(beside)
	if err != nil {
		return err
	}
	err = writeAll(fd, content)
	if err == nil {
		if err = unix.Fsync(fd); err != nil {
			err = &callError{"fsync", err}
		}
	}
	if closed := unix.Close(fd); err == nil && closed != nil {
		err = &callError{"close", closed}
	}
	if err != nil {
		_ = unix.Unlink(beside) // the error says more
		return err
	}
	if err := unix.Rename(beside, path); err != nil {
		return &callError{"rename", err}
	}
	return nil
}
