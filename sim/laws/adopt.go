package laws

import (
	"math"

	"github.com/stationmaster/stationmaster/core"
)

// Situation is a machine of which a book knows no past.
type Situation struct {
	Options  core.MachineOptions
	Before   *core.View                                    // before the step
	Settings func(s *core.ServiceView) *core.ServiceConfig // in force for a service of Before
	Added    []core.ServiceView                            // services that the step may add: only their numbers and names are read
}

// Adopt begins the account of a machine in the middle of its life. What no view shows is
// unknown to it, and laws that depend on that are not asked: lines of the log, wakeups
// under way, what a reload under way has opened. The view before a step was held
// against the account of the step before: so what holds of each step holds of all.
func (b *Book) Adopt(x *Situation) {
	v := x.Before
	b.begin(v.Now, x.Options)
	b.exited, b.running, b.epoch = v.Exited, v.Running, v.Epoch
	b.reload.unknown, b.reload.loading, b.reload.maybe = v.Loading || !v.Running, !v.Running, v.Loading
	b.strangers = x.Added
	b.exitAt = math.MaxInt64
	for i := range v.Services {
		b.adopt(&v.Services[i], x.Settings(&v.Services[i]))
	}
}

func (b *Book) adopt(v *core.ServiceView, e *core.ServiceConfig) {
	life := Active
	if v.State == core.StateStopping {
		life = Removed
	}
	s := b.newService(v.ID, e, life)
	for k := range s.open {
		s.open[k] = life == Active
	}
	s.Watched, s.Throttled, s.Release, s.Starved = v.Watching, v.Throttled, v.ThrottledUntil, v.Starved
	s.Stressed, s.StressEnd = v.StressUntil != 0, v.StressUntil
	s.WakeAt, s.armed, s.KillAt = v.NextWakeup, v.NextWakeup != 0, v.KillAt
	for i := range v.Children {
		c := &v.Children[i]
		own := fresh(&b.freeChildren)
		*own = Child{
			Generation: c.Generation, Service: s, PID: c.PID, Retired: c.Retired, Served: c.Served, entry: e,
			terminated: life == Removed && !c.Starting,
		}
		switch {
		case c.Starting:
		case c.Idle:
			own.State = Idle
		default:
			own.State = Busy
		}
		at, _ := search(b.living, func(o *Child) bool { return o.Generation >= c.Generation })
		b.living = insert(b.living, at, own)
		s.Children = append(s.Children, own)
		b.count(own, +1)
	}
	s.LeaveBy = v.LeavingUntil
	s.ceiling = s.Total
	if s.Starved {
		b.starving++
	}
	if life == Removed {
		b.removed = append(b.removed, s)
	} else {
		s.Added = b.epoch
		b.active = append(b.active, s)
	}
	s.touched, s.news = false, false
}

// After judges one step of a machine that was taken over, by the view of what came of it:
// that is asked first, because it tells best what went wrong.
func (b *Book) After(now core.Time, ev *core.Event, actions []core.Action, m Machine, after *core.View) *Breach {
	b.event = *ev
	if b.judge(now, &b.event, actions); b.breach == nil && !b.exited && b.running && !b.due.adrift {
		b.shown(after)
	}
	b.settle(&b.event, m)
	return b.breach
}

// introduced returns the account of a service that came into force, of whose opening an
// adopted book knows nothing: its number is taken from the view after the step.
func (b *Book) introduced(e *core.ServiceConfig) *Service {
	if b.whole {
		return nil
	}
	for i := range b.strangers {
		v := &b.strangers[i]
		if v.Canonical != e.Canonical || v.Type != e.Type || b.Service(v.ID) != nil {
			continue
		}
		s := b.newService(v.ID, e, Opening)
		for k := range s.open {
			s.open[k] = true
		}
		return s
	}
	return nil
}
