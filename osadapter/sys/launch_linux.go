//go:build amd64 || arm64

package sys

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// A process is started by a list of system calls. We write the list, and the child
// executes it: a few instructions of assembly that share our memory until the exec.
// No Go code runs in the child, so it needs nothing of the runtime, not even a
// stack. The kernel itself resets the signal handlers, for which ForkExec makes one
// call each, and the list records which call failed, for which ForkExec needs a
// pipe.
//
// An exec can take forever: the file system that holds the program may not answer.
// So we do not wait inside the clone, as vfork does, where neither a time limit nor
// the Go runtime can reach a thread. The kernel clears a word of our memory when
// the child has left it, by its exec or its end, and we wait for that word as for
// any slow system call. A caller that gives up waiting continues, and checks the
// word later: the memory that the child uses is on the heap and reserved until
// then.

// call is one system call of the child. The assembly depends on its layout.
type call struct {
	number uintptr
	args   [6]uintptr
	result int64 // pending, or the result; a negated error number if below zero
}

// pending is the result of a call that has not returned. It remains the result of
// an exec that succeeded.
const pending = math.MaxInt64

// answer returns the result so far; the child may be writing it.
func (c *call) answer() int64 { return atomic.LoadInt64(&c.result) }

// cloneArgs is struct clone_args, of the size that the first kernels with clone3
// accept.
type cloneArgs [8]uint64

// The fields that a start sets.
const (
	cloneFlags      = 0
	cloneChildTID   = 2
	cloneExitSignal = 4
)

// launch starts a process that shares our memory until it executes a program or
// ends. It makes the calls up to the first one that fails, and then ends with
// status 127. If the last call but one fails with ENOEXEC, the last one is made as
// well. launch returns at once, with the process ID or a negated error number.
func launch(c *cloneArgs, size uintptr, calls *call, n uintptr) (pid int)

// plan is a list of calls and the memory they refer to. It must stay reachable, on
// the heap, while held is set, and is reused by the next start.
type plan struct {
	held   uint32 // cleared by the kernel, with a futex wake, when the child no longer uses our memory
	clone  cloneArgs
	groups [1]uint32
	text   []byte
	path   *byte // this and the next point into text
	argv   []*byte
	shell  []*byte // argv for the shell, which begins with its path
	env    []*byte
	files  []FD
	calls  []call
	shares bool // the child begins with our table of descriptors
}

func (p *plan) add(number uintptr, args ...uintptr) {
	c := call{number: number, result: pending}
	copy(c.args[:], args)
	p.calls = append(p.calls, c)
}

// program sets the path, argv and environment, and reports whether the kernel can
// represent them.
func (p *plan) program(what *Process) bool {
	p.text = p.text[:0]
	var ok1, ok2, ok3 bool
	p.path, ok1 = p.string(what.Path)
	p.argv, ok2 = p.strings(p.argv[:0], what.Argv)
	p.env, ok3 = p.strings(p.env[:0], what.Env)
	if !ok1 || !ok2 || !ok3 {
		return false
	}
	interpreter, _ := p.string(shell)
	p.shell = append(p.shell[:0], interpreter, p.path)
	if len(what.Argv) > 0 {
		p.shell = append(p.shell, p.argv[1:]...)
	} else {
		p.shell = append(p.shell, nil)
	}
	return true
}

// string returns the text as the kernel reads it, up to its first NUL.
func (p *plan) string(s string) (at *byte, ok bool) {
	start := len(p.text)
	p.text = append(append(p.text, s...), 0)
	return &p.text[start], strings.IndexByte(s, 0) < 0
}

// strings returns a list as the kernel reads argv and environ.
func (p *plan) strings(pointers []*byte, list []string) ([]*byte, bool) {
	for _, s := range list {
		at, ok := p.string(s)
		if !ok {
			return nil, false
		}
		pointers = append(pointers, at)
	}
	return append(pointers, nil), true
}

