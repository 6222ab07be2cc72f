package fuzz

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// book counts what a machine was told and what it did, as far as its duties
// and the bounds of its actions depend on that.
type book struct {
	told       [core.TimerExpired + 1]int // events by kind
	done       [core.Exit + 1]int         // actions by kind
	hangups    int
	opened     int             // listeners that were had
	complaints int             // lines about what came over status channels
	generation core.Generation // of the last start
	request    core.Request    // the last one
	watching   []bool          // by ServiceID
	inForce    size            // the accepted configuration
	next       size            // the one being loaded
}

// size is how much a configuration can give rise to.
type size struct{ services, listeners, diagnostics int }

func sizeOf(c *core.Config) (n size) {
	for i := range c.Services {
		n.listeners += len(c.Services[i].Endpoints)
	}
	n.services, n.diagnostics = len(c.Services), len(c.Diagnostics)
	return n
}

func (b *book) reset(base core.Generation) {
	*b = book{generation: base, watching: b.watching[:0]}
}

func (b *book) loading(c *core.Config) { b.next = sizeOf(c) }
func (b *book) applied(c *core.Config) { b.inForce = sizeOf(c) }

func (b *book) nextRequest(r core.Request) bool {
	if r != b.request+1 {
		return false
	}
	b.request = r
	return true
}

func (b *book) watched(id core.ServiceID) bool {
	return int(id) < len(b.watching) && b.watching[id]
}

// watch books what is watched; to say it twice is wrong.
func (b *book) watch(a *core.Action) (wrong string) {
	want := a.Kind == core.WatchListener
	if !want && a.Kind != core.IgnoreListener {
		return ""
	}
	if b.watched(a.Service) == want {
		return "it is so already"
	}
	for int(a.Service) >= len(b.watching) {
		b.watching = append(b.watching, false)
	}
	b.watching[a.Service] = want
	return ""
}

// What one step can do at most to each thing that it may touch:
const (
	aboutService  = 7 // its listeners are watched or ignored, its limit is told of (3), its throttle begins or ends (2), it is woken
	aboutChild    = 3 // told of, signalled, cut off
	aboutWakeup   = 2 // told of, closed
	aboutListener = 2 // asked for, moved, settled, given back or closed
	aboutRemark   = 2 // a diagnostic and its hint
	aboutMachine  = 8 // a reload is told of twice, a configuration asked for and applied, the start told, announced; the end
	aboutFailure  = 3 // of a listener: its remedy and its error, at the start once more
	failuresTold  = 8
	aboutOne      = 3 // what happened to one child or wakeup: two lines and one deed
)

// limit gives the most actions that the event can have. What concerns one
// child or one wakeup touches one service, but for the end of a removed
// service's last child, which frees those that it held back, and the last
// process slot, which cuts off the service's children. Everything else may
// touch everything: services in force, those being loaded, and removed ones,
// of which each has a child.
func (b *book) limit(s *station, ev *core.Event) int {
	children := len(s.living) + len(s.asked)
	services := b.inForce.services + b.next.services + children
	switch ev.Kind {
	case core.StatusReceived, core.ChildChannelClosed, core.ChildStopped, core.WakeupSent, core.WakeupFailed,
		core.WakeupClosed, core.ChildStarted, core.ChildStartFailed:
		if ev.Kind == core.ChildStartFailed {
			return aboutOne + aboutService*(services+1)
		}
		return aboutOne + aboutService
	case core.ChildExited:
		return aboutOne + aboutService*(services+1)
	case core.ListenerReady:
		return aboutOne + aboutService + children
	}
	listeners := b.opened - b.done[core.AbandonListener] - b.done[core.CloseListener] + b.next.listeners
	return aboutMachine + aboutService*services + aboutChild*children + aboutWakeup*len(s.wakeups) + aboutListener*listeners +
		aboutRemark*(b.next.diagnostics+1) + aboutFailure*failuresTold
}

// complaintsOfOne is how many lines one child can bring into the log with what
// it sends.
const complaintsOfOne = 16

// count books an event and the lines that it has.
func (b *book) count(ev *core.Event, actions []core.Action) {
	b.told[ev.Kind]++
	if ev.Kind == core.SignalReceived && ev.Signal == core.SIGHUP {
		b.hangups++
	}
	if ev.Kind != core.StatusReceived {
		return
	}
	for i := range actions {
		switch actions[i].Code {
		case core.LogPartialStatus, core.LogForeignStatus, core.LogStaleStatus, core.LogUnknownStatus, core.LogMuted:
			b.complaints++
		}
	}
}

// laws says which of the bounds over the whole life does not hold: nothing is
// done more often than there was reason for.
func (b *book) laws() error {
	for _, x := range []struct {
		what       string
		done, most int
	}{
		{"starts", b.done[core.StartChild], b.told[core.ListenerReady]},
		{"cuts", b.done[core.RetireChild], b.told[core.ChildStarted]},
		{"loads", b.done[core.LoadConfig], b.hangups},
		{"configurations applied", b.done[core.ApplyConfig], b.told[core.ConfigLoaded]},
		{"wakeups closed", b.done[core.CloseWakeup], b.done[core.WakeService]},
		{"listeners given back", b.done[core.AbandonListener] + b.done[core.CloseListener], b.opened},
		{"announcements", b.done[core.Announce], 1},
		{"ends", b.done[core.Exit], 1},
		{"complaints about messages", b.complaints, complaintsOfOne * b.told[core.ChildStarted]},
	} {
		if x.done > x.most {
			return fmt.Errorf("%d %s, where %d have a reason", x.done, x.what, x.most)
		}
	}
	return nil
}
