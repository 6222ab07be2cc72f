package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// client is one who waits in a listener or is being served over a connection. Whoever
// writes into a FIFO or sends a datagram does not wait.
type client struct {
	conn       *object.Description // its own end
	number     int32
	generation core.Generation // that serves it; 0: it waits
}

// newClient makes a client that has no connection yet.
func (w *World) newClient() int32 {
	c := int32(len(w.clients))
	if n := len(w.freed); n > 0 {
		c = w.freed[n-1]
		w.freed = w.freed[:n-1]
	} else {
		w.clients = append(w.clients, client{})
	}
	w.came++
	w.clients[c] = client{number: w.came}
	return c
}

// endClient forgets a client; why says how it ended.
func (w *World) endClient(c int32, why witness.Happened) {
	x := &w.clients[c]
	conn := x.conn
	w.note(why, noted{Client: x.number, Generation: x.generation})
	if w.fates != nil {
		w.fates[x.number] = why.String()
	}
	*x = client{}
	w.freed = append(w.freed, c)
	if conn != nil {
		conn.Disown()
		w.kernel.Release(conn)
	}
}

// clientChanged ends a client whose connection is over.
func (w *World) clientChanged(c int32) {
	if x := &w.clients[c]; x.conn != nil && x.conn.Ended() {
		w.endClient(c, w.closing)
	}
}

// connect lets a client come to an address. Clients of a service that passes
// descriptors send one at once.
func (w *World) connect(t core.ServiceType, to core.Endpoint) core.Errno {
	k := w.kernel
	switch t {
	case core.FIFO:
		e := k.WriteFIFO(to.Path)
		w.came++
		w.note(arrivalOf(e), noted{Client: w.came})
		return e
	case core.UnixDatagram:
		e := k.SendDatagram(to.Path)
		w.came++
		w.note(arrivalOf(e), noted{Client: w.came})
		return e
	}
	c := w.newClient()
	conn, e := k.Knock(to, c+1)
	if e != 0 {
		w.endClient(c, witness.ClientRefused)
		return e
	}
	w.clients[c].conn = conn
	w.note(witness.ClientCame, noted{Client: w.clients[c].number})
	if t == core.Pass {
		k.PassNothing(conn)
	}
	return 0
}

func arrivalOf(e core.Errno) witness.Happened {
	if e != 0 {
		return witness.ClientRefused
	}
	return witness.ClientCame
}

// ears are the listeners of a service, as the kernel has them.
type ears [options.MaxListen]*object.Description

// hearListeners looks up the listeners of all services. Those of a configuration that is
// committed in this step are as it asks for.
func (w *World) hearListeners(committed bool) {
	w.ears = w.ears[:0]
	books := w.daemon.driver.Books()
	for _, l := range books.Listeners {
		for int(l.Service) >= len(w.ears) {
			w.ears = append(w.ears, ears{})
		}
		d := w.kernel.Description(l.Listener.FD)
		if d == nil || int(l.Number) >= options.MaxListen {
			continue
		}
		w.ears[l.Service][l.Number] = d
		if s := w.book.Service(l.Service); s != nil && committed && s.Added == w.book.Epoch() && s.Entry.Type == l.Listener.Type {
			if wrong := d.ListensAs(s.Entry, l.Listener.Endpoint); wrong != "" && w.fresh(l.Listener.Endpoint) {
				w.fail("S9", "%s of service %d has %s", l.Listener.Endpoint, l.Service, wrong)
			}
		}
	}
}

// fresh reports whether nobody handed a listener of the endpoint over.
func (w *World) fresh(end core.Endpoint) bool { return !contains(w.moved, end) }

// clientWaits reports whether a client waits in a listener of the service.
func (w *World) clientWaits(id core.ServiceID) bool {
	if int(id) >= len(w.ears) {
		return false
	}
	for _, d := range w.ears[id] {
		if d != nil && d.HasClient() {
			return true
		}
	}
	return false
}

// waitingAt counts the clients at all listeners of a service.
func (w *World) waitingAt(id core.ServiceID) (n int32) {
	if int(id) >= len(w.ears) {
		return 0
	}
	for _, d := range w.ears[id] {
		if d != nil {
			n += d.Waiting()
		}
	}
	return n
}

// arriveFor lets a client come to the first listener of a service.
func (w *World) arriveFor(id core.ServiceID) {
	if s := w.book.Service(id); s != nil && len(s.Endpoints) > 0 {
		w.connect(s.Entry.Type, mastercf.Reachable(s.Endpoints[0]))
	}
}

// nextArrival schedules the next client, if any come.
func (w *World) nextArrival() {
	if w.o.ArrivalMS > 0 {
		mean := core.Duration(w.o.ArrivalMS) * core.Millisecond
		w.after(w.moment(w.choose.Pause(4*mean, tape.Arrival)), agenda.Arrival, 0, 0)
	}
}

// arrive lets clients come to addresses of any name, served or not.
func (w *World) arrive() {
	if w.calm.on {
		return
	}
	n := uint32(1)
	switch w.o.ArrivalPattern {
	case options.Bursts:
		if w.choose.Below(4, tape.Arrival) == 3 {
			n = 1 + w.choose.Below(6, tape.Arrival)
		}
	case options.Flood:
		n = 1 + w.choose.Below(3, tape.Arrival)
	}
	name := w.choose.Below(uint32(w.options.Services), tape.Arrival)
	for range n {
		w.arriveAt(name)
	}
	w.nextArrival()
}

// arriveAt lets a client come to an address of the name that a service in force has,
// or be refused.
func (w *World) arriveAt(name uint32) {
	var there [2 * options.MaxEntries * options.MaxListen]struct {
		kind core.ServiceType
		to   core.Endpoint
	}
	count := uint32(0)
	for _, s := range w.book.Active() {
		if s.Entry.Path != mastercf.Names.Paths[name] && s.Entry.Path != mastercf.Names.Others[name] {
			continue
		}
		for _, end := range s.Endpoints {
			there[count].kind, there[count].to = s.Entry.Type, end
			count++
		}
	}
	if count == 0 {
		w.connect(core.Unix, mastercf.Names.Endpoints[name*options.Places][0])
		return
	}
	at := &there[w.choose.Below(count, tape.Arrival)]
	w.connect(at.kind, mastercf.Reachable(at.to))
}
