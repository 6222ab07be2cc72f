package core

// life is the coarse course of a service; within lifeActive its State tells
// more.
type life uint8

const (
	lifeOpening  life = iota // part of a reload that is not committed yet
	lifeActive               // part of the accepted configuration
	lifeStopping             // removed; children are left
	lifeGone                 // forgotten; nothing refers to it any more
)

// listenerState is how far one listener of a service is.
type listenerState uint8

const (
	listenerNone    listenerState = iota // not asked for yet, or handed over at the commit
	listenerAsked                        // OpenListener is not answered yet
	listenerOpen                         // ours
	listenerRefused                      // could not be had
)

// service is one entry of master.cf at work.
type service struct {
	id        ServiceID
	seq       ServiceID      // orders the services by when they were made; see Canon
	entry     *ServiceConfig // the settings in force
	endpoints []Endpoint     // what the listeners were opened on; a reload does not change it
	listeners []listenerState
	life      life
	watching  bool // WatchListener is in force
	dirty     bool
	starved   bool // a client waited and no child could be afforded, see markStarved

	throttled bool
	stressed  bool // stressUntil means something
	warned    bool // warnedAt means something

	total    int32 // children that are not reaped yet, those being started included
	starting int32 // of these, asked for and not answered
	idle     int32 // of these, available and not retired
	retired  int32 // of these, retired
	leaving  int32 // of these, available: they should be gone in a moment, see leavingSoon

	heldBy        int32      // predecessors with living children
	successors    []*service // services that are held by us
	stoppingIndex int        // while lifeStopping: place in Machine.stopping
	starvedIndex  int        // while starved: index in Machine.starved

	stressUntil Time
	warnedAt    Time

	first, last   *child // children in the order of their starts
	openWakeups   *wakeup
	wakeupArmed   bool // wakeups are sent at their interval
	throttleTimer timer
	wakeupTimer   timer
	removalTimer  timer
	leavingTimer  timer // until it expires, those who leave are believed to
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

// initTimers tells the timers of the service what they are for.
func (s *service) initTimers() {
	s.throttleTimer = timer{kind: timerThrottle, service: s}
	s.wakeupTimer = timer{kind: timerWakeup, service: s}
	s.removalTimer = timer{kind: timerRemoval, service: s}
	s.leavingTimer = timer{kind: timerLeaving, service: s}
}

// dropService drops the last trace of a service that has no children.
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

// State says in one word how a service stands.
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

// watchedIn is the whole policy of listening (spec runtime, 8).
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

// String gives the word for the state.
func (s State) String() string {
	if s < numStates && stateNames[s] != "" {
		return stateNames[s]
	}
	return "unknown"
}

// state is the one place that tells the states apart.
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
