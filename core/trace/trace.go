// Package trace records the steps of a machine, each as (time, event, actions).
// A recording is the steps as bytes; a trace is the same as text, see Text. Replay
// runs a recording through another machine and compares. The journal of a daemon
// is the recording that it keeps of itself: osadapter/journal holds it in a Ring
// and writes it to files.
//
// The package uses no file, clock or running daemon. Reading bytes from outside
// never panics and never allocates more memory than their length justifies.
//
// A recording is Mark, then segments. A segment starts with either the options of
// a fresh machine or a snapshot of a running one; steps follow. A configuration is
// written in full once in a segment, in the first event that brings it, and is
// referred to by number afterwards; so are the service entries that actions name.
// Every segment can be replayed by itself. Numbers are varints in their shortest
// form, so whatever is accepted encodes to the same bytes again.
//
//	recording = Mark { segment }
//	segment   = ( 1 time options | 2 time length snapshot ) { step | wall }
//	step      = 3 delay event actions
//	wall      = 4 offset
//	actions   = count { action }
//
// The machine has no wall clock. For readers, a recording says how far the wall
// clock was ahead of the machine's time, in nanoseconds since 1970, from there on:
// at the start of a segment, and whenever it was set. No replay depends on it.
// Recordings of OldVersion do not have it.
//
// The last step of a recording may lack its actions: the machine broke an
// invariant in it.
package trace

import (
	"encoding/binary"

	"github.com/stationmaster/stationmaster/core"
)

// Version is the version of the format and part of Mark. Recordings of OldVersion
// can be read too.
const (
	Version    = "2"
	OldVersion = "1"
)

// Mark begins every recording.
const Mark = markName + Version + "\n"

const markName = "stationmaster journal "

// IsRecording reports whether b starts like a recording of any version.
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

// Writer appends to a recording: Fresh or Snapshot first, then for each step Event
// before the machine is stepped and Actions after. In the steady state it
// allocates only to grow its bytes. The zero value writes segments without Mark.
type Writer struct {
	b    []byte
	refs core.References
	now  core.Time
}

// NewWriter returns a writer whose recording holds only Mark.
func NewWriter() *Writer { return &Writer{b: []byte(Mark)} }

// Bytes returns what was written so far, valid until the next call.
func (w *Writer) Bytes() []byte { return w.b }

// Fresh starts a segment with the machine that core.New(now, o) returns.
func (w *Writer) Fresh(now core.Time, o core.MachineOptions) {
	w.refs.Reset()
	w.now = now
	w.b = append(w.b, recordFresh)
	w.b = appendNumber(w.b, int64(now))
	w.b = core.AppendOptions(w.b, o)
}

// Snapshot starts a segment with the current state of m, between two steps.
func (w *Writer) Snapshot(m *core.Machine) {
	w.b = append(w.b, recordSnapshot)
	w.b = appendNumber(w.b, int64(w.now))
	at := len(w.b) + lengthSize
	w.b = append(w.b, make([]byte, lengthSize)...)
	w.b = m.AppendSnapshot(w.b, &w.refs)
	binary.LittleEndian.PutUint64(w.b[at-lengthSize:], uint64(len(w.b)-at))
}

// Event starts a step.
func (w *Writer) Event(now core.Time, ev *core.Event) {
	w.b = append(w.b, recordStep)
	w.b = appendNumber(w.b, int64(now.Sub(w.now)))
	w.b = w.refs.AppendEvent(w.b, ev)
	w.now = now
}

// Actions ends the step with the actions of the machine.
func (w *Writer) Actions(actions []core.Action) {
	w.b = binary.AppendUvarint(w.b, uint64(len(actions)))
	for i := range actions {
		w.b = w.refs.AppendAction(w.b, &actions[i])
	}
}

// Wall records how far the wall clock is ahead of the machine's time.
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
