package logs

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// maxPending is how many lines wait while the syslog socket is full; the
// newest ones beyond it are lost. Two bursts of a default kernel queue fit.
const maxPending = 64

// syslog sends lines to the syslog daemon (spec runtime, 14.2). Lines are lost
// when no daemon listens; it is looked for again at every line. Some daemons
// take a stream, in which each line ends with a NUL, as the C library sends it.
type syslog struct {
	path    string
	fd      int  // -1: not connected
	stream  bool // what fd is
	pending [][]byte
	lost    *outage // takes lines that were pending and then lost
}

func openSyslog(path string, lost *outage) *syslog {
	s := &syslog{path: path, fd: -1, lost: lost}
	// Without a daemon, every line tries again.
	_ = s.connect()
	return s
}

func (s *syslog) connect() error {
	fd, err := dial(s.path, unix.SOCK_DGRAM)
	s.stream = errors.Is(err, unix.EPROTOTYPE)
	if s.stream {
		fd, err = dial(s.path, unix.SOCK_STREAM)
	}
	s.fd = fd
	return err
}

func (s *syslog) probe() error {
	if s.fd >= 0 {
		return nil
	}
	if err := s.connect(); err != nil {
		return &socketError{s.path, err}
	}
	return nil
}

func (s *syslog) send(line []byte) error {
	if s.flush() {
		if err := s.deliver(line); !isFull(err) {
			return s.explain(err)
		}
	}
	if len(s.pending) == maxPending {
		return s.explain(unix.EAGAIN)
	}
	s.pending = append(s.pending, append([]byte(nil), line...))
	return nil
}

// flush delivers what is pending, in order, and tells whether all is gone.
func (s *syslog) flush() bool {
	for len(s.pending) > 0 {
		err := s.deliver(s.pending[0])
		if isFull(err) {
			return false
		}
		if err != nil {
			s.lost.lose(s.explain(err))
		}
		s.pending[0] = nil
		s.pending = s.pending[1:]
	}
	s.pending = nil
	return true
}

// deliver writes one line. An error that isFull means that the daemon's queue
// is full just now; with any other the line is lost.
func (s *syslog) deliver(line []byte) error {
	var err error
	for try := 0; try < 2; try++ {
		if s.fd < 0 {
			if err := s.connect(); err != nil {
				return err
			}
		}
		err = s.write(line)
		if err == nil || isFull(err) || errors.Is(err, unix.EMSGSIZE) {
			return err
		}
		// The daemon went away; perhaps another one took its place. Or the
		// stream took a part: what follows would be taken for the rest.
		s.disconnect()
	}
	return err
}

func (s *syslog) write(line []byte) error {
	if !s.stream {
		return writeDatagram(s.fd, line)
	}
	text := string(line) + "\x00"
	n, err := writeAll(s.fd, text)
	if err == nil && n != len(text) {
		return io.ErrShortWrite
	}
	return err
}

func (s *syslog) explain(err error) error {
	if err == nil {
		return nil
	}
	return &socketError{s.path, err}
}

func (s *syslog) disconnect() {
	if s.fd >= 0 {
		closeDescriptor(s.fd)
		s.fd = -1
	}
}

func (s *syslog) close() {
	s.flush()
	for range s.pending {
		s.lost.lose(s.explain(unix.EAGAIN))
	}
	s.pending = nil
	s.disconnect()
}
