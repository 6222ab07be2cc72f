package model_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/sim/model"
	"pgregory.net/rapid"
)

const (
	agreeChecks = 500
	agreeSteps  = 60
)

// TestModelAgreesWithMachine drives the machine with random events that keep
// the duties of an adapter, and lets the model judge every step.
func TestModelAgreesWithMachine(t *testing.T) {
	setChecks(t, agreeChecks)
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver(t)
		for i := 0; i < agreeSteps && !d.ended; i++ {
			d.step()
		}
	})
}

// TestModelNoticesTampering shows the model steps of the machine with one action
// repeated or left out: none may pass.
func TestModelNoticesTampering(t *testing.T) {
	setChecks(t, agreeChecks/5)
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver(t)
		d.tamper = true
		for i := 0; i < agreeSteps && !d.ended; i++ {
			d.step()
		}
	})
}

// setChecks sets how many checks there are, unless the command line does.
func setChecks(t *testing.T, n int) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if given {
		return
	}
	checks := flag.Lookup("rapid.checks")
	old := checks.Value.String()
	if err := checks.Value.Set(fmt.Sprint(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := checks.Value.Set(old); err != nil {
			t.Error(err)
		}
	})
}

// kid is a child that the driver has started.
type kid struct {
	generation core.Generation
	service    core.ServiceID
	pid        core.PID
	taken      bool
	retired    bool
	closed     bool
}

// driver is an adapter whose kernel is chance. It remembers what is owed to
// the machine, and nothing else.
type driver struct {
	pair
	t      *rapid.T
	tamper bool // show the model wrong steps too
	noisy  bool // children report garbage, and live long

	loads    []core.Request
	opens    []core.Action
	starts   []core.Action
	wakeups  []core.Action
	sent     []core.Request
	kids     []*kid
	watched  []core.ServiceID
	services []core.ServiceID
}

func newDriver(t *rapid.T) *driver {
	o := core.MachineOptions{
		InitMode:    below(t, 4, "init") == 0,
		GroupLeader: below(t, 4, "leader") != 0,
		Verbose:     rapid.Bool().Draw(t, "verbose"),
		ExitSet:     below(t, 10, "exit") == 0,
		Strict:      true,
	}
	if o.ExitSet {
		o.ExitAfter = core.Duration(below(t, 3001, "exit after")) * core.Second
	}
	origin := core.Time(below(t, 6, "origin")) * core.Time(core.Second)
	d := &driver{pair: newPair(origin, o, t.Fatalf), t: t}
	d.noisy = below(t, 8, "noisy") == 7
	d.loads = []core.Request{0}
	return d
}

func (d *driver) below(n int, name string) int { return below(d.t, n, name) }

// below draws evenly. rapid's own ranges prefer small numbers, which makes rare
// what stands last in a list and common what was meant to be rare.
func below(t *rapid.T, n int, name string) int {
	x := 0
	for bits := 1; bits < 4*n; bits *= 2 {
		x *= 2
		if rapid.Bool().Draw(t, name) {
			x++
		}
	}
	return x % n
}

// take removes one of the things owed, chosen by chance.
func take[T any](d *driver, from *[]T, name string) T {
	i := d.below(len(*from), name)
	x := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return x
}

// step lets some time pass and one thing happen.
func (d *driver) step() {
	d.pass()
	d.feed(d.event())
}

func (d *driver) pass() {
	switch d.below(10, "time") {
	case 0, 1, 2:
		d.now = d.now.Add(core.Millisecond)
	case 3:
		d.now = d.now.Add(core.Duration(d.below(7, "seconds")) * core.Second)
	case 4:
		d.now = d.now.Add(core.Duration(d.below(1100, "many seconds")) * core.Second)
	}
}

