//go:build linux

package parity

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// client is a connection to a service.
type client struct {
	net.Conn
	station *station
	lines   *bufio.Reader
}

// dial connects to "@port1", "[::1]:@port1", "127.0.0.2:@port1", or to a socket
// in the queue directory ("private/x"). A failure stops the scenario.
func (s *station) dial(address string) *client {
	c, err := s.tryDial(address)
	s.require("connect to "+address, err)
	return c
}

// tryDial is dial for connections that may fail.
func (s *station) tryDial(address string) (*client, error) {
	network, target := "tcp", s.expand(address)
	switch {
	case strings.HasPrefix(address, "private/"), strings.HasPrefix(address, "public/"):
		network, target = "unix", s.path("q/"+target)
	case strings.HasPrefix(address, "@port"):
		target = "127.0.0.1:" + target
	}
	conn, err := net.DialTimeout(network, target, patience)
	if err != nil {
		return nil, err
	}
	s.clients = append(s.clients, conn)
	return &client{conn, s, bufio.NewReader(conn)}, nil
}

// dialResult observes the result of a connection attempt in a word.
func (s *station) dialResult(address string) string {
	c, err := s.tryDial(address)
	if err != nil {
		return errorWord(err)
	}
	c.Close()
	return "connected"
}

// errorWord returns the system's name of an error, without addresses.
func errorWord(err error) string {
	var number unix.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "timeout"
	}
	return err.Error()
}

// ask sends a line and returns the answer; "" if the server closed the connection.
func (c *client) ask(line string) string {
	if _, err := c.Write([]byte(line + "\n")); err != nil {
		return ""
	}
	return c.line()
}

// line reads one line; "" if the server closed the connection.
func (c *client) line() string {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	text, err := c.lines.ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.station.stop("not within " + patience.String() + ": an answer for a client")
	}
	return strings.TrimSuffix(text, "\n")
}

// awaitHangUp waits until the server closes the connection.
func (c *client) awaitHangUp() {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err := c.lines.ReadByte()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.station.stop("not within " + patience.String() + ": the server hangs up")
	}
}

// peerCredentials returns the identity that called listen(2).
func (c *client) peerCredentials() *unix.Ucred {
	cred, err := credentialsOf(c.Conn.(*net.UnixConn))
	c.station.require("SO_PEERCRED", err)
	return cred
}

func credentialsOf(conn *net.UnixConn) (cred *unix.Ucred, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	if e := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); e != nil {
		return nil, e
	}
	return cred, err
}

func peerOf(conn *net.UnixConn) int {
	cred, err := credentialsOf(conn)
	if err != nil {
		return 0
	}
	return int(cred.Pid)
}

// send sends a datagram to a socket in the queue directory.
func (s *station) send(name, text string) {
	path := s.path(filepath.Join("q", name))
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	s.require("connect to "+name, err)
	s.clients = append(s.clients, conn)
	_, err = conn.Write([]byte(text))
	s.require("send to "+name, err)
}

// poke writes to a FIFO in the queue directory.
func (s *station) poke(name, text string) {
	f, err := os.OpenFile(s.path("q/"+name), os.O_WRONLY|unix.O_NONBLOCK, 0)
	s.require("open "+name, err)
	defer f.Close()
	_, err = f.WriteString(text)
	s.require("write to "+name, err)
}
