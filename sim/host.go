package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
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
	if w.calm.on || w.daemon.gone {
		return
	}
	heap := w.schedule.Heap
	first := -1
	for i := range heap {
		d := &heap[i]
		mayCome := d.What.OfServer() || d.What.FromOutside() || d.What == agenda.ExecEnds && !w.servers[d.Ref].dead
		if mayCome && d.When <= w.now.Add(betweenReach) && (first < 0 || d.Before(&heap[first])) {
			first = i
		}
	}
	if first >= 0 {
		d := heap[first]
		w.schedule.Remove(first)
		if !w.stale(&d) {
			w.happen(&d)
		}
		return
	}
	if w.o.OperatorMS > 0 && w.choose.Below(4, tape.Operator) == 3 {
		w.signal(core.SIGHUP)
	}
}

// betweenReach is how much earlier something may come because the daemon was slow.
const betweenReach = 100 * core.Millisecond

// Start draws what becomes of a start.
func (h host) Start(path string) (e core.Errno, late bool) {
	w := h.w
	if w.programs != nil {
		return w.startScripted(path)
	}
	switch {
	case w.choose.Chance(w.o.ForkFail, tape.Start):
		return [2]core.Errno{core.EAGAIN, core.ENOMEM}[w.choose.Below(2, tape.Start)], false
	case w.choose.Chance(w.o.ExecFail, tape.Start):
		return [3]core.Errno{core.ENOENT, core.EACCES, core.EIO}[w.choose.Below(3, tape.Start)], false
	}
	return 0, w.choose.Chance(w.o.ExecLate, tape.Start)
}

// Started is the birth of a child.
func (h host) Started(p *kernel.Process) { h.w.born(p) }

// Ended comes with every end of a process.
func (h host) Ended() { h.w.someoneEnded() }

// Reaped comes when the status of a process is taken.
func (h host) Reaped(p *kernel.Process) {
	h.w.note(witness.ProcessReaped, noted{Generation: p.Generation, PID: p.PID})
}

// Signaled lets a signal of the daemon arrive, after a while.
func (h host) Signaled(p *kernel.Process, s core.Signal) {
	h.w.signaled(p, s)
	h.w.met(witness.KilledAfterGrace, s == core.SIGKILL && !p.Executing)
	h.w.kill(p.Slot, s)
}

// Readable wakes the servers that wait for what can be read now.
func (h host) Readable(slots uint64) {
	for slot := int32(0); slots != 0; slot, slots = slot+1, slots>>1 {
		if slots&1 == 1 {
			h.w.wakeServer(slot)
		}
	}
}

// ClientChanged ends a client whose connection is over.
func (h host) ClientChanged(client int32) { h.w.clientChanged(client - 1) }

// DaemonReady ends the daemon's wait.
func (h host) DaemonReady() { h.w.daemonReady() }
