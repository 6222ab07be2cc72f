package child

// Phase is what a server is doing, for observers.
type Phase uint8

// The phases. A concurrent server is Busy while it handles a request.
const (
	Starting  Phase = iota // Started has not come
	Locking                // waits for the accept lock
	Watching               // idle: waits for a client
	Accepting              // Accept is unanswered
	Busy                   // serves
	Reporting              // Report of Available is unanswered
	Full                   // a concurrent server is at MaxClients, or drains
	Exited                 // no action follows
)

// Phase returns what the server is doing.
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

// Clients returns the number of connected clients.
func (m *Machine) Clients() int { return int(m.clients) }

// MasterGone reports whether the server knows that the master cut it off: it
// need not poll its status channel any more.
func (m *Machine) MasterGone() bool { return m.masterGone }

// Uses returns the number of uses counted for max_use.
func (m *Machine) Uses() int { return int(m.uses) }

// Check reports whether the state is consistent, and returns what is broken if
// not. It is for tests and the simulator; the machine's own assertions run in
// every step.
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
		{!m.full || r.concurrent && m.settings.MaxClients > 0, "only a server with a limit of clients is full"},
		{m.full || m.settings.MaxClients == 0 || !r.concurrent || m.clients < m.settings.MaxClients, "a server at the limit is full"},
		{!m.full || m.retired || m.clients == m.settings.MaxClients || m.exited, "a server with room is not full"},
		{m.lock == lockNone || m.locks(), "only a server with a lock locks"},
		{!m.watching || !m.locks() || m.lock == lockHeld, "a server that watches holds the lock"},
		{!m.watching || !m.accepting, "a watch ends before the accept"},
		{m.unanswered >= 0, "answers belong to reports"},
		{!m.idle.armed || m.clients == 0, "idle time runs without clients"},
		{m.exited || !m.started || m.reasonToLeave() == ReasonNone, "a server with a reason to exit has exited"},
	} {
		if !p.holds {
			return p.what, false
		}
	}
	return "", true
}
