package core

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core/wire"
)

// ServiceType is the transport column of master.cf.
type ServiceType uint8

// The five transports (spec config, 5.1). The zero value is never valid.
const (
	Inet ServiceType = iota + 1
	Unix
	UnixDatagram
	FIFO
	Pass
	numServiceTypes
)

var serviceTypeNames = [numServiceTypes]string{
	Inet: "inet", Unix: "unix", UnixDatagram: "unix-dgram", FIFO: "fifo", Pass: "pass",
}

// String returns the word that master.cf uses.
func (t ServiceType) String() string {
	if t < numServiceTypes && serviceTypeNames[t] != "" {
		return serviceTypeNames[t]
	}
	return "unknown"
}

// ParseServiceType returns the transport with the given word; case matters.
func ParseServiceType(word string) (ServiceType, bool) {
	for t, name := range serviceTypeNames {
		if name != "" && name == word {
			return ServiceType(t), true
		}
	}
	return 0, false
}

// Account is a user or group identity that the configuration names.
type Account struct {
	Name string
	UID  uint32
	GID  uint32
}

// Endpoint is an address or path to listen on. Exactly one of Address and Path
// is set: Address for inet, Path (relative to the queue directory) for the
// others.
type Endpoint struct {
	Address netip.AddrPort
	Path    string
}

// String returns the endpoint as log lines show it.
func (e Endpoint) String() string {
	if e.Path != "" {
		return e.Path
	}
	return e.Address.String()
}

// ServiceConfig is one accepted entry of master.cf, fully resolved. It is
// immutable once it has been passed to the machine.
type ServiceConfig struct {
	Name           string      // the name column as written
	Canonical      string      // with Type, the identity of the service (spec config, 5.5)
	Type           ServiceType // the transport column
	Line           int32       // first line of the entry in master.cf
	Endpoints      []Endpoint  // in address order; at least one
	Unprivileged   bool
	Chroot         bool
	LocalOnly      bool     // no endpoint can be reached from another host
	HostInName     bool     // the name column names a host or an address
	WakeupInterval Duration // 0: none; whole seconds
	WakeupIfUsed   bool     // the '?' mark: no wakeup before the first start of a child
	ProcessLimit   int32    // 0: none
	Command        string   // as written
	Path           string   // daemon_directory/command
	Args           []string // the operator's own arguments
	ThrottleDelay  Duration // at least one second
	Backlog        int32    // of the listen queue; unused for unix-dgram and fifo
	WindowSize     int32    // tcp_windowsize; 0: the system's default
	Owner          Account  // mail_owner: creates every listener but inet ones
	ForegroundFlag bool     // the master runs with -d
	VerboseFlag    bool     // the master runs with -v
	SwitchIdentity bool     // the master runs as root and acts as Owner where the contract says so
}

// StressAware reports whether the service's children get the stress argument
// (spec config, 5.7).
func (s *ServiceConfig) StressAware() bool { return s.ProcessLimit > 1 && !s.LocalOnly }

// Argv returns the argument vector of a child. listeners is the number of
// sockets that the child really gets; after a reload it may differ from what the
// entry would open today (Differs: Q9).
func (s *ServiceConfig) Argv(listeners int, stress bool) []string {
	c := s.commandLine(listeners, stress)
	return c.Argv()
}

// AppendArgv appends what Argv returns to argv.
func (s *ServiceConfig) AppendArgv(argv []string, listeners int, stress bool) []string {
	c := s.commandLine(listeners, stress)
	return c.AppendArgv(argv)
}

func (s *ServiceConfig) commandLine(listeners int, stress bool) wire.CommandLine {
	return wire.CommandLine{
		Command:      s.Command,
		Service:      s.Name,
		Transport:    s.Type.String(),
		ProcessLimit: s.ProcessLimit,
		Foreground:   s.ForegroundFlag,
		Verbose:      s.VerboseFlag,
		Unprivileged: s.Unprivileged,
		Chroot:       s.Chroot,
		StressAware:  s.StressAware(),
		Stress:       stress,
		Listeners:    listeners,
		Args:         s.Args,
	}
}

// Severity orders diagnostics.
type Severity uint8

// Info is advice, Warning is logged as the original would, Error refuses the
// configuration.
const (
	Info Severity = iota + 1
	Warning
	Error
)

// Diagnostic is one finding about a configuration.
type Diagnostic struct {
	Severity Severity
	File     string // path as shown to the operator; empty: no file is the cause
	Line     int32  // 1-based; 0: no line
	Column   int32  // 1-based byte column; 0: no column
	Text     string // the original's words, which already name the file where the original does
	Hint     string // what to write instead; may be empty
}

// LogSettings control where log lines go (spec runtime, 14).
type LogSettings struct {
	Name         string // syslog_name: the tag before "/master"
	Facility     uint8  // syslog facility number, not shifted
	File         string // maillog_file; empty: syslog
	PostlogPath  string // the postlog socket, absolute
	Hostname     string // myhostname
	AllowUnicode bool   // smtputf8_enable: valid UTF-8 passes
}

// EnvironmentItem is one item of import_environment. With Set the variable gets
// Value; without it the variable is kept if it exists.
type EnvironmentItem struct {
	Name  string
	Value string
	Set   bool
}

// Config is a whole configuration, accepted by core/config. It is immutable once
// it has been passed to the machine, which owns it from then on.
type Config struct {
	MailVersion     string
	ConfigDirectory string // absolute
	QueueDirectory  string // the one in force (frozen at start)
	DataDirectory   string
	DaemonDirectory string
	MailOwner       Account
	InetInterfaces  string // frozen at start
	InetProtocols   string // frozen at start
	DebuggerCommand string // expanded; empty: none
	Environment     []EnvironmentItem
	Log             LogSettings
	Services        []ServiceConfig // file order, one for each identity
	Diagnostics     []Diagnostic    // warnings and advice, in the original's order

	// ReloadClearsThrottle is our own parameter master_reload_clears_throttle
	// (Differs: Q25, off by default).
	ReloadClearsThrottle bool

	// JournalFile is our own parameter master_journal_file: the absolute path of
	// the file that records every step; empty: none. JournalLimit is
	// master_journal_size_limit in bytes: at this size the file is renamed to
	// its name with ".1".
	JournalFile  string
	JournalLimit int64
}
