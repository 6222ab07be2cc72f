package child

import (
	"io"
	"os"
	"strconv"
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

// A master that receives taken watches the listener itself: it starts the second
// process for the client for which the first one has no room.
func TestTwoProcessesServeWhatIsTooMuchForOne(t *testing.T) {
	for kind, want := range map[string]struct{ first, second, third []wire.Status }{
		"pairs of sessions": {
			first:  []wire.Status{wire.Taken, wire.Available},
			second: []wire.Status{wire.Taken},
			third:  []wire.Status{wire.Taken, wire.Available},
		},
		"pairs of requests": {
			first:  []wire.Status{wire.Taken, wire.Available}, // its request
			second: []wire.Status{wire.Taken},                 // its arrival; its request is no news
			third:  []wire.Status{wire.Taken, wire.Available},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			s := newSite(t)
			l, address := s.listenUnix("m")
			one := s.start(kind, []*os.File{l}, "-t", "unix")
			a := one.wantClient(address, want.first)
			one.wantClient(address, want.second)
			third := dial(t, address)
			one.wantSilence()
			two := s.start(kind, []*os.File{l}, "-t", "unix")
			two.wantAnswer(third)
			for _, r := range want.third {
				two.wantReport(r)
			}
			two.hangUp()
			two.wantExit(0)
			a.Close()
			one.wantReport(wire.Available)
			one.wantClient(address, want.second)
			one.wantSilence()
		})
	}
}

// wantClient connects a client that this process must serve, and expects the given
// reports.
func (p *server) wantClient(address string, reports []wire.Status) *client {
	p.t.Helper()
	c := dial(p.t, address)
	p.wantAnswer(c)
	for _, want := range reports {
		p.wantReport(want)
	}
	return c
}

// wantAnswer checks that this process serves the client.
func (p *server) wantAnswer(c *client) {
	p.t.Helper()
	if got, want := c.ask("pid"), strconv.Itoa(p.cmd.Process.Pid); got != want {
		p.t.Fatalf("served by process %s, want %s", got, want)
	}
}
