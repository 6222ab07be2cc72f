package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
)

// happen carries out what is due.
func (w *World) happen(d *agenda.Due) {
	switch d.What {
	case agenda.Arrival:
		w.arrive()
	case agenda.TurnBegins:
		w.turn()
	case agenda.LoadAnswered:
		w.answerLoad()
	case agenda.EndsNoticed:
		w.noticeEnds()
	case agenda.ProgramStarted:
		w.daemon.box.mail.Ends = true
		w.wake()
	case agenda.DaemonSignaled:
		w.signal(core.Signal(d.Arg))
	case agenda.ExecEnds:
		w.execEnds(d.Ref, core.Errno(d.Arg))
	case agenda.SignalArrives:
		w.signalArrives(d.Ref, core.Signal(d.Arg))
	case agenda.GoesOn:
		w.continueProcess(d.Ref)
	case agenda.OrphanEnds:
		w.orphanEnds(d.Ref, core.ExitStatus(d.Arg))
	case agenda.DescendantSpeaks:
		w.descendantSpeaks(d.Ref)
	case agenda.DescendantEnds:
		w.descendantEnds(d.Ref)
	case agenda.OperatorActs:
		w.operate()
	case agenda.Oddity:
		w.odd()
	case agenda.ScenarioStep:
		w.playScenario(d.Ref)
	case agenda.CalmStep:
		w.calmStage(d.Ref)
	case agenda.PatienceEnds:
		w.patienceEnds(d.Ref, d.Arg)
	case agenda.TargetsAct:
		w.actTargets()
	case agenda.TargetsTroubled:
		w.troubleTargets()
	case agenda.LawChecked:
		w.checkLaw(d.Ref, d.Arg)
	default:
		w.serverHappens(d)
	}
}
