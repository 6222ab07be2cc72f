package sim

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/model"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// modelSteps is how long the reference model looks on in one run: it reads the
// whole history at each step.
const modelSteps = 100

// onlooker lets the reference model look at the first steps of a run.
type onlooker struct {
	model *model.Model
	left  int
}

func (j *onlooker) Observe(now core.Time, ev core.Event, actions []core.Action, m *core.Machine) error {
	if j.left--; j.left < 0 {
		return nil
	}
	if err := j.model.Observe(now, ev, actions); err != nil {
		return err
	}
	return j.model.Compare(m)
}

// withModel lets the model look at the first steps of all following runs of a
// world.
func withModel(w *World, steps int) {
	w.NewObserver = func(o core.MachineOptions) Observer {
		return &onlooker{model.New(witness.StartOfTime, model.FlagsOf(o)), steps}
	}
}

// race is a property: two mechanisms are made to meet, in whatever order a
// drawn tape brings, and every invariant and law must hold; beside every
// eighth run stands the reference model. reached tells from what was met that
// they did meet; a race that never takes place proves nothing.
type race struct {
	options func(*options.Options)
	steps   int32
	reached func(*witness.Coverage) bool
}

func (r race) run(t *testing.T) {
	t.Helper()
	w := NewWorld()
	rapid.Check(t, func(t *rapid.T) {
		o := options.Usual()
		o.Services, o.LimitMax, o.PIDs, o.Backlog, o.Steps, o.Sweep = 2, 2, 6, 3, r.steps, 1
		o.StatusDelayUS, o.ReadyDelayUS, o.ReapDelayUS, o.ExecMS, o.Between = 3000, 3000, 3000, 20, 50
		o.ArrivalMS, o.ServiceMS, o.MaxIdleMS, o.OperatorMS = 5, 20, 20, 20
		o.OrderEqual, o.Verbose = 1, 1
		r.options(&o)
		w.NewObserver = nil
		if rapid.IntRange(0, 7).Draw(t, "without the model") == 0 {
			withModel(w, modelSteps)
		}
		tape := rapid.SliceOfN(rapid.Uint16(), int(2*r.steps), int(3*r.steps)).Draw(t, "tape")
		for i := range tape {
			tape[i] *= 40503 // rapid prefers small numbers; zero stays zero
		}
		if got := w.Replay(tape, o); got.Failure != nil {
			t.Fatalf("%v\noptions: %s\n%s", got.Failure, o.String(), textOf(tape, o))
		}
	})
	if !r.reached(&w.Coverage) {
		t.Errorf("what was to race never met; not met are: %s", strings.Join(w.Coverage.Unmet(), ", "))
	}
}

func textOf(tape []uint16, o options.Options) string {
	w := NewWorld()
	var t witness.Trace
	w.Keep(&t)
	w.Replay(tape, o)
	var b strings.Builder
	if err := t.WriteText(&b); err != nil {
		return err.Error()
	}
	return b.String()
}

// met tells whether each of the kinds of event came while its service was in
// the state.
func met(c *witness.Coverage, s core.State, kinds ...core.EventKind) bool {
	for _, kind := range kinds {
		if c.EventState[kind][s] == 0 {
			return false
		}
	}
	return true
}

// logged tells whether all of these lines were logged.
func logged(c *witness.Coverage, codes ...core.LogCode) bool {
	for _, code := range codes {
		if c.Logs[code] == 0 {
			return false
		}
	}
	return true
}

func TestThrottlingAgainstReload(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.DieEarly, o.ForkFail, o.ExecFail, o.ThrottleS = 400, 100, 100, 1
			o.EditLimit, o.EditService, o.EditRemove, o.ClearThrottle, o.OperatorMS = 300, 300, 200, 500, 100
		},
		steps: 120,
		reached: func(c *witness.Coverage) bool {
			return logged(c, core.LogThrottling, core.LogThrottleReleased, core.LogReload) && c.Met[witness.ReloadWhileThrottled] > 0
		},
	}.run(t)
}

func TestThrottlingAgainstIdleExit(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.DieEarly, o.ThrottleS, o.OperatorMS, o.MaxIdleMS, o.MaxUse, o.ArriveAtExit = 300, 1, 0, 5, 2, 500
		},
		steps: 120,
		reached: func(c *witness.Coverage) bool {
			return logged(c, core.LogBadStartup) && c.Met[witness.ThrottledWithChildren] > 0 && c.Met[witness.LastIdleExitAgainstArrival] > 0 &&
				met(c, core.StateThrottled, core.ChildExited, core.StatusReceived)
		},
	}.run(t)
}

func TestThrottlingAgainstLimits(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.DieEarly, o.DieBusy, o.ThrottleS, o.ArrivalPattern, o.LimitMax = 200, 300, 1, options.Flood, 2
			o.EditLimit, o.Scenario = 700, options.ThrottleAndLift
		},
		steps: 120,
		reached: func(c *witness.Coverage) bool {
			return met(c, core.StateSaturated, core.ChildExited, core.StatusReceived) && met(c, core.StateThrottled, core.ChildExited) &&
				c.Met[witness.LimitBelowLiving] > 0
		},
	}.run(t)
}

func TestIdleExitAgainstAnArrivingConnection(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.OperatorMS, o.MaxIdleMS, o.ArriveAtExit, o.AcceptLock, o.MaxUse = 0, 3, 800, 500, 3
		},
		steps: 100,
		reached: func(c *witness.Coverage) bool {
			return met(c, core.StateServing, core.ChildExited) && met(c, core.StateIdle, core.ListenerReady) &&
				c.Met[witness.LastIdleExitAgainstArrival] > 0
		},
	}.run(t)
}

