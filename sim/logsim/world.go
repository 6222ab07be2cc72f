// Package logsim is the log and the journal of a simulated daemon, what troubles them, and
// their laws. The production code of osadapter/logs and osadapter/journal works, as it is,
// on the system in memory of sim/logsim/system.
//
// Lines and Journal are for a whole simulated world, whose daemon logs and is recorded.
// Play and PlayJournal play the same, with the same laws, for a daemon that does nothing
// else, so that a seed can bring a mebibyte of lines.
package logsim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/osadapter/logs"
	"github.com/stationmaster/stationmaster/sim/logsim/system"
)

// Lines is the log of a whole simulated daemon: the same log, targets, troubles and laws
// as in Play, but a world says what is logged, when a turn ends and when a reload comes.
type Lines struct {
	p       *player
	applied bool // settings are in force
}

// NewLines opens the log of a daemon that starts now.
func NewLines(choose system.Choose, now core.Time) *Lines {
	p := newPlayer(choose)
	p.h.At(now)
	if p.d(4) < 3 {
		p.h.Syslog.Bind(p.d(3) == 2)
	}
	for range p.d(3) {
		p.trouble()
	}
	p.open()
	p.configure()
	p.settle()
	return &Lines{p: p}
}

// Host is the system that the log works on.
func (l *Lines) Host() *system.Host { return l.p.h }

// Line writes one line of the machine's.
func (l *Lines) Line(level core.Level, text string) {
	text = l.p.h.Ledger.Say(logs.LevelOf(level), text)
	l.p.h.Within(l.p.limit(), "a line", func() { l.p.owner.Line(level, text) })
	l.p.h.Ledger.Said()
	l.p.last = l.p.h.Time()
}

// Flush hands over what is kept, and reports whether nothing is left to be tried soon.
func (l *Lines) Flush() bool {
	l.p.flush()
	return !l.p.wants
}

// Apply puts the settings of a configuration in force. An error is one of the start,
// which ends the daemon.
func (l *Lines) Apply() error {
	if l.applied {
		l.p.reload()
		return nil
	}
	l.applied = true
	return l.p.apply()
}

// Announced ends the start. An error ends the daemon.
func (l *Lines) Announced() error { return l.p.announce() }

// Happen is something that others do.
func (l *Lines) Happen() {
	switch l.p.d(6) {
	case 0, 1:
		l.p.relief()
	case 2:
		l.p.others()
	case 3:
		l.p.postlogd()
	default:
		l.p.trouble()
	}
}

// Mend ends all trouble.
func (l *Lines) Mend() {
	l.p.mend()
	l.p.calm = true
}

// Rested finds fault with what is not delivered long after Mend, with lines since.
func (l *Lines) Rested() {
	h := l.p.h
	if n := h.Ledger.Waiting(); n > 0 {
		h.Find("kept", "%d lines wait though all is well", n)
	}
	if l.p.wants {
		h.Find("kept", "the log asks for another try and nothing is left")
	}
	h.Ledger.Settled()
}

// End ends the daemon.
func (l *Lines) End() { l.p.end() }

// Journal is the journal of a whole simulated daemon: the same journal, disk, troubles
// and laws as in PlayJournal, but a world steps the machine.
type Journal struct {
	r      *recorder
	calm   bool // nothing goes wrong any more
	sound  bool // and a configuration was put in force since
	waited core.Duration
}

// NewJournal returns the journal of a machine. hears is given its warnings.
func NewJournal(choose system.Choose, now core.Time, m *core.Machine, hears func(warning string)) *Journal {
	r := newRecorder(choose, m)
	r.hears = hears
	r.h.At(now)
	return &Journal{r: r}
}

// Host is the system that the journal works on.
func (j *Journal) Host() *system.Host { return j.r.h }

// Recorder is what the driver records into.
func (j *Journal) Recorder() *journal.Journal { return j.r.j }

// Woken reports whether the loop is to come round.
func (j *Journal) Woken() (woken bool) {
	woken, j.r.woken = j.r.woken, false
	return woken
}

// Apply puts the settings of a configuration in force.
func (j *Journal) Apply() {
	path := journalPaths[(1+j.r.d(uint32(len(journalPaths))))%uint32(len(journalPaths))]
	if j.calm {
		path, j.sound = journalPaths[1], true
	}
	j.r.apply(path, [...]int64{1, 20000, 64 << 20}[j.r.d(3)])
}

// Happen is something that others do.
func (j *Journal) Happen() {
	switch j.r.d(5) {
	case 0, 1:
		j.r.relief()
	case 2:
		j.r.stranger()
	default:
		j.r.trouble()
	}
}

// Flushed judges after a Flush; look: the files as well.
func (j *Journal) Flushed(look bool) {
	if waited := j.r.h.Waited(); waited != j.waited {
		j.r.h.Find("blocked", "the journal waited for %d ms in a turn", (waited-j.waited)/core.Millisecond)
	}
	j.r.idle = len(j.r.h.Disk.Under) == 0
	if look && !j.r.woken { // else the disk has answered, and the journal does not know yet
		j.r.audit()
	}
}

// Mend ends all trouble.
func (j *Journal) Mend() {
	j.r.mend()
	j.calm = true
}

// Rested finds fault with what is not written long after Mend, once a configuration was
// put in force.
func (j *Journal) Rested() {
	if j.sound {
		j.r.rested()
	}
}

// End ends the daemon.
func (j *Journal) End() { j.r.end() }