// share lets the child use our table of descriptors until its first call has copied
// what it needs: copying and closing all of them is most of the cost of a start
// when there are thousands.
func (p *plan) share() {
	p.shares = true
	p.clone[cloneFlags] |= unix.CLONE_FILES
	p.add(unix.SYS_CLOSE_RANGE, uintptr(slices.Max(p.files)+1), math.MaxUint32, unix.CLOSE_RANGE_UNSHARE)
}

// lower duplicates the files that have high numbers to low ones, and returns which
// low ones must be put back. It is not ok if there are too few.
func (p *plan) lower(low []FD) (used []FD, ok bool) {
	next := 1
	for n, fd := range p.files {
		if fd < LowEnd {
			continue
		}
		for next < len(low) && low[next] == None {
			next++
		}
		if next == len(low) || unix.Dup3(int(fd), int(low[next]), unix.O_CLOEXEC) != nil {
			return low[:next], false
		}
		p.files[n] = low[next]
		next++
	}
	return low[:next], true
}

// putBack makes the low descriptors, except for the first, duplicates of the first
// again.
func putBack(low []FD) {
	for n, fd := range low {
		if n == 0 || fd == None {
			continue
		}
		e := Retry(func() core.Errno {
			return number(unix.Dup3(int(low[0]), int(fd), unix.O_CLOEXEC))
		})
		if e != 0 {
			_ = unix.Close(int(fd))
			low[n] = None
		}
	}
}

// assumeRoot makes the child root with the groups {0}.
func (p *plan) assumeRoot() {
	p.add(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&p.groups)))
	p.add(unix.SYS_SETGID, 0)
	p.add(unix.SYS_SETUID, 0)
}

// arrange moves every descriptor to its number. One that would be overwritten first
// is moved above all others.
func (p *plan) arrange() {
	above := FD(len(p.files))
	for _, fd := range p.files {
		above = max(above, fd+1)
	}
	for n, fd := range p.files {
		if int(fd) < n {
			p.add(unix.SYS_DUP3, uintptr(fd), uintptr(above), unix.O_CLOEXEC)
			p.files[n] = above
			above++
		}
	}
	for n, fd := range p.files {
		if int(fd) == n {
			p.add(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFD, 0)
		} else {
			p.add(unix.SYS_DUP3, uintptr(fd), uintptr(n), 0)
		}
	}
	// The exec would close them as well, but only after we continue: what we close
	// meanwhile would stay open in the child, and in the poll set.
	p.add(unix.SYS_CLOSE_RANGE, uintptr(len(p.files)), math.MaxUint32, 0)
}

// execute ends the list with the exec of the program, and of the shell in case the
// program is a script without "#!".
func (p *plan) execute() {
	env := uintptr(unsafe.Pointer(&p.env[0]))
	p.add(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p.path)), uintptr(unsafe.Pointer(&p.argv[0])), env)
	p.add(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p.shell[0])), uintptr(unsafe.Pointer(&p.shell[0])), env)
}

// start starts the process with a list of calls. tried is false if the system does
// not allow that: a kernel before Linux 5.9, or a filter that does not know the
// calls, whatever error it returns.
func start(what *Process) (l Launch, step core.StartStep, e core.Errno, tried bool) {
	if what.plan == nil {
		what.plan = &plan{}
	}
	p := what.plan
	if !p.program(what) {
		return Launch{}, core.StartExec, core.EINVAL, true
	}
	p.clone = cloneArgs{
		cloneFlags:      unix.CLONE_VM | unix.CLONE_CHILD_CLEARTID | unix.CLONE_CLEAR_SIGHAND,
		cloneChildTID:   uint64(uintptr(unsafe.Pointer(&p.held))),
		cloneExitSignal: uint64(unix.SIGCHLD),
	}
	p.calls, p.files, p.shares = p.calls[:0], append(p.files[:0], what.Files...), false
	if len(what.Low) > 0 {
		used, ok := p.lower(what.Low)
		defer putBack(used)
		if ok {
			p.share()
		} else {
			copy(p.files, what.Files)
		}
	}
	if what.Root {
		p.assumeRoot()
	}
	p.arrange()
	p.execute()
	return p.carryOut(what)
}

