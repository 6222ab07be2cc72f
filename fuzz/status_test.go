package fuzz

import (
	"testing"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
)

const (
	messageSize = 12
	maxPieces   = 60 // of one talk

	complaintsOfOne = 16 // lines that one child can cause with what it sends
)

// number reads 32 bits in the byte order of this machine, by hand: the code that it
// checks uses a library.
func number(b []byte) uint32 {
	one := uint16(1)
	n := uint32(0)
	for i := range 4 {
		at := i
		if *(*byte)(unsafe.Pointer(&one)) == 1 {
			at = 3 - i
		}
		n = n<<8 | uint32(b[at])
	}
	return n
}

// speaker is a child as its service must see it, by a count of its own.
type speaker struct {
	generation core.Generation
	pid        core.PID
	service    int
	idle       bool
	served     bool // it was busy and reported that it is free again
	retired    bool
	complaints int
}

// hear returns the meaning of a message from the speaker. Only one of the right
// length, from the right channel, under its own pid and generation counts.
func (c *speaker) hear(b []byte) (understood bool) {
	if len(b) != messageSize || int32(number(b)) != int32(c.pid) || number(b[4:]) != uint32(c.generation&0xffffffff) {
		return false
	}
	switch number(b[8:]) {
	case 0:
		c.idle = false
	case 1:
		c.served = c.served || !c.idle
		c.idle = true
	default:
		return false
	}
	return true
}

// audience is a machine with three services, whose children are the speakers.
type audience struct {
	*honest
	speakers []speaker
}

const statusServices = 3

// statusConfig has a service without a limit, one for one child, and one that
// other hosts can reach.
func statusConfig(services int) *core.Config {
	c := &core.Config{MailVersion: "3.7.11", ConfigDirectory: "/etc/postfix"}
	for i := range services {
		name := choiceNames[i]
		c.Services = append(c.Services, core.ServiceConfig{
			Name: name, Canonical: name, Type: core.Unix, Line: int32(i + 1), Command: name, Path: "/d/" + name,
			Endpoints: []core.Endpoint{{Path: choicePaths[i]}}, ThrottleDelay: 60 * core.Second,
			ProcessLimit: []int32{0, 1, 40}[i], LocalOnly: i < 2,
		})
	}
	return c
}

// gather starts children: after each but the last of a service the one before
// is busy, as otherwise none would be started.
func gather(t testing.TB, r *reader, high bool) *audience {
	a := &audience{honest: newHonest(t, core.MachineOptions{GroupLeader: true})}
	if high { // generations that no longer fit the message
		k := core.NewCanon()
		m, err := k.Restore(k.Append(nil, a.m), core.RestoreBase{Generation: 1<<32 - 3})
		if err != nil {
			t.Fatal(err)
		}
		a.m = m
	}
	a.step(core.ConfigLoadedEvent(0, statusConfig(statusServices)))
	for range 1 + r.below(8) {
		a.start(r.below(statusServices))
	}
	return a
}

// start sends a client to a service; a child that is started for it is a speaker from
// then on.
func (a *audience) start(service int) {
	id := a.m.View().Services[service].ID
	before := len(a.children)
	for i := range a.children {
		if k := &a.children[i]; k.service == id && !k.busy && !k.retired {
			a.report(i)
			a.speakers[i].idle = false
		}
	}
	a.step(core.ListenerReadyEvent(id))
	if len(a.children) == before+1 {
		k := a.children[before]
		a.speakers = append(a.speakers, speaker{generation: k.generation, pid: k.pid, service: service, idle: true})
	}
}

// reload cuts all children off; with fewer services, those of removed ones are sent
// SIGTERM.
func (a *audience) reloadTo(services int) {
	a.reload(statusConfig(services))
	for i := range a.speakers {
		a.speakers[i].retired = true
	}
}

// count is what the view shows of a service.
type count struct{ total, idle, busy, retired int32 }

// agree checks that the machine counts what the speakers report.
func (a *audience) agree() {
	a.t.Helper()
	var want [statusServices]count
	for i := range a.speakers {
		c := &a.speakers[i]
		w := &want[c.service]
		w.total++
		switch {
		case c.retired:
			w.retired++
		case c.idle:
			w.idle++
		default:
			w.busy++
		}
	}
	view := a.m.View()
	seen := 0
	for i := range view.Services {
		s := &view.Services[i]
		seen += int(s.Total)
		for n, w := range want {
			if s.Name != choiceNames[n] {
				continue
			}
			if got := (count{s.Total, s.Idle, s.Busy, s.Retired}); got != w {
				a.t.Fatalf("service %s has %+v, want %+v", s.Name, got, w)
			}
			watched := s.State != core.StateStopping && w.idle == 0 && (s.Limit == 0 || w.total < s.Limit)
			if s.Watching != watched {
				a.t.Fatalf("service %s is watched: %v, with %+v", s.Name, s.Watching, w)
			}
		}
	}
	if seen != len(a.speakers) {
		a.t.Fatalf("%d children, want %d", seen, len(a.speakers))
	}
}

