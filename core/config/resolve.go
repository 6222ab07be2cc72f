package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Resolution is the meaning of a master.cf.
type Resolution struct {
	// Config is the whole configuration with the diagnostics of both files. If it
	// is refused it holds diagnostics only.
	Config *core.Config
	Needs  Needs // not empty: look these up and resolve again
	OK     bool  // accepted; false while Needs is not empty
}

// Resolve interprets master.cf with evaluated parameters (spec config, 5). facts
// may have grown since Evaluate. Services are in file order, one for each
// identity: of several entries the last counts, at the position of the first
// (Differs: Q36, before anything is started).
func Resolve(p *Parameters, master *MasterFile, facts *Facts, flags Flags) Resolution {
	r := resolver{p: p, path: master.Path, flags: flags, q: inquiry{facts: facts}}
	r.out = slices.Clone(p.Diagnostics)
	r.services = make([]core.ServiceConfig, 0, len(master.Entries))
	r.seen = make(map[identity]int32, len(master.Entries))
	r.bound = make(map[netip.AddrPort]int32)
	r.paths = make(map[string]string)
	debugger := r.debugger()
	if n := &p.result.network; !n.ipv4 && !n.ipv6 {
		r.noProtocols()
	}
	for i := 0; i < len(master.Entries); i++ {
		if master.Entries[i].needsIndent {
			i = r.unindented(master.Entries, i)
			continue
		}
		r.entry(&master.Entries[i])
	}
	if master.excess > 0 {
		r.out = append(r.out, excessError(r.path, master.excess, "more than "+number(maxEntries)+" entries, or "+
			number(maxTokens)+" columns and arguments"))
	}
	r.logFile()
	needs := r.q.open()
	if failed(r.out) || !needs.Empty() || !p.Needs.Empty() {
		return Resolution{Config: Refusal(r.out...), Needs: needs}
	}
	v := &p.result
	accepted := &core.Config{
		MailVersion:          v.version,
		ConfigDirectory:      facts.ConfigDirectory,
		QueueDirectory:       v.queueDirectory,
		DataDirectory:        v.dataDirectory,
		DaemonDirectory:      v.daemonDirectory,
		MailOwner:            v.owner,
		InetInterfaces:       v.inetInterfaces,
		InetProtocols:        v.inetProtocols,
		DebuggerCommand:      strings.Clone(debugger),
		Environment:          v.environment,
		Log:                  v.log,
		Services:             r.services,
		Diagnostics:          r.out,
		ReloadClearsThrottle: v.clearThrottle,
		JournalFile:          v.journalFile,
		JournalLimit:         v.journalLimit,
	}
	detach(accepted.Services)
	return Resolution{OK: true, Config: accepted}
}

// Refusal returns a configuration that holds diagnostics only.
func Refusal(diagnostics ...core.Diagnostic) *core.Config {
	return &core.Config{Diagnostics: diagnostics}
}

// resolver is one pass over a master.cf.
type resolver struct {
	p        *Parameters
	path     string
	flags    Flags
	q        inquiry
	out      []core.Diagnostic
	services []core.ServiceConfig
	seen     map[identity]int32       // index in services
	bound    map[netip.AddrPort]int32 // line of the entry that uses an address
	paths    map[string]string        // paths of programs, by command
	sockets  int                      // number of sockets so far
}

// identity distinguishes services (spec config, 5.5).
type identity struct {
	canonical string
	transport core.ServiceType
}

func (r *resolver) say(severity core.Severity, at Position, text, hint string) {
	r.out = append(r.out, core.Diagnostic{
		Severity: severity, File: r.path, Line: at.Line, Column: at.Column, Text: text, Hint: hint,
	})
}

// where returns the start of the messages that name the entry.
func (r *resolver) where(e *MasterEntry) string {
	return r.path + ": line " + strconv.Itoa(int(e.Line)) + ": "
}

func (r *resolver) refuse(e *MasterEntry, f Field, text, hint string) {
	r.say(core.Error, e.At(f), r.where(e)+text, hint)
}

