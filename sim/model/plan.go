package model

import "github.com/stationmaster/stationmaster/core"

// identity is what makes two entries one service (spec config, 5.5): the
// canonical name and the transport.
type identity struct {
	canonical string
	transport core.ServiceType
}

func identityOf(e *core.ServiceConfig) identity { return identity{e.Canonical, e.Type} }

// socketKind is what the kernel makes of a transport: unix and pass are both
// listening stream sockets.
func socketKind(t core.ServiceType) core.ServiceType {
	if t == core.Pass {
		return core.Unix
	}
	return t
}

// gain says how a new service comes by one of its listeners.
type gain struct {
	way          gainWay
	from         *service // with gainMove
	fromListener int
}

type gainWay uint8

const (
	gainOpen     gainWay = iota // nobody of ours has it
	gainDisplace                // the path belongs to a service of ours, of another kind
	gainMove                    // a removed service has this very listener
)

// planned is one entry of a new configuration: a service that is there already,
// or the gains of one that is not.
type planned struct {
	entry *core.ServiceConfig
	kept  *service
	gains []gain
}

// plan is what the acceptance of a configuration changes.
type plan struct {
	entries []planned
	removed []*service
}

// planOf compares the active services with a configuration (design,
// Reload 3).
func planOf(active []*service, config *core.Config) plan {
	var p plan
	wanted := make(map[identity]bool)
	for i := range config.Services {
		wanted[identityOf(&config.Services[i])] = true
	}
	present := make(map[identity]*service)
	for _, s := range active {
		if wanted[s.identity()] && !robbed(s, active, wanted) {
			present[s.identity()] = s
		} else {
			p.removed = append(p.removed, s)
		}
	}
	var fresh []core.Endpoint // what new services want
	for i := range config.Services {
		e := &config.Services[i]
		one := planned{entry: e, kept: present[identityOf(e)]}
		if one.kept == nil {
			fresh = append(fresh, e.Endpoints...)
		}
		p.entries = append(p.entries, one)
	}
	claimed := make(map[listenerName]bool)
	for i := range p.entries {
		if one := &p.entries[i]; one.kept == nil {
			for _, end := range one.entry.Endpoints {
				one.gains = append(one.gains, gainOf(active, p.removed, fresh, claimed, one.entry, end))
			}
		}
	}
	return p
}

// owner is the service whose file stands at a path: the latest of those that
// listen there. nil: no service of ours does.
func owner(active []*service, path string) *service {
	var latest *service
	for _, s := range active {
		for _, have := range s.listeners {
			if have.Path == path && (latest == nil || s.id > latest.id) {
				latest = s
			}
		}
	}
	return latest
}

