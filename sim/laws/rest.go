package laws

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/laws/internal/account"
)

// Pace says how fast everything is in the second phase of a world, when faults are off.
type Pace struct {
	Start core.Duration // a start, a wakeup, an accept
	Serve core.Duration // one client
	Idle  core.Duration // how long a server without clients lives, and what comes to its end besides
}

// Process is one that lives, as the world knows it.
type Process struct {
	Service    core.ServiceID
	Generation core.Generation
	BusyUntil  core.Time
	Blocked    bool // it waits for the accept lock, and looks at nothing else
}

// Patience is how long the oldest client of a service may wait: until its throttle ends,
// its predecessors are gone, and one who serves is free; who serves may take all who
// wait at the service's other listeners first. waiting counts all who wait there.
func (b *Book) Patience(s *Service, p Pace, living []Process, waiting int32) core.Duration {
	d := p.Start
	if s.Throttled {
		d += max(0, s.Release.Sub(b.Now))
	}
	if len(b.Outgoing) > 0 && b.Held(s) {
		d += 2 * account.RemovalGrace
	}
	for i := range living {
		if living[i].Service == s.ID {
			d = max(d, p.Start+living[i].BusyUntil.Sub(b.Now))
		}
	}
	if s.Starved {
		d += p.Idle // until an idle child of any service leaves
	}
	if s.Entry.ProcessLimit > 0 {
		d += core.Duration(4+waiting) * p.Serve
	}
	return d
}

// HeldBack reports whether the service wants descriptors, or has wanted them within
// that span: the services that were held back must share what is left.
func (b *Book) HeldBack(s *Service, now core.Time, span core.Duration) bool {
	return s.Starved || s.Freed != 0 && now.Sub(s.Freed) < span
}

// StillWaits states L1, and L2 of a throttled service: the client whose patience is over
// waits no more.
func (b *Book) StillWaits(s *Service) *Breach {
	law := "L1"
	if s.Throttled {
		law = "L2"
	}
	return b.late(law, "a client of service %d still waits (state %v, total %d, idle %d)", s.ID, b.State(s), s.Total, s.Idle)
}

// RemovedLive states L3: services that were removed by that epoch, some time ago, have
// no children.
func (b *Book) RemovedLive(epoch core.Epoch) *Breach {
	for _, s := range b.Outgoing {
		if s.Until <= epoch {
			return b.late("L3", "%d children of removed service %d live", s.Total, s.ID)
		}
	}
	return nil
}

// OldLive states L4: children that were there before a reload, some time ago, are gone.
// Whoever is blocked looks at nothing else.
func (b *Book) OldLive(before core.Generation, living []Process) *Breach {
	for i := range living {
		p := &living[i]
		if s := b.Service(p.Service); !p.Blocked && p.Generation < before && s != nil && s.Life == Active {
			return b.late("L4", "generation %d lives on after the reload", p.Generation)
		}
	}
	return nil
}

// Outlived states L5: nobody outlives the master by more than the service that was
// under way.
func (b *Book) Outlived(living []Process) *Breach {
	for i := range living {
		return b.late("L5", "generation %d outlives the master", living[i].Generation)
	}
	return nil
}

// Silence states L7, and with it that nothing that was due is still to come (L1, L2, L6):
// no client has come for longer than idle, which is how long an idle server lives. The
// wakeups of a service may reach the servers of another that has the same address:
// these stay, and with them the want of descriptors.
func (b *Book) Silence(now core.Time, idle core.Duration, living []Process) *Breach {
	for i := range living {
		p := &living[i]
		if s := b.Service(p.Service); p.silent(now, idle) && (s == nil || s.Entry.WakeupInterval == 0) {
			return b.late("L7", "generation %d of service %d lives in silence", p.Generation, p.Service)
		}
	}
	for _, s := range b.InForce {
		var wrong *Breach
		switch {
		case s.WakeAt != 0 && s.WakeAt < now:
			wrong = b.late("L6", "the wakeup of service %d is overdue", s.ID)
		case s.Throttled && s.Release < now:
			wrong = b.late("L2", "service %d is still throttled", s.ID)
		case s.Starved && s.Entry.WakeupInterval == 0 && !visited(s.ID, now, idle, living):
			wrong = b.late("L1", "service %d is still held back for want of descriptors", s.ID)
		}
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

// silent reports whether the process has had no client for longer than idle.
func (p *Process) silent(now core.Time, idle core.Duration) bool { return now.Sub(p.BusyUntil) > idle }

// visited reports whether a server of the service has had a client within idle.
func visited(id core.ServiceID, now core.Time, idle core.Duration, living []Process) bool {
	for i := range living {
		if p := &living[i]; p.Service == id && !p.silent(now, idle) {
			return true
		}
	}
	return false
}

// Reloaded states L8 of two reloads at once: the newest file is in force, and was not
// read for nothing.
func (b *Book) Reloaded(newest bool, loads int) *Breach {
	if !newest {
		return b.late("L8", "another file than the newest is in force")
	}
	if loads < 2 || loads > 3 {
		return b.late("L8", "the file was read %d times for two reloads", loads)
	}
	return nil
}

// EndlessReload states L8 of a reload that goes on and on.
func (b *Book) EndlessReload() *Breach { return b.late("L8", "a reload does not end") }

// late makes the breach of a law of the second phase, if that may report.
func (b *Book) late(law, format string, args ...any) *Breach {
	if b.breach == nil && b.looksAt(law) {
		b.breach = &Breach{law, fmt.Sprintf(format, args...)}
	}
	return b.breach
}