// say delivers a piece of what came over the channel of speaker i.
func (a *audience) say(i int, piece []byte) {
	a.t.Helper()
	c := &a.speakers[i]
	understood := c.hear(piece)
	var b [messageSize]byte
	copy(b[:], piece)
	a.took = a.took[:0]
	a.step(core.StatusReceivedEvent(c.generation, b, len(piece)))
	n := a.countActions()
	if understood {
		if bad := len(a.took) - n[core.WatchListener] - n[core.IgnoreListener] - n[core.Log]; bad != 0 {
			a.t.Fatalf("%x is answered with\n%s", piece, texts(a.took))
		}
	} else {
		c.complaints++
		told := 0
		if c.complaints <= complaintsOfOne {
			told = 1
		}
		if len(a.took) != told || n[core.Log] != told {
			a.t.Fatalf("bad message %d of this child, %x, is answered with\n%s", c.complaints, piece, texts(a.took))
		}
	}
	a.agree()
}

// leave ends speaker i with a crash: the service rests if it never served and
// is still wanted.
func (a *audience) leave(i int) {
	a.t.Helper()
	c := a.speakers[i]
	stopping, throttled := false, false
	for _, s := range a.m.View().Services {
		for _, child := range s.Children {
			if child.Generation == c.generation {
				stopping, throttled = s.State == core.StateStopping, s.Throttled
			}
		}
	}
	a.speakers = append(a.speakers[:i], a.speakers[i+1:]...)
	a.children = append(a.children[:i], a.children[i+1:]...)
	a.step(core.ChildExitedEvent(c.generation, c.pid, core.KilledBy(core.SIGSEGV)))
	want := throttled || !stopping && !c.served
	for _, s := range a.m.View().Services {
		if s.Name == choiceNames[c.service] && s.State != core.StateStopping && s.Throttled != want && !stopping {
			a.t.Fatalf("service %s rests: %v; its child had served: %v", s.Name, s.Throttled, c.served)
		}
	}
}

// FuzzStatus lets children of three services, some of them cut off by a reload
// and some of a removed service, write what they like: scene selects the children,
// talk has a stream for each, cut into pieces of any size up to a message. Bytes of
// the talk above 0xf0 begin a well-formed message whose claims the following bytes
// select: otherwise no fuzzer would find a pid.
func FuzzStatus(f *testing.F) {
	f.Fuzz(func(t *testing.T, scene, talk []byte) { listen(t, scene, talk) })
}

func listen(t testing.TB, scene, talk []byte) {
	r := &reader{scene}
	a := gather(t, r, r.below(2) == 1)
	switch r.below(4) {
	case 1:
		a.reloadTo(statusServices)
	case 2:
		a.reloadTo(r.below(statusServices))
	}
	if r.below(2) == 1 {
		for i := range a.m.View().Services {
			if a.m.View().Services[i].State != core.StateStopping {
				a.start(i)
			}
		}
	}
	a.agree()
	words := &reader{talk}
	for range maxPieces {
		if len(words.b) == 0 || len(a.speakers) == 0 {
			break
		}
		a.say(words.below(len(a.speakers)), a.piece(words))
	}
	for len(a.speakers) > 0 {
		a.leave(0)
	}
}

// piece is the next part of a child's stream.
func (a *audience) piece(r *reader) []byte {
	head := r.byte()
	if head < 0xf0 {
		b := make([]byte, 1+int(head)%messageSize)
		r.b = r.b[copy(b, r.b):]
		return b
	}
	claim := func() speaker { return a.speakers[r.below(len(a.speakers))] }
	pid, generation := uint32(claim().pid), uint32(claim().generation)
	status := uint32(int8(r.byte()))
	if head&1 != 0 {
		generation += uint32(int8(r.byte()))
	}
	b := make([]byte, messageSize)
	for i, n := range []uint32{pid, generation, status} {
		*(*uint32)(unsafe.Pointer(&b[4*i])) = n
	}
	if head&2 != 0 {
		b = b[:1+r.below(messageSize)]
	}
	return b
}
