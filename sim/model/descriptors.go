package model

import "github.com/stationmaster/stationmaster/core"

// holdsBefore reports whether the child holds a descriptor of the master's, its
// status channel, as it stood when step i began. One that is cut off does not, and
// of a start that a reload has overtaken nothing is left but the cut.
func (w *world) holdsBefore(c *child, i int) bool {
	if !c.occupiedBefore(i) || c.retired != never && c.retired < i {
		return false
	}
	if c.started == never || c.started >= i {
		for _, k := range w.commits {
			if k.at > c.asked && k.at < i {
				return false
			}
		}
	}
	return true
}

// affordable reports whether, when step i begins, one more child of s leaves a
// descriptor for each other service that has no child which holds one. The first
// child of a service may always be started: that is what the descriptor is for.
func (w *world) affordable(s *service, i int) bool {
	if w.flags.Descriptors == 0 {
		return true
	}
	spare := int64(w.flags.Descriptors)
	for _, x := range w.services {
		if x.accepted >= i || x.removed != never && x.removed < i {
			continue
		}
		n := w.count(x, func(c *child) bool { return w.holdsBefore(c, i) })
		if x == s && n == 0 {
			return true
		}
		spare -= int64(len(x.listeners) + max(n, 1))
	}
	return spare > 0
}

// holding counts the children that hold a descriptor when step i begins.
func (w *world) holding(i int) (n int) {
	for _, c := range w.children {
		if w.holdsBefore(c, i) {
			n++
		}
	}
	return n
}

// short reports whether the service is held back: a client of it waited when no
// child could be afforded, and none could be since then.
func (w *world) short(s *service) bool {
	if w.flags.Descriptors == 0 {
		return false
	}
	for i := len(w.h) - 1; i >= s.accepted; i-- {
		if w.affordable(s, i+1) {
			return false
		}
		if st := &w.h[i]; st.ev.Kind == core.ListenerReady && st.ev.Service == s.id && st.ignores(s.id) {
			return !st.asks(core.StartChild)
		}
	}
	return false
}

// ignores reports whether the step has the listeners of the service ignored.
func (s *step) ignores(id core.ServiceID) bool {
	for i := range s.actions {
		if s.actions[i].Kind == core.IgnoreListener && s.actions[i].Service == id {
			return true
		}
	}
	return false
}

// heldBack: the client waits, and that is said once in 1000 s.
func (o *observation) heldBack(s *service) {
	w := o.before
	for i := len(w.h) - 1; i >= 0 && w.h[i].now.Add(warnInterval) >= o.step.now; i-- {
		if w.h[i].logs(core.LogStarved) {
			return
		}
	}
	o.mustLog(ruleShort, "the line that no descriptor is left", line{
		code: core.LogStarved, of: s, number: int64(w.holding(len(w.h))),
	})
}
