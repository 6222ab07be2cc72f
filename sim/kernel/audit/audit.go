// Package audit compares what the driver says of itself with the truth of the kernel in
// memory: descriptors, poll set, processes, listeners and files. It judges and changes
// nothing.
package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/laws"
)

// Auditor compares what the driver says of itself with the truth of the kernel. It
// keeps its memory from one audit to the next.
type Auditor struct {
	k        *kernel.Kernel
	b        *osadapter.Books
	purposes []string
	members  []membership
	found    string

	// Owed says that a listener is not in the poll set as it should be, because a
	// change of it failed and is made again before the next wait.
	Owed bool
}

// membership is how a descriptor is to be in the poll set.
type membership struct {
	wanted, read, write bool
	key                 uint64
}

// finding notes what the audit finds first.
func (a *Auditor) finding(what, format string, args ...any) {
	if a.found == "" {
		a.found = what + ": " + fmt.Sprintf(format, args...)
	}
}

// Descriptors holds the daemon's descriptors and its poll set against its books: each
// has one purpose, none is left over, and each is in the poll set exactly as its
// purpose wants. It holds between two turns.
func (a *Auditor) Descriptors(k *kernel.Kernel, b *osadapter.Books) string {
	a.k, a.b, a.found, a.Owed = k, b, "", false
	a.purposes, a.members = a.purposes[:0], a.members[:0]
	for range k.Descriptors {
		a.purposes, a.members = append(a.purposes, ""), append(a.members, membership{})
	}
	for fd := range sys.FD(3) {
		a.mark(fd, "standard descriptor", membership{})
	}
	a.mark(b.PollSet, "poll set", membership{})
	a.mark(b.Waker, "waker", membership{true, true, false, b.WakerKey})
	a.mark(b.FlowRead, "flow pipe", membership{})
	a.mark(b.FlowWrite, "flow pipe", membership{})
	for i := range b.Listeners {
		l := &b.Listeners[i]
		a.mark(l.Listener.FD, "listener", membership{true, l.Applied, false, l.Key})
	}
	for _, c := range b.Children {
		if c.Status != sys.None {
			a.mark(c.Status, "status channel", membership{true, true, false, c.Key})
			if d := k.Description(c.Status); d != nil && d.Unreadable {
				a.finding("children", "the status channel of child %d cannot be read and stays open", c.Generation)
			}
		}
	}
	for _, c := range b.Launches {
		a.mark(c.Status, "status channel of a start", membership{true, true, false, c.Key})
	}
	for _, r := range b.Wakeups {
		for _, fd := range r.Held {
			watched := fd == r.FD
			a.mark(fd, "wakeup", membership{watched, watched && !r.Connecting, watched && r.Connecting, r.Key})
		}
		if d := k.Description(r.FD); k.Requests && d != nil && !r.Connecting && len(r.Held) == 1 && d.Sent < len(kernel.Request) {
			a.finding("wakeup", "the receiver at %s has %d bytes of a request and waits for the rest", d.Target, d.Sent)
		}
	}
	for fd, d := range k.Descriptors {
		if d != nil && a.purposes[fd] == "" {
			a.finding("leak", "descriptor %d is open and has no purpose", fd)
		}
	}
	a.set()
	if !k.IsRoot() {
		a.finding("identity", "the daemon is %d with group %d between two turns", k.UID, k.GID)
	}
	return a.found
}

func (a *Auditor) mark(fd sys.FD, purpose string, m membership) {
	switch {
	case fd < 0 || int(fd) >= len(a.k.Descriptors) || a.k.Descriptors[fd] == nil:
		a.finding("books", "the %s has descriptor %d, which is not open", purpose, fd)
	case a.purposes[fd] != "":
		a.finding("books", "descriptor %d is the %s and the %s", fd, purpose, a.purposes[fd])
	default:
		a.purposes[fd], a.members[fd] = purpose, m
	}
}

func (a *Auditor) set() {
	k := a.k
	if a.found != "" {
		return
	}
	for _, m := range k.Descriptors[a.b.PollSet].Set.Members {
		switch {
		case int(m.FD) >= len(k.Descriptors) || k.Descriptors[m.FD] != m.Of:
			a.finding("poll set", "a closed descriptor %d with key %x is still reported", m.FD, m.Key)
		case !a.members[m.FD].wanted:
			a.finding("poll set", "descriptor %d with key %x is not to be watched", m.FD, m.Key)
		default:
			want := a.members[m.FD]
			owed := k.Owed(m)
			a.Owed = a.Owed || owed && (want.read != m.Read || want.key != m.Key)
			if !owed && (want.key != m.Key || want.read != m.Read || want.write != m.Write) {
				a.finding("poll set", "descriptor %d has key %x read %v write %v, want %x %v %v",
					m.FD, m.Key, m.Read, m.Write, want.key, want.read, want.write)
			}
			a.members[m.FD].wanted = false
		}
	}
	for fd, m := range a.members {
		if m.wanted && !a.shutOut(sys.FD(fd)) {
			a.finding("poll set", "descriptor %d is not in it", fd)
		}
	}
}

