package model

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model/internal/past"
	"github.com/stationmaster/stationmaster/sim/model/internal/verdict"
)

// Machine is what the model compares of a machine.
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
			Step: len(m.history) - 1, Rule: verdict.RuleDeadline,
			Want: fmt.Sprint(want, " ", wantDue), Got: fmt.Sprint(got, " ", due),
		}
	}
	w := m.current()
	if w.Ended {
		return nil
	}
	v := machine.View()
	seen := make(map[core.ServiceID]*core.ServiceView)
	for i := range v.Services {
		seen[v.Services[i].ID] = &v.Services[i]
	}
	for _, s := range w.Services {
		got := seen[s.Id]
		if s.Removed != past.Never && w.Total(s) == 0 {
			continue // nothing is left to be known of it
		}
		if got == nil {
			return &Violation{Step: len(m.history) - 1, Rule: verdict.RuleView, Service: s.Id, Want: "the service", Got: "none"}
		}
		if err := compare(w, s, got, len(m.history)-1); err != nil {
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

func compare(w *past.World, s *past.Service, got *core.ServiceView, at int) error {
	want, have := lookAt(w, s), shown(got)
	// A start that a reload has overtaken will be cut off at birth: an observer
	// may call it retired already.
	if have.retired == want.retired+int32(w.Count(s, func(c *past.Child) bool { return c.Starting() && w.Stale(c) })) {
		have.retired = want.retired
	}
	if want != have {
		return &Violation{
			Step: at, Rule: verdict.RuleView, Service: s.Id,
			Want: fmt.Sprintf("%+v", want), Got: fmt.Sprintf("%+v", have),
		}
	}
	for i := range got.Children {
		if err := compareChild(w, s, &got.Children[i], at); err != nil {
			return err
		}
	}
	return nil
}

// lookAt reads how a service stands.
func lookAt(w *past.World, s *past.Service) look {
	now, inForce := w.H[len(w.H)-1].Now, s.Removed == past.Never
	stressUntil, stressed := w.StressUntil(s, len(w.H))
	x := look{
		total:    int32(w.Total(s)),
		starting: int32(w.Starting(s)),
		idle:     int32(w.Idle(s)),
		busy:     int32(w.Count(s, (*past.Child).Busy)),
		retired:  int32(w.Count(s, func(c *past.Child) bool { return c.Lives() && c.Retired != past.Never })),
		limit:    s.Entry.ProcessLimit,
		watching: w.MustWatch(s), held: inForce && w.Held(s), stopping: !inForce,
		stress: stressed && stressUntil > now && past.StressAware(s.Entry), starved: inForce && w.Short(s),
		stressUntil: instant(stressUntil, stressed), wakeupAt: instant(w.WakeAt(s)),
		leavingUntil: instant(w.BelievedUntil(s, len(w.H))), killAt: instant(w.KillAt(s)),
	}
	until, throttled := w.ThrottledUntil(s)
	x.throttled, x.throttledUntil = throttled, instant(until, throttled)
	return x
}

// shown is how a machine's view shows a service.
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

// compareChild compares one child. The counts show that none is missing.
func compareChild(w *past.World, s *past.Service, got *core.ChildView, at int) error {
	c := w.Child(got.Generation)
	if c == nil || c.Service != s.Id {
		return &Violation{Step: at, Rule: verdict.RuleView, Service: s.Id, Want: "no child", Got: fmt.Sprintf("%+v", *got)}
	}
	want := core.ChildView{
		Generation: c.Generation, PID: c.Pid, Starting: c.Starting(), Idle: c.Lives() && c.Record().Available,
		Retired: c.Retired != past.Never, Served: c.Record().Served,
	}
	if c.Starting() && w.Stale(c) {
		want.Retired = got.Retired
	}
	if want != *got {
		return &Violation{Step: at, Rule: verdict.RuleView, Service: s.Id, Want: fmt.Sprintf("%+v", want), Got: fmt.Sprintf("%+v", *got)}
	}
	return nil
}
