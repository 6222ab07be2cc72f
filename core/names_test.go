package core

import "testing"

// Every number that has a name has one of its own, and the numbers behind the
// last are called unknown.
func TestEveryNumberHasItsName(t *testing.T) {
	lists := map[string][]string{}
	for k := range numEventKinds {
		lists["event kind"] = append(lists["event kind"], k.String())
	}
	for k := range numActionKinds {
		lists["action kind"] = append(lists["action kind"], k.String())
	}
	for s := StateOpening; s < numStates; s++ {
		lists["state"] = append(lists["state"], s.String())
	}
	for l := range LevelPanic + 1 {
		lists["level"] = append(lists["level"], l.String())
	}
	for k := Inet; k < numServiceTypes; k++ {
		lists["type"] = append(lists["type"], k.String())
	}
	for what, names := range lists {
		seen := map[string]bool{}
		for n, name := range names {
			if name == "" || name == "unknown" || seen[name] {
				t.Errorf("%s, the %d. of the list: got %q", what, n, name)
			}
			seen[name] = true
		}
	}
	for what, got := range map[string]string{
		"event kind": numEventKinds.String(), "action kind": numActionKinds.String(), "state": numStates.String(),
		"no state": State(0).String(), "level": (LevelPanic + 1).String(), "type": numServiceTypes.String(), "no type": ServiceType(0).String(),
	} {
		if got != "unknown" {
			t.Errorf("%s: got %q, want unknown", what, got)
		}
	}
}

func TestServiceTypesAreParsedByTheirExactWords(t *testing.T) {
	for k := Inet; k < numServiceTypes; k++ {
		if got, ok := ParseServiceType(k.String()); !ok || got != k {
			t.Errorf("%v: got %v %v", k, got, ok)
		}
	}
	for _, word := range []string{"", "INET", "unknown", "uni", "unix-dgra"} {
		if got, ok := ParseServiceType(word); ok {
			t.Errorf("%q: got %v", word, got)
		}
	}
}

func TestErrorNumbersHaveTheWordsOfTheLibrary(t *testing.T) {
	for e, want := range map[Errno]string{
		0: "Success", EPERM: "Operation not permitted", ECONNREFUSED: "Connection refused", 133: "Memory page has hardware error",
		41: "Unknown error 41", 134: "Unknown error 134", 65535: "Unknown error 65535",
	} {
		if got := e.String(); got != want {
			t.Errorf("%d: got %q, want %q", uint16(e), got, want)
		}
		if e.Error() != e.String() {
			t.Errorf("%d: the error is %q", uint16(e), e.Error())
		}
	}
}

func TestDurationsCountNanoseconds(t *testing.T) {
	for d, want := range map[Duration]int64{Nanosecond: 1, Microsecond: 1_000, Millisecond: 1_000_000, Second: 1_000_000_000} {
		if int64(d) != want {
			t.Errorf("got %d, want %d", int64(d), want)
		}
	}
	if got := (90 * Second).Seconds(); got != 90 {
		t.Errorf("got %d s", got)
	}
	if got := Time(5).Add(Second).Sub(Time(5)); got != Second {
		t.Errorf("got %d", got)
	}
}
