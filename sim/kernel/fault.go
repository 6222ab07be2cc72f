package kernel

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
	callAssume Call = iota
	callResume
	callSocket
	callSetOption
	callBind
	callListen
	callShutdown
	callClose
	callRead
	callOpen
	callMkfifo
	callChmod
	callFchmod
	callLstat
	callFstat
	callUnlink
	callRename
	callStatusPair
	callStart
	callConnect
	callSocketError
	callLocalAddress
	callSend
	callSendDescriptor
	callPipe
	callWrite
	callFlowPipe
	callPollOpen
	callPollAdd
	callPollModify
	callPollRemove
	callKill
	callWait
	callWaitFor
	callWakerOpen
	callWakerDrain
	// NumCalls is how many calls there are.
	NumCalls
)

var callNames = [NumCalls]string{
	callAssume: "assume", callResume: "resume", callSocket: "socket", callSetOption: "setsockopt", callBind: "bind",
	callListen: "listen", callShutdown: "shutdown", callClose: "close", callRead: "read", callOpen: "open",
	callMkfifo: "mkfifo", callChmod: "chmod", callFchmod: "fchmod", callLstat: "lstat", callFstat: "fstat",
	callUnlink: "unlink", callRename: "rename", callStatusPair: "socketpair", callStart: "start", callConnect: "connect",
	callSocketError: "socket-error", callLocalAddress: "getsockname", callSend: "send", callSendDescriptor: "send-descriptor",
	callPipe: "pipe", callWrite: "write", callFlowPipe: "flow-pipe", callPollOpen: "epoll-create", callPollAdd: "epoll-add",
	callPollModify: "epoll-modify", callPollRemove: "epoll-remove", callKill: "kill", callWait: "wait", callWaitFor: "wait-for",
	callWakerOpen: "eventfd", callWakerDrain: "waker-drain",
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
	enotsock       core.Errno = 88
	eprototype     core.Errno = 91
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
	callAssume:       {core.EPERM, core.EAGAIN, core.ENOMEM, core.EINVAL},
	callResume:       {core.EPERM, core.EAGAIN, core.ENOMEM},
	callSocket:       {core.EMFILE, core.ENFILE, core.ENOMEM, enobufs, core.EACCES, sys.EAFNOSUPPORT},
	callSetOption:    {enoprotoopt, core.ENOMEM, enobufs, core.EPERM},
	callBind:         {core.EACCES, core.EPERM, core.EADDRINUSE, core.EADDRNOTAVAIL, core.ENOENT, core.ENOTDIR, core.EROFS, core.ENOMEM, core.ENOSPC, core.EIO, core.ELOOP, edquot},
	callListen:       {core.EADDRINUSE, enobufs, core.ENOMEM},
	callShutdown:     {core.ENOTCONN, enobufs},
	callClose:        {core.EIO, core.ENOSPC, edquot},
	callRead:         {interruptedFor, core.EAGAIN, core.EIO, core.ENOMEM, core.ECONNRESET},
	callOpen:         {core.EACCES, core.EPERM, core.ELOOP, core.EMFILE, core.ENFILE, core.ENOENT, core.ENOMEM, core.ENOTDIR, core.EROFS, sys.ENXIO, interruptedFor},
	callMkfifo:       {core.EACCES, core.EEXIST, core.ENOENT, core.ENOSPC, core.ENOTDIR, core.EROFS, core.ENOMEM, edquot},
	callChmod:        {core.EPERM, core.EACCES, core.ENOENT, core.EROFS, core.EIO, core.ENOMEM},
	callFchmod:       {core.EPERM, core.EROFS, core.EIO},
	callLstat:        {core.EACCES, core.ENOENT, core.ENOTDIR, core.ELOOP, core.EIO, core.ENOMEM},
	callFstat:        {core.EIO, core.ENOMEM},
	callUnlink:       {core.EACCES, core.EPERM, core.EBUSY, core.ENOENT, core.ENOTDIR, core.EROFS, core.EIO, core.ENOMEM},
	callRename:       {core.EACCES, core.EPERM, core.EBUSY, core.ENOENT, core.ENOTDIR, core.EROFS, core.ENOSPC, core.EIO, core.ENOMEM, exdev, edquot},
	callStatusPair:   {core.EMFILE, core.ENFILE, core.ENOMEM, enobufs},
	callStart:        {core.EAGAIN, core.ENOMEM, core.EMFILE, core.ENFILE, core.ENOENT, core.EACCES, core.EPERM, core.ENOEXEC, etxtbsy, core.E2BIG, core.EIO, core.ELOOP, core.ENOTDIR},
	callConnect:      {core.ECONNREFUSED, core.EAGAIN, core.ENOENT, core.EACCES, core.EPERM, core.EADDRNOTAVAIL, core.ETIMEDOUT, enetunreach, ehostunreach, core.ENOMEM, core.ECONNRESET},
	callSocketError:  {core.ECONNREFUSED, core.ETIMEDOUT, enetunreach, ehostunreach, core.ECONNRESET, enobufs},
	callLocalAddress: {enobufs},
	callSend: {
		core.EAGAIN, core.EPIPE, core.ECONNRESET, core.ENOTCONN, core.ENOMEM, enobufs, interruptedFor,
	},
	callSendDescriptor: {core.EAGAIN, core.EPIPE, core.ECONNRESET, core.ENOMEM, enobufs, etoomanyrefs, interruptedFor},
	callPipe:           {core.EMFILE, core.ENFILE, core.ENOMEM},
	callWrite:          {core.EAGAIN, core.EPIPE, core.EIO, core.ENOMEM, interruptedFor},
	callFlowPipe:       {core.EMFILE, core.ENFILE, core.ENOMEM},
	callPollOpen:       {core.EMFILE, core.ENFILE, core.ENOMEM},
	callPollAdd:        {core.ENOMEM, core.ENOSPC},
	callPollModify:     {core.ENOMEM},
	callPollRemove:     {core.ENOMEM},
	callKill:           {core.EPERM, core.ESRCH},
	callWait:           {interruptedFor},
	callWaitFor:        {interruptedFor, core.ECHILD},
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
	case callPollModify, callPollRemove, callWait, callWaitFor:
		return true
	case callRead, callSend:
		return f.Errno == core.EAGAIN || f.Errno == core.ENOTCONN
	}
	return false
}

