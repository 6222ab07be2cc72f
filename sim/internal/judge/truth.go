// Package judge is the layer of a simulated world that finds fault with the daemon: with
// what the kernel knows, with the laws at each step, with a second machine beside the
// first, and by how the daemon deals with calls that fail. It counts what runs meet, too.
package judge

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/mastercf"
	"github.com/stationmaster/stationmaster/sim/internal/operator"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/options"
)

// World is the world that is judged: by what the kernel knows, by its laws, by a second
// machine; and the coverage of what it meets.
type World struct {
	operator.World
	Twin     *core.Machine
	Hash     uint64
	Memory   memory
	Patience patience
	Truth    truth
	Used     map[int]bool // process identities that a child told of had once
	words    []string     // scratch
}

// Reset begins a run.
func (w *World) Reset(o options.Options) {
	w.World.Reset(o)
	w.Twin, w.Hash = nil, 0x9e3779b97f4a7c15
	clear(w.Used)
	w.Memory.reset()
	w.Truth.reset()
	w.Patience = patience{}
}

// truth holds what the machine is told against what the kernel knows: every status that
// was taken is told of once, as it was; what a child wrote comes byte for byte and in
// order; an answer to a start is true; every signal that is asked for goes out, and no
// other.
type truth struct {
	reaped  []reaped              // taken from the kernel and not told of
	heard   []heard               // bytes that were read from status channels
	signals []asked               // of the step under way
	closing []*object.Description // listeners that the step closes
	waking  []errand              // asked for and not answered
	Ready   bool                  // for a signal to the process group
	Told    int                   // announcements

	mail     osadapter.Mail // taken in this turn, less what the machine has got of it
	loads    int            // events of it
	sweeps   int            // looks at who has ended, when it was taken
	deadline core.Time      // of the machine before the step, with timed
	timed    bool
	exit     core.Action // the last action of all
	fatal    bool        // a fatal line was logged
	Empty    bool        // a configuration without services comes into force
	Flushed  bool        // lines were handed over before the wait
	Kept     bool        // and some were not taken
	Refused  bool        // a sweep had to wait
}

type reaped struct {
	sys.Reaped
	generation core.Generation
	silent     bool // nobody is to be told: a start that has failed left it
	stolen     bool // somebody else took the status
}

type heard struct {
	generation core.Generation
	bytes      []byte
}

// errand is a wakeup that was asked for.
type errand struct {
	request core.Request
	service core.ServiceID
}

type asked struct {
	pid    core.PID
	signal core.Signal
	sent   bool
}

func (t *truth) reset() {
	heard := t.heard[:0]
	*t = truth{reaped: t.reaped[:0], heard: heard, signals: t.signals[:0], closing: t.closing[:0], waking: t.waking[:0]}
}

// Reported notes what the daemon learned of a process from the kernel.
func (w *World) Reported(p *kernel.Process, r sys.Reaped, stolen bool) {
	if w.Daemon.Gone {
		return
	}
	x := reaped{Reaped: r, generation: p.Generation, stolen: stolen}
	if p.Orphan {
		x.generation = 0
	}
	x.silent = p.Failed
	w.Truth.reaped = append(w.Truth.reaped, x)
}

// Heard notes what the daemon read from the status channel of a child.
func (w *World) Heard(g core.Generation, b []byte) {
	if g != 0 && !w.Daemon.Gone {
		x := w.Truth.of(g)
		x.bytes = append(x.bytes, b...)
	}
}

// of returns what was heard of a child.
func (t *truth) of(g core.Generation) *heard {
	for i := range t.heard {
		if t.heard[i].generation == g {
			return &t.heard[i]
		}
	}
	if n := len(t.heard); n < cap(t.heard) {
		t.heard = t.heard[:n+1]
		t.heard[n] = heard{generation: g, bytes: t.heard[n].bytes[:0]}
	} else {
		t.heard = append(t.heard, heard{generation: g})
	}
	return &t.heard[len(t.heard)-1]
}

