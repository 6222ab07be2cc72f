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

// Loop is the shell around a Driver: it waits for it, in one place, passes it the time
// and what signals and other goroutines leave, and watches that it comes round.
// Everything but Post and the wake-ups of signals and clock happens on the goroutine
// that calls its methods, which must stay on one thread (spec go-traps, G4).
type Loop struct {
	driver  *Driver
	k       LoopKernel
	clock   clock.Clock
	origin  time.Time
	latest  core.Time // that Now has returned
	wall    int64     // then, in nanoseconds since 1970
	stopped atomic.Bool

	signals chan os.Signal
	mailbox mailbox
	started chan struct{} // full when processes may have been started, see watchEnds
	living  atomic.Int64  // children at the last look

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
	commands *Commands
}

// mailbox is where other goroutines leave what the driver is to do.
type mailbox struct {
	mu   sync.Mutex
	mail Mail
}

// Take implements Mailbox.
func (m *mailbox) Take() Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	mail := m.mail
	m.mail = Mail{}
	return mail
}

// NewLoop prepares a loop for the machine. The clock supplies the machine's
// time, counted from now.
func NewLoop(m *core.Machine, k LoopKernel, hooks Hooks, c clock.Clock) (*Loop, error) {
	l := &Loop{k: k, clock: c, origin: c.Now()}
	l.signals, l.started = make(chan os.Signal, 64), make(chan struct{}, 1)
	l.commands = NewCommands(l.processStarted, l.lookForEnds)
	hooks.Mailbox, hooks.Started, hooks.Programs = &l.mailbox, l.processStarted, l.commands
	hooks.Wall = func() int64 { return l.wall }
	var err error
	if l.driver, err = NewDriver(m, k, hooks); err != nil {
		return nil, err
	}
	return l, nil
}

// Now returns the machine's time. It never goes back, though a kernel's clock may,
// for instance when a process is moved to another machine: the machine takes a time
// before the last one for a bug. After such a jump time goes on from the last one.
func (l *Loop) Now() core.Time {
	at := l.clock.Now()
	now := core.Time(at.Sub(l.origin))
	if now < l.latest {
		l.origin = l.origin.Add(time.Duration(now - l.latest))
		now = l.latest
	}
	l.latest, l.wall = now, at.UnixNano()
	return now
}

// Commands runs short-lived programs beside the loop.
func (l *Loop) Commands() *Commands { return l.commands }

// Socket is Driver.Socket.
func (l *Loop) Socket(path string) (sys.FD, core.ServiceID) { return l.driver.Socket(path) }

// Post hands an event to the loop. Any goroutine may call it.
func (l *Loop) Post(ev core.Event) {
	l.leave(func(m *Mail) { m.Events = append(m.Events, ev) })
}

// leave puts something into the mailbox and wakes the loop.
func (l *Loop) leave(put func(*Mail)) {
	l.mailbox.mu.Lock()
	put(&l.mailbox.mail)
	l.mailbox.mu.Unlock()
	l.Wake()
}

// Wake makes the loop come round, now or, if that fails, later: nothing else would
// look for what was left. Any goroutine may call it.
func (l *Loop) Wake() {
	if l.k.WakerWake(l.driver.Waker()) != 0 {
		l.clock.AfterFunc(time.Duration(retryPause), l.Wake)
	}
}

// lookForEnds has the driver reap all that have ended.
func (l *Loop) lookForEnds() { l.leave(func(m *Mail) { m.Ends = true }) }

// Between two looks of watchEnds lies at least lookPause, and lookShare more for
// each child that lives: a look walks over them all.
const (
	lookPause = 20 * time.Millisecond
	lookShare = 50 * time.Microsecond
)

// watchEnds sleeps until some child has ended, however that came, and has the loop
// reap. Most ends are noticed without it (see reaping.go): it looks only so
// often, and costs nothing while no process ends. It may be left behind asleep.
func (l *Loop) watchEnds(stop <-chan struct{}) {
	for {
		if l.k.AwaitEnd() == core.ECHILD {
			select {
			case <-stop:
				return
			case <-l.started:
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

// processStarted lets watchEnds know that there is a process to wait for.
func (l *Loop) processStarted() {
	select {
	case l.started <- struct{}{}:
	default: // it has yet to hear of another
	}
}

// Stop makes Run return as soon as the current turn is over, with everything
// left as it is. Any goroutine may call it.
func (l *Loop) Stop() {
	l.stopped.Store(true)
	l.Wake()
}

// Signals is where the process's signals are to be delivered.
func (l *Loop) Signals() chan os.Signal { return l.signals }

// Boot is Driver.Boot.
func (l *Loop) Boot(first core.Event) *Ending { return l.driver.Boot(l.Now(), first) }

// Run carries the machine until it ends.
func (l *Loop) Run() Ending {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop := make(chan struct{})
	defer close(stop)
	go l.forwardSignals(stop)
	go l.watchEnds(stop)
	l.startWatchdog()
	d := l.driver
	var ready [64]sys.PollEvent
	for d.Ending() == nil && !l.stopped.Load() {
		n, e := l.k.PollWait(d.PollSet(), ready[:], l.rest())
		if e != 0 {
			panic(fmt.Sprintf("epoll_wait: %v", e))
		}
		now := l.Now()
		if now.Sub(l.fed) >= feedPause {
			l.feedWatchdogs(now)
		}
		d.Turn(now, ready[:n])
		l.living.Store(int64(d.Children()))
	}
	d.hooks.Journal.Finish(journalPatience)
	l.close()
	if d.Ending() == nil {
		return Ending{}
	}
	return *d.Ending()
}

// rest says how long to wait for events, in any case not so long that the watchdogs
// notice.
func (l *Loop) rest() core.Duration {
	if wait, bounded := l.driver.Wait(l.Now()); bounded {
		return min(wait, longestRest)
	}
	return longestRest
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
			l.leave(func(m *Mail) { m.signal(number) })
		}
	}
}

// signal notes what a signal means to the driver.
func (m *Mail) signal(number syscall.Signal) {
	switch number {
	case syscall.SIGHUP:
		m.Hangup = true
	case syscall.SIGCHLD:
		m.Ends = true
	default:
		m.Signal = core.Signal(number)
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
	l.feedWatchdogs(l.Now())
}

// feedWatchdogs lets the watchdogs know that the loop comes round.
func (l *Loop) feedWatchdogs(now core.Time) {
	l.fed = now
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
