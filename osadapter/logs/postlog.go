package logs

import (
	"errors"
	"path/filepath"
	"strings"

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
// full queue must not be waited for. What the socket does not take goes to the
// log file, if that is allowed.
type postlog struct {
	path     string
	file     string
	fallback bool
	unread   bool // the socket would take lines, but nobody reads them
	fd       int  // -1: not connected
	held     int  // the log file, kept open by Hold; -1: it is opened for each line
	cut      bool // the last line in the file has no end
}

func openPostlog(path, file string, fallback bool) *postlog {
	p := &postlog{path: path, fd: -1, held: -1}
	p.fallTo(file, fallback)
	// Without a socket, every line tries again.
	_ = p.connect()
	return p
}

// fallTo names the log file.
func (p *postlog) fallTo(file string, allowed bool) {
	p.file, p.fallback = file, allowed && file != ""
	if p.fallback && p.file == stdoutPath {
		appendOnly(stdoutFD)
	}
}

func (p *postlog) connect() error {
	if p.fd >= 0 {
		return nil
	}
	fd, err := dial(p.path, unix.SOCK_DGRAM)
	p.fd = fd
	return err
}

func (p *postlog) probe(thorough bool) error {
	switch {
	case !p.fallback:
		return nil
	case p.fd < 0:
		return p.append(nil)
	case thorough:
		return p.mayAppend()
	}
	return nil
}

func (p *postlog) send(line []byte) error {
	var err error
	if !p.unread || !p.fallback {
		if err = p.offer(line); err == nil {
			return nil
		}
	}
	if !p.fallback {
		return &socketError{p.path, err}
	}
	return p.append(line)
}

// offer sends a line to the socket. Whoever bound it may have gone, and another
// one may have taken the place.
func (p *postlog) offer(line []byte) error {
	var err error
	for try := 0; try < 2; try++ {
		if err = p.connect(); err != nil {
			return err
		}
		if err = writeDatagram(p.fd, line); err == nil || isFull(err) || errors.Is(err, unix.EMSGSIZE) {
			return err
		}
		closeDescriptor(p.fd)
		p.fd = -1
	}
	return err
}

// isBoundTo tells whether a descriptor is the other end of the socket. Whoever told
// us may have closed it since, and the number may be that of something else.
func (p *postlog) isBoundTo(fd int) bool {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	address, ok := name.(*unix.SockaddrUnix)
	return ok && address.Name != "" && (address.Name == p.path || strings.HasSuffix(p.path, "/"+address.Name))
}

// mayAppend tells whether postlogd could open the log file, without making it.
func (p *postlog) mayAppend() error {
	if p.file == stdoutPath {
		return nil
	}
	fd, err := lock.SafeOpen(p.file, unix.O_WRONLY|unix.O_APPEND|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == nil {
		closeDescriptor(fd)
		return nil
	}
	var st unix.Stat_t
	if errors.Is(err, unix.ENOENT) && unix.Lstat(p.file, &st) != nil {
		// Nothing is there: it would be made.
		missing := unix.Access(filepath.Dir(p.file), unix.W_OK|unix.X_OK)
		if missing == nil {
			return nil
		}
		return &fileError{"open logfile '" + p.file + "': cannot create file exclusively: " + lock.ErrorText(missing), missing}
	}
	return &fileError{"open logfile '" + p.file + "': " + err.Error(), err}
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

// descriptor is standard output, if lines go there.
func (p *postlog) descriptor() int {
	if p.file == stdoutPath {
		return stdoutFD
	}
	return -1
}

func (p *postlog) close() {
	for _, fd := range []*int{&p.fd, &p.held} {
		if *fd >= 0 {
			closeDescriptor(*fd)
			*fd = -1
		}
	}
}
