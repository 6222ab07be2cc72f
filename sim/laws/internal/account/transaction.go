package account

import (
	"fmt"
	"path"
	"slices"

	"github.com/stationmaster/stationmaster/core"
)

// reload is the transaction under way.
type reload struct {
	Loading bool           // LoadConfig is not answered
	Opening bool           // a configuration is being made true
	again   bool           // a hangup came meanwhile
	Floor   core.ServiceID // the last number given before; a transaction opens what displaces files last, so not in the order of numbers
	Maybe   bool           // one may have come, of which the account knows nothing
	Unknown bool           // there may be one, of which the account knows nothing
	Next    *core.Config
	Asked   int // OpenListener not answered
	failed  bool
	Opened  []opened
}

// opened is a listener that the transaction asks for.
type opened struct {
	Service   *Service
	Listener  uint16
	Displaces bool
	Answered  bool
	Open      bool
	Settled   bool
}

// asksForConfig notes that a reload begins: its line comes first, and by the settings
// still in force.
func (b *Account) asksForConfig() {
	b.Due.Load = true
	b.expect(Line{Code: core.LogReload, Config: b.config})
}

func (b *Account) configCame(ev *core.Event) {
	r := &b.Reload
	*r = reload{again: r.again, Maybe: r.Maybe, Floor: b.lastService, Next: ev.Config, Opened: r.Opened[:0]}
	if ev.Kind == core.ConfigRejected || !acceptable(ev.Config) {
		b.refused()
		return
	}
	r.Opening = true
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
func (b *Account) refused() {
	b.Due.Unload = true
	if !b.Running {
		b.Due.Exit, b.Due.ExitCode = true, 1
		return
	}
	b.expect(Line{Code: core.LogReloadRefused, Config: b.config})
	b.endsTransaction()
}

// endsTransaction: a hangup that came meanwhile has its turn.
func (b *Account) endsTransaction() {
	if b.Reload.again {
		b.Reload.again = false
		b.asksForConfig()
	}
}

// listenerCame: the last answer ends the transaction, or brings the second round of
// questions.
func (b *Account) listenerCame(ev *core.Event) {
	r := &b.Reload
	if r.Unknown {
		return
	}
	for i := range r.Opened {
		if o := &r.Opened[i]; o.Service.ID == ev.Service && o.Listener == ev.Listener && !o.Answered {
			o.Answered, o.Open = true, ev.Kind == core.ListenerOpened
			o.Service.Open[o.Listener] = o.Open
			r.Asked--
		}
	}
	r.failed = r.failed || ev.Kind == core.ListenerFailed
	if r.Asked == 0 && r.failed {
		b.refused()
	}
}

// Committed notes what a configuration changes, when the machine says that it is in
// force.
func (b *Account) Committed(a *core.Action, actions []core.Action) string {
	r := &b.Reload
	if b.CommitReady(a) != "" {
		return "" // that it is not is said already
	}
	next := a.Config
	b.Before = append(b.Before[:0], b.InForce...)
	b.InForce = b.InForce[:0]
	b.LastEpoch++
	b.Due.Commit = true
	for i := range next.Services {
		e := &next.Services[i]
		s := b.kept(e, next)
		if s == nil {
			if s = b.added(e, actions); s == nil {
				b.Due.Adrift = true
				return fmt.Sprintf("service %s/%v comes into force and has no number", e.Canonical, e.Type)
			}
			s.Entry, s.Endpoints, s.Added = e, e.Endpoints, b.LastEpoch
		}
		b.InForce = append(b.InForce, s)
	}
	for _, s := range b.Before {
		if !slices.Contains(b.InForce, s) {
			b.remove(s)
		}
	}
	for i, s := range b.InForce {
		if s.Life == Active {
			s.Entry, s.Ceiling = &next.Services[i], s.Total
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
	b.config, r.Opening, r.Unknown = next, false, false
	if !b.Running {
		b.Running, b.Due.Starts = true, true
		b.expect(Line{Code: core.LogStarted, Config: next})
	}
	b.endsTransaction()
	return ""
}

// kept returns the service that an entry of a new configuration means, if it is there
// and can go on.
func (b *Account) kept(e *core.ServiceConfig, next *core.Config) *Service {
	for _, s := range b.Before {
		if identical(s.Entry, e) && !b.robbed(s, next) {
			return s
		}
	}
	return nil
}

// robbed reports whether a later service has taken the path of this one and now leaves
// the configuration: this one could not be reached, and begins anew.
func (b *Account) robbed(s *Service, next *core.Config) bool {
	for _, end := range s.Endpoints {
		last := s
		for _, other := range b.Before {
			if end.Path != "" && other.ID > last.ID && other.At(end.Path) {
				last = other
			}
		}
		if last != s && !listed(next, last.Entry) {
			return true
		}
	}
	return false
}

// At reports whether the service listens at the path.
func (s *Service) At(name string) bool {
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
func (b *Account) added(e *core.ServiceConfig, actions []core.Action) *Service {
	for i := range b.Reload.Opened {
		if s := b.Reload.Opened[i].Service; s.Life == Opening && identical(s.Entry, e) {
			return s
		}
	}
	for i := range actions {
		a := &actions[i]
		from := b.Service(a.Service)
		if a.Kind != core.MoveListener || from == nil || a.To == 0 || int(a.ToListener) >= len(e.Endpoints) || int(a.Listener) >= len(from.Endpoints) ||
			from.Endpoints[a.Listener] != e.Endpoints[a.ToListener] || SocketKind(from.Entry.Type) != SocketKind(e.Type) {
			continue
		}
		if to := b.Service(a.To); to == nil {
			return b.newService(a.To, e, Opening)
		}
	}
	return b.introduced(e)
}

// SocketKind returns the type that stands for all that make the same kind of socket.
func SocketKind(t core.ServiceType) core.ServiceType {
	if t == core.UnixDatagram || t == core.FIFO {
		return t
	}
	return core.Unix
}

// remove notes that a service left the configuration.
func (b *Account) remove(s *Service) {
	s.Life, s.Until = Removed, b.LastEpoch
	s.Throttled, s.WakeAt, s.LeaveBy, s.armed = false, 0, 0, false
	b.changed(s)
	for _, c := range s.Children {
		b.owesTerm(c)
		b.retire(c)
	}
	for i := range b.Wakeups {
		if b.Wakeups[i].service == s {
			b.Wakeups[i].Deadline = b.Now
			b.Due.Closes++
		}
	}
	s.KillAt = b.Now.Add(RemovalGrace)
	if s.Total == 0 {
		b.forget(s)
		return
	}
	if s.Starved {
		s.Starved = false
		b.starving--
	}
	b.Outgoing = append(b.Outgoing, s)
}

func (b *Account) tookLoad(a *core.Action) {
	r := &b.Reload
	b.LastRequest = max(b.LastRequest, a.Request)
	b.LastLoad = a.Request
	r.Loading, r.again, r.Unknown, b.Due.Load = true, false, false, false
}

func (b *Account) tookOpen(a *core.Action) {
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
	b.Reload.Opened = append(b.Reload.Opened, opened{Service: s, Listener: a.Listener, Displaces: a.Flag})
	b.Reload.Asked++
}

func (b *Account) tookListener(a *core.Action) {
	s := b.Service(a.Service)
	if s == nil || int(a.Listener) >= len(s.Open) {
		return
	}
	if a.Kind == core.CommitListener || a.Kind == core.AbandonListener {
		if o := b.Opened(a); o != nil {
			o.Settled = true
		}
	}
	if a.Kind == core.CommitListener {
		return
	}
	s.Open[a.Listener] = false
	if a.Kind != core.MoveListener {
		return
	}
	if to := b.Service(a.To); to != nil && int(a.ToListener) < len(to.Open) {
		to.Open[a.ToListener] = true
	}
}

// Opened returns the listener that an action names, if the transaction opened it.
func (b *Account) Opened(a *core.Action) *opened {
	for i := range b.Reload.Opened {
		if o := &b.Reload.Opened[i]; o.Service.ID == a.Service && o.Listener == a.Listener && o.Open {
			return o
		}
	}
	return nil
}

// ReloadSettled ends the account of a transaction that is over.
func (b *Account) ReloadSettled() {
	r := &b.Reload
	switch {
	case b.Due.Unload:
		for i := range r.Opened {
			if s := r.Opened[i].Service; s.Life == Opening {
				b.forget(s)
			}
		}
	case !b.Due.Commit:
		return
	}
	r.Opening, r.failed, r.Opened = false, false, r.Opened[:0]
}

func (b *Account) CommitReady(a *core.Action) string {
	r := &b.Reload
	switch {
	case r.Unknown && a.Config != nil:
		return ""
	case !r.Opening || a.Config == nil || a.Config != r.Next:
		return "a configuration is put in force that was not asked for"
	case r.Asked > 0 || r.failed:
		return fmt.Sprintf("a configuration is put in force with %d listeners not answered, failed: %v", r.Asked, r.failed)
	}
	return ""
}
