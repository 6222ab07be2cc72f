package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/options"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// beginScenario schedules the first step.
func (w *World) beginScenario() {
	if w.o.Scenario != options.NoScenario {
		w.after(core.Millisecond+w.choose.Delay(2*core.Second, tape.Operator), agenda.ScenarioStep, 0, 0)
	}
}

// playScenario does one step and schedules the next.
func (w *World) playScenario(step int32) {
	if w.calm.on {
		return
	}
	span := core.Duration(0)
	switch w.o.Scenario {
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
	case options.Hammer:
		w.edit()
		w.signal(core.SIGHUP)
		span = core.Millisecond / 2
		if step%3 == 2 {
			span = core.Second
		}
	}
	w.after(span+w.choose.Delay(10*core.Millisecond, tape.Operator), agenda.ScenarioStep, step+1, 0)
}

func (w *World) stopHalf(step int32) core.Duration {
	switch step % 8 {
	case 0, 1, 2, 3:
		if slot := w.someProcess(); slot >= 0 {
			w.stopProcess(slot, core.Second+w.choose.Delay(2*core.Second, tape.Operator))
		}
		return core.Millisecond
	case 4:
		w.reload()
	}
	return 500 * core.Millisecond
}

func (w *World) throttleAndLift(step int32) core.Duration {
	name := uint32(0)
	switch step % 6 {
	case 0:
		for range 3 {
			w.arriveAt(name)
		}
	case 1, 2:
		w.arriveAt(name)
		if slot := w.someProcess(); slot >= 0 {
			w.kill(slot, core.SIGSEGV)
		}
	case 3:
		w.file.Entries[0].Limit++
		w.file.Version++
		w.reload()
	case 4:
		w.arriveAt(name)
	default:
		w.file.Entries[0].Limit = 1
		return core.Second
	}
	return 50 * core.Millisecond
}

func (w *World) removeAndReturn(step int32) core.Duration {
	d := &w.file.Entries[0]
	switch step % 5 {
	case 0:
		w.arriveAt(0)
	case 1:
		d.Present = false
		w.file.Version++
		w.reload()
	case 2:
		d.Present, d.Name = d.Kind != 0 && !w.file.Clashes(0), 0
		w.file.Version++
		w.reload()
	case 3:
		w.arriveAt(0)
	default:
		return core.Second
	}
	return 20 * core.Millisecond
}

func (w *World) undone(step int32) core.Duration {
	switch step % 4 {
	case 0:
		for range 1 + w.choose.Below(3, tape.Operator) {
			w.editIdentity()
		}
		if w.choose.Below(2, tape.Operator) == 1 {
			w.editPresence()
		}
		if w.file.Bad = mastercf.Sound; w.choose.Below(3, tape.Operator) > 0 {
			w.file.Bad = mastercf.Elsewhere + mastercf.Badness(w.choose.Below(uint32(mastercf.Badnesses-mastercf.Elsewhere), tape.Operator))
		}
		w.kernel.OutageOfUndoing()
		w.file.Version++
		w.reload()
		return w.loadTime()
	case 1: // those whose paths may be empty now go
		if w.choose.Below(2, tape.Operator) == 1 {
			w.file.Bad = mastercf.Sound
			for i := range w.file.Entries {
				if d := &w.file.Entries[i]; d.Kind != core.Inet && w.choose.Below(2, tape.Operator) == 1 {
					d.Present = false
				}
			}
			w.file.Version++
			w.reload()
		}
		return w.loadTime()
	case 2:
		w.kernel.EndFaults()
	default:
		w.file.Bad = mastercf.Sound
		w.editPresence()
		w.editPresence()
		w.file.Version++
		w.reload()
		return w.loadTime()
	}
	return w.choose.Delay(500*core.Millisecond, tape.Operator)
}

// loadTime is how long a reload takes, at most.
func (w *World) loadTime() core.Duration {
	return core.Duration(w.o.LoadDelayMS)*core.Millisecond + 100*core.Millisecond
}

func (w *World) hang(step int32) core.Duration {
	switch step % 3 {
	case 0:
		w.o.ExecLate, w.o.DeadDisk, w.o.ExecMS = 1000, 1000, 1<<20
		w.arriveAt(0)
		return 100 * core.Millisecond
	case 1:
		w.leap(startLimit + core.Second)
	default:
		w.leap(core.Duration(w.o.ThrottleS) * core.Second)
	}
	return 200 * core.Millisecond
}
