package child

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stationmaster/stationmaster/core/wire"
)

func TestRequestsAreReportedNotAccepts(t *testing.T) {
	s := newSite(t, "max_use = 3")
	l, address := s.listenUnix("m")
	p := s.start("requests", []*os.File{l}, "-t", "unix", "-n", "m")
	var clients []*client
	for range 3 {
		clients = append(clients, dial(t, address))
	}
	for range 2 {
		for _, c := range clients {
			p.wantSilence()
			if got := c.ask("one"); got != "one" {
				t.Fatalf("got %q", got)
			}
			p.wantReport(wire.Taken)
			p.wantReport(wire.Available)
		}
	}
	for i, c := range clients {
		if !p.running() {
			t.Fatalf("left with %d clients connected", len(clients)-i)
		}
		c.Close()
	}
	p.wantExit(0)
}

func TestServerOfManyClientsDropsThemWhenTheMasterIsGone(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("m")
	p := s.start("requests", []*os.File{l}, "-t", "unix")
	c := dial(t, address)
	c.ask("one")
	p.hangUp()
	p.wantExit(0)
	c.wantEOF()
}

func TestDrainingServerKeepsItsClientsButTakesNoMore(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("m")
	for _, kind := range []string{"draining", "sessions"} {
		p := s.start(kind, []*os.File{l}, "-t", "unix")
		c := dial(t, address)
		c.ask("one")
		p.hangUp()
		late := dial(t, address)
		_ = late.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := io.WriteString(late, "two\n"); err != nil {
			t.Fatal(err)
		}
		c.ask("three")
		if _, err := late.in.ReadByte(); err == nil {
			t.Errorf("%s: a server without a master took a client", kind)
		}
		c.Close()
		p.wantExit(0)
		taker := s.start("stream", []*os.File{l}, "-lt", "unix", "-m", "1")
		_ = late.SetDeadline(time.Now().Add(patience))
		if got := late.ask("pid"); got != "two" {
			t.Errorf("%s: the late client got %q, want its answer from the next server", kind, got)
		}
		late.Close()
		taker.wantExit(0)
	}
}

func TestNumberOfClientsIsBounded(t *testing.T) {
	s := newSite(t)
	l, address := s.listenUnix("m")
	s.start("narrow", []*os.File{l}, "-t", "unix")
	a := dial(t, address)
	a.ask("one")
	b := dial(t, address)
	if _, err := io.WriteString(b, "two\n"); err != nil {
		t.Fatal(err)
	}
	_ = b.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := b.in.Peek(1); err == nil {
		t.Error("a second client was served above the limit")
	}
	a.Close()
	_ = b.SetDeadline(time.Now().Add(patience))
	if got, err := b.in.ReadString('\n'); got != "two\n" {
		t.Errorf("got %q, %v after the first client left", got, err)
	}
}

func TestSessionsReportAvailableAtOnce(t *testing.T) {
	s := newSite(t, "max_use = 2")
	l, address := s.listenUnix("e")
	p := s.start("sessions", []*os.File{l}, "-t", "unix")
	a := dial(t, address)
	p.wantReport(wire.Taken)
	p.wantReport(wire.Available)
	b := dial(t, address)
	p.wantReport(wire.Taken)
	p.wantReport(wire.Available)
	a.ask("one")
	b.ask("two")
	a.Close()
	b.ask("three")
	b.Close()
	p.wantExit(0)
}