// event chooses what happens next, among what may.
func (d *driver) event() core.Event {
	type choice struct {
		weight int
		able   bool
		make   func() core.Event
	}
	exits := 6
	if d.noisy {
		exits = 1
	}
	booted := len(d.services) > 0 || d.machine.View().Running
	choices := []choice{
		{4, len(d.loads) > 0, d.answerLoad},
		{8, len(d.opens) > 0, d.answerOpen},
		{8, len(d.starts) > 0, d.answerStart},
		{4, len(d.wakeups) > 0, d.answerWakeup},
		{2, len(d.sent) > 0, func() core.Event { return core.WakeupClosedEvent(take(d, &d.sent, "closed")) }},
		{8, booted && len(d.watched) > 0, func() core.Event { return core.ListenerReadyEvent(d.watched[d.below(len(d.watched), "ready")]) }},
		{1, len(d.services) > 0, func() core.Event { return core.ListenerReadyEvent(d.services[d.below(len(d.services), "late")]) }},
		{12, len(d.kids) > 0, d.report},
		{exits, len(d.kids) > 0, d.exit},
		{1, len(d.kids) > 0, d.closeChannel},
		{1, len(d.kids) > 0, d.stop},
		{1, booted, func() core.Event { return core.ChildExitedEvent(0, core.PID(9000+d.below(3, "stranger")), d.status()) }},
		{3, booted, func() core.Event { return core.SignalReceivedEvent(core.SIGHUP) }},
		{6, true, d.expire},
	}
	if booted && d.below(400, "deadly") == 0 {
		all := []core.Signal{core.SIGINT, core.SIGQUIT, core.SIGILL, core.SIGBUS, core.SIGSEGV, core.SIGTERM, 10, 12}
		return core.SignalReceivedEvent(all[d.below(len(all), "signal")])
	}
	sum := 0
	for _, c := range choices {
		if c.able {
			sum += c.weight
		}
	}
	at := d.below(sum, "event")
	for _, c := range choices {
		if c.able {
			if at -= c.weight; at < 0 {
				return c.make()
			}
		}
	}
	panic("weights do not add up")
}

// expire moves to the deadline, or delivers a timer that is early or late.
func (d *driver) expire() core.Event {
	if at, ok := d.machine.Deadline(); ok && at > d.now && d.below(5, "early") != 0 {
		d.now = at
	}
	return core.TimerExpiredEvent()
}

func (d *driver) answerLoad() core.Event {
	r := take(d, &d.loads, "load")
	if d.below(12, "rejected") == 0 {
		c := &core.Config{Diagnostics: []core.Diagnostic{
			{Severity: core.Warning, Text: "odd"}, {Severity: core.Error, Text: "wrong"},
		}}
		return core.ConfigRejectedEvent(r, c)
	}
	for {
		c := drawConfig(d.t)
		if core.ConfigFault(c) == "" {
			return core.ConfigLoadedEvent(r, c)
		}
	}
}

func (d *driver) answerOpen() core.Event {
	a := take(d, &d.opens, "open")
	if d.below(20, "in vain") == 19 {
		return core.ListenerFailedEvent(a.Service, a.Listener, core.StepBind, core.EADDRINUSE)
	}
	return core.ListenerOpenedEvent(a.Service, a.Listener)
}

func (d *driver) answerStart() core.Event {
	a := take(d, &d.starts, "start")
	if d.below(8, "failed") == 0 {
		step := []core.StartStep{core.StartChannel, core.StartFork, core.StartExec}[d.below(3, "failed step")]
		return core.ChildStartFailedEvent(a.Service, a.Generation, step, core.EAGAIN)
	}
	k := &kid{generation: a.Generation, service: a.Service, pid: d.freePID()}
	d.kids = append(d.kids, k)
	return core.ChildStartedEvent(a.Service, a.Generation, k.pid)
}

// freePID reuses pids as soon as they are free.
func (d *driver) freePID() core.PID {
	for pid := core.PID(2); ; pid++ {
		if !slices.ContainsFunc(d.kids, func(k *kid) bool { return k.pid == pid }) {
			return pid
		}
	}
}

