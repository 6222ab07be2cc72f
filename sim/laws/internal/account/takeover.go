package account

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

// Adopt takes over a situation from a view.
func (b *Account) Adopt(x *Situation) {
	v := x.Before
	b.begin(v.Now, x.Options)
	b.Exited, b.Running, b.LastEpoch = v.Exited, v.Running, v.Epoch
	b.Reload.Unknown, b.Reload.Loading, b.Reload.Maybe = v.Loading || !v.Running, !v.Running, v.Loading
	b.strangers = x.Added
	b.ExitAt = math.MaxInt64
	for i := range v.Services {
		b.adopt(&v.Services[i], x.Settings(&v.Services[i]))
	}
}

func (b *Account) adopt(v *core.ServiceView, e *core.ServiceConfig) {
	life := Active
	if v.State == core.StateStopping {
		life = Removed
	}
	s := b.newService(v.ID, e, life)
	for k := range s.Open {
		s.Open[k] = life == Active
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
		at, _ := search(b.Living, func(o *Child) bool { return o.Generation >= c.Generation })
		b.Living = insert(b.Living, at, own)
		s.Children = append(s.Children, own)
		b.count(own, +1)
	}
	s.LeaveBy = v.LeavingUntil
	s.Ceiling = s.Total
	if s.Starved {
		b.starving++
	}
	if life == Removed {
		b.Outgoing = append(b.Outgoing, s)
	} else {
		s.Added = b.LastEpoch
		b.InForce = append(b.InForce, s)
	}
	s.Touched, s.News = false, false
}

// introduced returns the account of a service that came into force, of whose opening an
// adopted book knows nothing: its number is taken from the view after the step.
func (b *Account) introduced(e *core.ServiceConfig) *Service {
	if b.Whole {
		return nil
	}
	for i := range b.strangers {
		v := &b.strangers[i]
		if v.Canonical != e.Canonical || v.Type != e.Type || b.Service(v.ID) != nil {
			continue
		}
		s := b.newService(v.ID, e, Opening)
		for k := range s.Open {
			s.Open[k] = true
		}
		return s
	}
	return nil
}
