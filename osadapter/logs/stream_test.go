package logs

import (
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// streamListener is a syslog daemon that takes streams.
type streamListener struct{ *bound }

func listenStream(t *testing.T, path string) *streamListener {
	t.Helper()
	s := &streamListener{bind(t, path, unix.SOCK_STREAM)}
	if err := unix.Listen(s.fd, 8); err != nil {
		t.Fatal(err)
	}
	return s
}

// accept takes the next connection; it is there already.
func (s *streamListener) accept() int {
	s.t.Helper()
	fd, _, err := unix.Accept(s.fd)
	if err != nil {
		s.t.Fatalf("no connection: %v", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		s.t.Fatal(err)
	}
	return fd
}

// received is what came over a connection until now.
func received(fd int) string {
	var text strings.Builder
	buffer := make([]byte, 1<<16)
	for {
		n, err := unix.Read(fd, buffer)
		if err != nil || n == 0 {
			return text.String()
		}
		text.Write(buffer[:n])
	}
}

func TestSyslogMayBeAStream(t *testing.T) {
	s := listenStream(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(s.path), utc())
	defer l.Close()
	l.Log(Info, "one")
	l.Log(Warning, "two")
	fd := s.accept()
	defer unix.Close(fd)
	expect(t, received(fd), "<22>Mar  5 13:04:09 postfix/master[42]: one\x00<20>Mar  5 13:04:09 postfix/master[42]: warning: two\x00")
}

func TestStreamThatEndsIsConnectedAgain(t *testing.T) {
	s := listenStream(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(s.path), utc())
	defer l.Close()
	unix.Close(s.accept())
	l.Log(Info, "again")
	fd := s.accept()
	defer unix.Close(fd)
	expect(t, received(fd), "<22>Mar  5 13:04:09 postfix/master[42]: again\x00")

	// The daemon may come back as the other kind.
	s.close()
	unix.Close(fd)
	r := listen(t, s.path)
	l.Log(Info, "datagram")
	expect(t, r.next(), "<22>Mar  5 13:04:09 postfix/master[42]: datagram")
	r.close()
	s = listenStream(t, s.path)
	l.Log(Info, "stream")
	fd = s.accept()
	defer unix.Close(fd)
	expect(t, received(fd), "<22>Mar  5 13:04:09 postfix/master[42]: stream\x00")
}

func TestStreamThatNobodyReadsIsNotWaitedFor(t *testing.T) {
	s := listenStream(t, filepath.Join(shortDir(t), "log"))
	l := New(testOrigin(s.path), utc())
	defer l.Close()
	fd := s.accept()
	defer unix.Close(fd)
	line := strings.Repeat("x", maxText)
	sent := 0
	for ; l.Flush() && sent < 10000; sent++ { // would hang here if it waited
		l.Log(Info, line)
	}
	if l.Flush() {
		t.Fatal("the stream is never full")
	}
	text := received(fd)
	for !l.Flush() {
		text += received(fd)
	}
	text += received(fd)
	if got := strings.Count(text, ": "+line+"\x00"); got != sent {
		t.Errorf("%d lines came, want %d", got, sent)
	}
}

func TestShortWriteConnectsOnceMore(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: the sizes are those of its socket buffers")
	}
	path := filepath.Join(shortDir(t), "log")
	s := listenStream(t, path)
	log := openSyslog(real, path)
	defer log.close()
	if err := unix.SetsockoptInt(log.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", 1<<16)
	if err := log.send([]byte(line)); err != nil {
		t.Fatal(err)
	}
	first, second := s.accept(), s.accept()
	defer unix.Close(first)
	defer unix.Close(second)
	if part := received(first); part == "" || len(part) >= len(line) {
		t.Errorf("%d bytes came first: the write was not short", len(part))
	}
	if received(second) != line+"\x00" {
		t.Error("the line did not come whole over the second connection")
	}

	if err := log.send(make([]byte, 1<<22)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a line that no connection takes: got %v", err)
	}
	received(s.accept())
	if _, _, err := unix.Accept(s.fd); err != unix.EAGAIN {
		t.Errorf("connected more than once more: %v", err)
	}
	if log.fd != -1 {
		t.Error("the next line would be taken for the rest of this one")
	}
}
