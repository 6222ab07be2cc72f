package core

// life is the stage of a service; within lifeActive its State says more.
type life uint8

const (
	lifeOpening  life = iota // part of a reload that is not committed yet
	lifeActive               // part of the accepted configuration
	lifeStopping             // removed; some children are left
	lifeGone                 // dropped; nothing refers to it any more
)

// listenerState is the progress of one listener of a service.
type listenerState uint8

const (
	listenerNone    listenerState = iota // not requested yet, or moved to another service
	listenerAsked                        // OpenListener is unanswered
	listenerOpen                         // open
	listenerRefused                      // could not be opened
)

// service is one entry of master.cf in operation.
type service struct {
	id        ServiceID
	seq       ServiceID      // order of creation; see Canon
	entry     *ServiceConfig // the settings in force
	endpoints []Endpoint     // where the listeners were opened; a reload does not change it
	listeners []listenerState
	life      life
	watching  bool // WatchListener is in force
	dirty     bool
	starved   bool // a client waits and no child can be afforded, see markStarved

	throttled bool
	stressed  bool // stressUntil is set
	warned    bool // warnedAt is set

	total    int32 // children not reaped yet, including those being started
	starting int32 // of total: StartChild is unanswered
	idle     int32 // of total: available and not retired
	retired  int32 // of total: retired
	leaving  int32 // of retired: available, so they should exit soon; see leavingSoon

	heldBy        int32      // predecessors that still have children
	successors    []*service // services that this one holds
	stoppingIndex int        // while lifeStopping: index in Machine.stopping
	starvedIndex  int        // while starved: index in Machine.starved

	stressUntil Time
	warnedAt    Time

	first, last   *child // children in the order they were started
	openWakeups   *wakeup
	wakeupArmed   bool // wakeups are sent at the interval
	throttleTimer timer
	wakeupTimer   timer
	removalTimer  timer
	leavingTimer  timer // until it expires, leaving children are expected to exit soon
}

func (m *Machine) newService(entry *ServiceConfig) *service {
	m.lastService++
	s := &service{
		id:        m.lastService,
		seq:       m.lastService,
		entry:     entry,
		endpoints: entry.Endpoints,
		listeners: make([]listenerState, len(entry.Endpoints)),
		life:      lifeOpening,
	}
	s.initTimers()
	m.services.put(uint64(s.id), s)
	return s
}

// initTimers sets the kind and owner of each timer of the service.
func (s *service) initTimers() {
	s.throttleTimer = timer{kind: timerThrottle, service: s}
	s.wakeupTimer = timer{kind: timerWakeup, service: s}
	s.removalTimer = timer{kind: timerRemoval, service: s}
	s.leavingTimer = timer{kind: timerLeaving, service: s}
}

// dropService removes a service that has no children.
func (m *Machine) dropService(s *service) {
	m.assert(s.total == 0, "a service is forgotten only without children")
	m.timers.cancel(&s.throttleTimer)
	m.timers.cancel(&s.wakeupTimer)
	m.timers.cancel(&s.removalTimer)
	m.timers.cancel(&s.leavingTimer)
	m.services.remove(uint64(s.id))
	s.life = lifeGone
	for _, next := range s.successors {
		next.heldBy--
		m.markDirty(next)
	}
	s.successors = nil
}

// State is how a service stands, in one word.
type State uint8

// The states of a service. watchedIn lists those in which the master watches
// the listeners.
const (
	StateOpening   State = iota + 1 // part of a reload that has not been committed
	StateHeld                       // waits for the processes of its predecessor to exit
	StateIdle                       // listening: no process is free to take a client, and one may be started
	StateStarting                   // a process is being started
	StateServing                    // at least one process can take a client
	StateSaturated                  // at the process limit, all busy
	StateThrottled                  // resting after a failed start
	StateStopping                   // removed by a reload; its processes are leaving
	StateStarved                    // a client waits, but no descriptor is free for another process
	numStates
)

// watchedIn lists the states in which the master watches the listeners. It is
// the whole listening policy (spec runtime, 8).
var watchedIn = [numStates]bool{
	StateOpening:   false,
	StateHeld:      false,
	StateIdle:      true,
	StateStarting:  false,
	StateServing:   false, // the children watch
	StateSaturated: false,
	StateThrottled: false,
	StateStopping:  false,
	StateStarved:   false,
}

var stateNames = [numStates]string{
	StateOpening: "opening", StateHeld: "held", StateIdle: "idle", StateStarting: "starting",
	StateServing: "serving", StateSaturated: "saturated", StateThrottled: "throttled", StateStopping: "stopping",
	StateStarved: "starved",
}

// String returns the word for the state.
func (s State) String() string {
	if s < numStates && stateNames[s] != "" {
		return stateNames[s]
	}
	return "unknown"
}

// state derives the state from counts and flags; no other code distinguishes
// states.
func (s *service) state() State {
	switch {
	case s.life == lifeOpening:
		return StateOpening
	case s.life != lifeActive:
		return StateStopping
	case s.heldBy > 0:
		return StateHeld
	case s.throttled:
		return StateThrottled
	case s.starting > 0:
		return StateStarting
	case s.idle > 0:
		return StateServing
	case s.entry.ProcessLimit != 0 && s.total >= s.entry.ProcessLimit:
		return StateSaturated
	case s.starved:
		return StateStarved
	}
	return StateIdle
}
