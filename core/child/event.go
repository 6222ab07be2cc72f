package child

import "github.com/stationmaster/stationmaster/core"

// EventKind says what happened.
type EventKind uint8

// The kinds of event. The zero value is never valid.
const (
	EventNone EventKind = iota

	// Started: start-up is over and the main loop begins. The first event,
	// and the only one before it.
	Started
	// LockGranted answers Lock: the accept lock is ours. A server that blocks
	// in the lock, as the reference servers do, learns of nothing else
	// meanwhile; it then delivers an overdue TimerExpired and a ChannelClosed
	// after LockGranted and before ConnectionReady.
	LockGranted
	// LockFailed answers Lock, or tells later that Unlock went wrong: Errno.
	LockFailed
	// ConnectionReady: what Watch watches can be read. Ignored when nothing
	// is watched.
	ConnectionReady
	// Accepted answers Accept: there is a client, or for a FIFO or a datagram
	// socket, what was read is there.
	Accepted
	// AcceptMissed answers Accept: another process was faster, or the client
	// is gone (spec child, 5, accept).
	AcceptMissed
	// RequestBegan: a client of a Multi server has sent something. What it
	// asks is looked at after the actions of this step. No answer to anything.
	RequestBegan
	// RequestEnded: that request is answered; or, in an EventDriven server,
	// the function that was told of a new client has returned, once for each
	// Serve and before its Served.
	RequestEnded
	// Served answers Serve: the client has been served to its end and its
	// connection is closed. It has no request open.
	Served
	// Reported answers Report of Available: the whole message is written.
	Reported
	// ReportFailed answers Report of Available: it is not.
	ReportFailed
	// ChannelClosed: the status channel can be read or has hung up: the
	// master cut us off or is dead. It may come at any time, more than once,
	// or, in a server that looks at nothing while it serves, late.
	ChannelClosed
	// TimerExpired: the time that Deadline named has come. Too early or with
	// no deadline, it is ignored.
	TimerExpired

	numEventKinds
)

// Event is one thing that happened. Which fields count depends on Kind; see
// eventFields.
type Event struct {
	Kind  EventKind
	Errno core.Errno
}

// PlainEvent returns an event of a kind that has no fields.
func PlainEvent(k EventKind) Event { return Event{Kind: k} }

// LockFailedEvent reports that the accept lock could not be acquired or released.
func LockFailedEvent(e core.Errno) Event { return Event{Kind: LockFailed, Errno: e} }

// field is a set of the fields of an Event or an Action.
type field uint8

const (
	fErrno field = 1 << iota
	fStatus
	fCode
	fReason
)

// eventFields says which fields each kind uses.
var eventFields = [numEventKinds]field{
	LockFailed: fErrno,
}

var eventNames = [numEventKinds]string{
	EventNone:       "none",
	Started:         "started",
	LockGranted:     "lock-granted",
	LockFailed:      "lock-failed",
	ConnectionReady: "connection-ready",
	Accepted:        "accepted",
	AcceptMissed:    "accept-missed",
	RequestBegan:    "request-began",
	RequestEnded:    "request-ended",
	Served:          "served",
	Reported:        "reported",
	ReportFailed:    "report-failed",
	ChannelClosed:   "channel-closed",
	TimerExpired:    "timer-expired",
}

// String gives the kind's word in traces.
func (k EventKind) String() string {
	if k < numEventKinds {
		return eventNames[k]
	}
	return "unknown"
}

// wellFormed tells whether ev is of a known kind and uses only its fields.
func (ev Event) wellFormed() bool {
	if ev.Kind == EventNone || ev.Kind >= numEventKinds {
		return false
	}
	return ev.Errno == 0 || eventFields[ev.Kind]&fErrno != 0
}
