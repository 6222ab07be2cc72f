package sim

import "github.com/stationmaster/stationmaster/core"

// opening is one OpenListener that is not answered.
type opening struct {
	service  core.ServiceID
	listener uint16
	displace bool
	entry    *core.ServiceConfig
}

// perform carries the list of one step out to its end, as an adapter must.
func (w *World) perform(actions []core.Action) {
	for i := range actions {
		a := &actions[i]
		w.Coverage.Actions[a.Kind%coverKinds]++
		switch a.Kind {
		case core.LoadConfig:
			w.beginLoad(a.Request)
		case core.OpenListener:
			w.beginOpen(a)
		case core.CommitListener:
			w.settleListener(a)
		case core.AbandonListener:
			w.dropListener(a.Service, a.Listener)
		case core.MoveListener:
			w.moveListener(a)
		case core.CloseListener:
			w.closeListener(a.Service, a.Listener)
		case core.WatchListener:
			w.services[a.Service].watched = true
			w.noticeReadiness(a.Service)
		case core.IgnoreListener:
			w.services[a.Service].watched = false
		case core.StartChild:
			w.startChild(a)
		case core.RetireChild:
			if slot := w.kernel.find(a.Generation); slot >= 0 {
				w.cutChannel(slot)
			}
		case core.SignalChild:
			w.signalChild(a)
		case core.SignalGroup:
			w.signalGroup(a.Signal)
		case core.WakeService:
			w.beginWakeup(a)
		case core.CloseWakeup:
			w.closeWakeup(a.Request)
		case core.Log:
			w.Coverage.Logs[a.Code%coverCodes]++
		case core.Exit:
			w.exited = true
		}
	}
}

// beginLoad reads the file now or when the answer is due.
func (w *World) beginLoad(r core.Request) {
	w.request, w.loading = r, w.file
	w.calm.loads++
	if w.choose.Below(2, PlaceLoad) == 0 {
		w.loading.version = 0 // at the answer
	}
	w.after(w.choose.Delay(core.Duration(w.o.LoadDelayMS)*core.Millisecond, PlaceLoad), loadAnswered, 0, 0)
}

func (w *World) answerLoad() {
	f := &w.loading
	if f.version == 0 {
		*f = w.file
	}
	c, ok := w.build(f)
	w.loaded = c
	if !ok || w.choose.Chance(w.o.LoadFail, PlaceLoad) {
		c.Diagnostics = tornDiagnostics
		w.post(core.ConfigRejectedEvent(w.request, c))
		return
	}
	w.post(core.ConfigLoadedEvent(w.request, c))
}

// service gives what the adapter has of a service, made when it is first named.
func (w *World) service(id core.ServiceID) *listening {
	for int(id) >= len(w.services) {
		w.services = append(w.services, listening{})
	}
	return &w.services[id]
}

func (w *World) beginOpen(a *core.Action) {
	w.service(a.Service).entry = a.Entry
	w.opens = append(w.opens, opening{a.Service, a.Listener, a.Flag, a.Entry})
	w.after(w.choose.Delay(core.Duration(w.o.OpenDelayUS)*core.Microsecond, PlaceListener), openAnswered, int32(len(w.opens)-1), 0)
}

var openFailures = [4]struct {
	step core.ListenStep
	e    core.Errno
}{
	{core.StepBind, core.EADDRINUSE},
	{core.StepSocket, core.EMFILE},
	{core.StepBind, core.EACCES},
	{core.StepDescriptors, core.ENOSPC},
}

func (w *World) answerOpen(ref int32) {
	o := &w.opens[ref]
	rate := w.o.OpenFail
	if w.book.epoch == 0 {
		rate /= 8 // a start that fails teaches little
	}
	if w.choose.Chance(rate, PlaceListener) {
		f := openFailures[w.choose.Below(uint32(len(openFailures)), PlaceListener)]
		w.post(core.ListenerFailedEvent(o.service, o.listener, f.step, f.e))
		return
	}
	s, ok := w.addSocket(o.entry, o.listener, o.service, o.displace)
	if !ok {
		w.kernel.sockets[s].shut = true
		w.post(core.ListenerFailedEvent(o.service, o.listener, core.StepBind, core.EADDRINUSE))
		return
	}
	w.services[o.service].sockets[o.listener] = s + 1
	w.post(core.ListenerOpenedEvent(o.service, o.listener))
}

// settleListener unlinks what was set aside: nobody finds it any more.
func (w *World) settleListener(a *core.Action) {
	s := w.services[a.Service].sockets[a.Listener] - 1
	b := &w.kernel.bound[w.kernel.sockets[s].place]
	for b.count > 0 && b.stack[0] != s+1 {
		b.remove(b.stack[0] - 1)
	}
}

// dropListener closes a listener, its name included.
func (w *World) dropListener(id core.ServiceID, listener uint16) {
	l := &w.services[id]
	s := l.sockets[listener] - 1
	l.sockets[listener] = 0
	w.shutSocket(s)
}

