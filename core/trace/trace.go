// Package trace is the journal: every step of a machine, as (time, event,
// actions), to bytes and back, and the replay of such a recording with
// comparison.
//
// It refuses to touch a file, a clock or a running daemon: osadapter/journal
// keeps a Ring in memory and writes it out. Bytes from outside never panic and
// take no memory that their length cannot justify.
//
// A recording is Mark, then segments. A segment is a beginning, which is
// either the options of a fresh machine or a snapshot of one at work, then
// steps. Configurations are written whole once in a segment, inside the first
// event that brings them, and are referred to by number afterwards; so are the
// service entries that actions name. Every segment can be replayed by itself.
// Numbers are varints in their shortest form: what is accepted is written as
// the same bytes again.
//
//	recording = Mark { segment }
//	segment   = ( 1 time options | 2 time length snapshot ) { step | wall }
//	step      = 3 delay event actions
//	wall      = 4 offset
//	actions   = count { action }
//
// The machine knows no wall clock. For readers a recording says by how much the wall
// clock was ahead of the machine's time, in nanoseconds since 1970, from there on:
// at the beginning of a segment, and when it was set. No replay depends on it.
// Recordings of OldVersion have none.
//
// The last step of a recording may lack its actions: it was begun and never
// ended, because the machine broke an invariant there.
package trace

import (
	"encoding/binary"

	"github.com/stationmaster/stationmaster/core"
)

// Version is the version of the format, part of Mark. Recordings of OldVersion
// are read as well.
const (
	Version    = "2"
	OldVersion = "1"
)

// Mark begins every recording.
const Mark = markName + Version + "\n"

const markName = "stationmaster journal "

// IsRecording tells whether bytes are the beginning of a recording of any
// version.
func IsRecording(b []byte) bool {
	return len(b) >= len(markName) && string(b[:len(markName)]) == markName
}

// The kinds of record.
const (
	recordFresh    = 1
	recordSnapshot = 2
	recordStep     = 3
	recordWall     = 4
)

// lengthSize is the width of the length before a snapshot, little-endian.
const lengthSize = 8

// Writer appends to a recording: a beginning, then for each step Event before
// the machine is stepped and Actions after. In the steady state it takes no
// memory but what its bytes grow by. The zero value writes segments without
// Mark.
type Writer struct {
	b    []byte
	refs core.References
	now  core.Time
}

// NewWriter gives a writer whose recording holds Mark and nothing else yet.
func NewWriter() *Writer { return &Writer{b: []byte(Mark)} }

// Bytes is what was written so far. It is valid until the next call.
func (w *Writer) Bytes() []byte { return w.b }

// Fresh begins with the machine that core.New(now, o) gives.
func (w *Writer) Fresh(now core.Time, o core.MachineOptions) {
	w.refs.Reset()
	w.now = now
	w.b = append(w.b, recordFresh)
	w.b = appendNumber(w.b, int64(now))
	w.b = core.AppendOptions(w.b, o)
}

// Snapshot begins with the machine as it is, between two steps.
func (w *Writer) Snapshot(m *core.Machine) {
	w.b = append(w.b, recordSnapshot)
	w.b = appendNumber(w.b, int64(w.now))
	at := len(w.b) + lengthSize
	w.b = append(w.b, make([]byte, lengthSize)...)
	w.b = m.AppendSnapshot(w.b, &w.refs)
	binary.LittleEndian.PutUint64(w.b[at-lengthSize:], uint64(len(w.b)-at))
}

// Event begins a step.
func (w *Writer) Event(now core.Time, ev *core.Event) {
	w.b = append(w.b, recordStep)
	w.b = appendNumber(w.b, int64(now.Sub(w.now)))
	w.b = w.refs.AppendEvent(w.b, ev)
	w.now = now
}

// Actions ends the step with what the machine said.
func (w *Writer) Actions(actions []core.Action) {
	w.b = binary.AppendUvarint(w.b, uint64(len(actions)))
	for i := range actions {
		w.b = w.refs.AppendAction(w.b, &actions[i])
	}
}

// Wall says by how much the wall clock is ahead of the machine's time.
func (w *Writer) Wall(offset int64) {
	w.b = append(w.b, recordWall)
	w.b = appendNumber(w.b, offset)
}

func appendNumber(b []byte, v int64) []byte {
	return binary.AppendUvarint(b, uint64(v)<<1^uint64(v>>63))
}

// takeUvarint reads a number in its shortest form.
func takeUvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

func takeNumber(b []byte) (v int64, rest []byte, ok bool) {
	u, rest, ok := takeUvarint(b)
	return int64(u>>1) ^ -int64(u&1), rest, ok
}
