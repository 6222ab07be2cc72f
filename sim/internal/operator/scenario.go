package operator

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/laws"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// BeginScenario schedules the first step.
func (w *World) BeginScenario() {
	if w.O.Scenario != options.NoScenario {
		w.After(core.Millisecond+w.Choose.Delay(2*core.Second, tape.Operator), agenda.ScenarioStep, 0, 0)
	}
}

// PlayScenario does one step and schedules the next.
func (w *World) PlayScenario(step int32) {
	if w.Calm.On {
		return
	}
	span := core.Duration(0)
	switch w.O.Scenario {
	case options.StopHalf:
		span = w.stopHalf(step)
	case options.ThrottleAndLift:
		span = w.throttleAndLift(step)
	case options.RemoveAndReturn:
		span = w.removeAndReturn(step)
	case options.Undone:
		span = w.undone(step)
	case options.Hang:
		span = w.hang(step)
	case options.Windows:
		span = w.windows(step)
	case options.Farewell:
		span = w.farewell(step)
	case options.Hammer:
		w.edit()
		w.Signal(core.SIGHUP)
		span = core.Millisecond / 2
		if step%3 == 2 {
			span = core.Second
		}
	}
	w.After(span+w.Choose.Delay(10*core.Millisecond, tape.Operator), agenda.ScenarioStep, step+1, 0)
}

func (w *World) stopHalf(step int32) core.Duration {
	switch step % 8 {
	case 0, 1, 2, 3:
		if slot := w.SomeProcess(); slot >= 0 {
			w.StopProcess(slot, core.Second+w.Choose.Delay(2*core.Second, tape.Operator))
		}
		return core.Millisecond
	case 4:
		w.Reload()
	}
	return 500 * core.Millisecond
}

func (w *World) throttleAndLift(step int32) core.Duration {
	name := uint32(0)
	switch step % 6 {
	case 0:
		for range 3 {
			w.ArriveAt(name)
		}
	case 1, 2:
		w.ArriveAt(name)
		if slot := w.SomeProcess(); slot >= 0 {
			w.Kill(slot, core.SIGSEGV)
		}
	case 3:
		w.File.Entries[0].Limit++
		w.File.Version++
		w.Reload()
	case 4:
		w.ArriveAt(name)
	default:
		w.File.Entries[0].Limit = 1
		return core.Second
	}
	return 50 * core.Millisecond
}

func (w *World) removeAndReturn(step int32) core.Duration {
	d := &w.File.Entries[0]
	switch step % 5 {
	case 0:
		w.ArriveAt(0)
	case 1:
		d.Present = false
		w.File.Version++
		w.Reload()
	case 2:
		d.Present, d.Name = d.Kind != 0 && !w.File.Clashes(0), 0
		w.File.Version++
		w.Reload()
	case 3:
		w.ArriveAt(0)
	default:
		return core.Second
	}
	return 20 * core.Millisecond
}

func (w *World) undone(step int32) core.Duration {
	switch step % 4 {
	case 0:
		for range 1 + w.Choose.Below(3, tape.Operator) {
			w.EditIdentity()
		}
		if w.Choose.Below(2, tape.Operator) == 1 {
			w.EditPresence()
		}
		if w.File.Bad = mastercf.Sound; w.Choose.Below(3, tape.Operator) > 0 {
			w.File.Bad = mastercf.Elsewhere + mastercf.Badness(w.Choose.Below(uint32(mastercf.Badnesses-mastercf.Elsewhere), tape.Operator))
		}
		w.Kernel.OutageOfUndoing()
		w.File.Version++
		w.Reload()
		return w.loadTime()
	case 1: // those whose paths may be empty now go
		if w.Choose.Below(2, tape.Operator) == 1 {
			w.File.Bad = mastercf.Sound
			for i := range w.File.Entries {
				if d := &w.File.Entries[i]; d.Kind != core.Inet && w.Choose.Below(2, tape.Operator) == 1 {
					d.Present = false
				}
			}
			w.File.Version++
			w.Reload()
		}
		return w.loadTime()
	case 2:
		w.Kernel.EndFaults()
	default:
		w.File.Bad = mastercf.Sound
		w.EditPresence()
		w.EditPresence()
		w.File.Version++
		w.Reload()
		return w.loadTime()
	}
	return w.Choose.Delay(500*core.Millisecond, tape.Operator)
}

