package core

import "path"

// Acquire is how a new service obtains one of its listeners.
type Acquire uint8

const (
	// AcquireOpen opens an address or a path that no running service uses.
	AcquireOpen Acquire = iota + 1
	// AcquireDisplace opens a path that a running service uses for another kind
	// of socket: the file there is set aside until the commit.
	AcquireDisplace
	// AcquireTakeOver receives the open descriptor of a removed service.
	AcquireTakeOver
)

// Acquisition is the way in which a new service obtains the listener of one endpoint.
type Acquisition struct {
	How          Acquire
	From         ServiceID // AcquireTakeOver: the service that has it now
	FromListener uint16
}

// PlanEntry is one entry of the new configuration.
type PlanEntry struct {
	Entry     *ServiceConfig
	Kept      ServiceID     // the running service with this identity; 0: the service is added
	Changed   bool          // a kept service whose own settings differ
	Endpoints []Acquisition // of an added service, one for each endpoint
}

// Plan describes what accepting a configuration would change. It is a value: the
// machine carries it out, and an operator may ask for it and only read it.
type Plan struct {
	Config  *Config
	Entries []PlanEntry // in the order of the configuration
	Removed []ServiceID // in the order of the running configuration
}

// identity is what makes two entries the same service (spec config, 5.5).
type identity struct {
	canonical string
	kind      ServiceType
}

// socketKind distinguishes sockets that cannot replace each other on one path.
type socketKind uint8

const (
	streamSocket socketKind = iota + 1
	datagramSocket
	fifoFile
)

var socketKinds = [numServiceTypes]socketKind{
	Inet: streamSocket, Unix: streamSocket, Pass: streamSocket, UnixDatagram: datagramSocket, FIFO: fifoFile,
}

// kernelAddress identifies a listener to the kernel.
type kernelAddress struct {
	kind     socketKind
	endpoint Endpoint
}

type vacantListener struct {
	service  *service
	listener uint16
}

// Plan compares c with the running services. c must be acceptable; see
// ConfigFault.
func (m *Machine) Plan(c *Config) *Plan {
	p := &Plan{Config: c, Entries: make([]PlanEntry, len(c.Services))}
	wanted := make(map[identity]bool, len(c.Services))
	for i := range c.Services {
		wanted[identityOf(&c.Services[i])] = true
	}
	k := m.newOwnership(wanted)
	byIdentity := make(map[identity]*service, len(m.active))
	for _, s := range m.active {
		if id := identityOf(s.entry); wanted[id] && !k.pathTaken(s) {
			byIdentity[id] = s
			continue
		}
		p.Removed = append(p.Removed, s.id)
		for i, end := range s.endpoints {
			address := kernelAddress{socketKinds[s.entry.Type], end}
			k.vacant[address] = append(k.vacant[address], vacantListener{s, uint16(i)})
		}
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		e.Entry = &c.Services[i]
		if s := byIdentity[identityOf(e.Entry)]; s != nil {
			e.Kept, e.Changed = s.id, !s.entry.sameSettings(e.Entry)
			continue
		}
		for _, end := range e.Entry.Endpoints {
			k.claims[pathOf(end)]++
		}
	}
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Kept == 0 {
			e.Endpoints = k.planListeners(e.Entry)
		}
	}
	return p
}

func identityOf(e *ServiceConfig) identity { return identity{e.Canonical, e.Type} }

// pathOf returns the cleaned path of an endpoint, so that all spellings of a
// path are equal; "" for an address.
func pathOf(end Endpoint) string {
	if end.Path == "" {
		return ""
	}
	return path.Clean(end.Path)
}

// ownership records which service owns each path and which listeners become
// free. Where several services share a path, the file there belongs to the one
// that opened it last.
type ownership struct {
	owners map[string]*service                // the service that owns the file at each path
	wanted map[identity]bool                  // the identities in the new configuration
	vacant map[kernelAddress][]vacantListener // listeners of removed services
	claims map[string]int                     // the number of new listeners at each path
}

func (m *Machine) newOwnership(wanted map[identity]bool) *ownership {
	k := &ownership{make(map[string]*service, len(m.active)), wanted, map[kernelAddress][]vacantListener{}, map[string]int{}}
	for _, s := range m.active {
		for _, end := range s.endpoints {
			if at := pathOf(end); at != "" && (k.owners[at] == nil || k.owners[at].seq < s.seq) {
				k.owners[at] = s
			}
		}
	}
	return k
}

