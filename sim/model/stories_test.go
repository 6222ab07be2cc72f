package model_test

import (
	"net/netip"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// story is a pair that is led by hand through what chance seldom reaches.
type story struct {
	pair
	t *testing.T
}

func newStory(t *testing.T, o core.MachineOptions) *story {
	return &story{pair: newPair(0, o, t.Fatalf), t: t}
}

// after lets seconds pass and feeds one event.
func (s *story) after(seconds int64, ev core.Event) []core.Action {
	s.t.Helper()
	s.now = s.now.Add(core.Duration(seconds) * core.Second)
	return s.feed(ev)
}

// boot loads the entries and has all listeners opened.
func (s *story) boot(entries ...core.ServiceConfig) {
	s.load(0, entries...)
}

// load accepts a configuration and has all listeners opened that it needs.
func (s *story) load(r core.Request, entries ...core.ServiceConfig) {
	s.t.Helper()
	todo := s.feed(core.ConfigLoadedEvent(r, storyConfig(entries...)))
	for len(todo) > 0 {
		a := todo[0]
		todo = todo[1:]
		if a.Kind == core.OpenListener {
			todo = append(todo, s.feed(core.ListenerOpenedEvent(a.Service, a.Listener))...)
		}
	}
}

// reload hangs up and accepts the entries.
func (s *story) reload(entries ...core.ServiceConfig) {
	s.t.Helper()
	for _, a := range s.feed(core.SignalReceivedEvent(core.SIGHUP)) {
		if a.Kind == core.LoadConfig {
			s.load(a.Request, entries...)
			return
		}
	}
	s.t.Fatal("a hangup loaded nothing")
}

// spawn has a child started by a client, and takes it.
func (s *story) spawn(id core.ServiceID, pid core.PID) core.Generation {
	s.t.Helper()
	for _, a := range s.feed(core.ListenerReadyEvent(id)) {
		if a.Kind == core.StartChild {
			s.feed(core.ChildStartedEvent(id, a.Generation, pid))
			s.feed(says(a.Generation, pid, wire.Taken))
			return a.Generation
		}
	}
	s.t.Fatalf("service %d started nothing", id)
	return 0
}

func says(g core.Generation, pid core.PID, status wire.Status) core.Event {
	var b [wire.StatusSize]byte
	copy(b[:], wire.Message{PID: int32(pid), Generation: uint32(g), Status: status}.Append(nil))
	return core.StatusReceivedEvent(g, b, wire.StatusSize)
}

func storyConfig(entries ...core.ServiceConfig) *core.Config {
	return &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix", Services: entries}
}

// port is an inet service with two places and the stress argument.
func port() core.ServiceConfig {
	return core.ServiceConfig{
		Name: "smtp", Canonical: "smtp", Type: core.Inet, Line: 1, ProcessLimit: 2,
		Endpoints: []core.Endpoint{{Address: netip.MustParseAddrPort("0.0.0.0:25")}},
		Command:   "smtpd", Path: "/usr/lib/smtpd", ThrottleDelay: 60 * core.Second,
	}
}

// queue is a unix service without a limit, with a wakeup each ten minutes.
func queue(transport core.ServiceType) core.ServiceConfig {
	return core.ServiceConfig{
		Name: "qmgr", Canonical: "public/qmgr", Type: transport, Line: 2, LocalOnly: true, WakeupInterval: 600 * core.Second,
		Endpoints: []core.Endpoint{{Path: "public/qmgr"}},
		Command:   "qmgr", Path: "/usr/lib/qmgr", ThrottleDelay: 60 * core.Second,
	}
}

func TestModelAgreesOnExitTimeBesideOtherTimers(t *testing.T) {
	s := newStory(t, core.MachineOptions{ExitSet: true, ExitAfter: 100 * core.Second})
	s.boot(port())
	for _, a := range s.feed(core.ListenerReadyEvent(1)) {
		if a.Kind == core.StartChild {
			s.feed(core.ChildStartFailedEvent(1, a.Generation, core.StartFork, core.EAGAIN))
		}
	}
	// The loop was late: the throttle is over, and so is the time of -e.
	s.after(200, core.TimerExpiredEvent())
	if !s.ended {
		t.Fatal("the time of -e did not end the machine")
	}
}

func TestModelAgreesOnRetiredReportsAtTheLimit(t *testing.T) {
	s := newStory(t, core.MachineOptions{GroupLeader: true})
	s.boot(port())
	first := s.spawn(1, 11)
	s.spawn(1, 12) // the last place: the first child is retired
	s.after(2000, says(first, 11, wire.Available))
}

func TestModelAgreesOnTwoFailuresAtStart(t *testing.T) {
	s := newStory(t, core.MachineOptions{GroupLeader: true})
	for _, a := range s.feed(core.ConfigLoadedEvent(0, storyConfig(port(), queue(core.Unix)))) {
		if a.Kind == core.OpenListener {
			s.feed(core.ListenerFailedEvent(a.Service, a.Listener, core.StepBind, core.EADDRINUSE))
		}
	}
	if !s.ended {
		t.Fatal("the failures did not end the machine")
	}
}

func TestModelAgreesOnGarbageWithoutEnd(t *testing.T) {
	s := newStory(t, core.MachineOptions{GroupLeader: true})
	s.boot(port())
	g := s.spawn(1, 11)
	for n := range 40 {
		s.feed(core.StatusReceivedEvent(g, [wire.StatusSize]byte{}, 1+n%wire.StatusSize))
	}
	s.feed(says(g, 11, wire.Available))
}

func TestModelAgreesOnDeafChildrenOfRemovedServices(t *testing.T) {
	s := newStory(t, core.MachineOptions{GroupLeader: true})
	s.boot(port(), queue(core.Unix))
	g := s.spawn(2, 12)
	for _, a := range s.feed(core.ListenerReadyEvent(1)) {
		if a.Kind == core.StartChild { // asked for, and answered long after the removal
			s.reload()
			s.reload(port(), queue(core.FIFO))
			for range 3 {
				s.after(5, core.TimerExpiredEvent())
			}
			s.after(2, core.ChildStartedEvent(1, a.Generation, 11))
			s.reload(queue(core.Unix), port())
			for range 3 {
				at, _ := s.machine.Deadline()
				s.now = max(s.now, at)
				s.feed(core.TimerExpiredEvent())
			}
			s.feed(core.ChildExitedEvent(a.Generation, 11, core.KilledBy(core.SIGKILL)))
		}
	}
	s.feed(core.ChildExitedEvent(g, 12, core.KilledBy(core.SIGTERM)))
}

func TestModelAgreesOnReceiversThatNeverClose(t *testing.T) {
	for _, transport := range []core.ServiceType{core.Unix, core.Pass, core.FIFO, core.UnixDatagram} {
		s := newStory(t, core.MachineOptions{GroupLeader: true})
		s.boot(queue(transport))
		asked := core.Request(0)
		for range 20 {
			at, ok := s.machine.Deadline()
			if !ok {
				t.Fatalf("%v: no wakeup is due any more", transport)
			}
			s.now = at
			for _, a := range s.feed(core.TimerExpiredEvent()) {
				if a.Kind == core.WakeService && a.Request%3 != 0 {
					asked = a.Request
					s.feed(core.WakeupSentEvent(asked))
				}
			}
			if asked%3 == 2 && transport != core.FIFO {
				s.after(50, core.WakeupClosedEvent(asked))
				asked = 0
			}
		}
	}
}

// TestModelKeepsUpWithLongHistories guards the bound of the package: a history
// of some thousand steps is slow, and no more than that.
func TestModelKeepsUpWithLongHistories(t *testing.T) {
	s := newStory(t, core.MachineOptions{GroupLeader: true})
	s.boot(port(), queue(core.Unix))
	for n := range 100 {
		pid := core.PID(100 + n)
		g := s.spawn(1, pid)
		s.after(1, says(g, pid, wire.Available))
		s.after(1, says(g, pid, wire.Taken))
		s.feed(core.ChildExitedEvent(g, pid, 0))
		s.feed(core.TimerExpiredEvent())
	}
}