// advise adds advice about what the original accepts silently.
func (r *resolver) advise(e *MasterEntry, f Field, text, hint string) {
	r.say(core.Info, e.At(f), r.where(e)+text, hint)
}

// debugger expands debugger_command. Its mistakes matter only to a master that
// uses it (spec runtime, 15).
func (r *resolver) debugger() string {
	text, err := r.p.Value("debugger_command")
	if err != nil && r.flags.Debug {
		r.out = append(r.out, err.(*Problem).Diagnostics...)
	}
	if err == nil && text == "" && r.flags.Debug {
		r.out = append(r.out, r.p.refuse("debugger_command", "no debugger_command variable set up",
			"set debugger_command in main.cf, or start without -D and MAIL_DEBUG").Diagnostics...)
	}
	return text
}

func (r *resolver) noProtocols() {
	hint := "name a family in inet_protocols if services of type inet are wanted"
	r.out = append(r.out,
		r.p.at("inet_protocols", core.Diagnostic{
			Severity: core.Warning, Hint: hint,
			Text: "all network protocols are disabled (inet_protocols = " + r.p.result.inetProtocols + ")",
		}),
		r.p.at("inet_protocols", core.Diagnostic{
			Severity: core.Warning, Hint: hint,
			Text: "disabling all type \"inet\" services in master.cf",
		}))
}

// entry resolves one entry: its columns from left to right, as the original
// does.
func (r *resolver) entry(e *MasterEntry) {
	if e.line.cut {
		r.out = append(r.out, cutAdvice(r.path, e.line))
	}
	if e.misplaced {
		r.out = append(r.out, misplacedWarning(r.path, e.line.text, Position{e.Line, 1}))
		return
	}
	if len(e.Fields) == 0 {
		return
	}
	kind, ok := r.required(e, ColumnType)
	if !ok || disabled(r.p.result.disabled, e.Fields[ColumnName].Text, kind.Text) {
		return
	}
	if n := &r.p.result.network; !n.ipv4 && !n.ipv6 && equalFold(kind.Text, "inet") {
		return
	}
	s := core.ServiceConfig{Name: e.Fields[ColumnName].Text, Line: e.Line}
	if s.Type, ok = core.ParseServiceType(kind.Text); !ok {
		r.refuse(e, kind, "bad transport type: "+kind.Text, typeHint)
		return // the columns may be shifted
	}
	var name inetName
	if s.Type == core.Inet {
		r.frozenInterfaces(e)
		if name, ok = r.inetName(e); !ok {
			r.columns(&s, e, false) // to report other mistakes
			return
		}
	}
	if r.columns(&s, e, s.Type == core.Inet && len(name.addresses) == 0) {
		r.accept(&s, e, name)
	}
}

const typeHint = "use inet, unix, fifo, pass or unix-dgram, in lower case"

// frozenInterfaces warns once per entry that a change of inet_interfaces has no
// effect (spec config, 3.3; quirk Q10).
func (r *resolver) frozenInterfaces(e *MasterEntry) {
	v := &r.p.result
	if r.p.frozen == nil || v.interfacesNow == v.inetInterfaces {
		return
	}
	at := e.At(e.Fields[ColumnName])
	hint := "restart to use the new value; until then \"" + v.inetInterfaces + "\" is in force"
	r.say(core.Warning, at, "service "+e.Fields[ColumnName].Text+": ignoring inet_interfaces change", hint)
	r.say(core.Warning, at, "to change inet_interfaces, stop and start Postfix", hint)
}

// required returns a column that has no default.
func (r *resolver) required(e *MasterEntry, column int) (Field, bool) {
	f, ok := r.column(e, column)
	if ok && f.Text == "-" {
		hint := "write the name of a program in the daemon directory"
		if column == ColumnType {
			hint = typeHint
		}
		r.refuse(e, f, "field \""+columnNames[column]+"\" has no default value", hint)
		return f, false
	}
	return f, ok
}

