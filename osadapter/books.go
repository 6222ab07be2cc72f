package osadapter

import (
	"cmp"
	"maps"
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/internal/trigger"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Books are a copy of what Driver keeps: every descriptor that it holds, each
// with its purpose. They are for comparison with the kernel's truth.
type Books struct {
	PollSet, FlowRead, FlowWrite sys.FD
	Waker                        sys.FD
	WakerKey                     uint64
	Listeners                    []ListenerEntry // by service and number
	Children                     []ChildEntry    // not reaped, by generation
	Wakeups                      []WakeupEntry   // under way, by request
	Unreaped                     int             // process identities that are known as children
	Sweep                        bool            // all processes are to be asked for; it was put off or refused
	Owed                         []string        // paths whose files stand aside and could not be put back
	Launches                     []ChildEntry    // starts under way, by generation
	Leaving                      []core.PID      // of starts that failed, not reaped, in order
}

// ListenerEntry is one open listener.
type ListenerEntry struct {
	Service  core.ServiceID
	Number   uint16
	Watched  bool   // wanted
	Applied  bool   // known to the poll set; the same after Wait
	Key      uint64 // in the poll set
	Listener sockets.Listener
}

// ChildEntry is one child.
type ChildEntry struct {
	Generation core.Generation
	PID        core.PID
	Status     sys.FD // sys.None once it is closed
	Key        uint64
}

// WakeupEntry is one wakeup request under way.
type WakeupEntry struct {
	Request    core.Request
	Connecting bool
	FD         sys.FD   // what is watched
	Held       []sys.FD // with FD
	Key        uint64
}

// Books copies the books. It walks everything.
func (d *Driver) Books() Books {
	x := d.exec
	b := Books{
		PollSet: x.set, FlowRead: x.flowRead, FlowWrite: x.flowWrite, Waker: d.waker, WakerKey: wakerKey,
		Unreaped: len(x.pids), Sweep: d.sweep || x.unreaped, Owed: x.paths.Displaced(),
	}
	for id, s := range x.services {
		for n, l := range s.listeners {
			if l.FD != sys.None {
				b.Listeners = append(b.Listeners, ListenerEntry{id, uint16(n), s.watched, s.applied, key(keyListener, uint64(id)), l})
			}
		}
	}
	for g, c := range x.children {
		b.Children = append(b.Children, ChildEntry{g, c.pid, c.status, key(keyStatus, uint64(g))})
	}
	for r, w := range x.wakeups {
		b.Wakeups = append(b.Wakeups, WakeupEntry{
			r, w.attempt.State == trigger.Connecting, w.attempt.FD, w.attempt.Descriptors(), key(keyWakeup, uint64(r)),
		})
	}
	for i := range x.launches {
		l := &x.launches[i]
		b.Launches = append(b.Launches, ChildEntry{l.generation, l.PID, l.status, key(keyStatus, uint64(l.generation))})
	}
	b.Leaving = slices.Sorted(maps.Keys(x.leaving))
	slices.SortFunc(b.Launches, func(a, b ChildEntry) int { return cmp.Compare(a.Generation, b.Generation) })
	slices.SortFunc(b.Listeners, func(a, b ListenerEntry) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Number, b.Number))
	})
	slices.SortFunc(b.Children, func(a, b ChildEntry) int { return cmp.Compare(a.Generation, b.Generation) })
	slices.SortFunc(b.Wakeups, func(a, b WakeupEntry) int { return cmp.Compare(a.Request, b.Request) })
	return b
}
