//go:build linux && amd64

package faults

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// phase is a part of a daemon's life.
type phase int

const (
	image  phase = iota // until the program executes itself once more
	boot                // until the daemon says that it has started
	serve               // clients of every kind, a child that crashes
	reload              // services come, go, and change their type
	undo                // a reload that must be undone
	end                 // SIGTERM
	numPhases
)

var phaseNames = [numPhases]string{"image", "boot", "serve", "reload", "undo", "end"}

// who is the process that makes a call.
type who int

const (
	other    who = iota // a server, or a process that is not ours
	daemon              // the process that serves
	starting            // a child of it, before it has executed its program
	parent              // with -w: the process that waits for the daemon
)

var whoNames = [...]string{"other", "daemon", "child", "parent"}

// place is where a call is made, as far as that is visible from outside. Two calls
// of one place differ only by their number.
type place struct {
	phase phase
	who   who
	call  string // name in the tables
	label string // its object
}

func (p place) String() string {
	return phaseNames[p.phase] + " " + whoNames[p.who] + " " + p.call + " " + p.label
}

// fault makes occurrence n of the calls of a place fail, counted from the beginning
// of its phase on, even beyond the end of the phase. With lasting, all calls of the
// same kind fail for a while.
type fault struct {
	place   place
	n       int
	errno   core.Errno
	lasting time.Duration
}

func (f *fault) String() string {
	text := f.place.String() + " #" + strconv.Itoa(f.n) + ": " + f.errno.String()
	if f.lasting > 0 {
		text += ", for " + f.lasting.String()
	}
	return text
}

// watcher decides about the calls that the filter asks about.
type watcher struct {
	binary    string
	directory string // of the life
	twofold   bool   // -w: the daemon is a child of the started process
	done      chan struct{}

	mu       sync.Mutex
	listener int // of the filter
	daemon   int // process; 0: not known yet
	parent   int
	known    map[int]who    // by thread
	bound    map[int]string // what a descriptor was bound to
	phase    phase
	images   int // how often the program was executed
	made     int // poll sets of this image

	record bool
	counts map[place]int
	order  []place

	fault     *fault
	companion *fault // fails whenever it is met
	seen      int
	fired     time.Time
	silent    bool // no more faults

	hung func(place) bool // calls that hang
	held map[int]uint64   // who made one, by thread: the number of the question

	processors int  // that the daemon sees; 0: as many as there are
	full       bool // the process table: the daemon gets no more threads
	threads    int  // threads that were refused
	settled    int  // calls that release pages of the program
}

// notification and response are the kernel's struct seccomp_notif and
// seccomp_notif_resp.
type notification struct {
	id           uint64
	tid          uint32
	flags        uint32
	nr           int32
	architecture uint32
	ip           uint64
	args         [6]uint64
}

type response struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

func newWatcher(binary string) *watcher {
	return &watcher{binary: binary, done: make(chan struct{}), known: map[int]who{}, bound: map[int]string{}, counts: map[place]int{}}
}

// watch answers until the last process under the filter has ended.
func (w *watcher) watch(listener int) {
	w.mu.Lock()
	w.listener = listener
	w.mu.Unlock()
	defer close(w.done)
	defer unix.Close(listener)
	for {
		ready := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			return
		}
		var n notification
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); e != 0 {
			continue // the caller has ended, or a signal came
		}
		if w.hangs(&n) {
			continue
		}
		r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if size := w.showProcessors(&n); size > 0 {
			r.val, r.flags = size, 0
		} else if e := w.decide(&n); e != 0 {
			r.errno, r.flags = -int32(e), 0
		}
		answer(listener, &r)
	}
}

func answer(listener int, r *response) {
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(r)))
}

// decide returns the error to answer with, or 0.
func (w *watcher) decide(n *notification) core.Errno {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := place{phase: w.phase, who: w.identify(int(n.tid))}
	if p.who == other {
		return 0
	}
	if p.who == daemon && n.nr == unix.SYS_MADVISE && n.args[2] == unix.MADV_DONTNEED {
		w.settled++
	}
	if w.full && p.who == daemon && n.nr == unix.SYS_CLONE && n.args[0]&unix.CLONE_THREAD != 0 {
		w.threads++
		return core.EAGAIN
	}
	var ok bool
	if p.call, p.label, ok = w.describe(n); !ok {
		return 0
	}
	e := core.Errno(0)
	if w.images > 0 { // before that, it is not the program that calls
		e = w.judge(p)
	}
	if e == 0 {
		w.follow(n, p)
	}
	return e
}

// judge counts the call and returns the error of the fault if this is its
// occurrence.
func (w *watcher) judge(p place) core.Errno {
	if w.record && !w.silent {
		if w.counts[p] == 0 {
			w.order = append(w.order, p)
		}
		w.counts[p]++
	}
	if w.silent {
		return 0
	}
	if e := w.strike(p); e != 0 {
		return e
	}
	if c := w.companion; c != nil && c.place == p {
		return c.errno
	}
	return 0
}

// strike returns the error of the fault when it is due.
func (w *watcher) strike(p place) core.Errno {
	f := w.fault
	if f == nil || p.phase < f.place.phase || p.who != f.place.who || p.call != f.place.call {
		return 0
	}
	if f.lasting > 0 && !w.fired.IsZero() {
		if time.Since(w.fired) < f.lasting && slices.Contains(errnosAt(p), f.errno) {
			return f.errno
		}
		return 0
	}
	if p.label != f.place.label || !w.fired.IsZero() {
		return 0
	}
	if w.seen++; w.seen-1 != f.n {
		return 0
	}
	w.fired = time.Now()
	return f.errno
}

// follow records the effects of a call that passes.
func (w *watcher) follow(n *notification, p place) {
	switch p.call {
	case "execute":
		if p.label != selfLabel {
			return
		}
		if p.who == starting {
			w.daemon, w.made, w.phase = threadGroup(int(n.tid)), 0, max(w.phase, boot)
			w.known[int(n.tid)] = daemon
			return
		}
		w.made = 0
		if w.images++; w.images == 2 && w.phase == image {
			w.phase = boot
		}
	case "bind":
		w.bound[int(n.args[0])] = p.label
	}
}

// identify returns which process the thread belongs to.
func (w *watcher) identify(tid int) who {
	if known, ok := w.known[tid]; ok {
		return known
	}
	group := threadGroup(tid)
	switch group {
	case w.daemon:
		w.known[tid] = daemon
		return daemon
	case w.parent:
		w.known[tid] = parent
		return parent
	}
	exe, _ := os.Readlink("/proc/" + strconv.Itoa(tid) + "/exe")
	if exe == w.binary {
		return starting // until it executes its program
	}
	w.known[tid] = other
	return other
}

// threadGroup returns the process of a thread, 0 if it has ended.
func threadGroup(tid int) int {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	_, after, _ := strings.Cut(string(text), "\nTgid:\t")
	digits, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.Atoi(digits)
	return n
}

// everyone returns the processes that have executed the program.
func (w *watcher) everyone() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []int{w.daemon, w.parent}
}

// enter begins a phase.
func (w *watcher) enter(p phase) {
	w.mu.Lock()
	w.phase = p
	w.mu.Unlock()
}

// hush lets every call pass from now on, and reports whether the fault occurred.
func (w *watcher) hush() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = true
	return !w.fired.IsZero()
}

// hasFired reports whether the fault occurred.
func (w *watcher) hasFired() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.fired.IsZero()
}

// process returns the daemon's process ID; 0 while there is none.
func (w *watcher) process() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.daemon
}
