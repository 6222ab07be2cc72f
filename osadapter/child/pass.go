package child

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of a passed connection (spec child, 5).
const (
	passLimit         = 100 * time.Second // for the descriptor, and again for the attributes
	maxAttributes     = 1000
	maxAttributeBytes = 1 << 20
)

var errTooManyAttributes = errors.New("attribute list is too long")

// receivePassed receives the connection that is passed through fd, with its
// attributes if the skeleton has any, and closes fd.
func receivePassed(fd int, attributes bool) (*Conn, error) {
	defer unix.Close(fd)
	passed, err := receiveDescriptor(fd, passLimit)
	if err != nil {
		return nil, fmt.Errorf("receive passed connection: %w", err)
	}
	if !attributes {
		return passedConn(passed)
	}
	list, err := receiveAttributes(fd, passLimit)
	if err != nil {
		_ = unix.Close(passed)
		return nil, fmt.Errorf("receive connection attributes: %w", err)
	}
	c, err := passedConn(passed)
	if err == nil {
		c.Attributes = list
	}
	return c, err
}

// passedConn makes a connection of any descriptor: a trigger may come through a
// pipe.
func passedConn(fd int) (*Conn, error) {
	if isKind(fd, unix.S_IFSOCK) {
		return connFrom(fd)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "client")
	return newConn(fileConn{f, f}), nil
}

// receiveDescriptor waits for one byte with one descriptor.
func receiveDescriptor(fd int, limit time.Duration) (int, error) {
	if err := waitReadable(fd, time.Now().Add(limit)); err != nil {
		return -1, err
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var data [1]byte
	control := make([]byte, unix.CmsgSpace(4*8))
	_, n, _, _, err := unix.Recvmsg(fd, data[:], control, 0)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return -1, err
	}
	passed := -1
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, f := range fds {
			if passed < 0 {
				passed = f
				unix.CloseOnExec(f)
			} else {
				_ = unix.Close(f) // only one was expected
			}
		}
	}
	if passed < 0 {
		return -1, errors.New("no descriptor received")
	}
	return passed, nil
}

// receiveAttributes reads the attributes from fd.
func receiveAttributes(fd int, limit time.Duration) ([]Attribute, error) {
	return readAttributes(&timedReader{fd, time.Now().Add(limit)})
}

// readAttributes reads "name NUL value NUL … NUL".
func readAttributes(from io.Reader) ([]Attribute, error) {
	r := bufio.NewReader(io.LimitReader(from, maxAttributeBytes))
	var list []Attribute
	for len(list) < maxAttributes {
		name, err := readText(r)
		if err != nil {
			return nil, err
		}
		if name == "" {
			return list, nil
		}
		value, err := readText(r)
		if err != nil {
			return nil, err
		}
		list = append(list, Attribute{name, value})
	}
	return nil, errTooManyAttributes
}

func readText(r *bufio.Reader) (string, error) {
	text, err := r.ReadString(0)
	if err == io.EOF {
		return "", io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", err
	}
	return text[:len(text)-1], nil
}

// timedReader reads a blocking descriptor until a deadline.
type timedReader struct {
	fd    int
	until time.Time
}

func (t *timedReader) Read(b []byte) (int, error) {
	if err := waitReadable(t.fd, t.until); err != nil {
		return 0, err
	}
	n, err := unix.Read(t.fd, b)
	if n < 0 {
		n = 0
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// waitReadable waits until fd is readable; it returns os.ErrDeadlineExceeded if it
// is not in time.
func waitReadable(fd int, until time.Time) error {
	for {
		left := time.Until(until)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(set, int(left/time.Millisecond)+1)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			return nil
		}
	}
}
