package fuzz

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stationmaster/stationmaster/core"
)

// longAgo is a time after which clients that waited have no effect any more.
const longAgo = 1001 * core.Second

// identity is what makes two entries one service.
type identity struct {
	canonical string
	kind      core.ServiceType
}

func identities(c *core.Config) map[identity]*core.ServiceConfig {
	ids := make(map[identity]*core.ServiceConfig, len(c.Services))
	for i := range c.Services {
		s := &c.Services[i]
		ids[identity{s.Canonical, s.Type}] = s
	}
	return ids
}

// orderly reports whether no two services want one address, in either
// configuration, and none changes its own: only then do files and addresses
// depend on nothing but the configuration in force.
func orderly(a, b *core.Config) bool {
	for _, c := range []*core.Config{a, b} {
		seen := map[core.Endpoint]bool{}
		for i := range c.Services {
			for _, end := range c.Services[i].Endpoints {
				if seen[end] {
					return false
				}
				seen[end] = true
			}
		}
	}
	return steady(a, b)
}

// steady reports whether no service of both configurations changes its addresses.
func steady(a, b *core.Config) bool {
	other := identities(b)
	for i := range a.Services {
		s := &a.Services[i]
		if o := other[identity{s.Canonical, s.Type}]; o != nil && !sameEndpoints(s, o) {
			return false
		}
	}
	return true
}

func sameEndpoints(a, b *core.ServiceConfig) bool {
	if len(a.Endpoints) != len(b.Endpoints) {
		return false
	}
	for i := range a.Endpoints {
		if a.Endpoints[i] != b.Endpoints[i] {
			return false
		}
	}
	return true
}

// live lets clients come, servers report and time pass.
func (h *honest) live(r *reader) {
	for range r.below(16) {
		switch what := r.byte(); what >> 5 {
		case 0, 1, 2:
			if v := h.m.View(); len(v.Services) > 0 {
				h.step(core.ListenerReadyEvent(v.Services[int(what&31)%len(v.Services)].ID))
			}
		case 3, 4:
			if len(h.children) > 0 {
				h.report(int(what&31) % len(h.children))
			}
		case 5:
			h.late = what&1 != 0
		case 6:
			h.now = h.now.Add(core.Duration(what&31) * core.Second)
			h.step(core.TimerExpiredEvent())
		case 7:
			h.answerAll()
		}
	}
}

// pair are two configurations and a machine that goes from one to the other.
type pair struct {
	*honest
	canon  *core.Canon
	steady bool // see steady
	astray bool // not steady, and a service began anew at its new addresses
}

// form is the situation of the machine, without the numbers that only count:
// see core.Canon.
func (p *pair) form() []byte { return p.canon.Append(nil, p.m) }

// rest answers everything, ends the children that were sent a signal, and lets what
// is remembered of the past expire.
func (p *pair) rest() {
	p.answerAll()
	p.bury()
	p.now = p.now.Add(longAgo)
	p.step(core.TimerExpiredEvent())
}

// plan checks the plan to load c against the two configurations.
func (p *pair) plan(now, c *core.Config) {
	p.t.Helper()
	plan := p.m.Plan(c)
	before, after := identities(now), identities(c)
	if !p.steady { // the files are not those that the configurations name
		for i := range plan.Entries {
			e := &plan.Entries[i]
			p.astray = p.astray || e.Kept == 0 && before[identity{e.Entry.Canonical, e.Entry.Type}] != nil
		}
		return
	}
	robbed := 0
	for i := range plan.Entries {
		e := &plan.Entries[i]
		old := before[identity{e.Entry.Canonical, e.Entry.Type}]
		anew := old != nil && p.robbed(old, after)
		if anew {
			robbed++
		}
		if (old != nil && !anew) != (e.Kept != 0) {
			p.t.Fatalf("%s is kept: %v", e.Entry.Name, e.Kept != 0)
		} else if old != nil && e.Changed && sameSettings(old, e.Entry) {
			p.t.Fatalf("%s would change from %+v to %+v", e.Entry.Name, old, e.Entry)
		}
	}
	removed := robbed
	for id := range before {
		if after[id] == nil {
			removed++
		}
	}
	if len(plan.Removed) != removed || len(plan.Entries) != len(c.Services) {
		p.t.Fatalf("%d of %d entries, %d removed where %d go", len(plan.Entries), len(c.Services), len(plan.Removed), removed)
	}
}

