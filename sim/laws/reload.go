package laws

import (
	"path"

	"github.com/stationmaster/stationmaster/core"
)

// reload is the transaction under way.
type reload struct {
	loading bool           // LoadConfig is not answered
	opening bool           // a configuration is being made true
	again   bool           // a hangup came meanwhile
	floor   core.ServiceID // the last number given before; a transaction opens what displaces files last, so not in the order of numbers
	maybe   bool           // one may have come, of which the account knows nothing
	unknown bool           // there may be one, of which the account knows nothing
	next    *core.Config
	asked   int // OpenListener not answered
	failed  bool
	opened  []opened
}

// opened is a listener that the transaction asks for.
type opened struct {
	service   *Service
	listener  uint16
	displaces bool
	answered  bool
	open      bool
	settled   bool
}

// asksForConfig notes that a reload begins: its line comes first, and by the settings
// still in force.
func (b *Book) asksForConfig() {
	b.due.load = true
	b.expect(line{code: core.LogReload, config: b.config})
}

func (b *Book) configCame(ev *core.Event) {
	r := &b.reload
	*r = reload{again: r.again, maybe: r.maybe, floor: b.lastService, next: ev.Config, opened: r.opened[:0]}
	if ev.Kind == core.ConfigRejected || !acceptable(ev.Config) {
		b.refused()
		return
	}
	r.opening = true
}

// acceptable reports whether a machine can run a configuration: what master.cf can say
// (spec config, 5), and each service once.
func acceptable(c *core.Config) bool {
	for i := range c.Services {
		s := &c.Services[i]
		if s.Type < core.Inet || s.Type > core.Pass || len(s.Endpoints) < 1 || len(s.Endpoints) > mostListeners || s.ProcessLimit < 0 {
			return false
		}
		if s.WakeupInterval != 0 && (s.WakeupInterval < core.Second || s.WakeupInterval > longestDelay) || s.ThrottleDelay < core.Second || s.ThrottleDelay > longestDelay {
			return false
		}
		for _, end := range s.Endpoints {
			if address, named := end.Address.IsValid(), end.Path != ""; address == named || address != (s.Type == core.Inet) {
				return false
			}
		}
		for k := range c.Services[:i] {
			if identical(&c.Services[k], s) {
				return false
			}
		}
	}
	return true
}

// identical reports whether two entries are the same service.
func identical(a, b *core.ServiceConfig) bool { return a.Canonical == b.Canonical && a.Type == b.Type }

// refused: the transaction must end without a change; at the start that is the end of
// the process. A hangup that came meanwhile begins another.
func (b *Book) refused() {
	b.due.unload = true
	if !b.running {
		b.due.exit, b.due.exitCode = true, 1
		return
	}
	b.expect(line{code: core.LogReloadRefused, config: b.config})
	b.endsTransaction()
}

// endsTransaction: a hangup that came meanwhile has its turn.
func (b *Book) endsTransaction() {
	if b.reload.again {
		b.reload.again = false
		b.asksForConfig()
	}
}

// listenerCame: the last answer ends the transaction, or brings the second round of
// questions.
func (b *Book) listenerCame(ev *core.Event) {
	r := &b.reload
	if r.unknown {
		return
	}
	for i := range r.opened {
		if o := &r.opened[i]; o.service.ID == ev.Service && o.listener == ev.Listener && !o.answered {
			o.answered, o.open = true, ev.Kind == core.ListenerOpened
			o.service.open[o.listener] = o.open
			r.asked--
		}
	}
	r.failed = r.failed || ev.Kind == core.ListenerFailed
	if r.asked == 0 && r.failed {
		b.refused()
	}
}

// committed notes what a configuration changes, when the machine says that it is in
// force.
func (b *Book) committed(a *core.Action, actions []core.Action) {
	r := &b.reload
	if b.commitReady(a) != "" {
		return // S8 says so
	}
	next := a.Config
	b.before = append(b.before[:0], b.active...)
	b.active = b.active[:0]
	b.epoch++
	b.due.commit = true
	for i := range next.Services {
		e := &next.Services[i]
		s := b.kept(e, next)
		if s == nil {
			if s = b.added(e, actions); s == nil {
				b.due.adrift = true
				b.breaks("S8", wrong("service %s/%v comes into force and has no number", e.Canonical, e.Type))
				return
			}
			s.Entry, s.Endpoints, s.Added = e, e.Endpoints, b.epoch
		}
		b.active = append(b.active, s)
	}
	for _, s := range b.before {
		if !has(b.active, s) {
			b.remove(s)
		}
	}
	for i, s := range b.active {
		if s.Life == Active {
			s.Entry, s.ceiling = &next.Services[i], s.Total
			b.retireAll(s)
			b.believe(s, true)
			if next.ReloadClearsThrottle && s.Throttled {
				b.release(s)
			}
		}
		s.Life = Active
		b.changed(s)
		b.restartWakeups(s)
	}
	b.config, r.opening, r.unknown = next, false, false
	if !b.running {
		b.running, b.due.starts = true, true
		b.expect(line{code: core.LogStarted, config: next})
	}
	b.endsTransaction()
}

