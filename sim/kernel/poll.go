package kernel

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// set is a poll set: level-triggered, and what it holds are descriptions under
// the number that they had when they were added. A description that a child
// still holds stays in it when the daemon has closed its number.
type set struct{ members []*member }

type member struct {
	set         *set
	fd          sys.FD
	of          *description
	key         uint64
	read, write bool
}

// PollOpen makes a poll set.
func (k *Kernel) PollOpen() (sys.FD, core.Errno) {
	if e := k.enter(callPollOpen); e != 0 {
		return sys.None, e
	}
	if !k.room(1) {
		return sys.None, core.EMFILE
	}
	return k.install(k.describe(description{kind: setKind, set: &set{}})), 0
}

// WakerOpen makes the waker.
func (k *Kernel) WakerOpen() (sys.FD, core.Errno) {
	if e := k.enter(callWakerOpen); e != 0 {
		return sys.None, e
	}
	if !k.room(1) {
		return sys.None, core.EMFILE
	}
	return k.install(k.describe(description{kind: wakerKind})), 0
}

// WakerWake makes the waker readable. It is for those beside the daemon's thread.
func (k *Kernel) WakerWake(waker sys.FD) { k.table[waker].awake = true }

// WakerDrain makes the waker unreadable. Others often leave something just then.
func (k *Kernel) WakerDrain(waker sys.FD) core.Errno {
	if k.between != nil && k.dice.chance(300) {
		k.between()
	}
	if e := k.enter(callWakerDrain); e != 0 {
		return e
	}
	d := k.at(waker, callWakerDrain)
	switch {
	case d == nil:
		return core.EBADF
	case d.kind != wakerKind:
		k.breach("drain of descriptor %d, which is no waker", waker)
		return core.EINVAL
	}
	d.awake = false
	return 0
}

// find gives the set, the description of fd, and its membership or nil.
func (k *Kernel) find(in, fd sys.FD, c Call) (*set, *description, *member, core.Errno) {
	s, d := k.at(in, c), k.at(fd, c)
	switch {
	case s == nil || d == nil:
		return nil, nil, nil, core.EBADF
	case s.kind != setKind || d.kind == setKind:
		k.breach("%s of descriptor %d in %d, which is no poll set", c, fd, in)
		return nil, nil, nil, core.EINVAL
	}
	for _, m := range d.member {
		if m.set == s.set && m.fd == fd {
			return s.set, d, m, 0
		}
	}
	return s.set, d, nil, 0
}

// PollAdd puts a descriptor into the set.
func (k *Kernel) PollAdd(in, fd sys.FD, key uint64, read, write bool) core.Errno {
	if e := k.enter(callPollAdd); e != 0 {
		return e
	}
	s, d, m, e := k.find(in, fd, callPollAdd)
	switch {
	case e != 0:
		return e
	case m != nil:
		k.breach("descriptor %d is in the poll set already", fd)
		return core.EEXIST
	}
	m = &member{set: s, fd: fd, of: d, key: key, read: read, write: write}
	d.member = append(d.member, m)
	s.members = append(s.members, m)
	return 0
}

// PollModify changes key and interest of a member.
func (k *Kernel) PollModify(in, fd sys.FD, key uint64, read, write bool) core.Errno {
	if e := k.enter(callPollModify); e != 0 {
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
	m.key, m.read, m.write = key, read, write
	return 0
}

// PollRemove takes a descriptor out of the set.
func (k *Kernel) PollRemove(in, fd sys.FD) core.Errno {
	if e := k.enter(callPollRemove); e != 0 {
		return e
	}
	s, d, m, e := k.find(in, fd, callPollRemove)
	switch {
	case e != 0:
		return e
	case m == nil:
		k.breach("descriptor %d is not in the poll set", fd)
		return core.ENOENT
	}
	gone := func(o *member) bool { return o == m }
	s.members, d.member = slices.DeleteFunc(s.members, gone), slices.DeleteFunc(d.member, gone)
	return 0
}

func (d *description) readiness() readiness {
	switch d.kind {
	case socketKind:
		return d.socket.readiness()
	case wakerKind:
		return readiness{read: d.awake}
	case pipeKind:
		p := d.pipe
		return readiness{
			read:    d.reads && len(p.bytes) > 0,
			write:   d.writes && len(p.bytes) < p.limit,
			hangup:  d.reads && p.writers == 0,
			failure: d.writes && p.readers == 0,
		}
	}
	return readiness{}
}

// PollWait gives what is ready now; it never waits. Who was reported goes to
// the end of the line. By chance something comes one turn late, or was ready
// only until somebody else was faster.
func (k *Kernel) PollWait(in sys.FD, buffer []sys.PollEvent) int {
	s := k.table[in].set
	k.decide()
	n := 0
	k.late = false
	var reported []*member
	for _, m := range s.members {
		if n == len(buffer) {
			break
		}
		r := m.of.readiness()
		e := sys.PollEvent{Key: m.key, Read: r.read && m.read, Write: r.write && m.write, Hangup: r.hangup, Error: r.failure}
		if !e.Read && k.dice.chance(5) {
			e.Read, e.Write = m.read, m.write
		}
		if ready := e.Read || e.Write || e.Hangup || e.Error; ready && k.dice.chance(50) {
			k.late = true
		} else if ready {
			buffer[n] = e
			n++
			reported = append(reported, m)
		}
	}
	for _, m := range reported {
		s.members = slices.DeleteFunc(s.members, func(o *member) bool { return o == m })
		s.members = append(s.members, m)
	}
	return n
}
