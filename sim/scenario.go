package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// Aimed scenarios, besides the uniform noise.
const (
	noScenario      int32 = iota
	stopHalf              // stop half of the children one by one, reload, continue them in another order
	throttleAndLift       // fill up to the limit, let one die unused, lift the limit by reload, within a second
	removeAndReturn       // remove a service while its children are busy, bring it back while they die
	hammer                // three reloads within the load of one
	undone                // reloads that replace services and are refused, while the file system fails
	hang                  // every program hangs, each start until it is given up
	numScenarios
)

// beginScenario schedules the first step.
func (w *World) beginScenario() {
	if w.o.Scenario != noScenario {
		w.after(core.Millisecond+w.choose.Delay(2*core.Second, tape.Operator), scenarioStep, 0, 0)
	}
}

// playScenario does one step and schedules the next.
func (w *World) playScenario(step int32) {
	if w.calm.on {
		return
	}
	span := core.Duration(0)
	switch w.o.Scenario {
	case stopHalf:
		span = w.stopHalf(step)
	case throttleAndLift:
		span = w.throttleAndLift(step)
	case removeAndReturn:
		span = w.removeAndReturn(step)
	case undone:
		span = w.undone(step)
	case hang:
		span = w.hang(step)
	case hammer:
		w.edit()
		w.signal(core.SIGHUP)
		span = core.Millisecond / 2
		if step%3 == 2 {
			span = core.Second
		}
	}
	w.after(span+w.choose.Delay(10*core.Millisecond, tape.Operator), scenarioStep, step+1, 0)
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
		w.file.entries[0].limit++
		w.file.version++
		w.reload()
	case 4:
		w.arriveAt(name)
	default:
		w.file.entries[0].limit = 1
		return core.Second
	}
	return 50 * core.Millisecond
}

func (w *World) removeAndReturn(step int32) core.Duration {
	d := &w.file.entries[0]
	switch step % 5 {
	case 0:
		w.arriveAt(0)
	case 1:
		d.present = false
		w.file.version++
		w.reload()
	case 2:
		d.present, d.name = d.kind != 0 && !w.file.clashes(0), 0
		w.file.version++
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
		if w.file.bad = sound; w.choose.Below(3, tape.Operator) > 0 {
			w.file.bad = elsewhere + badness(w.choose.Below(uint32(badnesses-elsewhere), tape.Operator))
		}
		w.kernel.OutageOfUndoing()
		w.file.version++
		w.reload()
		return w.loadTime()
	case 1: // those whose paths may be empty now go
		if w.choose.Below(2, tape.Operator) == 1 {
			w.file.bad = sound
			for i := range w.file.entries {
				if d := &w.file.entries[i]; d.kind != core.Inet && w.choose.Below(2, tape.Operator) == 1 {
					d.present = false
				}
			}
			w.file.version++
			w.reload()
		}
		return w.loadTime()
	case 2:
		w.kernel.EndFaults()
	default:
		w.file.bad = sound
		w.editPresence()
		w.editPresence()
		w.file.version++
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
