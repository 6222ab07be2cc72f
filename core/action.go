package core

// ActionKind says what to do.
type ActionKind uint8

// The kinds of action. The zero value is never valid. The duty of the adapter
// stands with each kind; the list of one step is carried out in its order.
const (
	ActionNone ActionKind = iota

	// LoadConfig: read main.cf and master.cf again and answer Request with
	// ConfigLoaded or ConfigRejected, without blocking the loop.
	LoadConfig
	// OpenListener: make endpoint Listener of Entry for Service, unwatched.
	// With Flag the path belongs to a service of ours: rename what is there
	// aside first, so that AbandonListener can put it back. Several on one path
	// are opened in the order of the actions: the last has it. Answer with
	// ListenerOpened or ListenerFailed.
	OpenListener
	// CommitListener: the reload is committed; unlink what OpenListener set
	// aside for this listener. Not answered.
	CommitListener
	// AbandonListener: the reload is undone; close the listener, unlink its
	// file if it still is ours, put back what was set aside. Not answered.
	AbandonListener
	// MoveListener: hand the open descriptor of (Service, Listener) over to
	// (To, ToListener), unwatched. Not answered.
	MoveListener
	// CloseListener: the service is removed; shut the listener down so that
	// clients are refused at once, close it, and unlink its file if it still
	// is ours. Not answered.
	CloseListener
	// WatchListener: report ListenerReady while a listener of Service is
	// readable. Not answered.
	WatchListener
	// IgnoreListener: stop doing so. Not answered.
	IgnoreListener
	// StartChild: start a child of Entry for Service with the service's open
	// listeners and a status channel of its own; Flag is stress mode. Answer
	// with ChildStarted or ChildStartFailed.
	StartChild
	// RetireChild: cut the status channel of Generation in both directions,
	// deliver what is queued in it as StatusReceived, then close it. Not
	// answered otherwise.
	RetireChild
	// SignalChild: send Signal to PID, which is alive or a zombie and a child
	// of ours. A missing process is no error. Not answered.
	SignalChild
	// SignalGroup: ignore Signal ourselves from now on, then send it to our
	// process group. A missing group is no error. Not answered.
	SignalGroup
	// WakeService: send the wakeup request for Entry without blocking. Answer
	// Request with WakeupSent or WakeupFailed, and after WakeupSent report
	// WakeupClosed when the receiver closes; a FIFO has no connection and
	// reports nothing more.
	WakeService
	// CloseWakeup: end the wakeup Request, whatever its state; nothing more
	// is reported of it. Not answered.
	CloseWakeup
	// ApplyConfig: Config is in force; switch logging and identities to it.
	// Not answered.
	ApplyConfig
	// Announce: the daemon is up; tell who waits for that. Not answered.
	Announce
	// Log: write the line of Code. Not answered.
	Log
	// Exit: end the process, with exit code Number, or by Signal if that is
	// not 0. The last action of all.
	Exit

	numActionKinds
)

// Action is one thing to do. Which fields count depends on Kind; see
// actionFields.
type Action struct {
	Kind       ActionKind
	Code       LogCode
	Level      Level
	Signal     Signal
	Flag       bool
	ListenStep ListenStep
	StartStep  StartStep
	Errno      Errno
	Listener   uint16
	ToListener uint16
	Status     ExitStatus
	Service    ServiceID
	To         ServiceID
	PID        PID
	Generation Generation
	Request    Request
	Number     int64
	Entry      *ServiceConfig
	Config     *Config
	Text       string
}

// actionFields says which fields each kind uses. Log may use any.
var actionFields = [numActionKinds]field{
	LoadConfig:      fRequest,
	OpenListener:    fService | fListener | fEntry | fFlag,
	CommitListener:  fService | fListener,
	AbandonListener: fService | fListener,
	MoveListener:    fService | fListener | fTo | fToListener,
	CloseListener:   fService | fListener,
	WatchListener:   fService,
	IgnoreListener:  fService,
	StartChild:      fService | fGeneration | fEntry | fFlag,
	RetireChild:     fGeneration,
	SignalChild:     fGeneration | fPID | fSignal,
	SignalGroup:     fSignal,
	WakeService:     fService | fRequest | fEntry,
	CloseWakeup:     fRequest,
	ApplyConfig:     fConfig,
	Announce:        0,
	Log:             fCode,
	Exit:            fNumber | fSignal,
}

var actionNames = [numActionKinds]string{
	ActionNone:      "none",
	LoadConfig:      "load-config",
	OpenListener:    "open-listener",
	CommitListener:  "commit-listener",
	AbandonListener: "abandon-listener",
	MoveListener:    "move-listener",
	CloseListener:   "close-listener",
	WatchListener:   "watch-listener",
	IgnoreListener:  "ignore-listener",
	StartChild:      "start-child",
	RetireChild:     "retire-child",
	SignalChild:     "signal-child",
	SignalGroup:     "signal-group",
	WakeService:     "wake-service",
	CloseWakeup:     "close-wakeup",
	ApplyConfig:     "apply-config",
	Announce:        "announce",
	Log:             "log",
	Exit:            "exit",
}

// String gives the kind's word in traces.
func (k ActionKind) String() string {
	if k < numActionKinds {
		return actionNames[k]
	}
	return "unknown"
}
