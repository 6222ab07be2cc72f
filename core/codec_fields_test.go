package core

import (
	"reflect"
	"testing"

	"github.com/stationmaster/stationmaster/core/wire"
)

// fill sets a field to a value that is not zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("words")
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Array:
		fill(t, v.Index(0))
	case reflect.Pointer:
		switch v.Interface().(type) {
		case *Config:
			v.Set(reflect.ValueOf(conf(unix("b", 1))))
		case *ServiceConfig:
			s := unix("a", 1)
			v.Set(reflect.ValueOf(&s))
		default:
			t.Fatalf("no value for a %v", v.Type())
		}
	default:
		t.Fatalf("no value for a %v", v.Type())
	}
}

// eventWith returns an event with only field i set; Bytes come with their count.
func eventWith(t *testing.T, i int) Event {
	t.Helper()
	var ev Event
	fill(t, reflect.ValueOf(&ev).Elem().Field(i))
	if ev.Bytes != [wire.StatusSize]byte{} {
		ev.N = 1
	}
	return ev
}

// A field of Event that is missing from the walk would be lost from recordings, traces
// and hashes, and Strict would accept it in any event.
func TestEveryFieldOfAnEventIsWalked(t *testing.T) {
	var seen field
	zero := (&Event{}).Hash(0)
	for i, f := range reflect.VisibleFields(reflect.TypeFor[Event]()) {
		ev := eventWith(t, i)
		if ev.Hash(0) == zero {
			t.Errorf("%s is in no hash", f.Name)
		}
		if f.Name == "Kind" || f.Name == "N" { // N belongs to Bytes
			continue
		}
		find := fieldWalk{task: taskFind, visit: allFields}
		find.event(&ev)
		if find.met == 0 || find.met&(find.met-1) != 0 || find.met&seen != 0 {
			t.Errorf("%s is found as %b, others as %b", f.Name, find.met, seen)
		}
		seen |= find.met
		ev.Kind = TimerExpired
		if ev.wellFormed() {
			t.Errorf("%s passes in an event that does not use it", f.Name)
		}
		if text := eventText(&ev, find.met); text == "" {
			t.Errorf("%s is in no trace", f.Name)
		}
		if got := eventReadAgain(t, &ev, find.met); !sameButSettings(t, &got, &ev) {
			t.Errorf("%s: got %+v, want %+v", f.Name, got, ev)
		}
	}
}

func eventText(ev *Event, f field) string {
	w := fieldWalk{task: taskTell, dense: true, visit: f}
	w.event(ev)
	return string(w.b)
}

func eventReadAgain(t *testing.T, ev *Event, f field) Event {
	t.Helper()
	write := fieldWalk{refs: &References{}, dense: true, visit: f}
	write.event(ev)
	read := fieldWalk{codec: codec{b: write.b, reading: true}, refs: &References{}, dense: true, visit: f}
	got := Event{Kind: ev.Kind}
	if read.event(&got); read.err != nil || len(read.b) != 0 {
		t.Errorf("%v, %d bytes are left", read.err, len(read.b))
	}
	return got
}

// sameButSettings compares two events or actions. Settings are equal if their first
// names are; got then takes over those of want.
func sameButSettings[T Event | Action](t *testing.T, got, want *T) bool {
	t.Helper()
	g, w := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
	for i := range g.NumField() {
		switch x := g.Field(i).Interface().(type) {
		case *Config:
			if y := w.Field(i).Interface().(*Config); x != nil && y != nil && x.Services[0].Name == y.Services[0].Name {
				g.Field(i).Set(w.Field(i))
			}
		case *ServiceConfig:
			if y := w.Field(i).Interface().(*ServiceConfig); x != nil && y != nil && x.Name == y.Name && x.Path == y.Path {
				g.Field(i).Set(w.Field(i))
			}
		}
	}
	return *got == *want
}

// Each field on its own, so that none hides behind another.
func TestEveryFieldOfAnActionIsReadAsItWasWritten(t *testing.T) {
	var seen field
	zero := (&Action{}).Hash(0)
	for i, f := range reflect.VisibleFields(reflect.TypeFor[Action]()) {
		var a Action
		fill(t, reflect.ValueOf(&a).Elem().Field(i))
		if a.Hash(0) == zero {
			t.Errorf("%s is in no hash", f.Name)
		}
		if f.Name == "Kind" {
			continue
		}
		find := fieldWalk{task: taskFind, visit: allFields}
		find.action(&a)
		if find.met == 0 || find.met&(find.met-1) != 0 || find.met&seen != 0 {
			t.Errorf("%s is found as %b, others as %b", f.Name, find.met, seen)
		}
		seen |= find.met
		a.Kind = OpenListener
		var w, r References
		b := w.AppendAction(nil, &a)
		got, rest, err := r.ReadAction(b)
		if err != nil || len(rest) != 0 {
			t.Errorf("%s: %v, %d bytes are left", f.Name, err, len(rest))
			continue
		}
		if !sameButSettings(t, &got, &a) {
			t.Errorf("%s: got %+v, want %+v", f.Name, got, a)
		}
	}
	var w References
	if b := w.AppendAction(nil, &Action{Kind: OpenListener}); len(b) != MinActionSize {
		t.Errorf("an action without fields takes %d bytes", len(b))
	}
}

func TestEveryFieldHasOneNameInTraces(t *testing.T) {
	var named field
	for _, f := range fieldNames {
		if f.name == "" || named&f.field != 0 {
			t.Errorf("%b is named %q", f.field, f.name)
		}
		named |= f.field
	}
	if named != allFields {
		t.Errorf("no name for %b", allFields&^named)
	}
}

// The set of an action's fields stands before them, in as many bytes as it needs.
func TestSetsOfAnySizeAreRead(t *testing.T) {
	s := unix("a", 1)
	a := Action{
		Kind: SignalChild, Service: 1, Generation: 2, Entry: &s, PID: 3, Code: LogExited, Level: LevelInfo, Signal: 4, Status: 5, Number: 6, Flag: true,
		Request: 7, Text: "words", To: 8, ToListener: 9, ListenStep: StepBind, StartStep: StartFork, Errno: EIO,
	}
	var w, r References
	got, rest, err := r.ReadAction(append(w.AppendAction([]byte{1, 2, 3}, &a)[3:], 0xee))
	if err != nil || len(rest) != 1 || !sameButSettings(t, &got, &a) {
		t.Errorf("got %+v, %v, %d bytes are left", got, err, len(rest))
	}
}
