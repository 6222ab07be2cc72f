package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
	"github.com/stationmaster/stationmaster/sim/internal/stage"
	"github.com/stationmaster/stationmaster/sim/kernel"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/tape"
	"github.com/stationmaster/stationmaster/sim/witness"
)

// host is the world as its kernel sees it.
type host struct{ w *World }

// Between lets somebody go on while the daemon makes a call: one of the children, or
// what comes from outside, if it would soon.
func (h host) Between(c fault.Call) {
	w := h.w
	if w.Calm.On || w.Daemon.Gone {
		return
	}
	heap := w.Schedule.Heap
	first := -1
	for i := range heap {
		d := &heap[i]
		mayCome := d.What.OfServer() || d.What.FromOutside() || d.What == agenda.ExecEnds && w.mayExecute(c, d.Ref)
		if mayCome && d.When <= w.Now.Add(betweenReach) && (first < 0 || d.Before(&heap[first])) {
			first = i
		}
	}
	if first >= 0 {
		d := heap[first]
		w.Schedule.Remove(first)
		if !w.Stale(&d) {
			w.happen(&d)
		}
		return
	}
	if w.O.OperatorMS > 0 && w.Choose.Below(4, tape.Operator) == 3 {
		w.Signal(core.SIGHUP)
	}
}

// mayExecute reports whether the program of a process may be executed before the call of
// the daemon: not on a dead disk, and not between its look and its signal, for nobody
// can avoid that.
func (w *World) mayExecute(c fault.Call, slot int32) bool {
	s := &w.Servers[slot]
	return !s.Dead && !(c == fault.Kill && s.P != nil && w.Kernel.Signalling() == s.P.PID)
}

// betweenReach is how much earlier something may come because the daemon was slow.
const betweenReach = 100 * core.Millisecond

// Start draws what becomes of a start.
func (h host) Start(path string) (e core.Errno, late bool) {
	w := h.w
	if w.Programs != nil {
		return w.StartScripted(path)
	}
	switch {
	case w.Choose.Chance(w.O.ForkFail, tape.Start):
		return [2]core.Errno{core.EAGAIN, core.ENOMEM}[w.Choose.Below(2, tape.Start)], false
	case w.Choose.Chance(w.O.ExecFail, tape.Start):
		return [3]core.Errno{core.ENOENT, core.EACCES, core.EIO}[w.Choose.Below(3, tape.Start)], false
	}
	return 0, w.Choose.Chance(w.O.ExecLate, tape.Start)
}

// Started is the birth of a child.
func (h host) Started(p *kernel.Process) { h.w.Born(p) }

// Ended comes with every end of a process.
func (h host) Ended() { h.w.SomeoneEnded() }

// Reaped comes when the status of a process is taken.
func (h host) Reaped(p *kernel.Process) {
	h.w.Note(witness.ProcessReaped, stage.Noted{Generation: p.Generation, PID: p.PID})
}

// Signaled lets a signal of the daemon arrive, after a while.
func (h host) Signaled(p *kernel.Process, s core.Signal) {
	h.w.Signaled(p, s)
	h.w.Met(witness.KilledAfterGrace, s == core.SIGKILL && !p.Executing)
	h.w.Kill(p.Slot, s)
}

// Readable wakes the servers that wait for what can be read now.
func (h host) Readable(slots uint64) {
	for slot := int32(0); slots != 0; slot, slots = slot+1, slots>>1 {
		if slots&1 == 1 {
			h.w.WakeServer(slot)
		}
	}
}

// ClientChanged ends a client whose connection is over.
func (h host) ClientChanged(client int32) { h.w.ClientChanged(client - 1) }

// DaemonReady ends the daemon's wait.
func (h host) DaemonReady() { h.w.DaemonReady() }

// Reported is called with what the daemon learned of a process.
func (h host) Reported(p *kernel.Process, r sys.Reaped, stolen bool) { h.w.Reported(p, r, stolen) }

// Heard is called with what the daemon read from the status channel of a child.
func (h host) Heard(g core.Generation, b []byte) { h.w.Heard(g, b) }

// GroupSignaled is called with a signal of the daemon to its process group.
func (h host) GroupSignaled(core.Signal) { h.w.GroupSignaled() }
