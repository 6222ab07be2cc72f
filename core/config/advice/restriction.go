package advice

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// restrictions are the lists of what a client must fulfil.
var restrictions = [...]string{
	"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions", "smtpd_relay_restrictions",
	"smtpd_recipient_restrictions", "smtpd_data_restrictions", "smtpd_end_of_data_restrictions", "smtpd_etrn_restrictions",
}

// verifies holds for a server that asks verify(8) about addresses.
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

// counts holds for a server that asks anvil(8) about clients of other hosts.
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

// restrictionNames are those that smtpd knows, also by old names. Each was tried
// on an installed one. Sorted.
var restrictionNames = strings.Fields(`check_ccert_access check_client_a_access check_client_access check_client_mx_access
	check_client_ns_access check_etrn_access check_helo_a_access check_helo_access check_helo_mx_access check_helo_ns_access
	check_policy_service check_recipient_a_access check_recipient_access check_recipient_mx_access
	check_recipient_ns_access check_relay_domains check_reverse_client_hostname_a_access
	check_reverse_client_hostname_access check_reverse_client_hostname_mx_access
	check_reverse_client_hostname_ns_access check_sasl_access check_sender_a_access check_sender_access
	check_sender_mx_access check_sender_ns_access defer defer_if_permit defer_if_reject defer_unauth_destination permit
	permit_auth_destination permit_dnswl_client permit_inet_interfaces permit_mx_backup permit_mynetworks
	permit_naked_ip_address permit_rhswl_client permit_sasl_authenticated permit_tls_all_clientcerts
	permit_tls_clientcerts reject reject_authenticated_sender_login_mismatch reject_invalid_helo_hostname
	reject_invalid_hostname reject_known_sender_login_mismatch reject_maps_rbl reject_multi_recipient_bounce
	reject_non_fqdn_helo_hostname reject_non_fqdn_hostname reject_non_fqdn_recipient reject_non_fqdn_sender
	reject_plaintext_session reject_rbl reject_rbl_client reject_rhsbl_client reject_rhsbl_helo reject_rhsbl_recipient
	reject_rhsbl_reverse_client reject_rhsbl_sender reject_sender_login_mismatch reject_unauth_destination
	reject_unauth_pipelining reject_unauthenticated_sender_login_mismatch reject_unknown_address reject_unknown_client
	reject_unknown_client_hostname reject_unknown_helo_hostname reject_unknown_hostname reject_unknown_recipient_domain
	reject_unknown_reverse_client_hostname reject_unknown_sender_domain reject_unlisted_recipient reject_unlisted_sender
	reject_unverified_recipient reject_unverified_sender sleep warn_if_reject`)

// isClass reports whether a name is one of the operator's own restrictions.
func (c *check) isClass(name string) bool {
	if c.classes == nil {
		c.classes = make(map[string]bool)
		for _, class := range listed(c.value("smtpd_restriction_classes")) {
			c.classes[class] = true
		}
	}
	return c.classes[name]
}

// misspeltRestriction looks for words in a list of restrictions that smtpd does
// not know, with names that are nearly those of others. place says where an
// offset in the text is.
func (c *check) misspeltRestriction(name, text string, place func(offset int) (string, config.Position)) {
	if !slices.Contains(c.running, "smtpd") || !slices.Contains(restrictions[:], name) && !c.isClass(name) {
		return
	}
	for rest := text; rest != "" && c.guesses < maxGuesses; {
		word := rest
		if end := strings.IndexAny(rest, " \t\r\n,"); end >= 0 {
			word = rest[:end]
		}
		lower := strings.ToLower(word)
		if len(word) >= len("sleep") && strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz_") == "" &&
			!slices.Contains(restrictionNames, lower) && !c.isClass(word) {
			c.guesses++
			if near, ok := nearest(lower, restrictionNames); ok {
				file, at := place(len(text) - len(rest))
				c.say(MisspeltRestriction, file, at, "smtpd has no restriction "+word+", and \"451 4.3.5 Server configuration error\" for clients that come to it",
					"did you mean "+near+"?")
			}
		}
		rest = rest[min(len(word)+1, len(rest)):]
	}
}
