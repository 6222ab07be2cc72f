package sim

import "github.com/stationmaster/stationmaster/core"

// lawOfLine says which invariant owns a log line; the lines named here are
// checked one by one against what the event asks for.
var lawOfLine = [...]struct {
	code core.LogCode
	law  string
}{
	{core.LogExited, "S7"},
	{core.LogBadStartup, "S7"},
	{core.LogForkFailed, "S7"},
	{core.LogChannelFailed, "S7"},
	{core.LogExecFailed, "S7"},
	{core.LogStopped, "S6"},
	{core.LogPartialStatus, "S6"},
	{core.LogUnknownStatus, "S6"},
	{core.LogStaleStatus, "S6"},
	{core.LogForeignStatus, "S6"},
	{core.LogMuted, "S11"},
	{core.LogStranger, "S6"},
	{core.LogTerminating, "L5"},
	{core.LogStarved, "S13"},
}

// judge holds the actions of one step against the book, in their order.
func (b *book) judge(w *World, ev *core.Event, actions []core.Action) {
	if w.exited {
		if len(actions) > 0 {
			w.fail("S12", "%d actions follow Exit", len(actions))
		}
		return
	}
	b.judgeSize(w, ev, len(actions))
	for i := len(actions) - 1; i >= 0; i-- {
		if actions[i].Kind == core.ApplyConfig {
			b.judgeCommit(w, &actions[i])
			break
		}
	}
	for i := range actions {
		if w.failure != nil {
			return
		}
		a := &actions[i]
		if i > 0 && actions[i-1].Kind == core.Exit {
			w.fail("S12", "%v follows Exit in the same step", a.Kind)
			return
		}
		b.judgeAction(w, ev, a)
	}
	if w.failure == nil && !b.owed.adrift {
		b.judgeDebts(w, ev)
	}
}

// judgeSize: the actions of one step are bounded by what the step can change.
func (b *book) judgeSize(w *World, ev *core.Event, n int) {
	limit := 16
	if id := b.serviceOf(ev); id != 0 && int(id) < len(b.services) {
		limit += 4 * int(b.services[id].total)
	}
	switch ev.Kind {
	case core.ConfigLoaded, core.ConfigRejected, core.ListenerOpened, core.ListenerFailed:
		limit += 4*len(b.living) + len(b.wakeups) + 10*(len(b.active)+maxEntries)*maxListen + 2*diagnosticsOf(ev)
	case core.TimerExpired:
		limit += 3*len(b.living) + 3*len(b.wakeups) + 4*len(b.active)
	case core.SignalReceived:
		limit += len(b.living)
	}
	if n > limit {
		w.fail("S11", "%d actions in one step, where %d would do", n, limit)
	}
}

func diagnosticsOf(ev *core.Event) int {
	if ev.Config == nil {
		return 0
	}
	return len(ev.Config.Diagnostics)
}

func (b *book) judgeCommit(w *World, a *core.Action) {
	r := &b.reload
	switch {
	case !r.opening || a.Config == nil:
		w.fail("S8", "a configuration is put in force that was not asked for")
	case r.asked > 0 || r.failed:
		w.fail("S8", "a configuration is put in force with %d listeners not answered, failed: %v", r.asked, r.failed)
	default:
		view := w.machine.View()
		b.owed.commit = true
		b.commit(w, &view)
	}
}

func (b *book) judgeAction(w *World, ev *core.Event, a *core.Action) {
	switch a.Kind {
	case core.LoadConfig:
		b.judgeLoad(w, a)
	case core.OpenListener:
		b.judgeOpen(w, a)
	case core.CommitListener, core.AbandonListener, core.MoveListener, core.CloseListener:
		b.judgeListener(w, a)
	case core.WatchListener, core.IgnoreListener:
		b.judgeWatch(w, a)
	case core.StartChild:
		b.judgeStart(w, a)
	case core.RetireChild:
		b.judgeRetire(w, a)
	case core.SignalChild:
		b.judgeSignal(w, a)
	case core.SignalGroup:
		if !b.owed.group || a.Signal != core.SIGTERM {
			w.fail("S10", "signal %d to the process group", a.Signal)
		}
		b.owed.group = false
	case core.WakeService:
		b.judgeWake(w, a)
	case core.CloseWakeup:
		b.judgeCloseWakeup(w, a)
	case core.ApplyConfig:
	case core.Announce:
		if b.epoch != 1 || !b.owed.commit {
			w.fail("S8", "announced at epoch %d", b.epoch)
		}
	case core.Log:
		b.judgeLog(w, ev, a)
	case core.Exit:
		b.judgeExit(w, ev, a)
	default:
		w.fail("S12", "an action of unknown kind %d", a.Kind)
	}
}

