package edges

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/sim/explore/internal/layout"
)

// moveKind is one kind of thing that happens in a world. First what happens
// without the machine, then what it is told.
type moveKind uint8

const (
	MoveArrive moveKind = iota // a client connects
	MoveFork                   // the process of a start comes to be
	MoveAccept
	MoveTaken  // the report of the accept is written
	MoveFinish // the client is served; available is written, or fails
	MoveLeave  // exit 0: idle, end-of-file, max_use
	MoveTERM   // a SIGTERM of ours ends it
	MoveCrash
	MoveKill  // a SIGTERM from outside ends it
	MoveLie   // a false report is written
	MoveLose  // what is queued in a cut channel is lost
	MoveClose // the child closes its end of the channel
	MoveHang  // the child stops doing anything
	NumOwnMoves

	MoveStarted = iota - 1 // the machine is told, from here on
	MoveNoStart            // of a failed start; the fault, or no pid is left
	MoveReport
	MovePartial
	MoveTwice
	MoveHungUp
	MoveReap
	moveStopped
	MoveStranger
	MoveReady
	MoveStaleReady
	MoveOpened
	MoveRefused
	MoveHangup
	MoveLoad
	MoveReject
	MoveDue
	MoveTick
	MoveLeap
	MoveShutdown
	MoveWakeupSent
	MoveWakeupFailed
	MoveWakeupClosed
)

// Move is one thing that can happen next. fault says that it counts as one;
// quiet that it also happens when nothing new comes from outside.
type Move struct {
	Kind  moveKind
	Who   uint8 // child, place or wakeup
	What  uint8
	Fault bool
	Quiet bool
}

// maxMoves bounds what can happen next in one state.
const maxMoves = 128

// MoveList collects the moves of one state.
type MoveList struct {
	N   int
	All [maxMoves]Move
}

func (l *MoveList) add(kind moveKind, who, what int) {
	l.All[l.N] = Move{Kind: kind, Who: uint8(who), What: uint8(what), Quiet: true}
	l.N++
}

// outside adds what the quiet phase does without.
func (l *MoveList) outside(kind moveKind, who, what int) {
	l.All[l.N] = Move{Kind: kind, Who: uint8(who), What: uint8(what)}
	l.N++
}

func (l *MoveList) fault(kind moveKind, who, what int) {
	l.All[l.N] = Move{Kind: kind, Who: uint8(who), What: uint8(what), Fault: true}
	l.N++
}

// Moves lists everything that can happen next in s.
func Moves(w *layout.World, l *MoveList, s *layout.State, f *Facts) {
	l.N = 0
	if s.Exited {
		return
	}
	room := w.PIDs - s.Living()
	full := s.Clients() >= w.Clients
	for i := range int(f.Children) {
		childMoves(w, l, s, f, i, room)
	}
	for i := range int(f.Services) {
		placeMoves(w, l, s, f, i, full)
	}
	for i := range int(f.Wakeups) {
		if s.Wakeups[i]&layout.WakeupMask == layout.WakeupAsked {
			l.add(MoveWakeupSent, i, 0)
			if s.Faults > 0 {
				l.fault(MoveWakeupFailed, i, 0)
			}
		} else {
			l.add(MoveWakeupClosed, i, 0)
		}
	}
	operatorMoves(w, l, s, f)
}

// can reports whether a fault of the kind may still happen.
func can(w *layout.World, s *layout.State, kind layout.Fault) bool {
	return s.Faults > 0 && w.Kinds&kind != 0
}

func childMoves(w *layout.World, l *MoveList, s *layout.State, f *Facts, i, room int) {
	p := s.Processes[i]
	phase := p.Phase()
	if phase == layout.PhaseAsked {
		if room > 0 {
			l.add(MoveFork, i, 0)
		} else {
			l.add(MoveNoStart, i, int(core.StartFork))
		}
		if can(w, s, layout.FaultStart) {
			l.fault(MoveNoStart, i, int(core.StartFork))
			l.fault(MoveNoStart, i, int(core.StartExec))
			l.fault(MoveNoStart, i, int(core.StartChannel))
		}
		return
	}
	if !p.Has(layout.BitTold) {
		l.add(MoveStarted, i, 0)
	} else {
		channelMoves(w, l, s, i)
	}
	if p.Alive() {
		livingMoves(w, l, s, f, i)
	}
}

// livingMoves are what a process does by itself.
func livingMoves(w *layout.World, l *MoveList, s *layout.State, f *Facts, i int) {
	p := s.Processes[i]
	silent := p.Has(layout.BitCut | layout.BitDeaf)
	if p.Has(layout.BitHung) {
		// In the end it is killed from outside; but the children of a removed service
		// are left to the master.
		if f.Service[f.Of[i]].Life == LifeActive {
			l.add(MoveKill, i, 0)
		}
		return
	}
	switch p.Phase() {
	case layout.PhaseIdle:
		if at := p.Listener(); at >= 0 && s.Places[at].Waiting() > 0 {
			l.add(MoveAccept, i, 0)
		}
		l.add(MoveLeave, i, 0)
	case layout.PhaseAccepted:
		if !p.Full() {
			l.add(MoveTaken, i, 0)
		}
	case layout.PhaseServing:
		if silent || !p.Full() {
			l.add(MoveFinish, i, 0)
		}
	}
	if p.Has(layout.BitTERM) {
		l.add(MoveTERM, i, 0)
	} else if can(w, s, layout.FaultKill) {
		l.fault(MoveKill, i, 0)
	}
	if can(w, s, layout.FaultCrash) {
		l.fault(MoveCrash, i, 0)
	}
	if !silent && !p.Full() && can(w, s, layout.FaultGossip) {
		l.fault(MoveLie, i, 0)
	}
	if !silent && can(w, s, layout.FaultHangup) {
		l.fault(MoveClose, i, 0)
	}
	if can(w, s, layout.FaultHang) {
		l.fault(MoveHang, i, 0)
	}
	if p.Has(layout.BitTold) && can(w, s, layout.FaultStop) {
		l.fault(moveStopped, i, 0)
	}
}

