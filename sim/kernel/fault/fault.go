// Package fault names the system calls of osadapter.Kernel and the errors that each may
// meet, and lets them fail in the kernel in memory: as it was told to, or by chance.
package fault

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
	"github.com/stationmaster/stationmaster/sim/tape"
)

// Call is one kind of system call.
type Call uint8

// The system calls of osadapter.Kernel that can fail.
const (
	Assume Call = iota
	Resume
	Socket
	SetOption
	Bind
	Listen
	Shutdown
	Close
	Read
	Open
	Mkfifo
	Chmod
	Fchmod
	Lstat
	Fstat
	Unlink
	Rename
	StatusPair
	Start
	Connect
	SocketError
	LocalAddress
	Send
	SendDescriptor
	Pipe
	Write
	FlowPipe
	PollOpen
	PollAdd
	PollModify
	PollRemove
	Kill
	Wait
	WaitFor
	WakerOpen
	WakerDrain
	// NumCalls is how many calls there are.
	NumCalls
)

var callNames = [NumCalls]string{
	Assume: "assume", Resume: "resume", Socket: "socket", SetOption: "setsockopt", Bind: "bind",
	Listen: "listen", Shutdown: "shutdown", Close: "close", Read: "read", Open: "open",
	Mkfifo: "mkfifo", Chmod: "chmod", Fchmod: "fchmod", Lstat: "lstat", Fstat: "fstat",
	Unlink: "unlink", Rename: "rename", StatusPair: "socketpair", Start: "start", Connect: "connect",
	SocketError: "socket-error", LocalAddress: "getsockname", Send: "send", SendDescriptor: "send-descriptor",
	Pipe: "pipe", Write: "write", FlowPipe: "flow-pipe", PollOpen: "epoll-create", PollAdd: "epoll-add",
	PollModify: "epoll-modify", PollRemove: "epoll-remove", Kill: "kill", Wait: "wait", WaitFor: "wait-for",
	WakerOpen: "eventfd", WakerDrain: "waker-drain",
}

// String returns the call's name.
func (c Call) String() string {
	if c < NumCalls {
		return callNames[c]
	}
	return "unknown"
}

// Error numbers that neither core nor sys names.
const (
	exdev          core.Errno = 18
	etxtbsy        core.Errno = 26
	ENOTSOCK       core.Errno = 88
	EPROTOTYPE     core.Errno = 91
	enoprotoopt    core.Errno = 92
	enetunreach    core.Errno = 101
	enobufs        core.Errno = 105
	etoomanyrefs   core.Errno = 109
	ehostunreach   core.Errno = 113
	edquot         core.Errno = 122
	interruptedFor            = core.EINTR // for longer than sys tries again
)

