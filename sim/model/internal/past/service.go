package past

import "github.com/stationmaster/stationmaster/core"

// Service is one service from its acceptance on.
type Service struct {
	Id        core.ServiceID
	Entry     *core.ServiceConfig // in force; the last one when it is removed
	accepted  int
	Removed   int
	Listeners []core.Endpoint // what is really open; a reload does not refresh it
	entries   []dated         // every entry that was in force, oldest first
}

type dated struct {
	from  int
	entry *core.ServiceConfig
}

func (s *Service) Identity() Identity { return IdentityOf(s.Entry) }

// entryAt returns the entry that was in force at the end of step i.
func (s *Service) entryAt(i int) *core.ServiceConfig {
	e := s.Entry
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
func readServices(h []Step) ([]commit, []*Service) {
	var commits []commit
	var all []*Service
	loaded := Never
	for i := range h {
		if h[i].Ev.Kind == core.ConfigLoaded {
			loaded = i
		}
		first := len(commits) == 0 && h[i].Logs(core.LogStarted)
		if loaded == Never || !first && (len(commits) == 0 || !h[i].asks(core.ApplyConfig)) {
			continue
		}
		c := commit{at: i, config: h[loaded].Ev.Config}
		commits = append(commits, c)
		all = carryOut(h, loaded, c, all)
	}
	return commits, all
}

// carryOut returns the services after one commit.
func carryOut(h []Step, loaded int, c commit, all []*Service) []*Service {
	p := planOf(active(all), c.config)
	for _, s := range p.Removed {
		s.Removed = c.at
	}
	for _, one := range p.Entries {
		s := one.Kept
		if s == nil {
			s = &Service{
				Id: idGiven(h[loaded:c.at+1], one), accepted: c.at, Removed: Never,
				Listeners: one.Entry.Endpoints,
			}
			all = append(all, s)
		}
		s.Entry = one.Entry
		s.entries = append(s.entries, dated{c.at, one.Entry})
	}
	return all
}

// idGiven reads from the actions of one transaction which number the new
// service of an entry got: it stands in its first OpenListener, or, when all its
// listeners are handed over, in the MoveListener of the commit.
func idGiven(h []Step, one Planned) core.ServiceID {
	for i := range h {
		for k := range h[i].Actions {
			a := &h[i].Actions[k]
			if a.Kind == core.OpenListener && a.Entry != nil && IdentityOf(a.Entry) == IdentityOf(one.Entry) {
				return a.Service
			}
			if a.Kind != core.MoveListener {
				continue
			}
			for _, g := range one.Gains {
				if g.Way == GainMove && g.From.Id == a.Service && g.FromListener == int(a.Listener) {
					return a.To
				}
			}
		}
	}
	return 0
}

func active(all []*Service) []*Service {
	var some []*Service
	for _, s := range all {
		if s.Removed == Never {
			some = append(some, s)
		}
	}
	return some
}