// shutOut reports whether a descriptor is a listener that a process has shut down: it
// hangs up for ever, and leaves the set.
func (a *Auditor) shutOut(fd sys.FD) bool {
	d := a.k.Descriptors[fd]
	return d.Kind == object.SocketKind && (d.State == object.Refusing || d.State == object.Fresh && d.Shut)
}

// Processes holds the children that the books know against those that there are.
// Between two turns whoever ended is known, or somebody will look: awaited says so.
func (a *Auditor) Processes(k *kernel.Kernel, b *osadapter.Books, v *core.View, awaited bool) string {
	a.k, a.b, a.found = k, b, ""
	books, launches := 0, 0
	for i := range v.Services {
		s := &v.Services[i]
		for n := range s.Children {
			c := &s.Children[n]
			list, pid := b.Children, c.PID
			if c.Starting {
				list = b.Launches
				launches++
			} else {
				books++
			}
			at := slices.IndexFunc(list, func(e osadapter.ChildEntry) bool { return e.Generation == c.Generation })
			if at < 0 {
				a.finding("children", "child %d of %s is in no book, starting %v", c.Generation, s.Canonical, c.Starting)
				continue
			}
			e := &list[at]
			if c.Starting {
				pid = e.PID
			}
			p := k.ProcessOf(e.PID)
			switch {
			case e.PID != pid || p == nil || p.Generation != c.Generation:
				a.finding("children", "child %d of %s with pid %d is another in the books or the kernel", c.Generation, s.Canonical, c.PID)
			case c.Starting:
			case c.Retired && e.Status != sys.None:
				a.finding("children", "retired child %d of %s has a status channel", c.Generation, s.Canonical)
			case !c.Retired && e.Status == sys.None && !p.Ended && p.StatusOf() != nil && !k.Failed(fault.Read):
				a.finding("children", "child %d of %s has no status channel", c.Generation, s.Canonical)
			}
		}
	}
	orphans := 0
	for _, p := range k.Order {
		if p.Orphan {
			orphans++
		}
		if p.Ended && !awaited {
			a.finding("zombie", "process %d ended and nobody will notice", p.PID)
		}
	}
	if books != len(b.Children) || books != b.Unreaped || launches != len(b.Launches) || books+launches+len(b.Leaving)+orphans != len(k.Order) {
		a.finding("children", "%d and %d starts in the machine, %d, %d and %d starts in the books, with %d leaving; %d in the kernel",
			books, launches, len(b.Children), b.Unreaped, len(b.Launches), len(b.Leaving), len(k.Order)-orphans)
	}
	for _, pid := range b.Leaving {
		if k.ProcessOf(pid) == nil {
			a.finding("children", "process %d, which is leaving, is not there", pid)
		}
	}
	return a.found
}

// Listeners holds the listeners of the books against the machine's view.
func (a *Auditor) Listeners(b *osadapter.Books, v *core.View) string {
	a.b, a.found = b, ""
	for i := range b.Listeners {
		l := &b.Listeners[i]
		n := slices.IndexFunc(v.Services, func(s core.ServiceView) bool { return s.ID == l.Service })
		switch {
		case n < 0 && !v.Loading:
			a.finding("listeners", "%s is open for service %d, which is not there", l.Listener.Endpoint, l.Service)
		case n >= 0 && v.Services[n].State == core.StateStopping:
			a.finding("listeners", "%s is open for service %s, which is removed", l.Listener.Endpoint, v.Services[n].Canonical)
		case n >= 0 && v.Services[n].Watching != l.Watched:
			a.finding("listeners", "%s is watched: %v", l.Listener.Endpoint, l.Watched)
		}
	}
	for i := range v.Services {
		s := &v.Services[i]
		has := slices.ContainsFunc(b.Listeners, func(l osadapter.ListenerEntry) bool { return l.Service == s.ID })
		if s.State != core.StateStopping && !has {
			a.finding("listeners", "service %s has none", s.Canonical)
		}
	}
	return a.found
}

// Files checks that every path leads to whom it should, with the owner and mode of
// the contract, and that nothing is left aside. A line of the log (said) excuses what
// could not be removed; what could not be put back must be told, stand aside whole, and
// be known as owed. It holds while no reload is under way.
func (a *Auditor) Files(k *kernel.Kernel, b *osadapter.Books, owner core.Account, said []string) string {
	a.k, a.b, a.found = k, b, ""
	logged := func(text string) bool {
		return slices.ContainsFunc(said, func(line string) bool { return strings.Contains(line, text) })
	}
	for _, path := range b.Owed {
		if !logged("cannot put " + path + " back") {
			a.finding("owed", "nothing was said of %s, which could not be put back", path)
		}
	}
	for i := range b.Listeners {
		a.file(&b.Listeners[i], owner)
	}
	a.leftOvers(logged)
	return a.found
}

