package laws

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// Constants of the specification: a machine that changes them is found out.
const (
	removalGrace  = 5 * core.Second   // from SIGTERM to SIGKILL
	leaving       = removalGrace      // who is cut off while idle has as long as that
	channelGrace  = 1 * core.Second   // from the end of a channel to the line about it
	wakeupLimit   = 1 * core.Second   // to send one
	wakeupHold    = 101 * core.Second // for its receiver to close it
	stressTime    = 1000 * core.Second
	warnInterval  = 1000 * core.Second
	complaints    = 16 // lines that one child can bring into the log; the last says that it was too many
	longestDelay  = (1<<31 - 1) * core.Second
	mostListeners = 1024
)

// happened takes an event into the account, and notes what the machine must do
// about it in this step.
func (b *Book) happened(ev *core.Event) {
	b.due = due{}
	b.expected = b.expected[:0]
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
		if c := b.Child(ev.Generation); c != nil && !c.Retired && !c.closed {
			c.closed, c.closedAt = true, b.now.Add(channelGrace)
			b.closed = append(b.closed, c)
		}
	case core.ChildExited:
		b.childExited(ev)
	case core.ChildStopped:
		if c := b.Child(ev.Generation); c != nil {
			b.expect(line{code: core.LogStopped, entry: c.entry, pid: c.PID, number: int64(ev.Signal)})
		}
	case core.WakeupSent, core.WakeupFailed, core.WakeupClosed:
		b.wakeupAnswered(ev)
	case core.TimerExpired:
		b.timeCame()
	}
}

// signalCame: a hangup reloads, six signals end us, others mean nothing.
func (b *Book) signalCame(s core.Signal) {
	switch s {
	case core.SIGHUP:
		r := &b.reload
		if !b.running || r.loading || r.opening || r.unknown {
			r.again = true
			return
		}
		b.asksForConfig()
	case core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV, core.SIGTERM:
		b.due.ending, b.due.group, b.due.exit = true, true, true
		if !b.options.InitMode {
			b.due.exitSignal = s
		}
		b.expect(line{code: core.LogTerminating, number: int64(s)})
		if b.options.GroupLeader {
			return
		}
		for _, c := range b.living {
			b.owesTerm(c)
		}
	}
}

// clientWaits: the one reason to start a child, unless it would take a descriptor
// that is kept for another service. The last slot of a service that knows stress
// mode switches that on: all others are cut off, and wakeups begin anew.
func (b *Book) clientWaits(s *Service) {
	if !b.affordable(s) {
		s.Starved = true
		b.starving++
		b.changed(s)
		if !b.starvedTold || b.now.Sub(b.starvedAt) > warnInterval {
			b.starvedTold, b.starvedAt = true, b.now
			b.expect(line{code: core.LogStarved, entry: s.Entry, number: b.holding()})
		}
		return
	}
	b.due.started = s
	if !s.LastSlot() {
		return
	}
	if !s.Stressed || s.StressEnd < b.now {
		b.retireAll(s)
		b.restartWakeups(s)
	}
	s.Stressed, s.StressEnd = true, b.now.Add(stressTime)
}

// holding counts the children that hold a descriptor of ours.
func (b *Book) holding() (n int64) {
	for _, c := range b.living {
		if !c.Retired {
			n++
		}
	}
	return n
}

// childStarted: a child counts as idle at once. What has happened to its service
// since its start was asked for is made good on it.
func (b *Book) childStarted(ev *core.Event) {
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
	b.verbose(line{code: core.LogSpawned, entry: c.entry, pid: c.PID})
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

// startFailed: whatever failed, the service rests. That the program cannot be
// executed is a bad startup as well: the original's child dies of it.
func (b *Book) startFailed(ev *core.Event) {
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
		b.expect(line{code: core.LogExecFailed, entry: e, errno: ev.Errno})
		if !s.Throttled {
			b.expect(line{code: core.LogBadStartup, entry: e})
		}
	case core.StartChannel:
		b.expect(line{code: core.LogChannelFailed, entry: e, errno: ev.Errno})
	default:
		b.expect(line{code: core.LogForkFailed, entry: e, errno: ev.Errno})
	}
	b.throttle(s)
}

