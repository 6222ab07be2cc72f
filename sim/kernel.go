package sim

import (
	"github.com/stationmaster/stationmaster/core"
)

// maxProcesses bounds the processes of a world, zombies included.
const maxProcesses = 64

// locksOfName is how many accept locks one name can have.
const locksOfName = 16 + inetIdentities

// kernel is what the fake kernel has. It is true whatever the machine believes.
type kernel struct {
	processes [maxProcesses]process
	pids      int32 // identities there are: 1 to pids, given at random, free once reaped
	taken     [maxProcesses + 1]bool
	used      [maxProcesses + 1]bool // a child told of had it once
	sockets   []socket
	bound     [maxNames * places]address
	clients   []client
	freed     []int32 // of clients
	came      int32   // clients so far
	reapDue   bool
	locks     [maxNames * locksOfName]int32 // accept locks by lockKey: slot of the holder plus one
}

func (k *kernel) reset(pids int32) {
	for i := range k.processes {
		p := &k.processes[i]
		p.state, p.life, p.stopped = processFree, p.life+1, false
	}
	k.pids = pids
	k.taken, k.used = [maxProcesses + 1]bool{}, [maxProcesses + 1]bool{}
	k.sockets, k.clients, k.freed = k.sockets[:0], k.clients[:0], k.freed[:0]
	k.bound = [maxNames * places]address{}
	k.came, k.reapDue = 0, false
	k.locks = [maxNames * locksOfName]int32{}
}

// socketKind tells what cannot stand in for another on one path.
type socketKind uint8

const (
	stream socketKind = iota + 1
	datagram
	pipe
)

func kindOf(t core.ServiceType) socketKind {
	switch t {
	case core.UnixDatagram:
		return datagram
	case core.FIFO:
		return pipe
	}
	return stream
}

// socket is one listener in the kernel. It outlives its name, and its owner
// may change.
type socket struct {
	place   int32
	kind    socketKind
	shut    bool
	service core.ServiceID // who has it: it is the master's name for it
	waiting int32
	queue   [maxBacklog]int32 // clients, the oldest first
	limit   int32
	head    uint32 // counts how often the oldest client changed
}

// address is what stands at one kernel address: the last one bound there is
// found by clients, except that inet sockets share.
type address struct {
	stack [maxEntries]int32 // sockets plus one
	count int32
}

func (a *address) push(s int32) bool {
	if int(a.count) == len(a.stack) {
		return false
	}
	a.stack[a.count] = s + 1
	a.count++
	return true
}

func (a *address) remove(s int32) {
	for i := range a.count {
		if a.stack[i] == s+1 {
			copy(a.stack[i:], a.stack[i+1:a.count])
			a.count--
			return
		}
	}
}

// client is one who waits in a listener or is being served.
type client struct {
	life    uint32
	number  int32
	socket  int32
	slot    int32 // process that serves it, plus one
	service core.ServiceID
	wakeup  core.Request // it is a wakeup of ours
	used    bool
}

// listening is what the adapter has of one service.
type listening struct {
	sockets [maxListen]int32 // plus one; 0: none
	entry   *core.ServiceConfig
	watched bool
	noticed bool // a readiness is on its way
}

// addSocket makes a listener and binds it.
func (w *World) addSocket(entry *core.ServiceConfig, listener uint16, id core.ServiceID, displace bool) (s int32, ok bool) {
	k := &w.kernel
	place := placeOf(entry.Endpoints[listener])
	a := &k.bound[place]
	if place%places < 2 && !displace {
		for a.count > 0 { // what stands at the path is unlinked
			a.count--
		}
	}
	k.sockets = append(k.sockets, socket{place: place, kind: kindOf(entry.Type), service: id, limit: w.o.Backlog})
	s = int32(len(k.sockets) - 1)
	return s, a.push(s)
}

// shutSocket refuses everybody who waits, now and later.
func (w *World) shutSocket(s int32) {
	sock := &w.kernel.sockets[s]
	sock.shut = true
	w.kernel.bound[sock.place].remove(s)
	for i := range sock.waiting {
		w.dropClient(sock.queue[i], ClientLost)
	}
	sock.waiting = 0
}

// connect lets a client come to a kernel address. It gives the client, or -1
// when it is refused.
func (w *World) connect(place int32, r core.Request) int32 {
	a := &w.kernel.bound[place]
	if a.count == 0 {
		w.note(ClientRefused, noted{})
		return -1
	}
	s := a.stack[a.count-1] - 1
	if place%places >= 2 && a.count > 1 {
		s = a.stack[w.choose.Below(uint32(a.count), PlaceArrival)] - 1
	}
	return w.enqueue(s, r)
}

