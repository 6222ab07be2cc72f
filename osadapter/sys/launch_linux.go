//go:build amd64 || arm64

package sys

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// A process is started by a list of system calls. We write it, and the child
// carries it out: a few instructions of assembly that share our memory until the
// exec. No Go code runs in the child, so that it needs nothing of the runtime. The
// system itself resets the signal handlers, for which ForkExec makes a call each,
// and the list says what failed, for which ForkExec needs a pipe.

// call is one system call of the child. The assembly knows its layout.
type call struct {
	number uintptr
	args   [6]uintptr
	result int // below zero: an error number, negated, and the end of the list
}

// cloneArgs is struct clone_args, as far as the first systems that have it know it.
type cloneArgs [8]uint64

// What a start sets of it.
const (
	cloneFlags      = 0
	cloneExitSignal = 4
)

// launch starts a process that shares our memory until it executes a program or
// ends, makes the calls up to the first that fails, and ends with 127 then. It
// returns when that has happened, with the number of the process or an error
// number, negated.
func launch(c *cloneArgs, size uintptr, calls *call, n uintptr) (pid int)

// plan is a list of calls and what they point to. It must be kept alive, on the
// heap, until the list was carried out, and serves one start after the other.
type plan struct {
	clone  cloneArgs
	groups [1]uint32
	text   []byte
	path   *byte // this and the next into text
	argv   []*byte
	env    []*byte
	files  []FD
	calls  []call
}

func (p *plan) add(number uintptr, args ...uintptr) {
	c := call{number: number}
	copy(c.args[:], args)
	p.calls = append(p.calls, c)
}

// program says what is executed, and tells whether that can be said at all.
func (p *plan) program(what *Process) bool {
	p.text = p.text[:0]
	var ok1, ok2, ok3 bool
	p.path, ok1 = p.string(what.Path)
	p.argv, ok2 = p.strings(p.argv[:0], what.Argv)
	p.env, ok3 = p.strings(p.env[:0], what.Env)
	return ok1 && ok2 && ok3
}

// string is the text as the kernel reads it: it ends with its first NUL.
func (p *plan) string(s string) (at *byte, ok bool) {
	start := len(p.text)
	p.text = append(append(p.text, s...), 0)
	return &p.text[start], strings.IndexByte(s, 0) < 0
}

// strings is what argv and environ look like to the kernel.
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

// share lets the child use our table of descriptors until it has a copy of what it
// needs: a copy of all, and their closing, is most of what a start costs when there
// are thousands.
func (p *plan) share() {
	p.clone[cloneFlags] |= unix.CLONE_FILES
	p.add(unix.SYS_CLOSE_RANGE, uintptr(slices.Max(p.files)+1), math.MaxUint32, unix.CLOSE_RANGE_UNSHARE)
}

// lower puts the files that have high numbers on low ones and tells which low ones
// are to be put back. Not ok: there are too few.
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

// putBack makes the low ones, but for the first, stand for nothing again.
func putBack(low []FD) {
	for n, fd := range low {
		if n == 0 || fd == None {
			continue
		}
		e := Insist(func() core.Errno {
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

// arrange gives every descriptor its number. One that would be overwritten before
// its turn is first put above all others.
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
	// The exec would close them as well, but after we go on: what we close meanwhile
	// would stay open in the child, and in the poll set.
	p.add(unix.SYS_CLOSE_RANGE, uintptr(len(p.files)), math.MaxUint32, 0)
}

// execute makes the program the last call.
func (p *plan) execute() {
	p.add(unix.SYS_EXECVE, uintptr(unsafe.Pointer(p.path)), uintptr(unsafe.Pointer(&p.argv[0])),
		uintptr(unsafe.Pointer(&p.env[0])))
}

// start starts the process by a list. tried is false where the system does not let
// us: one before Linux 5.9, or a filter that does not know the calls, whatever error
// it answers with.
func start(what *Process) (pid core.PID, step core.StartStep, e core.Errno, tried bool) {
	if what.plan == nil {
		what.plan = &plan{}
	}
	p := what.plan
	if !p.program(what) {
		return 0, core.StartExec, core.EINVAL, true
	}
	p.clone = cloneArgs{
		cloneFlags:      unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_CLEAR_SIGHAND,
		cloneExitSignal: uint64(unix.SIGCHLD),
	}
	p.calls, p.files = p.calls[:0], append(p.files[:0], what.Files...)
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
	pid, step, e = p.carryOut()
	tried = step != core.StartFork || e != ENOSYS && startStep(e) == core.StartFork
	return pid, step, e, tried
}

// carryOut starts the process and waits for its exec. Nothing is left of one that
// could not execute.
func (p *plan) carryOut() (core.PID, core.StartStep, core.Errno) {
	pid := launch(&p.clone, unsafe.Sizeof(p.clone), &p.calls[0], uintptr(len(p.calls)))
	runtime.KeepAlive(p)
	if pid < 0 {
		return 0, core.StartFork, core.Errno(-pid)
	}
	for n := range p.calls {
		if result := p.calls[n].result; result < 0 {
			retry(func() error {
				_, err := unix.Wait4(pid, nil, 0, nil)
				return err
			})
			step := core.StartFork
			if n == len(p.calls)-1 {
				step = core.StartExec
			}
			return 0, step, core.Errno(-result)
		}
	}
	return core.PID(pid), core.StartNone, 0
}
