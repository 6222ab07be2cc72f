package sim

import "github.com/stationmaster/stationmaster/core"

// hear notes what an event means before the machine sees it, and with that
// what the machine owes in this step.
func (b *book) hear(w *World, ev *core.Event) {
	b.owed, b.now = owed{}, w.now
	b.left, b.taken = b.left[:0], b.taken[:0]
	if w.exited {
		b.owed.adrift = true
		return
	}
	switch ev.Kind {
	case core.ConfigLoaded, core.ConfigRejected:
		b.hearConfig(ev)
	case core.SignalReceived:
		b.hearSignal(ev.Signal)
	case core.ListenerOpened, core.ListenerFailed:
		b.hearListener(ev)
	case core.ListenerReady:
		if s := b.service(ev.Service); s != nil && s.watched {
			b.hearReady(w.now, ev.Service, s)
		}
	case core.ChildStarted:
		b.hearStarted(w.now, ev)
	case core.ChildStartFailed:
		b.hearStartFailed(w.now, ev)
	case core.StatusReceived:
		b.message(ev)
	case core.ChildChannelClosed:
		if c := b.child(ev.Generation); c != nil && !c.retired && !c.closed {
			c.closed, c.closedAt = true, w.now.Add(ruleChannelGrace)
			b.closed = append(b.closed, ev.Generation)
		}
	case core.ChildExited:
		b.hearExited(w.now, ev)
	case core.ChildStopped:
		if b.child(ev.Generation) != nil {
			b.expect(core.LogStopped)
		}
	case core.WakeupSent, core.WakeupFailed, core.WakeupClosed:
		b.hearWakeup(w.now, ev)
	case core.TimerExpired:
		b.hearTimer(w.now)
	}
}

func (b *book) hearConfig(ev *core.Event) {
	r := &b.reload
	r.loading, r.next = false, ev.Config
	r.failed, r.asked, r.opened, r.mine = false, 0, r.opened[:0], r.mine[:0]
	if ev.Kind == core.ConfigRejected || core.ConfigFault(ev.Config) != "" {
		b.refuse()
		return
	}
	r.opening = true
}

func (b *book) hearSignal(s core.Signal) {
	r := &b.reload
	switch s {
	case core.SIGHUP:
		if b.epoch == 0 || r.loading || r.opening {
			r.again = true
			return
		}
		b.owed.load = true
	case core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV, core.SIGTERM:
		b.owed.group, b.owed.exit = true, true
		b.expect(core.LogTerminating)
		if b.options.GroupLeader {
			return
		}
		for _, g := range b.living {
			if c := &b.children[g]; c.state != bookPending {
				c.owesTerm = true
				b.owed.terms++
			}
		}
	}
}

// hearListener: who was asked is known; the last answer ends the transaction
// or brings the second round of questions.
func (b *book) hearListener(ev *core.Event) {
	r := &b.reload
	r.asked--
	for i := range r.opened {
		if o := &r.opened[i]; o.service == ev.Service && o.listener == ev.Listener {
			o.open = ev.Kind == core.ListenerOpened
		}
	}
	r.failed = r.failed || ev.Kind == core.ListenerFailed
	if r.asked == 0 && r.failed {
		b.refuse()
	}
}

// refuse: the transaction must end without a change; at the start that is the
// end of the machine.
func (b *book) refuse() {
	b.owed.unload = true
	b.owed.exit = b.epoch == 0
}

// hearReady: the one reason to start a child, unless it would take a descriptor
// that is kept for another service. The last slot of a service that
// knows stress mode switches that on.
func (b *book) hearReady(now core.Time, id core.ServiceID, s *bookService) {
	if !b.affordable(s) {
		s.short, s.touched = true, true
		if !b.shortSaid || now.Sub(b.shortAt) > ruleLimitWarnings {
			b.shortSaid, b.shortAt = true, now
			b.expect(core.LogStarved)
		}
		return
	}
	b.owed.started = id
	if !s.lastSlot() {
		return
	}
	if !s.stressed || s.stressEnd < now {
		b.retireAll(id)
		b.restartWakeups(s, now)
	}
	s.stressed, s.stressEnd = true, now.Add(ruleStress)
}

func (b *book) retireAll(id core.ServiceID) {
	for _, g := range b.living {
		if c := &b.children[g]; c.service == id {
			b.retire(c)
		}
	}
}

