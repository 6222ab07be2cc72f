package sim

import (
	"errors"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/logsim"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// The properties of what the daemon writes.
const (
	logsProperty    = "log lines"
	journalProperty = "journal file"
)

// targets are where the daemon's lines and the record of its steps go, in the runs that
// have a log and a journal: the ones of production, on disks and sockets in memory.
type targets struct {
	lines   *logsim.Lines   // nil: lines are only heard
	journal *logsim.Journal // nil: nothing is recorded
	busy    core.Time       // so long the daemon has waited for a disk
	when    core.Time       // at which something of them happens next; 0: nothing is planned
	judged  bool            // after the end
}

// errNoLog ends a start whose log takes nothing.
var errNoLog = errors.New("the log cannot be written")

// targetChoice makes the choices around the log and the journal.
func (w *World) targetChoice(n uint32) uint32 { return w.choose.Below(n, tape.Target) }

// beginTargets opens the log and makes the journal, as a daemon that starts does.
func (w *World) beginTargets(hooks *osadapter.Hooks) {
	t := &w.targets
	if w.o.Logs == 1 {
		t.lines = logsim.NewLines(w.targetChoice, w.now)
		h := t.lines.Host()
		t.busy = h.Time()
		h.Slept = func(now core.Time) { t.busy = now }
	}
	if w.o.Journal == 1 {
		t.journal = logsim.NewJournal(w.targetChoice, w.now, w.daemon.machine, func(warning string) {
			if t.lines != nil {
				t.lines.Line(core.LevelWarning, warning)
			}
		})
		hooks.Journal = t.journal.Recorder()
	}
}

// applyTargets puts the settings of a configuration in force.
func (w *World) applyTargets() {
	if l := w.targets.lines; l != nil {
		if err := l.Apply(); err != nil {
			l.Line(core.LevelFatal, err.Error())
			panic(errNoLog)
		}
	}
	if j := w.targets.journal; j != nil {
		j.Apply()
	}
}

// announce is osadapter.Hooks.Announce.
func (w *World) announce() {
	w.daemon.up = true
	w.truth.told++
	if l := w.targets.lines; l != nil {
		if err := l.Announced(); err != nil {
			l.Line(core.LevelFatal, err.Error())
			panic(errNoLog)
		}
	}
}

// bringTargets lets all happen that is due by now.
func (w *World) bringTargets() {
	t := &w.targets
	if t.lines != nil {
		t.lines.Host().At(w.now)
	}
	if t.journal != nil {
		t.journal.Host().At(w.now)
	}
}

// actTargets does so, and wakes the daemon if the journal wants that.
func (w *World) actTargets() {
	t := &w.targets
	t.when = 0
	if w.daemon.gone {
		return
	}
	w.bringTargets()
	if t.journal != nil && t.journal.Woken() {
		w.wake()
	}
	w.planTargets()
}

// planTargets schedules the next act.
func (w *World) planTargets() {
	t := &w.targets
	plan := func(h *logsim.Host) {
		if when, ok := h.Next(); ok && (t.when == 0 || when < t.when) {
			t.when = max(when, w.now)
			w.schedule.Push(agenda.Due{When: t.when, What: agenda.TargetsAct})
		}
	}
	if t.lines != nil {
		plan(t.lines.Host())
	}
	if t.journal != nil {
		plan(t.journal.Host())
	}
}

// nextTrouble schedules what others do to the targets.
func (w *World) nextTrouble() {
	if w.targets.lines != nil || w.targets.journal != nil {
		w.after(w.choose.Pause(2*core.Second, tape.Target), agenda.TargetsTroubled, 0, 0)
	}
}

// troubleTargets lets something go wrong, or right again.
func (w *World) troubleTargets() {
	t := &w.targets
	if w.calm.on || w.daemon.gone {
		return
	}
	w.bringTargets()
	if t.lines != nil {
		t.lines.Happen()
	}
	if t.journal != nil {
		t.journal.Happen()
	}
	w.planTargets()
	w.nextTrouble()
}

// checkTargets judges before a wait, after all was flushed.
func (w *World) checkTargets() {
	t := &w.targets
	if t.lines == nil && t.journal == nil {
		return
	}
	if t.journal != nil {
		t.journal.Flushed(w.choose.Below(auditOneIn, tape.Target) == 0)
		if t.journal.Woken() {
			w.wake()
		}
	}
	w.targetFindings()
	w.planTargets()
}

// auditOneIn is before one in how many waits the journal's files are read.
const auditOneIn = 32

// mendTargets ends all trouble.
func (w *World) mendTargets() {
	t := &w.targets
	if w.daemon.gone {
		return
	}
	w.bringTargets()
	if t.lines != nil {
		t.lines.Mend()
	}
	if t.journal != nil {
		t.journal.Mend()
		w.wake()
	}
	w.planTargets()
}

// checkRestedTargets judges when all has been well for long.
func (w *World) checkRestedTargets() {
	t := &w.targets
	w.bringTargets()
	if t.lines != nil {
		t.lines.Rested()
	}
	if t.journal != nil {
		t.journal.Rested()
	}
	w.targetFindings()
}

// endTargets is what a daemon does last.
func (w *World) endTargets() {
	t := &w.targets
	if t.judged {
		return
	}
	t.judged = true
	w.bringTargets()
	if t.journal != nil {
		t.journal.End()
	}
	if t.lines != nil {
		t.lines.End()
	}
	w.targetFindings()
}

// targetFindings notes what is wrong with the log or the journal.
func (w *World) targetFindings() {
	t := &w.targets
	if t.lines != nil {
		if found := t.lines.Host().Findings(); len(found) > 0 {
			w.fail(logsProperty, "%s", found[0])
		}
	}
	if t.journal != nil {
		if found := t.journal.Host().Findings(); len(found) > 0 {
			w.fail(journalProperty, "%s", found[0])
		}
	}
}
