package core

// ActionKind identifies what the adapter must do.
type ActionKind uint8

// The kinds of action. The zero value is never valid. Each comment states what
// the adapter must do. It carries out the actions of one step in order.
const (
	ActionNone ActionKind = iota

	// LoadConfig: read main.cf and master.cf again, without blocking the loop,
	// and answer Request with ConfigLoaded or ConfigRejected.
	LoadConfig
	// OpenListener: open endpoint Listener of Entry for Service, unwatched.
	// With Flag the path belongs to another service of this master: first rename
	// the file there aside, so that AbandonListener can restore it. Listeners on
	// one path are opened in the order of the actions: the last one owns the
	// path. Answer with ListenerOpened or ListenerFailed.
	OpenListener
	// CommitListener: the reload is committed; unlink what OpenListener set
	// aside for this listener. No answer.
	CommitListener
	// AbandonListener: the reload is undone; close the listener, unlink its
	// file if it is still ours, and restore the file that was set aside. No
	// answer.
	AbandonListener
	// MoveListener: move the open descriptor of (Service, Listener) to
	// (To, ToListener), unwatched. No answer.
	MoveListener
	// CloseListener: the service is removed; shut the listener down so that
	// clients are refused at once, close it, and unlink its file if it is still
	// ours. No answer.
	CloseListener
	// WatchListener: report ListenerReady while a listener of Service is
	// readable. No answer.
	WatchListener
	// IgnoreListener: stop reporting ListenerReady for Service. No answer.
	IgnoreListener
	// StartChild: start a child of Entry for Service with the service's open
	// listeners and a status channel of its own; Flag is stress mode. Answer
	// with ChildStarted or ChildStartFailed.
	StartChild
	// RetireChild: shut down the status channel of Generation in both
	// directions, deliver what is queued in it as StatusReceived, then close it.
	// No other answer.
	RetireChild
	// SignalChild: send Signal to PID, which is a child of this process, alive
	// or a zombie. A missing process is not an error. No answer.
	SignalChild
	// SignalGroup: ignore Signal in this process from now on, then send it to
	// the process group. A missing group is not an error. No answer.
	SignalGroup
	// WakeService: send the wakeup request for Entry without blocking. Answer
	// Request with WakeupSent or WakeupFailed, and after WakeupSent report
	// WakeupClosed when the receiver closes the connection. A FIFO has no
	// connection: nothing follows WakeupSent.
	WakeService
	// CloseWakeup: end the wakeup Request, whatever its state, and report
	// nothing more about it. No answer.
	CloseWakeup
	// ApplyConfig: Config is in force; switch logging and identities to it. No
	// answer.
	ApplyConfig
	// Announce: the daemon is up; notify the process that waits for it. No
	// answer.
	Announce
	// Log: write the line of Code. No answer.
	Log
	// Exit: end the process with exit code Number, or by Signal if that is not
	// 0. No action follows.
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

// actionFields lists the fields that each kind uses. Log may use any.
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

// String returns the kind's word in traces.
func (k ActionKind) String() string {
	if k < numActionKinds {
		return actionNames[k]
	}
	return "unknown"
}
