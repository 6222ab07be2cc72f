package advice

import (
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// demand is a service that one of Postfix's own servers needs. What happens
// without it was seen on release 3.7.11.
type demand struct {
	server    string
	parameter string // that names the service; empty: the name is fixed
	standard  string // its built-in default, one of stock
	transport string
	privacy   privacy
	what      string    // what does not work without it
	when      condition // nil: always
	rare      bool      // nearly everything works without it
}

// cause is the setting because of which a service is needed.
type cause struct {
	text string // empty: the server needs it whatever the settings are
	file string
	at   config.Position
}

// condition reports whether an entry needs a service, and why.
type condition func(c *check, e *entry) (because cause, needed bool)

// demands are looked at in this order, for each entry.
var demands = [...]demand{
	{server: "pickup", parameter: "cleanup_service_name", standard: "cleanup", transport: "unix", privacy: public, what: "local submissions stay in the maildrop"},
	{server: "smtpd", parameter: "cleanup_service_name", standard: "cleanup", transport: "unix", privacy: public, what: "no mail is accepted", when: without("smtpd_proxy_filter")},
	{server: "qmqpd", parameter: "cleanup_service_name", standard: "cleanup", transport: "unix", privacy: public, what: "no mail is accepted"},
	{server: "bounce", parameter: "cleanup_service_name", standard: "cleanup", transport: "unix", privacy: public, what: "undeliverable mail is not returned"},
	{server: "cleanup", parameter: "rewrite_service_name", standard: "rewrite", transport: "unix", privacy: private, what: "mail waits until there is one"},
	{server: "cleanup", parameter: "queue_service_name", standard: "qmgr", transport: "unix", privacy: public, what: "mail stays in the queue"},
	{server: "qmgr", parameter: "rewrite_service_name", standard: "rewrite", transport: "unix", privacy: private, what: "mail stays in the queue"},
	{server: "qmgr", parameter: "bounce_service_name", standard: "bounce", transport: "unix", privacy: private, what: "undeliverable mail stays in the queue"},
	{server: "qmgr", parameter: "defer_service_name", standard: "defer", transport: "unix", privacy: private, what: "deliveries that fail are not recorded"},
	{server: "qmgr", parameter: "error_service_name", standard: "error", transport: "unix", privacy: private, what: "mail to an address that does not exist there stays in the queue", when: given("virtual_alias_domains", "relocated_maps")},
	{server: "qmgr", standard: "smtp", transport: "unix", privacy: private, what: "mail to other hosts stays in the queue", when: sendsAway, rare: true},
	{server: "qmgr", parameter: "trace_service_name", standard: "trace", transport: "unix", privacy: private, what: "mail whose sender asks for a report of its delivery stays in the queue", rare: true},
	{server: "smtpd", parameter: "rewrite_service_name", standard: "rewrite", transport: "unix", privacy: private, what: "no mail is accepted"},
	{server: "smtpd", parameter: "address_verify_service_name", standard: "verify", transport: "unix", privacy: private, what: "clients get no answer", when: verifies},
	{server: "smtpd", standard: "anvil", transport: "unix", privacy: private, what: "clients cannot be counted, and each of them waits some seconds", when: counts},
	{server: "smtpd", parameter: "tlsmgr_service_name", standard: "tlsmgr", transport: "unix", privacy: private, what: "there is no TLS", when: serverTLS("smtpd_", "smtpd_")},
	{server: "smtp", parameter: "tlsmgr_service_name", standard: "tlsmgr", transport: "unix", privacy: private, what: "there is no TLS", when: clientTLS("smtp_")},
	{server: "lmtp", parameter: "tlsmgr_service_name", standard: "tlsmgr", transport: "unix", privacy: private, what: "there is no TLS", when: clientTLS("lmtp_")},
	{server: "tlsproxy", parameter: "tlsmgr_service_name", standard: "tlsmgr", transport: "unix", privacy: private, what: "there is no TLS", when: serverTLS("tlsproxy_", "tlsproxy_")},
	{server: "postscreen", parameter: "tlsproxy_service_name", standard: "tlsproxy", transport: "unix", privacy: private, what: "clients that must pass a test do not get TLS", when: serverTLS("postscreen_", "tlsproxy_")},
	{server: "postscreen", parameter: "smtpd_service_name", standard: "smtpd", transport: "pass", privacy: private, what: "clients that pass the tests are dropped"},
	{server: "postscreen", parameter: "dnsblog_service_name", standard: "dnsblog", transport: "unix", privacy: private, what: "the DNS lists are not asked", when: given("postscreen_dnsbl_sites")},
	{server: "smtp", parameter: "tlsproxy_service_name", standard: "tlsproxy", transport: "unix", privacy: private, what: "connections with TLS are not used again", when: yes("smtp_tls_connection_reuse")},
	{server: "lmtp", parameter: "tlsproxy_service_name", standard: "tlsproxy", transport: "unix", privacy: private, what: "connections with TLS are not used again", when: yes("lmtp_tls_connection_reuse")},
	{server: "smtp", parameter: "connection_cache_service_name", standard: "scache", transport: "unix", privacy: private, what: "connections are not kept", when: given("smtp_connection_cache_destinations")},
	{server: "lmtp", parameter: "connection_cache_service_name", standard: "scache", transport: "unix", privacy: private, what: "connections are not kept", when: given("lmtp_connection_cache_destinations")},
	{server: "smtp", parameter: "connection_cache_service_name", standard: "scache", transport: "unix", privacy: private, what: "when several messages wait for one destination connections are not kept, and the log has warnings", when: yes("smtp_connection_cache_on_demand"), rare: true},
	{server: "lmtp", parameter: "connection_cache_service_name", standard: "scache", transport: "unix", privacy: private, what: "when several messages wait for one destination connections are not kept, and the log has warnings", when: yes("lmtp_connection_cache_on_demand"), rare: true},
	{server: "smtp", parameter: "flush_service_name", standard: "flush", transport: "unix", privacy: public, what: "deferred mail for these domains is not recorded, so that ETRN and sendmail -qR do nothing", when: given("fast_flush_domains", "relay_domains"), rare: true},
}

// stock are the entries of the services in the master.cf that comes with
// Debian's Postfix, by name; upstream's have n in place of y.
var stock = map[string]string{
	"anvil":      "unix - - y - 1 anvil",
	"bounce":     "unix - - y - 0 bounce",
	"cleanup":    "unix n - y - 0 cleanup",
	"defer":      "unix - - y - 0 bounce",
	"discard":    "unix - - y - - discard",
	"dnsblog":    "unix - - y - 0 dnsblog",
	"error":      "unix - - y - - error",
	"flush":      "unix n - y 1000? 0 flush",
	"lmtp":       "unix - - y - - lmtp",
	"local":      "unix - n n - - local",
	"postlog":    "unix-dgram n - n - 1 postlogd",
	"proxymap":   "unix - - n - - proxymap",
	"proxywrite": "unix - - n - 1 proxymap",
	"qmgr":       "unix n - n 300 1 qmgr",
	"relay":      "unix - - y - - smtp",
	"retry":      "unix - - y - - error",
	"rewrite":    "unix - - y - - trivial-rewrite",
	"scache":     "unix - - y - 1 scache",
	"smtp":       "unix - - y - - smtp",
	"smtpd":      "pass - - y - - smtpd",
	"tlsmgr":     "unix - - y 1000? 1 tlsmgr",
	"tlsproxy":   "unix - - y - 0 tlsproxy",
	"trace":      "unix - - y - 0 bounce",
	"verify":     "unix - - y - 1 verify",
	"virtual":    "unix - n n - - virtual",
}

// stockLine is the line of master.cf for a service that does the work of the
// one called standard; empty if Postfix brings none.
func stockLine(name, standard string) string {
	line := stock[standard]
	if line == "" {
		return ""
	}
	if config.Flavour() == "upstream" {
		line = strings.Replace(line, " y ", " n ", 1)
	}
	return name + " " + line
}

// dependencies looks for services that others need and that are not there.
func (c *check) dependencies() {
	told := make(map[string]bool)
	c.viaProxy = c.proxied()
	for i := range c.entries {
		e := &c.entries[i]
		if e.off || !e.ours {
			continue
		}
		for j := range demands {
			c.demand(e, &demands[j], told)
		}
		c.proxies(e, told)
		for _, name := range transports {
			if text, at, ok := e.overridden(name); ok && c.reads(e, name) {
				if text, err := c.p.Expand(text); err == nil {
					c.delivery(name, name, text, c.in.Master.Path, at)
				}
			}
		}
	}
	c.logging()
}

// demand looks for a service that one of Postfix's own servers needs. One
// server is checked for all of its kind.
func (c *check) demand(e *entry, d *demand, told map[string]bool) {
	if e.command() != d.server {
		return
	}
	name := d.standard
	if d.parameter != "" {
		if given, _, _ := c.setting(e, d.parameter); given != "" {
			name = given
		}
	}
	if told[name+"/"+d.transport] {
		return
	}
	var because cause
	if d.when != nil {
		needed := false
		if because, needed = d.when(c, e); !needed {
			return
		}
	}
	told[name+"/"+d.transport] = true
	c.require(e, name, d, because)
}

// require looks for a service that is needed: by a setting, or by an entry if
// the setting is none.
func (c *check) require(e *entry, name string, d *demand, because cause) {
	if because.text == "" {
		because = cause{e.command(), c.in.Master.Path, e.place(config.ColumnCommand)}
	}
	code, service, who := MissingService, "\""+name+" "+d.transport+"\"", because.text
	if d.rare {
		code = MissingHelper
	}
	if e != nil && who == e.command() {
		who += " of line " + decimal(int64(e.Line)) + " in master.cf"
	}
	found := c.find(name, d.transport)
	switch {
	case found == nil:
		c.say(code, because.file, because.at, because.text+" needs the service "+service+", which master.cf "+
			c.otherwise(name, d)+": "+d.what, "add the line to master.cf: "+stockLine(name, d.standard))
	case found.off:
		c.inMain(DisabledService, c.valueAt("master_service_disable"), "the service "+service+" is switched off, but "+
			who+" needs it: "+d.what, "take it out of master_service_disable, or switch off the services that need it too")
	case found.ours && found.server.privacy != anywhere: // reported with the entry
	case found.isPrivate() && d.privacy == public, !found.isPrivate() && d.privacy == private:
		want := map[privacy]string{private: "y", public: "n"}[d.privacy]
		c.inMaster(WrongPrivacy, found.place(config.ColumnPrivate), who+" does not find this service: "+d.what,
			"write "+want+" in the column private")
	}
}

// otherwise returns what master.cf has in place of a service that is missing.
func (c *check) otherwise(name string, d *demand) string {
	fields := strings.Fields(stock[d.standard])
	program := fields[len(fields)-1]
	for _, e := range c.byName[name] {
		if e.command() == program {
			return "has only with the type " + e.transport() + ", in line " + decimal(int64(e.Line))
		}
	}
	return "does not have"
}

// isPrivate reports whether the socket of an entry is in private/.
func (e *entry) isPrivate() bool { return e.Fields[config.ColumnPrivate].Text != "n" }

// reads reports whether the server of an entry reads a parameter.
func (c *check) reads(e *entry, name string) bool {
	return e.ours && c.readers.Read(e.command(), name)
}

// because is the cause that is the value of a parameter for an entry; it is
// the entry itself if the value is the built-in default.
func (c *check) because(e *entry, name string) cause {
	value, at, own := c.setting(e, name)
	switch {
	case own:
		return cause{assignment(name, value), c.in.Master.Path, at}
	case c.last[name] != nil:
		return cause{assignment(name, value), c.in.Main.Path, at}
	}
	return cause{}
}

// assignment shows a setting; a long value is left out.
func assignment(name, value string) string {
	const long = 50
	if len(value) > long || strings.ContainsAny(value, "\r\n") {
		return name
	}
	return name + " = " + value
}

// without holds for entries for which a parameter has no value.
func without(name string) condition {
	return func(c *check, e *entry) (cause, bool) {
		value, _, _ := c.setting(e, name)
		return cause{}, value == ""
	}
}

// given holds for entries for which one of the parameters was set to
// something.
func given(names ...string) condition {
	return func(c *check, e *entry) (cause, bool) {
		for _, name := range names {
			value, _, own := c.setting(e, name)
			if value != "" && (own || c.last[name] != nil) {
				return c.because(e, name), true
			}
		}
		return cause{}, false
	}
}

// yes holds for entries for which a parameter is yes.
func yes(name string) condition {
	return func(c *check, e *entry) (cause, bool) {
		return c.because(e, name), c.isYes(e, name)
	}
}

func (c *check) isYes(e *entry, name string) bool {
	value, _, _ := c.setting(e, name)
	return strings.EqualFold(value, "yes")
}

// clientTLS holds for a client that uses TLS.
func clientTLS(prefix string) condition {
	return func(c *check, e *entry) (cause, bool) { return c.usesTLS(e, prefix) }
}

// serverTLS holds for a server that offers TLS: without a certificate it does
// not, whatever the level is.
func serverTLS(prefix, certificates string) condition {
	return func(c *check, e *entry) (cause, bool) {
		because, on := c.usesTLS(e, prefix)
		if !on && c.isYes(e, prefix+"tls_wrappermode") {
			because, on = c.because(e, prefix+"tls_wrappermode"), true
		}
		for _, name := range []string{"tls_chain_files", "tls_cert_file", "tls_eccert_file", "tls_dcert_file"} {
			if value, _, _ := c.setting(e, certificates+name); value != "" {
				return because, on
			}
		}
		return cause{}, false
	}
}

// usesTLS checks the level of TLS of a server. The older parameters count
// only without the newer one. A default that refers to another parameter has
// that one as its cause.
func (c *check) usesTLS(e *entry, prefix string) (because cause, on bool) {
	if level, _, _ := c.setting(e, prefix+"tls_security_level"); level != "" {
		return c.inherited(e, prefix, "tls_security_level"), !strings.EqualFold(level, "none")
	}
	for _, name := range []string{"enforce_tls", "use_tls"} {
		if c.isYes(e, prefix+name) {
			return c.inherited(e, prefix, name), true
		}
	}
	return cause{}, false
}

// inherited is the cause that is a parameter of smtpd, which is the default of
// those of postscreen and tlsproxy.
func (c *check) inherited(e *entry, prefix, name string) cause {
	if because := c.because(e, prefix+name); because.text != "" || prefix == "smtp_" || prefix == "lmtp_" {
		return because
	}
	return c.because(e, "smtpd_"+name)
}
