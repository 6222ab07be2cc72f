package sim

import "github.com/stationmaster/stationmaster/core"

// happening is something of the world that stands in the schedule.
type happening uint8

// What ref and arg mean stands with each.
const (
	arrival          happening = iota // -
	turnBegins                        // arg number of the turn
	loadAnswered                      // -
	endsNoticed                       // -
	programStarted                    // -
	hangupComes                       // -
	execEnds                          // ref process, arg error number
	signalArrives                     // ref process, arg signal
	goesOn                            // ref process: after a stop
	orphanEnds                        // ref process, arg status
	descendantSpeaks                  // ref descendant
	descendantEnds                    // ref descendant
	serverStarts                      // ref process
	serverReady                       // ref process: something that it waits for can be read
	serverLocks                       // ref process: LockGranted
	serverTimer                       // ref process
	serverPassed                      // ref process: it looks for a descriptor that is to come
	serverServed                      // ref process, arg session
	requestBegins                     // ref process, arg session
	requestEnds                       // ref process, arg session
	restWritten                       // ref process: the rest of a message
	serverSpeaks                      // ref process: unasked
	serverDies                        // ref process, arg status
	serverCloses                      // ref process: it closes its end of the channel
	operatorActs                      // -
	oddity                            // -
	scenarioStep                      // ref step
	calmStep                          // ref stage
	patienceEnds                      // ref service and listener, arg count
	lawChecked                        // ref law, arg what it is about
	targetsAct                        // -
	targetsTroubled                   // -
)

// ofServer reports whether it is something that a stopped process does not do.
func (h happening) ofServer() bool { return h >= serverStarts && h <= serverCloses }

// fromOutside reports whether it ends in the daemon's mailbox.
func (h happening) fromOutside() bool {
	return h == loadAnswered || h == endsNoticed || h == hangupComes
}

// happen carries out what is due.
func (w *World) happen(d *due) {
	switch d.what {
	case arrival:
		w.arrive()
	case turnBegins:
		w.turn()
	case loadAnswered:
		w.answerLoad()
	case endsNoticed:
		w.noticeEnds()
	case programStarted:
		w.daemon.box.mail.Ends = true
		w.wake()
	case hangupComes:
		w.signal(core.SIGHUP)
	case execEnds:
		w.execEnds(d.ref, core.Errno(d.arg))
	case signalArrives:
		w.signalArrives(d.ref, core.Signal(d.arg))
	case goesOn:
		w.continueProcess(d.ref)
	case orphanEnds:
		w.orphanEnds(d.ref, core.ExitStatus(d.arg))
	case descendantSpeaks:
		w.descendantSpeaks(d.ref)
	case descendantEnds:
		w.descendantEnds(d.ref)
	case operatorActs:
		w.operate()
	case oddity:
		w.odd()
	case scenarioStep:
		w.playScenario(d.ref)
	case calmStep:
		w.calmStage(d.ref)
	case patienceEnds:
		w.patienceEnds(d.ref, d.arg)
	case targetsAct:
		w.actTargets()
	case targetsTroubled:
		w.troubleTargets()
	case lawChecked:
		w.checkLaw(d.ref, d.arg)
	default:
		w.serverHappens(d)
	}
}
