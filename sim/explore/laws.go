package explore

import "github.com/stationmaster/stationmaster/core"

// Law is a statement that must hold, under the name by which a breach is
// reported.
type Law struct {
	Name string
	What string
}

// Laws are what is checked, in words. Those of one step of the machine are
// checked once for each pair of situation and event; those of the machine in
// its world at every edge; the last ones in every state.
func Laws() []Law {
	return []Law{
		{"core", "no assertion of the machine fails, and Machine.Check finds nothing after any step"},
		{"S1", "0 <= idle <= total <= limit for each service, except above a limit that a reload lowered; then none is started"},
		{"S2", "total, starting, idle, busy and retired are the children counted one by one; the machine's children are those of the world"},
		{"S3", "a listener is watched if and only if its service is active, no child of its predecessor lives, it is not throttled, no child is idle and not retired, no start is pending, and it is below its limit"},
		{"S4", "one start at most is pending per service; a child told of is one that was asked for; a generation is used once"},
		{"S5", "a child is started only when a watched listener is ready, and never while throttled, held, stopping, at the limit, or with an idle child"},
		{"S6", "reports count for the child on whose channel they came and only when pid and generation are its own; other news of children change no count"},
		{"S7", "a throttle begins when a start fails or a child that never served ends badly and not by us, for the service's throttle time; it ends at that time, at a reload that lifts it, or with the service"},
		{"S8", "a refused configuration changes nothing; a reload retires every child and closes no listener that is kept or handed on; waiting clients stay"},
		{"S9", "no action names a listener that is not open, a child that is not there, or a channel that is cut already"},
		{"S10", "a signal goes to a living or unreaped child of ours under its own pid: of a removed service, or at the end; SIGKILL only after SIGTERM"},
		{"S11", "the actions of one step are bounded by the services and children there are"},
		{"S12", "nothing follows Exit; two machines in one situation with different numbers and times act alike"},
		{"S13", "no child is started with the last descriptor that is kept for another service without a child; a service is held back only for want of descriptors, and never without a child"},
		{"stress", "the start that uses the last slot of a service that knows stress mode begins it, and children started in it are told so; children cut off while idle take no slot, for five seconds at most"},
		{"L1", "a client that waits at an active service is served in the end"},
		{"L2", "a throttled service is released in the end"},
		{"L3", "a removed service loses its children in the end"},
		{"L4", "retired children leave in the end"},
		{"L5", "a shutdown tells every child that was told of; the end by -e tells none; either is the last action"},
		{"L6", "a wakeup is sent at its time, unless the service is throttled, and has a next time; those under way are known or ended"},
		{"L7", "in silence everything comes to rest: no client, no child, no throttle, no reload"},
		{"L8", "a reload ends; a hangup during one begins another"},
		{"L9", "a readiness or a deadline that is due changes something: nothing spins"},
	}
}

// step is one event of the machine with what was before and after.
type step struct {
	world   *World
	facts   *facts
	key     key
	event   core.Event
	now     core.Time
	actions []core.Action
	before  *core.View
	after   *core.View
	broken  Law
}

var holds Law

// check looks at one step of the machine by itself.
func (s *step) check() Law {
	for _, look := range [...]func(*step) Law{
		(*step).counts, (*step).starts, (*step).leaving, (*step).descriptors, (*step).news, (*step).throttles, (*step).reload, (*step).bounds,
	} {
		if broken := look(s); broken != holds {
			return broken
		}
	}
	return holds
}

// counts states S1 to S4 of the situation after the step.
func (s *step) counts() Law {
	for i := range s.after.Services {
		v := &s.after.Services[i]
		var total, starting, idle, busy, retired int32
		for _, c := range v.Children {
			total++
			switch {
			case c.Starting:
				starting++
			case c.Idle && !c.Retired:
				idle++
			case !c.Idle && !c.Retired:
				busy++
			}
			if c.Retired {
				retired++
			}
		}
		if v.Total != total || v.Starting != starting || v.Idle != idle || v.Retired != retired || v.Busy != busy {
			return Law{"S2", "counts are the children counted one by one"}
		}
		if starting > 1 {
			return Law{"S4", "one start at most is pending per service"}
		}
		old := serviceOf(s.before, v.ID)
		if v.Limit > 0 && total > v.Limit && (old == nil || total > old.Total) {
			return Law{"S1", "no child is started at the limit"}
		}
		removed := v.State == core.StateStopping
		want := !removed && !s.held(v) && !v.Throttled && idle == 0 && starting == 0 && (v.Limit == 0 || total < v.Limit) && v.State != core.StateStarved
		if v.Watching != want && !s.after.Exited {
			return Law{"S3", "the watch is what the rule of listening says"}
		}
		if s.held(v) && v.Total > 0 && !removed {
			return Law{"S5", "a held service has no children"}
		}
	}
	return holds
}

