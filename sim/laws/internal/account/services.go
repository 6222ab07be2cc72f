package account

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
)

// Numbered says that the machine has given generations up to that one before.
func (b *Account) Numbered(last core.Generation) { b.LastGeneration = last }

// Epoch counts the configurations that came into force.
func (b *Account) Epoch() core.Epoch { return b.LastEpoch }

// Config returns the one in force, or nil.
func (b *Account) Config() *core.Config { return b.config }

// Active returns the services in force, in the order of the configuration. They are
// valid until the next Step.
func (b *Account) Active() []*Service { return b.InForce }

// Removed returns the services that are removed and have children left.
func (b *Account) Removed() []*Service { return b.Outgoing }

// Generation returns the last one that was asked for.
func (b *Account) Generation() core.Generation { return b.LastGeneration }

// Reloading reports whether a configuration is being read, and whether one is being
// made true.
func (b *Account) Reloading() (loading, opening bool) { return b.Reload.Loading, b.Reload.Opening }

// OpenedByReload returns how many listeners the transaction under way has opened.
func (b *Account) OpenedByReload() (n int) {
	for i := range b.Reload.Opened {
		if b.Reload.Opened[i].Open {
			n++
		}
	}
	return n
}

// Service returns the account of a service, or nil. It is valid until the service
// is forgotten.
func (b *Account) Service(id core.ServiceID) *Service {
	if i, ok := search(b.Services, func(s *Service) bool { return s.ID >= id }); ok && b.Services[i].ID == id {
		return b.Services[i]
	}
	return nil
}

// Child returns the account of a child that is not reaped, or nil. It is valid until
// the child is reaped.
func (b *Account) Child(g core.Generation) *Child {
	if i, ok := search(b.Living, func(c *Child) bool { return c.Generation >= g }); ok && b.Living[i].Generation == g {
		return b.Living[i]
	}
	return nil
}

// search finds the first of a sorted list that is far enough.
func search[T any](list []*T, far func(*T) bool) (at int, ok bool) {
	low, high := 0, len(list)
	for low < high {
		middle := (low + high) / 2
		if far(list[middle]) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low, low < len(list)
}

// ServiceOf returns the service that an event is about, or nil.
func (b *Account) ServiceOf(ev *core.Event) *Service {
	if ev.Service != 0 {
		return b.Service(ev.Service)
	}
	if c := b.Child(ev.Generation); c != nil {
		return c.Service
	}
	return nil
}

// Held reports whether children of a predecessor live: of a service that went when
// this one came, or before, and had its name or one of its addresses.
func (b *Account) Held(s *Service) bool {
	for _, p := range b.Outgoing {
		if p.Total > 0 && p.holds(s) {
			return true
		}
	}
	return false
}

// holds reports whether a removed service holds another while it has children.
func (s *Service) holds(next *Service) bool {
	if s.Until > next.Added {
		return false
	}
	if s.Entry.Name == next.Entry.Name {
		return true
	}
	for i := range s.Endpoints {
		if slices.Contains(next.Endpoints, s.Endpoints[i]) {
			return true
		}
	}
	return false
}

// State returns the word for how a service stands.
func (b *Account) State(s *Service) core.State {
	switch {
	case s.Life == Opening:
		return core.StateOpening
	case s.Life != Active:
		return core.StateStopping
	case len(b.Outgoing) > 0 && b.Held(s):
		return core.StateHeld
	case s.Throttled:
		return core.StateThrottled
	case s.Pending > 0:
		return core.StateStarting
	case s.Idle > 0:
		return core.StateServing
	case s.Full():
		return core.StateSaturated
	case s.Starved:
		return core.StateStarved
	}
	return core.StateIdle
}

// Full reports whether no child may be added.
func (s *Service) Full() bool { return s.Entry.ProcessLimit > 0 && s.Total >= s.Entry.ProcessLimit }

// LastSlot reports whether one start more takes the last slot of a service that
// knows stress mode. Who leaves anyway takes none.
func (s *Service) LastSlot() bool {
	return StressAware(s.Entry) && s.Total-s.Leavers()+1 >= s.Entry.ProcessLimit
}

// Leavers counts the children that were idle when they were cut off and are still
// believed to be about to exit.
func (s *Service) Leavers() int32 {
	if s.LeaveBy == 0 {
		return 0
	}
	return s.Leaving
}

// Live counts the children that hold a descriptor.
func (s *Service) Live() int32 { return s.Total - s.Retired }

// StressAware reports whether the children of a service get the stress argument:
// remote clients can reach it, and it has more than one slot.
func StressAware(e *core.ServiceConfig) bool { return e.ProcessLimit > 1 && !e.LocalOnly }

// affordable reports whether one child more takes no descriptor that is kept for
// another service.
func (b *Account) affordable(s *Service) bool {
	return b.Options.Descriptors == 0 || s.Live() == 0 || b.spare() > 0
}

// spare counts the descriptors that no listener and no child holds, and that are
// not kept for the first child of a service.
func (b *Account) spare() int64 {
	n := int64(b.Options.Descriptors)
	for _, s := range b.InForce {
		n -= int64(len(s.Endpoints)) + int64(max(s.Live(), 1))
	}
	return n
}
