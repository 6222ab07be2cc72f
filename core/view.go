package core

// View is a copy of the state that observers may see.
type View struct {
	Step     uint64
	Now      Time
	Running  bool // booted and not exited
	Exited   bool
	Epoch    Epoch
	Loading  bool          // a reload is in progress
	Services []ServiceView // active ones in the order of the configuration, then removed ones
}

// ServiceView is the state of one service.
type ServiceView struct {
	ID             ServiceID
	Name           string
	Canonical      string
	Type           ServiceType
	State          State
	Watching       bool
	Limit          int32 // 0: none
	Total          int32 // children not reaped, including those being started
	Starting       int32
	Idle           int32 // available and not retired
	Busy           int32 // taken and not retired
	Retired        int32
	Throttled      bool
	ThrottledUntil Time // with Throttled
	Stress         bool
	LeavingUntil   Time // until then retired idle children are expected to exit soon; 0: no grace runs
	NextWakeup     Time // 0: none is due
	StressUntil    Time // 0: it was never in stress mode
	KillAt         Time // of a removed service: when the children that are left are killed
	Starved        bool // a client waited and no descriptor was free for a child
	Children       []ChildView
}

// ChildView is the state of one child.
type ChildView struct {
	Generation Generation
	PID        PID // 0 while it is being started
	Starting   bool
	Idle       bool
	Retired    bool
	Served     bool
}

// View copies the state. It walks the whole state: use it in tests and for
// operators, not in the path of an event.
func (m *Machine) View() View {
	v := View{
		Step: m.step, Now: m.now, Epoch: m.epoch,
		Running: m.phase == phaseRunning, Exited: m.phase == phaseExited,
		Loading:  m.reload.phase != reloadIdle,
		Services: make([]ServiceView, 0, len(m.active)+len(m.stopping)),
	}
	for _, list := range [2][]*service{m.active, m.stopping} {
		for _, s := range list {
			v.Services = append(v.Services, m.serviceView(s))
		}
	}
	return v
}

func (m *Machine) serviceView(s *service) ServiceView {
	v := ServiceView{
		ID: s.id, Name: s.entry.Name, Canonical: s.entry.Canonical, Type: s.entry.Type,
		State: s.state(), Watching: s.watching, Limit: s.entry.ProcessLimit,
		Total: s.total, Starting: s.starting, Idle: s.idle, Retired: s.retired,
		Throttled: s.throttled, ThrottledUntil: s.throttleTimer.when, Stress: m.inStress(s), Starved: s.starved,
	}
	if s.leavingTimer.armed() {
		v.LeavingUntil = s.leavingTimer.when
	}
	if s.wakeupTimer.armed() {
		v.NextWakeup = s.wakeupTimer.when
	}
	if s.stressed {
		v.StressUntil = s.stressUntil
	}
	if s.removalTimer.armed() {
		v.KillAt = s.removalTimer.when
	}
	for c := s.first; c != nil; c = c.next {
		if c.state == childBusy && !c.retired {
			v.Busy++
		}
		v.Children = append(v.Children, ChildView{
			Generation: c.generation, PID: c.pid, Starting: c.state == childStarting,
			Idle: c.state == childIdle, Retired: c.retired, Served: c.served,
		})
	}
	return v
}