// robbed reports whether the file at a path of the service belongs to a service that
// the next configuration does not have: clients could not reach the service any more.
func (p *pair) robbed(s *core.ServiceConfig, after map[identity]*core.ServiceConfig) bool {
	for _, end := range s.Endpoints {
		owner := p.files[end.Path].service
		for _, v := range p.m.View().Services {
			if end.Path != "" && v.ID == owner && after[identity{v.Canonical, v.Type}] == nil {
				return true
			}
		}
	}
	return false
}

// reached checks that every path of the configuration leads to one of its services.
func (p *pair) reached(c *core.Config) {
	p.t.Helper()
	if !p.steady {
		return
	}
	in := identities(c)
	for i := range c.Services {
		for _, end := range c.Services[i].Endpoints {
			found := end.Path == ""
			for _, v := range p.m.View().Services {
				found = found || v.ID == p.files[end.Path].service && in[identity{v.Canonical, v.Type}] != nil
			}
			if !found {
				p.t.Fatalf("nobody is reached at %s", end)
			}
		}
	}
}

// sameSettings compares what configurations of this package can differ in.
func sameSettings(a, b *core.ServiceConfig) bool {
	return a.Unprivileged == b.Unprivileged && a.Chroot == b.Chroot && a.LocalOnly == b.LocalOnly && a.Path == b.Path &&
		a.WakeupInterval == b.WakeupInterval && a.WakeupIfUsed == b.WakeupIfUsed && a.ProcessLimit == b.ProcessLimit &&
		a.ThrottleDelay == b.ThrottleDelay && a.Name == b.Name
}

// same loads a configuration equal to the one in force: every listener stays, no
// setting changes, every child is cut off, once.
func (p *pair) same(a, again *core.Config) {
	p.t.Helper()
	p.plan(a, again)
	plan := p.m.Plan(again)
	for i := range plan.Entries {
		if e := &plan.Entries[i]; e.Changed || e.Kept == 0 {
			p.t.Fatalf("a reload of the same changes %s", e.Entry.Name)
		}
	}
	p.answerAll()
	living := 0
	for i := range p.children {
		if !p.children[i].retired {
			living++
		}
	}
	p.reload(again)
	n := p.countActions()
	if touched := n[core.OpenListener] + n[core.CloseListener] + n[core.MoveListener] + n[core.AbandonListener] + n[core.CommitListener]; touched > 0 {
		p.t.Fatalf("a reload of the same touches %d listeners", touched)
	}
	if n[core.ApplyConfig] != 1 || n[core.RetireChild] != living || n[core.SignalChild] != 0 {
		p.t.Fatalf("a reload of the same applied %d, cut off %d of %d children and signalled %d",
			n[core.ApplyConfig], n[core.RetireChild], living, n[core.SignalChild])
	}
}

// inVain loads a configuration whose first listener cannot be opened, if it wants
// one: nothing changes.
func (p *pair) inVain(c *core.Config) {
	p.t.Helper()
	wants := false
	for _, e := range p.m.Plan(c).Entries {
		for _, end := range e.Endpoints {
			wants = wants || end.How == core.AcquireOpen || end.How == core.AcquireDisplace
		}
	}
	if !wants {
		return
	}
	before, listeners, files := p.form(), fmt.Sprint(p.listeners), fmt.Sprint(p.files)
	p.refuse = 1
	p.reload(c)
	if got := p.form(); !bytes.Equal(got, before) {
		p.t.Fatalf("a reload in vain leaves\n%x, before\n%x", got, before)
	}
	if p.orderly && (fmt.Sprint(p.listeners) != listeners || fmt.Sprint(p.files) != files) {
		p.t.Fatalf("a reload in vain leaves\n%v\n%v\nbefore\n%s\n%s", p.listeners, p.files, listeners, files)
	}
}

// numbers are those of the services in force, by their identities.
func (h *honest) numbers() map[identity]core.ServiceID {
	ids := map[identity]core.ServiceID{}
	for _, v := range h.m.View().Services {
		if v.State != core.StateStopping {
			ids[identity{v.Canonical, v.Type}] = v.ID
		}
	}
	return ids
}

