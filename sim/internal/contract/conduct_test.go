package contract

import (
	"strings"
	"testing"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
)

// What a server may do and may not do is known from outside.
func TestContractIsHeldFromOutside(t *testing.T) {
	one := child.Settings{Skeleton: child.Single, MaxUse: 2, MaxIdle: core.Second}
	both := child.Settings{Skeleton: child.Multi, MaxClients: 2}
	used := child.Settings{Skeleton: child.Multi, MaxUse: 1}
	crowd := child.Settings{Skeleton: child.Multi, MaxClients: 2, RetireAfter: core.Second}
	aging := child.Settings{Skeleton: child.Single, RetireAfter: core.Second}
	connect := func(c *Conduct, now core.Time) string { return c.Accepts(now) }
	begin := func(c *Conduct, _ core.Time) string { c.Begins(); return "" }
	accept := func(c *Conduct, now core.Time) string { defer c.Begins(); return c.Accepts(now) }
	serve := func(c *Conduct, now core.Time) string { c.Serves(now); return "" }
	leave := func(c *Conduct, now core.Time) string { return c.Leaves(now) }
	stay := func(c *Conduct, now core.Time) string { return c.Stays(now) }
	taken := func(c *Conduct, now core.Time) string { return c.Reports(now, wire.Taken, 0) }
	available := func(c *Conduct, now core.Time) string { return c.Reports(now, wire.Available, 0) }
	cut := func(c *Conduct, now core.Time) string { c.Cut, c.Since = true, now; return "" }
	ask := func(c *Conduct, _ core.Time) string { c.RequestBegins(); return "" }
	answer := func(c *Conduct, _ core.Time) string { c.RequestEnds(); return "" }
	part := func(c *Conduct, now core.Time) string { c.Serves(now); c.Parting = true; return "" }
	told := func(c *Conduct, _ core.Time) string { c.Told = true; return "" }
	lock := func(c *Conduct, _ core.Time) string { return c.Locks() }
	fail := func(c *Conduct, _ core.Time) string { c.Failed = true; return "" }
	type act = func(*Conduct, core.Time) string
	for _, tc := range []struct {
		why  string
		set  child.Settings
		step core.Duration // between two acts
		acts []act
		want string
	}{
		{"the lock while all is well", one, 1, []act{lock, accept, taken, serve, lock}, ""},
		{"the lock after a failed report", one, 1, []act{lock, accept, cut, serve, told, lock}, "asks for the accept lock"},
		{"no lock, and a good end", one, 1, []act{lock, fail, leave}, "could not get the accept lock"},
		{"a session, and too early an end", one, 1, []act{accept, taken, serve, leave}, "without a reason"},
		{"max_use and the end", one, 1, []act{accept, serve, accept, serve, leave}, ""},
		{"max_use and no end", one, core.Second / 2, []act{accept, serve, accept, serve, stay}, "stays after max_use"},
		{"max_idle and the end", one, core.Second, []act{leave}, ""},
		{"max_idle and no end", one, 2 * core.Second, []act{stay}, "longer than max_idle"},
		{"taken without a client", one, 1, []act{taken}, "has no client"},
		{"two clients", one, 1, []act{accept, accept}, "while it serves another"},
		{"two clients of a concurrent server", both, 1, []act{accept, accept}, ""},
		{"three of them", both, 1, []act{accept, accept, accept}, "more clients at once"},
		{"available with two of them", both, 1, []act{accept, accept, available}, "can take no client"},
		{"available with a request in progress", both, 1, []act{accept, ask, available}, "while a request is in progress"},
		{"available after it", both, 1, []act{accept, ask, answer, available}, ""},
		{"room when a client leaves", crowd, 1, []act{accept, accept, part, available}, ""},
		{"no room when it is old", crowd, core.Second, []act{begin, begin, part, available}, "takes no more"},
		{"max_use", one, 1, []act{accept, serve, accept, serve, accept}, "more clients than max_use"},
		{"a descriptor that comes after the last session", used, 1, []act{accept, connect, serve, begin, serve, leave}, ""},
		{"leaves its client", one, 1, []act{accept, leave}, "with clients in its hands"},
		{"cut off, a concurrent one may", both, 1, []act{accept, cut, leave}, ""},
		{"cut off, another may not", one, 1, []act{accept, cut, leave}, "with clients in its hands"},
		{"does not heed a failed report", one, 1, []act{accept, serve, told, accept}, "after it learned"},
		{"does not heed the closed channel", one, core.Second / 8, []act{cut, accept}, "long after it was cut off"},
		{"stays when it is cut off", one, core.Second / 8, []act{cut, stay}, "stays long after it was cut off"},
		{"grows old", aging, core.Second, []act{leave}, ""},
		{"does not grow old", aging, 2 * core.Second, []act{stay}, "after its time is over"},
		{"takes a client when it is old", aging, 2 * core.Second, []act{accept}, "after its time is over"},
	} {
		c := Conduct{Settings: tc.set}
		now := 1000 * core.Time(core.Second)
		c.Ready(now)
		got := ""
		for _, do := range tc.acts {
			now = now.Add(tc.step)
			if wrong := do(&c, now); got == "" {
				got = wrong
			}
		}
		if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
		}
	}
}
