package model

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// CheckView compares what the history says of each service with what a machine
// says of itself. It sees wrong counts before they show in an action. The error
// is nil or a *Violation.
func (m *Model) CheckView(v *core.View) error {
	w := m.read(m.history)
	if w.ended {
		return nil
	}
	seen := make(map[core.ServiceID]*core.ServiceView)
	for i := range v.Services {
		seen[v.Services[i].ID] = &v.Services[i]
	}
	for _, s := range w.services {
		got := seen[s.id]
		if s.removed != never && w.total(s) == 0 {
			continue // nothing is left to be known of it
		}
		if got == nil {
			return &Violation{Step: len(m.history) - 1, Rule: ruleView, Service: s.id, Want: "the service", Got: "none"}
		}
		if err := w.compare(s, got, len(m.history)-1); err != nil {
			return err
		}
	}
	return nil
}

// counts is what is compared of a service.
type counts struct {
	total, starting, idle, busy, retired int32
	watching, throttled, held, stopping  bool
	throttledUntil, wakeupAt             core.Time
}

func (w *world) compare(s *service, got *core.ServiceView, at int) error {
	until, throttled := w.throttledUntil(s)
	if !throttled {
		until = 0
	}
	wakeupAt, waking := w.wakeAt(s)
	if !waking {
		wakeupAt = 0
	}
	want := counts{
		total:    int32(w.total(s)),
		starting: int32(w.starting(s)),
		idle:     int32(w.idle(s)),
		busy:     int32(w.count(s, (*child).busy)),
		retired:  int32(w.count(s, func(c *child) bool { return c.lives() && c.retired != never })),
		watching: w.mustWatch(s), throttled: throttled, throttledUntil: until, wakeupAt: wakeupAt,
		held: s.removed == never && w.held(s), stopping: s.removed != never,
	}
	have := counts{
		total: got.Total, starting: got.Starting, idle: got.Idle, busy: got.Busy, retired: got.Retired,
		watching: got.Watching, throttled: got.Throttled, throttledUntil: got.ThrottledUntil, wakeupAt: got.NextWakeup,
		held: got.State == core.StateHeld, stopping: got.State == core.StateStopping,
	}
	if !have.throttled {
		have.throttledUntil = 0
	}
	// A start that a reload has overtaken will be cut off at birth: an observer
	// may call it retired already.
	if have.retired == want.retired+int32(w.count(s, func(c *child) bool { return c.starting() && w.stale(c) })) {
		have.retired = want.retired
	}
	if want != have {
		return &Violation{
			Step: at, Rule: ruleView, Service: s.id,
			Want: fmt.Sprintf("%+v", want), Got: fmt.Sprintf("%+v", have),
		}
	}
	return nil
}
