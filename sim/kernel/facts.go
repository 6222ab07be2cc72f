package kernel

import (
	"slices"

	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/laws"
)

// Facts fills in what the kernel knows of the daemon. Of the daemon's books only the
// descriptors of its listeners are read, and what they were opened on: whether they are
// polled, which channels are open and who lives is what the kernel has.
func (k *Kernel) Facts(f *laws.Kernel, b *osadapter.Books) {
	f.Listeners, f.Channels, f.Processes = f.Listeners[:0], f.Channels[:0], f.Processes[:0]
	for i := range b.Listeners {
		l := &b.Listeners[i].Listener
		if d := k.described(l.FD); d != nil {
			f.Listeners = append(f.Listeners, laws.Socket{Endpoint: l.Endpoint, Type: l.Type, Polled: d.polled()})
		}
	}
	for _, p := range k.order {
		if p.Orphan || p.Failed || p.Executing {
			continue
		}
		f.Processes = append(f.Processes, laws.Running{PID: p.PID, Generation: p.Generation, Ended: p.Ended})
		if d := p.StatusOf(); d != nil && d.peer != nil && d.peer.reports && slices.Contains(k.table, d.peer) {
			f.Channels = append(f.Channels, laws.Socket{Generation: p.Generation, Polled: d.peer.polled()})
		}
	}
}

func (k *Kernel) described(fd sys.FD) *Description {
	if fd < 0 || int(fd) >= len(k.table) {
		return nil
	}
	return k.table[fd]
}

// polled reports whether the daemon's poll set says when it can be read.
func (d *Description) polled() bool { return d.member != nil && d.member.read }
