package advice

import (
	"strings"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// dependencies looks for services that others need and that are not there.
func (c *check) dependencies() {
	told := make(map[string]bool)
	for i := range c.entries {
		e := &c.entries[i]
		if e.off || !e.ours {
			continue
		}
		for j := range demands {
			c.demand(e, &demands[j], told)
		}
		if text, at, ok := e.overridden("content_filter"); ok {
			if text, err := c.p.Expand(text); err == nil {
				c.delivery("content_filter", text, c.in.Master.Path, at)
			}
		}
	}
}

// demand looks for a service that one of Postfix's own servers needs. One
// server tells for all of its kind.
func (c *check) demand(e *entry, d *demand, told map[string]bool) {
	if e.command() != d.server {
		return
	}
	name, _, _ := c.setting(e, d.parameter)
	if name == "" {
		name = d.standard
	}
	key := name + "/" + d.transport
	if told[key] {
		return
	}
	if d.unless != "" {
		if value, _, _ := c.setting(e, d.unless); value != "" {
			return
		}
	}
	if d.only != "" {
		if value, _, _ := c.setting(e, d.only); value == "" {
			return
		}
	}
	told[key] = true
	found := c.find(name, d.transport)
	switch {
	case found == nil:
		c.inMaster(MissingService, e.place(config.ColumnCommand), e.command()+" needs the service \""+name+" "+d.transport+
			"\", which master.cf does not have: "+d.what, missingHint(name, d))
	case found.off:
		c.inMain(DisabledService, c.valueAt("master_service_disable"), "the service \""+name+" "+d.transport+
			"\" is switched off, but "+e.command()+" of line "+decimal(int64(e.Line))+" in master.cf needs it: "+d.what,
			"take it out of master_service_disable, or switch off the services that need it too")
	case found.Fields[config.ColumnPrivate].Text == "n" && d.privacy == private && !found.ours,
		found.Fields[config.ColumnPrivate].Text != "n" && d.privacy == public && !found.ours:
		want := map[privacy]string{private: "y", public: "n"}[d.privacy]
		c.inMaster(WrongPrivacy, found.place(config.ColumnPrivate), e.command()+" of line "+decimal(int64(e.Line))+
			" does not find this service: "+d.what, "write "+want+" in the column private")
	}
}

// missingHint shows the entry that is missing.
func missingHint(name string, d *demand) string {
	standard := map[string]string{
		"cleanup": "unix n - - - 0 cleanup", "rewrite": "unix - - - - - trivial-rewrite", "qmgr": "unix n - n 300 1 qmgr",
		"bounce": "unix - - - - 0 bounce", "defer": "unix - - - - 0 bounce", "smtpd": "pass - - - - - smtpd",
		"dnsblog": "unix - - - - 0 dnsblog",
	}[d.standard]
	return "add the entry: " + name + " " + standard
}

// find gives the entry of a name and a transport, one that is switched on if
// there is one. In place of a socket older configurations have a fifo.
func (c *check) find(name, transport string) (found *entry) {
	for _, e := range c.byName[name] {
		if e.transport() != transport && (transport != "unix" || e.transport() != "fifo") {
			continue
		}
		if found = e; !e.off {
			return found
		}
	}
	return found
}

// transports looks for delivery services that main.cf names and master.cf does
// not have.
func (c *check) transports() {
	if c.in.Master == nil {
		return
	}
	for _, name := range transports {
		if c.last[name] != nil {
			c.delivery(name, c.value(name), c.in.Main.Path, c.valueAt(name))
		}
	}
}

// delivery looks for the delivery service of "service:nexthop", the value of a
// parameter.
func (c *check) delivery(parameter, value, path string, at config.Position) {
	service, _, _ := strings.Cut(value, ":")
	if service == "" || strings.ContainsAny(service, " \t\r\n,/[]{}") {
		return
	}
	found := c.find(service, "unix")
	switch {
	case found == nil:
		c.say(MissingService, path, at, parameter+" hands mail to the service \""+service+
			" unix\", which master.cf does not have: the mail stays in the queue",
			"add an entry for "+service+" of type unix to master.cf, or name another service in "+parameter)
	case found.off:
		c.say(DisabledService, path, at, parameter+" hands mail to the service \""+service+
			" unix\", which is switched off: the mail stays in the queue",
			"take it out of master_service_disable, or name another service in "+parameter)
	case found.Fields[config.ColumnPrivate].Text == "n" && !found.ours:
		c.inMaster(WrongPrivacy, found.place(config.ColumnPrivate), parameter+" hands mail to this service, but the queue manager "+
			"looks for it in private/ alone", "write y in the column private")
	}
}

// disablePatterns looks at master_service_disable for items that can match
// nothing.
func (c *check) disablePatterns() {
	e := c.last["master_service_disable"]
	if e == nil {
		return
	}
	for item := range strings.FieldsFuncSeq(c.value(e.Name), func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) }) {
		text := strings.TrimLeft(item, "!")
		i := strings.LastIndexByte(text, '/')
		if i < 0 {
			i = strings.LastIndexByte(text, '.') // which the original takes for a slash then
		}
		name, kind := text[:max(i, 0)], text[i+1:]
		if _, known := core.ParseServiceType(strings.ToLower(kind)); known || kind == "" {
			continue
		}
		at := e.ValueAt
		if i := strings.Index(e.Value, item); i >= 0 {
			at = e.At(i)
		}
		hint := "write the name, a slash and one of the types inet, unix, fifo, pass, unix-dgram"
		if i < 0 {
			hint = "write " + c.typed(kind) + ", or one of the types inet, unix, fifo, pass, unix-dgram for all services of it"
		}
		if name != "" && c.hasType(name, kind) {
			continue // a way to switch off an entry with a broken type
		}
		c.inMain(DisablePattern, at, "\""+item+"\" switches nothing off: there is no type \""+kind+"\"", hint)
	}
}

// typed gives a service as master_service_disable names it, of the first entry
// with the name.
func (c *check) typed(name string) string {
	if c.in.Master != nil {
		for i := range c.in.Master.Entries {
			if f := c.in.Master.Entries[i].Fields; len(f) > config.ColumnType && strings.EqualFold(f[config.ColumnName].Text, name) {
				return name + "/" + f[config.ColumnType].Text
			}
		}
	}
	return name + "/inet"
}

// hasType tells whether master.cf has an entry with this name and this text as
// type, be it a type or not.
func (c *check) hasType(name, kind string) bool {
	if c.in.Master == nil {
		return false
	}
	for i := range c.in.Master.Entries {
		f := c.in.Master.Entries[i].Fields
		if len(f) > config.ColumnType && strings.EqualFold(f[config.ColumnName].Text, name) && strings.EqualFold(f[config.ColumnType].Text, kind) {
			return true
		}
	}
	return false
}