// robbed reports whether the path of s has the file of a service that goes. Then
// nobody would ever reach s, and it must be made anew.
func robbed(s *service, active []*service, wanted map[identity]bool) bool {
	for _, have := range s.listeners {
		if have.Path == "" {
			continue
		}
		if o := owner(active, have.Path); o != s && !wanted[o.identity()] {
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
func gainOf(active, removed []*service, fresh []core.Endpoint, claimed map[listenerName]bool, e *core.ServiceConfig, end core.Endpoint) gain {
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
		for k, have := range s.listeners {
			free := have == end && socketKind(s.entry.Type) == socketKind(e.Type) && !claimed[listenerName{s.id, k}]
			if free && (found.from == nil || s.id >= found.from.id) {
				found = gain{way: gainMove, from: s, fromListener: k}
			}
		}
	}
	if found.from != nil {
		claimed[listenerName{found.from.id, found.fromListener}] = true
		return found
	}
	if end.Path != "" && owner(active, end.Path) != nil {
		return gain{way: gainDisplace}
	}
	return gain{way: gainOpen}
}

// moved tells whether listener k of s is handed over by the plan.
func (p *plan) moved(s *service, k int) bool {
	for _, one := range p.entries {
		for _, g := range one.gains {
			if g.way == gainMove && g.from == s && g.fromListener == k {
				return true
			}
		}
	}
	return false
}

// opening is one listener that a transaction needs to have opened.
type opening struct {
	entry     *core.ServiceConfig
	listener  int
	displaces bool
	service   core.ServiceID // 0 until asked
	asked     int
	opened    int
	failed    int
	abandoned int
	failure   core.Event // with failed
	told      bool       // the failure stands in the log
}

func (o *opening) pending() bool { return o.asked != never && o.opened == never && o.failed == never }

// about tells whether a log line speaks of this opening's failure.
func (o *opening) about(a *core.Action) bool {
	return a.Entry != nil && identityOf(a.Entry) == identityOf(o.entry) && int(a.Listener) == o.listener &&
		a.ListenStep == o.failure.ListenStep && a.Errno == o.failure.Errno
}

// load is a transaction under way: the first start, or a reload.
type load struct {
	boot     bool
	request  core.Request
	began    int
	answered int // the step of ConfigLoaded or ConfigRejected
	config   *core.Config
	rejected bool
	plan     plan
	openings []*opening
	hangup   bool // a hangup came meanwhile
}

// readLoad finds the transaction that is under way at the end of h, if any.
func readLoad(h []step, commits []commit, active []*service) *load {
	t := &load{boot: true, began: 0, answered: never}
	if len(commits) > 0 {
		t.boot, t.began = false, never
		for i := range h {
			for k := range h[i].actions {
				if a := &h[i].actions[k]; a.Kind == core.LoadConfig {
					t.began, t.request = i, a.Request
				}
			}
		}
		if t.began == never || ended(h[t.began+1:]) {
			return nil
		}
	}
	from := t.began
	if !t.boot {
		from++ // what else stands in the step of LoadConfig belongs to the reload before
	}
	for i := from; i < len(h); i++ {
		t.read(i, &h[i], active)
	}
	return t
}

// ended tells whether a reload was committed or refused in these steps.
func ended(h []step) bool {
	for i := range h {
		if h[i].asks(core.ApplyConfig) || h[i].logs(core.LogReloadRefused) {
			return true
		}
	}
	return false
}

func (t *load) read(i int, s *step, active []*service) {
	switch s.ev.Kind {
	case core.SignalReceived:
		t.hangup = t.hangup || s.ev.Signal == core.SIGHUP
	case core.ConfigLoaded, core.ConfigRejected:
		t.answered, t.config, t.rejected = i, s.ev.Config, s.ev.Kind == core.ConfigRejected
		if !t.rejected {
			t.plan = planOf(active, t.config)
			t.openings = openingsOf(&t.plan)
		}
	case core.ListenerOpened, core.ListenerFailed:
		if o := t.opening(s.ev.Service, int(s.ev.Listener)); o != nil && s.ev.Kind == core.ListenerOpened {
			o.opened = i
		} else if o != nil {
			o.failed, o.failure = i, s.ev
		}
	}
	for k := range s.actions {
		a := &s.actions[k]
		switch a.Kind {
		case core.OpenListener:
			for _, o := range t.openings {
				if a.Entry != nil && identityOf(a.Entry) == identityOf(o.entry) && int(a.Listener) == o.listener {
					o.asked, o.service = i, a.Service
				}
			}
		case core.Log:
			for _, o := range t.openings {
				o.told = o.told || o.failed != never && a.Code == core.LogListenFailed && o.about(a)
			}
		case core.AbandonListener:
			if o := t.opening(a.Service, int(a.Listener)); o != nil {
				o.abandoned = i
			}
		}
	}
}

func openingsOf(p *plan) []*opening {
	var all []*opening
	for _, one := range p.entries {
		for k, g := range one.gains {
			if g.way != gainMove {
				all = append(all, &opening{
					entry: one.entry, listener: k, displaces: g.way == gainDisplace,
					asked: never, opened: never, failed: never, abandoned: never,
				})
			}
		}
	}
	return all
}

func (t *load) opening(id core.ServiceID, listener int) *opening {
	for _, o := range t.openings {
		if o.service == id && o.listener == listener && o.asked != never {
			return o
		}
	}
	return nil
}

// idOf gives the number under which listeners of the entry were asked for in
// this transaction; 0: none was.
func (t *load) idOf(e *core.ServiceConfig) core.ServiceID {
	for _, o := range t.openings {
		if o.entry == e && o.asked != never {
			return o.service
		}
	}
	return 0
}