// file checks the file of one listener.
func (a *Auditor) file(l *osadapter.ListenerEntry, owner core.Account) {
	path := l.Listener.Endpoint.Path
	if path == "" || Displaced(a.b, l) {
		return
	}
	if slices.Contains(a.b.Owed, path) {
		path = sockets.AsideName(path)
	}
	f := a.k.Files[path]
	mode := uint32(0o666)
	if l.Listener.Type == core.FIFO {
		mode = 0o622
	}
	switch {
	case f == nil:
		a.finding("files", "%s is not there", path)
	case f.Number != l.Listener.File.Inode:
		a.finding("files", "%s is not the file of the service", path)
	case f.UID != owner.UID || f.GID != owner.GID || f.Mode != mode:
		a.finding("files", "%s has owner %d:%d and mode %o", path, f.UID, f.GID, f.Mode)
	case f.Socket != nil && f.Socket.Protocol == sys.Stream && f.Socket.Cred != owner.UID:
		a.finding("files", "clients of %s take it for one of user %d", path, f.Socket.Cred)
	}
}

// Displaced reports whether a later service has the path of this listener. Where
// several want one path, the last that opened it has it.
func Displaced(b *osadapter.Books, l *osadapter.ListenerEntry) bool {
	return slices.ContainsFunc(b.Listeners, func(other osadapter.ListenerEntry) bool {
		return other.Listener.Endpoint == l.Listener.Endpoint && other.Service > l.Service
	})
}

// leftOvers finds files that the daemon made for services that are not there. A line
// of the log excuses what could not be removed, and a kernel that said that it was
// not there.
func (a *Auditor) leftOvers(logged func(string) bool) {
	k := a.k
	for _, path := range k.Names() {
		f := k.Files[path]
		if f.Kind == sys.Directory || f.Strange {
			continue
		}
		known := slices.ContainsFunc(a.b.Listeners, func(l osadapter.ListenerEntry) bool { return l.Listener.File.Inode == f.Number })
		plain, aside := strings.CutSuffix(path, sockets.AsideName(""))
		excused := k.Denied[plain] || logged("close listener "+plain) || logged("take back "+plain) || logged("remove the former "+plain) ||
			!aside && logged("cannot put "+plain+" back") && (k.Failed(fault.Unlink) || k.Failed(fault.Assume) || k.Failed(fault.Lstat))
		if !known && !excused {
			a.finding("files", "%s is left over", path)
		}
	}
}

// Given holds what a child was given against the contract: standard descriptors, flow
// pipe, status channel, then the listeners of its service in order, and nothing else.
func Given(k *kernel.Kernel, p *kernel.Process, b *osadapter.Books, listeners []*object.Description) string {
	if len(p.FDs) <= wire.StatusFD {
		return fmt.Sprintf("%d descriptors", len(p.FDs))
	}
	want := [wire.StatusFD]*object.Description{k.Descriptors[0], k.Descriptors[1], k.Descriptors[2], k.Descriptors[b.FlowRead], k.Descriptors[b.FlowWrite]}
	if !want[3].Reads || want[3].Writes || !want[4].Writes || want[4].Reads {
		return "the ends of the flow pipe in the wrong order"
	}
	for n := range want {
		if p.FDs[n] != want[n] {
			return fmt.Sprintf("the wrong descriptor %d", n)
		}
	}
	status := p.FDs[wire.StatusFD]
	if status.Kind != object.SocketKind || status.Peer == nil || !status.Peer.Reports {
		return "no status channel"
	}
	if !slices.Equal(p.FDs[wire.ListenFD:], listeners) || p.Announced != len(listeners) {
		return fmt.Sprintf("%d listeners, said to be %d; its service has %d", p.Listeners(), p.Announced, len(listeners))
	}
	return ""
}

// Facts fills in what the kernel knows of the daemon. Of the daemon's books only the
// descriptors of its listeners are read, and what they were opened on: whether they are
// polled, which channels are open and who lives is what the kernel has.
func Facts(k *kernel.Kernel, f *laws.KernelView, b *osadapter.Books) {
	f.Listeners, f.Channels, f.Processes = f.Listeners[:0], f.Channels[:0], f.Processes[:0]
	for i := range b.Listeners {
		l := &b.Listeners[i].Listener
		if d := k.Description(l.FD); d != nil {
			f.Listeners = append(f.Listeners, laws.Socket{Endpoint: l.Endpoint, Type: l.Type, Polled: d.Polled()})
		}
	}
	for _, p := range k.Order {
		if p.Orphan || p.Failed || p.Executing {
			continue
		}
		f.Processes = append(f.Processes, laws.Running{PID: p.PID, Generation: p.Generation, Ended: p.Ended})
		if d := p.StatusOf(); d != nil && d.Peer != nil && d.Peer.Reports && slices.Contains(k.Descriptors, d.Peer) {
			f.Channels = append(f.Channels, laws.Socket{Generation: p.Generation, Polled: d.Peer.Polled()})
		}
	}
}
