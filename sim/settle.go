package sim

import "github.com/stationmaster/stationmaster/core"

// settle looks at what the step touched, after its actions were carried out.
func (b *book) settle(w *World, ev *core.Event) {
	if w.failure != nil || w.exited {
		return
	}
	if b.owed.unload {
		b.undone(w)
	}
	all := b.settleShort()
	if id := b.serviceOf(ev); !all && id != 0 && !b.owed.commit && ev.Kind != core.TimerExpired && len(b.removed) == 0 {
		if int(id) < len(b.services) {
			b.settleService(w, id)
		}
		b.settleDeadline(w)
		return
	}
	for _, id := range b.active {
		b.settleService(w, id)
	}
	if b.owed.commit {
		b.settleCommit(w)
	}
	b.settleDeadline(w)
}

// settleShort notes who is held back no longer for want of descriptors; all tells
// that it may be any of them.
func (b *book) settleShort() (all bool) {
	for _, id := range b.active {
		if s := &b.services[id]; s.short && b.affordable(s) {
			s.short, s.freed, s.touched, all = false, b.now, true, true
		}
	}
	return all
}

// settleService holds S1 and S3 for one service, and that it got the wakeups
// that were due.
func (b *book) settleService(w *World, id core.ServiceID) {
	s := &b.services[id]
	if !s.touched {
		return
	}
	s.touched = false
	if s.life != bookActive {
		if s.watched {
			w.fail("S3", "service %d is watched and no longer active", id)
		}
		return
	}
	if s.idle < 0 || s.pending < 0 || s.retired < 0 || s.idle+s.pending > s.total {
		w.fail("S1", "service %d: total %d, idle %d, pending %d, retired %d", id, s.total, s.idle, s.pending, s.retired)
	}
	if s.ceiling = max(s.entry.ProcessLimit, min(s.ceiling, s.total)); s.entry.ProcessLimit > 0 && s.total > s.ceiling {
		w.fail("S1", "service %d has %d children, its limit is %d", id, s.total, s.entry.ProcessLimit)
	}
	if want := b.wanted(s); want != s.watched {
		w.fail("S3", "service %d is watched: %v, should be: %v (state %v, total %d, limit %d, idle %d)",
			id, s.watched, want, b.state(s), s.total, s.entry.ProcessLimit, s.idle)
	}
	if s.lapsed && b.state(s) == core.StateSaturated && (!s.warned || w.now.Sub(s.warnedAt) > ruleLimitWarnings) {
		w.fail("S11", "service %d is at its limit because of children that did not leave, and does not say so", id)
	}
	s.lapsed = false
	if s.wakes > 0 {
		w.fail("L6", "service %d did not get its wakeup", id)
	}
	s.wakes = 0
	when, ok := w.machine.Deadline()
	if s.throttled && (!ok || when > s.until) {
		w.fail("S7", "service %d is throttled without an end", id)
	}
	if s.wakeAt != 0 && (!ok || when > s.wakeAt) {
		w.fail("L6", "service %d expects a wakeup that will never come", id)
	}
}

// settleDeadline: the machine never wants a timer before the next thing that
// can be due.
func (b *book) settleDeadline(w *World) {
	if len(b.removed) > 0 {
		when, ok := w.machine.Deadline()
		for _, id := range b.removed {
			if !ok || when > b.services[id].killAt {
				w.fail("L3", "nobody will kill the children of removed service %d", id)
			}
		}
	}
}

// undone: a refused configuration leaves nothing behind.
func (b *book) undone(w *World) {
	r := &b.reload
	for i := range r.opened {
		if o := &r.opened[i]; o.open && !o.settled {
			w.fail("S8", "listener %d of service %d stays open after a refused reload", o.listener, o.service)
		}
		b.services[r.opened[i].service].life = bookGone
	}
	r.opening, r.opened, r.failed = false, r.opened[:0], false
}

// settleCommit: every service that runs has its listeners, no other has any,
// and what was set aside is settled.
func (b *book) settleCommit(w *World) {
	r := &b.reload
	for i := range r.opened {
		if o := &r.opened[i]; o.displace && !o.settled {
			w.fail("S8", "what listener %d of service %d displaced was not settled", o.listener, o.service)
		}
	}
	r.opened = r.opened[:0]
	w.meetCommit()
	w.sweepListeners()
}

// sweep recomputes everything, and compares with what the machine says of
// itself.
func (w *World) sweep() {
	if w.exited || w.failure != nil {
		return
	}
	if err := w.machine.Check(); err != nil {
		w.fail("check", "%v", err)
	}
	view := w.machine.View()
	b := &w.book
	if b.epoch == 0 {
		return
	}
	if view.Epoch != b.epoch || len(view.Services) != len(b.active)+len(b.removed) {
		w.fail("S8", "epoch %d and %d services, should be %d and %d", view.Epoch, len(view.Services), b.epoch, len(b.active)+len(b.removed))
		return
	}
	for i := range view.Services {
		v := &view.Services[i]
		if i < len(b.active) && v.ID != b.active[i] || i >= len(b.active) && !contains(b.removed, v.ID) {
			w.fail("S8", "service %d of the machine is number %d", i, v.ID)
			return
		}
		w.sweepService(v)
	}
	w.sweepListeners()
	w.sweepDeadline()
}

