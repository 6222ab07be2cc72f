package advice

import (
	"slices"
	"strings"
)

// proxied lists the parameters of main.cf with a table that is opened by
// proxymap(8), and the one whose default has such a table.
func (c *check) proxied() (list []string) {
	if c.in.Main == nil {
		return nil
	}
	for i := range c.in.Main.Entries {
		e := &c.in.Main.Entries[i]
		if c.last[e.Name] != e || strings.IndexByte(e.Value, '$') < 0 && !viaProxy(e.Value) {
			continue
		}
		if c.readBy(e.Name) != "" && viaProxy(c.value(e.Name)) {
			list = append(list, e.Name)
		}
	}
	const byDefault = "local_recipient_maps"
	if c.last[byDefault] == nil && viaProxy(c.value(byDefault)) {
		list = append(list, byDefault)
	}
	return list
}

// viaProxy reports whether a value names a table of type proxy.
func viaProxy(value string) bool {
	for at := 0; ; {
		i := strings.Index(value[at:], "proxy:")
		if i < 0 {
			return false
		}
		if at += i; at == 0 || strings.IndexByte(" \t\r\n,{=", value[at-1]) >= 0 {
			return true
		}
		at += len("proxy:")
	}
}

// written are the tables that proxymap(8) changes, in a service of its own.
var written = [...]string{"address_verify_map", "lmtp_sasl_auth_cache_name", "postscreen_cache_map", "smtp_sasl_auth_cache_name"}

var (
	proxyReads = demand{
		parameter: "proxymap_service_name", standard: "proxymap", transport: "unix", privacy: private,
		what: "programs that look something up there wait until there is one",
	}
	proxyWrites = demand{
		parameter: "proxywrite_service_name", standard: "proxywrite", transport: "unix", privacy: private,
		what: "programs that use the table wait until there is one",
	}
)

// proxies looks for the service that opens the tables of an entry.
func (c *check) proxies(e *entry, told map[string]bool) {
	if e.command() == "proxymap" {
		return
	}
	for i := range e.args {
		if a := &e.args[i]; a.Name != "" && viaProxy(a.Value) && c.reads(e, a.Name) {
			c.proxy(e, a.Name, told)
		}
	}
	for _, name := range c.viaProxy {
		if _, _, own := e.overridden(name); !own && c.reads(e, name) {
			c.proxy(e, name, told)
		}
	}
}

func (c *check) proxy(e *entry, name string, told map[string]bool) {
	d := &proxyReads
	if slices.Contains(written[:], name) {
		d = &proxyWrites
	}
	service, _, _ := c.setting(e, d.parameter)
	if service == "" {
		service = d.standard
	}
	if key := service + "/" + d.transport; !told[key] {
		told[key] = true
		c.require(e, service, d, c.because(e, name))
	}
}
