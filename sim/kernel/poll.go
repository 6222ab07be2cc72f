package kernel

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// set is a poll set: level-triggered, and what it holds are descriptions under
// the number that they had when they were added. A description that a child
// still holds stays in it when the daemon has closed its number.
//
// As in Linux, what becomes ready joins a list, and whoever was reported stays at
// its end until a wait finds it unready.
type set struct {
	members []*member
	ready   []*member
	spare   []*member
	unused  []*member
}

type member struct {
	set         *Description
	fd          sys.FD
	of          *Description
	key         uint64
	read, write bool
	queued      bool // in ready
	at          int  // in members
	failed      int  // the wait after which the latest change of it failed; 0: it did not
}

// PollOpen makes a poll set.
func (k *Kernel) PollOpen() (sys.FD, core.Errno) {
	if e := k.enter(callPollOpen); e != 0 {
		return sys.None, e
	}
	if !k.room(1) {
		return sys.None, core.EMFILE
	}
	return k.install(k.describe(setKind)), 0
}

// find returns the set and the description of fd; m is nil when it is no member.
func (k *Kernel) find(in, fd sys.FD, c Call) (s, d *Description, m *member, e core.Errno) {
	s, d = k.at(in, c), k.at(fd, c)
	switch {
	case s == nil || d == nil:
		return nil, nil, nil, core.EBADF
	case s.kind != setKind || d.kind == setKind:
		k.breach("%s of descriptor %d in %d, which is no poll set", c, fd, in)
		return nil, nil, nil, core.EINVAL
	}
	if m := d.member; m != nil && m.fd == fd {
		return s, d, m, 0
	}
	return s, d, nil, 0
}

// PollAdd puts a descriptor into the set.
func (k *Kernel) PollAdd(in, fd sys.FD, key uint64, read, write bool) core.Errno {
	if e := k.enter(callPollAdd); e != 0 {
		return e
	}
	s, d, _, e := k.find(in, fd, callPollAdd)
	switch {
	case e != 0:
		return e
	case d.member != nil:
		k.breach("descriptor %d is in the poll set already", fd)
		return core.EEXIST
	}
	var m *member
	if n := len(s.set.unused); n > 0 {
		m, s.set.unused = s.set.unused[n-1], s.set.unused[:n-1]
	} else {
		m = new(member)
	}
	*m = member{set: s, fd: fd, of: d, key: key, read: read, write: write, at: len(s.set.members)}
	d.member = m
	s.set.members = append(s.set.members, m)
	k.queueReady(m)
	return 0
}

// PollModify changes key and interest of a member.
func (k *Kernel) PollModify(in, fd sys.FD, key uint64, read, write bool) core.Errno {
	if e := k.enter(callPollModify); e != 0 {
		if d := k.Description(fd); d != nil && d.member != nil {
			d.member.failed = k.waits
		}
		return e
	}
	_, _, m, e := k.find(in, fd, callPollModify)
	switch {
	case e != 0:
		return e
	case m == nil:
		k.breach("descriptor %d is not in the poll set", fd)
		return core.ENOENT
	}
	m.key, m.read, m.write, m.failed = key, read, write, 0
	k.queueReady(m)
	return 0
}

// PollRemove takes a descriptor out of the set.
func (k *Kernel) PollRemove(in, fd sys.FD) core.Errno {
	if e := k.enter(callPollRemove); e != 0 {
		return e
	}
	_, d, m, e := k.find(in, fd, callPollRemove)
	switch {
	case e != 0:
		return e
	case m == nil:
		k.breach("descriptor %d is not in the poll set", fd)
		return core.ENOENT
	}
	k.leaveSet(d)
	return 0
}

// leaveSet takes a description out of its poll set.
func (k *Kernel) leaveSet(d *Description) {
	m := d.member
	s := &m.set.set
	last := s.members[len(s.members)-1]
	s.members[m.at], last.at = last, m.at
	s.members = s.members[:len(s.members)-1]
	if m.queued {
		s.ready = slices.DeleteFunc(s.ready, func(o *member) bool { return o == m })
	}
	d.member = nil
	s.unused = append(s.unused, m)
}

// queueReady puts a member that is ready into the list of its set. It may be there
// from the last wait on.
func (k *Kernel) queueReady(m *member) {
	if _, ready := m.report(); !ready {
		return
	}
	if !m.queued {
		m.queued = true
		m.set.set.ready = append(m.set.set.ready, m)
	}
	k.host.DaemonReady()
}

// readiness is what a poll set can report.
type readiness struct{ read, write, hangup, failure bool }

// readable reports whether a process that waits to read goes on.
func (r readiness) readable() bool { return r.read || r.hangup || r.failure }

