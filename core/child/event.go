package child

import "github.com/stationmaster/stationmaster/core"

// EventKind identifies what happened.
type EventKind uint8

// The kinds of event. The zero value is never valid.
const (
	EventNone EventKind = iota

	// Started: initialization is over and the main loop begins. It is the first
	// event.
	Started
	// LockGranted answers Lock: this process holds the accept lock. A server that
	// blocks in the lock, as the reference servers do, sees no other event
	// meanwhile; it then delivers an overdue TimerExpired and a ChannelClosed
	// after LockGranted and before ConnectionReady.
	LockGranted
	// LockFailed answers Lock, or reports later that Unlock failed with Errno.
	LockFailed
	// ConnectionReady: a watched listener is readable. Ignored when nothing is
	// watched.
	ConnectionReady
	// Accepted answers Accept: a client was accepted, or a message was read from
	// a FIFO or a datagram socket.
	Accepted
	// AcceptMissed answers Accept: another process was faster, or the client
	// is gone (spec child, 5, accept).
	AcceptMissed
	// RequestBegan: a client of a Multi server has sent something. The server
	// reads the request after the actions of this step. It answers no action.
	RequestBegan
	// RequestEnded: that request is answered; or, in an EventDriven server, the
	// function called for a new client has returned, once for each Serve and
	// before its Served.
	RequestEnded
	// Served answers Serve: the client has been served and its connection is
	// closed. It has no open request.
	Served
	// Reported answers Report of Available: the whole message was written.
	Reported
	// ReportFailed answers Report of Available: the message was not written.
	ReportFailed
	// ChannelClosed: the status channel is readable or has hung up: the master
	// cut this process off or is dead. It may come at any time, more than once,
	// or late in a server that polls nothing while it serves.
	ChannelClosed
	// TimerExpired: the time that Deadline returned has come. It is ignored when
	// it comes too early or without a deadline.
	TimerExpired

	numEventKinds
)

// Event is one thing that happened. Kind determines which fields are used; see
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

// eventFields lists the fields that each kind uses.
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

// String returns the kind's word in traces.
func (k EventKind) String() string {
	if k < numEventKinds {
		return eventNames[k]
	}
	return "unknown"
}

// wellFormed reports whether ev is of a known kind and uses only its fields.
func (ev Event) wellFormed() bool {
	if ev.Kind == EventNone || ev.Kind >= numEventKinds {
		return false
	}
	return ev.Errno == 0 || eventFields[ev.Kind]&fErrno != 0
}