func (d *driver) answerWakeup() core.Event {
	a := take(d, &d.wakeups, "wakeup")
	if d.below(4, "wakeup failed") == 0 {
		return core.WakeupFailedEvent(a.Request, core.ECONNREFUSED)
	}
	if a.Entry.Type != core.FIFO {
		d.sent = append(d.sent, a.Request)
	}
	return core.WakeupSentEvent(a.Request)
}

func (d *driver) kid(name string) *kid { return d.kids[d.below(len(d.kids), name)] }

// report is mostly a change of state, sometimes garbage.
func (d *driver) report() core.Event {
	k := d.kid("reporter")
	kinds := 20
	if d.noisy {
		k, kinds = d.kids[0], 5
	}
	msg := wire.Message{PID: int32(k.pid), Generation: uint32(k.generation), Status: wire.Taken}
	n := wire.StatusSize
	if k.taken {
		msg.Status = wire.Available
	}
	good := false
	switch d.below(kinds, "garbage") {
	case 0:
		msg.PID = int32(d.below(6, "foreign pid"))
	case 1:
		msg.Generation = uint32(d.below(9, "other generation"))
	case 2:
		msg.Status = wire.Status(rapid.Int32Range(-2, 3).Draw(d.t, "odd status"))
	case 3:
		n = 1 + d.below(wire.StatusSize, "length")
	case 4:
		msg.Status = 1 - msg.Status // what is known already
	default:
		good = true
	}
	if good {
		k.taken = !k.taken
	}
	var b [wire.StatusSize]byte
	copy(b[:], msg.Append(nil)[:n])
	return core.StatusReceivedEvent(k.generation, b, n)
}

func (d *driver) status() core.ExitStatus {
	all := []core.ExitStatus{
		0, 0, 0, core.ExitedWith(1), core.KilledBy(core.SIGTERM), core.KilledBy(core.SIGKILL), core.KilledBy(core.SIGSEGV),
	}
	return all[d.below(len(all), "status")]
}

func (d *driver) exit() core.Event {
	k := take(d, &d.kids, "exit")
	return core.ChildExitedEvent(k.generation, k.pid, d.status())
}

func (d *driver) closeChannel() core.Event {
	k := d.kid("closer")
	if k.closed || k.retired {
		return core.TimerExpiredEvent()
	}
	k.closed = true
	return core.ChildChannelClosedEvent(k.generation)
}

func (d *driver) stop() core.Event {
	k := d.kid("stopped")
	return core.ChildStoppedEvent(k.generation, k.pid, 19)
}

// feed passes the event to machine and model, shows the model a wrong step too if
// wanted, and remembers what the driver owes now.
func (d *driver) feed(ev core.Event) {
	before := d.model.Clone()
	actions := d.pair.feed(ev)
	if d.tamper && len(actions) > 0 {
		d.tamperWith(before, ev, actions)
	}
	for i := range actions {
		d.carryOut(&actions[i])
	}
}

// tamperWith repeats one action, and leaves one out if no rule makes it
// optional.
func (d *driver) tamperWith(before *model.Model, ev core.Event, actions []core.Action) {
	at := d.below(len(actions), "tampered")
	a := actions[at]
	atEnd := ev.Kind == core.TimerExpired && slices.ContainsFunc(actions, func(a core.Action) bool { return a.Kind == core.Exit })
	// The line about a wakeup does not say which one it is: at the end, when not all
	// that is due need be done, two of them may be those of two wakeups.
	ofAnother := atEnd && (a.Code == core.LogWakeupTimeout || a.Code == core.LogWakeupFailed)
	if !ofAnother && before.Clone().Observe(d.now, ev, slices.Insert(slices.Clone(actions), at, a)) == nil {
		d.fatal("repeated", fmt.Errorf("%v code %d passed twice", a.Kind, a.Code))
	}
	if atEnd && a.Code != core.LogExitTime && a.Kind != core.Exit {
		return // what else was due at the end need not be done
	}
	switch a.Kind {
	case core.OpenListener, core.AbandonListener, core.CloseWakeup, core.SignalGroup, core.WakeService:
		return // asked for now or later; or allowed, as a rule of the model says
	case core.SignalChild, core.IgnoreListener:
		if ev.Kind == core.SignalReceived || ev.Kind == core.ListenerOpened || ev.Kind == core.ConfigLoaded {
			return // the group signal reaches children too; a listener that is closed need not be ignored
		}
	case core.Log:
		switch a.Code {
		case core.LogListenFailed, core.LogListenRemedy, core.LogRemovalKilled, core.LogWakeupFailed, core.LogWakeupTimeout,
			core.LogForkFailed, core.LogChannelFailed, core.LogExecFailed:
			return // one of several is enough; or the service was removed
		}
	}
	if before.Clone().Observe(d.now, ev, slices.Delete(slices.Clone(actions), at, at+1)) == nil {
		d.fatal("left out", fmt.Errorf("%v code %d was not missed", a.Kind, a.Code))
	}
}

