package system

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// Socket is a unix-domain socket that takes log lines, and the daemon that reads it.
type Socket struct {
	// Limit is how many datagrams wait at most, Buffer how many bytes in each connection of
	// a stream.
	Limit, Buffer int
	// Pace is how long the reader takes for a line.
	Pace core.Duration
	// Sick makes so many of 1000 writes fail for want of memory.
	Sick uint32

	host        *Host
	path        string
	there       bool // the path is
	read        bool // somebody has bound it
	stream      bool
	Stopped     bool // the reader does not read
	life        int  // how often it was bound
	queue       [][]byte
	connections []*connection
	reading     bool // the next read is due
}

// connection is one of the daemon's to a socket.
type connection struct {
	life   int // of the socket, when it was made
	bytes  []byte
	closed bool
}

func newSocket(h *Host, path string) *Socket {
	return &Socket{host: h, path: path, Limit: 10, Buffer: 4096, Pace: core.Millisecond / 10}
}

// Bind begins the life of a reader.
func (s *Socket) Bind(stream bool) {
	s.there, s.read, s.stream = true, true, stream
	s.life++
	s.queue, s.connections = nil, nil
}

// Die ends it. Its path stays behind if it is left.
func (s *Socket) Die(left bool) { s.there, s.read, s.queue, s.connections = left, false, nil, nil }

// Lives reports whether somebody has bound the socket.
func (s *Socket) Lives() bool { return s.read }

// Stop keeps the reader from reading, or lets it go on.
func (s *Socket) Stop(stopped bool) {
	s.Stopped = stopped
	s.schedule()
}

// Listener returns the end of the socket that is read, as a descriptor.
func (s *Socket) Listener() int { return s.host.install(&descriptor{socket: s, reads: true}) }

// TakesAll reports whether the reader takes whatever comes, in time.
func (s *Socket) TakesAll() bool { return s.read && !s.Stopped && s.Sick == 0 }

// takes reports whether a write would not have to wait; so it is with one that fails.
func (s *Socket) takes(c *connection) bool {
	if !s.read || c.life != s.life {
		return true
	}
	if s.stream {
		return len(c.bytes) < s.Buffer
	}
	return len(s.queue) < s.Limit
}

func (s *Socket) write(c *connection, b []byte) (int, error) {
	switch {
	case !s.read || c.life != s.life:
		if s.stream {
			return 0, unix.EPIPE
		}
		return 0, unix.ECONNREFUSED
	case s.Sick > 0 && s.host.choose(1000) < s.Sick:
		return 0, unix.ENOBUFS
	case !s.takes(c):
		return 0, unix.EAGAIN
	case !s.stream:
		s.queue = append(s.queue, bytes.Clone(b))
		s.host.Ledger.accepted(s, b)
		s.schedule()
		return len(b), nil
	}
	n := min(len(b), s.Buffer-len(c.bytes))
	c.bytes = append(c.bytes, b[:n]...)
	if n == len(b) && n > 0 && b[n-1] == 0 { // a part of a line is none
		s.host.Ledger.accepted(s, b[:n-1])
	}
	s.schedule()
	return n, nil
}

// Foreign is a datagram of another process. It reports whether there was room for it.
func (s *Socket) Foreign(line string) bool {
	if !s.read || len(s.queue) >= s.Limit {
		return false
	}
	s.queue = append(s.queue, []byte(line))
	s.host.Ledger.foreign(line)
	s.schedule()
	return true
}

// take takes the oldest datagram.
func (s *Socket) take() ([]byte, bool) {
	if len(s.queue) == 0 {
		return nil, false
	}
	datagram := s.queue[0]
	s.queue = s.queue[1:]
	return datagram, true
}

// schedule has the reader read soon, if there is anything to read.
func (s *Socket) schedule() {
	if s.reading || s.Stopped || !s.read || !s.readable() {
		return
	}
	s.reading = true
	s.host.after(s.Pace, func() {
		s.reading = false
		if s.Stopped || !s.read {
			return
		}
		if datagram, ok := s.take(); ok && s == s.host.Postlog {
			s.host.Ledger.byReader(datagram)
		}
		for _, c := range s.connections {
			c.bytes = nil
		}
		s.schedule()
	})
}

func (s *Socket) readable() bool {
	for _, c := range s.connections {
		if len(c.bytes) > 0 {
			return true
		}
	}
	return len(s.queue) > 0
}
