package osadapter

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// The program of a child can take long to be executed: its disk is slow, or does not
// answer at all. The loop waits a moment for it, as nearly every start is over by then,
// and then goes on: the start is under way, and is looked at every now and then. When
// it has taken too long it counts as failed. Its process is killed then, but on a disk
// that does not answer it can live on for ever. It counts as no child then, and is only
// remembered until it is reaped.

const (
	// startPatience is how long the loop waits for an exec. All that are under way share
	// it, so that hundreds of services on a dead disk hold the loop up for a fraction of a
	// second in all.
	startPatience = 10 * core.Millisecond
	// startLimit is how long an exec may take. A disk that is only slow answers within
	// that, and only the clients of the one service wait meanwhile.
	startLimit = 10 * core.Second
	// A start under way is looked at after these times, and a part of its age between
	// them: an exec that took long may take a little longer.
	firstLook, lastLook = core.Millisecond, 100 * core.Millisecond
	lookPart            = 8
	// stuckLimit is how many processes of one program may live on although they were
	// killed. Another try would leave one more, until the process table is full.
	stuckLimit = 3
)

// launch is a start that is under way.
type launch struct {
	sys.Launch
	status     sys.FD // our end of its status channel
	service    core.ServiceID
	generation core.Generation
	program    string
	begun      core.Time
	timed      bool // begun is known
}

// patience is how long the next start is waited for.
func (x *Exec) patience() core.Duration {
	return startPatience / core.Duration(1+len(x.launches)+len(x.leaving))
}

// stuck reports whether a start of the program would only leave one more process that
// cannot be ended.
func (x *Exec) stuck(program string) bool {
	n := 0
	for _, p := range x.leaving {
		if p == program {
			n++
		}
	}
	return n >= stuckLimit
}

// launching reports whether starts are under way.
func (x *Exec) launching() bool { return len(x.launches) > 0 }

// launchPause is how long to wait at most before the next finishLaunches.
func (x *Exec) launchPause(now core.Time) core.Duration {
	pause := lastLook
	for i := range x.launches {
		age := core.Duration(0)
		if l := &x.launches[i]; l.timed {
			age = now.Sub(l.begun)
		}
		pause = min(pause, max(age/lookPart, firstLook))
	}
	return pause
}

// finishLaunches looks after the starts that are under way.
func (x *Exec) finishLaunches(now core.Time) {
	x.keepUnsettled(func(l *launch) bool {
		if !l.timed {
			l.begun, l.timed = now, true
		}
		if x.executed(l) {
			return true
		}
		late := now.Sub(l.begun) >= startLimit
		if late {
			x.kill(l.PID)
			x.answerStart(l, core.StartExec, core.ETIMEDOUT)
			x.leaving[l.PID] = l.program
		}
		return late
	})
}

// endStart settles the start of a process that was reaped. A kernel that is about to
// write its memory to a file does not say that it needs ours no more.
func (x *Exec) endStart(pid core.PID) {
	x.keepUnsettled(func(l *launch) bool {
		if l.PID != pid {
			return false
		}
		if !x.executed(l) {
			x.answerStart(l, core.StartNone, 0)
		}
		return true
	})
}

// keepUnsettled forgets the starts for which settled returns true.
func (x *Exec) keepUnsettled(settled func(*launch) bool) {
	left := x.launches[:0]
	for i := range x.launches {
		if !settled(&x.launches[i]) {
			left = append(left, x.launches[i])
		}
	}
	clear(x.launches[len(left):])
	x.launches = left
}

// executed settles a start whose exec is over, and reports whether it is.
func (x *Exec) executed(l *launch) bool {
	step, e := x.k.Launched(&l.Launch, 0)
	if e == core.EINPROGRESS {
		return false
	}
	x.answerStart(l, step, e)
	return true
}

// answerStart answers a start that is over. One that failed may leave a process, which is not to be
// taken for a stranger when it is reaped.
func (x *Exec) answerStart(l *launch, step core.StartStep, e core.Errno) {
	if e == 0 {
		c := x.newChild()
		*c = child{pid: l.PID, status: l.status}
		x.children[l.generation] = c
		x.pids[c.pid] = l.generation
		x.hasStarted()
		x.answer(core.ChildStartedEvent(l.service, l.generation, c.pid))
		return
	}
	x.unpoll(l.status)
	x.k.Close(l.status)
	if l.PID != 0 {
		x.leaving[l.PID] = ""
		x.hasStarted()
	}
	x.answer(core.ChildStartFailedEvent(l.service, l.generation, step, e))
}

// kill ends a process that is not reaped and may not be asked to leave.
func (x *Exec) kill(pid core.PID) {
	sys.Retry(func() core.Errno { return x.k.Kill(pid, core.SIGKILL) })
}

// killLaunches kills the processes of starts under way, which would find no master any
// more. It does not wait for them: on a dead disk that could take for ever. A program
// that was executed since the last look is a server like the others, and may have a
// client: it finds its channel closed.
func (x *Exec) killLaunches() {
	for i := range x.launches {
		l := &x.launches[i]
		if _, e := x.k.Launched(&l.Launch, 0); e == core.EINPROGRESS {
			x.kill(l.PID)
		}
	}
}
