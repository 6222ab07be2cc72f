package journal

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxPending bounds what waits for a disk that is slow, in bytes. What goes beyond is
// taken only while nothing else waits.
const maxPending = 4 << 20

// order is one thing to be done for the file.
type order struct {
	kind  orderKind
	path  string // of begin
	file  int    // its number
	bytes []byte
}

type orderKind uint8

const (
	begin orderKind = iota // a file, with these bytes
	add                    // these bytes to it
	end                    // close it
)

// writer carries orders out, one after the other: at once, or on a goroutine of its
// own, which is there while there is a file.
type writer struct {
	around *Surroundings

	// These belong to who carries orders out.
	fd   int // -1: there is no file
	path string
	file int

	mu      sync.Mutex
	orders  []order // to be carried out
	pending int     // bytes of these and of the one under way
	busy    bool    // one is under way
	running bool    // the goroutine is there
	broken  int     // the number of the file that failed last
	spare   []byte  // a buffer to be used again

	wake chan struct{} // full when there may be orders
	done chan struct{} // full when one was carried out
}

func newWriter(around *Surroundings) *writer {
	return &writer{around: around, fd: -1, wake: make(chan struct{}, 1), done: make(chan struct{}, 1)}
}

// take accepts an order, whose bytes are the caller's again. It is not taken when too
// much waits, but for an end. An error says that it was carried out and failed, which
// is logged; of an order that is carried out later, failed tells.
func (w *writer) take(o order) (taken bool, err error) {
	if !w.around.Beside {
		return true, w.carryOut(&o)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if o.kind != end && w.pending > 0 && w.pending+len(o.bytes) > maxPending {
		return false, nil
	}
	w.pending += len(o.bytes)
	if last := len(w.orders) - 1; o.kind == add && last >= 0 && w.orders[last].kind == add {
		w.orders[last].bytes = append(w.orders[last].bytes, o.bytes...)
	} else {
		o.bytes = append(w.spare[:0], o.bytes...)
		w.spare = nil
		w.orders = append(w.orders, o)
	}
	if !w.running {
		w.running = true
		go w.run()
	}
	fill(w.wake)
	return true, nil
}

// fill puts something into a channel that has room for one.
func fill(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run carries orders out until there is neither one nor a file.
func (w *writer) run() {
	for {
		o, ok := w.next()
		if !ok {
			return
		}
		tainted, err := guarded(func() error { return w.carryOut(&o) })
		if tainted {
			w.fail(err)
		}
		w.mu.Lock()
		w.busy = false
		w.pending -= len(o.bytes)
		if err != nil {
			w.broken = w.file
		}
		if cap(o.bytes) <= 2*bufferSize {
			w.spare = o.bytes
		}
		w.mu.Unlock()
		fill(w.done)
		if tainted {
			go w.run() // and this thread ends
			return
		}
	}
}

// next waits for an order. It reports false, and run is to end, when there is none and
// no file that could get one.
func (w *writer) next() (order, bool) {
	for {
		w.mu.Lock()
		if len(w.orders) > 0 {
			o := w.orders[0]
			n := copy(w.orders, w.orders[1:])
			w.orders[n] = order{}
			w.orders, w.busy = w.orders[:n], true
			w.mu.Unlock()
			return o, true
		}
		if w.fd < 0 {
			w.running = false
			w.mu.Unlock()
			return order{}, false
		}
		w.mu.Unlock()
		<-w.wake
	}
}

// guarded makes an error of a panic. The goroutine must end then: it may be locked to
// a thread that could not become root again.
func guarded(act func() error) (panicked bool, err error) {
	defer func() {
		if bug := recover(); bug != nil {
			panicked, err = true, fmt.Errorf("%v", bug)
		}
	}()
	return false, act()
}

// carryOut does it, and gives the file up if that fails.
func (w *writer) carryOut(o *order) error {
	err := w.try(o)
	if err != nil {
		w.fail(err)
	}
	return err
}

func (w *writer) try(o *order) error {
	switch o.kind {
	case begin:
		w.close()
		w.path, w.file = o.path, o.file
		err := w.around.as(func() (err error) {
			w.fd, err = openAnew(o.path)
			return err
		})
		if err != nil {
			return err
		}
	case end:
		w.close()
	}
	if w.fd < 0 { // it failed before
		return nil
	}
	return writeAll(w.fd, o.bytes)
}

// fail gives the file up.
func (w *writer) fail(err error) {
	w.close()
	w.around.Warn("master_journal_file " + w.path + ": " + err.Error() + "; no steps are written there until the next reload")
}

// close gives the descriptor back. What was written is in the file as far as it will
// ever be.
func (w *writer) close() {
	if w.fd >= 0 {
		_ = unix.Close(w.fd)
		w.fd = -1
	}
}

// failed is the number of the file that failed last.
func (w *writer) failed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// waits returns how many bytes are not written yet, and whether all orders are
// carried out.
func (w *writer) waits() (pending int, idle bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pending, len(w.orders) == 0 && !w.busy
}

// await waits until all orders are carried out, at most for limit, and returns how
// many bytes are left.
func (w *writer) await(limit time.Duration) (left int) {
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		pending, idle := w.waits()
		if idle {
			return 0
		}
		select {
		case <-w.done:
		case <-late.C:
			return pending
		}
	}
}

// as runs act with the files' identity.
func (s *Surroundings) as(act func() error) (err error) {
	if s.As == nil {
		return act()
	}
	runtime.LockOSThread() // and left so by a panic, see guarded
	refused := s.As(func() { err = act() })
	runtime.UnlockOSThread()
	if refused != nil {
		return refused
	}
	return err
}
