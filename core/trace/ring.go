package trace

import "github.com/stationmaster/stationmaster/core"

// segmentsInRing is how many segments share the size of a ring when snapshots
// are small beside it.
const segmentsInRing = 4

// Ring keeps the last steps of one machine within a bound. It is made of
// segments, so that the oldest can be dropped whole.
//
// A segment is full at a quarter of the size, or at twice its snapshot if that
// is more: so a snapshot is never taken before as many bytes of steps were
// written, which bounds what snapshots cost a step. The newest segment and the
// one before it are always kept. Together: at most the size, or four times the
// largest snapshot if that is more, and besides the two largest steps.
type Ring struct {
	m      *core.Machine
	w      Writer // its bytes are the newest segment
	size   int
	room   int // at this length the newest segment is full
	older  [][]byte
	total  int    // bytes in older
	spare  []byte // a buffer to be used again
	number uint64
	walled bool  // the newest segment says what the wall clock is
	ahead  int64 // of the machine's time
}

// wallTolerance is how far the wall clock may be set before a recording says so: its
// readers compare it with lines of a log.
const wallTolerance = int64(core.Millisecond)

// NewRing begins with the machine as it is, between two steps.
func NewRing(m *core.Machine, size int) *Ring {
	r := &Ring{m: m, size: size}
	r.begin()
	return r
}

// Event begins a step, before the machine is stepped. wall is what the wall clock says
// at that time, in nanoseconds since 1970; 0: nobody knows. When the newest segment is
// full it first begins another, see Advance.
func (r *Ring) Event(now core.Time, wall int64, ev *core.Event) {
	if r.Full() {
		r.Advance()
	}
	if wall != 0 {
		r.sayWall(wall - int64(now))
	}
	r.w.Event(now, ev)
}

// sayWall says by how much the wall clock is ahead, unless the segment does already.
func (r *Ring) sayWall(ahead int64) {
	if moved := ahead - r.ahead; r.walled && moved < wallTolerance && moved > -wallTolerance {
		return
	}
	r.walled, r.ahead = true, ahead
	r.w.Wall(ahead)
}

// Actions ends the step.
func (r *Ring) Actions(actions []core.Action) { r.w.Actions(actions) }

// Full tells whether the next Event will begin a new segment.
func (r *Ring) Full() bool { return len(r.w.b) >= r.room }

// Room is the length at which the newest segment is full.
func (r *Ring) Room() int { return r.room }

// Segment is the newest segment as far as it is written, valid until the next
// call, and its number, which grows by one with each.
func (r *Ring) Segment() (number uint64, b []byte) { return r.number, r.w.b }

// Advance begins a new segment with a snapshot of the machine, which must be
// between two steps, and drops what has no place any more.
func (r *Ring) Advance() {
	r.older = append(r.older, r.w.b)
	r.total += len(r.w.b)
	r.w.b, r.spare = r.spare[:0], nil
	r.begin()
	drop := 0
	for len(r.older)-drop > 1 && r.total+r.room > r.size {
		r.total -= len(r.older[drop])
		r.spare = r.older[drop]
		drop++
	}
	n := copy(r.older, r.older[drop:])
	clear(r.older[n:])
	r.older = r.older[:n]
	if cap(r.spare) > 2*r.room {
		r.spare = nil // left from larger days
	}
}

func (r *Ring) begin() {
	r.number++
	r.walled = false
	r.w.Snapshot(r.m)
	r.room = max(r.size/segmentsInRing, 2*len(r.w.b))
}

// Len is the size of the recording that AppendRecording gives.
func (r *Ring) Len() int { return len(Mark) + r.total + len(r.w.b) }

// AppendRecording adds the whole recording to dst.
func (r *Ring) AppendRecording(dst []byte) []byte {
	dst = append(dst, Mark...)
	for _, segment := range r.older {
		dst = append(dst, segment...)
	}
	return append(dst, r.w.b...)
}
