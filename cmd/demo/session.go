package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// session is one client of ours at the echo service.
type session struct {
	demo    *demo
	name    string // as the text calls it
	conn    net.Conn
	pending []byte // read and not yet used
	ended   bool   // the server hung up
	pid     int    // of the process that serves us; 0: not greeted yet
}

// maxLine bounds what a server may say in one line, in bytes.
const maxLine = 4096

// connect opens a session. The kernel completes it, whether or not a process
// is there to serve it.
func (d *demo) connect(name string) (*session, error) {
	c, err := net.DialTimeout("tcp", d.tree.address, d.patience)
	if err != nil {
		return nil, fmt.Errorf("client %s cannot connect: %w", name, err)
	}
	s := &session{demo: d, name: name, conn: c}
	d.sessions = append(d.sessions, s)
	return s, nil
}

// look takes in what has come, and waits no longer than a moment for it.
func (s *session) look() error {
	if s.ended || len(s.pending) > maxLine {
		return nil
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(glance)); err != nil {
		return fmt.Errorf("client %s: %w", s.name, err)
	}
	part := make([]byte, maxLine)
	n, err := s.conn.Read(part)
	s.pending = append(s.pending, part[:n]...)
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case errors.Is(err, io.EOF) || isReset(err):
		s.ended = true
		return nil
	}
	return fmt.Errorf("client %s: %w", s.name, err)
}

// line waits for one line.
func (s *session) line(what string) (string, error) {
	var text string
	err := s.demo.until(s.demo.patience, fmt.Sprintf("client %s gets %s", s.name, what), func() (bool, error) {
		if err := s.look(); err != nil {
			return false, err
		}
		line, rest, ok := strings.Cut(string(s.pending), "\n")
		switch {
		case ok:
			text, s.pending = line, []byte(rest)
		case s.ended:
			return false, fmt.Errorf("client %s was disconnected before it got %s", s.name, what)
		case len(s.pending) > maxLine:
			return false, fmt.Errorf("client %s got a line without end", s.name)
		}
		return ok, nil
	})
	return text, err
}

// greeted waits for the greeting and checks its words.
func (s *session) greeted(greeting string) error {
	line, err := s.line("a greeting")
	if err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(line, greeting+" pid ")
	if _, err := fmt.Sscanf(rest, "%d", &s.pid); !ok || err != nil {
		return fmt.Errorf("client %s was greeted with %q, not with %q and a pid", s.name, line, greeting)
	}
	return nil
}

// echoes says something and waits until it is said back.
func (s *session) echoes(text string) error {
	if _, err := io.WriteString(s.conn, text+"\n"); err != nil {
		return fmt.Errorf("client %s: %w", s.name, err)
	}
	got, err := s.line("its line back")
	if err == nil && got != text {
		err = fmt.Errorf("client %s said %q and got %q back", s.name, text, got)
	}
	return err
}

// quit ends the session in order.
func (s *session) quit() error {
	if _, err := io.WriteString(s.conn, "quit\n"); err != nil {
		return fmt.Errorf("client %s: %w", s.name, err)
	}
	return s.hungUp()
}

// hungUp waits for the end of the session.
func (s *session) hungUp() error {
	err := s.demo.until(s.demo.patience, fmt.Sprintf("the server ends the session of client %s", s.name), func() (bool, error) {
		err := s.look()
		return s.ended, err
	})
	s.close()
	return err
}

func (s *session) close() { _ = s.conn.Close() }