func (b *book) judgeLoad(w *World, a *core.Action) {
	r := &b.reload
	ended := (b.owed.commit || b.owed.unload) && r.again
	if !b.owed.load && !ended || r.loading {
		w.fail("L8", "a configuration is loaded that nobody asked for")
	}
	if a.Request <= b.lastRequest {
		w.fail("S4", "request %d is used twice", a.Request)
	}
	r.again = r.again && !ended
	b.lastRequest, r.loading, b.owed.load = a.Request, true, false
}

func (b *book) judgeOpen(w *World, a *core.Action) {
	r := &b.reload
	if !r.opening || a.Entry == nil || int(a.Listener) >= len(a.Entry.Endpoints) || a.Service == 0 || int(a.Service) > len(b.services)+2*maxEntries {
		w.fail("S9", "a listener is opened outside of a reload, or for nobody")
		return
	}
	for int(a.Service) >= len(b.services) {
		b.services = append(b.services, bookService{})
	}
	s := &b.services[a.Service]
	if s.life != bookNone && s.life != bookOpening {
		w.fail("S8", "service %d, which is there, opens a listener", a.Service)
		return
	}
	for i := range r.opened {
		if r.opened[i].service == a.Service && r.opened[i].listener == a.Listener {
			w.fail("S4", "listener %d of service %d is asked for twice", a.Listener, a.Service)
		}
	}
	ours := false
	end := a.Entry.Endpoints[a.Listener]
	for _, id := range b.active {
		for k := range b.services[id].endpoints {
			ours = ours || b.services[id].endpoints[k] == end
		}
	}
	if end.Path != "" && ours != a.Flag {
		w.fail("S8", "%s is opened with displacement %v, it belongs to a service of ours: %v", end.Path, a.Flag, ours)
	}
	s.life, s.entry, s.endpoints = bookOpening, a.Entry, a.Entry.Endpoints
	r.opened = append(r.opened, openedListener{service: a.Service, listener: a.Listener, displace: a.Flag})
	r.asked++
}

// owns tells whether the adapter has this listener of the service.
func (w *World) owns(id core.ServiceID, listener uint16) bool {
	return int(id) < len(w.services) && listener < maxListen && w.services[id].sockets[listener] != 0
}

func (b *book) judgeListener(w *World, a *core.Action) {
	s := b.service(a.Service)
	if s == nil || !w.owns(a.Service, a.Listener) {
		w.fail("S9", "%v names listener %d of service %d, which is not open", a.Kind, a.Listener, a.Service)
		return
	}
	if a.Kind != core.CommitListener && !b.leave(a.Service, a.Listener) {
		w.fail("S9", "%v names listener %d of service %d, which it no longer has", a.Kind, a.Listener, a.Service)
		return
	}
	switch a.Kind {
	case core.AbandonListener:
		if !b.owed.unload || s.life != bookOpening {
			w.fail("S8", "listener %d of service %d is abandoned", a.Listener, a.Service)
		}
		b.settled(a)
	case core.CommitListener:
		if !b.owed.commit || !b.settled(a) {
			w.fail("S8", "listener %d of service %d is settled", a.Listener, a.Service)
		}
	case core.CloseListener:
		if !b.owed.commit || s.life != bookRemoved && s.life != bookGone {
			w.fail("S8", "service %d loses listener %d", a.Service, a.Listener)
		}
	case core.MoveListener:
		b.judgeMove(w, a, s)
	}
}

// leave notes that a listener is gone within this step. It gives false when it
// was gone before.
func (b *book) leave(id core.ServiceID, listener uint16) bool {
	x := place{id, listener}
	if contains(b.left, x) {
		return false
	}
	b.left = append(b.left, x)
	return true
}

// settled notes that a displaced or opened listener is dealt with; it tells
// whether it had to be.
func (b *book) settled(a *core.Action) bool {
	for i := range b.reload.opened {
		o := &b.reload.opened[i]
		if o.service == a.Service && o.listener == a.Listener && o.open && !o.settled {
			o.settled = true
			return o.displace || a.Kind == core.AbandonListener
		}
	}
	return false
}

func (b *book) judgeMove(w *World, a *core.Action, from *bookService) {
	to := b.service(a.To)
	if !b.owed.commit || from.life != bookRemoved && from.life != bookGone || to == nil || to.added != b.epoch {
		w.fail("S8", "listener %d of service %d goes to service %d", a.Listener, a.Service, a.To)
		return
	}
	sock := &w.kernel.sockets[w.services[a.Service].sockets[a.Listener]-1]
	if int(a.ToListener) >= len(to.endpoints) || placeOf(to.endpoints[a.ToListener]) != sock.place || kindOf(to.entry.Type) != sock.kind {
		w.fail("S8", "listener %d of service %d does not fit service %d", a.Listener, a.Service, a.To)
		return
	}
	if w.owns(a.To, a.ToListener) || contains(b.taken, place{a.To, a.ToListener}) {
		w.fail("S9", "service %d gets listener %d twice", a.To, a.ToListener)
	}
	b.taken = append(b.taken, place{a.To, a.ToListener})
}