func TestReloadAgainstStartAnswers(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.ExecLate, o.ExecMS, o.ForkFail, o.ExitEarly, o.DieEarly = 700, 50, 200, 200, 200
			o.EditRemove, o.EditService, o.OperatorMS = 300, 300, 10
		},
		steps: 120,
		reached: func(c *witness.Coverage) bool {
			return met(c, core.StateStopping, core.ChildStarted, core.ChildStartFailed) && met(c, core.StateStarting, core.ChildStarted) &&
				c.Met[witness.StartDuringReload] > 0 && c.Met[witness.RemovedWithStart] > 0 && c.Met[witness.EndedUntold] > 0
		},
	}.run(t)
}

func TestReloadAgainstStatusInFlight(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.StatusDelayUS, o.StatusSplit, o.StatusTwice, o.Drain, o.Liar = 50000, 100, 100, 100, 100
			o.OperatorMS, o.EditRemove = 15, 200
		},
		steps: 120,
		reached: func(c *witness.Coverage) bool {
			return met(c, core.StateStopping, core.StatusReceived) && logged(c, core.LogPartialStatus, core.LogForeignStatus) &&
				c.Met[witness.ReportInFlightAtCut] > 0 && c.Met[witness.MessageInPieces] > 0
		},
	}.run(t)
}

func TestReloadAgainstTheStressSwitch(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.LimitMax, o.ArrivalPattern, o.ServiceMS, o.WakeupS = 2, options.Flood, 200, 3
			o.EditLimit, o.EditType, o.EditService = 300, 200, 300
		},
		steps: 160,
		reached: func(c *witness.Coverage) bool {
			return logged(c, core.LogLimit, core.LogReload) && c.Met[witness.StressDuringReload] > 0
		},
	}.run(t)
}

func TestReloadAgainstRemovalAndReturn(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.DeafTerm, o.SlowTerm, o.Hog, o.OpenFail, o.Leap, o.ServiceMS = 300, 200, 200, 50, 150, 60000
			o.EditRemove, o.EditType, o.Scenario = 600, 400, options.RemoveAndReturn
		},
		steps: 160,
		reached: func(c *witness.Coverage) bool {
			return c.Met[witness.ReturnWhileHeld] > 0 && c.Met[witness.KilledAfterGrace] > 0 && c.EventState[core.ChildExited][core.StateStopping] > 100
		},
	}.run(t)
}

func TestReloadAgainstAnotherReload(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.LoadDelayMS, o.OpenFail, o.LoadFail, o.Twice = 50, 100, 100, 600
			o.EditRemove, o.EditType, o.EditBad, o.OperatorMS, o.Scenario = 400, 300, 200, 10, options.Hammer
		},
		steps: 160,
		reached: func(c *witness.Coverage) bool {
			return logged(c, core.LogReloadRefused, core.LogListenRemedy) && c.Actions[core.AbandonListener] > 0 && c.Actions[core.MoveListener] > 0 &&
				c.Met[witness.HangupDuringReload] > 0 && c.Met[witness.RefusedWithListenersOpen] > 0 && c.Met[witness.KeptWithClientWaiting] > 0
		},
	}.run(t)
}

func TestWakeupsAgainstThrottleAndReload(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.WakeupS, o.WakeupFail, o.WakeupHang, o.ArrivalMS = 2, 200, 200, 500
			o.DieEarly, o.ThrottleS, o.EditService, o.EditRemove, o.OperatorMS, o.ClearThrottle = 300, 2, 500, 200, 700, 300
		},
		steps: 160,
		reached: func(c *witness.Coverage) bool {
			return logged(c, core.LogWakeupFailed, core.LogBadStartup) && c.Actions[core.CloseWakeup] > 0 && c.Met[witness.WakeupWhileThrottled] > 0
		},
	}.run(t)
}

func TestShutdownAgainstEverything(t *testing.T) {
	race{
		options: func(o *options.Options) {
			o.Shutdown, o.OperatorMS, o.LoadDelayMS, o.ExecLate, o.ExecMS = 300, 30, 50, 500, 20
			o.DieEarly, o.DeafTerm, o.EditRemove, o.EditType, o.WakeupS, o.ThrottleS = 100, 100, 400, 200, 2, 1
			o.Leader = 0
		},
		steps: 120,
		reached: func(c *witness.Coverage) bool {
			return logged(c, core.LogTerminating) && c.Actions[core.SignalChild] > 0 && c.Met[witness.EndDuringReload] > 0 && c.Met[witness.EndWithStartPending] > 0
		},
	}.run(t)
}

func TestSnapshotAndRestoreAtAnyStep(t *testing.T) {
	w := NewWorld()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Range(1, 1<<40).Draw(t, "seed")
		o := options.Draw(seed)
		o.Twin = 0
		plain := w.Run(seed, o)
		if plain.Failure != nil {
			t.Fatalf("%v", plain.Failure)
		}
		o.Twin = rapid.Int32Range(1, int32(max(plain.Events, 1))).Draw(t, "step")
		restored := w.Run(seed, o)
		if restored.Failure != nil || restored.Hash != plain.Hash {
			t.Fatalf("restored at step %d: hash %x, want %x: %v", o.Twin, restored.Hash, plain.Hash, restored.Failure)
		}
	})
}