// column returns a column that must be present.
func (r *resolver) column(e *MasterEntry, column int) (Field, bool) {
	if column < len(e.Fields) {
		return e.Fields[column], true
	}
	r.say(core.Error, e.End, r.where(e)+"missing \""+columnNames[column]+"\" field",
		"an entry has eight columns, service type private unpriv chroot wakeup maxproc command; write - for a default")
	return Field{}, false
}

// columns reads the columns after the transport type. It checks all columns that
// a broken entry has. homeless is an inet service without an address.
func (r *resolver) columns(s *core.ServiceConfig, e *MasterEntry, homeless bool) bool {
	private, good := r.private(s, e)
	if good && homeless {
		r.refuse(e, e.Fields[ColumnName], "no valid IP address found: "+s.Name,
			"put a host before the port, or give inet_interfaces a value")
		good = false
	}
	if s.Type != core.Inet {
		s.Canonical = "public/" + s.Name
		if private {
			s.Canonical = "private/" + s.Name
		}
	}
	var ok [NumColumns]bool
	var wakeup int32
	for column := ColumnUnprivileged; column < NumColumns; column++ {
		if column > len(e.Fields) { // the first missing one was reported
			return false
		}
		switch column {
		case ColumnUnprivileged:
			s.Unprivileged, ok[column] = r.yesNo(e, column, true)
		case ColumnChroot:
			s.Chroot, ok[column] = r.chroot(e)
		case ColumnWakeup:
			wakeup, ok[column] = r.count(e, column, 0)
			s.WakeupInterval = core.Duration(wakeup) * core.Second
			s.WakeupIfUsed = wakeup > 0 && strings.HasSuffix(e.Fields[column].Text, "?")
		case ColumnLimit:
			s.ProcessLimit, ok[column] = r.count(e, column, r.p.result.processLimit)
		case ColumnCommand:
			var command Field
			command, ok[column] = r.required(e, column)
			s.Command, s.Path = r.program(command.Text)
		}
		good = good && ok[column]
	}
	args, whole := r.arguments(e)
	s.Args = args
	return good && whole
}

// private reads the third column.
func (r *resolver) private(s *core.ServiceConfig, e *MasterEntry) (private, ok bool) {
	private, ok = r.yesNo(e, ColumnPrivate, true)
	if ok && s.Type == core.Inet && private {
		r.refuse(e, e.Fields[ColumnPrivate], "inet service cannot be private", "write n in the private column")
		return false, false
	}
	return private, ok
}

// program returns the command and its path. Many services run the same program,
// so both are substrings of one text.
func (r *resolver) program(command string) (name, path string) {
	path, known := r.paths[command]
	if !known {
		path = r.p.result.daemonDirectory + "/" + command
		r.paths[command] = path
	}
	return path[len(path)-len(command):], path
}

// level1 is the compatibility level from which chroot defaults to n.
const level1 level = 1 << 20

func (r *resolver) chroot(e *MasterEntry) (value, ok bool) {
	old := r.p.result.level < level1
	value, ok = r.yesNo(e, ColumnChroot, old)
	if ok && old && e.Fields[ColumnChroot].Text == "-" {
		r.advise(e, e.Fields[ColumnChroot], "using backwards-compatible default setting chroot=y",
			"write y or n, or set compatibility_level in main.cf")
	}
	return value, ok
}

// yesNo reads a column of y, n or - for the default.
func (r *resolver) yesNo(e *MasterEntry, column int, standard bool) (value, ok bool) {
	f, ok := r.column(e, column)
	if !ok {
		return false, false
	}
	switch f.Text {
	case "y":
		return true, true
	case "n":
		return false, true
	case "-":
		return standard, true
	}
	r.badValue(e, column, "write y, n or - for the default")
	return false, false
}

func (r *resolver) badValue(e *MasterEntry, column int, hint string) {
	f := e.Fields[column]
	r.refuse(e, f, "field \""+columnNames[column]+"\": bad value: \""+f.Text+"\"", hint)
}

