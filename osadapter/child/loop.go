package child

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
	machine "github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/wire"
	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// loop drives the machine: it waits for events in one place and performs the
// machine's actions. In servers of many clients, the goroutines of the clients also
// deliver events; a mutex serialises them, and with them the reports.
type loop struct {
	process *Process
	accept  *lock.Accept // nil: no lock
	waker   [2]int       // a pipe: read end, write end
	began   time.Time
	poll    []unix.PollFd
	turn    int // the listener to be checked first

	mu       sync.Mutex // guards the rest
	machine  machine.Machine
	watching bool
	lockDone bool // the lock has been acquired, or failed
	lockErr  error
	ready    int     // descriptor of the listener that Accept refers to
	arrived  arrival // what Accept returned
	waiting  bool    // the loop itself must serve arrived
}

// arrival is an accepted client, or the data read instead of one.
type arrival struct {
	fd      int
	message []byte
}

// pending bounds the number of answers that one event can cause.
const pending = 8

func newLoop(p *Process, s machine.Settings, accept *lock.Accept) *loop {
	l := &loop{process: p, accept: accept, began: time.Now()}
	l.machine = machine.New(0, s)
	if err := unix.Pipe(l.waker[:]); err != nil {
		p.Fatalf("pipe: %s", lock.ErrorText(err))
	}
	for _, fd := range l.waker {
		unix.CloseOnExec(fd)
		// A full pipe is as good as one byte, and an empty one must not block.
		_ = unix.SetNonblock(fd, true)
	}
	return l
}

func (l *loop) now() core.Time { return core.Time(time.Since(l.began)) }

// run is the main loop. It never returns: Exit ends the process.
func (l *loop) run() {
	l.happened(machine.PlainEvent(machine.Started))
	for {
		if l.waiting {
			l.waiting = false
			l.process.watchdog.restart()
			l.process.serveOne(l.arrived)
			l.happened(machine.PlainEvent(machine.Served))
			continue
		}
		l.wait()
	}
}

// wait waits for one round of events and passes them to the machine, in an order
// that lets a process leave before it takes another client with old parameters.
func (l *loop) wait() {
	timeout := l.prepare()
	l.process.watchdog.stop()
	n, err := unix.Poll(l.poll, timeout)
	l.process.watchdog.restart()
	if err != nil && err != unix.EINTR {
		l.process.Fatalf("poll: %s", lock.ErrorText(err))
	}
	l.happened(machine.PlainEvent(machine.TimerExpired)) // does nothing if the time has not come
	if n <= 0 {
		return
	}
	if l.poll[0].Revents != 0 {
		l.drainWaker()
	}
	l.lockAnswer()
	if l.poll[1].Revents != 0 {
		l.happened(machine.PlainEvent(machine.ChannelClosed))
	}
	listeners := l.poll[2:]
	for i := range listeners {
		k := (l.turn + i) % len(listeners)
		if listeners[k].Revents != 0 {
			l.turn = k + 1
			l.connectionReady(int(listeners[k].Fd))
			return
		}
	}
}

// prepare fills the poll set and returns the timeout in milliseconds.
func (l *loop) prepare() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	status := wire.StatusFD
	if l.machine.MasterGone() {
		status = -1 // a closed channel stays readable forever
	}
	l.poll = append(l.poll[:0],
		unix.PollFd{Fd: int32(l.waker[0]), Events: unix.POLLIN},
		unix.PollFd{Fd: int32(status), Events: unix.POLLIN})
	if l.watching {
		for i := range l.process.options.listeners {
			l.poll = append(l.poll, unix.PollFd{Fd: int32(wire.ListenFD + i), Events: unix.POLLIN})
		}
	}
	when, ok := l.machine.Deadline()
	if !ok {
		return -1
	}
	left := max(0, when.Sub(l.now()))
	const longest = 1 << 30 * core.Millisecond
	return int((min(left, longest) + core.Millisecond - 1) / core.Millisecond)
}

func (l *loop) wake() {
	// A full pipe wakes the loop as well.
	_, _ = unix.Write(l.waker[1], []byte{0})
}

func (l *loop) drainWaker() {
	var b [64]byte
	for range pending {
		if n, err := unix.Read(l.waker[0], b[:]); n < len(b) || err != nil {
			return
		}
	}
}

// lockAnswer passes the result of the accept lock to the machine.
func (l *loop) lockAnswer() {
	l.mu.Lock()
	done, err := l.lockDone, l.lockErr
	l.lockDone = false
	l.mu.Unlock()
	if !done {
		return
	}
	if err != nil {
		l.happened(machine.LockFailedEvent(number(err)))
		return
	}
	l.happened(machine.PlainEvent(machine.LockGranted))
}

