package sim

import (
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
)

func TestEmptyTapesGiveTheQuietAnswers(t *testing.T) {
	var c Chooser
	c.Play(nil)
	if v := c.Below(100000, PlaceOther); v != 0 {
		t.Errorf("Below: %d", v)
	}
	if c.Chance(999, PlaceOther) {
		t.Error("Chance: a fault")
	}
	if d := c.Delay(core.Second, PlaceOther); d != 0 {
		t.Errorf("Delay: %d", d)
	}
	if d := c.Pause(core.Second, PlaceOther); d < 999*core.Millisecond {
		t.Errorf("Pause: %d, want the longest", d)
	}
	if c.Used() != 5 {
		t.Errorf("%d cells were asked for, want 5: a wide choice takes two", c.Used())
	}
}

func TestRecordedChoicesAreReplayed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOf(rapid.Uint32Range(0, 1<<20)).Draw(t, "sizes")
		var c Chooser
		c.Seed(rapid.Uint64().Draw(t, "seed"), true)
		var want []uint32
		for _, n := range sizes {
			v := c.Below(n, PlaceOther)
			if v >= max(n, 1) {
				t.Fatalf("%d is not below %d", v, n)
			}
			want = append(want, v)
		}
		var again Chooser
		again.Play(c.tape)
		for i, n := range sizes {
			if v := again.Below(n, PlaceOther); v != want[i] {
				t.Fatalf("choice %d is %d, was %d", i, v, want[i])
			}
		}
	})
}

func TestChancesAreAsOftenAsSaid(t *testing.T) {
	var c Chooser
	c.Seed(1, false)
	for _, rate := range []int32{0, 10, 500, 1000} {
		n := 0
		for range 20000 {
			if c.Chance(rate, PlaceOther) {
				n++
			}
		}
		if want := int(rate) * 20; n < want-want/5 || n > want+want/5 {
			t.Errorf("%d permille came %d times in 20000", rate, n)
		}
	}
}

func TestTapesSurviveTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tape := rapid.SliceOf(rapid.Uint16Range(0, 3)).Draw(t, "tape")
		again, err := ParseTape(FormatTape(tape))
		if err != nil || !slices.Equal(tape, again) {
			t.Fatalf("%v became %v: %v", tape, again, err)
		}
	})
	for _, bad := range []string{"70000", "x", "0*-1", "0*99999999999", "-1"} {
		if tape, err := ParseTape(bad); err == nil {
			t.Errorf("%q gave %v", bad, tape)
		}
	}
}

func TestSchedulesKeepTimeAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whens := rapid.SliceOf(rapid.Int64Range(0, 5)).Draw(t, "whens")
		var s schedule
		for i, when := range whens {
			s.push(due{when: core.Time(when), ref: int32(i)})
		}
		order := make([]int, len(whens))
		for i := range order {
			order[i] = i
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