func (d *Description) readiness() readiness {
	switch d.kind {
	case socketKind:
		return d.socket.readiness()
	case pipeKind:
		p := d.pipe
		return readiness{
			read:    d.reads && len(p.bytes) > 0,
			write:   d.writes && len(p.bytes) < p.limit,
			hangup:  d.reads && p.writers == 0,
			failure: d.writes && p.readers == 0,
		}
	case wakerKind:
		return readiness{read: d.woken}
	}
	return readiness{}
}

// report is what the set says of a member now.
func (m *member) report() (e sys.PollEvent, ready bool) {
	r := m.of.readiness()
	e = sys.PollEvent{Key: m.key, Read: r.read && m.read, Write: r.write && m.write, Hangup: r.hangup, Error: r.failure}
	return e, e.Read || e.Write || e.Hangup || e.Error
}

// PollWait returns what is ready now; it never waits. By chance something comes one
// wait late, or was ready only until somebody else was faster.
func (k *Kernel) PollWait(in sys.FD, buffer []sys.PollEvent) (n int) {
	s := &k.table[in].set
	k.decide()
	k.waits++
	list := s.ready
	s.ready, s.spare = s.spare[:0], nil
	for i, m := range list {
		e, ready := m.report()
		switch {
		case n == len(buffer):
			s.ready = append(s.ready, list[i:]...)
			s.spare = list[:0]
			return n
		case !ready:
			m.queued = false
			continue
		case !k.Choose.Chance(k.Odds.Late, tape.Kernel):
			buffer[n] = e
			n++
		}
		s.ready = append(s.ready, m)
	}
	s.spare = list[:0]
	if n < len(buffer) && len(s.members) > 0 && k.Choose.Chance(k.Odds.Spurious, tape.Kernel) {
		m := s.members[k.Choose.Below(uint32(len(s.members)), tape.Kernel)]
		if !m.queued && (m.read || m.write) {
			buffer[n] = sys.PollEvent{Key: m.key, Read: m.read, Write: m.write}
			n++
		}
	}
	return n
}

// DaemonIsReady reports whether a wait would report something.
func (k *Kernel) DaemonIsReady(in sys.FD) bool {
	for _, m := range k.table[in].set.ready {
		if _, ready := m.report(); ready {
			return true
		}
	}
	return false
}

// HangsUp reports whether the poll set reports the hangup of a member of this name in
// which it has no interest: it would do so for ever.
func (k *Kernel) HangsUp(in sys.FD, key uint64) bool {
	for _, m := range k.table[in].set.members {
		if m.key == key && !m.read && !m.write && m.of.readiness().hangup {
			return true
		}
	}
	return false
}

// Polled reports whether the poll set reports when the descriptor can be read.
func (k *Kernel) Polled(fd sys.FD) bool {
	d := k.Description(fd)
	return d != nil && d.member != nil && d.member.read
}

// ChangeOwed reports whether a change of the poll set is still to be made again.
func (k *Kernel) ChangeOwed(in sys.FD) bool {
	return slices.ContainsFunc(k.table[in].set.members, k.owed)
}

// owed reports whether the latest change of the member failed, and is still to be
// made again. The daemon makes it again before each wait, and that may fail too: it is
// owed for as long as a try failed after the last wait but one.
func (k *Kernel) owed(m *member) bool { return m.failed > 0 && m.failed >= k.waits-1 }

// ChangeFailed reports whether a change of the poll set has ever failed.
func (k *Kernel) ChangeFailed() bool { return k.hits[callPollModify] > 0 }

// QuestionOwed reports whether the daemon could not ask who has ended when it tried last.
func (k *Kernel) QuestionOwed() bool { return k.inRow[callWait] > 0 }

// Connecting reports whether connections of the daemon are not decided.
func (k *Kernel) Connecting() bool { return len(k.connecting) > 0 }

// WakerOpen makes a descriptor that is readable after WakerWake until WakerDrain.
func (k *Kernel) WakerOpen() (sys.FD, core.Errno) {
	if e := k.enter(callWakerOpen); e != 0 {
		return sys.None, e
	}
	if !k.room(1) {
		return sys.None, core.EMFILE
	}
	return k.install(k.describe(wakerKind)), 0
}

// WakerWake makes the waker readable. It is a call of whoever leaves something for
// the daemon.
func (k *Kernel) WakerWake(waker sys.FD) core.Errno {
	d := k.at(waker, callWakerDrain)
	if d == nil {
		return core.EBADF
	}
	d.woken = true
	k.changed(d)
	return 0
}

// WakerDrain makes the waker unreadable until the next WakerWake.
func (k *Kernel) WakerDrain(waker sys.FD) core.Errno {
	k.enter(callWakerDrain)
	d := k.at(waker, callWakerDrain)
	if d == nil {
		return core.EBADF
	}
	d.woken = false
	return 0
}
