package child

import "github.com/stationmaster/stationmaster/core"

// Skeleton is the way in which a server handles its clients (spec child, 2).
type Skeleton uint8

// The five skeletons. The zero value is never valid.
const (
	Single      Skeleton = iota + 1 // one client at a time
	Multi                           // many clients, each request reported
	EventDriven                     // many clients, each accept reported
	Trigger                         // no client: a few bytes that trigger work
	Datagram                        // no client: one message
	numSkeletons
)

// rule is one column of the table in spec child, 5.
type rule struct {
	name       string
	concurrent bool // many clients at once; max_use and max_idle apply only without clients
	taken      bool // every accept is reported as taken, not only the one that fills the server
	locks      bool // the server uses the accept lock, if there is one
}

var rules = [numSkeletons]rule{
	Single:      {name: "single", concurrent: false, taken: true, locks: true},
	Multi:       {name: "multi", concurrent: true, taken: false, locks: false},
	EventDriven: {name: "event", concurrent: true, taken: true, locks: false},
	Trigger:     {name: "trigger", concurrent: false, taken: true, locks: true},
	Datagram:    {name: "dgram", concurrent: false, taken: true, locks: true},
}

// String returns the skeleton's word in the specification.
func (s Skeleton) String() string {
	if s < numSkeletons && rules[s].name != "" {
		return rules[s].name
	}
	return "unknown"
}

// Settings are the parameters of a server when its main loop begins.
type Settings struct {
	Skeleton    Skeleton
	MaxUse      int32         // exit after this many uses; 0: never
	MaxIdle     core.Duration // exit after this time without a client; 0: never
	RetireAfter core.Duration // exit at this age, once no client is left; 0: never

	// MaxClients bounds the clients of a concurrent server; 0: no limit, as in
	// the reference's servers. At the limit the server reports Taken, and
	// Available when a client leaves: available means that it accepts (spec
	// runtime, 8).
	MaxClients int32
	// AcceptLock: only the process that holds the lock waits for clients (spec
	// child, 6). Multi and EventDriven servers never lock, whatever it says.
	AcceptLock bool
	// EarlyUnlock: the server reads a FIFO or a datagram socket instead of
	// accepting a connection, and releases the lock before it reads.
	EarlyUnlock bool
	// Drain: when the master is gone a concurrent server accepts no more and
	// exits with its last client. Without it the clients are dropped, as the
	// reference's multi servers do.
	Drain bool
}

func (s Settings) valid() bool {
	return s.Skeleton > 0 && s.Skeleton < numSkeletons &&
		s.MaxUse >= 0 && s.MaxIdle >= 0 && s.RetireAfter >= 0 && s.MaxClients >= 0
}

func (m *Machine) rule() rule { return rules[m.settings.Skeleton] }

// locks reports whether this server uses the accept lock at all.
func (m *Machine) locks() bool { return m.settings.AcceptLock && m.rule().locks }
