//go:build linux

package parity

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var _ = topic("storm", stormScenarios)

var stormScenarios = []scenario{
	stormOf("one-shot children of a socket", "x unix - - n - 20 actor alone; serve max_use=1", "private/x", 200),
	stormOf("one-shot children of a port", "127.0.0.1:@port1 inet n - n - 20 actor alone; serve max_use=1", "@port1", 200),
	stormOf("children that stay", "x unix - - n - 5 actor alone; serve", "private/x", 400),
	stormOf("children without a limit", "x unix - - n - 0 actor alone; serve max_use=3", "private/x", 200),
	stormOf("an only child", "x unix - - n - 1 actor alone; serve max_use=2", "private/x", 60),
}

// stormOf connects clients one after the other, four at a time, during ten reloads;
// every one of them must be served.
func stormOf(name, entry, address string, clients int) scenario {
	return scenario{name: "clients of " + name + " during a storm of reloads", play: func(s *station) {
		s.ignore(`^log: info .*reload -- version`) // the original may lose a hangup that arrives during a reload
		s.loose = true
		s.master(entry, "y unix - - n 3600 1 actor alone; serve")
		p := s.start()
		load := s.beginLoad(address, clients, 4)
		for range 10 {
			p.nudge()
		}
		load.Wait()
		s.observef("served", "%d of %d", load.served.Load(), clients)
		p.quietFor(100 * time.Millisecond)
	}}
}

// load is a set of clients that connect on their own.
type load struct {
	sync.WaitGroup
	served atomic.Int64
}

func (s *station) beginLoad(address string, clients, atOnce int) *load {
	network, target := "tcp", "127.0.0.1:"+s.expand(address)
	if strings.Contains(address, "/") {
		network, target = "unix", s.path("q/"+address)
	}
	var x load
	var left atomic.Int64
	left.Store(int64(clients))
	for range atOnce {
		x.Go(func() {
			for left.Add(-1) >= 0 {
				if oneSession(network, target) {
					x.served.Add(1)
				}
			}
		})
	}
	return &x
}

// oneSession is a client that sends one request; it reports whether it got an
// answer.
func oneSession(network, target string) bool {
	conn, err := net.DialTimeout(network, target, patience)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("who\nquit\n")); err != nil {
		return false
	}
	var answer []byte
	b := make([]byte, 100)
	for {
		n, err := conn.Read(b)
		answer = append(answer, b[:n]...)
		if err != nil {
			break
		}
	}
	return bytes.HasSuffix(answer, []byte("\n"))
}

// nudge sends hangups until one more reload has begun.
func (p *process) nudge() {
	s := p.station
	before := s.countLog("reload -- version")
	s.eventually("a reload", func() bool {
		p.hup()
		return within(300*time.Millisecond, func() bool { return s.countLog("reload -- version") > before })
	})
}

// Ten thousand clients of one-shot children during a hundred reloads are all
// served, and our master's descriptors and memory do not grow.
func TestTenThousandClientsDuringAHundredReloads(t *testing.T) {
	if !*enabled {
		t.Skip("the parity suite runs with make parity (flag -parity)")
	}
	if reason := unable(); reason != "" {
		t.Skip(reason)
	}
	t.Parallel()
	const clients, reloads = 10000, 100
	s, err := newStation(ourMaster())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	sc := scenario{play: func(s *station) {
		s.master("x unix - - n - 20 actor alone; serve max_use=1")
		p := s.start()
		first := s.beginLoad("private/x", clients/10, 4)
		for range reloads / 10 {
			p.nudge()
		}
		first.Wait()
		p.quietFor(100 * time.Millisecond)
		files, memory := p.usage(t)
		rest := s.beginLoad("private/x", clients-clients/10, 4)
		for range reloads - reloads/10 {
			p.nudge()
		}
		rest.Wait()
		if n := first.served.Load() + rest.served.Load(); n != clients {
			t.Errorf("%d of %d clients were served", n, clients)
		}
		p.quietFor(100 * time.Millisecond)
		if now, after := p.usage(t); now != files || after > memory+4096 {
			t.Errorf("after a tenth of it %d descriptors and %d kB, in the end %d and %d kB", files, memory, now, after)
		}
		if n := s.countLog("reload -- version"); n < reloads {
			t.Errorf("%d reloads, want %d", n, reloads)
		}
		p.signal(unix.SIGTERM)
		p.awaitEnd()
	}}
	s.carry(&sc)
	for _, line := range s.lines {
		t.Error(line)
	}
}

// usage returns the number of open descriptors and the resident memory, in kB, of
// the master.
func (p *process) usage(t *testing.T) (files, memory int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.master()))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	memory, err = strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return len(openFilesOf(p.master())), memory
}
