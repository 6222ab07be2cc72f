package child

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestFIFOTrigger(t *testing.T) {
	s := newSite(t, "max_use = 2")
	path := s.dir + "/q/private/f"
	if err := unix.Mkfifo(path, 0o622); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := s.start("trigger", []*os.File{f}, "-t", "fifo", "-n", "f")
	for range 2 {
		if _, err := f.Write([]byte{wire.WakeupByte}); err != nil {
			t.Fatal(err)
		}
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
	}
	p.wantLog(`trigger "W"`)
	p.wantExit(0)
}

func TestUnixTriggerClosesAfterHandling(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("t")
	p := s.start("trigger", []*os.File{l}, "-t", "unix")
	c := dial(t, address)
	if _, err := c.Write([]byte{wire.WakeupByte, wire.WakeupEnd}); err != nil {
		t.Fatal(err)
	}
	p.wantReport(wire.Taken)
	p.wantReport(wire.Available)
	c.wantEOF()
	p.wantLog(`trigger "W`)
	// A sender that says nothing is no trigger, but a use all the same.
	dial(t, address).Close()
	p.wantReport(wire.Taken)
	p.wantReport(wire.Available)
	if n := strings.Count(p.log.String(), "trigger"); n != 1 {
		t.Errorf("%d triggers, want 1", n)
	}
}

func TestDatagrams(t *testing.T) {
	s := newSite(t, "max_use = 3")
	f, path := s.listenDatagram("d")
	p := s.start("datagram", []*os.File{f}, "-t", "unix-dgram", "-n", "d")
	c, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, m := range []string{"one", "two", strings.Repeat("x", 5000)} {
		if _, err := io.WriteString(c, m); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		p.wantReport(wire.Taken)
		p.wantReport(wire.Available)
	}
	p.wantExit(0)
	for _, text := range []string{`datagram "one"`, `datagram "two"`, `datagram "` + strings.Repeat("x", 1000)} {
		p.wantLog(text)
	}
}
