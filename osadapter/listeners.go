package osadapter

import (
	"slices"
	"strconv"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// service is what the kernel has of one service.
type service struct {
	listeners []sockets.Listener // by number; FD is sys.None where there is none
	watched   bool
	applied   bool // what of watched the poll set knows
	stale     bool // in Exec.stale
	failed    bool // the poll set did not take it; the log said so
	shut      bool // a listener was shut down; the log said so
}

func (x *Exec) service(id core.ServiceID, listeners int) *service {
	s := x.services[id]
	if s == nil {
		s = &service{}
		x.services[id] = s
	}
	for len(s.listeners) < listeners {
		s.listeners = append(s.listeners, sockets.Listener{FD: sys.None})
	}
	return s
}

// open returns a listener that is there, or nil.
func (x *Exec) open(id core.ServiceID, listener uint16) *sockets.Listener {
	s := x.services[id]
	if s == nil || int(listener) >= len(s.listeners) || s.listeners[listener].FD == sys.None {
		return nil
	}
	return &s.listeners[listener]
}

// socketOf is Driver.Socket.
func (x *Exec) socketOf(path string) (fd sys.FD, id core.ServiceID) {
	// Who asks once asks for each line of the log.
	if fd := x.services[x.socket].socket(path); fd != sys.None {
		return fd, x.socket
	}
	for id, s := range x.services {
		if fd := s.socket(path); fd != sys.None {
			x.socket = id
			return fd, id
		}
	}
	return sys.None, 0
}

func (s *service) socket(path string) sys.FD {
	if s == nil {
		return sys.None
	}
	for i := range s.listeners {
		if l := &s.listeners[i]; l.FD != sys.None && l.Type == core.UnixDatagram && l.Endpoint.Path == path {
			return l.FD
		}
	}
	return sys.None
}

// openListeners carries out the actions from the first on that open a listener,
// as many as there are, and returns how many that were.
func (x *Exec) openListeners(actions []core.Action) int {
	var requests [openBatch]sockets.Request
	var opened [openBatch]sockets.Opened
	n := 0
	for n < len(actions) && n < openBatch && actions[n].Kind == core.OpenListener {
		a := &actions[n]
		requests[n] = sockets.RequestFor(a.Entry, int(a.Listener), a.Flag)
		n++
	}
	// In the poll set from the start, without interest: to change the interest
	// later takes no memory and cannot fail.
	x.paths.OpenAll(requests[:n], opened[:n], func(i int, fd sys.FD) core.Errno {
		return x.k.PollAdd(x.set, fd, key(keyListener, uint64(actions[i].Service)), false, false)
	})
	for i := range opened[:n] {
		x.keepListener(&actions[i], &opened[i])
	}
	return n
}

// openBatch bounds the listeners that are opened before the first is answered.
const openBatch = 16

// keepListener answers what became of one listener.
func (x *Exec) keepListener(a *core.Action, o *sockets.Opened) {
	if o.Errno != 0 {
		x.undone(a.Entry.Endpoints[a.Listener], o.Undo)
		x.answer(core.ListenerFailedEvent(a.Service, a.Listener, o.Step, o.Errno))
		return
	}
	x.service(a.Service, len(a.Entry.Endpoints)).listeners[a.Listener] = o.Listener
	x.answer(core.ListenerOpenedEvent(a.Service, a.Listener))
}

// drop takes the listener out of our books and out of the poll set. The set
// must lose it before it is closed, because children share it.
func (x *Exec) drop(id core.ServiceID, listener uint16) (sockets.Listener, bool) {
	p := x.open(id, listener)
	if p == nil {
		return sockets.Listener{}, false
	}
	l := *p
	p.FD = sys.None
	s := x.services[id]
	gone := true
	for i := range s.listeners {
		gone = gone && s.listeners[i].FD == sys.None
	}
	if gone {
		delete(x.services, id)
	}
	return l, true
}

func (x *Exec) closeListener(id core.ServiceID, listener uint16) {
	if l, ok := x.drop(id, listener); ok {
		x.unpoll(l.FD)
		x.complain("close listener "+l.Endpoint.String(), x.paths.Remove(&l), "its socket file may remain, and clients that wait in its queue")
	}
}

func (x *Exec) abandonListener(id core.ServiceID, listener uint16) {
	if l, ok := x.drop(id, listener); ok {
		x.unpoll(l.FD)
		x.undone(l.Endpoint, x.paths.Abandon(&l))
	}
}

// undone logs that a listener could not be undone.
func (x *Exec) undone(at core.Endpoint, e core.Errno) {
	switch {
	case e == 0:
	case slices.Contains(x.paths.Displaced(), at.Path):
		x.hooks.Log(core.LevelWarning, "cannot put "+at.Path+" back ("+e.String()+
			"): its service keeps running, but clients cannot reach it until this succeeds; retrying")
	default:
		x.complain("take back "+at.String(), e, "a file of the refused reload may remain")
	}
}

// payBack tries again to put back what could not be when a reload was undone.
func (x *Exec) payBack() {
	for _, path := range x.paths.Displaced() {
		if x.paths.PutBack(path) == 0 {
			x.hooks.Log(core.LevelInfo, path+" is restored; clients can reach its service again")
		}
	}
}

func (x *Exec) settleListener(id core.ServiceID, listener uint16) {
	if l := x.open(id, listener); l != nil {
		x.complain("remove the former "+l.Endpoint.String(), x.paths.Commit(l), `the replaced file ("`+sockets.AsideName(l.Endpoint.Path)+`") remains; remove it`)
	}
}

// moveListener hands the open descriptor over: waiting clients stay in it.
func (x *Exec) moveListener(a *core.Action) {
	l, ok := x.drop(a.Service, a.Listener)
	if !ok {
		return
	}
	s := x.service(a.To, int(a.ToListener)+1)
	s.listeners[a.ToListener] = l
	x.apply(a.To, s) // also the service that an event names has changed
}

// listenerReady reports clients. A hangup of a listener that is not watched
// would come for ever: one of the processes that share the listeners has shut
// one down (known bug 25). They leave the poll set until they are watched again;
// then it is a child's business to find out.
func (x *Exec) listenerReady(id core.ServiceID, e sys.PollEvent) {
	s := x.services[id]
	if e.Read || !e.Hangup && !e.Error || s == nil || s.applied {
		x.answer(core.ListenerReadyEvent(id))
		return
	}
	for i := range s.listeners {
		l := &s.listeners[i]
		if l.FD == sys.None {
			continue
		}
		x.unpoll(l.FD)
		if !s.shut {
			s.shut = true
			x.hooks.Log(core.LevelWarning, "a server process called shutdown() on listener "+l.Endpoint.String()+
				"; new clients are refused until Postfix is restarted; fix the program")
		}
	}
}

// unpoll takes a descriptor out of the poll set, which others that share it would
// keep it in: children that have a listener, and for a moment any process that is
// being started. What is closed without it would go on to be reported, and could
// not be taken out any more.
func (x *Exec) unpoll(fd sys.FD) {
	sys.Retry(func() core.Errno { return x.k.PollRemove(x.set, fd) })
}

func (x *Exec) watch(id core.ServiceID, on bool) {
	s := x.services[id]
	if s == nil {
		return
	}
	s.watched = on
	x.markStale(id, s)
}

// markStale has the service looked at before the next wait.
func (x *Exec) markStale(id core.ServiceID, s *service) {
	if !s.stale {
		s.stale = true
		x.stale = append(x.stale, id)
	}
}

// applyWatches lets the poll set know which listeners are watched. It is called
// before each wait, and not more often: a service whose children report fast
// changes its mind many times in one turn. What fails is made again the next
// time.
func (x *Exec) applyWatches() {
	stale := x.stale
	x.stale = nil
	for _, id := range stale {
		s := x.services[id]
		if s == nil || !s.stale {
			continue
		}
		s.stale = false
		if s.applied != s.watched || s.failed {
			x.apply(id, s)
		}
	}
	if x.stale == nil {
		x.stale = stale[:0]
	}
}

// apply tells the poll set of the service's listeners: which service an event of
// them names, and whether there are any. On Linux that takes no memory and
// cannot fail; no other system promises it, and a listener that is not watched
// is never served: what fails is logged once and repeated until it is done.
func (x *Exec) apply(id core.ServiceID, s *service) {
	s.applied = s.watched
	failed := false
	for i := range s.listeners {
		l := &s.listeners[i]
		if l.FD == sys.None {
			continue
		}
		e := sys.Retry(func() core.Errno {
			name := key(keyListener, uint64(id))
			e := x.k.PollModify(x.set, l.FD, name, s.watched, false)
			switch {
			case e != core.ENOENT:
				return e
			case s.watched: // after a hangup
				return x.k.PollAdd(x.set, l.FD, name, true, false)
			}
			return 0
		})
		if e != 0 && !s.failed && !failed {
			x.complain("watch "+l.Endpoint.String(), e, "new clients wait until this succeeds; retrying")
		}
		failed = failed || e != 0
	}
	if s.failed = failed; failed {
		x.markStale(id, s)
	}
}

// appendDescriptors adds what a child of the service gets to listen on.
func (s *service) appendDescriptors(fds []sys.FD) []sys.FD {
	if s == nil {
		return fds
	}
	for i := range s.listeners {
		if s.listeners[i].FD != sys.None {
			fds = append(fds, s.listeners[i].FD)
		}
	}
	return fds
}

// complain logs a call that failed where the machine expects no answer, and what
// follows.
func (x *Exec) complain(what string, e core.Errno, follows string) {
	if e != 0 {
		x.hooks.Log(core.LevelWarning, what+": "+e.String()+"; "+follows)
	}
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
