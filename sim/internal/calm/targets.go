package calm

import (
	"errors"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/logsim"
	"github.com/stationmaster/stationmaster/sim/logsim/system"
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
	Lines   *logsim.Lines   // nil: lines are only heard
	journal *logsim.Journal // nil: nothing is recorded
	when    core.Time       // at which something of them happens next; 0: nothing is planned
	judged  bool            // after the end
}

// ErrNoLog ends a start whose log takes nothing.
var ErrNoLog = errors.New("the log cannot be written")

// targetChoice makes the choices around the log and the journal.
func (w *World) targetChoice(n uint32) uint32 { return w.Choose.Below(n, tape.Target) }

// BeginTargets opens the log and makes the journal, as a daemon that starts does.
func (w *World) BeginTargets(hooks *osadapter.Hooks) {
	t := &w.Targets
	if w.O.Logs == 1 {
		t.Lines = logsim.NewLines(w.targetChoice, w.Now)
		h := t.Lines.Host()
		w.Daemon.Busy = h.Time()
		h.Slept = func(now core.Time) { w.Daemon.Busy = now }
	}
	if w.O.Journal == 1 {
		t.journal = logsim.NewJournal(w.targetChoice, w.Now, w.Daemon.Machine, func(warning string) {
			if t.Lines != nil {
				t.Lines.Line(core.LevelWarning, warning)
			}
		})
		hooks.Journal = t.journal.Recorder()
	}
}

// ApplyTargets puts the settings of a configuration in force.
func (w *World) ApplyTargets() {
	if l := w.Targets.Lines; l != nil {
		if err := l.Apply(); err != nil {
			l.Line(core.LevelFatal, err.Error())
			panic(ErrNoLog)
		}
	}
	if j := w.Targets.journal; j != nil {
		j.Apply()
	}
}

// Announce is osadapter.Hooks.Announce.
func (w *World) Announce() {
	w.Daemon.Up = true
	w.Truth.Told++
	if l := w.Targets.Lines; l != nil {
		if err := l.Announced(); err != nil {
			l.Line(core.LevelFatal, err.Error())
			panic(ErrNoLog)
		}
	}
}

// BringTargets lets all happen that is due by now.
func (w *World) BringTargets() {
	t := &w.Targets
	if t.Lines != nil {
		t.Lines.Host().At(w.Now)
	}
	if t.journal != nil {
		t.journal.Host().At(w.Now)
	}
}

// ActTargets does so, and wakes the daemon if the journal wants that.
func (w *World) ActTargets() {
	t := &w.Targets
	t.when = 0
	if w.Daemon.Gone {
		return
	}
	w.BringTargets()
	if t.journal != nil && t.journal.Woken() {
		w.Wake()
	}
	w.planTargets()
}

// planTargets schedules the next act.
func (w *World) planTargets() {
	t := &w.Targets
	plan := func(h *system.Host) {
		if when, ok := h.Next(); ok && (t.when == 0 || when < t.when) {
			t.when = max(when, w.Now)
			w.Schedule.Push(agenda.Due{When: t.when, What: agenda.TargetsAct})
		}
	}
	if t.Lines != nil {
		plan(t.Lines.Host())
	}
	if t.journal != nil {
		plan(t.journal.Host())
	}
}

// NextTrouble schedules what others do to the targets.
func (w *World) NextTrouble() {
	if w.Targets.Lines != nil || w.Targets.journal != nil {
		w.After(w.Choose.Pause(2*core.Second, tape.Target), agenda.TargetsTroubled, 0, 0)
	}
}

// TroubleTargets lets something go wrong, or right again.
func (w *World) TroubleTargets() {
	t := &w.Targets
	if w.Calm.On || w.Daemon.Gone {
		return
	}
	w.BringTargets()
	if t.Lines != nil {
		t.Lines.Happen()
	}
	if t.journal != nil {
		t.journal.Happen()
	}
	w.planTargets()
	w.NextTrouble()
}

// CheckTargets judges before a wait, after all was flushed.
func (w *World) CheckTargets() {
	t := &w.Targets
	if t.Lines == nil && t.journal == nil {
		return
	}
	if t.journal != nil {
		t.journal.Flushed(w.Choose.Below(auditOneIn, tape.Target) == 0)
		if t.journal.Woken() {
			w.Wake()
		}
	}
	w.targetFindings()
	w.planTargets()
}

// auditOneIn is before one in how many waits the journal's files are read.
const auditOneIn = 32

// mendTargets ends all trouble.
func (w *World) mendTargets() {
	t := &w.Targets
	if w.Daemon.Gone {
		return
	}
	w.BringTargets()
	if t.Lines != nil {
		t.Lines.Mend()
	}
	if t.journal != nil {
		t.journal.Mend()
		w.Wake()
	}
	w.planTargets()
}

// checkRestedTargets judges when all has been well for long.
func (w *World) checkRestedTargets() {
	t := &w.Targets
	w.BringTargets()
	if t.Lines != nil {
		t.Lines.Rested()
	}
	if t.journal != nil {
		t.journal.Rested()
	}
	w.targetFindings()
}

// EndTargets is what a daemon does last.
func (w *World) EndTargets() {
	t := &w.Targets
	if t.judged {
		return
	}
	t.judged = true
	w.BringTargets()
	if t.journal != nil {
		t.journal.End()
	}
	if t.Lines != nil {
		t.Lines.End()
	}
	w.targetFindings()
}

// targetFindings notes what is wrong with the log or the journal.
func (w *World) targetFindings() {
	t := &w.Targets
	if t.Lines != nil {
		if found := t.Lines.Host().Findings(); len(found) > 0 {
			w.Fail(logsProperty, "%s", found[0])
		}
	}
	if t.journal != nil {
		if found := t.journal.Host().Findings(); len(found) > 0 {
			w.Fail(journalProperty, "%s", found[0])
		}
	}
}