// closeListener is the end of a removed service's listener. A client that
// waits in it must have nowhere else to go: it would have to be handed over to
// a service that just made a new one for the same address. Where services share
// a path, who has it counts for more.
func (w *World) closeListener(id core.ServiceID, listener uint16) {
	s := w.services[id].sockets[listener] - 1
	sock := &w.kernel.sockets[s]
	for i := range w.book.reload.opened {
		made := &w.book.reload.opened[i]
		o := w.services[made.service].sockets[made.listener]
		if o > 0 && w.kernel.sockets[o-1].place == sock.place && w.kernel.sockets[o-1].kind == sock.kind && !w.book.disputed(id, listener) {
			w.fail("S8", "service %d closes a listener though service %d made a new one for the same address: waiting clients are lost", id, made.service)
		}
	}
	w.dropListener(id, listener)
}

func (w *World) moveListener(a *core.Action) {
	from := &w.services[a.Service]
	s := from.sockets[a.Listener]
	from.sockets[a.Listener] = 0
	to := w.service(a.To)
	to.sockets[a.ToListener] = s
	w.kernel.sockets[s-1].service = a.To
	w.met(HandedOverWithClient, w.kernel.sockets[s-1].waiting > 0)
}

// signalChild reaches only who is not reaped yet.
func (w *World) signalChild(a *core.Action) {
	if slot := w.kernel.find(a.Generation); slot >= 0 && w.kernel.processes[slot].pid == a.PID {
		w.met(KilledAfterGrace, a.Signal == core.SIGKILL)
		w.kill(slot, a.Signal)
	}
}

// signalGroup reaches everybody if the master leads its group.
func (w *World) signalGroup(s core.Signal) {
	if w.options.Leader == 0 {
		return
	}
	w.groupTold = true
	for i := range w.kernel.processes {
		if w.kernel.processes[i].state == processAlive {
			w.kill(int32(i), s)
		}
	}
}

// wakeup is one WakeService under way.
type wakeup struct {
	request core.Request
	service core.ServiceID
	fifo    bool
	state   wakeupState
}

type wakeupState uint8

const (
	wakeupAsked wakeupState = iota
	wakeupOpen              // sent, the receiver has the connection
	wakeupOver              // nothing more is reported
)

// Outcomes of a wakeup, as arguments of wakeupAnswered.
const (
	wakeupIsSent int32 = iota
	wakeupIsRefused
)

// beginWakeup draws what becomes of it; it may never be answered.
func (w *World) beginWakeup(a *core.Action) {
	w.wakeups = append(w.wakeups, wakeup{request: a.Request, service: a.Service, fifo: a.Entry.Type == core.FIFO})
	ref := int32(len(w.wakeups) - 1)
	outcome := wakeupIsSent
	switch {
	case w.choose.Chance(w.o.WakeupHang, PlaceWakeup):
		return
	case w.choose.Chance(w.o.WakeupFail, PlaceWakeup):
		outcome = wakeupIsRefused
	}
	w.after(w.choose.Delay(core.Duration(w.o.ReadyDelayUS)*core.Microsecond, PlaceWakeup), wakeupAnswered, ref, outcome)
}

// answerWakeup: a sent one is a client like others.
func (w *World) answerWakeup(ref, outcome int32) {
	k := &w.wakeups[ref]
	if k.state == wakeupOver {
		return
	}
	var s int32
	if int(k.service) < len(w.services) {
		s = w.services[k.service].sockets[0]
	}
	if outcome == wakeupIsRefused || s == 0 || w.kernel.sockets[s-1].waiting >= w.kernel.sockets[s-1].limit {
		k.state = wakeupOver
		w.post(core.WakeupFailedEvent(k.request, core.ECONNREFUSED))
		return
	}
	w.post(core.WakeupSentEvent(k.request))
	k.state = wakeupOpen
	request := k.request
	if k.fifo {
		k.state, request = wakeupOver, 0
	}
	w.note(WakeupArrived, noted{Service: k.service})
	if c := w.enqueue(s-1, request); c >= 0 && request != 0 && w.choose.Chance(w.o.WakeupHang, PlaceWakeup) {
		w.kernel.clients[c].wakeup = 0 // the receiver never closes
	}
}

// receiverClosed: who received a wakeup closes the connection.
func (w *World) receiverClosed(r core.Request) {
	for i := len(w.wakeups) - 1; i >= 0; i-- { // the latest are the likely ones
		if k := &w.wakeups[i]; k.request == r && k.state == wakeupOpen {
			w.after(w.choose.Delay(core.Duration(w.o.ReadyDelayUS)*core.Microsecond, PlaceWakeup), wakeupEnds, int32(i), 0)
			return
		}
	}
}

func (w *World) wakeupEnds(ref int32) {
	if k := &w.wakeups[ref]; k.state == wakeupOpen {
		k.state = wakeupOver
		w.post(core.WakeupClosedEvent(k.request))
	}
}

// closeWakeup ends one, whatever its state. What is queued of it may still
// come.
func (w *World) closeWakeup(r core.Request) {
	for i := len(w.wakeups) - 1; i >= 0; i-- {
		if w.wakeups[i].request == r {
			w.wakeups[i].state = wakeupOver
			return
		}
	}
}
