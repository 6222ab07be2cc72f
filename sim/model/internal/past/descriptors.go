package past

import "github.com/stationmaster/stationmaster/core"

// holdsBefore reports whether the child holds a descriptor of the master's, its
// status channel, as it stood when step i began. One that is cut off does not, and
// of a start that a reload has overtaken nothing is left but the cut.
func (w *World) holdsBefore(c *Child, i int) bool {
	if !c.occupiedBefore(i) || c.Retired != Never && c.Retired < i {
		return false
	}
	if c.started == Never || c.started >= i {
		for _, k := range w.commits {
			if k.at > c.asked && k.at < i {
				return false
			}
		}
	}
	return true
}

// Affordable reports whether, when step i begins, one more child of s leaves a
// descriptor for each other service that has no child which holds one. The first
// child of a service may always be started: that is what the descriptor is for.
func (w *World) Affordable(s *Service, i int) bool {
	if w.Flags.Descriptors == 0 {
		return true
	}
	spare := int64(w.Flags.Descriptors)
	for _, x := range w.Services {
		if x.accepted >= i || x.Removed != Never && x.Removed < i {
			continue
		}
		n := w.Count(x, func(c *Child) bool { return w.holdsBefore(c, i) })
		if x == s && n == 0 {
			return true
		}
		spare -= int64(len(x.Listeners) + max(n, 1))
	}
	return spare > 0
}

// Holding counts the children that hold a descriptor when step i begins.
func (w *World) Holding(i int) (n int) {
	for _, c := range w.Children {
		if w.holdsBefore(c, i) {
			n++
		}
	}
	return n
}

// Short reports whether the service is held back: a client of it waited when no
// child could be afforded, and none could be since then.
func (w *World) Short(s *Service) bool {
	if w.Flags.Descriptors == 0 {
		return false
	}
	for i := len(w.H) - 1; i >= s.accepted; i-- {
		if w.Affordable(s, i+1) {
			return false
		}
		if st := &w.H[i]; st.Ev.Kind == core.ListenerReady && st.Ev.Service == s.Id && st.ignores(s.Id) {
			return !st.asks(core.StartChild)
		}
	}
	return false
}

// ignores reports whether the step has the listeners of the service ignored.
func (s *Step) ignores(id core.ServiceID) bool {
	for i := range s.Actions {
		if s.Actions[i].Kind == core.IgnoreListener && s.Actions[i].Service == id {
			return true
		}
	}
	return false
}
