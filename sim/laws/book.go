package laws

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// Machine is what a book looks at: what a machine says of itself.
type Machine interface {
	Deadline() (core.Time, bool)
	View() core.View
	Check() error
}

// Book judges the steps of one machine by the laws, from the account of it. Reset or
// Adopt begins one. It is not safe for use by more than one goroutine.
type Book struct {
	account.Account

	// Only names the laws that may report; empty: all. It counts at the next Reset
	// or Adopt.
	Only []string
	// MadeUp is set where events do not come from an adapter that keeps its duties:
	// then they are not judged.
	MadeUp bool

	docket *docket
	only   []string // what docket was made for
	breach *Breach
	event  core.Event // of the step under way
	said   []byte     // a line as it is rendered
}

// Reset begins the account of a machine that was made at now and has seen nothing.
func (b *Book) Reset(now core.Time, o core.MachineOptions) {
	b.open()
	b.Account.Reset(now, o)
}

// open begins to judge by the laws that may report.
func (b *Book) open() {
	switch {
	case len(b.Only) == 0:
		b.docket = allLaws
	case b.docket == nil || b.docket == allLaws || !equal(b.Only, b.only):
		b.docket, b.only = docketOf(b.Only), append(b.only[:0], b.Only...)
	}
	b.breach, b.event, b.said = nil, core.Event{}, b.said[:0]
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Step judges one step: the machine was given ev at now and answered with actions.
// It is called once for every step, before the actions are carried out. The first
// breach ends the account: it is returned now and from then on.
func (b *Book) Step(now core.Time, ev *core.Event, actions []core.Action, m Machine) *Breach {
	if b.breach == nil {
		b.event = *ev // so that the caller's does not have to outlive the call
		b.judge(now, &b.event, actions)
		b.settle(&b.event, m)
	}
	return b.breach
}

// judge takes the event and the actions into the account, and judges them.
func (b *Book) judge(now core.Time, ev *core.Event, actions []core.Action) {
	b.Now = now
	b.Clear()
	if b.Exited {
		if len(actions) > 0 {
			b.breaks("S12", "actions follow Exit")
		}
		return
	}
	b.judgeEvent(ev)
	b.Happened(ev)
	if n := len(actions); !b.Whole && b.Options.ExitSet && ev.Kind == core.TimerExpired && n > 0 && actions[n-1].Kind == core.Exit {
		b.Due.Exit, b.Due.Adrift = true, true // when the time of -e comes is not known
	}
	b.Given, b.Waking = len(actions), len(b.Wakeups)
	for i := range b.docket.answer {
		e := &b.docket.answer[i]
		b.breaks(e.law, e.check(&b.Account, actions))
	}
	for i := range actions {
		if actions[i].Kind == core.ApplyConfig {
			b.breaks("S8", b.Committed(&actions[i], actions))
			break
		}
	}
	for i := range actions {
		a := &actions[i]
		for k := range b.docket.action[min(a.Kind, core.Exit+1)] {
			e := &b.docket.action[min(a.Kind, core.Exit+1)][k]
			b.breaks(e.law, e.check(&b.Account, a))
		}
		if b.breach != nil {
			return
		}
		b.Took(a)
		if a.Kind == core.Log {
			b.logged(a)
		}
	}
	if b.Due.Adrift {
		b.Due = account.Due{Adrift: true, Exit: b.Due.Exit}
	}
	b.linesComplete()
	for i := range b.docket.step {
		e := &b.docket.step[i]
		b.breaks(e.law, e.check(&b.Account, ev))
	}
	b.ReloadSettled()
	b.SettleStarved()
}

// judgeEvent judges what the adapter reports, before the account takes it.
func (b *Book) judgeEvent(ev *core.Event) {
	if b.MadeUp {
		return
	}
	for i := range b.docket.event {
		e := &b.docket.event[i]
		b.breaks(e.law, e.check(&b.Account, ev))
	}
}

// settle asks about each service that the step touched.
func (b *Book) settle(ev *core.Event, m Machine) {
	if b.Exited || b.Due.Adrift || b.breach != nil {
		return
	}
	b.Deadline, b.Timed = 0, false
	if len(b.Touched) > 0 || ev.Kind == core.TimerExpired {
		b.Deadline, b.Timed = m.Deadline()
	}
	for i := range b.docket.timer {
		e := &b.docket.timer[i]
		b.breaks(e.law, e.check(&b.Account, ev))
	}
	for _, s := range b.Touched {
		if s.Life != Gone {
			for k := range b.docket.service {
				e := &b.docket.service[k]
				b.breaks(e.law, e.check(&b.Account, s))
			}
		}
		s.Touched, s.News, s.Wakes = false, false, 0
	}
	b.Touched = b.Touched[:0]
}

// Breach returns the first one, or nil.
func (b *Book) Breach() *Breach { return b.breach }

// breaks notes what is wrong, if anything is, under the name of the law.
func (b *Book) breaks(law, wrong string) {
	if wrong != "" && b.breach == nil {
		b.breach = &Breach{law, wrong}
	}
}

// looksAt reports whether the law may report.
func (b *Book) looksAt(law string) bool { return len(b.Only) == 0 || has(b.Only, law) }

// Sweep holds everything that the machine says of itself against the account.
func (b *Book) Sweep(m Machine) *Breach {
	if b.Exited || b.breach != nil {
		return b.breach
	}
	if err := m.Check(); err != nil {
		if len(b.Only) == 0 || has(b.Only, Check) {
			b.breaks(Check, err.Error())
		}
		return b.breach
	}
	if !b.Running {
		return nil
	}
	v := m.View()
	b.Deadline, b.Timed = m.Deadline()
	b.shown(&v)
	return b.breach
}

// shown compares a view with the account.
func (b *Book) shown(v *core.View) {
	b.Viewed = v
	for i := range b.docket.sweep {
		e := &b.docket.sweep[i]
		b.breaks(e.law, e.check(&b.Account))
	}
	for i := range v.Services {
		s := b.Service(v.Services[i].ID)
		if s == nil || b.breach != nil {
			continue
		}
		for k := range b.docket.view {
			e := &b.docket.view[k]
			b.breaks(e.law, e.check(&b.Account, s, &v.Services[i]))
		}
	}
	b.Viewed = nil
}

// Between judges the adapter between two turns: all actions are carried out, and all
// answers were given.
func (b *Book) Between(k *KernelView) *Breach {
	if b.Exited || !b.Running || b.Reload.Asked > 0 {
		return b.breach
	}
	for i := range b.docket.turn {
		e := &b.docket.turn[i]
		b.breaks(e.law, e.check(&b.Account, k))
	}
	return b.breach
}
