//go:build linux

package parity

import (
	"encoding/binary"
	"errors"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A logLine is one datagram that arrived at the station's /dev/log.
type logLine struct {
	priority int    // facility*8 + severity, -1: not understood
	tag      string // "postfix/master"
	pid      int
	text     string
	at       time.Time // when it was written
	file     bool      // it was written to the log file
}

// syslogForm is glibc's: "<PRI>Mon dd hh:mm:ss TAG[PID]: TEXT".
var syslogForm = regexp.MustCompile(`^<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ([^\[\]]*)\[(\d+)\]: ([^\n\x00]*)$`)

func parseSyslog(datagram string) logLine {
	m := syslogForm.FindStringSubmatch(datagram)
	if m == nil {
		return logLine{priority: -1, text: datagram}
	}
	priority, _ := strconv.Atoi(m[1])
	pid, _ := strconv.Atoi(m[3])
	return logLine{priority: priority, tag: m[2], pid: pid, text: m[4]}
}

var severities = [8]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

const facilityMail = 2

func (l logLine) severity() string {
	if l.priority < 0 {
		return "bad form"
	}
	text := severities[l.priority%8]
	if l.priority/8 != facilityMail {
		text += " facility " + strconv.Itoa(l.priority/8)
	}
	return text
}

// syslog listens like the system's log daemon.
type syslog struct {
	conn *net.UnixConn

	mu      sync.Mutex
	changed chan struct{}
	lines   []logLine
	marks   int

	asleep   time.Time // nothing is read until then
	sleeping bool      // it does so
}

const markText = "parity mark"

func newSyslog(path string) (*syslog, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	// The kernel says when a line was written: on a busy machine it may be read
	// much later.
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }); e != nil || err != nil {
		return nil, errors.Join(e, err)
	}
	s := &syslog{conn: conn, changed: make(chan struct{})}
	go s.listen()
	return s, nil
}

func (s *syslog) listen() {
	b, control := make([]byte, 1<<16), make([]byte, 256)
	for {
		n, controlled, _, _, err := s.conn.ReadMsgUnix(b, control)
		if err != nil {
			return
		}
		switch text := string(b[:n]); text {
		case fillerText:
		case markText:
			s.change(func() { s.marks++ })
		default:
			line := parseSyslog(text)
			line.at = sentAt(control[:controlled])
			s.add(line)
		}
		s.rest()
	}
}

func (s *syslog) add(l logLine) { s.change(func() { s.lines = append(s.lines, l) }) }

// change applies a change and wakes the waiting goroutines.
func (s *syslog) change(how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how()
	close(s.changed)
	s.changed = make(chan struct{})
}

// sentAt returns the time at which the kernel took a datagram.
func sentAt(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

// all returns the lines so far.
func (s *syslog) all() []logLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]logLine(nil), s.lines...)
}

// drain waits until what was sent before this call has been read.
func (s *syslog) drain() {
	s.mu.Lock()
	want := s.marks + 1
	s.mu.Unlock()
	c, err := net.DialUnix("unixgram", nil, s.conn.LocalAddr().(*net.UnixAddr))
	if err != nil {
		return
	}
	defer c.Close()
	if _, err := c.Write([]byte(markText)); err == nil {
		s.wait(func() bool { return s.marks >= want })
	}
}

// wait waits until holds, which is called with the lock held, returns true.
func (s *syslog) wait(holds func() bool) bool {
	limit := newLimit(patience)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !holds() {
		changed := s.changed
		s.mu.Unlock()
		ok := limit.wait(changed)
		s.mu.Lock()
		if !ok {
			return holds()
		}
	}
	return true
}

func (s *syslog) close() { s.conn.Close() }
