package core

import "github.com/stationmaster/stationmaster/core/wire"

// EventKind identifies what happened.
type EventKind uint8

// The kinds of event. The zero value is never valid.
const (
	EventNone EventKind = iota

	// ConfigLoaded answers LoadConfig: Config is the new configuration. The
	// first one, with Request 0, starts the machine.
	ConfigLoaded
	// ConfigRejected answers LoadConfig: Config holds diagnostics only.
	ConfigRejected
	// SignalReceived: the process received Signal.
	SignalReceived
	// ListenerOpened answers OpenListener.
	ListenerOpened
	// ListenerFailed answers OpenListener: Step with Errno.
	ListenerFailed
	// ListenerReady: a watched listener of Service is readable.
	ListenerReady
	// ChildStarted answers StartChild.
	ChildStarted
	// ChildStartFailed answers StartChild: Start with Errno.
	ChildStartFailed
	// StatusReceived: Bytes[:N] was read from the status channel of Generation,
	// in one read of at most wire.StatusSize bytes. The adapter delivers none
	// before ChildStarted and none after ChildExited of that generation.
	StatusReceived
	// ChildChannelClosed: the child's end of its status channel is closed,
	// and the child was not retired.
	ChildChannelClosed
	// ChildExited: process PID was reaped. Generation 0 is a stranger: a process
	// that this master did not start. The adapter has read the child's channel to
	// its end before.
	ChildExited
	// ChildStopped: process PID was stopped by Signal.
	ChildStopped
	// WakeupSent answers WakeService: the request was sent.
	WakeupSent
	// WakeupFailed answers WakeService: sending failed with Errno.
	WakeupFailed
	// WakeupClosed: the receiver closed the connection of a sent wakeup.
	WakeupClosed
	// TimerExpired: the time that Deadline returned has come.
	TimerExpired

	numEventKinds
)

// Event is one thing that happened. Which fields count depends on Kind; see
// eventFields. Make it with a constructor.
type Event struct {
	Kind       EventKind
	Signal     Signal
	ListenStep ListenStep
	StartStep  StartStep
	N          uint8
	Bytes      [wire.StatusSize]byte
	Listener   uint16
	Errno      Errno
	Status     ExitStatus
	PID        PID
	Service    ServiceID
	Generation Generation
	Request    Request
	Config     *Config
}

// eventFields says which fields each kind uses.
var eventFields = [numEventKinds]field{
	ConfigLoaded:       fRequest | fConfig,
	ConfigRejected:     fRequest | fConfig,
	SignalReceived:     fSignal,
	ListenerOpened:     fService | fListener,
	ListenerFailed:     fService | fListener | fStep | fErrno,
	ListenerReady:      fService,
	ChildStarted:       fService | fGeneration | fPID,
	ChildStartFailed:   fService | fGeneration | fStart | fErrno,
	StatusReceived:     fGeneration | fBytes,
	ChildChannelClosed: fGeneration,
	ChildExited:        fGeneration | fPID | fStatus,
	ChildStopped:       fGeneration | fPID | fSignal,
	WakeupSent:         fRequest,
	WakeupFailed:       fRequest | fErrno,
	WakeupClosed:       fRequest,
	TimerExpired:       0,
}

var eventNames = [numEventKinds]string{
	EventNone:          "none",
	ConfigLoaded:       "config-loaded",
	ConfigRejected:     "config-rejected",
	SignalReceived:     "signal-received",
	ListenerOpened:     "listener-opened",
	ListenerFailed:     "listener-failed",
	ListenerReady:      "listener-ready",
	ChildStarted:       "child-started",
	ChildStartFailed:   "child-start-failed",
	StatusReceived:     "status-received",
	ChildChannelClosed: "child-channel-closed",
	ChildExited:        "child-exited",
	ChildStopped:       "child-stopped",
	WakeupSent:         "wakeup-sent",
	WakeupFailed:       "wakeup-failed",
	WakeupClosed:       "wakeup-closed",
	TimerExpired:       "timer-expired",
}

// String returns the kind's word in traces.
func (k EventKind) String() string {
	if k < numEventKinds {
		return eventNames[k]
	}
	return "unknown"
}

// ConfigLoadedEvent answers LoadConfig request r with an accepted configuration.
func ConfigLoadedEvent(r Request, c *Config) Event {
	return Event{Kind: ConfigLoaded, Request: r, Config: c}
}

// ConfigRejectedEvent answers LoadConfig request r with the diagnostics in c.
func ConfigRejectedEvent(r Request, c *Config) Event {
	return Event{Kind: ConfigRejected, Request: r, Config: c}
}

// SignalReceivedEvent reports that the process received s.
func SignalReceivedEvent(s Signal) Event { return Event{Kind: SignalReceived, Signal: s} }

// ListenerOpenedEvent answers OpenListener.
func ListenerOpenedEvent(s ServiceID, listener uint16) Event {
	return Event{Kind: ListenerOpened, Service: s, Listener: listener}
}

// ListenerFailedEvent answers OpenListener: step failed with e.
func ListenerFailedEvent(s ServiceID, listener uint16, step ListenStep, e Errno) Event {
	return Event{Kind: ListenerFailed, Service: s, Listener: listener, ListenStep: step, Errno: e}
}

// ListenerReadyEvent reports that a watched listener of s is readable.
func ListenerReadyEvent(s ServiceID) Event { return Event{Kind: ListenerReady, Service: s} }

// ChildStartedEvent answers StartChild.
func ChildStartedEvent(s ServiceID, g Generation, pid PID) Event {
	return Event{Kind: ChildStarted, Service: s, Generation: g, PID: pid}
}

// ChildStartFailedEvent answers StartChild: step failed with e.
func ChildStartFailedEvent(s ServiceID, g Generation, step StartStep, e Errno) Event {
	return Event{Kind: ChildStartFailed, Service: s, Generation: g, StartStep: step, Errno: e}
}

// StatusReceivedEvent reports n bytes read from the status channel of g.
func StatusReceivedEvent(g Generation, b [wire.StatusSize]byte, n int) Event {
	return Event{Kind: StatusReceived, Generation: g, Bytes: b, N: uint8(n)}
}

// ChildChannelClosedEvent reports that the child closed its end of its status
// channel.
func ChildChannelClosedEvent(g Generation) Event {
	return Event{Kind: ChildChannelClosed, Generation: g}
}

// ChildExitedEvent reports that process pid was reaped; g is 0 for a process
// that this master did not start.
func ChildExitedEvent(g Generation, pid PID, s ExitStatus) Event {
	return Event{Kind: ChildExited, Generation: g, PID: pid, Status: s}
}

// ChildStoppedEvent reports that signal s stopped process pid.
func ChildStoppedEvent(g Generation, pid PID, s Signal) Event {
	return Event{Kind: ChildStopped, Generation: g, PID: pid, Signal: s}
}

// WakeupSentEvent answers WakeService: the request was sent.
func WakeupSentEvent(r Request) Event { return Event{Kind: WakeupSent, Request: r} }

// WakeupFailedEvent answers WakeService: sending failed with e.
func WakeupFailedEvent(r Request, e Errno) Event {
	return Event{Kind: WakeupFailed, Request: r, Errno: e}
}

// WakeupClosedEvent reports that the receiver of a wakeup closed the connection.
func WakeupClosedEvent(r Request) Event { return Event{Kind: WakeupClosed, Request: r} }

// TimerExpiredEvent reports that the time that Deadline returned has come.
func TimerExpiredEvent() Event { return Event{Kind: TimerExpired} }
