package core

import (
	"bytes"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"unsafe"
)

// A fixture provides non-zero values for the fields of a machine.
type fixture struct {
	config *Config
	entry  *ServiceConfig
	plan   *Plan
	other  *service
}

func newFixture() *fixture {
	config := conf(unix("a", 1), with(unix("b", 2), func(s *ServiceConfig) { s.Endpoints = append(s.Endpoints, Endpoint{Path: "c"}) }))
	return &fixture{config: config, entry: &config.Services[1], plan: &Plan{Config: config}, other: &service{id: 77, entry: &config.Services[0], endpoints: config.Services[0].Endpoints}}
}

// service returns a service that refers only to the fixture.
func (x *fixture) service() *service {
	s := &service{id: 5, entry: &x.config.Services[0], endpoints: x.config.Services[0].Endpoints, listeners: make([]listenerState, 1), life: lifeStopping}
	s.initTimers()
	return s
}

// set sets a field, exported or not, to a value that is not zero.
func (x *fixture) set(t *testing.T, v reflect.Value) {
	t.Helper()
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	switch v.Interface().(type) {
	case *Config:
		v.Set(reflect.ValueOf(x.config))
	case *ServiceConfig:
		v.Set(reflect.ValueOf(x.entry))
	case *Plan:
		v.Set(reflect.ValueOf(x.plan))
	case []Endpoint:
		v.Set(reflect.ValueOf(x.entry.Endpoints))
	case []listenerState:
		v.Set(reflect.ValueOf([]listenerState{listenerOpen}))
	case []*service:
		v.Set(reflect.ValueOf([]*service{x.other}))
	case *child:
		v.Set(reflect.ValueOf(&child{generation: 9, entry: x.entry}))
	case *wakeup:
		v.Set(reflect.ValueOf(&wakeup{request: 9, entry: x.entry}))
	case []failure:
		v.Set(reflect.ValueOf([]failure{{entry: x.entry}}))
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("[::1]:25")))
	case timer:
		v.Set(reflect.ValueOf(timer{when: 5, pos: 1}))
	default:
		x.setByKind(t, v)
	}
}

func (x *fixture) setByKind(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	default:
		t.Fatalf("no value for a %v", v.Type())
	}
}

// remembered checks that each field of T changes the snapshot or the canonical form,
// unless follow says that it follows from other fields. write writes one form.
func remembered[T any](t *testing.T, x *fixture, make func() *T, write func(w *machineWalk, v *T), follow ...string) {
	t.Helper()
	forms := func(v *T) []byte {
		snapshot := machineWalk{m: &Machine{}, refs: &References{}}
		snapshot.refs.addConfig(x.config, true)
		write(&snapshot, v)
		canon := machineWalk{m: &Machine{}, canon: NewCanon(x.config), all: []*service{x.other}}
		write(&canon, v)
		return append(snapshot.c.b, canon.c.b...)
	}
	want := forms(make())
	for i, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		v := make()
		if slices.Contains(follow, f.Name) {
			continue
		}
		x.set(t, reflect.ValueOf(v).Elem().Field(i))
		if bytes.Equal(forms(v), want) {
			t.Errorf("%v: %s is not remembered", reflect.TypeFor[T](), f.Name)
		}
	}
}

// A field of the state that is missing from the walk would be lost on restore.
func TestEveryFieldOfAMachineIsWalked(t *testing.T) {
	x := newFixture()
	remembered(t, x, x.service, func(w *machineWalk, s *service) {
		w.all = append(w.all, s)
		w.service(s)
		w.m.timers.heap = nil
	}, "seq", "life", "dirty", "starved", "stoppingIndex", "starvedIndex", "last") // the lists of the machine tell the others
	remembered(t, x, func() *child { return &child{generation: 3, entry: x.other.entry} },
		func(w *machineWalk, k *child) { w.child(k) }, "service", "prev", "next")
	remembered(t, x, func() *wakeup { return &wakeup{request: 3, entry: x.other.entry} },
		func(w *machineWalk, k *wakeup) { w.wakeup(k) }, "service", "prev", "next")
	remembered(t, x, func() *transaction { return &transaction{} }, func(w *machineWalk, k *transaction) {
		w.m.reload = *k
		w.machine()
	})
	remembered(t, x, func() *failure { return &failure{entry: x.other.entry} }, func(w *machineWalk, f *failure) {
		w.m.reload.failed = []failure{*f}
		w.transaction(nil)
	})
	remembered(t, x, func() *Machine { return &Machine{} }, func(w *machineWalk, m *Machine) {
		w.m = m
		w.machine()
	}, "options", "reload", // on their own
		"services", "children", "wakeups", "timers", // what the services hold
		"live", "reserved", "listeners", // sums
		"dirty", "actions", "discard", "freeChildren", "freeWakeups") // of one step
}

// The same for the settings of a configuration.
func TestEverySettingIsWalked(t *testing.T) {
	x := newFixture()
	settings(t, x, (*codec).serviceConfig)
	settings(t, x, (*codec).config)
	settings(t, x, (*codec).diagnostic)
	settings(t, x, (*codec).account)
	settings(t, x, (*codec).endpoint)
	settings(t, x, (*codec).environmentItem)
	settings(t, x, (*codec).logSettings)
	settings(t, x, func(c *codec, o *MachineOptions) { c.options(o, false) })
}

func settings[T any](t *testing.T, x *fixture, walk func(*codec, *T)) {
	t.Helper()
	var zero codec
	walk(&zero, new(T))
	for i, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		v := new(T)
		if field := reflect.ValueOf(v).Elem().Field(i); field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[netip.AddrPort]() {
			x.set(t, field.Field(0))
		} else {
			x.set(t, field)
		}
		var c codec
		if walk(&c, v); bytes.Equal(c.b, zero.b) {
			t.Errorf("%v: %s is not encoded", reflect.TypeFor[T](), f.Name)
		}
	}
}

// A change of any setting of a service counts as a change of the service, except for
// the settings of its listeners and those that identify it.
func TestEverySettingOfAServiceIsAChangeOfIt(t *testing.T) {
	x := newFixture()
	for i, f := range reflect.VisibleFields(reflect.TypeFor[ServiceConfig]()) {
		a, b := unix("a", 1), unix("a", 1)
		if field := reflect.ValueOf(&b).Elem().Field(i); field.Kind() == reflect.Struct {
			x.set(t, field.Field(0))
		} else {
			x.set(t, field)
		}
		want := slices.Contains([]string{"Canonical", "Type", "Line", "Endpoints", "HostInName", "Backlog", "WindowSize", "ForegroundFlag", "VerboseFlag", "SwitchIdentity"}, f.Name)
		if got := a.sameSettings(&b); got != want {
			t.Errorf("%s: the settings are the same: %v", f.Name, got)
		}
	}
}
