package child

// Phase is where a server stands, for those who look on.
type Phase uint8

// The phases. A concurrent server is Busy while it handles a request.
const (
	Starting  Phase = iota // Started has not come
	Locking                // waits for the accept lock
	Watching               // idle: waits for a client
	Accepting              // Accept is unanswered
	Busy                   // serves
	Reporting              // Report of Available is unanswered
	Full                   // a concurrent server has all clients it may have, or drains
	Exited                 // over
)

// Phase tells where the server stands.
func (m *Machine) Phase() Phase {
	switch {
	case m.exited:
		return Exited
	case !m.started:
		return Starting
	case m.accepting:
		return Accepting
	case m.requests > 0:
		return Busy
	case m.unanswered > 0:
		return Reporting
	case m.lock == lockAsked:
		return Locking
	case m.watching && m.mayAccept():
		return Watching
	default:
		return Full
	}
}

// Clients is the number of clients that are connected.
func (m *Machine) Clients() int { return int(m.clients) }

// MasterGone tells whether the server knows that the master cut it off: its
// status channel need not be looked at any more.
func (m *Machine) MasterGone() bool { return m.masterGone }

// Uses is the number of uses counted for max_use.
func (m *Machine) Uses() int { return int(m.uses) }

// Check tells whether the state is whole; what is broken if not. For tests and
// the simulator: the daemon's own assertions hold in every step anyway.
func (m *Machine) Check() (broken string, ok bool) {
	r := m.rule()
	for _, p := range []struct {
		holds bool
		what  string
	}{
		{m.requests >= 0 && m.requests <= m.clients, "requests belong to clients"},
		{r.concurrent || m.clients <= 1, "one client at a time"},
		{r.concurrent || m.requests == m.clients, "a client is a request"},
		{m.settings.MaxClients == 0 || !r.concurrent || m.clients <= m.settings.MaxClients, "clients are bounded"},
		{!m.full || r.concurrent && m.settings.MaxClients > 0, "only who has a limit of clients is full"},
		{m.full || m.settings.MaxClients == 0 || !r.concurrent || m.clients < m.settings.MaxClients, "who is at the limit is full"},
		{!m.full || m.retired || m.clients == m.settings.MaxClients || m.exited, "who has room is not full"},
		{m.lock == lockNone || m.locks(), "only a server with a lock locks"},
		{!m.watching || !m.locks() || m.lock == lockHeld, "who watches holds the lock"},
		{!m.watching || !m.accepting, "a watch ends before the accept"},
		{m.unanswered >= 0, "answers belong to reports"},
		{!m.idle.armed || m.clients == 0, "idle time runs without clients"},
		{m.exited || !m.started || m.reasonToLeave() == ReasonNone, "who has a reason leaves"},
	} {
		if !p.holds {
			return p.what, false
		}
	}
	return "", true
}