// count reads a column with a number (spec config, 5.2).
func (r *resolver) count(e *MasterEntry, column int, standard int32) (value int32, ok bool) {
	f, ok := r.column(e, column)
	if !ok {
		return 0, false
	}
	if f.Text == "-" {
		return standard, true
	}
	if value = atoi(f.Text); !isDigit(f.Text[0]) || value < 0 {
		r.badValue(e, column, "write a number from 0 to 2147483647 or - for the default")
		return 0, false
	}
	digits := f.Text
	if column == ColumnWakeup {
		digits = strings.TrimSuffix(digits, "?")
	}
	if n, err := strconv.ParseInt(digits, 10, 32); err != nil || int32(n) != value {
		r.advise(e, f, "field \""+columnNames[column]+"\": \""+f.Text+"\" is taken as "+strconv.Itoa(int(value)),
			"write the number alone, without a unit")
	}
	return value, true
}

// arguments reads what follows the command (spec config, 5.6).
func (r *resolver) arguments(e *MasterEntry) (args []string, ok bool) {
	if len(e.Args) == 0 {
		return nil, true
	}
	args, ok = make([]string, len(e.Args)), true
	faults := 0
	for i, f := range e.Args {
		if args[i] = f.Text; f.Text[0] != '{' {
			continue
		}
		inner, fault := stripBraces(f.Text)
		args[i] = inner
		if fault == "" {
			continue
		}
		ok = false
		if faults++; faults <= maxRemarks {
			r.refuse(e, f, fault+" in \""+f.Text+"\"", "close each brace, and put a blank after the last")
		}
	}
	return args, ok
}

// accept completes a service and adds it to the list.
func (r *resolver) accept(s *core.ServiceConfig, e *MasterEntry, name inetName) {
	v := &r.p.result
	s.ThrottleDelay, s.Owner, s.WindowSize = v.throttleDelay, v.owner, v.windowSize
	s.Backlog = max(s.ProcessLimit, v.processLimit)
	s.ForegroundFlag, s.VerboseFlag = r.flags.Foreground, r.flags.Verbose
	s.SwitchIdentity = r.flags.SwitchIdentity
	fault := ""
	if s.Type == core.Inet {
		if !r.fitsLimits(e, len(name.addresses)) {
			return
		}
		fault = r.bind(s, e, name)
	} else {
		s.LocalOnly = s.Type != core.Pass
		s.Endpoints = []core.Endpoint{{Path: s.Canonical}}
	}
	key := identity{s.Canonical, s.Type}
	if at, twice := r.seen[key]; twice {
		r.say(core.Warning, e.At(e.Fields[ColumnName]), "duplicate master.cf entry for service \""+
			r.services[at].Name+"\" ("+s.Canonical+") -- using the last entry", "remove one of the entries; this one counts, not that of line "+
			strconv.Itoa(int(r.services[at].Line)))
		r.services[at] = *s
		return
	}
	if fault != "" {
		r.say(core.Error, e.At(portOf(e, name.port)), fault, "use a port number, or a TCP service of /etc/services")
		return
	}
	r.conflicts(s, e)
	r.argumentSpace(s, e)
	r.seen[key] = int32(len(r.services))
	r.services = append(r.services, *s)
}

// conflicts advises about two entries with one address and port: the kernel
// would distribute the clients over both (quirk Q13).
func (r *resolver) conflicts(s *core.ServiceConfig, e *MasterEntry) {
	for _, endpoint := range s.Endpoints {
		if endpoint.Path != "" || endpoint.Address.Port() == 0 {
			continue
		}
		if line, taken := r.bound[endpoint.Address]; taken {
			r.advise(e, e.Fields[ColumnName], "address "+endpoint.Address.String()+" is also that of the entry in line "+
				strconv.Itoa(int(line))+"; each receives some of the clients", "give one of them another address or port")
			continue
		}
		r.bound[endpoint.Address] = e.Line
	}
}

// logFile checks maillog_file last, as the original does after the services are
// up (spec runtime, 2 and 14.3).
func (r *resolver) logFile() {
	if problem := r.p.CheckLogFile(); problem != nil {
		r.out = append(r.out, problem.Diagnostics...)
	}
}