// forget ends the account of what a child says.
func (t *truth) forget(g core.Generation) {
	for i := range t.heard {
		if t.heard[i].generation == g {
			last := len(t.heard) - 1
			t.heard[i], t.heard[last] = t.heard[last], t.heard[i]
			t.heard = t.heard[:last]
			return
		}
	}
}

// CheckEvent holds one event against the kernel.
func (w *World) CheckEvent(ev *core.Event) {
	t := &w.Truth
	switch ev.Kind {
	case core.StatusReceived:
		x := t.of(ev.Generation)
		n := int(ev.N)
		if n > len(x.bytes) || string(x.bytes[:min(n, len(x.bytes))]) != string(ev.Bytes[:n]) || n < wire.StatusSize && n < len(x.bytes) {
			w.Fail("S6", "generation %d is said to have written %x, it wrote %x", ev.Generation, ev.Bytes[:n], x.bytes)
			return
		}
		x.bytes = x.bytes[:copy(x.bytes, x.bytes[n:])]
	case core.ChildExited, core.ChildStopped:
		w.checkEnd(ev)
	case core.ChildStarted:
		p := w.Kernel.ProcessOf(ev.PID)
		if p == nil && t.hasReaped(ev.PID, ev.Generation) {
			return // it has ended since
		}
		if p == nil || p.Generation != ev.Generation || p.Executing || p.Failed {
			w.Fail(stage.Adapter, "generation %d is said to have started as %d, which it has not", ev.Generation, ev.PID)
		}
	case core.ChildStartFailed:
		w.checkShortage(ev.Errno)
		for _, p := range w.Kernel.Processes() {
			p.Failed = p.Failed || p.Generation == ev.Generation
			if p.Generation == ev.Generation && p.Alive() && !w.Servers[p.Slot].Condemned && !w.Kernel.FailedKill() {
				w.Fail(stage.Adapter, "the start of generation %d is said to have failed, and it lives", ev.Generation)
			}
		}
	case core.ChildChannelClosed:
		if c := w.Book.Child(ev.Generation); c == nil || c.Retired {
			w.Fail(stage.Adapter, "generation %d is said to have closed its channel, which was cut", ev.Generation)
		}
	case core.WakeupSent:
		w.checkWakeup(ev.Request)
	case core.ConfigLoaded, core.ConfigRejected:
		t.loads = max(0, t.loads-1)
	case core.SignalReceived:
		switch {
		case ev.Signal == core.SIGHUP:
			t.mail.Hangup = false
		case t.mail.Signal != ev.Signal || t.loads > 0 || t.mail.Hangup:
			w.Fail(stage.Adapter, "signal %d comes to the machine out of its order", ev.Signal)
		case w.Patience.ends && !t.Refused && w.Kernel.Sweeps() == w.Patience.sweeps:
			w.Fail(stage.Adapter, "signal %d ends the daemon before it asks who has ended", ev.Signal)
		default:
			t.mail.Signal = 0
		}
	case core.TimerExpired:
		if !t.timed || t.deadline > w.Now {
			w.Fail("L7", "the timer fires at %d, it was set to %d", w.Now, t.deadline)
		}
	}
}

// hasReaped reports whether a child has ended and is to be told of.
func (t *truth) hasReaped(pid core.PID, g core.Generation) bool {
	for i := range t.reaped {
		if r := &t.reaped[i]; r.PID == pid && r.generation == g && !r.silent {
			return true
		}
	}
	return false
}

