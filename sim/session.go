package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
)

// wakeServers tells every server that waits on the listener that there is a
// client; who comes first is drawn.
func (w *World) wakeServers(s int32) {
	for i := range w.kernel.processes {
		p := &w.kernel.processes[i]
		if p.state != processAlive || !p.watching {
			continue
		}
		for _, own := range p.sockets {
			if own == s+1 {
				w.wakeServer(int32(i))
				break
			}
		}
	}
}

func (w *World) wakeServer(slot int32) {
	w.soon(w.choose.Delay(core.Millisecond, PlaceAccept), serverReady, slot, 0)
}

// clientFor gives a listener of the process that has a client, or -1.
func (w *World) clientFor(p *process) int32 {
	for _, s := range p.sockets {
		if s > 0 && w.kernel.sockets[s-1].waiting > 0 {
			return s - 1
		}
	}
	return -1
}

// beReady delivers ConnectionReady. A server that reports too early does it
// here.
func (w *World) beReady(slot int32) {
	p := &w.kernel.processes[slot]
	if !p.watching {
		return
	}
	p.watching = false
	if p.behaviour == TakenFirst && w.clientFor(p) >= 0 {
		w.report(slot, wire.Taken)
		p.watching = true
		p.behaviour = SlowStart // once is enough
		w.soon(core.Millisecond+w.choose.Delay(core.Second, PlaceBehaviour), serverReady, slot, 0)
		return
	}
	w.server(slot, child.PlainEvent(child.ConnectionReady))
}

// acceptFor accepts at most one client and begins its session.
func (w *World) acceptFor(slot int32) child.EventKind {
	p := &w.kernel.processes[slot]
	s := w.clientFor(p)
	if s < 0 {
		return child.AcceptMissed
	}
	c := w.accept(s, slot)
	if c < 0 {
		return child.AcceptMissed
	}
	w.beginSession(slot, c)
	return child.Accepted
}

// beginSession schedules what the client does.
func (w *World) beginSession(slot, c int32) {
	p := &w.kernel.processes[slot]
	p.sessions++
	span := core.Microsecond + w.choose.Delay(core.Duration(w.o.ServiceMS)*core.Millisecond, PlaceSession)
	switch {
	case p.behaviour == Hog:
		span += core.Duration(1+w.choose.Below(4, PlaceSession)) * 3600 * core.Second
	case p.diesAt == p.sessions && p.behaviour == DieBusy:
		status := [3]core.ExitStatus{core.KilledBy(core.SIGSEGV), core.ExitedWith(1), core.KilledBy(core.SIGKILL)}
		w.soon(span/2, serverDies, slot, int32(status[w.choose.Below(3, PlaceSession)]))
	case p.diesAt == p.sessions && p.behaviour == Drain:
		w.soon(span/2, serverDies, slot, int32(core.ExitedWith(0)))
	}
	p.busyUntil = max(p.busyUntil, w.now.Add(span))
	w.soon(span, serverServed, slot, c)
	w.requests(slot, c, span)
}

// requests schedules what a client of a concurrent server asks. It ends before
// the session does.
func (w *World) requests(slot, c int32, span core.Duration) {
	switch w.kernel.processes[slot].skeleton {
	case child.Multi:
		w.soon(span/4, requestBegins, slot, c)
		w.soon(span/2, requestEnds, slot, c)
	case child.EventDriven:
		w.soon(span/4, requestEnds, slot, c)
	}
}

// endSession closes the client's connection.
func (w *World) endSession(slot, c int32) {
	w.dropClient(c, ClientServed)
	w.server(slot, child.PlainEvent(child.Served))
	p := &w.kernel.processes[slot]
	if p.behaviour == DieIdle && p.state == processAlive && p.sessions >= p.diesAt {
		status := [3]core.ExitStatus{core.ExitedWith(1), core.ExitedWith(75), core.KilledBy(core.SIGSEGV)}
		w.soon(w.choose.Delay(core.Second, PlaceSession), serverDies, slot, int32(status[w.choose.Below(3, PlaceSession)]))
	}
}
