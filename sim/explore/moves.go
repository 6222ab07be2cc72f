package explore

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// moveKind is one kind of thing that happens in a world. First what happens
// without the machine, then what it is told.
type moveKind uint8

const (
	moveArrive moveKind = iota // a client connects
	moveFork                   // the process of a start comes to be
	moveAccept
	moveTaken  // the report of the accept is written
	moveFinish // the client is served; available is written, or fails
	moveLeave  // exit 0: idle, end-of-file, max_use
	moveTERM   // a SIGTERM of ours ends it
	moveCrash
	moveKill  // somebody else's SIGTERM ends it
	moveLie   // a false report is written
	moveLose  // what is queued in a cut channel is lost
	moveClose // the child closes its end of the channel
	moveHang  // the child stops doing anything
	numOwnMoves

	moveStarted = iota - 1 // the machine is told, from here on
	moveNoStart            // of a failed start; the fault, or no pid is left
	moveReport
	movePartial
	moveTwice
	moveHungUp
	moveReap
	moveStopped
	moveStranger
	moveReady
	moveStaleReady
	moveOpened
	moveRefused
	moveHangup
	moveLoad
	moveReject
	moveDue
	moveTick
	moveLeap
	moveShutdown
	moveWakeupSent
	moveWakeupFailed
	moveWakeupClosed
)

// move is one thing that can happen next. fault says that it counts as one;
// quiet that it also happens when nothing new comes from outside.
type move struct {
	kind  moveKind
	who   uint8 // child, place or wakeup
	what  uint8
	fault bool
	quiet bool
}

// maxMoves bounds what can happen next in one state.
const maxMoves = 128

// moveList collects the moves of one state.
type moveList struct {
	n   int
	all [maxMoves]move
}

func (l *moveList) add(kind moveKind, who, what int) {
	l.all[l.n] = move{kind: kind, who: uint8(who), what: uint8(what), quiet: true}
	l.n++
}

// outside adds what the quiet phase does without.
func (l *moveList) outside(kind moveKind, who, what int) {
	l.all[l.n] = move{kind: kind, who: uint8(who), what: uint8(what)}
	l.n++
}

func (l *moveList) fault(kind moveKind, who, what int) {
	l.all[l.n] = move{kind: kind, who: uint8(who), what: uint8(what), fault: true}
	l.n++
}

// moves lists everything that can happen next in s.
func (w *World) moves(l *moveList, s *state, f *facts) {
	l.n = 0
	if s.exited {
		return
	}
	room := w.PIDs - s.living()
	full := s.clients() >= w.Clients
	for i := range int(f.children) {
		w.childMoves(l, s, f, i, room)
	}
	for i := range int(f.services) {
		w.placeMoves(l, s, f, i, full)
	}
	for i := range int(f.wakeups) {
		if s.wakeups[i]&wakeupMask == wakeupAsked {
			l.add(moveWakeupSent, i, 0)
			if s.faults > 0 {
				l.fault(moveWakeupFailed, i, 0)
			}
		} else {
			l.add(moveWakeupClosed, i, 0)
		}
	}
	w.operatorMoves(l, s, f)
}

// can tells whether a fault of the kind may still happen.
func (w *World) can(s *state, kind Fault) bool { return s.faults > 0 && w.Kinds&kind != 0 }

func (w *World) childMoves(l *moveList, s *state, f *facts, i, room int) {
	p := s.processes[i]
	phase := p.phase()
	if phase == phaseAsked {
		if room > 0 {
			l.add(moveFork, i, 0)
		} else {
			l.add(moveNoStart, i, int(core.StartFork))
		}
		if w.can(s, FaultStart) {
			l.fault(moveNoStart, i, int(core.StartFork))
			l.fault(moveNoStart, i, int(core.StartExec))
			l.fault(moveNoStart, i, int(core.StartChannel))
		}
		return
	}
	if !p.has(bitTold) {
		l.add(moveStarted, i, 0)
	} else {
		w.channelMoves(l, s, i)
	}
	if p.alive() {
		w.livingMoves(l, s, f, i)
	}
}

// livingMoves are what a process does by itself.
func (w *World) livingMoves(l *moveList, s *state, f *facts, i int) {
	p := s.processes[i]
	silent := p.has(bitCut | bitDeaf)
	if p.has(bitHung) {
		// In the end somebody kills it; but the children of a removed service
		// are left to the master.
		if f.service[f.of[i]].life == lifeActive {
			l.add(moveKill, i, 0)
		}
		return
	}
	switch p.phase() {
	case phaseIdle:
		if at := p.listener(); at >= 0 && s.places[at].waiting() > 0 {
			l.add(moveAccept, i, 0)
		}
		l.add(moveLeave, i, 0)
	case phaseAccepted:
		if !p.full() {
			l.add(moveTaken, i, 0)
		}
	case phaseServing:
		if silent || !p.full() {
			l.add(moveFinish, i, 0)
		}
	}
	if p.has(bitTERM) {
		l.add(moveTERM, i, 0)
	} else if w.can(s, FaultKill) {
		l.fault(moveKill, i, 0)
	}
	if w.can(s, FaultCrash) {
		l.fault(moveCrash, i, 0)
	}
	if !silent && !p.full() && w.can(s, FaultGossip) {
		l.fault(moveLie, i, 0)
	}
	if !silent && w.can(s, FaultHangup) {
		l.fault(moveClose, i, 0)
	}
	if w.can(s, FaultHang) {
		l.fault(moveHang, i, 0)
	}
	if p.has(bitTold) && w.can(s, FaultStop) {
		l.fault(moveStopped, i, 0)
	}
}

