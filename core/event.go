package core

import "github.com/stationmaster/stationmaster/core/wire"

// EventKind says what happened.
type EventKind uint8

// The kinds of event. The zero value is never valid.
const (
	EventNone EventKind = iota

	// ConfigLoaded answers LoadConfig: Config holds what was read. The first
	// one of all, with Request 0, starts the machine.
	ConfigLoaded
	// ConfigRejected answers LoadConfig: Config holds nothing but diagnostics.
	ConfigRejected
	// SignalReceived: the process got Signal.
	SignalReceived
	// ListenerOpened answers OpenListener.
	ListenerOpened
	// ListenerFailed answers OpenListener: Step with Errno.
	ListenerFailed
	// ListenerReady: a watched listener of Service can be read.
	ListenerReady
	// ChildStarted answers StartChild.
	ChildStarted
	// ChildStartFailed answers StartChild: Start with Errno.
	ChildStartFailed
	// StatusReceived: Bytes[:N] came over the status channel of Generation,
	// read in pieces of at most wire.StatusSize. The adapter delivers none
	// before ChildStarted and none after ChildExited of that generation.
	StatusReceived
	// ChildChannelClosed: the child's end of its status channel is closed,
	// and the child was not retired.
	ChildChannelClosed
	// ChildExited: process PID was reaped. Generation 0 is a stranger. The
	// adapter has read the child's channel to its end before.
	ChildExited
	// ChildStopped: process PID was stopped by Signal.
	ChildStopped
	// WakeupSent answers WakeService: the request is out.
	WakeupSent
	// WakeupFailed answers WakeService: Errno says why.
	WakeupFailed
	// WakeupClosed: the receiver closed the connection of a sent wakeup.
	WakeupClosed
	// TimerExpired: the time that Deadline named has come.
	TimerExpired

	numEventKinds
)

// Event is one thing that happened. Which fields count depends on Kind; see
// eventFields. Make it with a constructor.
type Event struct {
	Kind       EventKind
	Signal     Signal
	Step       ListenStep
	Start      StartStep
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

// field is a set of the fields of an Event or an Action.
type field uint32

const (
	fSignal field = 1 << iota
	fStep
	fStart
	fBytes
	fListener
	fErrno
	fStatus
	fPID
	fService
	fGeneration
	fRequest
	fConfig
	fEntry
	fFlag
	fTo
	fCode
	fNumber
	fText
)

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

// String gives the kind's word in traces.
func (k EventKind) String() string {
	if k < numEventKinds {
		return eventNames[k]
	}
	return "unknown"
}

// LoadedConfig answers LoadConfig r with an accepted configuration.
func LoadedConfig(r Request, c *Config) Event {
	return Event{Kind: ConfigLoaded, Request: r, Config: c}
}

// RejectedConfig answers LoadConfig r; c carries the diagnostics.
func RejectedConfig(r Request, c *Config) Event {
	return Event{Kind: ConfigRejected, Request: r, Config: c}
}

// GotSignal reports that the process received s.
func GotSignal(s Signal) Event { return Event{Kind: SignalReceived, Signal: s} }

// OpenedListener answers OpenListener.
func OpenedListener(s ServiceID, listener uint16) Event {
	return Event{Kind: ListenerOpened, Service: s, Listener: listener}
}

// FailedListener answers OpenListener.
func FailedListener(s ServiceID, listener uint16, step ListenStep, e Errno) Event {
	return Event{Kind: ListenerFailed, Service: s, Listener: listener, Step: step, Errno: e}
}

// ReadyListener reports that a watched listener can be read.
func ReadyListener(s ServiceID) Event { return Event{Kind: ListenerReady, Service: s} }

// StartedChild answers StartChild.
func StartedChild(s ServiceID, g Generation, pid PID) Event {
	return Event{Kind: ChildStarted, Service: s, Generation: g, PID: pid}
}

// FailedStart answers StartChild.
func FailedStart(s ServiceID, g Generation, step StartStep, e Errno) Event {
	return Event{Kind: ChildStartFailed, Service: s, Generation: g, Start: step, Errno: e}
}

// ReceivedStatus reports n bytes from the status channel of g.
func ReceivedStatus(g Generation, b [wire.StatusSize]byte, n int) Event {
	return Event{Kind: StatusReceived, Generation: g, Bytes: b, N: uint8(n)}
}

// ClosedChannel reports that the child closed its end of its status channel.
func ClosedChannel(g Generation) Event { return Event{Kind: ChildChannelClosed, Generation: g} }

// Exited reports that process pid was reaped; g is 0 for a stranger.
func Exited(g Generation, pid PID, s ExitStatus) Event {
	return Event{Kind: ChildExited, Generation: g, PID: pid, Status: s}
}

// Stopped reports that process pid was stopped by a signal.
func Stopped(g Generation, pid PID, s Signal) Event {
	return Event{Kind: ChildStopped, Generation: g, PID: pid, Signal: s}
}

// SentWakeup answers WakeService.
func SentWakeup(r Request) Event { return Event{Kind: WakeupSent, Request: r} }

// FailedWakeup answers WakeService.
func FailedWakeup(r Request, e Errno) Event {
	return Event{Kind: WakeupFailed, Request: r, Errno: e}
}

// ClosedWakeup reports that the receiver of a wakeup closed the connection.
func ClosedWakeup(r Request) Event { return Event{Kind: WakeupClosed, Request: r} }

// ExpiredTimer reports that the time named by Deadline has come.
func ExpiredTimer() Event { return Event{Kind: TimerExpired} }
