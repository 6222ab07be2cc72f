package edges

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws"
)

// Law is a law of the book that does not hold, and what of it.
type Law struct {
	Name string
	What string
}

var Holds Law

// Laws are what is checked, in words: those of the law book, and what only a machine by
// itself can break. The book judges each pair of situation and event once; what the
// machine asks for is held against its world at every edge (apply.go), and that there
// is a way to rest in every state, by package explore.
func Laws() []Law {
	all := []Law{{"core", "No assertion of the machine fails, and Machine.Check finds nothing after any step."}}
	for _, l := range laws.All() {
		all = append(all, Law{l.Name, l.Words})
	}
	return all
}

// judge asks the law book about one step of the machine.
func (x *Machines) judge(now core.Time, ev *core.Event, actions []core.Action, m *core.Machine, before, after *core.View) Law {
	x.book.Adopt(&laws.Situation{Options: x.options, Before: before, Settings: x.settings, Added: after.Services})
	if broken := x.book.After(now, ev, actions, m, after); broken != nil {
		return Law{broken.Law, broken.Text}
	}
	return Holds
}

// settings returns those that a service of the machine has: the entry of its identity
// and limit in one of the configurations.
func (x *Machines) settings(v *core.ServiceView) *core.ServiceConfig {
	for _, c := range x.configs {
		for i := range c.Services {
			if s := &c.Services[i]; s.Canonical == v.Canonical && s.Type == v.Type && s.ProcessLimit == v.Limit {
				return s
			}
		}
	}
	panic("explore: no configuration has the settings of " + v.Canonical)
}
