package timeline

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// account is what events and actions say of services and children.
type account struct {
	children []accountChild // in the order of their starts
	watched  map[core.ServiceID]bool
	over     bool // the machine has ended and counts no more
}

type accountChild struct {
	generation core.Generation
	service    core.ServiceID
	pid        core.PID
	started    bool
	busy       bool
	retired    bool
}

// begin takes over what a machine at work says of itself.
func (a *account) begin(v *core.View) {
	a.watched = map[core.ServiceID]bool{}
	for i := range v.Services {
		s := &v.Services[i]
		a.watched[s.ID] = s.Watching
		for _, c := range s.Children {
			a.children = append(a.children, accountChild{
				generation: c.Generation, service: s.ID, pid: c.PID, started: !c.Starting, busy: !c.Starting && !c.Idle, retired: c.Retired,
			})
		}
	}
}

func (a *account) child(g core.Generation) *accountChild {
	for i := range a.children {
		if a.children[i].generation == g {
			return &a.children[i]
		}
	}
	return nil
}

func (a *account) drop(g core.Generation) {
	for i := range a.children {
		if a.children[i].generation == g {
			a.children = append(a.children[:i], a.children[i+1:]...)
			return
		}
	}
}

func (a *account) event(ev *core.Event) {
	c := a.child(ev.Generation)
	if c == nil || a.over {
		return
	}
	switch ev.Kind {
	case core.ChildStarted:
		c.started, c.pid = true, ev.PID
	case core.ChildStartFailed, core.ChildExited:
		a.drop(ev.Generation)
	case core.StatusReceived:
		if s, ok := statusOf(ev, c.pid); ok {
			c.busy = s == wire.Taken
		}
	}
}

func (a *account) action(x *core.Action) {
	switch x.Kind {
	case core.StartChild:
		a.children = append(a.children, accountChild{generation: x.Generation, service: x.Service})
	case core.ApplyConfig: // who is only being started is cut off with its start
		for i := range a.children {
			a.children[i].retired = a.children[i].retired || !a.children[i].started
		}
	case core.RetireChild:
		if c := a.child(x.Generation); c != nil {
			c.retired = true
		}
	case core.WatchListener:
		a.watched[x.Service] = true
	case core.IgnoreListener, core.CloseListener:
		a.watched[x.Service] = false
	case core.Exit:
		a.over = true
	}
}

// line is the account of one service in words.
func (a *account) line(id core.ServiceID, limit int32) string {
	var total, starting, idle, busy, retired int
	for i := range a.children {
		c := &a.children[i]
		if c.service != id {
			continue
		}
		total++
		switch {
		case !c.started:
			starting++
		case c.busy && !c.retired:
			busy++
		case !c.retired:
			idle++
		}
		if c.retired {
			retired++
		}
	}
	return fmt.Sprintf("total %d, starting %d, idle %d, busy %d, retired %d, limit %d, %s",
		total, starting, idle, busy, retired, limit, watchedWord(a.watched[id]))
}