// grown returns a machine that came to have the services of back one load after
// the other: those that the pair has had since the start with a, those that it made
// when it loaded b, and the rest. Where services share an address, the one that took
// it last has it, so their order counts, and it is not that of a machine that was
// started with all of them at once.
func (p *pair) grown(configs *arena, a, b, back *core.Config, atStart, atB map[identity]core.ServiceID) *pair {
	g := &pair{honest: newHonest(p.t, core.MachineOptions{}), canon: p.canon}
	wanted, atEnd := identities(back), p.numbers()
	made := map[identity]bool{}
	var services []core.ServiceConfig
	for i, load := range []struct {
		config *core.Config
		made   map[identity]core.ServiceID
	}{{a, atStart}, {b, atB}} {
		for k := range load.config.Services {
			id := identity{load.config.Services[k].Canonical, load.config.Services[k].Type}
			if e := wanted[id]; e != nil && !made[id] && load.made[id] == atEnd[id] {
				made[id] = true
				services = append(services, *e)
			}
		}
		some := configs.fresh()
		some.ReloadClearsThrottle = back.ReloadClearsThrottle
		some.Services = append(some.Services, services...)
		if i == 0 {
			g.step(core.ConfigLoadedEvent(0, some))
		} else {
			g.reload(some)
		}
	}
	g.reload(back)
	g.rest()
	return g
}

// FuzzReloadPlan goes from a configuration a to b and back to a. The state in
// the end is that of a machine that was started with a: the same services with
// the same settings on the same listeners, counts, timers, held by nobody; see
// core.Canon for what a state is. Where services share an address it is that of a
// machine that came to have them in the same order; see grown. It is looked at when all children that were
// cut off are gone, and after longAgo, so that no warning and no stress is
// remembered. Before, a is loaded again, and b is loaded in vain. Wakeups,
// clients and servers go on as life says.
func FuzzReloadPlan(f *testing.F) {
	f.Fuzz(func(t *testing.T, a, b, life []byte) { thereAndBack(t, a, b, life) })
}

func thereAndBack(t testing.TB, a, b, life []byte) {
	var configs arena
	first := (&reader{a}).config(&configs)
	second := (&reader{b}).config(&configs)
	p := &pair{honest: newHonest(t, core.MachineOptions{})}
	p.step(core.ConfigLoadedEvent(0, first))
	if fault := core.ConfigFault(first); fault != "" {
		if !p.ended || p.countActions()[core.OpenListener] > 0 {
			t.Fatalf("started in spite of %s", fault)
		}
		return
	}
	again, back := configs.again(0), configs.again(0)
	p.canon = core.NewCanon(first, second, again, back)
	p.steady, p.orderly = steady(first, second), orderly(first, second)
	twin := &pair{honest: newHonest(t, core.MachineOptions{}), canon: p.canon}
	twin.step(core.ConfigLoadedEvent(0, first))
	twin.rest()
	r := &reader{life}
	p.live(r)
	p.same(first, again)
	p.live(r)
	if fault := core.ConfigFault(second); fault != "" {
		before := p.form()
		p.reload(second)
		if got := p.form(); !bytes.Equal(got, before) {
			t.Fatalf("refused (%s), and yet\n%x, before\n%x", fault, got, before)
		}
		return
	}
	p.inVain(second)
	p.plan(again, second)
	atStart := p.numbers()
	p.reload(second)
	atB := p.numbers()
	p.reached(second)
	if r.below(2) == 1 {
		p.bury()
	}
	p.live(r)
	p.plan(second, back)
	p.reload(back)
	p.reached(back)
	p.rest()
	if p.orderly {
		if err := p.inOrder(first); err != nil {
			t.Fatal(err)
		}
	}
	if !p.orderly && !p.astray {
		twin = p.grown(&configs, first, second, back, atStart, atB)
	}
	if got, want := p.form(), twin.form(); !p.astray && !bytes.Equal(got, want) {
		t.Fatalf("back from b:\n%x\n%+v\nstarted with a:\n%x\n%+v", got, p.m.View(), want, twin.m.View())
	}
}