// loadTime is how long a reload takes, at most.
func (w *World) loadTime() core.Duration {
	return core.Duration(w.O.LoadDelayMS)*core.Millisecond + 100*core.Millisecond
}

func (w *World) hang(step int32) core.Duration {
	switch step % 3 {
	case 0:
		w.O.ExecLate, w.O.DeadDisk, w.O.ExecMS = 1000, 1000, 1<<20
		w.ArriveAt(0)
		return 100 * core.Millisecond
	case 1:
		w.Leap(stage.StartLimit + core.Second)
	default:
		w.Leap(core.Duration(w.O.ThrottleS) * core.Second)
	}
	return 200 * core.Millisecond
}

// windowTime is how long stress lasts, and the silence after a warning (spec runtime, 8).
const windowTime = 1000 * core.Second

// windows fills a service that knows stress mode with children that never come back,
// lets one die so that another client takes the last slot, and goes on where a window
// ends.
func (w *World) windows(step int32) core.Duration {
	s := w.stressAware()
	if s == nil {
		d := &w.File.Entries[0]
		before := *d
		*d = mastercf.Draft{Present: true, Kind: core.Inet, Limit: 2 + int32(w.Choose.Below(2, tape.Operator)), Throttle: 1}
		if w.File.Clashes(0) {
			*d = before
		}
		w.File.Bad = mastercf.Sound
		w.File.Version++
		w.Reload()
		return w.loadTime()
	}
	// Nobody leaves, and nobody comes besides.
	w.O.Hog, w.O.DieEarly, w.O.ExitEarly, w.O.ArrivalMS, w.O.ReadyDelayUS = 1000, 0, 0, 0, 0
	w.O.MaxIdleMS, w.O.RetireMS, w.O.BootMS, w.O.SlowStart = 0, 0, 0, 0
	switch step % 4 {
	case 1:
		if slot := w.SomeProcess(); slot >= 0 {
			w.Kill(slot, core.SIGKILL)
		}
	case 2:
		near := core.Duration(w.Choose.Below(3, tape.Operator)) - 1
		switch end := s.StressEnd; w.Choose.Below(4, tape.Operator) {
		case 0, 1:
			if s.Stressed && end > w.Now.Add(1) {
				w.Leap(end.Sub(w.Now) + near)
				w.ArriveFor(s.ID)
			}
		case 2:
			w.Leap(windowTime + near)
		}
	default:
		w.ArriveFor(s.ID)
	}
	return 50 * core.Millisecond
}

// stressAware returns the first service in force that knows stress mode; nil: there is none.
func (w *World) stressAware() *laws.Service {
	for _, s := range w.Book.Active() {
		if s.Entry.StressAware() {
			return s
		}
	}
	return nil
}

// farewell cuts children off, or does not, and lets some of them end beside the signal
// that ends the daemon.
func (w *World) farewell(step int32) core.Duration {
	switch step % 4 {
	case 0, 1:
		w.ArriveAt(w.Choose.Below(uint32(w.Options.Services), tape.Operator))
		return 20 * core.Millisecond
	case 2:
		if w.Choose.Below(2, tape.Operator) == 1 {
			w.Reload()
		}
		return w.Choose.Delay(w.loadTime(), tape.Operator)
	}
	some := 1 + w.Choose.Below(4, tape.Operator)
	for _, p := range w.Kernel.Processes() {
		if p.Alive() && !p.Orphan && some > 0 {
			w.Kill(p.Slot, core.SIGKILL)
			some--
		}
	}
	if w.Choose.Below(4, tape.Operator) == 3 {
		w.After(w.Choose.Delay(core.Millisecond, tape.Operator), agenda.DaemonSignaled, 0, int32(core.SIGTERM))
	}
	return core.Second
}
