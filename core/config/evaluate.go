package config

import (
	"strconv"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// Evaluate interprets main.cf: overrides, defaults, and the checks that the
// original makes before anything else, in its order (spec config, 3.2). Check
// Needs first: while it is not empty the result is provisional. Afterwards OK
// reports whether the parameters are usable.
func Evaluate(main *MainFile, facts *Facts, options EvaluateOptions) *Parameters {
	p := newParameters(main, facts, options)
	p.bad, p.spent = make(map[string]bool), new(effort)
	e := evaluation{p: p, bad: p.bad}
	e.texts = make(map[string]string, len(rows))
	e.numbers = make(map[string]int64, 64)
	e.reported = make(map[string]remarkCount)
	for i := range rows {
		e.row(&rows[i])
		e.after(rows[i].name)
	}
	e.environment()
	e.finish()
	e.watch()
	p.result.detach()
	p.Needs, p.spent = p.inquiry.open(), nil
	return p
}

// maxRemarks bounds the diagnostics about one parameter, or about the arguments
// of one entry of master.cf.
const maxRemarks = 200

// remarkCount counts what was reported about a parameter.
type remarkCount struct{ remarks, bytes int }

// evaluation is one pass over the parameters.
type evaluation struct {
	p        *Parameters
	texts    map[string]string
	numbers  map[string]int64       // booleans are 0 and 1, times are seconds
	bad      map[string]bool        // refused parameters; their default is used instead
	reported map[string]remarkCount // about each parameter
	local    bool                   // inet_interfaces was read
}

// evaluated holds the checked parameters that the master itself uses.
type evaluated struct {
	queueDirectory, dataDirectory, daemonDirectory string

	version        string
	level          level
	owner          core.Account
	log            core.LogSettings
	prefixes       string // maillog_file_prefixes
	environment    []core.EnvironmentItem
	knownPorts     map[string]string
	network        network
	inetProtocols  string // in force
	inetInterfaces string // in force
	interfacesNow  string // the current value in main.cf
	processLimit   int32
	throttleDelay  core.Duration
	windowSize     int32
	disabled       disableList
	clearThrottle  bool
	journalFile    string
	journalLimit   int64
}

// row evaluates one parameter. After an error the default is used, so that later
// checks report their own errors only.
func (e *evaluation) row(r *row) {
	err := e.read(r, e.fallback(r))
	if err == nil {
		return
	}
	if problem := err.(*Problem); !e.p.alreadyReported(problem) {
		for _, d := range problem.Diagnostics {
			d.Text = e.p.locate(r.name, d.Text)
			e.p.report(d)
		}
	}
	e.bad[r.name] = true
	kept, had := e.p.table[r.name]
	delete(e.p.table, r.name)
	if e.read(r, e.fallback(r)) != nil { // a default that refers to a bad parameter
		e.texts[r.name], e.numbers[r.name] = "", int64(max(r.min, 0))
	}
	if had {
		e.p.table[r.name] = kept
	}
}

// read evaluates a parameter according to its kind.
func (e *evaluation) read(r *row, fallback string) (err error) {
	switch r.kind {
	case kindText:
		if e.texts[r.name], err = e.p.String(r.name, fallback, int(r.min), int(r.max)); len(e.texts[r.name]) > maxExpansion {
			err = e.p.refuse(r.name, e.p.where(r.name)+"the value has more than "+number(maxExpansion)+" bytes", "use a shorter value")
		}
	case kindNumber:
		e.numbers[r.name], err = e.p.integer(r.name, fallback, r.min, r.max, 32)
	case kindLong:
		e.numbers[r.name], err = e.p.integer(r.name, fallback, r.min, r.max, 64)
	case kindTime:
		var d core.Duration
		d, err = e.p.Time(r.name, fallback, r.min, r.max)
		e.numbers[r.name] = d.Seconds()
	case kindBool:
		var on bool
		if on, err = e.p.boolean(r.name, fallback); on {
			e.numbers[r.name] = 1
		}
	}
	return err
}

// fallback returns the default of a row; some are derived.
func (e *evaluation) fallback(r *row) string {
	switch r.name {
	case "myhostname":
		name := e.p.inquiry.facts.Hostname
		if strings.Contains(name, ".") {
			return name
		}
		if domain, ok := e.p.table["mydomain"]; ok {
			if text, err := e.p.expand(domain.value); err == nil {
				return name + "." + text
			}
		}
		return name + ".localdomain"
	case "mydomain":
		if _, domain, ok := strings.Cut(e.texts["myhostname"], "."); ok {
			return domain
		}
		return "localdomain"
	case "mynetworks":
		return e.ownNetworks()
	}
	return r.text()
}

// after makes the checks that follow a parameter in the original's order.
func (e *evaluation) after(name string) {
	switch name {
	case "compatibility_level":
		e.compatibility()
	case "known_tcp_ports":
		e.facility()
	case "respectful_logging":
		e.knownPorts()
		e.protocols()
	case "mydomain":
		e.hostname("myhostname")
		e.hostname("mydomain")
	case "info_log_address_format":
		e.originFile()
	case "in_flow_delay":
		e.accounts()
	case "mynetworks":
		e.interfaces()
		e.single()
		e.verp()
	case "master_service_disable":
		e.p.result.disabled = parseDisable(e.texts[name])
	}
}

// refuse reports an error about a parameter.
func (e *evaluation) refuse(name, text, hint string) { e.refuseIn(name, "", text, hint) }

// warn reports a warning about a parameter.
func (e *evaluation) warn(name, text, hint string) { e.warnIn(name, "", text, hint) }

// limitReached reports whether the limit of diagnostics about a parameter is reached.
func (e *evaluation) limitReached(name string) bool {
	s := e.reported[name]
	return s.remarks >= maxRemarks || s.bytes >= maxExpansion
}

// report adds a diagnostic about a piece of a parameter's value. The first error
// is always reported.
func (e *evaluation) report(severity core.Severity, name, piece, text, hint string) {
	if e.limitReached(name) && (severity != core.Error || e.bad[name]) {
		return
	}
	s := e.reported[name]
	e.reported[name] = remarkCount{s.remarks + 1, s.bytes + len(text)}
	e.p.report(e.p.within(name, piece, core.Diagnostic{Severity: severity, Text: text, Hint: hint}))
}

// inFile returns the start of the messages that name main.cf.
func (e *evaluation) inFile() string { return "file " + e.p.Path + ": " }

func (e *evaluation) compatibility() {
	text := e.texts["compatibility_level"]
	value, ok := parseLevel(text)
	if !ok && !e.bad["compatibility_level"] {
		e.refuse("compatibility_level", badLevel(text), levelHint)
	}
	e.p.result.level = value
}

// facilities maps the names of syslog facilities to their numbers (spec config,
// 3.1).
var facilities = map[string]uint8{
	"kern": 2, // the C library treats 0 as unset and keeps the facility of mail
	"user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7,
	"uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18,
	"local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

func (e *evaluation) facility() {
	name := e.texts["syslog_facility"]
	number, ok := facilities[name]
	if !ok {
		e.refuse("syslog_facility", e.inFile()+"parameter syslog_facility: unrecognized value: "+name,
			"use mail, daemon, user, auth, local0 to local7 or another syslog facility, in lower case")
	}
	e.p.result.log.Facility = number
}

func (e *evaluation) hostname(name string) {
	value := e.texts[name]
	if e.bad[name] {
		return
	}
	fault := checkHostname(value, false)
	if fault == "" {
		return
	}
	hint := "use letters, digits, hyphens inside and dots between the parts"
	e.warn(name, "valid_hostname: "+fault, hint)
	e.refuse(name, e.inFile()+"parameter "+name+": bad parameter value: "+value, hint)
}

// originFile handles Debian's form of myorigin: a path means the first line of
// that file.
func (e *evaluation) originFile() {
	path := e.texts["myorigin"]
	if flavour != "debian" || !strings.HasPrefix(path, "/") || e.bad["myorigin"] {
		return
	}
	file, ok := e.p.inquiry.firstLine(path)
	if !ok {
		return
	}
	line := strings.TrimRight(file.Line, spaces)
	switch {
	case file.Problem != "":
		e.refuse("myorigin", path+": "+file.Problem, "create the file, or write the name itself")
	case line == "":
		e.refuse("myorigin", "myorigin file "+path+" is empty", "put the name into the file, or write it here")
	default:
		e.texts["myorigin"] = line
	}
}

// single checks the parameters that must be a single name.
func (e *evaluation) single() {
	if host := e.texts["myhostname"]; equalFold(e.texts["relayhost"], host) && host != "" {
		e.refuse("relayhost", "myhostname and relayhost parameter settings must not be identical: "+host,
			"name the host that relays the mail, or leave relayhost empty")
	}
	if origin := e.texts["myorigin"]; strings.ContainsAny(origin, " ,\t\r\n") {
		e.refuse("myorigin", "myorigin parameter setting must not contain multiple values: "+origin, "write one name")
	}
}

func (e *evaluation) verp() {
	pair, filter := e.texts["default_verp_delimiters"], e.texts["verp_delimiter_filter"]
	if len(pair) != 2 || e.bad["default_verp_delimiters"] || e.bad["verp_delimiter_filter"] {
		return
	}
	for i, which := range []string{"first", "second"} {
		if strings.IndexByte(filter, pair[i]) < 0 {
			e.refuse(e.given("default_verp_delimiters", "verp_delimiter_filter"), e.inFile()+"parameters default_verp_delimiters and verp_delimiter_filter: bad "+
				which+" VERP delimiter character", "use two characters of verp_delimiter_filter")
			return
		}
	}
}

// finish copies the values that the master uses.
func (e *evaluation) finish() {
	r := &e.p.result
	r.version = e.texts["mail_version"]
	r.queueDirectory, r.dataDirectory = e.texts["queue_directory"], e.texts["data_directory"]
	r.daemonDirectory = e.texts["daemon_directory"]
	if e.p.frozen != nil {
		r.queueDirectory = e.p.frozen.QueueDirectory // Differs: Q21, for every path
	}
	r.prefixes = e.texts["maillog_file_prefixes"]
	r.log.Name, r.log.File = e.texts["syslog_name"], e.texts["maillog_file"]
	r.log.PostlogPath = r.queueDirectory + "/public/" + e.texts["postlog_service_name"]
	r.log.Hostname = e.texts["myhostname"]
	r.log.AllowUnicode = e.numbers["smtputf8_enable"] != 0
	r.processLimit = int32(e.numbers["default_process_limit"])
	r.throttleDelay = core.Duration(e.numbers["service_throttle_time"]) * core.Second
	r.windowSize = int32(max(e.numbers["tcp_windowsize"], 0))
	e.own()
}

// own reads stationmaster's own parameters. debugger_command is not among them:
// only Resolve reads it.
func (e *evaluation) own() {
	for i := range ownRows {
		if own := &ownRows[i]; IsOwn(own.name) {
			e.row(own)
		}
	}
	r := &e.p.result
	r.clearThrottle = e.numbers["master_reload_clears_throttle"] != 0
	r.journalFile, r.journalLimit = e.texts["master_journal_file"], e.numbers["master_journal_size_limit"]
	if file := r.journalFile; file != "" && (file[0] != '/' || file[len(file)-1] == '/') {
		e.refuse("master_journal_file", e.p.where("master_journal_file")+"the value is not the absolute path of a file, but "+file,
			"write the absolute path of a file in a directory that mail_owner can write, such as $data_directory/master.trace")
	}
}

// watch warns about values that a reload must not change (spec config, 3.3).
func (e *evaluation) watch() {
	old := e.p.frozen
	if old == nil {
		return
	}
	for _, w := range []struct{ name, was, is string }{
		{"config_directory", old.ConfigDirectory, e.p.inquiry.facts.ConfigDirectory},
		{"queue_directory", old.QueueDirectory, e.texts["queue_directory"]},
		{"inet_protocols", old.InetProtocols, e.texts["inet_protocols"]},
	} {
		if w.was == w.is || e.bad[w.name] {
			continue
		}
		hint := "restart to use the new value; until then the old one is in force"
		e.warn(w.name, "ignoring "+w.name+" parameter value change", hint)
		e.warn(w.name, "old value: \""+w.was+"\", new value: \""+w.is+"\"", hint)
		e.warn(w.name, "to change "+w.name+", stop and start Postfix", hint)
	}
}

// Freeze returns the values that later reloads must not change. It is valid only
// if p is OK.
func (p *Parameters) Freeze() *Frozen {
	n := &p.result.network
	return &Frozen{
		ConfigDirectory: p.inquiry.facts.ConfigDirectory,
		QueueDirectory:  p.result.queueDirectory,
		InetProtocols:   p.result.inetProtocols,
		InetInterfaces:  p.result.inetInterfaces,
		IPv4:            n.ipv4, IPv6: n.ipv6,
		Addresses: n.own,
	}
}

// QueueDirectory returns the queue directory in force.
func (p *Parameters) QueueDirectory() string { return p.result.queueDirectory }

// DataDirectory returns the directory of master.lock.
func (p *Parameters) DataDirectory() string { return p.result.dataDirectory }

// DaemonDirectory returns the directory of the servers' programs.
func (p *Parameters) DaemonDirectory() string { return p.result.daemonDirectory }

// MailOwner returns the account of mail_owner.
func (p *Parameters) MailOwner() core.Account { return p.result.owner }

// MailVersion returns the version that start and reload lines show.
func (p *Parameters) MailVersion() string { return p.result.version }

// Log returns the log settings. maillog_file is not yet checked against
// maillog_file_prefixes; see CheckLogFile.
func (p *Parameters) Log() core.LogSettings { return p.result.log }

// CheckLogFile checks maillog_file against maillog_file_prefixes. It returns nil
// if the file is allowed or not set.
func (p *Parameters) CheckLogFile() *Problem {
	file := p.result.log.File
	if file == "" {
		return nil
	}
	for rest := p.result.prefixes; rest != ""; {
		var prefix string
		if prefix, rest = cutPlain(rest); prefix != "" && strings.HasPrefix(file, prefix) {
			return nil
		}
	}
	return p.refuse("maillog_file",
		"maillog_file value '"+file+"' does not match any prefix in maillog_file_prefixes",
		"put the file below one of "+p.result.prefixes+", or add its directory to maillog_file_prefixes")
}

// Environment returns the items of import_environment.
func (p *Parameters) Environment() []core.EnvironmentItem { return p.result.environment }

// ProcessLimit returns default_process_limit.
func (p *Parameters) ProcessLimit() int32 { return p.result.processLimit }

func number(n int) string { return strconv.Itoa(n) }
