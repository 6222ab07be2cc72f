// Package disk carries out work on files whose disk may never answer: a thread that waits
// for such a disk cannot even be killed. Its callers begin a Job, go on, and look for the
// answer later.
//
// The work itself is written over the interface Files, one method for about one system
// call, and a Carrier carries it out: goroutines of their own in a real process
// (Beside), a simulated world in a test. It refuses to decide what an answer means.
package disk

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Files is what jobs ask of the disk. An error is a unix.Errno, but for Open. Calls that
// a signal interrupts are started again.
type Files interface {
	// Open opens path by the rules of lock.SafeOpen, whose text is that of the error. The
	// descriptor is none of the standard ones.
	Open(path string, flags int, mode uint32) (fd int, err error)
	Close(fd int) error
	Read(fd int, p []byte) (n int, err error)
	Write(fd int, p []byte) (n int, err error)
	Sync(fd int) error
	Status(fd int) (Status, error)
	Chmod(fd int, mode uint32) error
	// Exists reports whether something has the name, if only a link to nothing.
	Exists(path string) bool
	// MayCreate returns nil if files can be made in the directory.
	MayCreate(directory string) error
	Rename(from, to string) error
	Unlink(path string) error
	// Writable reports whether a write to the descriptor takes something at once.
	Writable(fd int) bool
}

// Status describes an open file.
type Status struct {
	Regular bool
	Mode    uint32 // permissions, with the set-id and sticky bits
	UID     uint32
	Links   uint64
	Ours    bool // it belongs to root or to our effective user
}

// Carrier has jobs carried out.
type Carrier interface {
	// Now returns the time, with a monotonic reading if there is one.
	Now() time.Time
	// Begin has the job carried out, and returns without waiting for it. It reports false,
	// and does nothing, if so many jobs as there is room for are under way.
	Begin(j *Job, room int) bool
	// Await waits for the answer, at most for limit, and reports whether it is there.
	Await(j *Job, limit time.Duration) bool
	// After has act carried out when the job is answered: at once if it is.
	After(j *Job, act func(Files))
}

// Job is one piece of work. Between Begin and the answer it belongs to the carrier, and
// so does all that its function uses.
type Job struct {
	act    func(Files) error
	thread bool
	wake   func()

	err    error
	took   time.Duration
	wanted atomic.Bool
	done   chan struct{} // full when it was answered and its owner has not seen that
	seen   bool
}

// NewJob returns a job that is to be begun.
func NewJob(act func(Files) error) *Job {
	j := &Job{}
	j.Init(act)
	return j
}

// Init is NewJob for a job that is part of something else.
func (j *Job) Init(act func(Files) error) { j.act, j.done = act, make(chan struct{}, 1) }

// OnThread lets the job run on a thread of its own, whose identity it may change.
func (j *Job) OnThread(own bool) { j.thread = own }

// Wake has f called, on any goroutine, when the job fails, and when it is answered after
// Want.
func (j *Job) Wake(f func()) { j.wake = f }

// Want asks for the call of Wake's function at the answer, and reports whether the answer
// is there already, so that there may be no call.
func (j *Job) Want() (answered bool) {
	j.wanted.Store(true)
	return j.Answered()
}

// Reset prepares an answered job for its next Begin.
func (j *Job) Reset() {
	j.err, j.took, j.seen = nil, 0, false
	j.wanted.Store(false)
}

// Carry makes all of the job's calls. It is for carriers, as Answer is. A panic becomes
// an error and is reported: a thread that could not become root again must not be used
// any more.
func (j *Job) Carry(files Files) (panicked bool) {
	defer func() {
		if bug := recover(); bug != nil {
			panicked, j.err = true, fmt.Errorf("%v", bug)
		}
	}()
	j.err = j.act(files)
	return false
}

// Answer lets the job's owner see the answer, and how long it took.
func (j *Job) Answer(took time.Duration) {
	wake, failed := j.wake, j.err != nil
	j.took = took
	j.done <- struct{}{} // from here on it is the owner's
	if wake != nil && (failed || j.wanted.Load()) {
		wake()
	}
}

// Answered reports whether the answer is there. It is for the job's owner, as all below.
func (j *Job) Answered() bool {
	if !j.seen {
		select {
		case <-j.done:
			j.seen = true
		default:
		}
	}
	return j.seen
}

// Err returns what the job's function returned, after the answer.
func (j *Job) Err() error { return j.err }

// Took returns how long the answer took.
func (j *Job) Took() time.Duration { return j.took }