// carryOut remembers what an action makes the driver owe.
func (d *driver) carryOut(a *core.Action) {
	drop := func(list []core.ServiceID) []core.ServiceID {
		return slices.DeleteFunc(list, func(s core.ServiceID) bool { return s == a.Service })
	}
	switch a.Kind {
	case core.LoadConfig:
		d.loads = append(d.loads, a.Request)
	case core.OpenListener:
		d.opens = append(d.opens, *a)
	case core.StartChild:
		d.starts = append(d.starts, *a)
	case core.WakeService:
		d.wakeups = append(d.wakeups, *a)
	case core.CloseWakeup:
		d.wakeups = slices.DeleteFunc(d.wakeups, func(w core.Action) bool { return w.Request == a.Request })
		d.sent = slices.DeleteFunc(d.sent, func(r core.Request) bool { return r == a.Request })
	case core.WatchListener:
		d.watched = append(d.watched, a.Service)
		if !slices.Contains(d.services, a.Service) {
			d.services = append(d.services, a.Service)
		}
	case core.IgnoreListener, core.CloseListener, core.MoveListener:
		d.watched = drop(d.watched)
		if a.Kind != core.IgnoreListener {
			d.services = drop(d.services)
		}
	case core.RetireChild:
		for _, k := range d.kids {
			k.retired = k.retired || k.generation == a.Generation
		}
	}
}

// While those who leave are believed to, a start takes no last slot. That stays so
// when the service is removed: what was read of the past must not change.
func TestRemovalChangesNoStressModeOfBefore(t *testing.T) {
	p := newPair(0, core.MachineOptions{GroupLeader: true}, t.Fatalf)
	entry := func(name string) core.ServiceConfig {
		return core.ServiceConfig{
			Name: name, Canonical: "private/" + name, Type: core.Unix, Endpoints: []core.Endpoint{{Path: "private/" + name}},
			Line: 1, ProcessLimit: 2, ThrottleDelay: core.Second, Path: "/d/" + name,
		}
	}
	reload := func(r core.Request, services ...core.ServiceConfig) {
		p.feed(core.SignalReceivedEvent(core.SIGHUP))
		p.feed(core.ConfigLoadedEvent(r, storyConfig(services...)))
	}
	p.feed(core.ConfigLoadedEvent(0, storyConfig(entry("a"), entry("b"))))
	p.feed(core.ListenerOpenedEvent(1, 0))
	p.feed(core.ListenerOpenedEvent(2, 0))
	p.feed(core.ListenerReadyEvent(1))
	p.feed(core.ChildStartedEvent(1, 1, 101))
	reload(1, entry("a"), entry("b"))
	p.feed(core.ListenerReadyEvent(1))
	p.feed(core.ChildStartedEvent(1, 2, 102))
	reload(2, entry("b"))
	if s := p.machine.View().Services[1]; s.ID != 1 || s.State != core.StateStopping || s.Total != 2 || s.StressUntil != 0 {
		t.Errorf("got %+v", s)
	}
}
