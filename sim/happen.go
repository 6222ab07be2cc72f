package sim

import "github.com/stationmaster/stationmaster/core"

// happening is something of the world that stands in the schedule.
type happening uint8

// What ref and arg mean stands with each.
const (
	arrival          happening = iota // -
	listenerNoticed                   // ref service
	openAnswered                      // ref opening
	loadAnswered                      // -
	childForks                        // ref process
	startAnswered                     // ref process
	statusNoticed                     // ref process
	restWritten                       // ref process: the second half of a message
	reaping                           // -
	signalArrives                     // ref process, arg signal
	goesOn                            // ref process: after a stop
	descendantSpeaks                  // ref process
	serverStarts                      // ref process
	serverReady                       // ref process: ConnectionReady
	serverLocks                       // ref process: LockGranted
	serverTimer                       // ref process
	serverCut                         // ref process: it sees the closed channel
	serverServed                      // ref process, arg client
	requestBegins                     // ref process, arg client
	requestEnds                       // ref process, arg client
	serverSpeaks                      // ref process: unasked
	serverDies                        // ref process, arg status
	serverCloses                      // ref process: it closes its end of the channel
	wakeupAnswered                    // ref wakeup, arg outcome
	wakeupEnds                        // ref wakeup
	operatorActs                      // -
	oddity                            // -
	scenarioStep                      // ref step
	calmStep                          // ref stage
	patienceEnds                      // ref socket, arg head
	lawChecked                        // ref law, arg what it is about
)

// ofServer tells whether it is something that a stopped process does not do.
func (h happening) ofServer() bool { return h >= serverStarts && h <= serverCloses }

// happen carries out what is due.
func (w *World) happen(d *due) {
	switch d.what {
	case arrival:
		w.arrive()
	case listenerNoticed:
		w.listenerIsReady(core.ServiceID(d.ref))
	case openAnswered:
		w.answerOpen(d.ref)
	case loadAnswered:
		w.answerLoad()
	case childForks:
		w.fork(d.ref)
	case startAnswered:
		w.answerStart(d.ref)
	case statusNoticed:
		w.statusIsReady(d.ref)
	case restWritten:
		w.writeRest(d.ref)
	case reaping:
		w.reap()
	case signalArrives:
		w.signalArrives(d.ref, core.Signal(d.arg))
	case goesOn:
		w.continueProcess(d.ref)
	case descendantSpeaks:
		w.descendantSpeaks(d.ref)
	case wakeupAnswered:
		w.answerWakeup(d.ref, d.arg)
	case wakeupEnds:
		w.wakeupEnds(d.ref)
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
	case lawChecked:
		w.checkLaw(d.ref, d.arg)
	default:
		w.serverHappens(d)
	}
}
