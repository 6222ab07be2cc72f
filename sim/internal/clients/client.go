// Package clients is the layer of a simulated world that has clients: who come to the
// addresses of services, wait in a listener, and are served over a connection.
package clients

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// World is the world with clients.
type World struct {
	stage.World
	Clients []client
	freed   []int32          // of clients
	Came    int32            // clients so far
	Closing witness.Happened // what a closed connection means for its client
	Ears    []ears           // by ServiceID, since the last commit
	Moved   []core.Endpoint  // of listeners that the step hands over
	// fates, in tests, say how each client ended.
	Fates map[int32]string
}

// Reset begins a run.
func (w *World) Reset(o options.Options) {
	w.World.Reset(o)
	w.Clients, w.freed, w.Came = w.Clients[:0], w.freed[:0], 0
	w.Ears, w.Closing = w.Ears[:0], witness.ClientLost
}

// client is one who waits in a listener or is being served over a connection. Whoever
// writes into a FIFO or sends a datagram does not wait.
type client struct {
	Conn       *object.Description // its own end
	Number     int32
	Generation core.Generation // that serves it; 0: it waits
}

// newClient makes a client that has no connection yet.
func (w *World) newClient() int32 {
	c := int32(len(w.Clients))
	if n := len(w.freed); n > 0 {
		c = w.freed[n-1]
		w.freed = w.freed[:n-1]
	} else {
		w.Clients = append(w.Clients, client{})
	}
	w.Came++
	w.Clients[c] = client{Number: w.Came}
	return c
}

// EndClient forgets a client; why says how it ended.
func (w *World) EndClient(c int32, why witness.Happened) {
	x := &w.Clients[c]
	conn := x.Conn
	w.Note(why, stage.Noted{Client: x.Number, Generation: x.Generation})
	if w.Fates != nil {
		w.Fates[x.Number] = why.String()
	}
	*x = client{}
	w.freed = append(w.freed, c)
	if conn != nil {
		conn.Disown()
		w.Kernel.Release(conn)
	}
}

// ClientChanged ends a client whose connection is over.
func (w *World) ClientChanged(c int32) {
	if x := &w.Clients[c]; x.Conn != nil && x.Conn.Ended() {
		w.EndClient(c, w.Closing)
	}
}

// Connect lets a client come to an address. Clients of a service that passes
// descriptors send one at once.
func (w *World) Connect(t core.ServiceType, to core.Endpoint) core.Errno {
	k := w.Kernel
	switch t {
	case core.FIFO:
		e := k.WriteFIFO(to.Path)
		w.Came++
		w.Note(arrivalOf(e), stage.Noted{Client: w.Came})
		return e
	case core.UnixDatagram:
		e := k.SendDatagram(to.Path)
		w.Came++
		w.Note(arrivalOf(e), stage.Noted{Client: w.Came})
		return e
	}
	c := w.newClient()
	conn, e := k.Knock(to, c+1)
	if e != 0 {
		w.EndClient(c, witness.ClientRefused)
		return e
	}
	w.Clients[c].Conn = conn
	w.Note(witness.ClientCame, stage.Noted{Client: w.Clients[c].Number})
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

// HearListeners looks up the listeners of all services. Those of a configuration that is
// committed in this step are as it asks for.
func (w *World) HearListeners(committed bool) {
	w.Ears = w.Ears[:0]
	books := w.Daemon.Driver.Books()
	for _, l := range books.Listeners {
		for int(l.Service) >= len(w.Ears) {
			w.Ears = append(w.Ears, ears{})
		}
		d := w.Kernel.Description(l.Listener.FD)
		if d == nil || int(l.Number) >= options.MaxListen {
			continue
		}
		w.Ears[l.Service][l.Number] = d
		if s := w.Book.Service(l.Service); s != nil && committed && s.Added == w.Book.Epoch() && s.Entry.Type == l.Listener.Type {
			if wrong := d.ListensAs(s.Entry, l.Listener.Endpoint); wrong != "" && w.fresh(l.Listener.Endpoint) {
				w.Fail("S9", "%s of service %d has %s", l.Listener.Endpoint, l.Service, wrong)
			}
		}
	}
}

// fresh reports whether nobody handed a listener of the endpoint over.
func (w *World) fresh(end core.Endpoint) bool { return !slices.Contains(w.Moved, end) }

// ClientWaits reports whether a client waits in a listener of the service.
func (w *World) ClientWaits(id core.ServiceID) bool {
	if int(id) >= len(w.Ears) {
		return false
	}
	for _, d := range w.Ears[id] {
		if d != nil && d.HasClient() {
			return true
		}
	}
	return false
}

// WaitingAt counts the clients at all listeners of a service.
func (w *World) WaitingAt(id core.ServiceID) (n int32) {
	if int(id) >= len(w.Ears) {
		return 0
	}
	for _, d := range w.Ears[id] {
		if d != nil {
			n += d.Waiting()
		}
	}
	return n
}

// ArriveFor lets a client come to the first listener of a service.
func (w *World) ArriveFor(id core.ServiceID) {
	if s := w.Book.Service(id); s != nil && len(s.Endpoints) > 0 {
		w.Connect(s.Entry.Type, mastercf.Reachable(s.Endpoints[0]))
	}
}

// NextArrival schedules the next client, if any come.
func (w *World) NextArrival() {
	if w.O.ArrivalMS > 0 {
		mean := core.Duration(w.O.ArrivalMS) * core.Millisecond
		w.After(w.Moment(w.Choose.Pause(4*mean, tape.Arrival)), agenda.Arrival, 0, 0)
	}
}

// Arrive lets clients come to addresses of any name, served or not.
func (w *World) Arrive() {
	if w.Calm.On {
		return
	}
	n := uint32(1)
	switch w.O.ArrivalPattern {
	case options.Bursts:
		if w.Choose.Below(4, tape.Arrival) == 3 {
			n = 1 + w.Choose.Below(6, tape.Arrival)
		}
	case options.Flood:
		n = 1 + w.Choose.Below(3, tape.Arrival)
	}
	name := w.Choose.Below(uint32(w.Options.Services), tape.Arrival)
	for range n {
		w.ArriveAt(name)
	}
	w.NextArrival()
}

// ArriveAt lets a client come to an address of the name that a service in force has,
// or be refused.
func (w *World) ArriveAt(name uint32) {
	var there [2 * options.MaxEntries * options.MaxListen]struct {
		kind core.ServiceType
		to   core.Endpoint
	}
	count := uint32(0)
	for _, s := range w.Book.Active() {
		if s.Entry.Path != mastercf.Names.Paths[name] && s.Entry.Path != mastercf.Names.Others[name] {
			continue
		}
		for _, end := range s.Endpoints {
			there[count].kind, there[count].to = s.Entry.Type, end
			count++
		}
	}
	if count == 0 {
		w.Connect(core.Unix, mastercf.Names.Endpoints[name*options.Places][0])
		return
	}
	at := &there[w.Choose.Below(count, tape.Arrival)]
	w.Connect(at.kind, mastercf.Reachable(at.to))
}