// Inject adds a fault.
func (k *Kernel) Inject(f Fault) { k.faults = append(k.faults, f) }

// EndFaults forgets what was injected.
func (k *Kernel) EndFaults() { k.faults = k.faults[:0] }

// Fired are the faults that came true, less those that repeat the call of
// the one before.
func (k *Kernel) Fired() []Fault { return k.fired }

// Calls is how often each call was made.
func (k *Kernel) Calls() [NumCalls]int { return k.calls }

// Failed reports whether the call has failed on purpose.
func (k *Kernel) Failed(c Call) bool { return k.hits[c] > 0 }

// Faults are how often calls have failed on purpose: those that undo and settle
// listeners, changes of the poll set, and questions who has ended.
type Faults struct{ Undoing, Changes, Questions int }

// Faults returns the counts since Reset.
func (k *Kernel) Faults() Faults {
	h := &k.hits
	return Faults{
		Undoing: h[callAssume] + h[callLstat] + h[callUnlink] + h[callRename], Changes: h[callPollModify], Questions: h[callWait] + h[callWaitFor],
	}
}

// GivenUp reports whether the daemon has given up asking who ended, for the moment.
func (k *Kernel) GivenUp() bool { return k.inRow[callWait] >= insisted }

// insisted is how often a call that must be made is made in a row.
const insisted = 3

// Total is how many calls were made.
func (k *Kernel) Total() int { return k.total }

// Sweeps is how often the daemon has asked whether any process has ended.
func (k *Kernel) Sweeps() int { return k.calls[callWait] }

// Persistent are the calls that may fail for longer than anybody insists: the file
// system, the account, memory.
var Persistent = [...]Call{
	callAssume, callBind, callListen, callMkfifo, callOpen, callChmod, callFchmod, callLstat, callFstat, callUnlink, callRename, callPollAdd,
}

// undoing are the calls that undo and settle listeners.
var undoing = [...]Call{callAssume, callLstat, callUnlink, callRename, callRename}

// Outage makes one of the Persistent calls fail from now on, until EndFaults.
func (k *Kernel) Outage() { k.outage(8, Persistent[:]) }

// OutageOfUndoing makes one of the calls fail from now on that undo and settle
// listeners.
func (k *Kernel) OutageOfUndoing() { k.outage(4, undoing[:]) }

// OutageOfRoot makes the daemon unable to be root again.
func (k *Kernel) OutageOfRoot() { k.outage(8, []Call{callResume}) }

// outage makes one of the calls fail, after so many of it at most.
func (k *Kernel) outage(within uint32, calls []Call) {
	c := calls[k.Choose.Below(uint32(len(calls)), tape.Fault)]
	list := Errnos[c]
	k.Inject(Fault{
		Call: c, N: k.calls[c] + int(k.Choose.Below(within, tape.Fault)), Errno: list[k.Choose.Below(uint32(len(list)), tape.Fault)], Lasting: true,
	})
}

// enter counts the call and returns the error that it is to fail with, or 0.
func (k *Kernel) enter(c Call) core.Errno {
	n := k.calls[c]
	k.calls[c]++
	k.total++
	between := k.Odds.Between
	if c == callWakerDrain && between > 0 { // who leaves something then is easily forgotten
		between = max(between, 300)
	}
	if !k.inside && k.Choose.Chance(between, tape.Kernel) {
		k.inside = true
		k.host.Between(c)
		k.inside = false
	}
	for _, f := range k.faults {
		if f.Call == c && (f.N == n || f.Lasting && f.N <= n) {
			return k.fail(f)
		}
	}
	rate := k.rate(c)
	if k.inRow[c] > 0 && rate > 0 {
		rate = sticky
	}
	if len(Errnos[c]) > 0 && k.inRow[c] < rowLimits[c] && k.Choose.Chance(rate, tape.Fault) {
		k.inRow[c]++
		return k.fail(Fault{Call: c, N: n, Errno: Errnos[c][k.Choose.Below(uint32(len(Errnos[c])), tape.Fault)]})
	}
	k.inRow[c] = 0
	return 0
}

// rate is how often the call fails, per mille.
func (k *Kernel) rate(c Call) int32 {
	switch c {
	case callStatusPair:
		return max(k.Odds.Fault, k.Odds.Channel)
	case callWait, callWaitFor, callPollModify:
		return max(k.Odds.Fault, k.Odds.Question)
	}
	if rowLimits[c] == rowOfPersistent {
		return max(k.Odds.Fault, k.Odds.Listener)
	}
	return k.Odds.Fault
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
	limits[callWait], limits[callWaitFor], limits[callPollModify], limits[callSocket] = rowOfRetried, rowOfRetried, rowOfRetried, rowOfPersistent
	return limits
}()

func (k *Kernel) fail(f Fault) core.Errno {
	if len(k.fired) == 0 || k.fired[len(k.fired)-1].Call != f.Call {
		k.fired = append(k.fired, f)
	}
	k.hits[f.Call]++
	return f.Errno
}
