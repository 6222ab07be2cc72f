package advice

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// route is a class of addresses and the delivery service that it has by
// default.
type route struct {
	transport string // the parameter
	domains   string // the parameter that says which addresses these are
}

var routes = [...]route{
	{"local_transport", "mydestination"},
	{"virtual_transport", "virtual_mailbox_domains"},
	{"relay_transport", "relay_domains"},
	{"default_transport", "relayhost"},
}

// transports looks for delivery services that main.cf names and master.cf does
// not have.
func (c *check) transports() {
	if c.in.Master == nil {
		return
	}
	for _, name := range transports {
		if c.last[name] != nil {
			c.delivery(name, name, c.value(name), c.in.Main.Path, c.valueAt(name))
		}
	}
	for _, name := range transportTables {
		if service, ok := strings.CutPrefix(c.value(name), "static:"); ok && c.last[name] != nil && strings.IndexByte(service, ':') > 0 {
			c.delivery(name, name, service, c.in.Main.Path, c.valueAt(name))
		}
	}
	c.routes()
}

// transportTables have results of the form "service:nexthop".
var transportTables = [...]string{
	"fallback_transport_maps", "mailbox_transport_maps", "sender_dependent_default_transport_maps", "transport_maps",
}

// routes looks for the delivery services that addresses have when main.cf
// names none. A table may say otherwise of all of them.
func (c *check) routes() {
	if c.routed() || !c.delivers() {
		return
	}
	for _, r := range routes {
		domains := c.value(r.domains)
		if c.last[r.transport] == nil && c.last[r.domains] != nil && domains != "" && !c.overridden[r.transport] && !c.overridden[r.domains] {
			c.delivery(assignment(r.domains, domains), r.transport, c.value(r.transport), c.in.Main.Path, c.valueAt(r.domains))
		}
	}
}

// sendsAway holds for a queue manager with the built-in default for mail to
// other hosts. A host that sends none may do without the service.
func sendsAway(c *check, _ *entry) (cause, bool) {
	return cause{}, c.last["default_transport"] == nil && !c.overridden["default_transport"] && c.last["relayhost"] == nil && !c.routed()
}

// routed reports whether a table says which delivery service an address has.
func (c *check) routed() bool {
	return slices.ContainsFunc([]string{"transport_maps", "sender_dependent_default_transport_maps"}, func(table string) bool {
		return c.value(table) != "" || c.overridden[table]
	})
}

// delivers reports whether there is a queue manager.
func (c *check) delivers() bool {
	return slices.ContainsFunc(c.entries, func(e entry) bool {
		return !e.off && (e.command() == "qmgr" || e.command() == "oqmgr" || e.command() == "nqmgr")
	})
}

// delivery looks for the delivery service of "service:nexthop", the value of
// parameter. who is the setting because of which mail goes there.
func (c *check) delivery(who, parameter, value, path string, at config.Position) {
	service, _, _ := strings.Cut(value, ":")
	if service == "" || strings.ContainsAny(service, " \t\r\n,/[]{}$") {
		return
	}
	found := c.find(service, "unix")
	switch {
	case found == nil:
		hint := "add an entry for " + service + " of type unix to master.cf"
		if line := stockLine(service, service); line != "" {
			hint = "add the line to master.cf: " + line
		}
		c.say(MissingService, path, at, who+" hands mail to the service \""+service+
			" unix\", which master.cf does not have: the mail stays in the queue",
			hint+", or name another service in "+parameter)
	case found.off:
		c.say(DisabledService, path, at, who+" hands mail to the service \""+service+
			" unix\", which is switched off: the mail stays in the queue",
			"take it out of master_service_disable, or name another service in "+parameter)
	case !found.isPrivate() && !found.ours:
		c.inMaster(WrongPrivacy, found.place(config.ColumnPrivate), who+" hands mail to this service, but the queue manager "+
			"looks for it in private/ alone", "write y in the column private")
	}
}