// enqueue puts a new client into the listener's queue, and tells all who wait
// for one.
func (w *World) enqueue(s int32, r core.Request) int32 {
	sock := &w.kernel.sockets[s]
	if sock.shut || sock.waiting >= sock.limit {
		w.note(ClientRefused, noted{Service: sock.service})
		return -1
	}
	c := w.newClient(s, r)
	w.note(ClientCame, noted{Client: w.kernel.clients[c].number, Service: sock.service})
	sock.queue[sock.waiting] = c
	sock.waiting++
	if sock.waiting == 1 {
		sock.head++
		w.expectService(s)
	}
	w.wakeServers(s)
	w.noticeReadiness(sock.service)
	return c
}

func (w *World) newClient(s int32, r core.Request) int32 {
	k := &w.kernel
	var c int32
	if n := len(k.freed); n > 0 {
		c = k.freed[n-1]
		k.freed = k.freed[:n-1]
	} else {
		k.clients = append(k.clients, client{})
		c = int32(len(k.clients) - 1)
	}
	k.came++
	x := &k.clients[c]
	*x = client{life: x.life + 1, number: k.came, socket: s, service: k.sockets[s].service, wakeup: r, used: true}
	return c
}

// dropClient ends a client; why says how.
func (w *World) dropClient(c int32, why Happened) {
	x := &w.kernel.clients[c]
	if !x.used {
		return
	}
	x.used = false
	var g core.Generation
	if x.slot > 0 {
		g = w.kernel.processes[x.slot-1].generation
	}
	w.note(why, noted{Client: x.number, Generation: g})
	w.kernel.freed = append(w.kernel.freed, c)
	if x.wakeup != 0 {
		w.receiverClosed(x.wakeup)
	}
}

// accept takes the oldest client of a listener for a process. It gives -1
// when there is none.
func (w *World) accept(s, slot int32) int32 {
	sock := &w.kernel.sockets[s]
	if sock.shut || sock.waiting == 0 {
		return -1
	}
	c := sock.queue[0]
	copy(sock.queue[:], sock.queue[1:sock.waiting])
	sock.waiting--
	sock.head++
	if sock.waiting > 0 {
		w.expectService(s)
	}
	x := &w.kernel.clients[c]
	x.slot = slot + 1
	p := &w.kernel.processes[slot]
	w.note(ClientAccepted, noted{Client: x.number, Service: p.service, Generation: p.generation})
	return c
}

// noticeReadiness lets the adapter see, after a while, that a watched listener
// can be read.
func (w *World) noticeReadiness(id core.ServiceID) {
	if int(id) >= len(w.services) {
		return
	}
	l := &w.services[id]
	if !l.watched || l.noticed || !w.readable(l) {
		return
	}
	l.noticed = true
	w.after(w.choose.Delay(core.Duration(w.o.ReadyDelayUS)*core.Microsecond, PlaceListener), listenerNoticed, int32(id), 0)
}

func (w *World) readable(l *listening) bool {
	for _, s := range l.sockets {
		if s > 0 && w.kernel.sockets[s-1].waiting > 0 {
			return true
		}
	}
	return false
}

// noticed delivers a readiness. It is level-triggered: who took the client in
// time prevents it, unless the adapter had fetched it before.
func (w *World) listenerIsReady(id core.ServiceID) {
	l := &w.services[id]
	l.noticed = false
	fresh := l.watched && w.readable(l)
	if fresh || w.choose.Chance(w.o.Stale, PlaceListener) {
		w.post(core.ListenerReadyEvent(id))
	}
}

// pid gives a free process identity, or 0 when there is none.
func (k *kernel) pid(first uint32) core.PID {
	for i := range uint32(k.pids) {
		n := (first+i)%uint32(k.pids) + 1
		if !k.taken[n] {
			k.taken[n] = true
			return core.PID(n)
		}
	}
	return 0
}

// slot gives a free process, or -1.
func (k *kernel) slot() int32 {
	for i := range k.processes {
		if k.processes[i].state == processFree {
			return int32(i)
		}
	}
	return -1
}

// find gives the process of a generation that is not reaped, or -1.
func (k *kernel) find(g core.Generation) int32 {
	for i := range k.processes {
		if p := &k.processes[i]; p.state != processFree && p.generation == g {
			return int32(i)
		}
	}
	return -1
}
