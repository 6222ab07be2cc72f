package main

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
)

// syslog receives what the masters log, like the system's log.
type syslog struct {
	conn *net.UnixConn

	mu    sync.Mutex
	lines []string
}

// fewLines bounds the lines that are kept until they are checked; later lines are
// dropped.
const fewLines = 1000

func newSyslog(path string) (*syslog, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("open the log socket: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		return nil, err
	}
	l := &syslog{conn: conn}
	go l.listen()
	return l, nil
}

func (l *syslog) listen() {
	text := make([]byte, 1<<16)
	for {
		n, err := l.conn.Read(text)
		if err != nil {
			return
		}
		l.mu.Lock()
		if len(l.lines) < fewLines {
			l.lines = append(l.lines, string(text[:n]))
		}
		l.mu.Unlock()
	}
}

var trouble = regexp.MustCompile(`: (warning|error|fatal|panic): `)

// check returns an error if a master has complained.
func (l *syslog) check() error {
	l.mu.Lock()
	lines := l.lines
	l.mu.Unlock()
	for _, line := range lines {
		if trouble.MatchString(line) {
			return fmt.Errorf("unexpected line in the log of a master: %s", strings.TrimSpace(line))
		}
	}
	return nil
}

// forget drops the lines received so far: masters that we end may log that.
func (l *syslog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

// last returns the last lines, for the report of a failure.
func (l *syslog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-5):], "\n")
}
