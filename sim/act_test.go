package sim

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// acts is a world in which nothing comes by itself: rapid says what happens
// next, and draws the few choices that belong to it. What it shrinks to reads
// as a list of acts.
type acts struct{ w *World }

// act does one thing, unless the master has ended.
func (a *acts) act(do func(t *rapid.T, w *World)) func(*rapid.T) {
	return func(t *rapid.T) {
		if a.w.Calm.On || a.w.Failure != nil {
			return
		}
		a.w.Choose.Play(rapid.SliceOfN(rapid.Uint16(), 0, 6).Draw(t, "choices"))
		do(t, a.w)
	}
}

func (a *acts) all() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"a client comes":       a.act(func(t *rapid.T, w *World) { w.ArriveAt(drawBelow(t, w.Options.Services)) }),
		"things happen":        a.act(func(t *rapid.T, w *World) { a.steps(rapid.IntRange(1, 12).Draw(t, "things")) }),
		"much happens":         a.act(func(*rapid.T, *World) { a.steps(60) }),
		"time passes":          a.act(func(t *rapid.T, w *World) { w.Leap(drawSpan(t)) }),
		"reload":               a.act(func(_ *rapid.T, w *World) { w.Reload() }),
		"a limit is edited":    a.act(editLimit),
		"an entry is edited":   a.act(func(_ *rapid.T, w *World) { w.EditService(); w.File.Version++ }),
		"an entry changes":     a.act(func(_ *rapid.T, w *World) { w.EditIdentity(); w.File.Version++ }),
		"an entry goes, comes": a.act(func(_ *rapid.T, w *World) { w.EditPresence(); w.File.Version++ }),
		"the file is spoiled":  a.act(func(t *rapid.T, w *World) { w.File.Bad = mastercf.Badness(drawBelow(t, int32(mastercf.Badnesses))) }),
		"throttles are lifted": a.act(func(t *rapid.T, w *World) { w.File.Clears = rapid.Bool().Draw(t, "by reload") }),
		"a child is killed":    a.act(killOne),
		"a child is stopped":   a.act(stopOne),
		"programs are slow":    a.act(func(t *rapid.T, w *World) { w.O.ExecLate = rapid.SampledFrom([]int32{0, 500}).Draw(t, "late") }),
		"starts go wrong":      a.act(func(t *rapid.T, w *World) { w.O.ForkFail = rapid.SampledFrom([]int32{0, 1000}).Draw(t, "fork") }),
		"children go wrong":    a.act(spoilChildren),
		"a second machine":     a.act(func(_ *rapid.T, w *World) { w.MakeTwin() }),
	}
}

// steps lets things happen. A fault that is switched on befalls at most these.
func (a *acts) steps(n int) {
	for range n {
		if a.w.Calm.On || !a.w.Step() {
			return
		}
	}
}

func drawBelow(t *rapid.T, n int32) uint32 { return uint32(rapid.Int32Range(0, n-1).Draw(t, "which")) }

func drawSpan(t *rapid.T) core.Duration {
	return rapid.SampledFrom([]core.Duration{core.Millisecond, core.Second, 5 * core.Second, 70 * core.Second, 1001 * core.Second}).Draw(t, "span")
}

func editLimit(t *rapid.T, w *World) {
	if d := w.SomeEntry(); d != nil {
		d.Limit = rapid.SampledFrom([]int32{1, 0, 2, 3}).Draw(t, "limit")
		w.File.Version++
		w.Reload()
	}
}

func killOne(t *rapid.T, w *World) {
	if slot := w.SomeProcess(); slot >= 0 {
		w.Kill(slot, rapid.SampledFrom([]core.Signal{core.SIGKILL, core.SIGTERM, core.SIGSEGV}).Draw(t, "signal"))
	}
}

func stopOne(t *rapid.T, w *World) {
	if slot := w.SomeProcess(); slot >= 0 {
		w.StopProcess(slot, drawSpan(t))
	}
}

func spoilChildren(t *rapid.T, w *World) {
	for _, rate := range []*int32{&w.O.DieEarly, &w.O.DeafTerm, &w.O.Drain, &w.O.Liar, &w.O.Mute} {
		*rate = rapid.SampledFrom([]int32{0, 0, 500}).Draw(t, "rate")
	}
}

// A state machine of everything that can race: whatever the order of acts, every
// invariant holds at each step, the reference model agrees, and when the faults
// end the laws hold, too.
func TestAnyOrderOfActsKeepsEveryInvariantAndLaw(t *testing.T) {
	w := NewWorld()
	withModel(w, modelSteps)
	rapid.Check(t, func(t *rapid.T) {
		o := options.Usual()
		o.Services, o.LimitMax, o.PIDs, o.Backlog, o.Sweep, o.Steps = 2, 2, 5, 3, 1, 1<<30
		o.ArrivalMS, o.OperatorMS, o.OrderEqual, o.Verbose, o.WakeupS = 0, 0, 1, 1, 3
		o.StatusDelayUS, o.ReapDelayUS, o.ReadyDelayUS, o.ExecMS, o.EditType = 3000, 3000, 3000, 3000, 1
		o.Late, o.Between = 200, 100
		w.Choose.Play(rapid.SliceOfN(rapid.Uint16(), 0, 12).Draw(t, "configuration"))
		var kept witness.Trace
		w.Keep(&kept)
		w.guarded(func() { w.begin(o) })
		a := &acts{w}
		all := a.all()
		all[""] = func(t *rapid.T) { mustHold(t, w, &kept) }
		t.Repeat(all)
		w.Choose.Play(nil)
		w.Options.Steps = 1 // the faults end
		w.guarded(w.finish)
		mustHold(t, w, &kept)
	})
	for _, s := range []witness.Situation{witness.ReloadWhileThrottled, witness.ReturnWhileHeld, witness.LimitBelowLiving, witness.StartDuringReload, witness.HangupDuringReload, witness.KeptWithClientWaiting} {
		if w.Coverage.Met[s] == 0 {
			t.Errorf("no order of acts met %v", s)
		}
	}
}

func mustHold(t *rapid.T, w *World, kept *witness.Trace) {
	if w.Failure != nil {
		var text strings.Builder
		if err := kept.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("%v\n%s", w.Failure, text.String())
	}
}