// Errnos are the errors that each call may meet with a caller who makes no
// mistake: the manual's, less those of bad arguments. EINTR stands where sys
// gives up trying again. Changing or removing a member of an epoll set takes
// no memory on Linux, but the manual does not promise it.
var Errnos = [NumCalls][]core.Errno{
	Assume:       {core.EPERM, core.EAGAIN, core.ENOMEM, core.EINVAL},
	Resume:       {core.EPERM, core.EAGAIN, core.ENOMEM},
	Socket:       {core.EMFILE, core.ENFILE, core.ENOMEM, enobufs, core.EACCES, sys.EAFNOSUPPORT},
	SetOption:    {enoprotoopt, core.ENOMEM, enobufs, core.EPERM},
	Bind:         {core.EACCES, core.EPERM, core.EADDRINUSE, core.EADDRNOTAVAIL, core.ENOENT, core.ENOTDIR, core.EROFS, core.ENOMEM, core.ENOSPC, core.EIO, core.ELOOP, edquot},
	Listen:       {core.EADDRINUSE, enobufs, core.ENOMEM},
	Shutdown:     {core.ENOTCONN, enobufs},
	Close:        {core.EIO, core.ENOSPC, edquot},
	Read:         {interruptedFor, core.EAGAIN, core.EIO, core.ENOMEM, core.ECONNRESET},
	Open:         {core.EACCES, core.EPERM, core.ELOOP, core.EMFILE, core.ENFILE, core.ENOENT, core.ENOMEM, core.ENOTDIR, core.EROFS, sys.ENXIO, interruptedFor},
	Mkfifo:       {core.EACCES, core.EEXIST, core.ENOENT, core.ENOSPC, core.ENOTDIR, core.EROFS, core.ENOMEM, edquot},
	Chmod:        {core.EPERM, core.EACCES, core.ENOENT, core.EROFS, core.EIO, core.ENOMEM},
	Fchmod:       {core.EPERM, core.EROFS, core.EIO},
	Lstat:        {core.EACCES, core.ENOENT, core.ENOTDIR, core.ELOOP, core.EIO, core.ENOMEM},
	Fstat:        {core.EIO, core.ENOMEM},
	Unlink:       {core.EACCES, core.EPERM, core.EBUSY, core.ENOENT, core.ENOTDIR, core.EROFS, core.EIO, core.ENOMEM},
	Rename:       {core.EACCES, core.EPERM, core.EBUSY, core.ENOENT, core.ENOTDIR, core.EROFS, core.ENOSPC, core.EIO, core.ENOMEM, exdev, edquot},
	StatusPair:   {core.EMFILE, core.ENFILE, core.ENOMEM, enobufs},
	Start:        {core.EAGAIN, core.ENOMEM, core.EMFILE, core.ENFILE, core.ENOENT, core.EACCES, core.EPERM, core.ENOEXEC, etxtbsy, core.E2BIG, core.EIO, core.ELOOP, core.ENOTDIR},
	Connect:      {core.ECONNREFUSED, core.EAGAIN, core.ENOENT, core.EACCES, core.EPERM, core.EADDRNOTAVAIL, core.ETIMEDOUT, enetunreach, ehostunreach, core.ENOMEM, core.ECONNRESET},
	SocketError:  {core.ECONNREFUSED, core.ETIMEDOUT, enetunreach, ehostunreach, core.ECONNRESET, enobufs},
	LocalAddress: {enobufs},
	Send: {
		core.EAGAIN, core.EPIPE, core.ECONNRESET, core.ENOTCONN, core.ENOMEM, enobufs, interruptedFor,
	},
	SendDescriptor: {core.EAGAIN, core.EPIPE, core.ECONNRESET, core.ENOMEM, enobufs, etoomanyrefs, interruptedFor},
	Pipe:           {core.EMFILE, core.ENFILE, core.ENOMEM},
	Write:          {core.EAGAIN, core.EPIPE, core.EIO, core.ENOMEM, interruptedFor},
	FlowPipe:       {core.EMFILE, core.ENFILE, core.ENOMEM},
	PollOpen:       {core.EMFILE, core.ENFILE, core.ENOMEM},
	PollAdd:        {core.ENOMEM, core.ENOSPC},
	PollModify:     {core.ENOMEM},
	PollRemove:     {core.ENOMEM},
	Kill:           {core.EPERM, core.ESRCH},
	Wait:           {interruptedFor},
	WaitFor:        {interruptedFor, core.ECHILD},
}

// ErrnosOf returns the errors of the call that String names so, and nil for a
// name that no call has.
func ErrnosOf(name string) []core.Errno {
	if c := slices.Index(callNames[:], name); c >= 0 {
		return Errnos[c]
	}
	return nil
}

// Fault makes occurrence N of a call, counted from 0, fail, and with Lasting
// all that follow.
type Fault struct {
	Call    Call
	N       int
	Errno   core.Errno
	Lasting bool
}