// kept returns the service that an entry of a new configuration means, if it is there
// and can go on.
func (b *Book) kept(e *core.ServiceConfig, next *core.Config) *Service {
	for _, s := range b.before {
		if identical(s.Entry, e) && !b.robbed(s, next) {
			return s
		}
	}
	return nil
}

// robbed reports whether a later service has taken the path of this one and now leaves
// the configuration: this one could not be reached, and begins anew.
func (b *Book) robbed(s *Service, next *core.Config) bool {
	for _, end := range s.Endpoints {
		last := s
		for _, other := range b.before {
			if end.Path != "" && other.ID > last.ID && other.at(end.Path) {
				last = other
			}
		}
		if last != s && !listed(next, last.Entry) {
			return true
		}
	}
	return false
}

// at reports whether the service listens at the path.
func (s *Service) at(name string) bool {
	for _, end := range s.Endpoints {
		if end.Path != "" && path.Clean(end.Path) == path.Clean(name) {
			return true
		}
	}
	return false
}

// listed reports whether the configuration has the service of the entry.
func listed(c *core.Config, e *core.ServiceConfig) bool {
	for i := range c.Services {
		if identical(&c.Services[i], e) {
			return true
		}
	}
	return false
}

// added returns the service that the transaction made for an entry: its number stands
// where a listener of it was opened, or handed over to it.
func (b *Book) added(e *core.ServiceConfig, actions []core.Action) *Service {
	for i := range b.reload.opened {
		if s := b.reload.opened[i].service; s.Life == Opening && identical(s.Entry, e) {
			return s
		}
	}
	for i := range actions {
		a := &actions[i]
		from := b.Service(a.Service)
		if a.Kind != core.MoveListener || from == nil || a.To == 0 || int(a.ToListener) >= len(e.Endpoints) || int(a.Listener) >= len(from.Endpoints) ||
			from.Endpoints[a.Listener] != e.Endpoints[a.ToListener] || socketKind(from.Entry.Type) != socketKind(e.Type) {
			continue
		}
		if to := b.Service(a.To); to == nil {
			return b.newService(a.To, e, Opening)
		}
	}
	return b.introduced(e)
}

// socketKind returns the type that stands for all that make the same kind of socket.
func socketKind(t core.ServiceType) core.ServiceType {
	if t == core.UnixDatagram || t == core.FIFO {
		return t
	}
	return core.Unix
}

// remove notes that a service left the configuration.
func (b *Book) remove(s *Service) {
	s.Life, s.Until = Removed, b.epoch
	s.Throttled, s.WakeAt, s.LeaveBy, s.armed = false, 0, 0, false
	b.changed(s)
	for _, c := range s.Children {
		b.owesTerm(c)
		b.retire(c)
	}
	for i := range b.wakeups {
		if b.wakeups[i].service == s {
			b.wakeups[i].deadline = b.now
			b.due.closes++
		}
	}
	s.KillAt = b.now.Add(removalGrace)
	if s.Total == 0 {
		b.forget(s)
		return
	}
	if s.Starved {
		s.Starved = false
		b.starving--
	}
	b.removed = append(b.removed, s)
}

func (b *Book) tookLoad(a *core.Action) {
	r := &b.reload
	b.lastRequest = max(b.lastRequest, a.Request)
	b.lastLoad = a.Request
	r.loading, r.again, r.unknown, b.due.load = true, false, false, false
}

func (b *Book) tookOpen(a *core.Action) {
	if a.Entry == nil || int(a.Listener) >= len(a.Entry.Endpoints) || a.Service == 0 {
		return
	}
	s := b.Service(a.Service)
	if s == nil {
		s = b.newService(a.Service, a.Entry, Opening)
	}
	if s.Life != Opening {
		return
	}
	b.reload.opened = append(b.reload.opened, opened{service: s, listener: a.Listener, displaces: a.Flag})
	b.reload.asked++
}

func (b *Book) tookListener(a *core.Action) {
	s := b.Service(a.Service)
	if s == nil || int(a.Listener) >= len(s.open) {
		return
	}
	if a.Kind == core.CommitListener || a.Kind == core.AbandonListener {
		if o := b.opened(a); o != nil {
			o.settled = true
		}
	}
	if a.Kind == core.CommitListener {
		return
	}
	s.open[a.Listener] = false
	if a.Kind != core.MoveListener {
		return
	}
	if to := b.Service(a.To); to != nil && int(a.ToListener) < len(to.open) {
		to.open[a.ToListener] = true
	}
}