// checkEnd: a process is told of as its status was taken, once, and after all that it
// wrote.
func (w *World) checkEnd(ev *core.Event) {
	t := &w.Truth
	for i := range t.reaped {
		r := &t.reaped[i]
		if r.PID != ev.PID || r.silent && r.Stopped == 0 {
			continue
		}
		if r.silent { // it is nobody's child, and may be stopped
			r.generation = 0
		}
		status := r.Status
		if r.stolen {
			status = 0
		}
		if r.generation != ev.Generation || r.Stopped != ev.Signal || ev.Kind == core.ChildExited && status != ev.Status {
			w.Fail(stage.Adapter, "process %d, generation %d, %v, is told of as generation %d, %v", r.PID, r.generation, status, ev.Generation, ev.Status)
		}
		t.reaped = append(t.reaped[:i], t.reaped[i+1:]...)
		if ev.Kind == core.ChildExited {
			if x := t.of(ev.Generation); len(x.bytes) > 0 {
				w.Fail("S6", "%x of generation %d is not told of before its end", x.bytes, ev.Generation)
			}
			t.forget(ev.Generation)
		}
		return
	}
	w.Fail(stage.Adapter, "process %d is told of, which nobody reaped", ev.PID)
}

// checkWakeup: a request that is said to be out is out.
func (w *World) checkWakeup(r core.Request) {
	for i := range w.Truth.waking {
		x := w.Truth.waking[i]
		if x.request != r {
			continue
		}
		w.Truth.waking = append(w.Truth.waking[:i], w.Truth.waking[i+1:]...)
		if s := w.Book.Service(x.service); s != nil && !w.Kernel.TakeWakeup(mastercf.Reachable(s.Endpoints[0])) {
			w.Fail("L6", "wakeup %d of service %d is said to be sent, and was not", r, x.service)
		}
		return
	}
}

// took notes what the daemon takes out of its mailbox.
func (t *truth) took(m *osadapter.Mail) {
	t.mail, t.loads = osadapter.Mail{Hangup: m.Hangup, Ends: m.Ends, Signal: m.Signal}, len(m.Events)
}

// Line notes a line of the log.
func (t *truth) Line(level core.Level, text string) {
	t.fatal = t.fatal || level == core.LevelFatal
	if level == core.LevelWarning && strings.HasPrefix(text, "no service is enabled") {
		t.Empty = false
	}
}

// checkMail: what was taken out of the mailbox has come to the machine, the signal that
// ends it last.
func (w *World) checkMail() {
	t := &w.Truth
	if t.loads > 0 || t.mail.Hangup || t.mail.Signal != 0 {
		w.Fail(stage.Adapter, "%d answers, hangup %v and signal %d were left for the daemon, and the machine has not got them", t.loads, t.mail.Hangup, t.mail.Signal)
	}
	if t.mail.Ends && !t.Refused && w.Kernel.Sweeps() == t.sweeps && !w.Daemon.Driver.Books().Sweep {
		w.Fail(stage.Adapter, "the daemon was told that processes have ended, and did not look")
	}
	t.mail, t.sweeps, t.Refused = osadapter.Mail{}, w.Kernel.Sweeps(), false
}

// CheckEnding: the process ends as the machine says.
func (w *World) CheckEnding(e *osadapter.Ending) {
	a := &w.Truth.exit
	if e != nil && (e.Code != int(a.Number) || e.Signal != a.Signal || e.Fatal != w.Truth.fatal) {
		w.Fail("L5", "the process ends with code %d, signal %d, fatal %v; the machine said %d, %d, a fatal line: %v",
			e.Code, e.Signal, e.Fatal, a.Number, a.Signal, w.Truth.fatal)
	}
}

// CheckActions notes what the step asks of the adapter.
func (w *World) CheckActions(actions []core.Action) {
	t := &w.Truth
	t.signals = t.signals[:0]
	for i := range actions {
		switch a := &actions[i]; a.Kind {
		case core.SignalChild:
			t.signals = append(t.signals, asked{pid: a.PID, signal: a.Signal})
		case core.WakeService:
			t.waking = append(t.waking, errand{a.Request, a.Service})
		case core.CloseListener:
			if int(a.Service) < len(w.Ears) {
				t.closing = append(t.closing, w.Ears[a.Service][a.Listener])
			}
		case core.SignalGroup:
			t.Ready = false
		case core.Announce:
			t.Told--
		case core.Exit:
			t.exit = *a
		}
	}
}