func (b *book) judgeWatch(w *World, a *core.Action) {
	s := b.service(a.Service)
	on := a.Kind == core.WatchListener
	switch {
	case s == nil || s.watched == on:
		w.fail("S9", "%v for service %d, which is in that state", a.Kind, a.Service)
	case on && s.life != bookActive:
		w.fail("S3", "service %d is watched and not active", a.Service)
	default:
		w.service(a.Service)
		s.watched, s.touched = on, true
	}
}

func (b *book) judgeStart(w *World, a *core.Action) {
	s := b.service(a.Service)
	if s != nil && s.short {
		w.fail("S13", "service %d starts a child with a descriptor that is kept for another", a.Service)
		return
	}
	if s == nil || s.life != bookActive || b.owed.started != a.Service || !s.watched {
		w.fail("S5", "a child of service %d is started though no client waits for us", a.Service)
		return
	}
	b.owed.started = 0
	aware := stressAware(s.entry)
	switch {
	case s.pending > 0:
		w.fail("S4", "a second start of service %d is asked for", a.Service)
	case a.Generation != core.Generation(len(b.children)):
		w.fail("S4", "generation %d follows %d", a.Generation, len(b.children)-1)
	case s.throttled:
		w.fail("S5", "service %d starts a child while throttled", a.Service)
	case b.held(s):
		w.fail("S5", "service %d starts a child while held", a.Service)
	case s.full():
		w.fail("S5", "service %d starts child %d of %d", a.Service, s.total+1, s.entry.ProcessLimit)
	case s.idle > 0:
		w.fail("S5", "service %d starts a child while %d are idle", a.Service, s.idle)
	case a.Entry == nil || a.Entry.Line != s.entry.Line:
		w.fail("S5", "service %d starts a child with settings that are not in force", a.Service)
	case a.Flag != (aware && s.stressed && s.stressEnd > w.now):
		w.fail("S5", "service %d starts a child with stress mode %v", a.Service, a.Flag)
	}
	for i := range s.endpoints {
		if !w.owns(a.Service, uint16(i)) {
			w.fail("S9", "service %d starts a child without its listener %d", a.Service, i)
		}
	}
	b.children = append(b.children, bookChild{service: a.Service})
	b.living = append(b.living, a.Generation)
	b.count(&b.children[a.Generation], +1)
}

func (b *book) judgeRetire(w *World, a *core.Action) {
	c := b.child(a.Generation)
	switch {
	case c == nil || c.state == bookPending:
		w.fail("S9", "the channel of generation %d, which is not there, is cut", a.Generation)
	case !c.owesCut:
		w.fail("S8", "generation %d is retired without cause, or twice", a.Generation)
	default:
		c.owesCut = false
		b.owed.cuts--
		b.closed = without(b.closed, a.Generation)
	}
}

func (b *book) judgeSignal(w *World, a *core.Action) {
	c := b.child(a.Generation)
	switch {
	case c == nil || c.state == bookPending || c.pid != a.PID:
		w.fail("S10", "signal %d to pid %d, generation %d, which is no living child of ours", a.Signal, a.PID, a.Generation)
	case a.Signal == core.SIGTERM && c.owesTerm:
		c.owesTerm, c.terminated = false, true
		b.owed.terms--
	case a.Signal == core.SIGKILL && c.owesKill:
		c.owesKill, c.killed = false, true
		b.owed.kills--
	default:
		w.fail("S10", "signal %d to generation %d without cause", a.Signal, a.Generation)
	}
}

func (b *book) judgeWake(w *World, a *core.Action) {
	s := b.service(a.Service)
	switch {
	case s == nil || s.life != bookActive || s.wakes == 0 || s.entry.Type == core.UnixDatagram:
		w.fail("L6", "service %d gets a wakeup that is not due", a.Service)
		return
	case a.Entry == nil || a.Entry.Line != s.entry.Line:
		w.fail("L6", "service %d gets a wakeup by settings that are not in force", a.Service)
	}
	if a.Request <= b.lastRequest {
		w.fail("S4", "request %d is used twice", a.Request)
	}
	b.lastRequest = a.Request
	if s.wakes > 0 {
		s.wakes--
	} else {
		s.wakes = 0
	}
	b.wakeups = append(b.wakeups, bookWakeup{
		request: a.Request, service: a.Service, fifo: a.Entry.Type == core.FIFO, deadline: w.now.Add(ruleWakeupLimit),
	})
}

