package past

import "github.com/stationmaster/stationmaster/core"

// Identity is what makes two entries one service (spec config, 5.5): the
// canonical name and the transport.
type Identity struct {
	canonical string
	transport core.ServiceType
}

func IdentityOf(e *core.ServiceConfig) Identity { return Identity{e.Canonical, e.Type} }

// socketKind is what the kernel makes of a transport: unix and pass are both
// listening stream sockets.
func socketKind(t core.ServiceType) core.ServiceType {
	if t == core.Pass {
		return core.Unix
	}
	return t
}

// gain is how a new service obtains one of its listeners.
type gain struct {
	Way          gainWay
	From         *Service // with gainMove
	FromListener int
}

type gainWay uint8

const (
	gainOpen     gainWay = iota // nobody of ours has it
	GainDisplace                // the path belongs to a service of ours, of another kind
	GainMove                    // a removed service has this very listener
)

// Planned is one entry of a new configuration: a service that is there already,
// or the gains of one that is not.
type Planned struct {
	Entry *core.ServiceConfig
	Kept  *Service
	Gains []gain
}

// plan is what the acceptance of a configuration changes.
type plan struct {
	Entries []Planned
	Removed []*Service
}

// planOf compares the active services with a configuration (design,
// Reload 3).
func planOf(active []*Service, config *core.Config) plan {
	var p plan
	wanted := make(map[Identity]bool)
	for i := range config.Services {
		wanted[IdentityOf(&config.Services[i])] = true
	}
	present := make(map[Identity]*Service)
	for _, s := range active {
		if wanted[s.Identity()] && !robbed(s, active, wanted) {
			present[s.Identity()] = s
		} else {
			p.Removed = append(p.Removed, s)
		}
	}
	var fresh []core.Endpoint // what new services want
	for i := range config.Services {
		e := &config.Services[i]
		one := Planned{Entry: e, Kept: present[IdentityOf(e)]}
		if one.Kept == nil {
			fresh = append(fresh, e.Endpoints...)
		}
		p.Entries = append(p.Entries, one)
	}
	claimed := make(map[listenerName]bool)
	for i := range p.Entries {
		if one := &p.Entries[i]; one.Kept == nil {
			for _, end := range one.Entry.Endpoints {
				one.Gains = append(one.Gains, gainOf(active, p.Removed, fresh, claimed, one.Entry, end))
			}
		}
	}
	return p
}

// owner is the service whose file stands at a path: the latest of those that
// listen there. nil: no service of ours does.
func owner(active []*Service, path string) *Service {
	var latest *Service
	for _, s := range active {
		for _, have := range s.Listeners {
			if have.Path == path && (latest == nil || s.Id > latest.Id) {
				latest = s
			}
		}
	}
	return latest
}

// robbed reports whether the path of s has the file of a service that goes. Then
// nobody would ever reach s, and it must be made anew.
func robbed(s *Service, active []*Service, wanted map[Identity]bool) bool {
	for _, have := range s.Listeners {
		if have.Path == "" {
			continue
		}
		if o := owner(active, have.Path); o != s && !wanted[o.Identity()] {
			return true
		}
	}
	return false
}

// listenerName is one open listener.
type listenerName struct {
	service  core.ServiceID
	listener int
}

// gainOf finds where one endpoint of a new service comes from. A descriptor is
// handed over once; who comes first in the file gets it, and of several on one
// address it is the latest service's. On a path it must be that of the file's
// owner, and the path must be wanted once: of several that want it, the last in
// the file opens it last, and so has it.
func gainOf(active, removed []*Service, fresh []core.Endpoint, claimed map[listenerName]bool, e *core.ServiceConfig, end core.Endpoint) gain {
	rivals := 0
	for _, other := range fresh {
		if other == end && end.Path != "" {
			rivals++
		}
	}
	found := gain{}
	for _, s := range removed {
		if end.Path != "" && (s != owner(active, end.Path) || rivals > 1) {
			continue
		}
		for k, have := range s.Listeners {
			free := have == end && socketKind(s.Entry.Type) == socketKind(e.Type) && !claimed[listenerName{s.Id, k}]
			if free && (found.From == nil || s.Id >= found.From.Id) {
				found = gain{Way: GainMove, From: s, FromListener: k}
			}
		}
	}
	if found.From != nil {
		claimed[listenerName{found.From.Id, found.FromListener}] = true
		return found
	}
	if end.Path != "" && owner(active, end.Path) != nil {
		return gain{Way: GainDisplace}
	}
	return gain{Way: gainOpen}
}

// Moved reports whether listener k of s is handed over by the plan.
func (p *plan) Moved(s *Service, k int) bool {
	for _, one := range p.Entries {
		for _, g := range one.Gains {
			if g.Way == GainMove && g.From == s && g.FromListener == k {
				return true
			}
		}
	}
	return false
}

