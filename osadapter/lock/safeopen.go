// Package lock opens files that others could tamper with, and holds the locks that
// keep a second master out (spec runtime, 4).
//
// It acts with the identity of the calling thread, chooses no path, and removes no
// lock file: a lock ends with the process that holds it.
package lock

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxOpenTries bounds how often an open starts again because the file appeared or
// disappeared between two system calls.
const maxOpenTries = 3

// errorWithText is an error number and what was tried; its text uses the C
// library's words.
type errorWithText struct {
	doing string
	err   error
}

func (e *errorWithText) Error() string { return e.doing + ": " + ErrorText(e.err) }
func (e *errorWithText) Unwrap() error { return e.err }

// Reasons without an error number.
var (
	errDirectory = errors.New("file is a directory")
	errChanged   = errors.New("file status changed unexpectedly")
	errSymlink   = errors.New("file is a symbolic link")
)

// SafeOpen opens path with flags (close-on-exec is added) and returns the
// descriptor. With O_CREAT in flags, a missing file is created exclusively with
// mode; an existing one is opened without O_CREAT. O_EXCL and O_TRUNC in flags are
// refused: SafeOpen uses the first itself, and the second would damage a file
// before it is checked.
//
// The file must have exactly one link, must not be a directory, and must be reached
// without a symbolic link in the last component; a link is followed only if root
// owns it, in a directory that only root can write.
//
// The error's text is the original's reason, for example "cannot open file:
// Permission denied"; it wraps the error number, if there is one.
func SafeOpen(path string, flags int, mode uint32) (fd int, err error) {
	if flags&(unix.O_EXCL|unix.O_TRUNC) != 0 {
		return -1, &errorWithText{"cannot open file", unix.EINVAL}
	}
	create := flags&unix.O_CREAT != 0
	flags = flags&^unix.O_CREAT | unix.O_CLOEXEC
	fd, err = retryOpen(path, flags, 0)
	for try := 1; create && errors.Is(err, unix.ENOENT) && try <= maxOpenTries; try++ {
		fd, err = retryOpen(path, flags|unix.O_CREAT|unix.O_EXCL, mode)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EEXIST) {
			return -1, &errorWithText{"cannot create file exclusively", err}
		}
		// Another process created it, or it is a dangling symbolic link.
		fd, err = retryOpen(path, flags, 0)
	}
	if err != nil {
		return -1, &errorWithText{"cannot open file", err}
	}
	if err := inspect(path, fd); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// retryOpen calls open(2), again after a signal.
func retryOpen(path string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Open(path, flags, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// inspect refuses a file that is not certainly the one that its name means.
func inspect(path string, fd int) error {
	var opened, named unix.Stat_t
	if err := unix.Fstat(fd, &opened); err != nil {
		return &errorWithText{"cannot get file status", err}
	}
	if opened.Mode&unix.S_IFMT == unix.S_IFDIR {
		return errDirectory // first: it has two links or more, which would be misleading
	}
	if opened.Nlink != 1 {
		return errors.New("file has " + strconv.FormatUint(uint64(opened.Nlink), 10) + " hard links")
	}
	if err := unix.Lstat(path, &named); err != nil {
		return fmt.Errorf("%w: %s", errChanged, ErrorText(err))
	}
	if named.Mode&unix.S_IFMT == unix.S_IFLNK {
		if named.Uid != 0 || !rootOnly(directoryOf(path)) {
			return errSymlink
		}
		if err := unix.Stat(path, &named); err != nil {
			return fmt.Errorf("%w: %s", errChanged, ErrorText(err))
		}
	}
	if opened.Dev != named.Dev || opened.Ino != named.Ino || opened.Nlink != named.Nlink || opened.Mode != named.Mode {
		return errChanged
	}
	return nil
}

// rootOnly reports whether only root can change the names in dir.
func rootOnly(dir string) bool {
	var st unix.Stat_t
	return unix.Stat(dir, &st) == nil && st.Uid == 0 && st.Mode&(unix.S_IWGRP|unix.S_IWOTH) == 0
}

// directoryOf returns the directory of path's last component.
func directoryOf(path string) string {
	path = strings.TrimRight(path, "/")
	at := strings.LastIndexByte(path, '/')
	switch {
	case at < 0:
		return "."
	case at == 0:
		return "/"
	}
	return path[:at]
}
