package logs

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// syslog sends lines to the syslog daemon (spec runtime, 14.2), which is looked
// for again at every line. Some daemons take a stream, in which each line ends
// with a NUL, as the C library sends it.
type syslog struct {
	sys    System
	path   string
	fd     int  // -1: not connected
	stream bool // what fd is
	met    bool // a daemon has taken lines: one that is not there will come back
}

func openSyslog(sys System, path string) *syslog {
	s := &syslog{sys: sys, path: path, fd: -1}
	// Without a daemon, every line tries again.
	_ = s.connect()
	return s
}

func (s *syslog) connect() error {
	fd, err := s.sys.Connect(s.path, Datagram)
	s.stream = errors.Is(err, unix.EPROTOTYPE)
	if s.stream {
		fd, err = s.sys.Connect(s.path, Stream)
	}
	s.fd = fd
	return err
}

func (s *syslog) probe(bool) error {
	if s.fd >= 0 {
		return nil
	}
	if err := s.connect(); err != nil {
		return &socketError{s.path, err}
	}
	return nil
}

// send writes one line. An error that isFull means that the daemon's queue is
// full just now.
func (s *syslog) send(line []byte) error {
	var err error
	for try := 0; try < 2; try++ {
		if s.fd < 0 {
			if err := s.connect(); err != nil {
				return &socketError{s.path, err}
			}
		}
		err = s.write(line)
		if err == nil {
			s.met = true
			return nil
		}
		if isFull(err) || errors.Is(err, unix.EMSGSIZE) {
			break
		}
		// The daemon went away; perhaps another one took its place. Or the
		// stream took a part: what follows would be taken for the rest.
		s.close()
	}
	return &socketError{s.path, err}
}

func (s *syslog) write(line []byte) error {
	if !s.stream {
		_, err := s.sys.Write(s.fd, line)
		return err
	}
	text := append(line[:len(line):len(line)], 0)
	n, err := s.sys.Write(s.fd, text)
	if err == nil && n != len(text) {
		return io.ErrShortWrite
	}
	return err
}

func (s *syslog) descriptor() int { return s.fd }

func (s *syslog) close() {
	if s.fd >= 0 {
		s.sys.Close(s.fd)
		s.fd = -1
	}
}
