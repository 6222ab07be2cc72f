package sim

import (
	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/internal/agenda"
)

// happen carries out what is due.
func (w *World) happen(d *agenda.Due) {
	switch d.What {
	case agenda.Arrival:
		w.Arrive()
	case agenda.TurnBegins:
		w.turn()
	case agenda.LoadAnswered:
		w.AnswerLoad()
	case agenda.EndsNoticed:
		w.NoticeEnds()
	case agenda.ProgramStarted:
		w.Daemon.Box.Mail.Ends = true
		w.Wake()
	case agenda.DaemonSignaled:
		w.Signal(core.Signal(d.Arg))
	case agenda.ExecEnds:
		w.ExecEnds(d.Ref, core.Errno(d.Arg))
	case agenda.SignalArrives:
		w.SignalArrives(d.Ref, core.Signal(d.Arg))
	case agenda.GoesOn:
		w.ContinueProcess(d.Ref)
	case agenda.OrphanEnds:
		w.OrphanEnds(d.Ref, core.ExitStatus(d.Arg))
	case agenda.DescendantSpeaks:
		w.DescendantSpeaks(d.Ref)
	case agenda.DescendantEnds:
		w.DescendantEnds(d.Ref)
	case agenda.OperatorActs:
		w.Operate()
	case agenda.Oddity:
		w.Odd()
	case agenda.ScenarioStep:
		w.PlayScenario(d.Ref)
	case agenda.CalmStep:
		w.CalmStage(d.Ref)
	case agenda.PatienceEnds:
		w.PatienceEnds(d.Ref, d.Arg)
	case agenda.TargetsAct:
		w.ActTargets()
	case agenda.TargetsTroubled:
		w.TroubleTargets()
	case agenda.LawChecked:
		w.CheckLaw(d.Ref, d.Arg)
	default:
		w.ServerHappens(d)
	}
}
