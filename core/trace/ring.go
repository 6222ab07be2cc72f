package trace

import "github.com/stationmaster/stationmaster/core"

// segmentsInRing is how many segments fit into a ring when snapshots are small
// compared with its size.
const segmentsInRing = 4

// Ring keeps the last steps of one machine within a bound. It consists of segments
// and drops the oldest as a whole.
//
// A segment is full at a quarter of the size, or at twice its snapshot if that is
// more. So no snapshot is taken before as many bytes of steps were written, which
// bounds the cost of snapshots per step. The newest segment and the one before it
// are always kept. In total a ring holds at most its size, or four times the
// largest snapshot if that is more, plus the two largest steps.
type Ring struct {
	m      *core.Machine
	w      Writer // holds the newest segment
	size   int
	room   int // the length at which the newest segment is full
	older  [][]byte
	total  int    // bytes in older
	spare  []byte // a buffer to reuse
	number uint64
	walled bool  // the newest segment has a record of the wall clock
	ahead  int64 // how far the wall clock is ahead, as recorded
}

// wallTolerance is how far the wall clock may move before it is recorded again.
// Readers compare it with timestamps in logs.
const wallTolerance = int64(core.Millisecond)

// NewRing returns a ring that starts with the current state of m, between two steps.
func NewRing(m *core.Machine, size int) *Ring {
	r := &Ring{m: m, size: size}
	r.begin()
	return r
}

// Event starts a step, before the machine is stepped. wall is the wall clock at that
// time, in nanoseconds since 1970, or 0 if it is unknown. When the newest segment is
// full, Event starts another one first; see Advance.
func (r *Ring) Event(now core.Time, wall int64, ev *core.Event) {
	if r.Full() {
		r.Advance()
	}
	if wall != 0 {
		r.sayWall(wall - int64(now))
	}
	r.w.Event(now, ev)
}

// sayWall records how far the wall clock is ahead, unless the segment says so already.
func (r *Ring) sayWall(ahead int64) {
	if moved := ahead - r.ahead; r.walled && moved < wallTolerance && moved > -wallTolerance {
		return
	}
	r.walled, r.ahead = true, ahead
	r.w.Wall(ahead)
}

// Actions ends the step.
func (r *Ring) Actions(actions []core.Action) { r.w.Actions(actions) }

// Full reports whether the next Event will start a new segment.
func (r *Ring) Full() bool { return len(r.w.b) >= r.room }

// Room returns the length at which the newest segment is full.
func (r *Ring) Room() int { return r.room }

// Segment returns the newest segment as far as it is written, valid until the next
// call, and its number. The numbers count up by one.
func (r *Ring) Segment() (number uint64, b []byte) { return r.number, r.w.b }

// Advance starts a new segment with a snapshot of the machine, which must be between
// two steps, and drops the segments that no longer fit.
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
		r.spare = nil // left from times of larger segments
	}
}

func (r *Ring) begin() {
	r.number++
	r.walled = false
	r.w.Snapshot(r.m)
	r.room = max(r.size/segmentsInRing, 2*len(r.w.b))
}

// Len returns the size of the recording that AppendRecording appends.
func (r *Ring) Len() int { return len(Mark) + r.total + len(r.w.b) }

// AppendRecording appends the whole recording to dst.
func (r *Ring) AppendRecording(dst []byte) []byte {
	dst = append(dst, Mark...)
	for _, segment := range r.older {
		dst = append(dst, segment...)
	}
	return append(dst, r.w.b...)
}
