package sim

import (
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
)

func TestSchedulesKeepTimeAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whens := rapid.SliceOf(rapid.Int64Range(0, 5)).Draw(t, "whens")
		var s schedule
		for i, when := range whens {
			s.push(due{when: core.Time(when), ref: int32(i)})
		}
		out := map[int]bool{}
		for range rapid.IntRange(0, len(whens)/2).Draw(t, "removed") {
			at := rapid.IntRange(0, len(s.heap)-1).Draw(t, "at")
			out[int(s.heap[at].ref)] = true
			s.remove(at)
		}
		var order []int
		for i := range whens {
			if !out[i] {
				order = append(order, i)
			}
		}
		sort.SliceStable(order, func(a, b int) bool { return whens[order[a]] < whens[order[b]] })
		for _, want := range order {
			if d := s.pop(); int(d.ref) != want {
				t.Fatalf("%d came, want %d", d.ref, want)
			}
		}
	})
}

func TestOptionsAreSetByName(t *testing.T) {
	seen := map[string]bool{}
	o := Usual()
	OptionNames(func(name, what string) {
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
		o := Draw(seed)
		for i := range optionTable {
			row := &optionTable[i]
			if v := *row.field(&o); v < row.low || v > row.high {
				t.Fatalf("seed %d: %s=%d", seed, row.name, v)
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
