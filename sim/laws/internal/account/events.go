package account

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// Constants of the specification: a machine that changes them is found out.
const (
	RemovalGrace  = 5 * core.Second   // from SIGTERM to SIGKILL
	leaving       = RemovalGrace      // who is cut off while idle has as long as that
	channelGrace  = 1 * core.Second   // from the end of a channel to the line about it
	wakeupLimit   = 1 * core.Second   // to send one
	wakeupHold    = 101 * core.Second // for its receiver to close it
	stressTime    = 1000 * core.Second
	WarnInterval  = 1000 * core.Second
	complaints    = 16 // lines that one child can bring into the log; the last says that it was too many
	longestDelay  = (1<<31 - 1) * core.Second
	mostListeners = 1024
)

// Happened takes an event into the account, and notes what the machine must do
// about it in this step.
func (b *Account) Happened(ev *core.Event) {
	b.Due = Due{}
	b.Expected = b.Expected[:0]
	switch ev.Kind {
	case core.ConfigLoaded, core.ConfigRejected:
		b.configCame(ev)
	case core.SignalReceived:
		b.signalCame(ev.Signal)
	case core.ListenerOpened, core.ListenerFailed:
		b.listenerCame(ev)
	case core.ListenerReady:
		if s := b.Service(ev.Service); s != nil && s.Watched {
			b.clientWaits(s)
		}
	case core.ChildStarted:
		b.childStarted(ev)
	case core.ChildStartFailed:
		b.startFailed(ev)
	case core.StatusReceived:
		b.reported(ev)
	case core.ChildChannelClosed:
		if c := b.Child(ev.Generation); c != nil && !c.Retired && !c.Closed {
			c.Closed, c.ClosedAt = true, b.Now.Add(channelGrace)
			b.Closed = append(b.Closed, c)
		}
	case core.ChildExited:
		b.childExited(ev)
	case core.ChildStopped:
		if c := b.Child(ev.Generation); c != nil {
			b.expect(Line{Code: core.LogStopped, Entry: c.entry, PID: c.PID, Number: int64(ev.Signal)})
		}
	case core.WakeupSent, core.WakeupFailed, core.WakeupClosed:
		b.wakeupAnswered(ev)
	case core.TimerExpired:
		b.timeCame()
	}
}

// signalCame: a hangup reloads, six signals end us, others mean nothing.
func (b *Account) signalCame(s core.Signal) {
	switch s {
	case core.SIGHUP:
		r := &b.Reload
		if !b.Running || r.Loading || r.Opening || r.Unknown {
			r.again = true
			return
		}
		b.asksForConfig()
	case core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV, core.SIGTERM:
		b.Due.Ending, b.Due.Group, b.Due.Exit = true, true, true
		if !b.Options.InitMode {
			b.Due.ExitSignal = s
		}
		b.expect(Line{Code: core.LogTerminating, Number: int64(s)})
		if b.Options.GroupLeader {
			return
		}
		for _, c := range b.Living {
			b.owesTerm(c)
		}
	}
}

// clientWaits: the one reason to start a child, unless it would take a descriptor
// that is kept for another service. The last slot of a service that knows stress
// mode switches that on: all others are cut off, and wakeups begin anew.
func (b *Account) clientWaits(s *Service) {
	if !b.affordable(s) {
		s.Starved = true
		b.starving++
		b.changed(s)
		if !b.starvedTold || b.Now.Sub(b.starvedAt) > WarnInterval {
			b.starvedTold, b.starvedAt = true, b.Now
			b.expect(Line{Code: core.LogStarved, Entry: s.Entry, Number: b.holding()})
		}
		return
	}
	b.Due.Started = s
	if !s.LastSlot() {
		return
	}
	if !s.Stressed || s.StressEnd < b.Now {
		b.retireAll(s)
		b.restartWakeups(s)
	}
	s.Stressed, s.StressEnd = true, b.Now.Add(stressTime)
}

// holding counts the children that hold a descriptor of ours.
func (b *Account) holding() (n int64) {
	for _, c := range b.Living {
		if !c.Retired {
			n++
		}
	}
	return n
}

// childStarted: a child counts as idle at once. What has happened to its service
// since its start was asked for is made good on it.
func (b *Account) childStarted(ev *core.Event) {
	c := b.Child(ev.Generation)
	if c == nil || c.State != Pending {
		return
	}
	s := c.Service
	c.PID = ev.PID
	b.count(c, -1)
	c.State = Idle
	b.count(c, +1)
	b.changed(s)
	b.verbose(Line{Code: core.LogSpawned, Entry: c.entry, PID: c.PID})
	if s.Life == Removed {
		b.owesTerm(c)
	}
	if c.Retired {
		b.owesCut(c)
		return
	}
	if s.Life == Active && s.Entry.WakeupIfUsed && !s.armed {
		b.armWakeups(s)
	}
}

// startFailed: no matter what failed, the service rests. That the program cannot be
// executed is a bad startup as well: the original's child dies of it.
func (b *Account) startFailed(ev *core.Event) {
	c := b.Child(ev.Generation)
	if c == nil || c.State != Pending {
		return
	}
	s, e := c.Service, c.entry
	active := s.Life == Active
	b.bury(c)
	if !active {
		return
	}
	switch ev.StartStep {
	case core.StartExec:
		b.expect(Line{Code: core.LogExecFailed, Entry: e, Errno: ev.Errno})
		if !s.Throttled {
			b.expect(Line{Code: core.LogBadStartup, Entry: e})
		}
	case core.StartChannel:
		b.expect(Line{Code: core.LogChannelFailed, Entry: e, Errno: ev.Errno})
	default:
		b.expect(Line{Code: core.LogForkFailed, Entry: e, Errno: ev.Errno})
	}
	b.throttle(s)
}

