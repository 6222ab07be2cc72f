package checks

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// KernelView is what a kernel knows of the daemon between two turns of its loop, as plain
// facts. What the daemon believes is no part of it.
type KernelView struct {
	Listeners []Socket  // that the daemon has open
	Channels  []Socket  // its ends of status channels
	Processes []Running // that it started, and has not reaped
}

// Socket is an open descriptor of the daemon.
type Socket struct {
	Endpoint   core.Endpoint    // of a listener
	Type       core.ServiceType // of a listener; one that makes the same kind of socket will do
	Generation core.Generation  // of a channel: the child at its other end
	Polled     bool             // the poll set reports when it can be read
}

// Running is a process.
type Running struct {
	PID        core.PID
	Generation core.Generation
	Ended      bool // it is not reaped
}

// same reports whether a listener of the kernel is one of the service.
func (x *Socket) same(s *account.Service, end core.Endpoint) bool {
	return x.Endpoint == end && account.SocketKind(x.Type) == account.SocketKind(s.Entry.Type)
}

// counted is how many of something the account has, and how many the kernel.
type counted struct{ account, kernel, watched, polled int }

// count counts the listeners at an endpoint: services may share one.
func (k *KernelView) count(b *account.Account, of *account.Service, end core.Endpoint) (n counted) {
	for _, s := range b.Services {
		for i, open := range s.Open {
			if !open || s.Endpoints[i] != end || account.SocketKind(s.Entry.Type) != account.SocketKind(of.Entry.Type) {
				continue
			}
			n.account++
			if s.Watched {
				n.watched++
			}
		}
	}
	for i := range k.Listeners {
		if x := &k.Listeners[i]; x.same(of, end) {
			n.kernel++
			if x.Polled {
				n.polled++
			}
		}
	}
	return n
}

// ListenersThere: the daemon has open what the account says, and nothing else.
func ListenersThere(b *account.Account, k *KernelView) string {
	total := 0
	for _, s := range b.Services {
		for i, open := range s.Open {
			if !open {
				continue
			}
			total++
			if n := k.count(b, s, s.Endpoints[i]); n.account != n.kernel {
				return wrong("%d listeners are open at %s, should be %d", n.kernel, s.Endpoints[i], n.account)
			}
		}
	}
	if total != len(k.Listeners) {
		return wrong("%d listeners are open, should be %d", len(k.Listeners), total)
	}
	return ""
}

// PolledAsWatched: the poll set reports the listeners that are watched, and no others.
func PolledAsWatched(b *account.Account, k *KernelView) string {
	for _, s := range b.Services {
		for i, open := range s.Open {
			if !open {
				continue
			}
			if n := k.count(b, s, s.Endpoints[i]); n.account == n.kernel && n.watched != n.polled {
				return wrong("%d listeners at %s are in the poll set, %d are watched", n.polled, s.Endpoints[i], n.watched)
			}
		}
	}
	return ""
}

// ChannelsThere: who was cut off has no channel any more, and what comes over the others
// is heard.
func ChannelsThere(b *account.Account, k *KernelView) string {
	for i := range k.Channels {
		x := &k.Channels[i]
		switch c := b.Child(x.Generation); {
		case c == nil:
			return wrong("the channel of generation %d is open, which has ended or never began", x.Generation)
		case c.Retired && c.State != account.Pending:
			return wrong("the channel of generation %d is open, which is cut off", x.Generation)
		case !x.Polled:
			return wrong("nobody hears what generation %d reports", x.Generation)
		}
	}
	return ""
}

// ProcessesThere: every child of the account is a process, under its pid.
func ProcessesThere(b *account.Account, k *KernelView) string {
	for _, c := range b.Living {
		if c.State == account.Pending {
			continue
		}
		there := false
		for i := range k.Processes {
			p := &k.Processes[i]
			there = there || p.PID == c.PID && p.Generation == c.Generation
		}
		if !there {
			return wrong("generation %d with pid %d is no process that could be reaped", c.Generation, c.PID)
		}
	}
	return ""
}
