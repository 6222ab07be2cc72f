// Package journal keeps the daemon's journal: the last steps in memory, always,
// and every step in a file when the operator asks for one.
//
// It refuses to stop the daemon or to hold it up for long: an error of the file
// is one warning, after which the file is left alone until the next reload, and
// what is written is gathered until the loop is about to wait. It never removes
// or overwrites a file that is not a recording. It acts with the identity that
// its caller gives it.
package journal

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
)

// Size is how much is kept in memory, in bytes; see trace.Ring for what is
// kept of a machine whose snapshot alone is larger.
const Size = 256 << 10

// bufferSize is how much waits for the loop to be idle before it is written.
const bufferSize = 64 << 10

// Surroundings are what the journal needs of the process around it.
type Surroundings struct {
	// As runs act with the identity that owns the files, on the calling
	// thread. An error says that act was not run. Nil: as we are.
	As func(act func()) error
	// Warn logs one line as a warning.
	Warn func(text string)
}

// Journal records the steps of one machine. All methods belong to the
// goroutine that steps the machine. A nil Journal records nothing.
type Journal struct {
	around Surroundings
	ring   *trace.Ring
	path   string // of the stream, as it was last asked for
	limit  int64
	stream *stream // nil: none, or it failed
}

// New begins with the machine as it is. size is that of the ring in memory.
func New(m *core.Machine, size int, around Surroundings) *Journal {
	return &Journal{around: around, ring: trace.NewRing(m, size)}
}

// Event begins a step, before the machine is stepped.
func (j *Journal) Event(now core.Time, ev *core.Event) {
	if j == nil {
		return
	}
	if j.ring.Full() {
		j.advance()
	}
	j.ring.Event(now, ev)
}

// Actions ends the step, before the actions are carried out.
func (j *Journal) Actions(actions []core.Action) {
	if j == nil {
		return
	}
	j.ring.Actions(actions)
	if j.stream == nil {
		return
	}
	if _, b := j.ring.Segment(); len(b)-j.stream.written >= bufferSize {
		j.Flush()
	}
}

// Flush writes what was gathered for the file. Call it when the loop is about
// to wait, and at the end.
func (j *Journal) Flush() {
	if j == nil || j.stream == nil {
		return
	}
	_, b := j.ring.Segment()
	if err := j.stream.write(b[j.stream.written:]); err != nil {
		j.failed(err)
		return
	}
	j.stream.written = len(b)
}

// advance begins a new segment in memory, and a new file if the next segment
// might not fit this one any more.
func (j *Journal) advance() {
	j.Flush()
	j.ring.Advance()
	if j.stream == nil {
		return
	}
	j.stream.written = 0
	if j.stream.size+int64(j.ring.Room()) > j.limit {
		j.stream.close()
		j.stream = nil
		j.open(false)
	}
}

// Apply puts the settings of an accepted configuration in force: where the
// file is, which may be empty for none, and how large it may grow. A file that
// failed is tried again.
//
// The file begins with what is in memory. It is at most limit long, but always
// has room for one segment of the ring; then it is renamed to its name with
// ".1", over the one that was there, and begun anew. So is a recording that is
// found under the name at the start.
func (j *Journal) Apply(path string, limit int64) {
	if j == nil {
		return
	}
	j.limit = limit
	if path == j.path && j.stream != nil {
		return
	}
	if j.stream != nil {
		j.Flush()
	}
	if j.stream != nil {
		j.stream.close()
		j.stream = nil
	}
	if j.path = path; path != "" {
		j.open(true)
	}
}

// open begins a file: with all that is in memory, if history is wanted and
// fits, else with the newest segment.
func (j *Journal) open(history bool) {
	s := &stream{}
	if err := j.as(func() error { return s.open(j.path) }); err != nil {
		j.failed(err)
		return
	}
	j.stream = s
	_, newest := j.ring.Segment()
	beginning := append([]byte(trace.Mark), newest...)
	if history && int64(j.ring.Len()) <= j.limit {
		beginning = j.ring.AppendRecording(nil)
	}
	if err := s.write(beginning); err != nil {
		j.failed(err)
		return
	}
	s.written = len(newest)
}

func (j *Journal) failed(err error) {
	if j.stream != nil {
		j.stream.close()
		j.stream = nil
	}
	j.around.Warn("master_journal_file " + j.path + ": " + err.Error() + "; no steps are written there until the next reload")
}

// as runs act with the files' identity.
func (j *Journal) as(act func() error) error {
	if j.around.As == nil {
		return act()
	}
	var err error
	if refused := j.around.As(func() { err = act() }); refused != nil {
		return refused
	}
	return err
}

// savedName is the file that Save writes.
const savedName = "master.journal"

// Save writes what is in memory to a file in the directory, which it replaces
// whole, and gives its path. It works in the middle of a step, too: that step
// then is the last, without actions.
func (j *Journal) Save(directory string) (path string, err error) {
	path = directory + "/" + savedName
	recording := j.ring.AppendRecording(nil)
	if err := j.as(func() error { return replace(path, recording) }); err != nil {
		return "", fmt.Errorf("save journal %s: %w", path, err)
	}
	return path, nil
}
