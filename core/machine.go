package core

// MachineOptions are the settings from the command line; they hold for the whole
// life of a machine.
type MachineOptions struct {
	InitMode    bool     // -i: exit with code 0 on a signal, and reap strangers silently
	GroupLeader bool     // a signal to the process group reaches the children
	Verbose     bool     // -v: log verbose lines
	ExitSet     bool     // -e was given
	ExitAfter   Duration // with ExitSet: exit after this time, zero or more
	Descriptors uint32   // how many descriptors listeners and children may hold together; 0: unlimited
	Strict      bool     // reject events with fields that their kind does not use
}

// phase is the stage of the process as a whole.
type phase uint8

const (
	phaseBooting phase = iota
	phaseRunning
	phaseExited
)

// Machine holds the whole state. It is not safe for concurrent use.
type Machine struct {
	options MachineOptions
	now     Time
	step    uint64
	phase   phase
	config  *Config // the accepted configuration; nil while booting
	epoch   Epoch

	active   []*service // in the order of the configuration
	stopping []*service // removed services with children, unordered
	services table[service]
	children table[child]
	wakeups  table[wakeup]
	reload   transaction

	lastService    ServiceID
	lastGeneration Generation
	lastRequest    Request

	live      int64      // children of all services that hold a descriptor
	reserved  int32      // descriptors reserved: one for each active service without a live child
	listeners int64      // of active services
	starved   []*service // waiting for a descriptor, see markStarved

	starvedWarned   bool // starvedWarnedAt is set
	starvedWarnedAt Time

	timers    timerHeap
	exitTimer timer

	dirty   []*service // changed by the current step, see updateWatches
	actions []Action   // of the current step
	discard Action     // sink for suppressed verbose lines

	freeChildren []*child
	freeWakeups  []*wakeup
}

// New returns a machine that waits for its first ConfigLoaded or ConfigRejected,
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

// Deadline returns the time at which the machine next needs a TimerExpired. ok
// is false when no timer is set.
func (m *Machine) Deadline() (when Time, ok bool) {
	if m.phase == phaseExited || len(m.timers.heap) == 0 {
		return 0, false
	}
	return m.timers.heap[0].when, true
}

// timerExpired handles every timer whose time has come. A handler sets its timer
// again for a later time at the earliest, so the loop ends after one round.
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
			m.markDirty(t.service) // children that still leave count as children again
		default:
			m.assert(false, "the kind of timer is known")
		}
	}
}

// updateWatches re-evaluates each service that this step changed: whether its
// listeners are watched. After Exit it emits nothing, whatever else the step
// changed.
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

// emit appends an action of the kind and returns it for the caller to fill in.
func (m *Machine) emit(kind ActionKind) *Action {
	m.assert(m.phase != phaseExited, "nothing follows Exit")
	m.actions = append(m.actions, Action{Kind: kind})
	return &m.actions[len(m.actions)-1]
}

// log appends a line at the level of its code and returns it for the caller to
// fill in. A suppressed verbose line goes to discard.
func (m *Machine) log(code LogCode) *Action {
	level := logLevels[code]
	if level == LevelVerbose && !m.options.Verbose {
		return &m.discard
	}
	a := m.emit(Log)
	a.Code, a.Level = code, level
	return a
}

// exit ends the machine: no action follows.
func (m *Machine) exit(code int64, sig Signal) {
	a := m.emit(Exit)
	a.Number, a.Signal = code, sig
	m.phase = phaseExited
}

// BrokenInvariant is the value that a failed assertion panics with. It is a bug
// of this program, never the response to bad input.
type BrokenInvariant struct {
	Step uint64 // the number of the step that broke it
	What string // what must hold
}

// Error returns the property that does not hold.
func (b BrokenInvariant) Error() string { return "broken invariant: " + b.What }

func (m *Machine) assert(holds bool, what string) {
	if !holds {
		panic(BrokenInvariant{Step: m.step, What: what})
	}
}
