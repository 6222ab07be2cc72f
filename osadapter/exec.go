package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/internal/spawn"
	"github.com/stationmaster/stationmaster/osadapter/sockets"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Ending says how the process is to end.
type Ending struct {
	Code   int
	Signal core.Signal // not 0: die by it
	Fatal  bool        // a fatal line was logged
}

// Exec carries out actions. It keeps what the machine must not know: which
// descriptors belong to which service, child or wakeup. Answers and what was
// found on the way are queued as events, to be stepped after the whole list of
// actions is done.
type Exec struct {
	k     Kernel
	hooks *Hooks
	set   sys.FD // the poll set

	flowRead, flowWrite sys.FD
	environ             []string

	services map[core.ServiceID]*service
	children map[core.Generation]*child
	pids     map[core.PID]core.Generation // of children not reaped
	wakeups  map[core.Request]*wakeup
	launches []launch            // starts under way
	leaving  map[core.PID]string // of starts that failed, not reaped: the program, if it hangs
	paths    *sockets.Paths

	starter spawn.Starter
	socket  core.ServiceID    // what Socket found last
	stale   []core.ServiceID  // services whose listeners the poll set may not know as they are
	ended   []core.Generation // children that closed their channel, see reapEnded
	pause   core.Duration     // until they are asked for again
	reaped  []sys.Reaped      // by a sweep that is under way
	free    []*child
	fds     []sys.FD        // of a service, while a child is started
	buffer  [readBytes]byte // what a channel is read into

	unreaped bool // the last question which processes have ended failed

	queue  []core.Event // from head on
	head   int
	ending *Ending
	fatal  bool
}

// newExec makes the poll set and the flow-control pipe.
func newExec(k Kernel, hooks *Hooks) (*Exec, error) {
	x := &Exec{
		k: k, hooks: hooks,
		services: map[core.ServiceID]*service{},
		children: map[core.Generation]*child{},
		pids:     map[core.PID]core.Generation{},
		wakeups:  map[core.Request]*wakeup{},
		paths:    sockets.NewPaths(k),
		leaving:  map[core.PID]string{},
	}
	x.starter.Low = hooks.Low
	var e core.Errno
	if x.set, e = k.PollOpen(); e != 0 {
		return nil, &CallError{"epoll_create", e}
	}
	if x.flowRead, x.flowWrite, e = k.FlowPipe(); e != 0 {
		k.Close(x.set)
		return nil, &CallError{"pipe", e}
	}
	return x, nil
}

// close closes what newExec made.
func (x *Exec) close() {
	for _, fd := range []sys.FD{x.set, x.flowRead, x.flowWrite} {
		x.k.Close(fd)
	}
}

// CallError is a system call that failed where nothing can be done about it.
type CallError struct {
	Call  string
	Errno core.Errno
}

func (e *CallError) Error() string { return e.Call + ": " + e.Errno.String() }

// do carries out the list to its end.
func (x *Exec) do(actions []core.Action) {
	for len(actions) > 0 {
		done := 1
		if actions[0].Kind == core.OpenListener {
			done = x.openListeners(actions)
		} else {
			x.carryOut(&actions[0])
		}
		actions = actions[done:]
	}
}

func (x *Exec) carryOut(a *core.Action) {
	switch a.Kind {
	case core.LoadConfig:
		x.payBack()
		x.hooks.Load(a.Request)
	case core.CommitListener:
		x.settleListener(a.Service, a.Listener)
	case core.AbandonListener:
		x.abandonListener(a.Service, a.Listener)
	case core.MoveListener:
		x.moveListener(a)
	case core.CloseListener:
		x.closeListener(a.Service, a.Listener)
	case core.WatchListener:
		x.watch(a.Service, true)
	case core.IgnoreListener:
		x.watch(a.Service, false)
	case core.StartChild:
		x.startChild(a)
	case core.RetireChild:
		x.retireChild(a.Generation)
	case core.SignalChild:
		x.signalChild(a)
	case core.SignalGroup:
		x.hooks.BeforeGroupSignal(a.Signal)
		x.k.Kill(-x.k.PID(), a.Signal)
	case core.WakeService:
		x.wakeService(a)
	case core.CloseWakeup:
		x.closeWakeup(a.Request)
	case core.ApplyConfig:
		x.environ = x.hooks.Apply(a.Config)
		if text := DescriptorWarning(x.hooks.OpenFiles, a.Config); text != "" {
			x.hooks.Log(core.LevelWarning, text)
		}
		x.warnOfNoService(a.Config)
	case core.Announce:
		x.hooks.Announce()
	case core.Log:
		x.fatal = x.fatal || a.Level == core.LevelFatal
		x.hooks.Log(a.Level, a.Message())
	case core.Exit:
		x.killLaunches()
		x.ending = &Ending{Code: int(a.Number), Signal: a.Signal, Fatal: x.fatal}
	}
}

// mustRetry reports whether there are calls to be made again: those whose failure the
// machine does not learn of, and that nothing else would make good. The log said so
// when they failed first.
func (x *Exec) mustRetry() bool { return len(x.stale) > 0 || x.unreaped || x.paths.RetriesPending() }

// retry asks once more which processes have ended, if that failed, and puts back the
// paths that it can.
func (x *Exec) retry() {
	if x.unreaped {
		x.reap()
	}
	x.payBack()
}

// answer queues an event for the machine.
func (x *Exec) answer(ev core.Event) { x.queue = append(x.queue, ev) }

// ready queues what follows from one event of the poll set. An event of a
// thing that is gone, or that is not Exec's, is ignored: it may have been
// fetched before the thing went.
func (x *Exec) ready(e sys.PollEvent) {
	switch kind, number := splitKey(e.Key); kind {
	case keyListener:
		x.listenerReady(core.ServiceID(number), e)
	case keyStatus:
		x.statusReady(core.Generation(number))
	case keyWakeup:
		x.wakeupReady(core.Request(number))
	}
}

// keptLength is how long a list is kept for the next turn: a child that ends
// with its channel full leaves a hundred times as many events.
const keptLength = 1024

// emptied returns the list, empty, for the next turn.
func emptied[T any](list []T) []T {
	if cap(list) > keptLength {
		return nil
	}
	return list[:0]
}

// queued is how many events wait.
func (x *Exec) queued() int { return len(x.queue) - x.head }

// next takes the oldest queued event.
func (x *Exec) next() (core.Event, bool) {
	if x.head == len(x.queue) {
		x.queue, x.head = emptied(x.queue), 0
		return core.Event{}, false
	}
	x.head++
	return x.queue[x.head-1], true
}

// warnOfNoService says what else would show by nothing at all: with an empty
// master.cf, or one whose entries are all disabled, a start serves no client, and a
// reload ends every service.
func (x *Exec) warnOfNoService(c *core.Config) {
	if len(c.Services) == 0 {
		x.hooks.Log(core.LevelWarning, "no service is enabled in "+c.ConfigDirectory+
			`/master.cf; no mail is accepted or delivered; add entries to master.cf and run "postfix reload"`)
	}
}
