package sim

import (
	"testing"

	"github.com/stationmaster/stationmaster/sim/options"
)

func TestOptionsAreSetByName(t *testing.T) {
	seen := map[string]bool{}
	o := options.Usual()
	options.Each(func(name, what string) {
		if seen[name] || what == "" {
			t.Errorf("option %q is there twice or says nothing", name)
		}
		seen[name] = true
		v, ok := o.Get(name)
		if !ok {
			t.Errorf("option %q cannot be read", name)
		}
		p := o
		if err := p.Set(name, "1"); err != nil {
			t.Error(err)
		}
		if v == 1 && p != o {
			t.Errorf("option %q changes another one", name)
		}
	})
	for _, bad := range [][2]string{{"fork_fail", "1001"}, {"fork_fail", "x"}, {"no_such", "1"}, {"pids", "0"}} {
		if err := o.Set(bad[0], bad[1]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	p := o
	p.ForkFail = 7
	if got := p.Pins(o); got != " -set fork_fail=7" {
		t.Errorf("Pins: %q", got)
	}
}

// One seed in eight has no fault, one in eight is tiny, one in sixteen has a
// storm of reloads; and every option that is drawn stays in its bounds.
func TestOptionsAreDrawnBySwarmRules(t *testing.T) {
	const seeds = 4000
	faultless, tiny, storm := 0, 0, 0
	for seed := uint64(1); seed <= seeds; seed++ {
		o := options.Draw(seed)
		for i := range options.Table {
			row := &options.Table[i]
			if v := *row.Field(&o); v < row.Low || v > row.High {
				t.Fatalf("seed %d: %s=%d", seed, row.Name, v)
			}
		}
		if o.ForkFail+o.OpenFail+o.LoadFail+o.DieEarly+o.DieBusy+o.Liar+o.Garbage+o.Silent+o.KillChild+o.EditBad+o.Hog+o.Drain+o.Leap == 0 {
			faultless++
		}
		if o.PIDs == 2 {
			tiny++
		}
		if o.OperatorMS <= 10 && o.EditRemove == 400 {
			storm++
		}
	}
	for _, x := range []struct {
		what      string
		got, want int
	}{{"faultless", faultless, seeds / 8}, {"tiny", tiny, seeds / 8}, {"stormy", storm, seeds / 16}} {
		if x.got < x.want*3/4 || x.got > x.want*3/2 {
			t.Errorf("%d of %d seeds are %s, want about %d", x.got, seeds, x.what, x.want)
		}
	}
}
