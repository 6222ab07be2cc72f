package witness

// Situation is a meeting of two things at which managers of processes have
// gone wrong. Coverage counts how often runs came to each; one that a night
// never met shows a world too tame.
type Situation uint8

// The situations. What is meant by each stands in its name.
const (
	ReloadWhileThrottled Situation = iota
	ReportInFlightAtCut
	LastIdleExitAgainstArrival
	ReturnWhileHeld
	PIDReused
	LimitBelowLiving
	StartDuringReload
	RemovedWithStart
	EndedUntold
	ThrottledWithChildren
	HangupDuringReload
	RefusedWithListenersOpen
	HandedOverWithClient
	KeptWithClientWaiting
	StressDuringReload
	WakeupWhileThrottled
	WakeupAtEndOfThrottle
	EndDuringReload
	EndWithStartPending
	KilledAfterGrace
	DescendantSpoke
	ReadyForNobody
	MessageInPieces
	TimerWithArrival
	NumSituations
)

var situationNames = [NumSituations]string{
	ReloadWhileThrottled:       "a reload while throttled with a client waiting",
	ReportInFlightAtCut:        "a report in flight at the cut",
	LastIdleExitAgainstArrival: "the last idle exit against an arrival",
	ReturnWhileHeld:            "return of a removed service while held",
	PIDReused:                  "pid reuse",
	LimitBelowLiving:           "a limit lowered below the living",
	StartDuringReload:          "a start answered while a reload is under way",
	RemovedWithStart:           "a start answered after its service was removed",
	EndedUntold:                "a child ended before the master knows that it began",
	ThrottledWithChildren:      "a throttled service whose children report or exit",
	HangupDuringReload:         "a hangup while a reload is under way",
	RefusedWithListenersOpen:   "a reload undone after listeners were opened",
	HandedOverWithClient:       "a listener handed over with a client waiting",
	KeptWithClientWaiting:      "a reload of a kept service with a client waiting",
	StressDuringReload:         "the stress switch while a reload is under way",
	WakeupWhileThrottled:       "a wakeup due while throttled",
	WakeupAtEndOfThrottle:      "a wakeup due at the end of a throttle",
	EndDuringReload:            "the end while a reload is under way",
	EndWithStartPending:        "the end while a start is pending",
	KilledAfterGrace:           "a removed child that outlives the grace",
	DescendantSpoke:            "a descendant that reports after its parent's end",
	ReadyForNobody:             "a readiness whose client is gone",
	MessageInPieces:            "a status message in pieces",
	TimerWithArrival:           "a timer that is due when a client is waiting to be noticed",
}

// String returns the words of reports.
func (s Situation) String() string {
	if s < NumSituations {
		return situationNames[s]
	}
	return "unknown"
}
