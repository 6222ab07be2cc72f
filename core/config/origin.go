package config

import (
	"cmp"
	"slices"

	"github.com/stationmaster/stationmaster/core"
)

// OriginKind is the kind of source that a value comes from. Zero is never valid.
type OriginKind uint8

// The kinds of sources.
const (
	OriginColumn    OriginKind = iota + 1 // a column of an entry of master.cf
	OriginArgument                        // an argument of an entry of master.cf
	OriginParameter                       // an entry of main.cf, or of the file at OwnPath
	OriginDefault                         // the built-in default of a column or parameter
	OriginSystem                          // the program and the system: -c, the resolver, services(5)
)

// Origin is the source of a value.
type Origin struct {
	Kind OriginKind
	Name string // name of the column as in messages, of the parameter, or of the system's table
	Text string // as written, macros unexpanded; empty for a derived default
	// File and At are the position of the text. For the default of a column they
	// are the position of its "-"; for other defaults and the system File is empty.
	File string
	At   Position
}

// Origin returns the source of a parameter's value. Parameters that main.cf does
// not set have their built-in default, known or not, except the three that the
// program itself sets. An override in EvaluateOptions counts as a default: the
// caller that passed it knows its source.
func (p *Parameters) Origin(name string) Origin {
	s, ok := p.table[name]
	if ok && s.entry != nil {
		return Origin{Kind: OriginParameter, Name: name, Text: s.entry.Value, File: s.file, At: s.entry.ValueAt}
	}
	if name == "config_directory" || name == "process_name" || name == "process_id" {
		return Origin{Kind: OriginSystem, Name: name, Text: s.value}
	}
	origin := Origin{Kind: OriginDefault, Name: name}
	if r, known := builtin(name); known {
		origin.Text = r.text()
	}
	return origin
}

// Origin returns the source of a column of an entry. A "-" is the built-in
// default if the column has one of its own; see Sources for those that depend on
// parameters.
func (f *MasterFile) Origin(e *MasterEntry, column int) Origin {
	field := e.Fields[column]
	origin := Origin{Kind: OriginColumn, Name: columnNames[column], Text: field.Text, File: f.Path, At: e.At(field)}
	if field.Text == "-" && column != ColumnName {
		origin.Kind = OriginDefault
	}
	return origin
}

// Argument returns the source of an argument of an entry.
func (f *MasterFile) Argument(e *MasterEntry, number int) Origin {
	field := e.Args[number]
	return Origin{Kind: OriginArgument, Name: "argument", Text: field.Text, File: f.Path, At: e.At(field)}
}

// Entry returns the entry that begins on a line, such as
// core.ServiceConfig.Line, or nil.
func (f *MasterFile) Entry(line int32) *MasterEntry {
	i, found := slices.BinarySearchFunc(f.Entries, line, func(e MasterEntry, line int32) int { return cmp.Compare(e.Line, line) })
	if !found {
		return nil
	}
	return &f.Entries[i]
}

// Disabled reports whether an entry is disabled, and returns the parameters that
// disable it: master_service_disable, or inet_protocols when no family is left
// (spec config, 5.4 and 6).
func (p *Parameters) Disabled(e *MasterEntry) (by []Origin, off bool) {
	if len(e.Fields) <= ColumnType {
		return nil, false
	}
	kind := e.Fields[ColumnType].Text
	if disabled(p.result.disabled, e.Fields[ColumnName].Text, kind) {
		return []Origin{p.Origin("master_service_disable")}, true
	}
	if n := &p.result.network; !n.ipv4 && !n.ipv6 && equalFold(kind, "inet") {
		return []Origin{p.Origin("inet_protocols")}, true
	}
	return nil, false
}

// Sources lists the source of each value of a service: first the one that
// decides, then what else it depends on.
type Sources struct {
	Name, Type   []Origin
	Canonical    []Origin // also the source of the port and the socket's path
	Listen       []Origin
	Backlog      []Origin // empty: the transport has none
	Private      []Origin
	Unprivileged []Origin
	Chroot       []Origin
	Wakeup       []Origin
	Limit        []Origin
	Stress       []Origin
	Path         []Origin // of the command
	Args         []Origin // one for each of core.ServiceConfig.Args
	Throttle     []Origin
	Owner        []Origin // of the socket, and of an unprivileged child
	Queue        []Origin // the directory of sockets and jails
}

// Sources returns the sources of a service that Resolve accepted; e is the entry
// on the service's line.
func (p *Parameters) Sources(f *MasterFile, e *MasterEntry, s *core.ServiceConfig) Sources {
	column := func(n int) []Origin { return []Origin{f.Origin(e, n)} }
	parameter := func(name string) []Origin { return []Origin{p.Origin(name)} }
	orParameter := func(n int, name string) []Origin {
		origin := f.Origin(e, n)
		if origin.Kind == OriginColumn {
			return []Origin{origin}
		}
		return []Origin{p.Origin(name), origin}
	}
	from := Sources{
		Name: column(ColumnName), Type: column(ColumnType), Private: column(ColumnPrivate),
		Unprivileged: column(ColumnUnprivileged), Wakeup: column(ColumnWakeup),
		Chroot:   orParameter(ColumnChroot, "compatibility_level"),
		Limit:    orParameter(ColumnLimit, "default_process_limit"),
		Path:     append(column(ColumnCommand), p.Origin("daemon_directory")),
		Throttle: parameter("service_throttle_time"), Owner: parameter("mail_owner"),
		Queue: parameter("queue_directory"),
	}
	for i := range e.Args {
		from.Args = append(from.Args, f.Argument(e, i))
	}
	if s.Type == core.Inet {
		p.inetSources(&from, s.Name)
	} else {
		from.Canonical = append(column(ColumnName), f.Origin(e, ColumnPrivate))
		from.Listen = append(parameter("queue_directory"), from.Canonical...)
	}
	switch s.Type {
	case core.Inet, core.Unix, core.Pass:
		if from.Backlog = from.Limit; s.Backlog != s.ProcessLimit {
			from.Backlog = parameter("default_process_limit")
		}
	}
	switch {
	case s.ProcessLimit <= 1:
		from.Stress = from.Limit
	case s.Type == core.Inet:
		from.Stress = from.Listen
	default:
		from.Stress = from.Type
	}
	return from
}

// inetSources adds the sources of an inet service's identity and addresses.
func (p *Parameters) inetSources(from *Sources, name string) {
	from.Canonical = from.Name
	host, port, _ := splitEndpoint(name, p.result.log.AllowUnicode)
	if _, mapped := p.result.knownPorts[port]; mapped {
		from.Canonical = append(from.Name[:1:1], p.Origin("known_tcp_ports"))
	} else if !allDigits(port) {
		from.Canonical = append(from.Name[:1:1], Origin{Kind: OriginSystem, Name: "services(5)", Text: port})
	}
	if host == "" {
		from.Listen = []Origin{p.Origin("inet_interfaces"), p.Origin("inet_protocols")}
		return
	}
	from.Listen = from.Name
	if _, numeric := parseAddress(host); !numeric {
		from.Listen = append(from.Name[:1:1], Origin{Kind: OriginSystem, Name: "the resolver", Text: host}, p.Origin("inet_protocols"))
	}
}
