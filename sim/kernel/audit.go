package kernel

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// reachable turns a wildcard into an address that a client can ask for.
func reachable(e core.Endpoint) core.Endpoint {
	switch a := e.Address; {
	case !a.IsValid() || !a.Addr().IsUnspecified():
		return e
	case a.Addr().Is4():
		return core.Endpoint{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())}
	default:
		return core.Endpoint{Address: netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())}
	}
}

// The audits of a lazy world: the first ones after the fault, then one of
// some. What is wrong in the books stays wrong.
const (
	lazyAudits   = 200
	lazyInterval = 8
)

// spared tells whether an audit is left out.
func (w *World) spared() bool {
	if !w.Lazy {
		return false
	}
	if len(w.kernel.fired) == 0 {
		return true
	}
	w.audits++
	return w.audits > lazyAudits && w.audits%lazyInterval != 0
}

// fault tells whether the call has failed on purpose.
func (w *World) fault(c Call) bool { return w.kernel.hits[c] > 0 }

// membership is how a descriptor is to be in the poll set.
type membership struct {
	wanted, read, write bool
	key                 uint64
}

// auditDescriptors compares the books of the driver with the daemon's descriptors
// and its poll set. It holds after every list of actions, if only the daemon
// still runs.
func (w *World) auditDescriptors() {
	d, k := w.daemon, w.kernel
	if !k.isRoot() {
		w.find("identity", "the daemon is %d with group %d after a list of actions", k.uid, k.gid)
	}
	if w.spared() || d.audited == k.total {
		return
	}
	d.audited = k.total
	b := d.copyBooks()
	purposes := make([]string, len(k.table))
	members := make([]membership, len(k.table))
	mark := func(fd sys.FD, purpose string, m membership) {
		switch {
		case fd < 0 || int(fd) >= len(k.table) || k.table[fd] == nil:
			w.find("books", "the %s has descriptor %d, which is not open", purpose, fd)
		case purposes[fd] != "":
			w.find("books", "descriptor %d is the %s and the %s", fd, purposes[fd], purpose)
		default:
			purposes[fd], members[fd] = purpose, m
		}
	}
	for fd := range sys.FD(3) {
		mark(fd, "standard descriptor", membership{})
	}
	mark(b.PollSet, "poll set", membership{})
	mark(b.Waker, "waker", membership{true, true, false, b.WakerKey})
	mark(b.FlowRead, "flow pipe", membership{})
	mark(b.FlowWrite, "flow pipe", membership{})
	for _, l := range b.Listeners {
		mark(l.Listener.FD, "listener", membership{true, l.Applied, false, l.Key})
	}
	for _, c := range b.Children {
		if c.Status != sys.None {
			mark(c.Status, "status channel", membership{true, true, false, c.Key})
		}
	}
	for _, c := range b.Launches {
		mark(c.Status, "status channel of a start", membership{true, true, false, c.Key})
	}
	for _, r := range b.Wakeups {
		for _, fd := range r.Held {
			mark(fd, "wakeup", membership{fd == r.FD, fd == r.FD && !r.Connecting, fd == r.FD && r.Connecting, r.Key})
		}
	}
	for fd, d := range k.table {
		if d != nil && purposes[fd] == "" {
			w.find("leak", "descriptor %d is open and in no book", fd)
		}
	}
	w.auditSet(k.table[b.PollSet].set, members)
	for _, s := range k.listeners {
		if !slices.ContainsFunc(k.table, func(d *description) bool { return d != nil && d.socket == s }) && !w.fault(callShutdown) {
			w.find("refuses", "children still take clients at %s, which the daemon has closed", s.address)
		}
	}
}

func (w *World) auditSet(s *set, members []membership) {
	k := w.kernel
	for _, m := range s.members {
		switch {
		case int(m.fd) >= len(k.table) || k.table[m.fd] != m.of:
			w.find("poll set", "a closed descriptor %d with key %x is still reported", m.fd, m.key)
		case !members[m.fd].wanted:
			w.find("poll set", "descriptor %d with key %x is not to be watched", m.fd, m.key)
		default:
			if want := members[m.fd]; want.key != m.key || want.read != m.read || want.write != m.write {
				w.find("poll set", "descriptor %d has key %x read %v write %v, want %x %v %v",
					m.fd, m.key, m.read, m.write, want.key, want.read, want.write)
			}
			members[m.fd].wanted = false
		}
	}
	for fd, m := range members {
		if m.wanted {
			w.find("poll set", "descriptor %d is not in it", fd)
		}
	}
}

