package kernel

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/kernel/fault"
	"github.com/stationmaster/stationmaster/sim/kernel/object"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// PollOpen makes a poll set.
func (k *Kernel) PollOpen() (sys.FD, core.Errno) {
	if e := k.Enter(fault.PollOpen); e != 0 {
		return sys.None, e
	}
	if !k.Room(1) {
		return sys.None, core.EMFILE
	}
	return k.Install(k.Describe(object.SetKind)), 0
}

// find returns the set and the description of fd; m is nil when it is no member.
func (k *Kernel) find(in, fd sys.FD, c fault.Call) (s, d *object.Description, m *object.Member, e core.Errno) {
	s, d = k.at(in, c), k.at(fd, c)
	switch {
	case s == nil || d == nil:
		return nil, nil, nil, core.EBADF
	case s.Kind != object.SetKind || d.Kind == object.SetKind:
		k.Breach("%s of descriptor %d in %d, which is no poll set", c, fd, in)
		return nil, nil, nil, core.EINVAL
	}
	if m := d.Member; m != nil && m.FD == fd {
		return s, d, m, 0
	}
	return s, d, nil, 0
}

// PollAdd puts a descriptor into the set.
func (k *Kernel) PollAdd(in, fd sys.FD, key uint64, read, write bool) core.Errno {
	if e := k.Enter(fault.PollAdd); e != 0 {
		return e
	}
	s, d, _, e := k.find(in, fd, fault.PollAdd)
	switch {
	case e != 0:
		return e
	case d.Member != nil:
		k.Breach("descriptor %d is in the poll set already", fd)
		return core.EEXIST
	}
	var m *object.Member
	if n := len(s.Set.Unused); n > 0 {
		m, s.Set.Unused = s.Set.Unused[n-1], s.Set.Unused[:n-1]
	} else {
		m = new(object.Member)
	}
	*m = object.Member{Set: s, FD: fd, Of: d, Key: key, Read: read, Write: write, At: len(s.Set.Members)}
	d.Member = m
	s.Set.Members = append(s.Set.Members, m)
	k.QueueReady(m)
	return 0
}

// PollModify changes key and interest of a member.
func (k *Kernel) PollModify(in, fd sys.FD, key uint64, read, write bool) core.Errno {
	if e := k.Enter(fault.PollModify); e != 0 {
		if d := k.Description(fd); d != nil && d.Member != nil {
			d.Member.Failed = k.waits
		}
		return e
	}
	_, _, m, e := k.find(in, fd, fault.PollModify)
	switch {
	case e != 0:
		return e
	case m == nil:
		k.Breach("descriptor %d is not in the poll set", fd)
		return core.ENOENT
	}
	m.Key, m.Read, m.Write, m.Failed = key, read, write, 0
	k.QueueReady(m)
	return 0
}

// PollRemove takes a descriptor out of the set.
func (k *Kernel) PollRemove(in, fd sys.FD) core.Errno {
	if e := k.Enter(fault.PollRemove); e != 0 {
		return e
	}
	_, d, m, e := k.find(in, fd, fault.PollRemove)
	switch {
	case e != 0:
		return e
	case m == nil:
		k.Breach("descriptor %d is not in the poll set", fd)
		return core.ENOENT
	}
	k.LeaveSet(d)
	return 0
}

// PollWait returns what is ready now; it never waits. By chance something comes one
// wait late, or was ready only until somebody else was faster.
func (k *Kernel) PollWait(in sys.FD, buffer []sys.PollEvent) (n int) {
	s := &k.Descriptors[in].Set
	k.Decide()
	k.waits++
	list := s.Ready
	s.Ready, s.Spare = s.Spare[:0], nil
	for i, m := range list {
		e, ready := m.Report()
		switch {
		case n == len(buffer):
			s.Ready = append(s.Ready, list[i:]...)
			s.Spare = list[:0]
			return n
		case !ready:
			m.Queued = false
			continue
		case !k.Choose.Chance(k.Odds.Late, tape.Kernel):
			buffer[n] = e
			n++
		}
		s.Ready = append(s.Ready, m)
	}
	s.Spare = list[:0]
	if n < len(buffer) && len(s.Members) > 0 && k.Choose.Chance(k.Odds.Spurious, tape.Kernel) {
		m := s.Members[k.Choose.Below(uint32(len(s.Members)), tape.Kernel)]
		if !m.Queued && (m.Read || m.Write) {
			buffer[n] = sys.PollEvent{Key: m.Key, Read: m.Read, Write: m.Write}
			n++
		}
	}
	return n
}

// ChangeOwed reports whether a change of the poll set is still to be made again.
func (k *Kernel) ChangeOwed(in sys.FD) bool {
	return slices.ContainsFunc(k.Descriptors[in].Set.Members, k.Owed)
}

// Owed reports whether the latest change of the member failed, and is still to be
// made again. The daemon makes it again before each wait, and that may fail too: it is
// owed for as long as a try failed after the last wait but one.
func (k *Kernel) Owed(m *object.Member) bool { return m.Failed > 0 && m.Failed >= k.waits-1 }

// WakerOpen makes a descriptor that is readable after WakerWake until WakerDrain.
func (k *Kernel) WakerOpen() (sys.FD, core.Errno) {
	if e := k.Enter(fault.WakerOpen); e != 0 {
		return sys.None, e
	}
	if !k.Room(1) {
		return sys.None, core.EMFILE
	}
	return k.Install(k.Describe(object.WakerKind)), 0
}

// WakerWake makes the waker readable. It is a call of whoever leaves something for
// the daemon.
func (k *Kernel) WakerWake(waker sys.FD) core.Errno {
	d := k.at(waker, fault.WakerDrain)
	if d == nil {
		return core.EBADF
	}
	d.Woken = true
	k.Changed(d)
	return 0
}

// WakerDrain makes the waker unreadable until the next WakerWake.
func (k *Kernel) WakerDrain(waker sys.FD) core.Errno {
	k.Enter(fault.WakerDrain)
	d := k.at(waker, fault.WakerDrain)
	if d == nil {
		return core.EBADF
	}
	d.Woken = false
	return 0
}