func (l *loop) connectionReady(fd int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = fd
	l.watching = false
	l.step(machine.PlainEvent(machine.ConnectionReady))
}

// happened passes an event to the machine and performs its actions. From the
// goroutine of a client it wakes the loop if that must wait for something else now.
func (l *loop) happened(ev machine.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.step(ev)
}

// fromClient is happened for the goroutines of clients.
func (l *loop) fromClient(kind machine.EventKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	watching := l.watching
	when, set := l.machine.Deadline()
	l.step(machine.PlainEvent(kind))
	if w, s := l.machine.Deadline(); l.watching != watching || w != when || s != set {
		l.wake()
	}
}

// step passes one event, and the answers that it causes, to the machine.
func (l *loop) step(ev machine.Event) {
	var answers [pending]machine.Event
	answers[0] = ev
	for i, n := 0, 1; i < n; i++ {
		for _, a := range l.machine.Step(l.now(), answers[i]) {
			if answer, ok := l.do(a); ok {
				answers[n] = answer
				n++
			}
		}
	}
}

// do performs one action. ok reports whether it is answered at once.
func (l *loop) do(a machine.Action) (answer machine.Event, ok bool) {
	switch a.Kind {
	case machine.Lock:
		go l.takeLock()
	case machine.Unlock:
		if err := l.accept.Unlock(); err != nil {
			l.lockErr = err
			return machine.LockFailedEvent(number(err)), true
		}
	case machine.Watch:
		l.watching = true
	case machine.Accept:
		return l.take(), true
	case machine.Report:
		return l.report(a.Status)
	case machine.Serve:
		return l.serve()
	case machine.Exit:
		l.exit(a)
	}
	return machine.Event{}, false
}

// takeLock waits for the accept lock beside the loop, which keeps watching the
// status channel and the clock. Differs: Q6 (a process of the original that waits
// for the lock notices nothing else).
func (l *loop) takeLock() {
	err := l.accept.Lock()
	l.mu.Lock()
	l.lockDone, l.lockErr = true, err
	l.mu.Unlock()
	l.wake()
}

// take accepts or reads once, from the listener that was ready.
func (l *loop) take() machine.Event {
	var err error
	l.arrived = arrival{fd: -1}
	switch transport := l.process.options.transport; transport {
	case "fifo", "unix-dgram":
		l.arrived.message, err = receive(l.ready, transport)
	default:
		l.arrived.fd, err = accept(l.ready)
	}
	if err == nil {
		return machine.PlainEvent(machine.Accepted)
	}
	if err != errMissed {
		l.process.Errorf("accept connection: %s", lock.ErrorText(err))
	}
	return machine.PlainEvent(machine.AcceptMissed)
}

// report writes one status message. If that fails, the master is gone.
func (l *loop) report(s wire.Status) (answer machine.Event, ok bool) {
	var buffer [wire.StatusSize]byte
	m := wire.Message{PID: int32(l.process.pid), Generation: l.process.generation, Status: s}
	n, err := unix.Write(wire.StatusFD, m.Append(buffer[:0]))
	for err == unix.EINTR {
		n, err = unix.Write(wire.StatusFD, m.Append(buffer[:0]))
	}
	switch {
	case s == wire.Taken:
		return machine.Event{}, false
	case err != nil || n != wire.StatusSize:
		return machine.PlainEvent(machine.ReportFailed), true
	default:
		return machine.PlainEvent(machine.Reported), true
	}
}

// serve makes the loop itself, or a goroutine, serve the client.
func (l *loop) serve() (answer machine.Event, ok bool) {
	arrived := l.arrived
	switch l.process.kind {
	case machine.Multi:
		go l.process.serveRequests(l, arrived)
	case machine.EventDriven:
		go l.process.serveSession(l, arrived)
		return machine.PlainEvent(machine.RequestEnded), true
	default:
		l.waiting = true
	}
	return machine.Event{}, false
}

func (l *loop) exit(a machine.Action) {
	if a.Reason == machine.ReasonLock {
		l.process.Fatalf("%v", l.lockErr)
	}
	l.process.verbosef("exit: %v", a.Reason)
	l.process.log.Finish()
	os.Exit(int(a.Code))
}

// number returns the error number inside err, or EIO if there is none.
func number(err error) core.Errno {
	var e unix.Errno
	if errors.As(err, &e) {
		return core.Errno(e)
	}
	return core.EIO
}
