package model

import "github.com/stationmaster/stationmaster/core"

// service is one service from its acceptance on.
type service struct {
	id        core.ServiceID
	entry     *core.ServiceConfig // in force; the last one when it is removed
	accepted  int
	removed   int
	listeners []core.Endpoint // what is really open; a reload does not refresh it
	entries   []dated         // every entry that was in force, oldest first
}

type dated struct {
	from  int
	entry *core.ServiceConfig
}

func (s *service) identity() identity { return identityOf(s.entry) }

// entryAt gives the entry that was in force at the end of step i.
func (s *service) entryAt(i int) *core.ServiceConfig {
	e := s.entry
	for _, d := range s.entries {
		if d.from <= i {
			e = d.entry
		}
	}
	return e
}

// commit is the acceptance of a configuration: the first start, or a reload.
type commit struct {
	at     int
	config *core.Config
}

// readServices finds all commits and what became of the services in each. The
// first start is committed by the line that says so, a reload by ApplyConfig.
func readServices(h []step) ([]commit, []*service) {
	var commits []commit
	var all []*service
	loaded := never
	for i := range h {
		if h[i].ev.Kind == core.ConfigLoaded {
			loaded = i
		}
		first := len(commits) == 0 && h[i].logs(core.LogStarted)
		if loaded == never || !first && (len(commits) == 0 || !h[i].asks(core.ApplyConfig)) {
			continue
		}
		c := commit{at: i, config: h[loaded].ev.Config}
		commits = append(commits, c)
		all = carryOut(h, loaded, c, all)
	}
	return commits, all
}

// carryOut gives the services as they stand after one commit.
func carryOut(h []step, loaded int, c commit, all []*service) []*service {
	p := planOf(active(all), c.config)
	for _, s := range p.removed {
		s.removed = c.at
	}
	for _, one := range p.entries {
		s := one.kept
		if s == nil {
			s = &service{
				id: idGiven(h[loaded:c.at+1], one), accepted: c.at, removed: never,
				listeners: one.entry.Endpoints,
			}
			all = append(all, s)
		}
		s.entry = one.entry
		s.entries = append(s.entries, dated{c.at, one.entry})
	}
	return all
}

// idGiven reads from the actions of one transaction which number the new
// service of an entry got: it stands in its first OpenListener, or, when all its
// listeners are handed over, in the MoveListener of the commit.
func idGiven(h []step, one planned) core.ServiceID {
	for i := range h {
		for k := range h[i].actions {
			a := &h[i].actions[k]
			if a.Kind == core.OpenListener && a.Entry != nil && identityOf(a.Entry) == identityOf(one.entry) {
				return a.Service
			}
			if a.Kind != core.MoveListener {
				continue
			}
			for _, g := range one.gains {
				if g.way == gainMove && g.from.id == a.Service && g.fromListener == int(a.Listener) {
					return a.To
				}
			}
		}
	}
	return 0
}

func active(all []*service) []*service {
	var some []*service
	for _, s := range all {
		if s.removed == never {
			some = append(some, s)
		}
	}
	return some
}