// pathTaken reports whether a service that is removed now owns one of the paths
// of s. Clients cannot reach s any more: it is started afresh and gets its path
// back.
func (k *ownership) pathTaken(s *service) bool {
	for _, end := range s.endpoints {
		if at := pathOf(end); at != "" && k.owners[at] != s && !k.wanted[identityOf(k.owners[at].entry)] {
			return true
		}
	}
	return false
}

// planListeners decides for each endpoint of a new service how to obtain the
// listener, and marks taken-over listeners as no longer vacant.
func (k *ownership) planListeners(entry *ServiceConfig) []Acquisition {
	out := make([]Acquisition, len(entry.Endpoints))
	for i, end := range entry.Endpoints {
		at := pathOf(end)
		from, vacant := k.claimVacant(kernelAddress{socketKinds[entry.Type], end}, at)
		switch {
		case vacant:
			out[i] = Acquisition{How: AcquireTakeOver, From: from.service.id, FromListener: from.listener}
		case k.owners[at] != nil:
			out[i] = Acquisition{How: AcquireDisplace}
		default:
			out[i] = Acquisition{How: AcquireOpen}
		}
	}
	return out
}

// claimVacant returns the listener to take over; of several, that of the service
// created last. On a path it must be the one whose file is there, and only one
// new listener may claim the path: of several that open it, the last one owns
// it.
func (k *ownership) claimVacant(address kernelAddress, at string) (vacantListener, bool) {
	places := k.vacant[address]
	if len(places) == 0 || at != "" && k.claims[at] > 1 {
		return vacantListener{}, false
	}
	latest := 0
	for i := range places {
		if places[i].service.seq >= places[latest].service.seq {
			latest = i
		}
	}
	from := places[latest]
	if at != "" && from.service != k.owners[at] {
		return vacantListener{}, false
	}
	k.vacant[address] = append(places[:latest], places[latest+1:]...)
	return from, true
}

// maxListeners bounds the listeners of one service: their numbers must fit an
// event, and a child must be able to hold their descriptors.
const maxListeners = 1024

// longestDelay bounds the delays of a service: columns and parameters cannot
// express more (spec config, 3 and 5), and Time could not represent much later
// instants.
const longestDelay = (1<<31 - 1) * Second

// ConfigFault returns the reason why the machine cannot run a configuration, or
// "". core/config returns no configuration with a fault; this check guards
// against all other sources.
func ConfigFault(c *Config) string {
	seen := make(map[identity]bool, len(c.Services))
	for i := range c.Services {
		s := &c.Services[i]
		if fault := serviceFault(s); fault != "" {
			return fault
		}
		id := identityOf(s)
		if seen[id] {
			return "service " + s.Name + " has two entries for " + s.Canonical + "/" + s.Type.String()
		}
		seen[id] = true
	}
	return ""
}

// serviceFault returns the reason why the machine cannot run a service, or "".
func serviceFault(s *ServiceConfig) string {
	switch {
	case s.Type == 0 || s.Type >= numServiceTypes:
		return "service " + s.Name + " has an unknown transport type"
	case len(s.Endpoints) == 0 || len(s.Endpoints) > maxListeners:
		return "service " + s.Name + " must have 1 to 1024 listeners"
	case s.ProcessLimit < 0:
		return "service " + s.Name + " has a negative process limit"
	case s.WakeupInterval < 0 || s.WakeupInterval > 0 && s.WakeupInterval < Second:
		return "service " + s.Name + " has a wakeup time below one second"
	case s.ThrottleDelay < Second:
		return "service " + s.Name + " has a throttle time below one second"
	case s.WakeupInterval > longestDelay || s.ThrottleDelay > longestDelay:
		return "service " + s.Name + " has a delay of more than 2147483647 seconds"
	}
	for _, end := range s.Endpoints {
		if end.Address.IsValid() == (end.Path != "") || end.Address.IsValid() != (s.Type == Inet) {
			return "service " + s.Name + " has a listener of the wrong kind"
		}
	}
	return ""
}
