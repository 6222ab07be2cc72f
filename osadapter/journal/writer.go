package journal

import (
	"errors"
	"time"

	"github.com/stationmaster/stationmaster/osadapter/disk"
)

// maxPending bounds what waits for a disk that is slow, in bytes. What goes beyond is
// taken only while nothing else waits.
const maxPending = 4 << 20

// room is how many jobs may be under way: one of the writer and one of Save.
const room = 2

// order is one thing to be done for the file.
type order struct {
	kind  orderKind
	path  string // of begin
	file  int    // its number
	next  bool   // it goes on where the file before ends
	bytes []byte
}

type orderKind uint8

const (
	begin orderKind = iota // a file, with these bytes
	add                    // these bytes to it
	end                    // close it
)

// errGivenUp says that the file before has failed, which was logged.
var errGivenUp = errors.New("given up")

// writer has orders carried out, one after the other, by one job at a time. It belongs
// to the goroutine of the journal.
type writer struct {
	hooks *Hooks

	orders  []order // to be carried out
	pending int     // bytes of these and of the one under way
	busy    bool    // one is under way
	failed  int     // the number of the file that failed last
	spare   []byte  // a buffer to be used again
	job     *disk.Job

	// These belong to the job while it is under way.
	now  order
	fd   int // -1: there is no file
	path string
	file int
}

func newWriter(hooks *Hooks) *writer {
	w := &writer{hooks: hooks, fd: -1}
	w.job = disk.NewJob(w.carryOut)
	return w
}

// take accepts an order, whose bytes are the caller's again. It is not taken when too
// much waits, but for an end.
func (w *writer) take(o order) (taken bool) {
	if o.kind != end && w.pending > 0 && w.pending+len(o.bytes) > maxPending {
		return false
	}
	w.pending += len(o.bytes)
	if last := len(w.orders) - 1; o.kind == add && last >= 0 && w.orders[last].kind == add {
		w.orders[last].bytes = append(w.orders[last].bytes, o.bytes...)
	} else {
		o.bytes = append(w.spare[:0], o.bytes...)
		w.spare = nil
		w.orders = append(w.orders, o)
	}
	w.proceed()
	return true
}

// proceed looks whether the order under way is carried out, and has the next one begun.
// While orders wait behind one that is under way, the loop is woken at its end.
func (w *writer) proceed() {
	for {
		if w.busy {
			if !w.job.Answered() && (len(w.orders) == 0 || !w.job.Want()) {
				return
			}
			w.done()
		}
		if len(w.orders) == 0 {
			return
		}
		w.now = w.orders[0]
		w.job.Reset()
		w.job.Wake(w.hooks.Wake)
		w.job.OnThread(w.now.kind == begin)
		if !w.hooks.Carrier.Begin(w.job, room) {
			return
		}
		n := copy(w.orders, w.orders[1:])
		w.orders[n] = order{}
		w.orders, w.busy = w.orders[:n], true
	}
}

// done takes the answer of the order that was under way.
func (w *writer) done() {
	w.busy = false
	w.pending -= len(w.now.bytes)
	if cap(w.now.bytes) <= 2*bufferSize {
		w.spare = w.now.bytes
	}
	w.now = order{}
	err := w.job.Err()
	if err != nil {
		w.failed = w.file
	}
	if err != nil && err != errGivenUp {
		w.hooks.Warn("master_journal_file " + w.path + ": " + err.Error() + "; no steps are written there until the next reload")
	}
}

// carryOut does what is ordered, and abandons the file if that fails.
func (w *writer) carryOut(files disk.Files) (err error) {
	kept := false
	defer func() { // after a panic as well, which the job reports
		if !kept {
			w.close(files)
		}
	}()
	err = w.try(files)
	kept = err == nil
	return err
}

func (w *writer) try(files disk.Files) error {
	switch w.now.kind {
	case begin:
		failed := w.fd < 0
		w.close(files)
		w.path, w.file = w.now.path, w.now.file
		if w.now.next && failed {
			return errGivenUp
		}
		err := w.hooks.as(func() (err error) {
			w.fd, err = openAnew(files, w.now.path)
			return err
		})
		if err != nil {
			return err
		}
	case end:
		w.close(files)
	}
	if w.fd < 0 { // it failed before
		return nil
	}
	return writeAll(files, w.fd, w.now.bytes)
}

// close closes the file. What was written is in it as far as it will ever be.
func (w *writer) close(files disk.Files) {
	if w.fd >= 0 {
		_ = files.Close(w.fd)
		w.fd = -1
	}
}

// idle reports whether all orders are carried out.
func (w *writer) idle() bool { return !w.busy && len(w.orders) == 0 }

// await waits until all orders are carried out, at most for limit, and returns how
// many bytes are left.
func (w *writer) await(limit time.Duration) (left int) {
	until := w.hooks.Carrier.Now().Add(limit)
	for w.proceed(); !w.idle(); w.proceed() {
		if !w.hooks.Carrier.Await(w.job, until.Sub(w.hooks.Carrier.Now())) {
			break
		}
	}
	return w.pending
}

// as runs act with the files' identity.
func (h *Hooks) as(act func() error) (err error) {
	if h.As == nil {
		return act()
	}
	if refused := h.As(func() { err = act() }); refused != nil {
		return refused
	}
	return err
}