// held tells whether children of the service's predecessor live: names are
// unique in these worlds.
func (s *step) held(v *core.ServiceView) bool {
	for i := range s.after.Services {
		o := &s.after.Services[i]
		if o.ID != v.ID && o.State == core.StateStopping && o.Name == v.Name && len(o.Children) > 0 {
			return true
		}
	}
	return false
}

func serviceOf(v *core.View, id core.ServiceID) *core.ServiceView {
	for i := range v.Services {
		if v.Services[i].ID == id {
			return &v.Services[i]
		}
	}
	return nil
}

// starts states S5: when a child may be asked for.
func (s *step) starts() Law {
	asked := 0
	for i := range s.actions {
		a := &s.actions[i]
		if a.Kind != core.StartChild {
			continue
		}
		asked++
		was := serviceOf(s.before, a.Service)
		switch {
		case s.event.Kind != core.ListenerReady || s.event.Service != a.Service || was == nil || !was.Watching:
			return Law{"S5", "a child is started only for a watched listener that is ready"}
		case was.Throttled || was.Starting > 0 || was.Idle > 0 || was.State != core.StateIdle || was.Limit > 0 && was.Total >= was.Limit:
			return Law{"S5", "a child is started only when one is wanted and may be"}
		case childOf(s.before, a.Generation).Generation != 0 || !childOf(s.after, a.Generation).Starting:
			return Law{"S4", "a generation is used once"}
		}
		if !stressed(was, serviceOf(s.after, a.Service), a.Flag) {
			return Law{"stress", "the last slot, and nothing else, begins stress mode; children started in it are told"}
		}
	}
	if asked > 1 {
		return Law{"S4", "one readiness starts one child"}
	}
	was := serviceOf(s.before, s.event.Service)
	if s.event.Kind == core.ListenerReady && was != nil && was.Watching && asked == 0 &&
		(s.affordable(s.before, was) || serviceOf(s.after, was.ID).Watching) {
		return Law{"L9", "a readiness of a watched listener starts a child that can be afforded, or ends the watch"}
	}
	return holds
}

// leavingGrace is how long a child that was cut off while idle has to exit.
const leavingGrace = 5 * core.Second

// stressed tells whether stress mode is what a start makes it; told is what
// the child gets to know of it. Idle children that were cut off leave, and take
// no slot until they have had their time to.
func stressed(was, is *core.ServiceView, told bool) bool {
	slots := is.Total
	for _, c := range was.Children {
		if c.Idle && c.Retired && was.LeavingUntil != 0 {
			slots--
		}
	}
	last := is.Limit > 1 && slots >= is.Limit && is.Type == core.Inet
	return is.Stress == told && is.Stress == (was.Stress || last)
}

// descriptors states S13.
func (s *step) descriptors() Law {
	for i := range s.after.Services {
		if v := &s.after.Services[i]; v.State == core.StateStarved && s.affordable(s.after, v) {
			return Law{"S13", "a service is held back only for want of descriptors"}
		}
	}
	for i := range s.actions {
		if a := &s.actions[i]; a.Kind == core.StartChild && !s.affordable(s.before, serviceOf(s.before, a.Service)) {
			return Law{"S13", "a descriptor is kept for each service without a child"}
		}
	}
	return holds
}

// affordable reports whether one child more of the service leaves a descriptor for
// each other that has none. Each service of these worlds has one listener.
func (s *step) affordable(view *core.View, v *core.ServiceView) bool {
	live := func(v *core.ServiceView) int { return int(v.Total - v.Retired) }
	if s.world.Room == 0 || live(v) == 0 {
		return true
	}
	spare := int(s.world.Room) + len(s.world.Limits)
	for i := range view.Services {
		if o := &view.Services[i]; o.State != core.StateStopping {
			spare -= 1 + max(live(o), 1)
		}
	}
	return spare > 0
}

// leaving states the rest of the law of stress: how long children are believed
// to be about to exit.
func (s *step) leaving() Law {
	for i := range s.after.Services {
		until := s.after.Services[i].LeavingUntil
		if until != 0 && (until > s.now.Add(leavingGrace) || s.event.Kind == core.TimerExpired && until <= s.now && !s.after.Exited) {
			return Law{"stress", "children cut off while idle have five seconds to exit"}
		}
	}
	return holds
}

