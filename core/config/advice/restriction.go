package advice

import (
	"slices"
	"strings"
)

// restrictions are the lists of what a client must fulfil.
var restrictions = [...]string{
	"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_relay_restrictions",
	"smtpd_recipient_restrictions", "smtpd_data_restrictions", "smtpd_end_of_data_restrictions", "smtpd_etrn_restrictions",
}

// verifies is true of a server that asks verify(8) about addresses.
func verifies(c *check, e *entry) (cause, bool) {
	for _, name := range restrictions {
		value, _, _ := c.setting(e, name)
		if c.probes(value) {
			return c.because(e, name), true
		}
	}
	return cause{}, false
}

// probes reports whether a list of restrictions has one that verifies an
// address, in itself or in one of the operator's classes. Classes inside classes
// are not followed.
func (c *check) probes(list string) bool {
	words := listed(list)
	if slices.ContainsFunc(words, isProbe) {
		return true
	}
	for _, class := range listed(c.value("smtpd_restriction_classes")) {
		if slices.Contains(words, class) && slices.ContainsFunc(listed(c.value(class)), isProbe) {
			return true
		}
	}
	return false
}

func isProbe(word string) bool {
	return word == "reject_unverified_recipient" || word == "reject_unverified_sender"
}

// listed splits a list as Postfix does.
func listed(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) })
}

// clientLimits are the limits for which smtpd asks anvil(8).
var clientLimits = [...]string{
	"smtpd_client_connection_count_limit", "smtpd_client_connection_rate_limit", "smtpd_client_message_rate_limit",
	"smtpd_client_recipient_rate_limit", "smtpd_client_new_tls_session_rate_limit", "smtpd_client_auth_rate_limit",
}

// counts is true of a server that asks anvil(8) about clients of other hosts.
// Those of mynetworks are not counted, so nothing is said where that may be
// everybody.
func counts(c *check, e *entry) (cause, bool) {
	if e.resolved == nil || e.resolved.LocalOnly {
		return cause{}, false
	}
	for _, name := range []string{"smtpd_client_event_limit_exceptions", "mynetworks"} {
		text, _, _ := c.setting(e, name)
		if strings.Contains(text, "/0") || strings.Contains(text, ":/") || strings.Contains(text, "static:") {
			return cause{}, false
		}
	}
	for _, name := range clientLimits {
		if value, _, _ := c.setting(e, name); value != "" && value != "0" {
			return c.because(e, name), true
		}
	}
	return cause{}, false
}

// postlogService writes the log file.
var postlogService = demand{
	parameter: "postlog_service_name", standard: "postlog", transport: "unix-dgram", privacy: public,
	what: "what the programs log is lost",
}

// logging looks for the service that writes the log file. "postfix start" looks
// for an entry with the standard name, whatever the service is called and
// whether it is switched on.
func (c *check) logging() {
	file, d := c.value("maillog_file"), &postlogService
	if file == "" {
		return
	}
	because := cause{assignment("maillog_file", file), c.mainPath(), c.valueAt("maillog_file")}
	if c.find(d.standard, d.transport) == nil {
		c.say(PostfixRefuses, because.file, because.at, because.text+" needs the service \"postlog unix-dgram\", which master.cf "+
			c.otherwise(d.standard, d)+": \"postfix start\" ends with \"fatal: missing 'postlog' service in master.cf\"",
			"add the line to master.cf: "+stockLine(d.standard, d.standard))
		return
	}
	c.require(nil, c.value(d.parameter), d, because)
}

func (c *check) mainPath() string {
	if c.in.Main == nil {
		return ""
	}
	return c.in.Main.Path
}
