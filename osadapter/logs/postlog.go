package logs

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

const (
	stdoutPath = "/dev/stdout"
	stdoutFD   = 1
	fileMode   = 0o644 // less the umask
)

// postlog sends lines to the postlog socket (spec runtime, 14.3). The master
// owns that socket itself: until postlogd runs nobody empties its queue, so a
// full queue must not be waited for. Lines that the socket does not take
// because it cannot be had or is full go to the log file, if that is allowed;
// other send errors lose the line, as in the original (Q17), but are counted.
type postlog struct {
	path     string
	file     string
	fallback bool
	fd       int  // -1: not connected
	held     int  // the log file, kept open by Hold; -1: it is opened for each line
	cut      bool // the last line in the file has no end
}

func openPostlog(path, file string, fallback bool) *postlog {
	p := &postlog{path: path, file: file, fallback: fallback && file != "", fd: -1, held: -1}
	// Without a socket, every line tries again.
	_ = p.connect()
	return p
}

func (p *postlog) connect() error {
	if p.fd >= 0 {
		return nil
	}
	fd, err := dial(p.path, unix.SOCK_DGRAM)
	p.fd = fd
	return err
}

func (p *postlog) probe() error {
	if p.fd >= 0 || !p.fallback {
		return nil
	}
	return p.append(nil)
}

func (p *postlog) send(line []byte) error {
	err := p.connect()
	if err == nil {
		err = writeDatagram(p.fd, line)
		if err == nil {
			return nil
		}
		if !isFull(err) {
			return &socketError{p.path, err}
		}
	}
	if !p.fallback {
		return &socketError{p.path, err}
	}
	return p.append(line)
}

// append adds a line to the log file: one open, write and close for each, so
// that log rotation needs no word to us, unless the file is held. Without a line
// it only tells whether the file can be opened.
func (p *postlog) append(line []byte) error {
	if p.file == stdoutPath {
		// Opening it again would fail for sockets and for other owners.
		if line == nil {
			return nil
		}
		if err := writeIfReady(stdoutFD, string(line)+"\n"); err != nil {
			return &socketError{p.file, err}
		}
		return nil
	}
	fd := p.held
	if fd < 0 {
		var err error
		if fd, err = p.open(); err != nil {
			return err
		}
		defer closeDescriptor(fd)
	} else if isRemoved(fd) {
		return &fileError{"logfile '" + p.file + "' was removed while this process has it open; reload to let it open a new one", unix.ENOENT}
	}
	if line == nil {
		return nil
	}
	text := string(line) + "\n"
	if p.cut {
		text = "\n" + text
	}
	n, err := writeAll(fd, text)
	if n > 0 {
		p.cut = n != len(text)
	}
	if err == nil && n != len(text) {
		err = unix.ENOSPC
	}
	if err != nil {
		return &fileError{"logfile '" + p.file + "' write error: " + lock.ErrorText(err), err}
	}
	return nil
}

// open opens the log file, and makes it if it does not exist.
func (p *postlog) open() (fd int, err error) {
	// Non-blocking: a FIFO without a reader must be an error, not a wait.
	fd, err = lock.SafeOpen(p.file, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, fileMode)
	if err != nil {
		return -1, &fileError{"open logfile '" + p.file + "': " + err.Error(), err}
	}
	return awayFromStandard(fd), nil
}

// isRemoved reports whether nobody can read what is written to the file.
func isRemoved(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Nlink == 0
}

func (p *postlog) close() {
	for _, fd := range []*int{&p.fd, &p.held} {
		if *fd >= 0 {
			closeDescriptor(*fd)
			*fd = -1
		}
	}
}

// isFull tells whether a datagram was refused for want of room.
func isFull(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS)
}