// news states S6: what each event may do to the children there were.
func (s *step) news() Law {
	if s.event.Kind == core.ChildStarted {
		if c := childOf(s.after, s.event.Generation); c.Starting || !c.Idle || c.PID != s.event.PID {
			return Law{"S4", "a child that was started counts as idle at once"}
		}
	}
	for i := range s.before.Services {
		for _, was := range s.before.Services[i].Children {
			is := childOf(s.after, was.Generation)
			if s.gone(was.Generation) {
				if is.Generation != 0 {
					return Law{"S2", "a child that was reaped, or never came to be, is forgotten"}
				}
				continue
			}
			if is.Generation == 0 {
				return Law{"S2", "a child is forgotten only at its end"}
			}
			want := was
			s.apply(&want)
			if was.Retired && !is.Retired {
				return Law{"S8", "a retired child stays so"}
			}
			want.Retired = is.Retired // the world sees to the cut itself
			if is != want {
				return Law{"S6", "a child changes only by what is told of it"}
			}
		}
	}
	return holds
}

// gone tells whether the event is the end of the child.
func (s *step) gone(g core.Generation) bool {
	return g == s.event.Generation && (s.event.Kind == core.ChildExited || s.event.Kind == core.ChildStartFailed)
}

// apply changes the child as the event says, and as nothing else may.
func (s *step) apply(c *core.ChildView) {
	if c.Generation != s.event.Generation {
		return
	}
	switch {
	case s.event.Kind == core.ChildStarted:
		c.PID, c.Starting, c.Idle = s.event.PID, false, true
	case s.event.Kind == core.StatusReceived && s.key.what() == statusTaken:
		c.Idle = false
	case s.event.Kind == core.StatusReceived && s.key.what() == statusAvailable && !c.Idle:
		c.Idle, c.Served = true, true
	}
}

// throttles states S7.
func (s *step) throttles() Law {
	if s.after.Exited {
		return holds
	}
	for i := range s.after.Services {
		is := &s.after.Services[i]
		was := serviceOf(s.before, is.ID)
		began := is.Throttled && (was == nil || !was.Throttled)
		ended := !is.Throttled && was != nil && was.Throttled
		delay := s.world.Throttle
		switch {
		case began && (was == nil || !s.throttling(was)):
			return Law{"S7", "a throttle begins with a failed start or a bad end before the first use"}
		case began && is.ThrottledUntil != s.now.Add(delay):
			return Law{"S7", "a throttle lasts the service's throttle time"}
		case was != nil && s.throttling(was) && !is.Throttled:
			return Law{"S7", "a failed start or a bad end before the first use throttles"}
		case ended && is.State != core.StateStopping && !s.lifts(was):
			return Law{"S7", "a throttle ends at its time, or where a reload lifts it"}
		case is.Throttled && was != nil && was.Throttled && is.ThrottledUntil != was.ThrottledUntil:
			return Law{"S7", "a throttle keeps the time that it was given first"}
		case is.Throttled && is.ThrottledUntil <= s.now && s.event.Kind == core.TimerExpired:
			return Law{"L2", "a throttle whose time has come ends"}
		case is.Throttled && is.State == core.StateStopping:
			return Law{"S7", "a removed service is not throttled"}
		}
	}
	return holds
}

// throttling tells whether the event must throttle this active service.
func (s *step) throttling(was *core.ServiceView) bool {
	if was.State == core.StateStopping || was.State == core.StateOpening {
		return false
	}
	c := childIn(was, s.event.Generation)
	if c.Generation == 0 {
		return false
	}
	switch s.event.Kind {
	case core.ChildStartFailed:
		return true
	case core.ChildExited:
		// Children of active services are never signalled by us.
		return !s.event.Status.Normal() && !c.Served
	}
	return false
}

func childIn(v *core.ServiceView, g core.Generation) core.ChildView {
	for _, c := range v.Children {
		if c.Generation == g && g != 0 {
			return c
		}
	}
	return core.ChildView{}
}

// lifts tells whether the step may end the throttle of an active service.
func (s *step) lifts(was *core.ServiceView) bool {
	if s.event.Kind == core.TimerExpired {
		return s.now >= was.ThrottledUntil
	}
	c := s.applied()
	return c != nil && c.ReloadClearsThrottle
}

// applied is the configuration that the step put in force, or nil.
func (s *step) applied() *core.Config {
	for i := range s.actions {
		if s.actions[i].Kind == core.ApplyConfig {
			return s.actions[i].Config
		}
	}
	return nil
}