// Insisted reports whether the call is one that is made again until it works, because
// nothing else can help; or one that says of a descriptor that is ready that it is not.
func (f *Fault) Insisted() bool {
	switch f.Call {
	case PollModify, PollRemove, Wait, WaitFor:
		return true
	case Read, Send:
		return f.Errno == core.EAGAIN || f.Errno == core.ENOTCONN
	}
	return false
}

// Injector counts the calls of the daemon and lets them fail, as it was told to or by
// chance.
type Injector struct {
	// Choose makes the choices.
	Choose *tape.Chooser
	Odds   Odds
	// Interrupt comes before a call, by chance: others run meanwhile.
	Interrupt func(c Call)

	calls  [NumCalls]int
	hits   [NumCalls]int // faults of each call
	inRow  [NumCalls]int // the last of them
	total  int
	inside bool // of Interrupt
	faults []Fault
	fired  []Fault
}

// Reset forgets everything but who makes the choices.
func (i *Injector) Reset() {
	*i = Injector{Choose: i.Choose, Interrupt: i.Interrupt, faults: i.faults[:0], fired: i.fired[:0]}
}

// Inject adds a fault.
func (i *Injector) Inject(f Fault) { i.faults = append(i.faults, f) }

// EndFaults forgets what was injected.
func (i *Injector) EndFaults() { i.faults = i.faults[:0] }

// Fired are the faults that came true, less those that repeat the call of
// the one before.
func (i *Injector) Fired() []Fault { return i.fired }

// Calls is how often each call was made.
func (i *Injector) Calls() [NumCalls]int { return i.calls }

// Failures is how often the call has failed on purpose.
func (i *Injector) Failures(c Call) int { return i.hits[c] }

// Failed reports whether the call has failed on purpose.
func (i *Injector) Failed(c Call) bool { return i.hits[c] > 0 }

// Counts are how often calls have failed on purpose: those that undo and settle
// listeners, changes of the poll set, and questions who has ended.
type Counts struct{ Undoing, Changes, Questions int }

// Faults returns the counts since Reset.
func (i *Injector) Faults() Counts {
	h := &i.hits
	return Counts{
		Undoing: h[Assume] + h[Lstat] + h[Unlink] + h[Rename], Changes: h[PollModify], Questions: h[Wait] + h[WaitFor],
	}
}

// GivenUp reports whether the daemon has given up asking who ended, for the moment.
func (i *Injector) GivenUp() bool { return i.inRow[Wait] >= insisted }

// insisted is how often a call that must be made is made in a row.
const insisted = 3

// Total is how many calls were made.
func (i *Injector) Total() int { return i.total }

// Sweeps is how often the daemon has asked whether any process has ended.
func (i *Injector) Sweeps() int { return i.calls[Wait] }

// Persistent are the calls that may fail for longer than anybody insists: the file
// system, the account, memory.
var Persistent = [...]Call{
	Assume, Bind, Listen, Mkfifo, Open, Chmod, Fchmod, Lstat, Fstat, Unlink, Rename, PollAdd,
}

// undoing are the calls that undo and settle listeners.
var undoing = [...]Call{Assume, Lstat, Unlink, Rename, Rename}

// Outage makes one of the Persistent calls fail from now on, until EndFaults.
func (i *Injector) Outage() { i.outage(8, Persistent[:]) }

// OutageOfUndoing makes one of the calls fail from now on that undo and settle
// listeners.
func (i *Injector) OutageOfUndoing() { i.outage(4, undoing[:]) }

// OutageOfRoot makes the daemon unable to be root again.
func (i *Injector) OutageOfRoot() { i.outage(8, []Call{Resume}) }

// outage makes one of the calls fail, after so many of it at most.
func (i *Injector) outage(within uint32, calls []Call) {
	c := calls[i.Choose.Below(uint32(len(calls)), tape.Fault)]
	list := Errnos[c]
	i.Inject(Fault{
		Call: c, N: i.calls[c] + int(i.Choose.Below(within, tape.Fault)), Errno: list[i.Choose.Below(uint32(len(list)), tape.Fault)], Lasting: true,
	})
}

