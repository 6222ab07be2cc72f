package logs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// maxPending is how many lines wait while the syslog socket is full; the
// newest ones beyond it are lost. Two bursts of a default kernel queue fit.
const maxPending = 64

// syslog sends lines to the syslog daemon (spec runtime, 14.2). Lines are lost
// silently when no daemon listens; it is looked for again at every line.
type syslog struct {
	path    string
	fd      int // -1: not connected
	pending [][]byte
}

func openSyslog(path string) *syslog {
	s := &syslog{path: path, fd: -1}
	s.connect()
	return s
}

func (s *syslog) connect() bool {
	fd, err := dialDatagram(s.path)
	s.fd = fd
	return err == nil
}

func (s *syslog) send(line []byte) error {
	if s.flush() && s.deliver(line) {
		return nil
	}
	if len(s.pending) < maxPending {
		s.pending = append(s.pending, append([]byte(nil), line...))
	}
	return nil
}

// flush delivers what is pending, in order, and tells whether all is gone.
func (s *syslog) flush() bool {
	for len(s.pending) > 0 {
		if !s.deliver(s.pending[0]) {
			return false
		}
		s.pending[0] = nil
		s.pending = s.pending[1:]
	}
	s.pending = nil
	return true
}

// deliver writes one line and tells whether we are done with it: it was sent,
// or it is lost. False means that the daemon's queue is full just now.
func (s *syslog) deliver(line []byte) bool {
	for try := 0; try < 2; try++ {
		if s.fd < 0 && !s.connect() {
			return true
		}
		err := writeDatagram(s.fd, line)
		if err == nil || errors.Is(err, unix.EMSGSIZE) {
			return true
		}
		if isFull(err) {
			return false
		}
		// The daemon went away; perhaps another one took its place.
		s.disconnect()
	}
	return true
}

func (s *syslog) disconnect() {
	if s.fd >= 0 {
		closeDescriptor(s.fd)
		s.fd = -1
	}
}

func (s *syslog) close() {
	s.flush()
	s.disconnect()
	s.pending = nil
}
