package core

import (
	"strconv"
	"strings"
)

// maxFailureLines bounds how many failed listeners are logged one by one.
const maxFailureLines = 8

// reloadPhase is the stage of the transaction. Start and reload take the same
// path; they differ only in how a failure ends.
//
//	idle ──hangup──► loading ──ConfigLoaded──► opening ──► displacing ──► commit
//	  ▲                 │ ConfigRejected          │ a listener failed │
//	  └─────────────────┴─────────refused─────────┴──────undone───────┘
type reloadPhase uint8

const (
	reloadIdle       reloadPhase = iota
	reloadLoading                // LoadConfig is unanswered
	reloadOpening                // listeners at free addresses and paths are being opened
	reloadDisplacing             // then listeners at paths that other services use
)

// transaction is a reload in progress. Until the commit it changes nothing about
// the running services.
type transaction struct {
	phase   reloadPhase
	request Request
	again   bool // another hangup arrived: reload again when this reload has ended
	plan    *Plan
	added   []*service // one for each added entry of the plan, in its order
	pending int        // OpenListener actions without an answer
	failed  []failure  // listeners that could not be opened, at most maxFailureLines
}

type failure struct {
	entry    *ServiceConfig
	listener uint16
	step     ListenStep
	errno    Errno
}

// requestReload begins a reload. During boot or another reload it sets a flag to
// reload once more afterwards.
func (m *Machine) requestReload() {
	if m.phase == phaseBooting || m.reload.phase != reloadIdle {
		m.reload.again = true
		return
	}
	m.log(LogReload).Config = m.config
	m.lastRequest++
	m.reload.phase, m.reload.request = reloadLoading, m.lastRequest
	m.emit(LoadConfig).Request = m.lastRequest
}

// expectConfig asserts that a configuration was requested. New implies the
// request for the first one.
func (m *Machine) expectConfig(r Request, c *Config) {
	if m.phase == phaseBooting {
		m.assert(m.reload.phase == reloadIdle && r == 0, "the first configuration comes once")
	} else {
		m.assert(m.reload.phase == reloadLoading && r == m.reload.request, "a configuration answers LoadConfig")
	}
	m.assert(c != nil, "a configuration comes with its diagnostics")
}

func (m *Machine) configRejected(r Request, c *Config) {
	m.expectConfig(r, c)
	m.refuseConfig(c.Diagnostics)
}

// configLoaded turns an accepted configuration into a plan and requests the
// listeners that it needs.
func (m *Machine) configLoaded(r Request, c *Config) {
	m.expectConfig(r, c)
	if fault := ConfigFault(c); fault != "" {
		m.refuseConfig(append(c.Diagnostics[:len(c.Diagnostics):len(c.Diagnostics)], Diagnostic{Severity: Error, Text: fault}))
		return
	}
	m.logDiagnostics(c.Diagnostics)
	t := &m.reload
	t.plan = m.Plan(c)
	for i := range t.plan.Entries {
		if e := &t.plan.Entries[i]; e.Kept == 0 {
			t.added = append(t.added, m.newService(e.Entry))
		}
	}
	t.phase = reloadOpening
	m.openListeners(AcquireOpen)
	m.advanceReload()
}

// openListeners requests the listeners that are acquired in the given way.
func (m *Machine) openListeners(how Acquire) {
	t := &m.reload
	n := 0
	for i := range t.plan.Entries {
		e := &t.plan.Entries[i]
		if e.Kept != 0 {
			continue
		}
		s := t.added[n]
		n++
		for k, acquisition := range e.Endpoints {
			if acquisition.How != how {
				continue
			}
			s.listeners[k] = listenerAsked
			t.pending++
			a := m.emit(OpenListener)
			a.Service, a.Listener, a.Entry, a.Flag = s.id, uint16(k), e.Entry, how == AcquireDisplace
		}
	}
}

func (m *Machine) listenerOpened(id ServiceID, listener uint16) {
	m.listenerAnswered(id, listener, listenerOpen)
	m.advanceReload()
}

func (m *Machine) listenerFailed(id ServiceID, listener uint16, step ListenStep, e Errno) {
	s := m.listenerAnswered(id, listener, listenerRefused)
	if t := &m.reload; len(t.failed) < maxFailureLines {
		t.failed = append(t.failed, failure{s.entry, listener, step, e})
	}
	m.advanceReload()
}

