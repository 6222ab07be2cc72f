package logs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

const (
	stdoutPath = "/dev/stdout"
	fileMode   = 0o644 // less the umask
)

// postlog sends lines to the postlog socket (spec runtime, 14.3). The master
// owns that socket itself: until postlogd runs nobody empties its queue, so a
// full queue must not be waited for. Lines that the socket does not take
// because it cannot be had or is full go to the log file, if that is allowed;
// other send errors lose the line, as in the original (Q17).
type postlog struct {
	path     string
	file     string
	fallback bool
	fd       int // -1: not connected
}

func openPostlog(path, file string, fallback bool) *postlog {
	p := &postlog{path: path, file: file, fallback: fallback && file != "", fd: -1}
	p.connect()
	return p
}

func (p *postlog) connect() bool {
	fd, err := dialDatagram(p.path)
	p.fd = fd
	return err == nil
}

// probe tells whether lines can go anywhere.
func (p *postlog) probe() error {
	if p.fd >= 0 || !p.fallback {
		return nil
	}
	return p.append(nil)
}

func (p *postlog) send(line []byte) error {
	if p.fd >= 0 || p.connect() {
		if err := writeDatagram(p.fd, line); !isFull(err) {
			return nil
		}
	}
	if !p.fallback {
		return nil
	}
	return p.append(line)
}

// append adds a line to the log file: one open, write and close for each, so
// that log rotation needs no word to us.
func (p *postlog) append(line []byte) error {
	var text string
	if line != nil {
		text = string(line) + "\n"
	}
	if p.file == stdoutPath {
		// Opening it again would fail for sockets and for other owners.
		writeIfReady(1, text)
		return nil
	}
	// Non-blocking: a FIFO without a reader must be an error, not a wait.
	fd, err := lock.SafeOpen(p.file, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, fileMode)
	if err != nil {
		return fmt.Errorf("open logfile '%s': %w", p.file, err)
	}
	fd = awayFromStandard(fd)
	defer closeDescriptor(fd)
	if text == "" {
		return nil
	}
	n, err := writeAll(fd, text)
	if err == nil && n != len(text) {
		err = unix.ENOSPC
	}
	if err != nil {
		return &writeError{p.file, err}
	}
	return nil
}

// writeError says that the log file could not be written.
type writeError struct {
	path string
	err  error
}

func (e *writeError) Error() string {
	return "logfile '" + e.path + "' write error: " + lock.ErrorText(e.err)
}
func (e *writeError) Unwrap() error { return e.err }

func (p *postlog) close() {
	if p.fd >= 0 {
		closeDescriptor(p.fd)
		p.fd = -1
	}
}

// isFull tells whether a datagram was refused for want of room.
func isFull(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS)
}