func (b *book) hearStarted(now core.Time, ev *core.Event) {
	c := b.child(ev.Generation)
	if c == nil {
		return
	}
	c.pid = ev.PID
	b.become(c, bookIdle)
	s := &b.services[c.service]
	if b.options.Verbose {
		b.expect(core.LogSpawned)
	}
	if s.life == bookRemoved {
		c.owesTerm = true
		b.owed.terms++
	}
	if c.retired {
		c.owesCut = true
		b.owed.cuts++
		return
	}
	if s.life == bookActive && s.entry.WakeupIfUsed && !s.armed {
		b.armWakeups(s, now)
	}
}

func (b *book) hearStartFailed(now core.Time, ev *core.Event) {
	c := b.child(ev.Generation)
	if c == nil {
		return
	}
	s := &b.services[c.service]
	active := s.life == bookActive
	b.bury(ev.Generation)
	if !active {
		return
	}
	switch ev.StartStep {
	case core.StartExec:
		b.expect(core.LogExecFailed)
		if !s.throttled {
			b.expect(core.LogBadStartup)
		}
	case core.StartChannel:
		b.expect(core.LogChannelFailed)
	default:
		b.expect(core.LogForkFailed)
	}
	b.throttle(s, now)
}

// hearExited: a bad end is one with another status than 0 that is not the work
// of a signal of ours.
func (b *book) hearExited(now core.Time, ev *core.Event) {
	c := b.child(ev.Generation)
	if c == nil {
		if !b.options.InitMode {
			b.expect(core.LogStranger)
		}
		return
	}
	sig, signaled := ev.Status.Signaled()
	ours := signaled && (sig == core.SIGTERM && c.terminated || sig == core.SIGKILL && c.killed)
	bad := ev.Status != 0 && !ours
	s, served := &b.services[c.service], c.served
	active := s.life == bookActive
	b.bury(ev.Generation)
	if !bad {
		return
	}
	b.expect(core.LogExited)
	if !served && active && !s.throttled {
		b.expect(core.LogBadStartup)
		b.throttle(s, now)
	}
}

func (b *book) hearWakeup(now core.Time, ev *core.Event) {
	for i := range b.wakeups {
		k := &b.wakeups[i]
		if k.request != ev.Request {
			continue
		}
		if ev.Kind == core.WakeupSent && !k.fifo {
			k.sent, k.deadline = true, now.Add(ruleWakeupHold)
			return
		}
		if ev.Kind == core.WakeupFailed {
			b.expect(core.LogWakeupFailed)
		}
		b.wakeups = append(b.wakeups[:i], b.wakeups[i+1:]...)
		return
	}
}

// hearTimer: everything whose time has come is due in this step, in the order
// of the times.
func (b *book) hearTimer(now core.Time) {
	if b.options.ExitSet && b.exitAt <= now {
		// Whether what is due besides is done before the end is nobody's concern.
		b.owed.exit, b.owed.adrift = true, true
	}
	for _, id := range b.active {
		s := &b.services[id]
		if s.leaveBy != 0 && s.leaveBy <= now {
			s.leaveBy, s.lapsed, s.touched = 0, true, true
		}
		released := s.throttled && s.until <= now
		if s.wakeAt != 0 && s.wakeAt <= now {
			same := released && s.until == s.wakeAt
			b.wakeupDue(s, now, s.throttled && !(released && s.until < s.wakeAt))
			if same {
				s.wakes = unsure
			}
		}
		if released {
			s.throttled, s.touched = false, true
			if b.options.Verbose {
				b.expect(core.LogThrottleReleased)
			}
		}
	}
	for _, id := range b.removed {
		s := &b.services[id]
		if s.killAt > now {
			continue
		}
		s.killAt = now.Add(ruleRemovalGrace)
		for _, g := range b.living {
			if c := &b.children[g]; c.service == id && c.state != bookPending {
				c.owesKill = true
				b.owed.kills++
			}
		}
	}
	for i := range b.wakeups {
		if b.wakeups[i].deadline <= now {
			b.owed.closes++
		}
	}
	for _, g := range b.closed {
		if b.children[g].closedAt <= now {
			b.owed.channelLines++
		}
	}
	kept := b.closed[:0]
	for _, g := range b.closed {
		if b.children[g].closedAt > now {
			kept = append(kept, g)
		}
	}
	b.closed = kept
}

