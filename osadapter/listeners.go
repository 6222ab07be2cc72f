package osadapter

import (
	"strconv"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// service is what the kernel has of one service.
type service struct {
	listeners []sockets.Listener // by number; FD is sys.None where there is none
	watched   bool
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

// open gives a listener that is there, or nil.
func (x *Exec) open(id core.ServiceID, listener uint16) *sockets.Listener {
	s := x.services[id]
	if s == nil || int(listener) >= len(s.listeners) || s.listeners[listener].FD == sys.None {
		return nil
	}
	return &s.listeners[listener]
}

func (x *Exec) openListener(a *core.Action) {
	l, step, e := sockets.Open(x.k, sockets.RequestFor(a.Entry, int(a.Listener), a.Flag))
	if e != 0 {
		x.answer(core.FailedListener(a.Service, a.Listener, step, e))
		return
	}
	// In the poll set from the start, without interest: to change the interest
	// later takes no memory and cannot fail.
	if e := x.k.PollAdd(x.set, l.FD, key(keyListener, uint64(a.Service)), false, false); e != 0 {
		sockets.Abandon(x.k, &l)
		x.answer(core.FailedListener(a.Service, a.Listener, core.StepDescriptors, e))
		return
	}
	x.service(a.Service, len(a.Entry.Endpoints)).listeners[a.Listener] = l
	x.answer(core.OpenedListener(a.Service, a.Listener))
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
		x.forget(l.FD)
		x.complain("close listener "+l.Endpoint.String(), sockets.Remove(x.k, &l))
	}
}

func (x *Exec) abandonListener(id core.ServiceID, listener uint16) {
	if l, ok := x.drop(id, listener); ok {
		x.forget(l.FD)
		x.complain("put back "+l.Endpoint.String(), sockets.Abandon(x.k, &l))
		if l.Aside != "" {
			x.owed = append(x.owed, l)
		}
	}
}

// payBack tries again to give names back that could not be when a reload was
// undone. Their services are there and no client finds them.
func (x *Exec) payBack() {
	owed := x.owed
	x.owed = nil
	for i := range owed {
		l := &owed[i]
		if e := sockets.PutBack(x.k, l); e != 0 {
			x.complain("put back "+l.Endpoint.String(), e)
			x.owed = append(x.owed, *l)
		}
	}
}

func (x *Exec) settleListener(id core.ServiceID, listener uint16) {
	if l := x.open(id, listener); l != nil {
		x.complain("remove the former "+l.Endpoint.String(), sockets.Settle(x.k, l))
	}
}

// moveListener hands the open descriptor over: waiting clients stay in it.
func (x *Exec) moveListener(a *core.Action) {
	l, ok := x.drop(a.Service, a.Listener)
	if !ok {
		return
	}
	x.service(a.To, int(a.ToListener)+1).listeners[a.ToListener] = l
	x.modify(a.To, &l, false)
}

// modify changes the service that an event of the listener names, and whether
// there are any. On Linux that takes no memory and cannot fail; no other
// system promises it, and a listener that is not watched is never served.
func (x *Exec) modify(id core.ServiceID, l *sockets.Listener, on bool) {
	x.complain("watch "+l.Endpoint.String(), sys.Insist(func() core.Errno {
		return x.k.PollModify(x.set, l.FD, key(keyListener, uint64(id)), on, false)
	}))
}

// forget takes a listener out of the poll set, which children that share it
// would keep it in.
func (x *Exec) forget(fd sys.FD) {
	sys.Insist(func() core.Errno { return x.k.PollRemove(x.set, fd) })
}

func (x *Exec) watch(id core.ServiceID, on bool) {
	s := x.services[id]
	if s == nil {
		return
	}
	s.watched = on
	for i := range s.listeners {
		if l := &s.listeners[i]; l.FD != sys.None {
			x.modify(id, l, on)
		}
	}
}

// descriptors are what a child of the service gets to listen on.
func (s *service) descriptors() []sys.FD {
	if s == nil {
		return nil
	}
	fds := make([]sys.FD, 0, len(s.listeners))
	for i := range s.listeners {
		if s.listeners[i].FD != sys.None {
			fds = append(fds, s.listeners[i].FD)
		}
	}
	return fds
}

// complain tells the operator of a call that failed where the machine expects
// no answer and nothing else can be done.
func (x *Exec) complain(what string, e core.Errno) {
	if e != 0 {
		x.around.Log(core.LevelWarning, what+": "+e.String())
	}
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
