package child

import (
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

// pass passes a descriptor to a server of a pass service.
func pass(t *testing.T, address string, fd int, more string) *client {
	t.Helper()
	carrier := dial(t, address)
	raw, err := carrier.Conn.(*net.UnixConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := unix.Sendmsg(int(raw.Fd()), []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(carrier, more); err != nil {
		t.Fatal(err)
	}
	return carrier
}

// tcpPair returns both ends of one connection.
func tcpPair(t *testing.T) (near *client, far *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near = dial(t, l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if far, err = c.(*net.TCPConn).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

func TestPassedConnectionWithAttributes(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("p")
	for _, kind := range []string{"stream", "sessions"} {
		p := s.start(kind, []*os.File{l}, "-t", "pass", "-n", "p")
		near, far := tcpPair(t)
		carrier := pass(t, address, int(far.Fd()), "name\x00mail.example.com\x00port\x0025\x00\x00")
		far.Close()
		if got := near.ask("attribute name"); got != "mail.example.com" {
			t.Errorf("%s: name %q", kind, got)
		}
		if got := near.ask("attribute port"); got != "25" {
			t.Errorf("%s: port %q", kind, got)
		}
		carrier.wantEOF()
		near.Close()
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
		p.hangUp()
		p.wantExit(0)
	}
}

func TestPassedConnectionThatComesWithoutDescriptorIsDropped(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("p")
	p := s.start("stream", []*os.File{l}, "-lt", "pass")
	c := dial(t, address)
	if _, err := io.WriteString(c, "x"); err != nil {
		t.Fatal(err)
	}
	c.wantEOF()
	near, far := tcpPair(t)
	carrier := pass(t, address, int(far.Fd()), "name\x00cut off")
	far.Close()
	carrier.Close()
	near.wantEOF()
	for range 2 {
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
	}
	p.wantLog("warning: connection dropped: receive passed connection: no descriptor received")
	p.wantLog("warning: connection dropped: receive connection attributes: unexpected EOF")
}

func TestPassedTriggerComesThroughAPipe(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("p")
	p := s.start("trigger", []*os.File{l}, "-t", "pass", "-n", "p")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	carrier := pass(t, address, int(r.Fd()), "")
	r.Close()
	if _, err := w.Write([]byte{wire.WakeupByte, wire.WakeupEnd}); err != nil {
		t.Fatal(err)
	}
	p.wantReport(wire.Taken)
	p.wantReport(wire.Available)
	carrier.wantEOF()
	p.wantLog(`trigger "W`)
}
