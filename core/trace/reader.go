package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Record is one part of a recording: the start of a segment, or a step.
type Record struct {
	// Machine is set at the start of a segment: a machine in the state from
	// which the segment continues. Fresh means that it is new, with Options.
	Machine *core.Machine
	Fresh   bool
	Options core.MachineOptions

	// Time is that of the step; at the start of a segment, that of the step before.
	Time core.Time

	// Wall is the same instant on the wall clock, in nanoseconds since 1970; 0 if
	// the recording does not say.
	Wall int64

	// Event and Actions belong to the step. Open means that the recording ends
	// before the actions. Actions are valid until the next call of Next.
	Event   core.Event
	Actions []core.Action
	Open    bool

	// Old means that the recording is of OldVersion. Its snapshots lack what
	// machines have learned to remember since.
	Old bool

	raw   []byte // the record as it was read
	walls []byte // the records of the wall clock before it
}

// Errors that end the reading of a recording.
var (
	ErrNoRecording = errors.New("this is no recording of a stationmaster journal")
	ErrMalformed   = errors.New("malformed recording")
)

// VersionError reports a recording in a format that this program cannot read.
type VersionError struct{ Version string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the recording has version %q of the format and this program reads versions %q and %q only; use the program that wrote it",
		e.Version, OldVersion, Version)
}

// Reader reads a recording record by record.
type Reader struct {
	rest    []byte
	size    int
	offset  int
	old     bool
	walled  bool // ahead is set
	ahead   int64
	refs    core.References
	now     core.Time
	begun   bool
	actions []core.Action
}

// NewReader checks the mark. The error is ErrNoRecording or a VersionError.
func NewReader(recording []byte) (*Reader, error) {
	if !IsRecording(recording) {
		return nil, ErrNoRecording
	}
	r := &Reader{size: len(recording)}
	switch version := versionOf(recording); version {
	case Version, OldVersion:
		r.offset, r.old = len(markName)+len(version)+1, version == OldVersion
	default:
		return nil, &VersionError{version}
	}
	r.rest = recording[r.offset:]
	return r, nil
}

// versionOf returns the version that a recording states, or "" if the line that
// states it is cut off.
func versionOf(recording []byte) string {
	const longest = 16
	line := recording[len(markName):]
	version, _, whole := strings.Cut(string(line[:min(len(line), longest)]), "\n")
	if !whole && (version == Version || version == OldVersion) {
		return ""
	}
	return version
}

// Next returns the next record. The error is io.EOF at the end; otherwise it says
// where the recording is malformed and wraps ErrMalformed. A recording that was cut
// off, by a full disk for example, is malformed at its end.
func (r *Reader) Next() (Record, error) {
	if len(r.rest) == 0 {
		return Record{}, io.EOF
	}
	walls, err := r.walls()
	var record Record
	before := r.rest
	if err == nil && len(before) > 0 {
		record, err = r.next()
	}
	if err != nil {
		r.rest = nil // nothing follows
		return Record{}, fmt.Errorf("byte %d: %w", r.offset, err)
	}
	r.offset = r.size - len(r.rest)
	if len(before) == 0 {
		return Record{}, io.EOF
	}
	record.walls, record.raw, record.Old = walls, before[:len(before)-len(r.rest)], r.old
	if r.walled {
		record.Wall = int64(record.Time) + r.ahead
	}
	return record, nil
}

// walls reads the records of the wall clock before the next record.
func (r *Reader) walls() (raw []byte, err error) {
	before := r.rest
	for len(r.rest) > 0 && r.rest[0] == recordWall && r.begun && !r.old {
		ahead, rest, ok := takeNumber(r.rest[1:])
		if !ok {
			return nil, ErrMalformed
		}
		r.ahead, r.walled, r.rest = ahead, true, rest
	}
	return before[:len(before)-len(r.rest)], nil
}

// Offset returns how many bytes of the recording the mark and the records returned
// by Next take. After an error, that is the intact part of the recording.
func (r *Reader) Offset() int { return r.offset }

func (r *Reader) next() (Record, error) {
	kind := r.rest[0]
	r.rest = r.rest[1:]
	number, rest, ok := takeNumber(r.rest)
	if !ok {
		return Record{}, ErrMalformed
	}
	r.rest = rest
	switch {
	case kind == recordFresh && !r.begun:
		return r.fresh(core.Time(number))
	case kind == recordSnapshot && (!r.begun || core.Time(number) == r.now):
		return r.snapshot(core.Time(number))
	case kind == recordStep && r.begun:
		return r.step(core.Duration(number))
	}
	return Record{}, ErrMalformed
}

func (r *Reader) fresh(now core.Time) (Record, error) {
	o, rest, err := core.ReadOptions(r.rest, r.old)
	if err != nil {
		return Record{}, fmt.Errorf("%w: options", ErrMalformed)
	}
	r.rest, r.now, r.begun = rest, now, true
	return Record{Machine: core.New(now, o), Fresh: true, Options: o, Time: now}, nil
}

func (r *Reader) snapshot(now core.Time) (Record, error) {
	if len(r.rest) < lengthSize {
		return Record{}, ErrMalformed
	}
	n := binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[lengthSize:]
	if n > uint64(len(r.rest)) {
		return Record{}, ErrMalformed
	}
	if core.IsOldSnapshot(r.rest[:n]) != r.old {
		return Record{}, ErrMalformed
	}
	m, err := core.RestoreReferences(r.rest[:n], &r.refs)
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	r.rest, r.now, r.begun = r.rest[n:], now, true
	return Record{Machine: m, Time: now}, nil
}

func (r *Reader) step(delay core.Duration) (Record, error) {
	r.now = r.now.Add(delay)
	record := Record{Time: r.now}
	var err error
	if record.Event, r.rest, err = r.refs.ReadEvent(r.rest); err != nil {
		return Record{}, fmt.Errorf("%w: event", ErrMalformed)
	}
	if len(r.rest) == 0 {
		record.Open = true // Next returns io.EOF now
		return record, nil
	}
	n, rest, ok := takeUvarint(r.rest)
	if !ok || n > uint64(len(rest))/core.MinActionSize {
		return Record{}, ErrMalformed
	}
	r.rest = rest
	clear(r.actions)
	r.actions = r.actions[:0]
	for ; n > 0; n-- {
		var a core.Action
		if a, r.rest, err = r.refs.ReadAction(r.rest); err != nil {
			return Record{}, fmt.Errorf("%w: action", ErrMalformed)
		}
		r.actions = append(r.actions, a)
	}
	record.Actions = r.actions
	return record, nil
}