// opened returns the listener that an action names, if the transaction opened it.
func (b *Book) opened(a *core.Action) *opened {
	for i := range b.reload.opened {
		if o := &b.reload.opened[i]; o.service.ID == a.Service && o.listener == a.Listener && o.open {
			return o
		}
	}
	return nil
}

// reloadSettled ends the account of a transaction that is over.
func (b *Book) reloadSettled() {
	r := &b.reload
	switch {
	case b.due.unload:
		for i := range r.opened {
			if s := r.opened[i].service; s.Life == Opening {
				b.forget(s)
			}
		}
	case !b.due.commit:
		return
	}
	r.opening, r.failed, r.opened = false, false, r.opened[:0]
}

// configAsked: a configuration answers LoadConfig, once.
func (b *Book) configAsked(ev *core.Event) string {
	if ev.Kind != core.ConfigLoaded && ev.Kind != core.ConfigRejected || b.reload.unknown {
		return ""
	}
	if !b.reload.loading || ev.Request != b.lastLoad {
		return wrong("%v, request %d, answers no LoadConfig", ev.Kind, ev.Request)
	}
	return ""
}

// listenerAsked: an answer names a listener that was asked for, once.
func (b *Book) listenerAsked(ev *core.Event) string {
	if ev.Kind != core.ListenerOpened && ev.Kind != core.ListenerFailed || b.reload.unknown {
		return ""
	}
	for i := range b.reload.opened {
		if o := &b.reload.opened[i]; o.service.ID == ev.Service && o.listener == ev.Listener && !o.answered {
			return ""
		}
	}
	return wrong("%v, listener %d of service %d, answers no OpenListener", ev.Kind, ev.Listener, ev.Service)
}