// reported notes what a status message does to its sender.
func (b *Book) reported(ev *core.Event) {
	c := b.Child(ev.Generation)
	if c == nil || c.State == Pending {
		return
	}
	m := wire.ParseMessage(ev.Bytes)
	l := line{entry: c.entry, pid: c.PID}
	switch {
	case ev.N != wire.StatusSize:
		l.code, l.number = core.LogPartialStatus, int64(ev.N)
	case core.PID(m.PID) != c.PID:
		l.code, l.number = core.LogForeignStatus, int64(m.PID)
	case m.Generation != uint32(ev.Generation):
		l.code, l.number = core.LogStaleStatus, int64(m.Generation)
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
		l.code, l.number = core.LogUnknownStatus, int64(m.Status)
	}
	if c.complaints == complaints {
		return
	}
	c.complaints++
	if c.complaints == complaints {
		l.code = core.LogMuted
	}
	b.expect(l)
}

// The encoding of an exit status: a code, or with this bit a signal.
const bySignal = 1 << 8

// childExited: a bad end is one with another status than 0 that is not the work of a
// signal of ours. One before the first use, of a service that does not rest, lets
// it rest.
func (b *Book) childExited(ev *core.Event) {
	c := b.Child(ev.Generation)
	if c == nil || c.State == Pending {
		if !b.options.InitMode {
			b.expect(line{code: core.LogStranger, pid: ev.PID, status: ev.Status})
		}
		return
	}
	signal := core.Signal(0)
	if ev.Status&bySignal != 0 {
		signal = core.Signal(uint8(ev.Status))
	}
	ours := signal == core.SIGTERM && c.terminated || signal == core.SIGKILL && c.killed
	s, e, pid, served := c.Service, c.entry, c.PID, c.Served
	active := s.Life == Active
	b.bury(c)
	if ev.Status == 0 || ours {
		return
	}
	b.expect(line{code: core.LogExited, entry: e, pid: pid, status: ev.Status})
	if !served && active && !s.Throttled {
		b.expect(line{code: core.LogBadStartup, entry: e})
		b.throttle(s)
	}
}

func (b *Book) wakeupAnswered(ev *core.Event) {
	for i := range b.wakeups {
		k := &b.wakeups[i]
		if k.request != ev.Request {
			continue
		}
		if ev.Kind == core.WakeupSent && !k.fifo {
			k.sent, k.deadline = true, b.now.Add(wakeupHold)
			return
		}
		if ev.Kind == core.WakeupFailed {
			b.expect(line{code: core.LogWakeupFailed, entry: k.entry, errno: ev.Errno})
		}
		b.wakeups = append(b.wakeups[:i], b.wakeups[i+1:]...)
		return
	}
}

// timeCame: everything whose time has come is due in this step, in the order of the
// times.
func (b *Book) timeCame() {
	if b.options.ExitSet && b.exitAt <= b.now {
		// Whether what is due besides is done before the end is nobody's concern.
		b.due.exit, b.due.adrift = true, true
		b.expect(line{code: core.LogExitTime})
	}
	for _, s := range b.active {
		if s.LeaveBy != 0 && s.LeaveBy <= b.now {
			s.LeaveBy = 0
			b.changed(s)
		}
		released := s.Throttled && s.Release <= b.now
		if s.WakeAt != 0 && s.WakeAt <= b.now {
			b.wakeupComes(s, s.Throttled && !(released && s.Release < s.WakeAt), released && s.Release == s.WakeAt)
		}
		if released {
			b.release(s)
		}
	}
	for _, s := range b.removed {
		if s.KillAt <= b.now {
			b.graceOver(s)
		}
	}
	for i := range b.wakeups {
		k := &b.wakeups[i]
		if k.deadline > b.now {
			continue
		}
		b.due.closes++
		if k.sent {
			b.expect(line{code: core.LogWakeupTimeout, entry: k.entry})
		} else {
			b.expect(line{code: core.LogWakeupFailed, entry: k.entry, errno: core.ETIMEDOUT})
		}
	}
	for i := 0; i < len(b.closed); {
		c := b.closed[i]
		if c.closedAt > b.now {
			i++
			continue
		}
		b.expect(line{code: core.LogChannelClosed, entry: c.entry, pid: c.PID})
		b.closed = append(b.closed[:i], b.closed[i+1:]...)
	}
}

// graceOver: who did not heed SIGTERM is killed, and again after each further grace:
// one may have been started only now.
func (b *Book) graceOver(s *Service) {
	s.KillAt = b.now.Add(removalGrace)
	for _, c := range s.Children {
		if c.State == Pending {
			continue
		}
		c.owesKill = true
		b.due.kills++
		if !c.killed {
			b.expect(line{code: core.LogRemovalKilled, entry: c.entry, pid: c.PID, may: !b.whole})
		}
	}
}
