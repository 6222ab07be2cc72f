package journal

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/osadapter/disk"
	"github.com/stationmaster/stationmaster/osadapter/lock"
)

const (
	fileMode = 0o600 // a configuration may hold what others must not read
	// Never wait for the other end of a FIFO, and never get a terminal.
	openFlags = unix.O_NONBLOCK | unix.O_NOCTTY

	asideSuffix = ".1"   // of the recording before
	newSuffix   = ".new" // of one that is not whole yet
)

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
func openAnew(files disk.Files, path string) (fd int, err error) {
	if err := setAside(files, path); err != nil {
		return -1, err
	}
	return openWriting(files, path)
}

// openWriting opens an empty or missing file of ours for writing.
func openWriting(files disk.Files, path string) (fd int, err error) {
	fd, err = files.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|openFlags, fileMode)
	if err != nil {
		return -1, err
	}
	if err := inspect(files, fd); err != nil {
		_ = files.Close(fd) // nothing was written
		return -1, err
	}
	return fd, nil
}

// inspect refuses what is not a regular file of ours, and shuts others out.
func inspect(files disk.Files, fd int) error {
	status, err := files.Status(fd)
	if err != nil {
		return &callError{"fstat", err}
	}
	switch {
	case !status.Regular:
		return errNotRegular
	case !status.Ours:
		return errStrange
	case status.Mode == fileMode:
		return nil
	}
	if err := files.Chmod(fd, fileMode); err != nil {
		return &callError{"fchmod", err}
	}
	return nil
}

// setAside renames a recording at path, over one that was set aside before.
// Anything else at either name is refused; an empty file is nothing, and so is one with
// no more than a part of the first line, for which a full disk had room.
func setAside(files disk.Files, path string) error {
	found, err := lookAt(files, path)
	if err != nil || found == nothing {
		return err
	}
	if found == firstBytes {
		if err := files.Unlink(path); err != nil {
			return &callError{"unlink", err}
		}
		return nil
	}
	if _, err := lookAt(files, path+asideSuffix); err != nil {
		return err
	}
	if err := files.Rename(path, path+asideSuffix); err != nil {
		return &callError{"rename", err}
	}
	return nil
}

// content is what a file holds.
type content uint8

const (
	nothing    content = iota // or there is no file
	firstBytes                // of a recording, and no more
	recording
)

// lookAt returns what stands at path; an error says that it is none of ours.
func lookAt(files disk.Files, path string) (content, error) {
	fd, err := files.Open(path, unix.O_RDONLY|openFlags, 0)
	if errors.Is(err, unix.ENOENT) {
		return nothing, nil
	}
	if err != nil {
		return nothing, err
	}
	defer func() { _ = files.Close(fd) }() // only read from
	status, err := files.Status(fd)
	if err != nil {
		return nothing, &callError{"fstat", err}
	}
	if !status.Regular {
		return nothing, errNotRegular
	}
	var beginning [len(trace.Mark)]byte
	n, err := files.Read(fd, beginning[:])
	switch {
	case err != nil:
		return nothing, &callError{"read", err}
	case n == 0:
		return nothing, nil
	case trace.IsRecording(beginning[:n]):
		return recording, nil
	case strings.HasPrefix(trace.Mark, string(beginning[:n])):
		return firstBytes, nil
	}
	return nothing, errNotOurs
}

// writeAll appends all of b, or says why not.
func writeAll(files disk.Files, fd int, b []byte) error {
	for len(b) > 0 {
		n, err := files.Write(fd, b)
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

// replace writes the file beside its place, and puts it there when it is whole.
func replace(files disk.Files, path string, content []byte) error {
	beside := path + newSuffix
	if err := files.Unlink(beside); err != nil && err != unix.ENOENT {
		return &callError{"unlink " + beside, err}
	}
	fd, err := openWriting(files, beside)
	if err != nil {
		return err
	}
	err = writeAll(files, fd, content)
	if err == nil {
		if err = files.Sync(fd); err != nil {
			err = &callError{"fsync", err}
		}
	}
	if closed := files.Close(fd); err == nil && closed != nil {
		err = &callError{"close", closed}
	}
	if err != nil {
		_ = files.Unlink(beside) // the error says more
		return err
	}
	if err := files.Rename(beside, path); err != nil {
		return &callError{"rename", err}
	}
	return nil
}
