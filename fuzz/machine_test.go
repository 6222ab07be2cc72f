// Package fuzz throws hostile bytes at whatever reads bytes from outside:
// event sequences, snapshots, and the text of main.cf and master.cf. The
// targets run their seeds in the ordinary tests; make fuzz goes on from there.
package fuzz

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// reader takes choices from the bytes; past their end everything is zero.
type reader struct{ b []byte }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		return 0
	}
	x := r.b[0]
	r.b = r.b[1:]
	return x
}

func (r *reader) below(n int) int { return int(r.byte()) % n }

func (r *reader) config() *core.Config {
	c := &core.Config{MailVersion: "3", ConfigDirectory: "/c", ReloadClearsThrottle: r.below(2) == 1}
	for range r.below(5) {
		kind := core.ServiceType(r.below(6)) // 0 is no type
		name := string(rune('a' + r.below(3)))
		s := core.ServiceConfig{
			Name: name, Canonical: name, Type: kind, Path: "/d/" + name, Command: name,
			ProcessLimit: int32(r.below(4)), LocalOnly: r.below(2) == 1,
			Wakeup: core.Duration(r.below(3)) * core.Second, WakeupIfUsed: r.below(2) == 1,
			ThrottleDelay: core.Duration(r.below(3)) * core.Second,
		}
		for range r.below(3) {
			if kind == core.Inet {
				s.Endpoints = append(s.Endpoints, core.Endpoint{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(r.byte()))})
			} else {
				s.Endpoints = append(s.Endpoints, core.Endpoint{Path: string(rune('p' + r.below(4)))})
			}
		}
		c.Services = append(c.Services, s)
	}
	return c
}

// station keeps the adapter's duty, and nothing else: each question is
// answered at most once, at any later time.
type station struct {
	m      *core.Machine
	now    core.Time
	asked  []core.Action
	load   core.Request
	living []core.Action // the starts of children that live
	pids   []core.PID
}

func (s *station) event(r *reader) core.Event {
	small := core.Generation(r.byte())
	switch r.below(12) {
	case 0:
		if s.load != 0 {
			request := s.load
			s.load = 0
			if r.below(4) == 0 {
				return core.RejectedConfig(request, &core.Config{})
			}
			return core.LoadedConfig(request, r.config())
		}
	case 1, 2, 3:
		if len(s.asked) > 0 {
			return s.answer(r)
		}
	case 4:
		return core.GotSignal(core.Signal(r.byte()))
	case 5:
		return core.ReadyListener(core.ServiceID(small))
	case 6:
		if len(s.living) > 0 {
			i := r.below(len(s.living))
			g, pid := s.living[i].Generation, s.pids[i]
			s.living = append(s.living[:i], s.living[i+1:]...)
			s.pids = append(s.pids[:i], s.pids[i+1:]...)
			return core.Exited(g, pid, core.ExitStatus(r.byte())|core.ExitStatus(r.below(2))<<8)
		}
	case 7:
		var b [wire.StatusSize]byte
		message := wire.Message{PID: int32(small) + 100, Generation: uint32(small), Status: wire.Status(r.below(3))}
		copy(b[:], message.Append(nil))
		return core.ReceivedStatus(small, b, min(1+r.below(40), wire.StatusSize))
	case 8:
		return core.ClosedChannel(small)
	case 9:
		request := core.Request(r.byte())
		return []core.Event{core.SentWakeup(request), core.FailedWakeup(request, core.ECONNREFUSED), core.ClosedWakeup(request)}[r.below(3)]
	case 10:
		return core.Exited(0, core.PID(small), core.ExitStatus(r.byte()))
	}
	s.now = s.now.Add(core.Duration(r.byte()) * core.Second)
	return core.ExpiredTimer()
}

func (s *station) answer(r *reader) core.Event {
	i := r.below(len(s.asked))
	a := s.asked[i]
	s.asked = append(s.asked[:i], s.asked[i+1:]...)
	fails := r.below(4) == 0
	switch {
	case a.Kind == core.OpenListener && fails:
		return core.FailedListener(a.Service, a.Listener, core.ListenStep(r.below(16)), core.Errno(r.byte()))
	case a.Kind == core.OpenListener:
		return core.OpenedListener(a.Service, a.Listener)
	case fails:
		return core.FailedStart(a.Service, a.Generation, core.StartStep(r.below(4)), core.Errno(r.byte()))
	}
	pid := core.PID(a.Generation) + 100
	s.living, s.pids = append(s.living, a), append(s.pids, pid)
	return core.StartedChild(a.Service, a.Generation, pid)
}

func (s *station) observe(actions []core.Action) []byte {
	var text []byte
	for i := range actions {
		switch actions[i].Kind {
		case core.OpenListener, core.StartChild:
			s.asked = append(s.asked, actions[i])
		case core.LoadConfig:
			s.load = actions[i].Request
		}
		text = append(actions[i].AppendText(text), '\n')
	}
	return text
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 2, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 5, 1, 1, 0, 1, 7, 1, 4, 1, 0, 0, 1, 6, 0, 1})
	f.Add(bytes.Repeat([]byte{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9}, 20))
	f.Fuzz(func(t *testing.T, choices []byte) {
		r := &reader{choices}
		s := &station{m: core.New(0, core.Options{GroupLeader: r.below(2) == 0, InitMode: r.below(2) == 1})}
		ev := core.LoadedConfig(0, r.config())
		for range 200 {
			snapshot := s.m.Snapshot()
			text := s.observe(s.m.Step(s.now, ev))
			if err := s.m.Check(); err != nil {
				t.Fatalf("%v after %s", err, ev.AppendText(nil))
			}
			restored, err := core.Restore(snapshot)
			if err != nil {
				t.Fatalf("%v before %s", err, ev.AppendText(nil))
			}
			other := (&station{m: restored}).observe(restored.Step(s.now, ev))
			if !bytes.Equal(text, other) {
				t.Fatalf("%s:\n%s\nrestored:\n%s", ev.AppendText(nil), text, other)
			}
			if len(r.b) == 0 || s.m.View().Exited {
				return
			}
			ev = s.event(r)
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	r := &reader{[]byte{0, 4, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1}}
	m := core.New(0, core.Options{})
	f.Add(m.Snapshot())
	m.Step(0, core.LoadedConfig(0, r.config()))
	f.Add(m.Snapshot())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := core.Restore(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Snapshot(), b) {
			t.Fatal("what was accepted encodes to other bytes")
		}
		m.View()
		m.Deadline()
	})
}
