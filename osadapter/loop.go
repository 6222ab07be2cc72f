package osadapter

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/journal"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Watchdog figures (spec runtime, 13): three looks in a row between which the loop
// did not come round are taken for a loop that hangs. It comes round at least every
// longestRest, though there is nothing to do, and says so every feedPause at most.
const (
	WatchdogInterval = 333 * time.Second
	watchdogStrikes  = 3
	longestRest      = 300 * core.Second
	feedPause        = 30 * core.Second
)

// journalPatience is how long the end waits for a journal whose disk is slow.
const journalPatience = time.Second

// Loop carries one machine: it waits in one place, turns what it finds into
// events, steps the machine and has the actions carried out. Everything but
// Post and the wake-ups of signals and clock happens on the goroutine that
// calls its methods, which must stay on one thread (spec go-traps, G4).
type Loop struct {
	machine *core.Machine
	exec    *Exec
	k       LoopKernel
	clock   clock.Clock
	origin  time.Time
	latest  core.Time // that Now has returned
	waker   sys.FD
	stopped bool // Stop was called

	signals chan os.Signal
	mailbox mailbox
	born    chan struct{} // full when children may have been started, see watchEnds
	living  atomic.Int64  // children at the last look
	sweep   bool          // one over all children is owed
	putOff  int           // for so many turns by now

	// Journal records every step of the machine, from Boot on. Nil: none.
	Journal *journal.Journal

	// OnHang is called, on another goroutine, when the loop has not come round
	// for three watchdog intervals.
	OnHang func()
	// Feed is called at the start of Run, and then when the loop comes round, but
	// not more often than every feedPause. It is for a watchdog that does without
	// the Go runtime. Nil: there is none.
	Feed     func()
	watchdog *clock.Timer
	strikes  atomic.Int32 // looks since the loop came round
	fed      core.Time
}

// mailbox is where other goroutines leave what the loop is to do.
type mailbox struct {
	mu     sync.Mutex
	events []core.Event
	hangup bool
	reap   bool
	last   core.Signal // the latest of the signals that end the process
	stop   bool        // leave the loop as it is
}

// NewLoop prepares a loop for the machine. The clock gives the machine its
// time, counted from now.
func NewLoop(m *core.Machine, x *Exec, k LoopKernel, c clock.Clock) (*Loop, error) {
	l := &Loop{machine: m, exec: x, k: k, clock: c, origin: c.Now()}
	l.signals, l.born = make(chan os.Signal, 64), make(chan struct{}, 1)
	var e core.Errno
	if l.waker, e = k.WakerOpen(); e != 0 {
		return nil, &CallError{"eventfd", e}
	}
	if e := k.PollAdd(x.set, l.waker, key(keyWaker, 0), true, false); e != 0 {
		k.Close(l.waker)
		return nil, &CallError{"epoll_ctl", e}
	}
	x.commands = NewCommands(l.childBorn, l.lookForEnds)
	x.born = l.childBorn
	return l, nil
}

// Now returns the machine's time. It never goes back, though a kernel's clock may,
// for instance when a process is moved to another machine: the machine takes a time
// before the last one for a bug. After such a jump time goes on from the last one.
func (l *Loop) Now() core.Time {
	now, _ := l.times()
	return now
}

// times returns the machine's time and that of the wall clock, in nanoseconds since
// 1970.
func (l *Loop) times() (now core.Time, wall int64) {
	at := l.clock.Now()
	now = core.Time(at.Sub(l.origin))
	if now < l.latest {
		l.origin = l.origin.Add(time.Duration(now - l.latest))
		now = l.latest
	}
	l.latest = now
	return now, at.UnixNano()
}

// Commands runs short-lived programs beside the loop.
func (l *Loop) Commands() *Commands { return l.exec.commands }

// Post hands an event to the loop. Any goroutine may call it.
func (l *Loop) Post(ev core.Event) {
	l.leave(func(m *mailbox) { m.events = append(m.events, ev) })
}

// leave puts something into the mailbox and wakes the loop.
func (l *Loop) leave(put func(*mailbox)) {
	l.mailbox.mu.Lock()
	put(&l.mailbox)
	l.mailbox.mu.Unlock()
	l.Wake()
}

