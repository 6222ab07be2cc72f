// Package journal keeps the daemon's journal: the last steps in memory, always,
// and every step in a file when the operator asks for one.
//
// It refuses to stop the daemon or to hold it up: an error of the file is one
// warning, after which the file is left alone until the next reload, and a disk that
// hangs holds nothing up: what the file needs is done by jobs beside (disk.Carrier).
// It never removes or overwrites a file that is not a recording. It acts with the
// identity that its caller passes, and has no goroutine, clock or system call of its own.
package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/trace"
	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// Size is how much is kept in memory, in bytes; see trace.Ring for what is
// kept of a machine whose snapshot alone is larger.
const Size = 256 << 10

// bufferSize is how much waits for the loop to be idle before it is written.
const bufferSize = 64 << 10

// Hooks are what the journal needs of the process around it.
type Hooks struct {
	// As runs act with the identity that owns the files, on the calling
	// thread, which is a job's own. An error says that act was not run. Nil: as we are.
	As func(act func()) error
	// Warn logs one line as a warning, while a method of the journal runs.
	Warn func(text string)
	// Carrier carries out what the files need. Nil: it is done before the methods return.
	Carrier disk.Carrier
	// Wake makes the loop come round to Flush: a job has failed, or others wait behind it.
	// Any goroutine may call it. Nil: the loop comes round anyway.
	Wake func()
}

// Journal records the steps of one machine. All methods belong to the
// goroutine that steps the machine. A nil Journal records nothing.
type Journal struct {
	hooks  *Hooks
	ring   *trace.Ring
	writer *writer
	path   string // of the file, as it was last asked for
	limit  int64

	recording bool   // to the file, as far as is known
	size      int64  // of the file, once all is written
	written   int    // bytes of the ring's newest segment that were handed over
	file      int    // the number of the file
	first     int    // and of the one that was begun with history; those between go on where another ends
	latest    string // path of it; path may be another by now

	behind bool   // the writer is, and the file was given up until it is not
	late   uint64 // steps since then
}

// New begins with the machine as it is. size is that of the ring in memory.
func New(m *core.Machine, size int, hooks Hooks) *Journal {
	if hooks.Carrier == nil {
		hooks.Carrier = disk.AtOnce{}
	}
	return &Journal{hooks: &hooks, ring: trace.NewRing(m, size), writer: newWriter(&hooks)}
}

// Event begins a step, before the machine is stepped. wall is what the wall clock says
// at that time, in nanoseconds since 1970.
func (j *Journal) Event(now core.Time, wall int64, ev *core.Event) {
	if j == nil {
		return
	}
	if j.ring.Full() {
		j.advance()
	}
	j.ring.Event(now, wall, ev)
	if j.behind {
		j.late++
	}
}

// Actions ends the step, before the actions are carried out.
func (j *Journal) Actions(actions []core.Action) {
	if j == nil {
		return
	}
	j.ring.Actions(actions)
	if !j.recording {
		return
	}
	if _, b := j.ring.Segment(); len(b)-j.written >= bufferSize {
		j.Flush()
	}
}

// Flush writes what was gathered for the file, or hands it to the writer. Call it
// when the loop is about to wait.
func (j *Journal) Flush() {
	if j == nil {
		return
	}
	j.writer.proceed() // with what is left of a file that was given up, too
	j.look()
	if !j.recording {
		return
	}
	_, b := j.ring.Segment()
	if len(b) == j.written {
		return
	}
	rest := b[j.written:]
	j.written, j.size = len(b), j.size+int64(len(rest))
	j.hand(order{kind: add, bytes: rest})
}

// Finish is the last Flush. It waits until all is written, at most for limit.
func (j *Journal) Finish(limit time.Duration) {
	if j == nil {
		return
	}
	j.Flush()
	if left := j.writer.await(limit); left > 0 {
		j.hooks.Warn(fmt.Sprintf("master_journal_file %s: the disk did not take the last %d bytes in time", j.latest, left))
	}
}

// advance begins a new segment in memory, and a new file if the next segment
// might not fit this one any more.
func (j *Journal) advance() {
	j.Flush()
	j.ring.Advance()
	if !j.recording {
		return
	}
	j.written = 0
	if j.size+int64(j.ring.Room()) > j.limit {
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
	j.Flush()
	if path == j.path && (j.recording || j.behind) {
		return
	}
	if j.recording {
		j.recording = false
		j.hand(order{kind: end})
	}
	j.behind = false
	if j.path = path; path != "" {
		j.open(true)
	}
}

// open begins a file: with all that is in memory, if history is wanted and
// fits, else with the newest segment.
func (j *Journal) open(history bool) {
	_, newest := j.ring.Segment()
	beginning := append([]byte(trace.Mark), newest...)
	if history && int64(j.ring.Len()) <= j.limit {
		beginning = j.ring.AppendRecording(nil)
	}
	j.file++
	if history {
		j.first = j.file
	}
	j.latest = j.path
	j.recording, j.written, j.size = true, len(newest), int64(len(beginning))
	j.hand(order{kind: begin, path: j.path, file: j.file, next: !history, bytes: beginning})
}

// hand passes an order to the writer.
func (j *Journal) hand(o order) {
	if !j.writer.take(o) {
		j.fallBehind()
	}
	j.noticeFailure()
}

// noticeFailure abandons the file if the writer has abandoned it, which was logged, or one
// before it that it continues: the writer will abandon it too, and a reload that comes
// earlier must try again.
func (j *Journal) noticeFailure() {
	if j.writer.failed >= j.first {
		j.recording, j.behind = false, false
	}
}

// look finds out whether the writer has failed or caught up.
func (j *Journal) look() {
	if !j.recording && !j.behind {
		return
	}
	j.noticeFailure()
	if j.behind && j.writer.idle() {
		j.behind = false
		j.hooks.Warn(fmt.Sprintf("master_journal_file %s: the disk did not take %d steps in time; recording goes on in a new file, with those that are in memory",
			j.path, j.late))
		j.open(true)
	}
}

// fallBehind abandons a file whose disk does not take what is written, until it has.
func (j *Journal) fallBehind() {
	j.recording, j.behind, j.late = false, true, 0
	j.writer.take(order{kind: end}) // is always taken
	j.hooks.Warn(fmt.Sprintf("master_journal_file %s: the disk does not take what is written, and %d bytes wait; no steps are written there until it does",
		j.path, j.writer.pending))
}

// savedName is the file that Save writes.
const savedName = "master.journal"

// errLate says that a disk hangs.
var errLate = errors.New("the disk did not take it in time")

// Save writes what is in memory to a file in the directory, which it replaces
// whole, and returns its path. It works in the middle of a step, too: that step
// then is the last, without actions. A disk that hangs is waited for no longer than
// limit, after which the file may still come.
func (j *Journal) Save(directory string, limit time.Duration) (string, error) {
	path := directory + "/" + savedName
	recording := j.ring.AppendRecording(nil)
	job := disk.NewJob(func(files disk.Files) error {
		return j.hooks.as(func() error { return replace(files, path, recording) })
	})
	job.OnThread(true)
	err := errLate
	if j.hooks.Carrier.Begin(job, room) && j.hooks.Carrier.Await(job, limit) {
		err = job.Err()
	}
	if err != nil {
		return "", fmt.Errorf("save journal %s: %w", path, err)
	}
	return path, nil
}
