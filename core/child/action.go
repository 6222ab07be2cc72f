package child

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/wire"
)

// ActionKind identifies what the server must do.
type ActionKind uint8

// The kinds of action. The zero value is never valid. The actions of one step are
// carried out in order.
const (
	ActionNone ActionKind = iota

	// Lock: acquire the accept lock, blocking as long as it takes. Answer with
	// LockGranted or LockFailed.
	Lock
	// Unlock: release the accept lock. No answer, but report LockFailed if the
	// system refuses.
	Unlock
	// Watch: report ConnectionReady once, when a listener is readable. It stays
	// in force until that report. No other answer.
	Watch
	// Accept: without blocking, accept one client, or read one message from a
	// FIFO or a datagram socket. Answer with Accepted or AcceptMissed. There is
	// exactly one accept for each ConnectionReady (spec child, 5).
	Accept
	// Report: write the message of Status to the status channel in one write.
	// Available is answered with Reported or ReportFailed. Taken is not
	// answered: its failure changes nothing, because the next Available fails too
	// (spec child, 5).
	Report
	// Serve: serve the client that Accepted reported, close its connection, and
	// answer with Served. A Multi server reports RequestBegan and RequestEnded
	// around each of its requests, an EventDriven server RequestEnded once.
	Serve
	// Exit: end the process with exit code Code. With ReasonLock log Errno
	// first. No action follows, and unanswered actions stay unanswered.
	Exit

	numActionKinds
)

// Reason is why a server exits.
type Reason uint8

// The reasons to exit (spec child, 5 to 7).
const (
	ReasonNone       Reason = iota
	ReasonIdle              // max_idle passed without a client
	ReasonUsed              // max_use clients have been served
	ReasonMasterGone        // the channel is closed, or a report failed
	ReasonRetired           // the retirement time is over
	ReasonLock              // the accept lock failed: exit code 1
	numReasons
)

var reasonNames = [numReasons]string{
	ReasonNone:       "none",
	ReasonIdle:       "idle",
	ReasonUsed:       "used",
	ReasonMasterGone: "master-gone",
	ReasonRetired:    "retired",
	ReasonLock:       "lock",
}

// String returns the reason's word in traces.
func (r Reason) String() string {
	if r < numReasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Action is one thing to do. Kind determines which fields are used; see
// actionFields.
type Action struct {
	Kind   ActionKind
	Reason Reason
	Code   uint8
	Errno  core.Errno
	Status wire.Status
}

// actionFields lists the fields that each kind uses.
var actionFields = [numActionKinds]field{
	Report: fStatus,
	Exit:   fCode | fReason | fErrno,
}

var actionNames = [numActionKinds]string{
	ActionNone: "none",
	Lock:       "lock",
	Unlock:     "unlock",
	Watch:      "watch",
	Accept:     "accept",
	Report:     "report",
	Serve:      "serve",
	Exit:       "exit",
}

// String returns the kind's word in traces.
func (k ActionKind) String() string {
	if k < numActionKinds {
		return actionNames[k]
	}
	return "unknown"
}

// wellFormed reports whether a uses only the fields of its kind.
func (a Action) wellFormed() bool {
	if a.Kind == ActionNone || a.Kind >= numActionKinds {
		return false
	}
	f := actionFields[a.Kind]
	return (a.Reason == 0 || f&fReason != 0) && (a.Code == 0 || f&fCode != 0) &&
		(a.Errno == 0 || f&fErrno != 0) && (a.Status == 0 || f&fStatus != 0)
}

// String returns the action as traces show it.
func (a Action) String() string {
	switch a.Kind {
	case Report:
		if a.Status == wire.Taken {
			return "report taken"
		}
		return "report available"
	case Exit:
		return "exit " + a.Reason.String()
	default:
		return a.Kind.String()
	}
}