// reload states S8 and L8 as far as the machine shows them.
func (s *step) reload() Law {
	if s.applied() != nil {
		return s.committed()
	}
	if s.event.Kind == core.SignalReceived && s.event.Signal == core.SIGHUP && !s.after.Loading {
		return Law{"L8", "a hangup begins a reload"}
	}
	refused := s.event.Kind == core.ConfigRejected || s.event.Kind == core.ListenerFailed
	opening := s.event.Kind == core.ConfigLoaded || s.event.Kind == core.ListenerOpened
	if !refused && !opening {
		return holds
	}
	if len(s.after.Services) != len(s.before.Services) || s.after.Epoch != s.before.Epoch {
		return Law{"S8", "a configuration that is not in force changes nothing"}
	}
	for i := range s.after.Services {
		a, b := &s.after.Services[i], &s.before.Services[i]
		if a.ID != b.ID || a.Limit != b.Limit || a.Retired != b.Retired || a.Throttled != b.Throttled || a.Watching != b.Watching || a.Total != b.Total || a.State != b.State {
			return Law{"S8", "a configuration that is not in force changes nothing"}
		}
	}
	return holds
}

// committed states what holds when a configuration has come into force.
func (s *step) committed() Law {
	c := s.applied()
	active := 0
	for i := range s.after.Services {
		v := &s.after.Services[i]
		for _, x := range v.Children {
			if !x.Retired {
				return Law{"S8", "a reload retires every child"}
			}
		}
		if v.State == core.StateStopping {
			continue
		}
		if active >= len(c.Services) || v.Name != c.Services[active].Name || v.Type != c.Services[active].Type || v.Limit != c.Services[active].ProcessLimit {
			return Law{"S8", "the services are those of the configuration in force"}
		}
		was := serviceOf(s.before, v.ID)
		if was == nil && sameIdentity(s.before, v) {
			return Law{"S8", "a service that was there before is kept"}
		}
		if was != nil && was.Throttled && v.Throttled == c.ReloadClearsThrottle {
			return Law{"S7", "a reload lifts a throttle if the operator chose so"}
		}
		active++
	}
	if active != len(c.Services) {
		return Law{"S8", "the services are those of the configuration in force"}
	}
	return holds
}

func sameIdentity(before *core.View, v *core.ServiceView) bool {
	for i := range before.Services {
		o := &before.Services[i]
		if o.State != core.StateStopping && o.Canonical == v.Canonical && o.Type == v.Type {
			return true
		}
	}
	return false
}

// bounds states S11, S12, and the parts of L5, L6 and L9 that one step shows.
func (s *step) bounds() Law {
	things := len(s.after.Services) + len(s.before.Services)
	for i := range s.before.Services {
		things += len(s.before.Services[i].Children)
	}
	if len(s.actions) > 8+8*things {
		return Law{"S11", "the actions of one step are bounded"}
	}
	for i := range s.actions {
		if s.actions[i].Kind == core.Exit && i != len(s.actions)-1 {
			return Law{"S12", "nothing follows Exit"}
		}
	}
	if s.event.Kind == core.SignalReceived && s.event.Signal == core.SIGTERM && (!s.after.Exited || s.actions[0].Kind != core.SignalGroup) {
		return Law{"L5", "SIGTERM is passed on, and ends the process"}
	}
	if s.after.Exited {
		return holds
	}
	for i := range s.after.Services {
		v := &s.after.Services[i]
		if v.State == core.StateStopping && len(v.Children) == 0 {
			return Law{"L3", "a removed service without children is forgotten"}
		}
		if s.event.Kind == core.TimerExpired && v.NextWakeup != 0 && v.NextWakeup <= s.now {
			return Law{"L6", "a wakeup that is due is sent and the next one is set"}
		}
	}
	return s.wakeups()
}

// wakeups states L6: at its time, and not while throttled.
func (s *step) wakeups() Law {
	for i := range s.after.Services {
		is := &s.after.Services[i]
		was := serviceOf(s.before, is.ID)
		if was == nil || was.NextWakeup == 0 || is.State == core.StateStopping || is.State == core.StateOpening || s.after.Exited {
			continue
		}
		if is.NextWakeup == 0 {
			return Law{"L6", "a wakeup has a next time"}
		}
		due := s.event.Kind == core.TimerExpired && was.NextWakeup <= s.now
		sent := s.woken(is.ID)
		if due && !sent && !was.Throttled {
			return Law{"L6", "a wakeup that is due is sent"}
		}
		if sent && was.Throttled && is.Throttled {
			return Law{"L6", "a throttled service is not woken"}
		}
	}
	return holds
}

func (s *step) woken(id core.ServiceID) bool {
	for i := range s.actions {
		if s.actions[i].Kind == core.WakeService && s.actions[i].Service == id {
			return true
		}
	}
	return false
}
