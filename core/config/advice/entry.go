package advice

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// entry is one entry of master.cf that has all columns.
type entry struct {
	*config.MasterEntry
	off      bool                // switched off
	server   server              // what its command is, if ours is true
	ours     bool                // the command is one of Postfix's own servers
	args     []argument          // of Postfix's own servers, up to one that they refuse
	resolved *core.ServiceConfig // nil: not accepted
	cutShort bool                // lines that follow must have been meant as arguments
}

func (e *entry) name() string      { return e.Fields[config.ColumnName].Text }
func (e *entry) transport() string { return e.Fields[config.ColumnType].Text }
func (e *entry) command() string   { return e.Fields[config.ColumnCommand].Text }

// place returns the position of a column.
func (e *entry) place(column int) config.Position { return e.At(e.Fields[column]) }

// findEntries lists the entries that have all columns.
func (c *check) findEntries() {
	master := c.in.Master
	services := c.resolve()
	for i := range master.Entries {
		e := entry{MasterEntry: &master.Entries[i], cutShort: i+1 < len(master.Entries) && master.Entries[i+1].Unindented()}
		if e.Ignored() || e.Unindented() || len(e.Fields) < config.NumColumns {
			continue
		}
		_, e.off = c.p.Disabled(e.MasterEntry)
		e.server, e.ours = servers[e.command()]
		e.resolved = services[e.Line]
		e.args = arguments(&e)
		for _, a := range e.args {
			if a.Name != "" {
				c.overridden[a.Name] = true
			}
		}
		c.entries = append(c.entries, e)
	}
	for i := range c.entries {
		e := &c.entries[i]
		c.byName[e.name()] = append(c.byName[e.name()], e)
		if e.ours && !e.off && !slices.Contains(c.running, e.command()) {
			c.running = append(c.running, e.command())
		}
	}
}

// resolve returns the services that the good entries mean, by line. If the
// parameters were refused there are none.
func (c *check) resolve() map[int32]*core.ServiceConfig {
	master := *c.in.Master
	r := config.Resolve(c.p, &master, c.p.Facts(), config.Flags{})
	for i := range r.Config.Diagnostics {
		if d := &r.Config.Diagnostics[i]; d.Severity == core.Error && d.File == master.Path {
			c.refused[config.Position{Line: d.Line, Column: d.Column}] = true
			c.refusedLines = append(c.refusedLines, d.Line)
		}
	}
	slices.Sort(c.refusedLines)
	if !r.OK && c.p.OK() && r.Needs.Empty() {
		master.Entries = nil
		for i := range c.in.Master.Entries {
			if e := &c.in.Master.Entries[i]; !broken(e, master.Path, r.Config.Diagnostics) {
				master.Entries = append(master.Entries, *e)
			}
		}
		r = config.Resolve(c.p, &master, c.p.Facts(), config.Flags{})
	}
	services := make(map[int32]*core.ServiceConfig, len(r.Config.Services))
	for i := range r.Config.Services {
		services[r.Config.Services[i].Line] = &r.Config.Services[i]
	}
	return services
}

// maxFaults bounds how many errors are compared with each entry.
const maxFaults = 100

// broken reports whether one of the errors is in an entry.
func broken(e *config.MasterEntry, path string, list []core.Diagnostic) bool {
	faults := 0
	for i := range list {
		d := &list[i]
		if d.Severity != core.Error || d.File != path {
			continue
		}
		if faults++; d.Line >= e.Line && d.Line <= e.End.Line || faults == maxFaults {
			return true
		}
	}
	return false
}

// empty looks for a master.cf that says nothing. The original takes it as it
// is, at a reload too.
func (c *check) empty() {
	for i := range c.in.Master.Entries {
		if !c.in.Master.Entries[i].Ignored() {
			return
		}
	}
	c.inMaster(NoServices, config.Position{}, "master.cf has no entry: no service is started, and a reload stops all",
		"write entries, or restore the saved file")
}

// services checks master.cf.
func (c *check) services() {
	c.empty()
	for i := range c.entries {
		e := &c.entries[i]
		if e.off {
			continue
		}
		c.columns(e)
		c.port(e)
		c.command(e)
		if e.ours {
			c.demanded(e)
			c.arguments(e)
			c.unread(e)
			c.attributes(e)
			c.agent(e)
		}
		c.braces(e)
	}
	c.postconf()
	c.addresses()
	c.taken()
	c.paths()
	c.dependencies()
}

// columns checks names and numbers.
func (c *check) columns(e *entry) {
	if e.name() == "-" {
		c.inMaster(DashName, e.place(config.ColumnName), "- is not a default here: this is a service with the name \"-\"", "write the name of the service")
	}
	c.number(e, config.ColumnWakeup)
	c.number(e, config.ColumnLimit)
}

// number looks for digits of which the original makes another number. Digits
// with something after them are PostfixRefuses.
func (c *check) number(e *entry, column int) {
	text := e.Fields[column].Text
	digits, rest := leadingDigits(text)
	if digits == "" || rest != "" && (rest != "?" || column != config.ColumnWakeup) {
		return
	}
	value, exact := cNumber(digits)
	if exact || value < 0 { // a negative one is refused
		return
	}
	what := "taken as " + decimal(value)
	if column == config.ColumnLimit && value == 0 {
		what += ", which is no limit"
	}
	c.inMaster(OddNumber, e.place(column), "\""+text+"\" is "+what+": the number is too large", "write a number from 0 to 2147483647")
}

// port checks the port of an inet service.
func (c *check) port(e *entry) {
	name := e.name()
	if e.transport() != "inet" {
		return
	}
	text := name[strings.LastIndexByte(name, ':')+1:]
	sign := text != "" && (text[0] == '-' || text[0] == '+') && allDigits(text[1:])
	if !allDigits(text) && !sign {
		return
	}
	at := e.Inside(e.Fields[config.ColumnName], len(name)-len(text))
	value, fits := cNumber(strings.TrimLeft(text, "+-"))
	switch {
	case !fits || value > 65535 || text[0] == '-':
		taken := ""
		if s := e.resolved; s != nil && len(s.Endpoints) > 0 {
			taken = ": the service listens on port " + decimal(int64(s.Endpoints[0].Address.Port()))
		}
		c.inMaster(PortRange, at, "there is no port "+text+taken, "write a port from 1 to 65535")
	case value == 0:
		c.inMaster(PortZero, at, "with port 0 the system chooses another port at each start: no client can know it",
			"write a port from 1 to 65535")
	}
}

// paths looks for services that take the place of another in the file system.
func (c *check) paths() {
	owner := make(map[string]*entry)
	for i := range c.entries {
		e := &c.entries[i]
		if e.off || e.resolved == nil || e.resolved.Type == core.Inet {
			continue
		}
		path := e.resolved.Canonical
		if len(path) > maxSocketPath && e.resolved.Type != core.FIFO {
			c.inMaster(LongPath, e.place(config.ColumnName), "the path "+path+" is too long for a socket; the start fails",
				"use a name with at most "+decimal(int64(maxSocketPath-len("private/")))+" characters")
		}
		if first := owner[path]; first != nil {
			c.inMaster(SamePath, e.place(config.ColumnName), "the service \""+first.name()+" "+first.transport()+"\" of line "+
				decimal(int64(first.Line))+" has the same path "+path+"; this one replaces it, and clients cannot reach the other",
				"give one of them another name")
			continue
		}
		owner[path] = e
	}
}

// maxSocketPath is the longest path of a socket: 108 bytes with the NUL byte
// that ends it.
const maxSocketPath = 107
