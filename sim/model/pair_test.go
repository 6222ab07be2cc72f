package model_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model"
)

// pair is a machine and a model that is shown its steps.
type pair struct {
	machine *core.Machine
	model   *model.Model
	now     core.Time
	ended   bool
	log     []string
	fail    func(format string, args ...any)
}

func newPair(now core.Time, o core.MachineOptions, fail func(string, ...any)) pair {
	o.Strict = true
	return pair{machine: core.New(now, o), now: now, fail: fail, model: model.New(now, model.FlagsOf(o))}
}

// feed passes the event to both and compares actions, deadline and view. The
// actions stay valid: the machine's own are only so until its next step.
func (p *pair) feed(ev core.Event) []core.Action {
	actions := slices.Clone(p.stepMachine(ev))
	p.log = append(p.log, tell(p.now, &ev, actions))
	if err := p.machine.Check(); err != nil {
		p.fatal("self-check", err)
	}
	if err := p.model.Observe(p.now, ev, actions); err != nil {
		p.fatal("actions", err)
	}
	for i := range actions {
		p.ended = p.ended || actions[i].Kind == core.Exit
	}
	if p.ended {
		return actions
	}
	if err := p.model.Compare(p.machine); err != nil {
		p.fatal("deadline and view", err)
	}
	return actions
}

// stepMachine turns a broken invariant into a failure that shows the way to it.
func (p *pair) stepMachine(ev core.Event) []core.Action {
	defer func() {
		switch broken := recover().(type) {
		case nil:
		case core.BrokenInvariant:
			p.log = append(p.log, tell(p.now, &ev, nil))
			p.fatal("machine", broken)
		default:
			panic(broken)
		}
	}()
	return p.machine.Step(p.now, ev)
}

func (p *pair) fatal(what string, err error) {
	p.fail("%s: %v\n%s", what, err, strings.Join(p.log, "\n"))
}

func tell(now core.Time, ev *core.Event, actions []core.Action) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.3f %v service %d gen %d pid %d req %d sig %d status %v n %d bytes %x", float64(now)/1e9, ev.Kind,
		ev.Service, ev.Generation, ev.PID, ev.Request, ev.Signal, ev.Status, ev.N, ev.Bytes[:ev.N])
	if ev.Config != nil {
		for i := range ev.Config.Services {
			e := &ev.Config.Services[i]
			fmt.Fprintf(&b, "\n      entry %s %s %v %v limit %d wakeup %d?%v", e.Name, e.Canonical, e.Type, e.Endpoints, e.ProcessLimit, e.WakeupInterval.Seconds(), e.WakeupIfUsed)
		}
	}
	for i := range actions {
		a := &actions[i]
		fmt.Fprintf(&b, "\n    %v service %d listener %d to %d gen %d pid %d sig %d req %d flag %v", a.Kind, a.Service, a.Listener, a.To, a.Generation, a.PID, a.Signal, a.Request, a.Flag)
		if a.Kind == core.Log {
			fmt.Fprintf(&b, " %d: %s", a.Code, a.Message())
		}
	}
	return b.String()
}
