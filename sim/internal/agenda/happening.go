package agenda

// Happening is something of the world that stands in the schedule.
type Happening uint8

// What ref and arg mean stands with each.
const (
	Arrival          Happening = iota // -
	TurnBegins                        // arg number of the turn
	LoadAnswered                      // -
	EndsNoticed                       // -
	ProgramStarted                    // -
	DaemonSignaled                    // arg signal
	ExecEnds                          // ref process, arg error number
	SignalArrives                     // ref process, arg signal
	GoesOn                            // ref process: after a stop
	OrphanEnds                        // ref process, arg status
	DescendantSpeaks                  // ref descendant
	DescendantEnds                    // ref descendant
	ServerStarts                      // ref process
	ServerReady                       // ref process: something that it waits for can be read
	ServerLocks                       // ref process: LockGranted
	ServerTimer                       // ref process
	ServerPassed                      // ref process: it looks for a descriptor that is to come
	ServerServed                      // ref process, arg session
	RequestBegins                     // ref process, arg session
	RequestEnds                       // ref process, arg session
	RestWritten                       // ref process: the rest of a message
	ServerSpeaks                      // ref process: unasked
	ServerDies                        // ref process, arg status
	ServerCloses                      // ref process: it closes its end of the channel
	OperatorActs                      // -
	Oddity                            // -
	ScenarioStep                      // ref step
	CalmStep                          // ref stage
	PatienceEnds                      // ref service and listener, arg count
	LawChecked                        // ref law, arg what it is about
	TargetsAct                        // -
	TargetsTroubled                   // -
)

// OfServer reports whether it is something that a stopped process does not do.
func (h Happening) OfServer() bool { return h >= ServerStarts && h <= ServerCloses }

// FromOutside reports whether it ends in the daemon's mailbox.
func (h Happening) FromOutside() bool {
	return h == LoadAnswered || h == EndsNoticed || h == DaemonSignaled
}
