package judge

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/options"
)

// patience is what the world knows of how the daemon deals with calls that fail and
// with programs that hang, from one turn to the next.
type patience struct {
	faults  fault.Counts // at the beginning of the turn
	sweeps  int          // at the beginning of the turn
	ends    bool         // the daemon was told that processes have ended, and has not asked since
	asked   int          // sweeps when it was told
	idle    int          // turns in which it asked without a reason; one that was put off may come late
	all     bool         // no question who has ended was left without an answer before the turn
	givenUp bool         // the turn before ended without an answer who has ended
	seen    fault.Counts // at the last audit
	InForce *core.Config // a configuration that comes into force in this step
	warned  bool         // of a process limit that cannot be reached
	short   int          // how often descriptors have been short before the turn
}

// tries is how often the daemon makes a call that must be made before it complains.
const tries = 3

// heardOfEnds notes what the daemon takes out of its mailbox: whether processes have
// ended of which nothing else tells.
func (p *patience) heardOfEnds(ends bool, sweeps int) {
	if ends {
		p.ends, p.asked = true, sweeps
	}
}

// Emptied notes what the daemon takes out of its mailbox.
func (w *World) Emptied(m *osadapter.Mail) {
	w.Truth.took(m)
	w.Patience.heardOfEnds(m.Ends, w.Kernel.Sweeps())
}

// Starting holds a process that is started against what is known of its service.
func (w *World) Starting(p *kernel.Process) {
	w.checkWords(p)
	w.checkHanging(p)
}

// BeginTurn notes what has failed before the turn.
func (w *World) BeginTurn() {
	p := &w.Patience
	p.short = w.Kernel.Short
	p.faults, p.sweeps, p.givenUp, p.all = w.Kernel.Faults(), w.Kernel.Sweeps(), w.Kernel.GivenUp(), w.Kernel.AllAnswered()
}

// CheckComplaint: the daemon complains of what it could not do when it has tried often
// enough.
func (w *World) CheckComplaint(text string) {
	before, now := &w.Patience.faults, w.Kernel.Faults()
	failed := tries
	switch {
	case strings.Contains(text, " can have at most "):
		w.Patience.warned = true
	case strings.HasPrefix(text, "cannot put "), strings.HasPrefix(text, "remove the former "):
		failed = now.Undoing - before.Undoing
	case strings.HasPrefix(text, "watch "):
		failed = now.Changes - before.Changes
	case strings.HasPrefix(text, "wait: "):
		failed = now.Questions - before.Questions
	}
	if failed < tries {
		w.Fail("L7", "the daemon gives up after %d tries: %s", failed, text)
	}
}

// CheckPatience: at the end of a turn the daemon has asked again who ended, if it could
// not be told before, and waits for no program longer than it may.
func (w *World) CheckPatience() {
	p := &w.Patience
	if p.givenUp && w.Kernel.Sweeps() == p.sweeps && !w.Truth.Refused {
		w.Fail("L7", "the daemon was not told who has ended, and does not ask again")
	}
	if now := w.Kernel.Sweeps(); now != p.sweeps {
		if p.ends || !p.all {
			p.idle = 0
		} else if p.idle++; p.idle >= tries {
			w.Fail("L9", "the daemon asks again and again who has ended, and nobody told it that somebody has")
		}
		p.ends = p.ends && now == p.asked
	}
	p.ends = p.ends && !w.Truth.Refused // it is told once more when it may ask
	for _, x := range w.Kernel.Processes() {
		s := &w.Servers[x.Slot]
		switch {
		case !x.Executing || x.Failed:
		case s.Glances < 2: // the turn of the start itself is the first
			s.Glances++
			s.LookedAt = w.Now
		case w.Now.Sub(s.LookedAt) >= stage.StartLimit:
			w.Fail("L7", "the start of generation %d takes %d, and is still waited for", x.Generation, w.Now.Sub(s.LookedAt))
		}
	}
}

// mayHang is how many processes of one program may be left that cannot be killed.
const mayHang = 3

// checkHanging: a program whose processes hang is not started again and again.
func (w *World) checkHanging(p *kernel.Process) {
	hang := 0
	for _, x := range w.Kernel.Processes() {
		if x.Executing && x.Failed && x.Path == p.Path {
			hang++
		}
	}
	if hang >= mayHang {
		w.Fail("L2", "%s is started once more, with %d processes that hang", p.Path, hang)
	}
}

// newFaults reports whether calls have failed since the last audit that leave something
// to be made good.
func (w *World) newFaults() bool {
	now := w.Kernel.Faults()
	failed := now.Undoing != w.Patience.seen.Undoing || now.Changes != w.Patience.seen.Changes
	w.Patience.seen = now
	return failed
}

// Drive is a turn of the driver. A daemon that cannot be root again ends.
func (w *World) Drive(ready []sys.PollEvent) (lost bool) {
	defer func() {
		if problem := recover(); problem != nil {
			if _, lost = problem.(*sys.IdentityLost); !lost {
				panic(problem)
			}
		}
	}()
	w.Daemon.Driver.Turn(w.Now, ready)
	return false
}

// CheckRoot: a turn ends as root, or ends the daemon.
func (w *World) CheckRoot() {
	if w.Kernel.RootIsLost() {
		w.Fail("S10", "the daemon goes on without being root")
	}
}

// CheckHangups: what is reported although nobody waits for it is reported once.
func (w *World) CheckHangups(ready []sys.PollEvent) {
	for i := range ready {
		if e := &ready[i]; e.Hangup && !e.Read && w.Kernel.HangsUp(w.Daemon.Driver.PollSet(), e.Key) {
			w.Fail("L9", "the hangup with key %x is reported for ever", e.Key)
		}
	}
}

// CheckWarning: a configuration with a process limit that can never be reached is warned
// of when it comes into force, and no other.
func (w *World) CheckWarning() {
	p := &w.Patience
	c, warned := p.InForce, p.warned
	if p.InForce, p.warned = nil, false; c == nil {
		return
	}
	files := w.OpenFiles()
	left, most := files-min(ownFiles, files/2)-len(c.Services)+1, 0
	for i := range c.Services {
		left -= len(c.Services[i].Endpoints)
		limit := int(c.Services[i].ProcessLimit)
		if limit == 0 {
			limit = usualProcesses
		}
		most = max(most, limit)
	}
	if (left < most) != warned {
		w.Fail("S11", "%d processes can be had and %d are wanted; warned of that: %v", left, most, warned)
	}
}

// checkShortage: a daemon that knows how many files it may have open always has one for
// the start of a child, unless it has those of removed services as well.
func (w *World) checkShortage(e core.Errno) {
	o := &w.Options
	removes := o.EditRemove > 0 || o.EditType > 0 || o.Scenario == options.RemoveAndReturn || o.Scenario == options.Undone
	if e == core.EMFILE && o.Files > 0 && o.FewFiles == 0 && !removes && w.Kernel.Short > w.Patience.short {
		w.Fail("S11", "the daemon has no descriptor left for a start, with %d of %d open", w.Kernel.OpenFiles(), w.Kernel.Limit)
	}
}

const (
	usualProcesses = 100 // that a service without a limit should be able to have
	ownFiles       = 40  // that the daemon keeps for itself, or half of those that it may have
)

// RemovalGrace is how long children of removed services have.
const RemovalGrace = 5 * core.Second