// Opening is one listener that a transaction needs to have opened.
type Opening struct {
	Entry     *core.ServiceConfig
	Listener  int
	Displaces bool
	Service   core.ServiceID // 0 until asked
	Asked     int
	Opened    int
	Failed    int
	Abandoned int
	failure   core.Event // with failed
	Told      bool       // the failure stands in the log
}

func (o *Opening) Pending() bool { return o.Asked != Never && o.Opened == Never && o.Failed == Never }

// About reports whether a log line speaks of this opening's failure.
func (o *Opening) About(a *core.Action) bool {
	return a.Entry != nil && IdentityOf(a.Entry) == IdentityOf(o.Entry) && int(a.Listener) == o.Listener &&
		a.ListenStep == o.failure.ListenStep && a.Errno == o.failure.Errno
}

// Load is a transaction under way: the first start, or a reload.
type Load struct {
	Boot     bool
	Request  core.Request
	began    int
	Answered int // the step of ConfigLoaded or ConfigRejected
	Config   *core.Config
	rejected bool
	Plan     plan
	Openings []*Opening
	Hangup   bool // a hangup came meanwhile
}

// readLoad finds the transaction that is under way at the end of h, if any.
func readLoad(h []Step, commits []commit, active []*Service) *Load {
	t := &Load{Boot: true, began: 0, Answered: Never}
	if len(commits) > 0 {
		t.Boot, t.began = false, Never
		for i := range h {
			for k := range h[i].Actions {
				if a := &h[i].Actions[k]; a.Kind == core.LoadConfig {
					t.began, t.Request = i, a.Request
				}
			}
		}
		if t.began == Never || ended(h[t.began+1:]) {
			return nil
		}
	}
	from := t.began
	if !t.Boot {
		from++ // what else stands in the step of LoadConfig belongs to the reload before
	}
	for i := from; i < len(h); i++ {
		t.read(i, &h[i], active)
	}
	return t
}

// ended reports whether a reload was committed or refused in these steps.
func ended(h []Step) bool {
	for i := range h {
		if h[i].asks(core.ApplyConfig) || h[i].Logs(core.LogReloadRefused) {
			return true
		}
	}
	return false
}

func (t *Load) read(i int, s *Step, active []*Service) {
	switch s.Ev.Kind {
	case core.SignalReceived:
		t.Hangup = t.Hangup || s.Ev.Signal == core.SIGHUP
	case core.ConfigLoaded, core.ConfigRejected:
		t.Answered, t.Config, t.rejected = i, s.Ev.Config, s.Ev.Kind == core.ConfigRejected
		if !t.rejected {
			t.Plan = planOf(active, t.Config)
			t.Openings = openingsOf(&t.Plan)
		}
	case core.ListenerOpened, core.ListenerFailed:
		if o := t.Opening(s.Ev.Service, int(s.Ev.Listener)); o != nil && s.Ev.Kind == core.ListenerOpened {
			o.Opened = i
		} else if o != nil {
			o.Failed, o.failure = i, s.Ev
		}
	}
	for k := range s.Actions {
		a := &s.Actions[k]
		switch a.Kind {
		case core.OpenListener:
			for _, o := range t.Openings {
				if a.Entry != nil && IdentityOf(a.Entry) == IdentityOf(o.Entry) && int(a.Listener) == o.Listener {
					o.Asked, o.Service = i, a.Service
				}
			}
		case core.Log:
			for _, o := range t.Openings {
				o.Told = o.Told || o.Failed != Never && a.Code == core.LogListenFailed && o.About(a)
			}
		case core.AbandonListener:
			if o := t.Opening(a.Service, int(a.Listener)); o != nil {
				o.Abandoned = i
			}
		}
	}
}

func openingsOf(p *plan) []*Opening {
	var all []*Opening
	for _, one := range p.Entries {
		for k, g := range one.Gains {
			if g.Way != GainMove {
				all = append(all, &Opening{
					Entry: one.Entry, Listener: k, Displaces: g.Way == GainDisplace,
					Asked: Never, Opened: Never, Failed: Never, Abandoned: Never,
				})
			}
		}
	}
	return all
}

func (t *Load) Opening(id core.ServiceID, listener int) *Opening {
	for _, o := range t.Openings {
		if o.Service == id && o.Listener == listener && o.Asked != Never {
			return o
		}
	}
	return nil
}

// IdOf returns the number under which listeners of the entry were asked for in
// this transaction; 0: none was.
func (t *Load) IdOf(e *core.ServiceConfig) core.ServiceID {
	for _, o := range t.Openings {
		if o.Entry == e && o.Asked != Never {
			return o.Service
		}
	}
	return 0
}
