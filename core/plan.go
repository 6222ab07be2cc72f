package core

// Acquire says how a new service comes by one of its listeners.
type Acquire uint8

const (
	// AcquireOpen makes an address or a path that no service of ours uses.
	AcquireOpen Acquire = iota + 1
	// AcquireDisplace makes a path that a service of ours uses for another
	// kind of socket: what is there is set aside until the commit.
	AcquireDisplace
	// AcquireTakeOver gets the open descriptor of a removed service.
	AcquireTakeOver
)

// Acquisition is how one endpoint of a new service is had.
type Acquisition struct {
	How          Acquire
	From         ServiceID // AcquireTakeOver: who has it now
	FromListener uint16
}

// PlanEntry is one entry of the new configuration.
type PlanEntry struct {
	Entry     *ServiceConfig
	Kept      ServiceID     // the service that has this identity now; 0: it is added
	Changed   bool          // a kept service gets other settings of its own
	Endpoints []Acquisition // of an added service, one for each endpoint
}

// Plan is what accepting a configuration would change. It is a value: the
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

// socketKind tells apart what cannot stand in for each other on one path.
type socketKind uint8

const (
	streamSocket socketKind = iota + 1
	datagramSocket
	fifoFile
)

var socketKinds = [numServiceTypes]socketKind{
	Inet: streamSocket, Unix: streamSocket, Pass: streamSocket, UnixDatagram: datagramSocket, FIFO: fifoFile,
}

// kernelAddress is what the kernel knows a listener by.
type kernelAddress struct {
	kind     socketKind
	endpoint Endpoint
}

type place struct {
	service  ServiceID
	listener uint16
}

// Plan compares c with the running services. c must be acceptable; see
// ConfigFault.
func (m *Machine) Plan(c *Config) *Plan {
	p := &Plan{Config: c, Entries: make([]PlanEntry, len(c.Services))}
	byIdentity := make(map[identity]*service, len(m.active))
	for _, s := range m.active {
		byIdentity[identity{s.entry.Canonical, s.entry.Type}] = s
	}
	kept := make(map[ServiceID]bool, len(m.active))
	for i := range c.Services {
		e := &p.Entries[i]
		e.Entry = &c.Services[i]
		if s := byIdentity[identity{e.Entry.Canonical, e.Entry.Type}]; s != nil {
			kept[s.id] = true
			e.Kept, e.Changed = s.id, !s.entry.sameSettings(e.Entry)
		}
	}
	vacant := map[kernelAddress][]place{} // listeners of services that go
	paths := map[string]bool{}            // every path that a service of ours uses
	for _, s := range m.active {
		if !kept[s.id] {
			p.Removed = append(p.Removed, s.id)
		}
		for i, end := range s.endpoints {
			if end.Path != "" {
				paths[end.Path] = true
			}
			if !kept[s.id] {
				address := kernelAddress{socketKinds[s.entry.Type], end}
				vacant[address] = append(vacant[address], place{s.id, uint16(i)})
			}
		}
	}
	for i := range p.Entries {
		if e := &p.Entries[i]; e.Kept == 0 {
			e.Endpoints = acquisitions(e.Entry, vacant, paths)
		}
	}
	return p
}

// acquisitions decides for each endpoint of a new service, and strikes out
// what it takes over.
func acquisitions(entry *ServiceConfig, vacant map[kernelAddress][]place, paths map[string]bool) []Acquisition {
	out := make([]Acquisition, len(entry.Endpoints))
	for i, end := range entry.Endpoints {
		address := kernelAddress{socketKinds[entry.Type], end}
		switch {
		case len(vacant[address]) > 0:
			from := takeLatest(vacant, address)
			out[i] = Acquisition{How: AcquireTakeOver, From: from.service, FromListener: from.listener}
		case end.Path != "" && paths[end.Path]:
			out[i] = Acquisition{How: AcquireDisplace}
		default:
			out[i] = Acquisition{How: AcquireOpen}
		}
	}
	return out
}

// takeLatest takes the listener of the service that came last: where several
// have one path, the file that is there is its own.
func takeLatest(vacant map[kernelAddress][]place, address kernelAddress) place {
	places := vacant[address]
	latest := 0
	for i := range places {
		if places[i].service > places[latest].service {
			latest = i
		}
	}
	from := places[latest]
	vacant[address] = append(places[:latest], places[latest+1:]...)
	return from
}

// sameSettings tells whether a reload from s to o changes nothing of the
// service's own. Listeners, and where in the file it stands, do not count.
func (s *ServiceConfig) sameSettings(o *ServiceConfig) bool {
	if s.Name != o.Name || s.Unprivileged != o.Unprivileged || s.Chroot != o.Chroot || s.LocalOnly != o.LocalOnly ||
		s.Wakeup != o.Wakeup || s.WakeupIfUsed != o.WakeupIfUsed || s.ProcessLimit != o.ProcessLimit ||
		s.Command != o.Command || s.Path != o.Path || s.ThrottleDelay != o.ThrottleDelay || s.Owner != o.Owner ||
		len(s.Args) != len(o.Args) {
		return false
	}
	for i := range s.Args {
		if s.Args[i] != o.Args[i] {
			return false
		}
	}
	return true
}

// maxListeners bounds the listeners of one service: their numbers must fit an
// event, and their descriptors a child.
const maxListeners = 1024

// longestDelay bounds the delays of a service: more the columns and parameters
// cannot say (spec config, 3 and 5), and far later ones have no instant.
const longestDelay = (1<<31 - 1) * Second

// ConfigFault says why the machine cannot run a configuration, or gives "".
// core/config yields none with a fault; this guards against everything else.
func ConfigFault(c *Config) string {
	seen := make(map[identity]bool, len(c.Services))
	for i := range c.Services {
		s := &c.Services[i]
		if fault := serviceFault(s); fault != "" {
			return fault
		}
		id := identity{s.Canonical, s.Type}
		if seen[id] {
			return "service " + s.Name + " has two entries for " + s.Canonical + "/" + s.Type.String()
		}
		seen[id] = true
	}
	return ""
}

// serviceFault says why the machine cannot have a service, or gives "".
func serviceFault(s *ServiceConfig) string {
	switch {
	case s.Type == 0 || s.Type >= numServiceTypes:
		return "service " + s.Name + " has an unknown transport type"
	case len(s.Endpoints) == 0 || len(s.Endpoints) > maxListeners:
		return "service " + s.Name + " may have 1 to 1024 listeners"
	case s.ProcessLimit < 0:
		return "service " + s.Name + " has a negative process limit"
	case s.Wakeup < 0 || s.Wakeup > 0 && s.Wakeup < Second:
		return "service " + s.Name + " has a wakeup time below one second"
	case s.ThrottleDelay < Second:
		return "service " + s.Name + " has a throttle time below one second"
	case s.Wakeup > longestDelay || s.ThrottleDelay > longestDelay:
		return "service " + s.Name + " has a delay of more than 2147483647 seconds"
	}
	for _, end := range s.Endpoints {
		if end.Address.IsValid() == (end.Path != "") || end.Address.IsValid() != (s.Type == Inet) {
			return "service " + s.Name + " has a listener of the wrong kind"
		}
	}
	return ""
}