func (b *book) judgeCloseWakeup(w *World, a *core.Action) {
	for i := range b.wakeups {
		k := &b.wakeups[i]
		if k.request != a.Request {
			continue
		}
		if k.deadline > w.now {
			w.fail("L6", "wakeup %d is given up before its time", a.Request)
		}
		b.wakeups = append(b.wakeups[:i], b.wakeups[i+1:]...)
		b.owed.closes--
		return
	}
	w.fail("S9", "wakeup %d is closed, which is not open", a.Request)
}

func (b *book) judgeLog(w *World, ev *core.Event, a *core.Action) {
	if a.Code < 64 {
		b.owed.seen |= 1 << a.Code
	}
	switch a.Code {
	case core.LogReloadRefused:
		if !b.owed.unload {
			w.fail("S8", "a reload is refused without a reason")
		}
	case core.LogChannelClosed:
		b.owed.channelLines--
	case core.LogLimit:
		b.judgeLimitLine(w, ev, a)
	case core.LogWakeupFailed:
		if ev.Kind != core.WakeupFailed && a.Entry != nil && a.Entry.Type == core.UnixDatagram {
			b.tookWakeup(a.Entry)
		}
	}
}

// tookWakeup: the line of a datagram service stands for its wakeup.
func (b *book) tookWakeup(e *core.ServiceConfig) {
	for _, id := range b.active {
		if s := &b.services[id]; s.entry.Line == e.Line && s.wakes != 0 {
			s.wakes = max(0, s.wakes-1)
			return
		}
	}
}

// judgeLimitLine: once in a thousand seconds for each service, and only when
// clients may wait at the limit. What a retired child reports is no news of
// the service and repeats nothing.
func (b *book) judgeLimitLine(w *World, ev *core.Event, a *core.Action) {
	for _, id := range b.active {
		s := &b.services[id]
		if a.Entry == nil || s.entry.Line != a.Entry.Line {
			continue
		}
		if s.warned && w.now.Sub(s.warnedAt) <= ruleLimitWarnings || !s.full() || s.idle+s.leavers() > 0 || !stressAware(s.entry) {
			w.fail("S11", "service %d warns of its limit", id)
		}
		if ev.Kind == core.StatusReceived && b.children[ev.Generation].retired {
			w.fail("S11", "service %d warns of its limit when a retired child reports", id)
		}
		s.warned, s.warnedAt = true, w.now
		return
	}
}

func (b *book) judgeExit(w *World, ev *core.Event, a *core.Action) {
	refused := b.epoch == 0 && b.owed.unload
	switch {
	case refused && a.Number == 1 && a.Signal == 0:
	case !b.owed.exit:
		w.fail("L5", "the machine ends without a reason")
	case ev.Kind == core.SignalReceived && !b.options.InitMode && a.Signal != ev.Signal,
		(ev.Kind != core.SignalReceived || b.options.InitMode) && a.Signal != 0, a.Number != 0:
		w.fail("L5", "the machine ends with code %d, signal %d", a.Number, a.Signal)
	}
	b.owed.exit = false
}

// judgeDebts: what the step had to do and did not.
func (b *book) judgeDebts(w *World, ev *core.Event) {
	o := &b.owed
	for i := range lawOfLine {
		bit := uint64(1) << lawOfLine[i].code
		if o.logs&bit != o.seen&bit {
			w.fail(lawOfLine[i].law, "after %v: line %d expected %v, seen %v", ev.Kind, lawOfLine[i].code, o.logs&bit != 0, o.seen&bit != 0)
			return
		}
	}
	switch {
	case o.cuts != 0:
		w.fail("S8", "%d old children were not retired", o.cuts)
	case o.terms != 0:
		w.fail("L3", "%d children were not told to end", o.terms)
	case o.kills != 0:
		w.fail("L3", "%d children that outlived the grace were not killed", o.kills)
	case o.load || (o.commit || o.unload) && b.reload.again && b.epoch > 0:
		w.fail("L8", "a hangup was lost")
	case o.group || o.exit:
		w.fail("L5", "the machine did not end")
	case o.closes != 0:
		w.fail("L6", "%d overdue wakeups were not closed", o.closes)
	case o.channelLines != 0:
		w.fail("S11", "%d lines about closed channels missing", o.channelLines)
	case o.started != 0:
		w.fail("L1", "a client waits for service %d and no child was started", o.started)
	case b.reload.opening && b.reload.asked == 0 && !o.unload:
		w.fail("S8", "a reload neither ends nor waits")
	case o.unload && o.seen&(1<<core.LogReloadRefused) == 0 && b.epoch > 0:
		w.fail("S8", "a configuration that cannot be had was not refused")
	}
}