// reported notes what a status message does to its sender.
func (b *Account) reported(ev *core.Event) {
	c := b.Child(ev.Generation)
	if c == nil || c.State == Pending {
		return
	}
	m := wire.ParseMessage(ev.Bytes)
	l := Line{Entry: c.entry, PID: c.PID}
	switch {
	case ev.N != wire.StatusSize:
		l.Code, l.Number = core.LogPartialStatus, int64(ev.N)
	case core.PID(m.PID) != c.PID:
		l.Code, l.Number = core.LogForeignStatus, int64(m.PID)
	case m.Generation != uint32(ev.Generation):
		l.Code, l.Number = core.LogStaleStatus, int64(m.Generation)
	case m.Status == wire.Taken:
		if c.State == Idle {
			b.become(c, Busy)
		}
		return
	case m.Status == wire.Available:
		if c.State == Busy {
			c.Served = true
			b.become(c, Idle)
		}
		return
	default:
		l.Code, l.Number = core.LogUnknownStatus, int64(m.Status)
	}
	if c.complaints == complaints {
		return
	}
	c.complaints++
	if c.complaints == complaints {
		l.Code = core.LogMuted
	}
	b.expect(l)
}

// The encoding of an exit status: a code, or with this bit a signal.
const BySignal = 1 << 8

// childExited: a bad end is one with another status than 0 that is not the work of a
// signal of ours. One before the first use, of a service that does not rest, lets
// it rest.
func (b *Account) childExited(ev *core.Event) {
	c := b.Child(ev.Generation)
	if c == nil || c.State == Pending {
		if !b.Options.InitMode {
			b.expect(Line{Code: core.LogStranger, PID: ev.PID, Status: ev.Status})
		}
		return
	}
	signal := core.Signal(0)
	if ev.Status&BySignal != 0 {
		signal = core.Signal(uint8(ev.Status))
	}
	ours := signal == core.SIGTERM && c.terminated || signal == core.SIGKILL && c.killed
	s, e, pid, served := c.Service, c.entry, c.PID, c.Served
	active := s.Life == Active
	b.bury(c)
	if ev.Status == 0 || ours {
		return
	}
	b.expect(Line{Code: core.LogExited, Entry: e, PID: pid, Status: ev.Status})
	if !served && active && !s.Throttled {
		b.expect(Line{Code: core.LogBadStartup, Entry: e})
		b.throttle(s)
	}
}

func (b *Account) wakeupAnswered(ev *core.Event) {
	for i := range b.Wakeups {
		k := &b.Wakeups[i]
		if k.request != ev.Request {
			continue
		}
		if ev.Kind == core.WakeupSent && !k.fifo {
			k.sent, k.Deadline = true, b.Now.Add(wakeupHold)
			return
		}
		if ev.Kind == core.WakeupFailed {
			b.expect(Line{Code: core.LogWakeupFailed, Entry: k.entry, Errno: ev.Errno})
		}
		b.Wakeups = append(b.Wakeups[:i], b.Wakeups[i+1:]...)
		return
	}
}

// timeCame: everything whose time has come is due in this step, in the order of the
// times.
func (b *Account) timeCame() {
	if b.Options.ExitSet && b.ExitAt <= b.Now {
		// Whether what is due besides is done before the end is nobody's concern.
		b.Due.Exit, b.Due.Adrift = true, true
		b.expect(Line{Code: core.LogExitTime})
	}
	for _, s := range b.InForce {
		if s.LeaveBy != 0 && s.LeaveBy <= b.Now {
			s.LeaveBy = 0
			b.changed(s)
		}
		released := s.Throttled && s.Release <= b.Now
		if s.WakeAt != 0 && s.WakeAt <= b.Now {
			b.wakeupComes(s, s.Throttled && !(released && s.Release < s.WakeAt), released && s.Release == s.WakeAt)
		}
		if released {
			b.release(s)
		}
	}
	for _, s := range b.Outgoing {
		if s.KillAt <= b.Now {
			b.graceOver(s)
		}
	}
	for i := range b.Wakeups {
		k := &b.Wakeups[i]
		if k.Deadline > b.Now {
			continue
		}
		b.Due.Closes++
		if k.sent {
			b.expect(Line{Code: core.LogWakeupTimeout, Entry: k.entry})
		} else {
			b.expect(Line{Code: core.LogWakeupFailed, Entry: k.entry, Errno: core.ETIMEDOUT})
		}
	}
	for i := 0; i < len(b.Closed); {
		c := b.Closed[i]
		if c.ClosedAt > b.Now {
			i++
			continue
		}
		b.expect(Line{Code: core.LogChannelClosed, Entry: c.entry, PID: c.PID})
		b.Closed = append(b.Closed[:i], b.Closed[i+1:]...)
	}
}

// graceOver: who did not heed SIGTERM is killed, and again after each further grace:
// one may have been started only now.
func (b *Account) graceOver(s *Service) {
	s.KillAt = b.Now.Add(RemovalGrace)
	for _, c := range s.Children {
		if c.State == Pending {
			continue
		}
		c.OwesKill = true
		b.Due.Kills++
		if !c.killed {
			b.expect(Line{Code: core.LogRemovalKilled, Entry: c.entry, PID: c.PID, May: !b.Whole})
		}
	}
}