// Wake makes the loop come round, now or, if that fails, later: nobody else would
// look for what was left. Any goroutine may call it.
func (l *Loop) Wake() {
	if l.k.WakerWake(l.waker) != 0 {
		l.clock.AfterFunc(time.Duration(againInterval), l.Wake)
	}
}

// lookForEnds has the loop reap whoever has ended.
func (l *Loop) lookForEnds() { l.leave(func(m *mailbox) { m.reap = true }) }

// Between two looks of watchEnds lies at least lookPause, and lookShare more for
// each child that lives: a look walks over them all.
const (
	lookPause = 20 * time.Millisecond
	lookShare = 50 * time.Microsecond
)

// watchEnds sleeps until some child has ended, however that came, and has the loop
// reap. Most ends are noticed without it (see Exec.ReapEnded): it looks only so
// often, and costs nothing while nobody ends. It may be left behind asleep.
func (l *Loop) watchEnds(stop <-chan struct{}) {
	for {
		if l.k.AwaitEnd() == core.ECHILD {
			select {
			case <-stop:
				return
			case <-l.born:
			}
		} else {
			l.lookForEnds()
		}
		select {
		case <-stop:
			return
		case <-time.After(lookPause + time.Duration(l.living.Load())*lookShare):
		}
	}
}

// childBorn lets watchEnds know that there is a child to wait for.
func (l *Loop) childBorn() {
	select {
	case l.born <- struct{}{}:
	default: // it has yet to hear of another
	}
}

// Stop makes Run return as soon as the current turn is over, with everything
// left as it is. Any goroutine may call it.
func (l *Loop) Stop() { l.leave(func(m *mailbox) { m.stop = true }) }

// Signals is where the process's signals are to be delivered.
func (l *Loop) Signals() chan os.Signal { return l.signals }

// Boot steps the first configuration and all that follows from it at once. It
// gives an ending if the daemon cannot start.
func (l *Loop) Boot(first core.Event) *Ending {
	l.pump(first)
	return l.exec.ending
}

// Run carries the machine until it ends.
func (l *Loop) Run() Ending {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop := make(chan struct{})
	defer close(stop)
	go l.forwardSignals(stop)
	go l.watchEnds(stop)
	l.startWatchdog()
	var ready [64]sys.PollEvent
	l.exec.ReapFirst()
	l.drain()
	for l.exec.ending == nil && !l.stopped {
		l.exec.ApplyWatches()
		l.Journal.Flush()
		n, e := l.k.PollWait(l.exec.set, ready[:], l.rest())
		if e != 0 {
			panic(fmt.Sprintf("epoll_wait: %v", e))
		}
		if l.Now().Sub(l.fed) >= feedPause {
			l.feedWatchdogs()
		}
		l.turn(ready[:n])
	}
	l.Journal.Finish(journalPatience)
	l.close()
	if l.stopped {
		return Ending{}
	}
	return *l.exec.ending
}

// againInterval is how soon kept log lines are tried again, wake-ups that could
// not be sent, and calls that must be made in the end.
const againInterval = 100 * core.Millisecond

// sweepPatience is how many turns a sweep is put off while ends are found without it:
// it walks over all children that live, again for each that it finds.
const sweepPatience = 100

// rest says how long to wait for events: to the machine's next deadline, and not
// long while log lines are kept that somebody may take soon, calls are owed, a start is
// under way, or a child is about to end; in any case not so long that the watchdogs
// notice. The wait itself ends in time: a timer of the runtime would fire on another
// thread, which then has to wake this one.
func (l *Loop) rest() core.Duration {
	if l.sweep {
		return 0
	}
	rest := longestRest
	if when, ok := l.machine.Deadline(); ok {
		rest = min(rest, max(when.Sub(l.Now()), 0))
	}
	flush := l.exec.around.Flush
	if kept := flush != nil && !flush(); kept || l.exec.Owing() {
		rest = min(rest, againInterval)
	}
	if pause, ok := l.exec.Pause(); ok {
		rest = min(rest, pause)
	}
	if l.exec.Starting() {
		rest = min(rest, l.exec.LookAgain(l.Now()))
	}
	return rest
}

