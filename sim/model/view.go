package model

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// Machine is what a machine says of itself.
type Machine interface {
	Deadline() (core.Time, bool)
	View() core.View
}

// Compare asks a machine for its deadline and its view, and compares them with what
// follows from the history. It sees what is wrong before it shows in an action, as a
// count or a deadline that only matters later. The error is nil or a *Violation.
func (m *Model) Compare(machine Machine) error {
	got, due := machine.Deadline()
	if want, wantDue := m.Deadline(); due != wantDue || due && got != want {
		return &Violation{
			Step: len(m.history) - 1, Rule: ruleDeadline,
			Want: fmt.Sprint(want, " ", wantDue), Got: fmt.Sprint(got, " ", due),
		}
	}
	w := m.current()
	if w.ended {
		return nil
	}
	v := machine.View()
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

// look is how a service stands: what is compared of it.
type look struct {
	total, starting, idle, busy, retired, limit          int32
	watching, throttled, held, stopping, stress, starved bool
	// Instants; 0 where there is none.
	throttledUntil, wakeupAt, stressUntil, leavingUntil, killAt core.Time
}

func (w *world) compare(s *service, got *core.ServiceView, at int) error {
	want, have := w.look(s), shown(got)
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
	for i := range got.Children {
		if err := w.compareChild(s, &got.Children[i], at); err != nil {
			return err
		}
	}
	return nil
}

// look reads how a service stands.
func (w *world) look(s *service) look {
	now, inForce := w.h[len(w.h)-1].now, s.removed == never
	stressUntil, stressed := w.stressUntil(s, len(w.h))
	x := look{
		total:    int32(w.total(s)),
		starting: int32(w.starting(s)),
		idle:     int32(w.idle(s)),
		busy:     int32(w.count(s, (*child).busy)),
		retired:  int32(w.count(s, func(c *child) bool { return c.lives() && c.retired != never })),
		limit:    s.entry.ProcessLimit,
		watching: w.mustWatch(s), held: inForce && w.held(s), stopping: !inForce,
		stress: stressed && stressUntil > now && stressAware(s.entry), starved: inForce && w.short(s),
		stressUntil: instant(stressUntil, stressed), wakeupAt: instant(w.wakeAt(s)),
		leavingUntil: instant(w.believedUntil(s, len(w.h))), killAt: instant(w.killAt(s)),
	}
	until, throttled := w.throttledUntil(s)
	x.throttled, x.throttledUntil = throttled, instant(until, throttled)
	return x
}

// shown is how a machine says that a service stands.
func shown(v *core.ServiceView) look {
	return look{
		total: v.Total, starting: v.Starting, idle: v.Idle, busy: v.Busy, retired: v.Retired, limit: v.Limit,
		watching: v.Watching, throttled: v.Throttled, held: v.State == core.StateHeld, stopping: v.State == core.StateStopping,
		stress: v.Stress, starved: v.Starved,
		throttledUntil: instant(v.ThrottledUntil, v.Throttled), wakeupAt: v.NextWakeup, stressUntil: v.StressUntil,
		leavingUntil: v.LeavingUntil, killAt: v.KillAt,
	}
}

func instant(at core.Time, ok bool) core.Time {
	if !ok {
		return 0
	}
	return at
}

// compareChild compares one child. That none is missing the counts say.
func (w *world) compareChild(s *service, got *core.ChildView, at int) error {
	c := w.child(got.Generation)
	if c == nil || c.service != s.id {
		return &Violation{Step: at, Rule: ruleView, Service: s.id, Want: "no child", Got: fmt.Sprintf("%+v", *got)}
	}
	want := core.ChildView{
		Generation: c.generation, PID: c.pid, Starting: c.starting(), Idle: c.lives() && c.record().available,
		Retired: c.retired != never, Served: c.record().served,
	}
	if c.starting() && w.stale(c) {
		want.Retired = got.Retired
	}
	if want != *got {
		return &Violation{Step: at, Rule: ruleView, Service: s.id, Want: fmt.Sprintf("%+v", want), Got: fmt.Sprintf("%+v", *got)}
	}
	return nil
}