func (m *Machine) listenerAnswered(id ServiceID, listener uint16, state listenerState) *service {
	s := m.services.get(uint64(id))
	m.assert(s != nil && int(listener) < len(s.listeners), "an answer names a listener that was asked for")
	m.assert(s.listeners[listener] == listenerAsked, "OpenListener is answered once")
	s.listeners[listener] = state
	m.reload.pending--
	return s
}

// advanceReload continues once every OpenListener is answered. All listeners of
// one phase are requested at once.
func (m *Machine) advanceReload() {
	t := &m.reload
	for t.pending == 0 {
		switch {
		case len(t.failed) > 0:
			m.undo()
			return
		case t.phase == reloadOpening:
			t.phase = reloadDisplacing
			m.openListeners(AcquireDisplace)
		default:
			m.commit()
			return
		}
	}
}

// undo abandons what this transaction opened, in reverse order, so that a file
// set aside twice returns to its original path.
func (m *Machine) undo() {
	t := &m.reload
	for i := len(t.added) - 1; i >= 0; i-- {
		s := t.added[i]
		for k := len(s.listeners) - 1; k >= 0; k-- {
			if s.listeners[k] == listenerOpen {
				a := m.emit(AbandonListener)
				a.Service, a.Listener = s.id, uint16(k)
			}
		}
		m.dropService(s)
	}
	for i := range t.failed {
		f := &t.failed[i]
		m.logFailure(LogListenRemedy, f).Config = t.plan.Config
		if m.phase == phaseRunning {
			m.logFailure(LogListenFailed, f).Level = LevelError
		}
	}
	if m.phase == phaseBooting {
		// The process exits because of the first failure: its line comes last.
		m.logFailure(LogListenFailed, &t.failed[0])
	}
	m.refuseReload()
}

func (m *Machine) logFailure(code LogCode, f *failure) *Action {
	a := m.log(code)
	a.Entry, a.Listener, a.ListenStep, a.Errno = f.entry, f.listener, f.step, f.errno
	return a
}

// refuseConfig logs all diagnostics of a refused configuration. At start the
// first error is the last line, like the original's fatal line.
func (m *Machine) refuseConfig(diagnostics []Diagnostic) {
	if m.phase == phaseRunning {
		m.logDiagnostics(diagnostics)
		m.refuseReload()
		return
	}
	first := -1
	for i := range diagnostics {
		d := &diagnostics[i]
		switch {
		case first < 0 && d.Severity == Error:
			first = i
			if remedy := d.remedy(); remedy != "" {
				m.logDiagnostic(LevelInfo, remedy)
			}
		case first < 0:
			m.logDiagnostics(diagnostics[i : i+1])
		default:
			m.logDiagnostic(LevelInfo, "also "+d.withRemedy())
		}
	}
	text := "the configuration was refused without a reason"
	if first >= 0 {
		text = diagnostics[first].Text
	}
	m.logDiagnostic(LevelFatal, text)
	m.refuseReload()
}

// logDiagnostics logs each diagnostic at its own level.
func (m *Machine) logDiagnostics(diagnostics []Diagnostic) {
	for i := range diagnostics {
		d := &diagnostics[i]
		text := d.Text
		if d.Severity == Error {
			text = d.withRemedy()
		}
		m.logDiagnostic(d.Level(), text)
	}
}

func (m *Machine) logDiagnostic(level Level, text string) {
	a := m.log(LogDiagnostic)
	a.Level, a.Text = level, text
}

// Level returns the level at which a running daemon logs the diagnostic.
func (d *Diagnostic) Level() Level {
	switch d.Severity {
	case Error:
		return LevelError
	case Warning:
		return LevelWarning
	default:
		return LevelInfo
	}
}

func (d *Diagnostic) withRemedy() string {
	remedy := d.remedy()
	if remedy == "" {
		return d.Text
	}
	return d.Text + " (" + remedy + ")"
}

// remedy returns what to do and where, because many of the original's texts do
// not say.
func (d *Diagnostic) remedy() string {
	if d.File == "" || d.Line == 0 || strings.Contains(d.Text, d.File) {
		return d.Hint
	}
	place := "see " + d.File + ", line " + strconv.Itoa(int(d.Line))
	if d.Hint == "" {
		return place
	}
	return d.Hint + "; " + place
}

// refuseReload ends the transaction without any change; at start it ends the
// process.
func (m *Machine) refuseReload() {
	if m.phase == phaseBooting {
		m.reload = transaction{}
		m.exit(1, 0)
		return
	}
	m.log(LogReloadRefused).Config = m.config
	m.endTransaction()
}