// turn handles one batch: due timers, then descriptors, then what other
// goroutines left, a hangup and dead children last (spec runtime, 12).
func (l *Loop) turn(ready []sys.PollEvent) {
	if when, ok := l.machine.Deadline(); ok && when <= l.Now() {
		l.pump(core.TimerExpiredEvent())
	}
	if l.exec.Owing() {
		l.exec.Again()
		l.drain()
	}
	if l.exec.Starting() {
		l.exec.FinishStarts(l.Now())
		l.drain()
	}
	for i := range ready {
		if kind, _ := splitKey(ready[i].Key); kind == keyWaker {
			l.k.WakerDrain(l.waker)
			continue
		}
		l.exec.Ready(ready[i])
		l.drain()
	}
	l.takeMail()
}

// takeMail looks after the drain of the waker, so that nothing that was left
// before a wake-up is missed.
func (l *Loop) takeMail() {
	m := &l.mailbox
	m.mu.Lock()
	events, hangup, reap, last := m.events, m.hangup, m.reap, m.last
	m.events, m.hangup, m.reap, m.last = nil, false, false, 0
	l.stopped = m.stop
	m.mu.Unlock()
	for i := range events {
		l.pump(events[i])
	}
	if hangup {
		l.pump(core.SignalReceivedEvent(core.SIGHUP))
	}
	found := l.exec.ReapEnded()
	l.drain()
	if l.sweep = l.sweep || reap; l.sweep {
		l.sweepUnless(found && last == 0)
	}
	if last != 0 {
		l.pump(core.SignalReceivedEvent(last))
	}
}

// sweepUnless makes the sweep that is owed, or puts it off.
func (l *Loop) sweepUnless(off bool) {
	if off && l.putOff < sweepPatience {
		l.putOff++
		return
	}
	l.sweep, l.putOff = false, 0
	l.exec.Reap()
	l.living.Store(int64(len(l.exec.children)))
	l.drain()
}

// pump steps the event, carries out what follows, and steps what that answers,
// until nothing is left.
func (l *Loop) pump(ev core.Event) {
	l.step(ev)
	l.drain()
}

// drain steps the queued events.
func (l *Loop) drain() {
	for {
		ev, ok := l.exec.Next()
		if !ok {
			return
		}
		l.step(ev)
	}
}

func (l *Loop) step(ev core.Event) {
	if l.exec.ending != nil {
		return
	}
	now, wall := l.times()
	l.Journal.Event(now, wall, &ev)
	actions := l.machine.Step(now, ev)
	l.Journal.Actions(actions)
	l.exec.Do(actions)
}

// forwardSignals turns signals into mail. It blocks in its channel only.
func (l *Loop) forwardSignals(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case s := <-l.signals:
			number, ok := s.(syscall.Signal)
			if !ok {
				continue
			}
			l.leave(func(m *mailbox) { m.signal(number) })
		}
	}
}

// signal notes what a signal means to the loop.
func (m *mailbox) signal(number syscall.Signal) {
	switch number {
	case syscall.SIGHUP:
		m.hangup = true
	case syscall.SIGCHLD:
		m.reap = true
	default:
		m.last = core.Signal(number)
	}
}

// startWatchdog looks at fixed intervals whether the loop still comes round. It
// covers all that the loop does, the wait included.
func (l *Loop) startWatchdog() {
	if l.OnHang != nil {
		set := make(chan struct{}) // a mock's timer may fire before it is ours
		l.watchdog = l.clock.AfterFunc(WatchdogInterval, func() {
			<-set
			if l.strikes.Add(1) >= watchdogStrikes {
				l.OnHang()
				return
			}
			l.watchdog.Reset(WatchdogInterval)
		})
		close(set)
	}
	l.feedWatchdogs()
}

// feedWatchdogs lets the watchdogs know that the loop comes round.
func (l *Loop) feedWatchdogs() {
	l.fed = l.Now()
	l.strikes.Store(0)
	if l.watchdog != nil {
		l.watchdog.Reset(WatchdogInterval)
	}
	if l.Feed != nil {
		l.Feed()
	}
}

// close stops the watchdog and the delivery of signals. Descriptors are left to
// the end of the process, as listeners and children are.
func (l *Loop) close() {
	signal.Stop(l.signals)
	if l.watchdog != nil {
		l.watchdog.Stop()
	}
}
