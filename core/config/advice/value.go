package advice

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/core/config/known"
)

// choices are the values of parameters that take one of a few words, in any
// letter case, or none. A server dies of any other, as seen on release 3.7.11.
var choices = map[string]string{
	"lmtp_dns_support_level":   "disabled enabled dnssec",
	"lmtp_tls_security_level":  "none may encrypt fingerprint verify secure dane dane-only",
	"smtp_dns_support_level":   "disabled enabled dnssec",
	"smtp_tls_security_level":  "none may encrypt fingerprint verify secure dane dane-only",
	"smtpd_tls_security_level": "none may encrypt fingerprint verify secure",
}

// refusal returns what is wrong with an expanded value that a server refuses, and
// a remedy; fault is empty if it does not.
func refusal(name, text string) (fault, hint string) {
	if list := choices[name]; list != "" {
		if text == "" || slices.Contains(strings.Fields(list), strings.ToLower(text)) {
			return "", ""
		}
		words := strings.ReplaceAll(list, " ", ", ")
		return "it takes no \"" + text + "\" in " + name, "write one of " + words
	}
	kind, ok := known.Kind(name)
	if !ok {
		return "", ""
	}
	return kind.Refusal(name, text)
}

// badValue checks a value in main.cf with which a server that master.cf has
// refuses to start. What an entry overrides is not looked at.
func (c *check) badValue(e *config.MainEntry) {
	server := ""
	if !c.overridden[e.Name] && c.last[e.Name] == e {
		server = c.readBy(e.Name)
	}
	text, err := c.p.Expand(e.Value)
	if server == "" || err != nil {
		return
	}
	if fault, hint := refusal(e.Name, text); fault != "" {
		c.inMain(BadValue, e.ValueAt, server+" refuses to start: "+fault, hint)
	}
	c.bareAddress(e.Name, e.Value, func(offset int) (string, config.Position) { return c.in.Main.Path, e.At(offset) })
}

// badOverride is badValue for an override.
func (c *check) badOverride(e *entry, a *argument) {
	text, err := c.p.Expand(a.Value)
	if err != nil || !c.reads(e, a.Name) {
		return
	}
	offset := strings.IndexByte(a.Text, '=') + 1
	written := a.Text[offset:]
	if fault, hint := refusal(a.Name, text); fault != "" {
		blanks := len(written) - len(strings.TrimLeft(written, " \t\r\n"))
		c.inMaster(BadValue, a.place(e, offset+blanks), e.command()+" refuses to start: "+fault, hint)
	}
	c.bareAddress(a.Name, written, func(at int) (string, config.Position) { return c.in.Master.Path, a.place(e, offset+at) })
}

// bareAddress looks for IPv6 addresses without brackets in lists of networks:
// what has a colon is taken for a lookup table. place says where an offset in
// the text is.
func (c *check) bareAddress(name, text string, place func(offset int) (string, config.Position)) {
	if name != "mynetworks" && name != "smtpd_client_event_limit_exceptions" {
		return
	}
	for offset := 0; offset < len(text); {
		item := text[offset:]
		if end := strings.IndexAny(item, " \t\r\n,"); end >= 0 {
			item = item[:end]
		}
		address, bits, _ := strings.Cut(strings.TrimLeft(item, "!"), "/")
		if parsed, err := netip.ParseAddr(address); err == nil && parsed.Is6() && (bits == "" || allDigits(bits)) {
			file, at := place(offset)
			better := "[" + address + "]"
			if bits != "" {
				better += "/" + bits
			}
			c.say(BadValue, file, at, "\""+item+"\" in "+name+" is read as a lookup table, not as an address: mail is refused", "write "+better)
		}
		offset += len(item) + 1
	}
}