// Enter counts the call and returns the error that it is to fail with, or 0.
func (i *Injector) Enter(c Call) core.Errno {
	n := i.calls[c]
	i.calls[c]++
	i.total++
	between := i.Odds.Between
	if (c == WakerDrain || c == Kill) && between > 0 { // who leaves something or begins then is easily forgotten
		between = max(between, 300)
	}
	if !i.inside && i.Choose.Chance(between, tape.Kernel) {
		i.inside = true
		i.Interrupt(c)
		i.inside = false
	}
	for _, f := range i.faults {
		if f.Call == c && (f.N == n || f.Lasting && f.N <= n) {
			return i.fail(f)
		}
	}
	rate := i.rate(c)
	if i.inRow[c] > 0 && rate > 0 {
		rate = sticky
	}
	if len(Errnos[c]) > 0 && i.inRow[c] < rowLimits[c] && i.Choose.Chance(rate, tape.Fault) {
		i.inRow[c]++
		return i.fail(Fault{Call: c, N: n, Errno: Errnos[c][i.Choose.Below(uint32(len(Errnos[c])), tape.Fault)]})
	}
	i.inRow[c] = 0
	return 0
}

// rate is how often the call fails, per mille.
func (i *Injector) rate(c Call) int32 {
	switch c {
	case StatusPair:
		return max(i.Odds.Fault, i.Odds.Channel)
	case Wait, WaitFor, PollModify:
		return max(i.Odds.Fault, i.Odds.Question)
	}
	if rowLimits[c] == rowOfPersistent {
		return max(i.Odds.Fault, i.Odds.Listener)
	}
	return i.Odds.Fault
}

// sticky is how often a call that has failed fails again at once, per mille.
const sticky = 500

// sys.Insist and sys.AsOwner try three times: a call that must work in the end fails
// twice in a row at most; one that is made again later, or whose failure has an answer,
// for longer.
const (
	rowLimit        = 2
	rowOfRetried    = 7
	rowOfPersistent = 8
)

// rowLimits are how often in a row each call fails by chance.
var rowLimits = func() (limits [NumCalls]int) {
	for c := range limits {
		limits[c] = rowLimit
	}
	for _, c := range Persistent {
		limits[c] = rowOfPersistent
	}
	limits[Wait], limits[WaitFor], limits[PollModify], limits[Socket] = rowOfRetried, rowOfRetried, rowOfRetried, rowOfPersistent
	return limits
}()

func (i *Injector) fail(f Fault) core.Errno {
	if len(i.fired) == 0 || i.fired[len(i.fired)-1].Call != f.Call {
		i.fired = append(i.fired, f)
	}
	i.hits[f.Call]++
	return f.Errno
}

// Odds are the chances, per mille, of what a kernel may do and seldom does.
type Odds struct {
	Fault    int32 // any call fails
	Channel  int32 // a status channel cannot be made
	Listener int32 // a step of making, ending or undoing a listener fails
	Question int32 // the kernel does not say who ended, or does not change the poll set
	Between  int32 // others run before a call
	Late     int32 // a readiness is reported one wait late
	Spurious int32 // a wait reports what is not ready
	Network  int32 // an inet connection takes its time
	Early    int32 // a child has closed its channel, and its status is not there yet
	Remains  int32 // a start whose exec failed leaves a process to be reaped
}

// FailedKill reports whether a signal could not be sent, on purpose.
func (i *Injector) FailedKill() bool { return i.Failed(Kill) }

// ChangeFailed reports whether a change of the poll set has ever failed.
func (i *Injector) ChangeFailed() bool { return i.Failed(PollModify) }

// QuestionOwed reports whether the daemon could not ask who has ended when it tried last.
func (i *Injector) QuestionOwed() bool { return i.inRow[Wait] > 0 }
