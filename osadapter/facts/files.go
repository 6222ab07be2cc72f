package facts

import (
	"errors"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// Limits on reading.
const (
	maxFileSize  = 64 << 20 // bytes of a configuration file or a table of names
	maxReadTries = 4        // if a file changes while it is read
)

// errTooLarge is the system's error for a file beyond a limit.
const errTooLarge = syscall.EFBIG

// errNoFile is the error for a file without an end, or with one that we cannot wait
// for. Differs: the original waits forever for the writer of a FIFO.
var errNoFile = errors.New("not a regular file")

// readError is an error while reading an open file.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// errorNumber returns the number inside an error of a system call.
func errorNumber(err error) core.Errno {
	var number syscall.Errno
	if errors.As(err, &number) {
		return core.Errno(number)
	}
	return core.EIO
}

// errorText returns the C library's text for an error (spec go-traps, G20).
func errorText(err error) string { return errorNumber(err).String() }

// readFile reads a configuration file of the configuration's host.
func (l *Loader) readFile(path string) (text []byte, problem *core.Diagnostic) {
	text, err := readStable(l.inRoot(path))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return text, nil
}

// readStable reads a configuration file once. If the file changes meanwhile, it is
// read again, a few times, and then used as it is (Differs: Q18, the original waits
// until the file is a second old).
func readStable(path string) ([]byte, error) {
	for try := 0; ; try++ {
		text, stable, err := readOnce(path, maxFileSize)
		if err != nil || stable || try == maxReadTries-1 {
			return text, err
		}
	}
}

func unreadable(path string, err error) *core.Diagnostic {
	text := "open " + path + ": " + errorText(err)
	if errors.As(err, new(readError)) {
		text = "read " + path + ": " + errorText(err)
	}
	hint := "create the file, or start with -c DIRECTORY to use another directory"
	switch errorNumber(err) {
	case core.EACCES, core.EPERM:
		hint = "let the user who starts the master read the file and its directory"
	case core.EISDIR:
		hint = "there is a directory in place of the file; remove or rename it" // Differs: Q42
	}
	switch {
	case errors.Is(err, errTooLarge):
		hint = "a configuration file may have at most " + strconv.Itoa(maxFileSize>>20) + " MB; check whether it is the right file"
	case errors.Is(err, errNoFile):
		text = "read " + path + ", which is " + errNoFile.Error()
		hint = "replace it with a regular file"
	}
	return &core.Diagnostic{Severity: core.Error, File: path, Text: text, Hint: hint}
}

// readOnce reads a file. stable reports whether it did not change while it was
// read. It does not block: apart from regular files it reads only character
// devices, such as /dev/null.
func readOnce(path string, limit int) (text []byte, stable bool, err error) {
	fd, err := open(path)
	if err != nil {
		return nil, false, err
	}
	defer unix.Close(fd)
	var before, after unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil {
		return nil, false, err
	}
	switch kind := before.Mode & unix.S_IFMT; {
	case kind == unix.S_IFIFO || kind == unix.S_IFBLK:
		return nil, false, errNoFile
	case before.Size > int64(limit):
		return nil, false, readError{errTooLarge}
	}
	size := min(max(int(before.Size), 0), limit)
	text = make([]byte, 0, size+1)
	for {
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
		n, err := unix.Read(fd, text[len(text):cap(text)])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, false, readError{err}
		case n == 0:
			if err := unix.Fstat(fd, &after); err != nil {
				return nil, false, err
			}
			stable = before.Size == after.Size && before.Mtim == after.Mtim && before.Ctim == after.Ctim
			return text, stable, nil
		}
		if text = text[:len(text)+n]; len(text) > limit {
			return nil, false, readError{errTooLarge}
		}
	}
}

func open(path string) (fd int, err error) {
	for {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// maxFirstLine bounds what is read of a file of which only the first line counts.
const maxFirstLine = 64 << 10

// firstLine reads the first line of a file, for Debian's myorigin. A file with
// several links is refused, as in the original.
func firstLine(path string) config.File {
	fd, err := open(path)
	if err != nil {
		return config.File{Problem: "cannot open file: " + errorText(err)}
	}
	defer unix.Close(fd)
	var status unix.Stat_t
	if err := unix.Fstat(fd, &status); err != nil {
		return config.File{Problem: "cannot open file: " + errorText(err)}
	}
	if status.Nlink != 1 && status.Mode&unix.S_IFMT != unix.S_IFCHR {
		return config.File{Problem: "file has " + strconv.FormatUint(uint64(status.Nlink), 10) + " hard links"}
	}
	text := make([]byte, maxFirstLine)
	for {
		n, err := unix.Read(fd, text)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return config.File{Problem: "cannot open file: " + errorText(err)}
		}
		line, _, _ := strings.Cut(string(text[:n]), "\n")
		return config.File{Line: line}
	}
}