func (m *Machine) endTransaction() {
	again := m.reload.again
	m.reload = transaction{}
	if again {
		m.requestReload()
	}
}

// commit carries out the plan in one step.
func (m *Machine) commit() {
	t := &m.reload
	plan := t.plan
	removed := make([]*service, len(plan.Removed))
	for i, id := range plan.Removed {
		removed[i] = m.services.get(uint64(id))
		m.stopWatching(removed[i])
	}
	m.takeOver(plan, t.added)
	for _, s := range removed {
		m.beginRemoval(s)
	}
	booting := m.phase == phaseBooting
	m.config = plan.Config
	m.epoch++
	m.phase = phaseRunning
	m.active = make([]*service, 0, len(plan.Entries))
	predecessors := m.predecessors()
	n := 0
	for i := range plan.Entries {
		e := &plan.Entries[i]
		if e.Kept != 0 {
			s := m.services.get(uint64(e.Kept))
			m.active = append(m.active, s)
			m.updateKept(s, e.Entry)
			continue
		}
		s := t.added[n]
		n++
		m.active = append(m.active, s)
		m.activate(s, predecessors)
		m.commitDisplaced(s, e)
	}
	m.live, m.reserved, m.listeners = m.countDescriptors()
	m.emit(ApplyConfig).Config = m.config
	if booting {
		m.log(LogStarted).Config = m.config
		m.emit(Announce)
	}
	m.endTransaction()
}

// takeOver moves open descriptors from removed services to added ones, so that
// no waiting client is reset.
func (m *Machine) takeOver(plan *Plan, added []*service) {
	n := 0
	for i := range plan.Entries {
		e := &plan.Entries[i]
		if e.Kept != 0 {
			continue
		}
		s := added[n]
		n++
		for k, acquisition := range e.Endpoints {
			if acquisition.How != AcquireTakeOver {
				continue
			}
			from := m.services.get(uint64(acquisition.From))
			m.assert(from.listeners[acquisition.FromListener] == listenerOpen, "an open listener is handed over")
			from.listeners[acquisition.FromListener] = listenerNone
			s.listeners[k] = listenerOpen
			a := m.emit(MoveListener)
			a.Service, a.Listener, a.To, a.ToListener = from.id, acquisition.FromListener, s.id, uint16(k)
		}
	}
}

func (m *Machine) commitDisplaced(s *service, e *PlanEntry) {
	for k, acquisition := range e.Endpoints {
		if acquisition.How == AcquireDisplace {
			a := m.emit(CommitListener)
			a.Service, a.Listener = s.id, uint16(k)
		}
	}
}

// updateKept applies its new settings to a kept service. It retires the children
// whether the settings changed or not: they read main.cf themselves, and
// retiring is how they learn of the reload. The listeners stay. So does a
// throttle, unless the operator chose otherwise.
func (m *Machine) updateKept(s *service, entry *ServiceConfig) {
	s.entry = entry
	m.retireChildren(s)
	m.updateLeavingTimer(s, true)
	if s.throttled && m.config.ReloadClearsThrottle {
		m.releaseThrottle(s)
	}
	m.restartWakeup(s)
	m.markDirty(s)
}

// predecessorIndex finds removed services that still have children.
type predecessorIndex struct {
	byName     map[string][]*service
	byEndpoint map[Endpoint][]*service
}

func (m *Machine) predecessors() predecessorIndex {
	x := predecessorIndex{map[string][]*service{}, map[Endpoint][]*service{}}
	for _, s := range m.stopping {
		x.byName[s.entry.Name] = append(x.byName[s.entry.Name], s)
		for _, end := range s.endpoints {
			x.byEndpoint[end] = append(x.byEndpoint[end], s)
		}
	}
	return x
}

// activate makes an added service active. It is held while children of a
// predecessor, by name or by endpoint, live: two queue managers on one queue
// would duplicate mail.
func (m *Machine) activate(s *service, x predecessorIndex) {
	s.life = lifeActive
	for _, before := range x.byName[s.entry.Name] {
		m.hold(s, before)
	}
	for _, end := range s.endpoints {
		for _, before := range x.byEndpoint[end] {
			m.hold(s, before)
		}
	}
	m.restartWakeup(s)
	m.markDirty(s)
}

func (m *Machine) hold(s, before *service) {
	if n := len(before.successors); n > 0 && before.successors[n-1] == s {
		return // found by name and by endpoint; s is the latest in any case
	}
	before.successors = append(before.successors, s)
	s.heldBy++
}