func (w *World) sweepService(v *core.ServiceView) {
	b := &w.book
	s := &b.services[v.ID]
	var total, pending, idle, busy, retired int32
	listed := 0
	for _, g := range b.living {
		c := &b.children[g]
		if c.service != v.ID {
			continue
		}
		if listed >= len(v.Children) || v.Children[listed].Generation != g {
			w.fail("S2", "service %d does not list generation %d", v.ID, g)
			return
		}
		w.sweepChild(&v.Children[listed], c)
		listed++
		total++
		switch {
		case c.state == bookPending:
			pending++
		case c.state == bookIdle && !c.retired:
			idle++
		case c.state == bookBusy && !c.retired:
			busy++
		}
		if c.retired {
			retired++
		}
	}
	if v.Total != total || v.Starting != pending || v.Idle != idle || v.Busy != busy || v.Retired != retired || listed != len(v.Children) {
		w.fail("S2", "service %d counts %d total, %d starting, %d idle, %d busy, %d retired; listed are %d, %d, %d, %d, %d",
			v.ID, v.Total, v.Starting, v.Idle, v.Busy, v.Retired, total, pending, idle, busy, retired)
	}
	if s.total != total || s.pending != pending || s.idle != idle || s.retired != retired {
		w.fail("S1", "the counts of service %d drift", v.ID)
	}
	switch {
	case v.Throttled != s.throttled || s.throttled && v.ThrottledUntil != s.until:
		w.fail("S7", "service %d is throttled: %v until %d, should be: %v until %d", v.ID, v.Throttled, v.ThrottledUntil, s.throttled, s.until)
	case v.NextWakeup != s.wakeAt:
		w.fail("L6", "service %d wakes at %d, should at %d", v.ID, v.NextWakeup, s.wakeAt)
	case v.Watching != s.watched || v.State != b.state(s):
		w.fail("S3", "service %d is %v, watched %v; should be %v, %v", v.ID, v.State, v.Watching, b.state(s), s.watched)
	case s.life == bookActive && v.Limit != s.entry.ProcessLimit:
		w.fail("S1", "service %d has limit %d, the configuration says %d", v.ID, v.Limit, s.entry.ProcessLimit)
	}
}

func (w *World) sweepChild(v *core.ChildView, c *bookChild) {
	switch {
	case v.PID != c.pid || v.Starting != (c.state == bookPending) || v.Retired != c.retired:
		w.fail("S2", "generation %d has pid %d, starting %v, retired %v", v.Generation, v.PID, v.Starting, v.Retired)
	case v.Idle != (c.state == bookIdle) || v.Served != c.served:
		w.fail("S6", "generation %d is idle %v, served %v; it reported %v, %v", v.Generation, v.Idle, v.Served, c.state == bookIdle, c.served)
	}
}

// sweepListeners: an active service has all its listeners and keeps them;
// nobody else has any, but for a reload under way.
func (w *World) sweepListeners() {
	for id := range w.services {
		s := w.book.service(core.ServiceID(id))
		if s == nil {
			continue
		}
		for k := range maxListen {
			has := w.services[id].sockets[k] != 0
			switch {
			case s.life == bookActive && k < len(s.endpoints) && !has:
				w.fail("S8", "service %d runs without its listener %d", id, k)
			case has && (s.life == bookRemoved || s.life == bookGone):
				w.fail("L3", "service %d is gone and its listener %d still open", id, k)
			case has && k >= len(s.endpoints):
				w.fail("S9", "service %d has a listener too many", id)
			}
		}
	}
}

// sweepDeadline: the machine's timer is set to the first thing that is due,
// and to nothing else.
func (w *World) sweepDeadline() {
	b := &w.book
	first := core.Time(0)
	sooner := func(t core.Time) {
		if t != 0 && (first == 0 || t < first) {
			first = t
		}
	}
	for _, id := range b.active {
		s := &b.services[id]
		sooner(s.wakeAt)
		sooner(s.leaveBy)
		if s.throttled {
			sooner(s.until)
		}
	}
	for _, id := range b.removed {
		sooner(b.services[id].killAt)
	}
	for i := range b.wakeups {
		sooner(b.wakeups[i].deadline)
	}
	for _, g := range b.closed {
		sooner(b.children[g].closedAt)
	}
	if b.options.ExitSet {
		sooner(b.exitAt)
	}
	when, ok := w.machine.Deadline()
	if ok != (first != 0) || ok && when != first {
		w.fail("L7", "the machine waits for a timer: %v at %d; the next thing due: %d", ok, when, first)
	}
}
