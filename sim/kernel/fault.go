package kernel

import (
	"slices"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/sys"
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
	callWakerOpen
	callWakerDrain
	callKill
	callWait
	callWaitFor
	numCalls
)

var callNames = [numCalls]string{
	callAssume: "assume", callResume: "resume", callSocket: "socket", callSetOption: "setsockopt", callBind: "bind",
	callListen: "listen", callShutdown: "shutdown", callClose: "close", callRead: "read", callOpen: "open",
	callMkfifo: "mkfifo", callChmod: "chmod", callFchmod: "fchmod", callLstat: "lstat", callFstat: "fstat",
	callUnlink: "unlink", callRename: "rename", callStatusPair: "socketpair", callStart: "start", callConnect: "connect",
	callSocketError: "socket-error", callLocalAddress: "getsockname", callSend: "send", callSendDescriptor: "send-descriptor",
	callPipe: "pipe", callWrite: "write", callFlowPipe: "flow-pipe", callPollOpen: "epoll-create", callPollAdd: "epoll-add",
	callPollModify: "epoll-modify", callPollRemove: "epoll-remove", callWakerOpen: "eventfd", callWakerDrain: "waker-drain", callKill: "kill", callWait: "wait", callWaitFor: "wait-for",
}

// String gives the call's name.
func (c Call) String() string {
	if c < numCalls {
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
var Errnos = [numCalls][]core.Errno{
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
	callWakerOpen:      {core.EMFILE, core.ENFILE, core.ENOMEM},
	callWakerDrain:     {interruptedFor},
	callKill:           {core.EPERM, core.ESRCH},
	callWait:           {interruptedFor},
	callWaitFor:        {interruptedFor, core.ECHILD},
}

// ErrnosOf gives the errors of the call that String names so, and nil for a
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

// Inject adds a fault.
func (k *Kernel) Inject(f Fault) { k.faults = append(k.faults, f) }

// SetFaultRate makes each call fail with that chance, per mille.
func (k *Kernel) SetFaultRate(perMille uint32) { k.rate = perMille }

// Fired are the faults that came true, less those that repeat the call of
// the one before.
func (k *Kernel) Fired() []Fault { return k.fired }

// Calls is how often each call was made.
func (k *Kernel) Calls() [numCalls]int { return k.calls }

// enter counts the call and gives the error that it is to fail with, or 0.
func (k *Kernel) enter(c Call) core.Errno {
	n := k.calls[c]
	k.calls[c]++
	k.total++
	if k.between != nil && k.dice.chance(20) {
		k.between()
	}
	for _, f := range k.faults {
		if f.Call == c && (f.N == n || f.Lasting && f.N <= n) {
			return k.fail(f)
		}
	}
	if k.rate > 0 && k.inRow[c] < rowLimit && k.dice.chance(k.rate) {
		k.inRow[c]++
		return k.fail(Fault{Call: c, N: n, Errno: Errnos[c][k.dice.below(uint32(len(Errnos[c])))]})
	}
	k.inRow[c] = 0
	return 0
}

// rowLimit is how often in a row a call fails by chance: sys.Insist and
// sys.AsOwner try three times.
const rowLimit = 2

func (k *Kernel) fail(f Fault) core.Errno {
	if len(k.fired) == 0 || k.fired[len(k.fired)-1].Call != f.Call {
		k.fired = append(k.fired, f)
	}
	k.hits[f.Call]++
	return f.Errno
}