// auditState compares the machine's state with the books of Exec and the
// files. It holds when every answer has been given.
func (w *World) auditState() {
	d, k := w.daemon, w.kernel
	now := d.steps + k.total
	if w.spared() || d.driver.Ending() != nil || d.compared == now {
		return
	}
	d.compared = now
	if err := d.machine.Check(); err != nil {
		w.find("machine", "%v", err)
	}
	v, b := d.machine.View(), d.copyBooks()
	for _, l := range b.Listeners {
		n := slices.IndexFunc(v.Services, func(s core.ServiceView) bool { return s.ID == l.Service })
		switch {
		case n < 0 && !v.Loading:
			w.find("listeners", "%s is open for service %d, which is not there", l.Listener.Endpoint, l.Service)
		case n >= 0 && v.Services[n].State == core.StateStopping:
			w.find("listeners", "%s is open for service %s, which is removed", l.Listener.Endpoint, v.Services[n].Canonical)
		case n >= 0 && v.Services[n].Watching != l.Watched:
			w.find("listeners", "%s is watched: %v", l.Listener.Endpoint, l.Watched)
		}
	}
	for _, s := range v.Services {
		has := slices.ContainsFunc(b.Listeners, func(l osadapter.ListenerEntry) bool { return l.Service == s.ID })
		if s.State != core.StateStopping && !has {
			w.find("listeners", "service %s has none", s.Canonical)
		}
	}
	w.auditChildren(v, b)
	if !v.Loading {
		w.auditFiles(b)
	}
}

// auditZombies finds children that ended and of whose end nobody will tell. It
// holds while the daemon waits.
func (w *World) auditZombies() {
	d, k := w.daemon, w.kernel
	if w.spared() || d.driver.Ending() != nil || k.childDied || d.mail.Ends {
		return
	}
	for _, p := range k.processes {
		if p.ended && !d.driver.Books().Sweep {
			w.find("zombie", "child %d ended and was not reaped", p.PID)
		}
	}
}

func (w *World) auditChildren(v core.View, b *osadapter.Books) {
	k := w.kernel
	books, launches := 0, 0
	for _, s := range v.Services {
		for _, c := range s.Children {
			list, pid := b.Children, c.PID
			if c.Starting {
				list = b.Launches
			}
			n := slices.IndexFunc(list, func(e osadapter.ChildEntry) bool { return e.Generation == c.Generation })
			if n < 0 {
				w.find("children", "child %d of %s is in no book, starting %v", c.Generation, s.Canonical, c.Starting)
				continue
			}
			e := list[n]
			if c.Starting {
				launches++
				pid = e.PID
			} else {
				books++
			}
			p := k.process(e.PID)
			switch {
			case e.PID != pid || p == nil || p.Generation != uint32(c.Generation):
				w.find("children", "child %d of %s with pid %d is another in the books or the kernel", c.Generation, s.Canonical, c.PID)
			case c.Starting:
			case c.Retired && e.Status != sys.None:
				w.find("children", "retired child %d of %s has a status channel", c.Generation, s.Canonical)
			case !c.Retired && e.Status == sys.None && p.fds[wire.StatusFD] != nil && !w.fault(callRead):
				w.find("children", "child %d of %s has no status channel", c.Generation, s.Canonical)
			}
		}
	}
	if books != len(b.Children) || books != b.Unreaped || launches != len(b.Launches) || books+launches+len(b.Leaving) != len(k.processes) {
		w.find("children", "%d and %d starts in the machine, %d, %d and %d starts in the books, with %d leaving; %d in the kernel",
			books, launches, len(b.Children), b.Unreaped, len(b.Launches), len(b.Leaving), len(k.processes))
	}
	for _, pid := range b.Leaving {
		switch p := k.process(pid); {
		case p == nil:
			w.find("children", "process %d, which is leaving, is not there", pid)
		case p.executing && p.doomed == 0 && !w.fault(callKill):
			w.find("children", "process %d, whose start has failed, was not killed", pid)
		}
	}
}

