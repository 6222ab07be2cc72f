package recorded

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/tape"
)

func (f *fork) below(n int) int { return int(f.choose.Below(uint32(n), tape.Other)) }

// draw lets a little time pass and one thing happen, of those that may.
func (f *fork) draw() {
	now := f.now
	switch f.below(6) {
	case 0:
		now = now.Add(core.Duration(1+f.below(5000)) * core.Millisecond)
	case 1, 2:
		now = now.Add(core.Millisecond)
	}
	when, timed := f.machine.Deadline()
	if timed && when <= now {
		f.take(max(now, when), core.TimerExpiredEvent())
		return
	}
	ev, ok := f.event()
	if !ok { // nobody does anything: time passes
		if !timed {
			when = now.Add(core.Second)
		}
		now, ev = when, core.TimerExpiredEvent()
	}
	f.take(now, ev)
}

// event draws one of the things that may happen now; ok is false when none was
// drawn.
func (f *fork) event() (ev core.Event, ok bool) {
	if !f.begun {
		return core.Event{}, false
	}
	switch n := f.below(32); {
	case n < 4 && f.loading:
		return f.answerLoad(), true
	case n < 8 && len(f.opens) > 0:
		return f.answerOpen(), true
	case n < 14 && len(f.starts) > 0:
		return f.answerStart(), true
	case n < 16 && len(f.wakeups)+len(f.sent) > 0:
		return f.answerWakeup(), true
	case n < 21 && len(f.watched) > 0:
		return core.ListenerReadyEvent(f.watched[f.below(len(f.watched))]), true
	case n < 27 && len(f.kids) > 0:
		return f.report(), true
	case n < 29 && len(f.kids) > 0:
		return f.exit(), true
	case n == 29 && f.config != nil:
		return core.SignalReceivedEvent(core.SIGHUP), true
	case n == 30 && f.services > 0: // late: nobody watches any more, or nobody is there
		return core.ListenerReadyEvent(core.ServiceID(1 + f.below(int(f.services)))), true
	case n == 31 && len(f.kids) > 0:
		return f.oddity()
	}
	return core.Event{}, false
}

// answerLoad brings the configuration as it was, or edited, or none.
func (f *fork) answerLoad() core.Event {
	if f.below(8) == 7 || f.config == nil {
		return core.ConfigRejectedEvent(f.load, &core.Config{Diagnostics: []core.Diagnostic{{Severity: core.Error, Text: "bad transport type: tapes"}}})
	}
	c := *f.config
	c.Services, c.Diagnostics = nil, nil
	for i := range f.entries {
		s := f.entries[i]
		switch f.below(8) {
		case 5:
			continue // it is gone, or stays away
		case 6:
			s.ProcessLimit = int32(f.below(4))
		case 7:
			s.Args = append(append([]string(nil), s.Args...), "-v")
		}
		c.Services = append(c.Services, s)
	}
	c.ReloadClearsThrottle = f.below(4) == 3
	return core.ConfigLoadedEvent(f.load, &c)
}

func (f *fork) answerOpen() core.Event {
	a := f.opens[f.below(len(f.opens))]
	if f.below(12) == 11 {
		return core.ListenerFailedEvent(a.Service, a.Listener, core.StepBind, core.EADDRINUSE)
	}
	return core.ListenerOpenedEvent(a.Service, a.Listener)
}

func (f *fork) answerStart() core.Event {
	a := f.starts[f.below(len(f.starts))]
	if f.below(12) == 11 {
		return core.ChildStartFailedEvent(a.Service, a.Generation, core.StartStep(1+f.below(3)), core.EAGAIN)
	}
	return core.ChildStartedEvent(a.Service, a.Generation, f.pid())
}

// pid returns a new identity, or one that is free again.
func (f *fork) pid() core.PID {
	if f.below(4) == 3 {
		for pid := core.PID(2); pid < f.lastPID; pid++ {
			used := false
			for i := range f.kids {
				used = used || f.kids[i].pid == pid
			}
			if !used {
				return pid
			}
		}
	}
	return f.lastPID + 1
}

func (f *fork) answerWakeup() core.Event {
	n := f.below(len(f.wakeups) + len(f.sent))
	switch {
	case n >= len(f.wakeups):
		return core.WakeupClosedEvent(f.sent[n-len(f.wakeups)])
	case f.below(8) == 7:
		return core.WakeupFailedEvent(f.wakeups[n].Request, core.ECONNREFUSED)
	}
	return core.WakeupSentEvent(f.wakeups[n].Request)
}

// report is a change of what the child told last; now and then nonsense.
func (f *fork) report() core.Event {
	k := &f.kids[f.below(len(f.kids))]
	m := wire.Message{PID: int32(k.pid), Generation: uint32(k.generation), Status: wire.Taken}
	if k.taken {
		m.Status = wire.Available
	}
	n := wire.StatusSize
	switch f.below(24) {
	case 21:
		m.PID++
	case 22:
		m.Generation--
	case 23:
		n = 1 + f.below(wire.StatusSize-1)
	}
	var b [wire.StatusSize]byte
	copy(b[:], m.Append(nil)[:n])
	return core.StatusReceivedEvent(k.generation, b, n)
}

// exit ends a child: one that was told to, or was cut off, rather than others.
func (f *fork) exit() core.Event {
	first := f.below(len(f.kids))
	k := f.kids[first]
	for i := range f.kids {
		if c := f.kids[(first+i)%len(f.kids)]; c.told || c.retired {
			k = c
			break
		}
	}
	status := [4]core.ExitStatus{0, 0, core.ExitedWith(1), core.KilledBy(core.SIGSEGV)}[f.below(4)]
	if k.told && f.below(2) == 1 {
		status = core.KilledBy(core.SIGTERM)
	}
	return core.ChildExitedEvent(k.generation, k.pid, status)
}

// oddity: a channel is closed early, a child is stopped, a stranger is reaped.
func (f *fork) oddity() (core.Event, bool) {
	k := f.kids[f.below(len(f.kids))]
	switch f.below(3) {
	case 0:
		if k.closed || k.retired {
			return core.Event{}, false
		}
		return core.ChildChannelClosedEvent(k.generation), true
	case 1:
		return core.ChildStoppedEvent(k.generation, k.pid, 19), true
	}
	return core.ChildExitedEvent(0, f.lastPID+1000, core.ExitedWith(1)), true
}