// commitDue: what comes into force is the configuration that was read last, when all its
// listeners are open, and once.
func (b *Book) commitDue(actions []core.Action) string {
	found := 0
	for i := range actions {
		if a := &actions[i]; a.Kind == core.ApplyConfig {
			if found++; found > 1 {
				return "a configuration is put in force twice"
			}
			if wrong := b.commitReady(a); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func (b *Book) commitReady(a *core.Action) string {
	r := &b.reload
	switch {
	case r.unknown && a.Config != nil:
		return ""
	case !r.opening || a.Config == nil || a.Config != r.next:
		return "a configuration is put in force that was not asked for"
	case r.asked > 0 || r.failed:
		return wrong("a configuration is put in force with %d listeners not answered, failed: %v", r.asked, r.failed)
	}
	return ""
}

func (b *Book) announcedOnce(*core.Action) string {
	if !b.due.starts {
		return wrong("announced in the middle of a life, at epoch %d", b.epoch)
	}
	return ""
}

func (b *Book) openInReload(a *core.Action) string {
	if !b.reload.opening && !b.reload.unknown || a.Entry == nil || int(a.Listener) >= len(a.Entry.Endpoints) || a.Service == 0 {
		return "a listener is opened outside of a reload, or for nobody"
	}
	return ""
}

func (b *Book) openFresh(a *core.Action) string {
	if s := b.Service(a.Service); s != nil && s.Life != Opening {
		return wrong("service %d, which is there, opens a listener", a.Service)
	}
	return ""
}

// displacesOurs: what stands at a path is set aside if, and only if, it belongs to a
// service of ours.
func (b *Book) displacesOurs(a *core.Action) string {
	if a.Entry == nil || int(a.Listener) >= len(a.Entry.Endpoints) {
		return ""
	}
	end, ours := a.Entry.Endpoints[a.Listener], false
	if end.Path == "" {
		return ""
	}
	for _, s := range b.active {
		ours = ours || s.at(end.Path)
	}
	if ours != a.Flag {
		return wrong("%s is opened with displacement %v, it belongs to a service of ours: %v", end.Path, a.Flag, ours)
	}
	return ""
}

func (b *Book) listenerOpen(a *core.Action) string {
	if s := b.Service(a.Service); (s == nil || int(a.Listener) >= len(s.open) || !s.open[a.Listener]) && !b.reload.unknown {
		return wrong("%v names listener %d of service %d, which is not open", a.Kind, a.Listener, a.Service)
	}
	return ""
}

func (b *Book) listenerGoes(a *core.Action) string {
	s := b.Service(a.Service)
	if s == nil || b.reload.unknown {
		return ""
	}
	o := b.opened(a)
	switch a.Kind {
	case core.AbandonListener:
		if !b.due.unload || s.Life != Opening {
			return wrong("listener %d of service %d is abandoned", a.Listener, a.Service)
		}
	case core.CommitListener:
		if !b.due.commit || o == nil || o.settled || !o.displaces {
			if b.whole {
				return wrong("listener %d of service %d is settled", a.Listener, a.Service)
			}
		}
	case core.CloseListener:
		if !b.due.commit || s.Life != Removed && s.Life != Gone {
			return wrong("service %d loses listener %d", a.Service, a.Listener)
		}
	}
	return ""
}

func (b *Book) moveFits(a *core.Action) string {
	from, to := b.Service(a.Service), b.Service(a.To)
	if from == nil {
		return ""
	}
	if !b.due.commit || from.Life != Removed && from.Life != Gone || to == nil || to.Added != b.epoch {
		return wrong("listener %d of service %d goes to service %d", a.Listener, a.Service, a.To)
	}
	if int(a.Listener) >= len(from.Endpoints) || int(a.ToListener) >= len(to.Endpoints) ||
		from.Endpoints[a.Listener] != to.Endpoints[a.ToListener] || socketKind(from.Entry.Type) != socketKind(to.Entry.Type) {
		return wrong("listener %d of service %d does not fit service %d", a.Listener, a.Service, a.To)
	}
	return ""
}

func (b *Book) movedOnce(a *core.Action) string {
	if to := b.Service(a.To); to != nil && int(a.ToListener) < len(to.open) && to.open[a.ToListener] {
		return wrong("service %d gets listener %d twice", a.To, a.ToListener)
	}
	return ""
}

// clientsKept: a client who waits in a listener that is closed must have nowhere else
// to go: the listener would have to be handed over to a service that just made a new
// one for the same address. Where services share a path, who has it counts for more.
func (b *Book) clientsKept(a *core.Action) string {
	s := b.Service(a.Service)
	if s == nil || int(a.Listener) >= len(s.Endpoints) {
		return ""
	}
	end := s.Endpoints[a.Listener]
	for i := range b.reload.opened {
		o := &b.reload.opened[i]
		if o.open && o.service.Endpoints[o.listener] == end && socketKind(o.service.Entry.Type) == socketKind(s.Entry.Type) && !b.disputed(s, end) {
			return wrong("service %d closes a listener though service %d made a new one for the same address: waiting clients are lost", a.Service, o.service.ID)
		}
	}
	return ""
}

// disputed reports whether a listener of a removed service is at a path that a later
// service had taken from it, or that several new services want.
func (b *Book) disputed(s *Service, end core.Endpoint) bool {
	if end.Path == "" {
		return false
	}
	rivals := 0
	for i := range b.reload.opened {
		o := &b.reload.opened[i]
		if at := o.service.Endpoints[o.listener].Path; at != "" && path.Clean(at) == path.Clean(end.Path) {
			rivals++
		}
	}
	later := false
	for _, other := range b.before {
		later = later || other.ID > s.ID && other.at(end.Path)
	}
	return rivals > 1 || later
}

func (b *Book) loadAsked(a *core.Action) string {
	next := b.due.load || b.reload.maybe && (b.due.commit || b.due.unload)
	if (!next || b.reload.loading) && !b.reload.unknown {
		return "a configuration is loaded that nobody asked for"
	}
	return ""
}

// oldRetired: those who must be cut off in this step were.
func (b *Book) oldRetired(*core.Event) string {
	if b.due.cuts != 0 {
		return wrong("%d old children were not retired", b.due.cuts)
	}
	return ""
}

// reloadEnds: a transaction whose configuration is known waits for a listener, or it is
// over.
func (b *Book) reloadEnds(actions []core.Action) string {
	if r := &b.reload; !r.opening || r.asked > 0 || b.due.unload || r.unknown {
		return ""
	}
	for i := range actions {
		if k := actions[i].Kind; k == core.OpenListener || k == core.ApplyConfig || k == core.Exit {
			return ""
		}
	}
	return "a reload neither ends nor waits"
}

// nothingLeft: a refused configuration leaves nothing behind.
func (b *Book) nothingLeft(*core.Event) string {
	if !b.due.unload || !b.running {
		return ""
	}
	for i := range b.reload.opened {
		if o := &b.reload.opened[i]; o.open && !o.settled {
			return wrong("listener %d of service %d stays open after a refused reload", o.listener, o.service.ID)
		}
	}
	return ""
}

func (b *Book) displacedSettled(*core.Event) string {
	if !b.due.commit {
		return ""
	}
	for i := range b.reload.opened {
		if o := &b.reload.opened[i]; o.displaces && !o.settled {
			return wrong("what listener %d of service %d displaced was not settled", o.listener, o.service.ID)
		}
	}
	return ""
}

func (b *Book) hangupHeeded(*core.Event) string {
	if b.due.load {
		return "a hangup was lost"
	}
	return ""
}
