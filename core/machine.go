package core

// MachineOptions are the settings from the command line; they hold for the whole
// life of a machine.
type MachineOptions struct {
	InitMode    bool     // -i: the end is exit code 0, and strangers are reaped silently
	GroupLeader bool     // a signal to our process group reaches our children
	Verbose     bool     // -v: verbose lines are wanted
	ExitSet     bool     // -e was given
	ExitAfter   Duration // with ExitSet: end after this span, zero or more
	Descriptors uint32   // listeners and children may hold so many together; 0: no matter how many
	Strict      bool     // reject events with fields that their kind does not use
}

// phase is where the process as a whole stands.
type phase uint8

const (
	phaseBooting phase = iota
	phaseRunning
	phaseExited
)

// Machine holds all state. It is not safe for use by more than one goroutine.
type Machine struct {
	options MachineOptions
	now     Time
	step    uint64
	phase   phase
	config  *Config // the accepted one; nil while booting
	epoch   Epoch

	active   []*service // in the order of the configuration
	stopping []*service // removed, children left; in the order of removal
	services table[service]
	children table[child]
	wakeups  table[wakeup]
	reload   transaction

	lastService    ServiceID
	lastGeneration Generation
	lastRequest    Request

	live      int64      // children that hold a descriptor, of all services
	reserved  int32      // active services without any: one is kept for each
	listeners int64      // of active services
	starved   []*service // held back for want of descriptors, see markStarved

	starvedWarned   bool // starvedWarnedAt means something
	starvedWarnedAt Time

	timers    timerHeap
	exitTimer timer

	dirty   []*service // to be settled before the step ends
	actions []Action   // of the current step
	discard Action     // takes what is written into lines that nobody wants

	freeChildren []*child
	freeWakeups  []*wakeup
}

// New gives a machine that waits for its first ConfigLoaded or ConfigRejected,
// with Request 0. now is the time at which the command line was read: the time
// limit of -e counts from there.
func New(now Time, o MachineOptions) *Machine {
	m := &Machine{options: o, now: now}
	m.exitTimer = timer{kind: timerExit}
	if o.ExitSet {
		m.timers.arm(&m.exitTimer, now.Add(o.ExitAfter))
	}
	return m
}

// Step applies one event at the given time, which must not go back. The result
// is valid until the next Step.
func (m *Machine) Step(now Time, ev Event) []Action {
	m.assert(now >= m.now, "time does not go back")
	m.now = now
	m.step++
	m.actions = m.actions[:0]
	if m.phase == phaseExited {
		return nil
	}
	if m.options.Strict {
		m.assert(ev.wellFormed(), "an event uses only the fields of its kind")
	}
	switch ev.Kind {
	case ConfigLoaded:
		m.configLoaded(ev.Request, ev.Config)
	case ConfigRejected:
		m.configRejected(ev.Request, ev.Config)
	case SignalReceived:
		m.signalReceived(ev.Signal)
	case ListenerOpened:
		m.listenerOpened(ev.Service, ev.Listener)
	case ListenerFailed:
		m.listenerFailed(ev.Service, ev.Listener, ev.ListenStep, ev.Errno)
	case ListenerReady:
		m.listenerReady(ev.Service)
	case ChildStarted:
		m.childStarted(ev.Generation, ev.PID)
	case ChildStartFailed:
		m.childStartFailed(ev.Generation, ev.StartStep, ev.Errno)
	case StatusReceived:
		m.statusReceived(ev.Generation, &ev)
	case ChildChannelClosed:
		m.childChannelClosed(ev.Generation)
	case ChildExited:
		m.childExited(ev.Generation, ev.PID, ev.Status)
	case ChildStopped:
		m.childStopped(ev.Generation, ev.Signal)
	case WakeupSent:
		m.wakeupSent(ev.Request)
	case WakeupFailed:
		m.wakeupFailed(ev.Request, ev.Errno)
	case WakeupClosed:
		m.wakeupClosed(ev.Request)
	case TimerExpired:
		m.timerExpired()
	default:
		m.assert(false, "the kind of event is known")
	}
	m.updateWatches()
	return m.actions
}

// Options returns the options that were passed to New.
func (m *Machine) Options() MachineOptions { return m.options }

// Deadline says when the machine next wants a TimerExpired. ok is false when
// it waits for nothing but events.
func (m *Machine) Deadline() (when Time, ok bool) {
	if m.phase == phaseExited || len(m.timers.heap) == 0 {
		return 0, false
	}
	return m.timers.heap[0].when, true
}

// timerExpired carries out every timer whose time has come. Each is set anew
// at the earliest for a later time, so the loop ends after one round.
func (m *Machine) timerExpired() {
	for rounds := len(m.timers.heap); rounds > 0 && m.phase != phaseExited; rounds-- {
		t := m.timers.due(m.now)
		if t == nil {
			return
		}
		m.timers.cancel(t)
		switch t.kind {
		case timerThrottle:
			m.releaseThrottle(t.service)
		case timerWakeup:
			m.wakeupDue(t.service)
		case timerRemoval:
			m.removalOverdue(t.service)
		case timerWakeupLimit:
			m.wakeupOverdue(t.wakeup)
		case timerChannelClosed:
			m.channelStillClosed(t.child)
		case timerExit:
			m.exitTimeArrived()
		case timerLeaving:
			m.markDirty(t.service) // whoever still leaves is one of the children again
		default:
			m.assert(false, "the kind of timer is known")
		}
	}
}

// updateWatches derives what follows from the facts that this step changed: for each
// service it touched, whether its listeners are watched. After the end nothing
// follows, whatever else the same step had touched.
func (m *Machine) updateWatches() {
	m.releaseStarved()
	for _, s := range m.dirty {
		s.dirty = false
		if m.phase != phaseExited {
			m.updateWatch(s)
		}
	}
	m.dirty = m.dirty[:0]
}

// markDirty marks the service as changed by this step.
func (m *Machine) markDirty(s *service) {
	if !s.dirty {
		s.dirty = true
		m.dirty = append(m.dirty, s)
	}
}

// emit adds an empty action of the kind and gives it to be filled in.
func (m *Machine) emit(kind ActionKind) *Action {
	m.assert(m.phase != phaseExited, "nothing follows Exit")
	m.actions = append(m.actions, Action{Kind: kind})
	return &m.actions[len(m.actions)-1]
}

// log adds a line at the level of its code and gives it to be filled in. A
// verbose line that nobody wants is filled in and forgotten.
func (m *Machine) log(code LogCode) *Action {
	level := logLevels[code]
	if level == LevelVerbose && !m.options.Verbose {
		return &m.discard
	}
	a := m.emit(Log)
	a.Code, a.Level = code, level
	return a
}

// exit ends the machine: nothing follows.
func (m *Machine) exit(code int64, sig Signal) {
	a := m.emit(Exit)
	a.Number, a.Signal = code, sig
	m.phase = phaseExited
}

// BrokenInvariant is what an assertion panics with: a bug of ours, never the
// answer to bad input.
type BrokenInvariant struct {
	Step uint64 // the number of the step that broke it
	What string // what must hold
}

// Error names the property.
func (b BrokenInvariant) Error() string { return "broken invariant: " + b.What }

func (m *Machine) assert(holds bool, what string) {
	if !holds {
		panic(BrokenInvariant{Step: m.step, What: what})
	}
}