// Signaled notes a signal that the daemon sends.
func (w *World) Signaled(p *kernel.Process, s core.Signal) {
	if s == core.SIGKILL && (p.Executing || p.Failed) {
		w.Servers[p.Slot].Condemned = true
		return
	}
	for i := range w.Truth.signals {
		if x := &w.Truth.signals[i]; x.pid == p.PID && x.signal == s && !x.sent {
			x.sent = true
			return
		}
	}
	if s != core.SIGTERM || !w.Kernel.GroupKilled() {
		w.Fail("S10", "signal %d goes to process %d, which nobody asked for", s, p.PID)
	}
}

// CheckDone: when a step is carried out, all that it asked for has gone out.
func (w *World) CheckDone() {
	t := &w.Truth
	for i := range t.signals {
		x := &t.signals[i]
		if p := w.Kernel.ProcessOf(x.pid); !x.sent && p != nil && p.Alive() && !w.Kernel.FailedKill() {
			w.Fail("S10", "signal %d to process %d did not go out", x.signal, x.pid)
		}
	}
	for _, l := range t.closing { // a child may still hold it
		if l != nil && l.Listens() && !l.Broken {
			w.Fail("L3", "a listener of a removed service is closed, and whoever waits in it is not refused")
		}
	}
	t.closing = t.closing[:0]
	t.deadline, t.timed = w.Daemon.Machine.Deadline()
	if t.Empty {
		w.Fail(stage.Adapter, "nobody is told that there is no service any more")
	}
	if t.Told != 0 {
		w.Fail("S8", "it is announced %d times too often that the daemon is up", t.Told)
	}
	t.signals = t.signals[:0]
}

// CheckTurn: at the end of a turn nothing is left untold.
func (w *World) CheckTurn() {
	t := &w.Truth
	for i := range t.reaped {
		if r := &t.reaped[i]; !r.silent {
			w.Fail(stage.Adapter, "the end of process %d, generation %d, is not told of", r.PID, r.generation)
		}
	}
	t.reaped = t.reaped[:0]
	w.checkMail()
	for i := range t.heard {
		if x := &t.heard[i]; len(x.bytes) > 0 {
			w.Fail("S6", "%x of generation %d is not told of in its turn", x.bytes, x.generation)
		}
	}
	if when, ok := w.Daemon.Machine.Deadline(); ok && when <= w.Now {
		w.Fail("L7", "the timer of the machine was due at %d and did not fire", when)
	}
}

// CheckWait: the wait ends in time for whatever is to be done without a wake-up.
func (w *World) CheckWait(wait core.Duration, bounded bool) {
	if when, ok := w.Daemon.Machine.Deadline(); ok && (!bounded || wait > max(0, when.Sub(w.Now))) {
		w.Fail("L7", "the daemon waits beyond the deadline of its machine")
	}
	w.Daemon.Wait, w.Daemon.Bounded = wait, bounded
	if t := &w.Truth; !t.Flushed && !(bounded && wait == 0) || t.Kept && (!bounded || wait > stage.RetryTime) {
		w.Fail("L7", "log lines are kept, and the daemon does not try again soon to hand them over")
	}
	if w.Kernel.QuestionOwed() && (!bounded || wait > stage.RetryTime) {
		w.Fail("L7", "the daemon does not try again soon what has failed")
	}
	for _, p := range w.Kernel.Processes() {
		if p.Executing && !p.Failed && (!bounded || wait > stage.RetryTime) {
			w.Fail("L7", "the daemon does not look after the start of generation %d", p.Generation)
			return
		}
	}
}

// GroupSignaled comes with a signal to the process group: the daemon must survive it.
func (w *World) GroupSignaled() {
	if !w.Truth.Ready {
		w.Fail(stage.Adapter, "the daemon signals its own group unprepared")
	}
}
