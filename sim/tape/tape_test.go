package tape

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
)

func TestEmptyTapesGiveTheQuietAnswers(t *testing.T) {
	var c Chooser
	c.Play(nil)
	if v := c.Below(100000, Other); v != 0 {
		t.Errorf("Below: %d", v)
	}
	if c.Chance(999, Other) {
		t.Error("Chance: a fault")
	}
	if d := c.Delay(core.Second, Other); d != 0 {
		t.Errorf("Delay: %d", d)
	}
	if d := c.Pause(core.Second, Other); d < 999*core.Millisecond {
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
			v := c.Below(n, Other)
			if v >= max(n, 1) {
				t.Fatalf("%d is not below %d", v, n)
			}
			want = append(want, v)
		}
		var again Chooser
		again.Play(c.tape)
		for i, n := range sizes {
			if v := again.Below(n, Other); v != want[i] {
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
			if c.Chance(rate, Other) {
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
		again, err := Parse(Format(tape))
		if err != nil || !slices.Equal(tape, again) {
			t.Fatalf("%v became %v: %v", tape, again, err)
		}
	})
	for _, bad := range []string{"70000", "x", "0*-1", "0*99999999999", "-1"} {
		if tape, err := Parse(bad); err == nil {
			t.Errorf("%q gave %v", bad, tape)
		}
	}
}