// auditFiles checks that every path leads to who should be there, with the
// owner and mode of the contract, and that nothing is left aside. A line of
// the log excuses what could not be removed; what could not be put back must be
// told, stand aside whole, and be known as owed.
func (w *World) auditFiles(b *osadapter.Books) {
	k := w.kernel
	for _, path := range b.Owed {
		if !w.Logged("cannot put " + path + " back") {
			w.find("owed", "nothing was said of %s, which could not be put back", path)
		}
	}
	w.auditLeftOvers(b)
	for _, l := range b.Listeners {
		path := l.Listener.Endpoint.Path
		if path == "" || displaced(b, &l) {
			continue
		}
		if slices.Contains(b.Owed, path) {
			path = sockets.AsideName(path)
		}
		f := k.files[path]
		mode := uint32(0o666)
		if l.Listener.Type == core.FIFO {
			mode = 0o622
		}
		switch {
		case f == nil:
			w.find("files", "%s is not there", path)
		case f.number != l.Listener.File.Inode:
			w.find("files", "%s is not the file of the service", path)
		case f.uid != w.owner.UID || f.gid != w.owner.GID || f.mode != mode:
			w.find("files", "%s has owner %d:%d and mode %o", path, f.uid, f.gid, f.mode)
		case f.socket != nil && f.socket.kind == sys.Stream && f.socket.cred != w.owner.UID:
			w.find("files", "clients of %s take it for one of user %d", path, f.socket.cred)
		}
	}
}

// displaced reports whether a later service has the path of this listener. Where
// several want one path, the last that opened it has it.
func displaced(b *osadapter.Books, l *osadapter.ListenerEntry) bool {
	return slices.ContainsFunc(b.Listeners, func(other osadapter.ListenerEntry) bool {
		return other.Listener.Endpoint == l.Listener.Endpoint && other.Service > l.Service
	})
}

// auditLeftOvers finds files that the daemon made for services that are not
// there. A line of the log excuses what could not be removed, and a kernel that
// said that it was not there.
func (w *World) auditLeftOvers(b *osadapter.Books) {
	excused := func(path string) bool {
		path, _ = strings.CutSuffix(path, sockets.AsideName(""))
		return w.Logged("close listener "+path) || w.Logged("take back "+path) || w.Logged("remove the former "+path) ||
			w.Logged("cannot put "+path+" back") || w.kernel.denied[path]
	}
	for _, path := range w.kernel.Names() {
		f := w.kernel.files[path]
		known := slices.ContainsFunc(b.Listeners, func(l osadapter.ListenerEntry) bool { return l.Listener.File.Inode == f.number })
		if f.kind != sys.Directory && !f.strange && !known && !excused(path) {
			w.find("files", "%s is left over", path)
		}
	}
}

// checkChild holds what a child was given against the contract: standard
// descriptors, flow pipe, status channel, then the listeners of its service in
// order, and nothing else.
func (w *World) checkChild(p *Process) {
	if w.spared() {
		return
	}
	k, b := w.kernel, w.daemon.driver.Books()
	given := p.fds[:wire.StatusFD]
	want := []*description{k.table[0], k.table[1], k.table[2], k.table[b.FlowRead], k.table[b.FlowWrite]}
	if !slices.Equal(given, want) {
		w.find("contract", "%s got wrong descriptors below the status channel", p.Path)
	}
	status := p.fds[wire.StatusFD]
	if status.kind != socketKind || status.socket.peer == nil {
		w.find("contract", "%s got no status channel", p.Path)
	}
	var listeners []*description
	for _, l := range b.Listeners {
		if l.Service == w.daemon.starting {
			listeners = append(listeners, k.table[l.Listener.FD])
		}
	}
	if len(listeners) == 0 || !slices.Equal(p.fds[wire.ListenFD:], listeners) {
		w.find("contract", "%s got %d listeners, its service has %d", p.Path, len(p.fds)-wire.ListenFD, len(listeners))
	}
	if p.Generation == 0 || p.transport() == "" {
		w.find("contract", "%s got no generation or no transport: %q", p.Path, p.Argv)
	}
}