// channelMoves are what the master hears of a child that it was told of.
func (w *World) channelMoves(l *moveList, s *state, i int) {
	p := s.processes[i]
	switch p.first() {
	case reportTaken, reportAvailable:
		l.add(moveReport, i, p.first()-reportTaken+statusTaken)
		if w.can(s, FaultPartial) {
			l.fault(movePartial, i, 0)
		}
		if w.can(s, FaultTwice) {
			l.fault(moveTwice, i, p.first()-reportTaken+statusTaken)
		}
	case reportFalse:
		l.add(moveReport, i, statusStale)
		l.add(moveReport, i, statusForeign)
		l.add(moveReport, i, statusUnknown)
	case reportNone:
		ended := p.phase() == phaseZombie
		if ended {
			l.add(moveReap, i, p.end())
		}
		if !p.has(bitCut|bitHungUp) && (p.has(bitDeaf) || ended && w.Hangups) {
			l.add(moveHungUp, i, 0)
		}
	}
	if p.has(bitCut) && p.queue() != 0 && w.can(s, FaultLost) {
		l.fault(moveLose, i, 0)
	}
}

func (w *World) placeMoves(l *moveList, s *state, f *facts, i int, full bool) {
	p, v := s.places[i], &f.service[i]
	if p.has(placeAsked) {
		l.add(moveOpened, i, 0)
		if w.can(s, FaultListener) {
			l.fault(moveRefused, i, 0)
		}
	}
	if v.life != lifeActive || !p.has(placeOpen) {
		return
	}
	if !full && !s.aside(f) {
		l.outside(moveArrive, i, 0)
	}
	switch {
	case p.has(placeWatch) && p.waiting() > 0:
		l.add(moveReady, i, 0)
	case w.can(s, FaultReady):
		l.fault(moveStaleReady, i, 0)
	}
}

// aside tells whether a path leads to a listener that is not in force yet:
// then no client arrives.
func (s *state) aside(f *facts) bool {
	for i := range int(f.services) {
		if s.places[i].has(placeAside) && s.places[i].has(placeOpen) && f.service[i].life == lifeOpening {
			return true
		}
	}
	return false
}

func (w *World) operatorMoves(l *moveList, s *state, f *facts) {
	if s.reloads > 0 {
		l.outside(moveHangup, 0, int(core.SIGHUP))
	}
	if s.loading {
		for _, c := range w.Choices {
			if c == Rejected {
				l.add(moveReject, 0, 0)
			} else {
				l.add(moveLoad, 0, int(c))
			}
		}
	}
	if f.timer {
		l.add(moveDue, 0, timerDue)
		if w.Late {
			l.add(moveDue, 0, timerLate)
		}
		if f.left > w.Tick {
			l.add(moveTick, 0, timerTick)
		}
	} else if w.Leap > 0 {
		l.add(moveLeap, 0, timerLeap)
	}
	if w.Shutdown {
		l.outside(moveShutdown, 0, int(core.SIGTERM))
	}
	if w.can(s, FaultStranger) {
		l.fault(moveStranger, 0, 0)
	}
}

// key names the event that the machine gets.
func (m move) key() key {
	who, what := int(m.who), int(m.what)
	switch m.kind {
	case moveStarted:
		return keyOf(core.ChildStarted, who, 0)
	case moveNoStart:
		return keyOf(core.ChildStartFailed, who, what)
	case moveReport, moveTwice:
		return keyOf(core.StatusReceived, who, what)
	case movePartial:
		return keyOf(core.StatusReceived, who, statusPartial)
	case moveHungUp:
		return keyOf(core.ChildChannelClosed, who, 0)
	case moveReap:
		return keyOf(core.ChildExited, who, what)
	case moveStopped:
		return keyOf(core.ChildStopped, who, 0)
	case moveStranger:
		return keyOf(core.ChildExited, stranger, 0)
	case moveReady, moveStaleReady:
		return keyOf(core.ListenerReady, who, 0)
	case moveOpened:
		return keyOf(core.ListenerOpened, who, 0)
	case moveRefused:
		return keyOf(core.ListenerFailed, who, 0)
	case moveHangup, moveShutdown:
		return keyOf(core.SignalReceived, 0, what)
	case moveLoad:
		return keyOf(core.ConfigLoaded, 0, what)
	case moveReject:
		return keyOf(core.ConfigRejected, 0, 0)
	case moveDue, moveTick, moveLeap:
		return keyOf(core.TimerExpired, 0, what)
	case moveWakeupSent:
		return keyOf(core.WakeupSent, who, 0)
	case moveWakeupFailed:
		return keyOf(core.WakeupFailed, who, 0)
	case moveWakeupClosed:
		return keyOf(core.WakeupClosed, who, 0)
	}
	panic(fmt.Sprintf("explore: move %d is not told to the machine", m.kind))
}