// commit notes what a new configuration changes, at the moment at which the
// machine says that it is in force. view is how it then stands.
func (b *book) commit(w *World, view *core.View) {
	r := &b.reload
	next := r.next
	b.epoch++
	b.config = next
	if !b.sameServices(w, view, next) {
		return
	}
	b.before = append(b.before[:0], b.active...)
	b.active = b.active[:0]
	for i := range next.Services {
		id := view.Services[i].ID
		for int(id) >= len(b.services) {
			b.services = append(b.services, bookService{})
		}
		s := &b.services[id]
		s.touched = true
		if s.life != bookActive {
			s.entry, s.endpoints, s.added = &next.Services[i], next.Services[i].Endpoints, b.epoch
		}
		b.active = append(b.active, id)
	}
	for _, id := range b.before {
		if !contains(b.active, id) {
			b.remove(w.now, id)
		}
	}
	for i, id := range b.active {
		s := &b.services[id]
		if s.life == bookActive {
			s.entry = &next.Services[i]
			s.ceiling = s.total
			b.retireAll(id)
			b.believe(s, true)
			if next.ReloadClearsThrottle {
				s.throttled = false
			}
		}
		s.life = bookActive
		b.restartWakeups(s, w.now)
	}
	r.opening = false
}

func contains[T comparable](list []T, x T) bool {
	for i := range list {
		if list[i] == x {
			return true
		}
	}
	return false
}

// sameServices checks that the view has the services of the configuration, in
// its order, each under the number that it had before.
func (b *book) sameServices(w *World, view *core.View, next *core.Config) bool {
	if len(view.Services) < len(next.Services) {
		w.fail("S8", "%d services run after a configuration of %d", len(view.Services), len(next.Services))
		return false
	}
	for i := range next.Services {
		v, e := &view.Services[i], &next.Services[i]
		if v.Canonical != e.Canonical || v.Type != e.Type {
			w.fail("S8", "service %d of the configuration is %s/%v, the machine runs %s/%v there", i, e.Canonical, e.Type, v.Canonical, v.Type)
			return false
		}
		if int(v.ID) > len(b.services)+maxEntries*2 || v.ID == 0 {
			w.fail("S8", "the number %d of a service was never announced", v.ID)
			return false
		}
		kept := core.ServiceID(0)
		for _, id := range b.active {
			if s := &b.services[id]; s.entry.Canonical == e.Canonical && s.entry.Type == e.Type && !b.robbed(id, next) {
				kept = id
			}
		}
		s := b.service(v.ID)
		if kept != 0 && v.ID != kept || kept == 0 && s != nil && s.life != bookNone && s.life != bookOpening {
			w.fail("S8", "service %s/%v had number %d before the reload and has %d after it", e.Canonical, e.Type, kept, v.ID)
			return false
		}
	}
	return true
}

// robbed reports whether a later service has taken the path of this one and now
// leaves the configuration: this one could not be reached and begins anew.
func (b *book) robbed(id core.ServiceID, next *core.Config) bool {
	for _, end := range b.services[id].endpoints {
		last := id
		for _, other := range b.active {
			if end.Path != "" && contains(b.services[other].endpoints, end) {
				last = max(last, other)
			}
		}
		if last != id && !listed(next, b.services[last].entry) {
			return true
		}
	}
	return false
}

// disputed reports whether a listener of a removed service is at a path that a
// later service had taken from it, or that several new services want.
func (b *book) disputed(id core.ServiceID, listener uint16) bool {
	end, rivals := b.services[id].endpoints[listener], 0
	for i := range b.reload.opened {
		if o := &b.reload.opened[i]; b.services[o.service].endpoints[o.listener] == end {
			rivals++
		}
	}
	later := false
	for _, other := range b.before {
		later = later || other > id && contains(b.services[other].endpoints, end)
	}
	return end.Path != "" && (rivals > 1 || later)
}

// listed reports whether the configuration has the service of the entry.
func listed(c *core.Config, entry *core.ServiceConfig) bool {
	for i := range c.Services {
		if s := &c.Services[i]; s.Canonical == entry.Canonical && s.Type == entry.Type {
			return true
		}
	}
	return false
}

// remove notes that a service left the configuration.
func (b *book) remove(now core.Time, id core.ServiceID) {
	s := &b.services[id]
	s.life, s.gone, s.touched = bookRemoved, b.epoch, true
	s.throttled, s.wakeAt, s.leaveBy, s.armed = false, 0, 0, false
	for _, g := range b.living {
		c := &b.children[g]
		if c.service != id {
			continue
		}
		if c.state != bookPending {
			c.owesTerm = true
			b.owed.terms++
		}
		b.retire(c)
	}
	for i := range b.wakeups {
		if b.wakeups[i].service == id {
			b.wakeups[i].deadline = 0
			b.owed.closes++
		}
	}
	s.killAt = now.Add(ruleRemovalGrace)
	if s.total == 0 {
		s.life = bookGone
		return
	}
	b.removed = append(b.removed, id)
}
