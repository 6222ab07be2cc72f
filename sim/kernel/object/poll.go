package object

import (
	"slices"

	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// set is a poll set: level-triggered, and what it holds are descriptions under
// the number that they had when they were added. A description that a child
// still holds stays in it when the daemon has closed its number.
//
// As in Linux, what becomes ready joins a list, and whoever was reported stays at
// its end until a wait finds it unready.
type set struct {
	Members []*Member
	Ready   []*Member
	Spare   []*Member
	Unused  []*Member
}

// Member is a description in a poll set.
type Member struct {
	Set         *Description
	FD          sys.FD
	Of          *Description
	Key         uint64
	Read, Write bool
	Queued      bool // in ready
	At          int  // in members
	Failed      int  // the wait after which the latest change of it failed; 0: it did not
}

// LeaveSet takes a description out of its poll set.
func (t *Table) LeaveSet(d *Description) {
	m := d.Member
	s := &m.Set.Set
	last := s.Members[len(s.Members)-1]
	s.Members[m.At], last.At = last, m.At
	s.Members = s.Members[:len(s.Members)-1]
	if m.Queued {
		s.Ready = slices.DeleteFunc(s.Ready, func(o *Member) bool { return o == m })
	}
	d.Member = nil
	s.Unused = append(s.Unused, m)
}

// QueueReady puts a member that is ready into the list of its set. It may be there
// from the last wait on.
func (t *Table) QueueReady(m *Member) {
	if _, ready := m.Report(); !ready {
		return
	}
	if !m.Queued {
		m.Queued = true
		m.Set.Set.Ready = append(m.Set.Set.Ready, m)
	}
	t.watcher.DaemonReady()
}

// readiness is what a poll set can report.
type readiness struct{ read, write, hangup, failure bool }

// Readable reports whether a process that waits to read goes on.
func (r readiness) readable() bool { return r.read || r.hangup || r.failure }

func (d *Description) readiness() readiness {
	switch d.Kind {
	case SocketKind:
		return d.socket.readiness()
	case PipeKind:
		p := d.Pipe
		return readiness{
			read:    d.Reads && len(p.bytes) > 0,
			write:   d.Writes && len(p.bytes) < p.limit,
			hangup:  d.Reads && p.writers == 0,
			failure: d.Writes && p.Readers == 0,
		}
	case WakerKind:
		return readiness{read: d.Woken}
	}
	return readiness{}
}

// Report is what the set says of a member now.
func (m *Member) Report() (e sys.PollEvent, ready bool) {
	r := m.Of.readiness()
	e = sys.PollEvent{Key: m.Key, Read: r.read && m.Read, Write: r.write && m.Write, Hangup: r.hangup, Error: r.failure}
	return e, e.Read || e.Write || e.Hangup || e.Error
}

// DaemonIsReady reports whether a wait would report something.
func (t *Table) DaemonIsReady(in sys.FD) bool {
	for _, m := range t.Descriptors[in].Set.Ready {
		if _, ready := m.Report(); ready {
			return true
		}
	}
	return false
}

// HangsUp reports whether the poll set reports the hangup of a member of this name in
// which it has no interest: it would do so for ever.
func (t *Table) HangsUp(in sys.FD, key uint64) bool {
	for _, m := range t.Descriptors[in].Set.Members {
		if m.Key == key && !m.Read && !m.Write && m.Of.readiness().hangup {
			return true
		}
	}
	return false
}

// Polled reports whether the poll set reports when the descriptor can be read.
func (t *Table) Polled(fd sys.FD) bool {
	d := t.Description(fd)
	return d != nil && d.Member != nil && d.Member.Read
}

// Polled reports whether the daemon's poll set says when it can be read.
func (d *Description) Polled() bool { return d.Member != nil && d.Member.Read }