// channelMoves are what the master hears of a child that it was told of.
func channelMoves(w *layout.World, l *MoveList, s *layout.State, i int) {
	p := s.Processes[i]
	switch p.First() {
	case layout.ReportTaken, layout.ReportAvailable:
		l.add(MoveReport, i, p.First()-layout.ReportTaken+StatusTaken)
		if can(w, s, layout.FaultPartial) {
			l.fault(MovePartial, i, 0)
		}
		if can(w, s, layout.FaultTwice) {
			l.fault(MoveTwice, i, p.First()-layout.ReportTaken+StatusTaken)
		}
	case layout.ReportFalse:
		l.add(MoveReport, i, StatusStale)
		l.add(MoveReport, i, StatusForeign)
		l.add(MoveReport, i, StatusUnknown)
	case layout.ReportNone:
		ended := p.Phase() == layout.PhaseZombie
		if ended {
			l.add(MoveReap, i, p.End())
		}
		if !p.Has(layout.BitCut|layout.BitHungUp) && (p.Has(layout.BitDeaf) || ended && w.Hangups) {
			l.add(MoveHungUp, i, 0)
		}
	}
	if p.Has(layout.BitCut) && p.Queue() != 0 && can(w, s, layout.FaultLost) {
		l.fault(MoveLose, i, 0)
	}
}

func placeMoves(w *layout.World, l *MoveList, s *layout.State, f *Facts, i int, full bool) {
	p, v := s.Places[i], &f.Service[i]
	if p.Has(layout.PlaceAsked) {
		l.add(MoveOpened, i, 0)
		if can(w, s, layout.FaultListener) {
			l.fault(MoveRefused, i, 0)
		}
	}
	if v.Life != LifeActive || !p.Has(layout.PlaceOpen) {
		return
	}
	if !full && !aside(s, f) {
		l.outside(MoveArrive, i, 0)
	}
	switch {
	case p.Has(layout.PlaceWatch) && p.Waiting() > 0:
		l.add(MoveReady, i, 0)
	case can(w, s, layout.FaultReady):
		l.fault(MoveStaleReady, i, 0)
	}
}

// aside reports whether a path leads to a listener that is not in force yet:
// then no client arrives.
func aside(s *layout.State, f *Facts) bool {
	for i := range int(f.Services) {
		if s.Places[i].Has(layout.PlaceAside) && s.Places[i].Has(layout.PlaceOpen) && f.Service[i].Life == LifeOpening {
			return true
		}
	}
	return false
}

func operatorMoves(w *layout.World, l *MoveList, s *layout.State, f *Facts) {
	if s.Reloads > 0 {
		l.outside(MoveHangup, 0, int(core.SIGHUP))
	}
	if s.Loading {
		for _, c := range w.Choices {
			if c == layout.Rejected {
				l.add(MoveReject, 0, 0)
			} else {
				l.add(MoveLoad, 0, int(c))
			}
		}
	}
	if f.Timer {
		l.add(MoveDue, 0, timerDue)
		if w.Late {
			l.add(MoveDue, 0, TimerLate)
		}
		if f.left > w.Tick {
			l.add(MoveTick, 0, timerTick)
		}
	} else if w.Leap > 0 {
		l.add(MoveLeap, 0, timerLeap)
	}
	if w.Shutdown {
		l.outside(MoveShutdown, 0, int(core.SIGTERM))
	}
	if can(w, s, layout.FaultStranger) {
		l.fault(MoveStranger, 0, 0)
	}
}

// Key names the event that the machine gets.
func (m Move) Key() key {
	who, what := int(m.Who), int(m.What)
	switch m.Kind {
	case MoveStarted:
		return keyOf(core.ChildStarted, who, 0)
	case MoveNoStart:
		return keyOf(core.ChildStartFailed, who, what)
	case MoveReport, MoveTwice:
		return keyOf(core.StatusReceived, who, what)
	case MovePartial:
		return keyOf(core.StatusReceived, who, StatusPartial)
	case MoveHungUp:
		return keyOf(core.ChildChannelClosed, who, 0)
	case MoveReap:
		return keyOf(core.ChildExited, who, what)
	case moveStopped:
		return keyOf(core.ChildStopped, who, 0)
	case MoveStranger:
		return keyOf(core.ChildExited, stranger, 0)
	case MoveReady, MoveStaleReady:
		return keyOf(core.ListenerReady, who, 0)
	case MoveOpened:
		return keyOf(core.ListenerOpened, who, 0)
	case MoveRefused:
		return keyOf(core.ListenerFailed, who, 0)
	case MoveHangup, MoveShutdown:
		return keyOf(core.SignalReceived, 0, what)
	case MoveLoad:
		return keyOf(core.ConfigLoaded, 0, what)
	case MoveReject:
		return keyOf(core.ConfigRejected, 0, 0)
	case MoveDue, MoveTick, MoveLeap:
		return keyOf(core.TimerExpired, 0, what)
	case MoveWakeupSent:
		return keyOf(core.WakeupSent, who, 0)
	case MoveWakeupFailed:
		return keyOf(core.WakeupFailed, who, 0)
	case MoveWakeupClosed:
		return keyOf(core.WakeupClosed, who, 0)
	}
	panic(fmt.Sprintf("explore: move %d is not told to the machine", m.Kind))
}