// giveAway leaves the plan to the process, which still works with it. Nothing here
// may use it until then, but its memory must not be freed.
func (what *Process) giveAway(pid int) Launch {
	p := what.plan
	what.plan = nil
	runtime.SetFinalizer(p, (*plan).stay)
	return Launch{core.PID(pid), p}
}

// stay is called when nothing refers to a plan that was given away.
func (p *plan) stay() {
	if atomic.LoadUint32(&p.held) != 0 {
		runtime.SetFinalizer(p, (*plan).stay) // look again after the next collection
	}
}

// carryOut starts the process and waits for as long as patience allows.
func (p *plan) carryOut(what *Process) (l Launch, step core.StartStep, e core.Errno, tried bool) {
	p.held = 1
	pid := launch(&p.clone, unsafe.Sizeof(p.clone), &p.calls[0], uintptr(len(p.calls)))
	if pid < 0 {
		e := core.Errno(-pid)
		return Launch{}, core.StartFork, e, e != ENOSYS && startStep(e) == core.StartFork
	}
	p.wait(what.Patience)
	if p.shares && !p.waitForTable() {
		// It was stopped at its first instruction. From now on it makes no call
		// except one that has begun, so our table is ours again.
		_ = unix.Kill(pid, unix.SIGKILL)
		return what.giveAway(pid), core.StartFork, core.ETIMEDOUT, true
	}
	step, e = p.outcome()
	switch {
	case e == core.EINPROGRESS:
		return what.giveAway(pid), step, e, true
	case e != 0 && step == core.StartFork && startStep(e) != core.StartFork && reapSoon(pid):
		return Launch{}, step, e, false
	}
	return Launch{PID: core.PID(pid)}, step, e, true
}

// outcome returns how far the process has come.
func (p *plan) outcome() (core.StartStep, core.Errno) {
	if atomic.LoadUint32(&p.held) != 0 {
		return core.StartNone, core.EINPROGRESS
	}
	exec := len(p.calls) - 2
	for n := range p.calls {
		switch e := core.Errno(-min(p.calls[n].answer(), 0)); {
		case e == 0, n == exec && e == core.ENOEXEC: // the shell must run it
		case n < exec:
			return core.StartFork, e
		default:
			return core.StartExec, e
		}
	}
	return core.StartNone, 0
}

// wait waits until the process no longer uses our memory, for about patience.
func (p *plan) wait(patience core.Duration) {
	var deadline time.Time
	for patience > 0 && atomic.LoadUint32(&p.held) != 0 {
		timeout := unix.NsecToTimespec(int64(patience))
		_, _, e := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&p.held)), futexWait, 1,
			uintptr(unsafe.Pointer(&timeout)), 0, 0)
		switch {
		case e == unix.ETIMEDOUT:
			return
		case deadline.IsZero(): // a signal arrived: rare enough to read the clock only then
			deadline = time.Now().Add(time.Duration(patience))
		default:
			patience = core.Duration(time.Until(deadline))
		}
	}
}

// futexWait is FUTEX_WAIT.
const futexWait = 0

// Our table of descriptors must not change until the child has its own. That takes
// a moment, unless the child is kept from running.
const (
	tableLimit = 2 * core.Second
	tablePause = core.Millisecond
)

// waitForTable waits until the child has its own table, or is gone.
func (p *plan) waitForTable() bool {
	for left := tableLimit; p.calls[0].answer() == pending && atomic.LoadUint32(&p.held) != 0; left -= tablePause {
		if left <= 0 {
			return false
		}
		p.wait(tablePause)
	}
	return true
}

// reapSoon takes the status of a process that is ending, unless that takes too
// long.
func reapSoon(pid int) bool {
	for left := tableLimit; left > 0; left -= tablePause {
		if r, e := wait(pid); e == 0 && r.PID != 0 {
			return true
		}
		time.Sleep(time.Duration(tablePause))
	}
	return false
}

// Launched returns the result of a start that was still in progress when Start
// returned, as Start would.
func (Linux) Launched(l *Launch, patience core.Duration) (core.StartStep, core.Errno) {
	if l.plan == nil {
		return core.StartNone, 0
	}
	l.plan.wait(patience)
	return l.plan.outcome()
}
