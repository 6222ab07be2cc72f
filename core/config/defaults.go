package config

import "slices"

// flavour selects the defaults: "debian" or "upstream". Set it when linking:
// -ldflags "-X
// github.com/stationmaster/stationmaster/core/config.flavour=upstream".
var flavour = "debian"

// Flavour returns whose defaults are built in: "debian" or "upstream".
func Flavour() string { return flavour }

// kind is the type of a parameter (spec config, 2.3).
type kind uint8

const (
	kindText   kind = iota + 1 // any text, limits in bytes
	kindNumber                 // 32 bits
	kindLong                   // 64 bits
	kindBool                   // yes or no
	kindTime                   // seconds, with a unit
)

// row is one parameter that is evaluated at every start and reload. A limit of 0
// means none.
type row struct {
	name     string
	kind     kind
	value    string // the default of both flavours, or Debian's; may contain macros
	upstream string // the upstream default, if it differs
	min, max int32
}

// text returns the default of the flavour in force.
func (r *row) text() string {
	if r.upstream != "" && flavour == "upstream" {
		return r.upstream
	}
	return r.value
}

// rows are the parameters that the original evaluates before anything else, in
// its order: the first bad value ends it (spec config, 3.2). The defaults of
// myhostname, mydomain and mynetworks are derived.
var rows = [...]row{
	{name: "compatibility_level", kind: kindText, value: "0"},
	{name: "mail_version", kind: kindText, value: "3.7.11", min: 1},
	{name: "syslog_facility", kind: kindText, value: "mail", min: 1},
	{name: "inet_protocols", kind: kindText, value: "all"},
	{name: "multi_instance_directories", kind: kindText},
	{name: "multi_instance_group", kind: kindText},
	{name: "multi_instance_name", kind: kindText},
	{name: "maillog_file", kind: kindText},
	{name: "maillog_file_prefixes", kind: kindText, value: "/var, /dev/stdout", min: 1},
	{name: "maillog_file_compressor", kind: kindText, value: "gzip", min: 1},
	{name: "maillog_file_rotate_suffix", kind: kindText, value: "%Y%m%d-%H%M%S", min: 1},
	{name: "postlog_service_name", kind: kindText, value: "postlog", min: 1},
	{name: "dnssec_probe", kind: kindText, value: "ns:."},
	{name: "known_tcp_ports", kind: kindText, value: "lmtp=24, smtp=25, smtps=submissions=465, submission=587"},
	{name: "daemon_table_open_error_is_fatal", kind: kindBool, value: "no"},
	{name: "dns_ncache_ttl_fix_enable", kind: kindBool, value: "no"},
	{name: "smtputf8_enable", kind: kindBool, value: "${{$compatibility_level} <level {1} ? {no} : {yes}}"},
	{name: "enable_idna2003_compatibility", kind: kindBool, value: "no"},
	{name: "respectful_logging", kind: kindBool, value: "${{$compatibility_level} <level {3.6} ? {no} : {yes}}"},
	{name: "myhostname", kind: kindText, min: 1},
	{name: "mydomain", kind: kindText, min: 1},
	{name: "mail_name", kind: kindText, value: "Postfix", min: 1},
	{name: "syslog_name", kind: kindText, value: "${multi_instance_name?{$multi_instance_name}:{postfix}}", min: 1},
	{name: "mail_owner", kind: kindText, value: "postfix", min: 1},
	{name: "setgid_group", kind: kindText, value: "postdrop", min: 1},
	{name: "mydestination", kind: kindText, value: "$myhostname, localhost.$mydomain, localhost"},
	{name: "myorigin", kind: kindText, value: "$myhostname", min: 1},
	{name: "relayhost", kind: kindText},
	{name: "daemon_directory", kind: kindText, value: "/usr/lib/postfix/sbin", upstream: "/usr/libexec/postfix", min: 1},
	{name: "data_directory", kind: kindText, value: "/var/lib/postfix", min: 1},
	{name: "command_directory", kind: kindText, value: "/usr/sbin", min: 1},
	{name: "meta_directory", kind: kindText, value: "/etc/postfix", min: 1},
	{name: "queue_directory", kind: kindText, value: "/var/spool/postfix", min: 1},
	{name: "shlib_directory", kind: kindText, value: "/usr/lib/postfix", upstream: "no", min: 1},
	{name: "process_id_directory", kind: kindText, value: "pid", min: 1},
	{name: "inet_interfaces", kind: kindText, value: "all"},
	{name: "proxy_interfaces", kind: kindText},
	{name: "double_bounce_sender", kind: kindText, value: "double-bounce", min: 1},
	{name: "default_privs", kind: kindText, value: "nobody", min: 1},
	{name: "alias_database", kind: kindText, value: "hash:/etc/aliases"},
	{name: "mail_release_date", kind: kindText, value: "20240304", min: 1},
	{name: "default_database_type", kind: kindText, value: "hash", min: 1},
	{name: "hash_queue_names", kind: kindText, value: "deferred, defer", min: 1},
	{name: "recipient_delimiter", kind: kindText},
	{name: "relay_domains", kind: kindText, value: "${{$compatibility_level} <level {2} ? {$mydestination} : {}}"},
	{name: "fast_flush_domains", kind: kindText, value: "$relay_domains"},
	{name: "export_environment", kind: kindText, value: "TZ MAIL_CONFIG LANG"},
	{name: "import_environment", kind: kindText, value: "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME"},
	{name: "mynetworks_style", kind: kindText, value: "${{$compatibility_level} <level {2} ? {subnet} : {host}}", min: 1},
	{name: "debug_peer_list", kind: kindText},
	{name: "default_verp_delimiters", kind: kindText, value: "+=", min: 2, max: 2},
	{name: "verp_delimiter_filter", kind: kindText, value: "-=+", min: 1},
	{name: "parent_domain_matches_subdomains", kind: kindText, value: "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps"},
	{name: "alternate_config_directories", kind: kindText},
	{name: "bounce_service_name", kind: kindText, value: "bounce", min: 1},
	{name: "cleanup_service_name", kind: kindText, value: "cleanup", min: 1},
	{name: "defer_service_name", kind: kindText, value: "defer", min: 1},
	{name: "pickup_service_name", kind: kindText, value: "pickup", min: 1},
	{name: "queue_service_name", kind: kindText, value: "qmgr", min: 1},
	{name: "rewrite_service_name", kind: kindText, value: "rewrite", min: 1},
	{name: "showq_service_name", kind: kindText, value: "showq", min: 1},
	{name: "error_service_name", kind: kindText, value: "error", min: 1},
	{name: "flush_service_name", kind: kindText, value: "flush", min: 1},
	{name: "address_verify_service_name", kind: kindText, value: "verify", min: 1},
	{name: "trace_service_name", kind: kindText, value: "trace", min: 1},
	{name: "proxymap_service_name", kind: kindText, value: "proxymap", min: 1},
	{name: "proxywrite_service_name", kind: kindText, value: "proxywrite", min: 1},
	{name: "internal_mail_filter_classes", kind: kindText},
	{name: "multi_instance_wrapper", kind: kindText},
	{name: "default_delivery_status_filter", kind: kindText},
	{name: "smtputf8_autodetect_classes", kind: kindText, value: "sendmail, verify", min: 1},
	{name: "message_drop_headers", kind: kindText, value: "bcc, content-length, resent-bcc, return-path"},
	{name: "info_log_address_format", kind: kindText, value: "external", min: 1},
	{name: "default_process_limit", kind: kindNumber, value: "100", min: 1},
	{name: "max_use", kind: kindNumber, value: "100", min: 1},
	{name: "dont_remove", kind: kindNumber, value: "0"},
	{name: "line_length_limit", kind: kindNumber, value: "2048", min: 512},
	{name: "hash_queue_depth", kind: kindNumber, value: "1", min: 1},
	{name: "fork_attempts", kind: kindNumber, value: "5", min: 1},
	{name: "deliver_lock_attempts", kind: kindNumber, value: "20", min: 1},
	{name: "debug_peer_level", kind: kindNumber, value: "2", min: 1},
	{name: "fault_injection_code", kind: kindNumber, value: "0"},
	{name: "berkeley_db_create_buffer_size", kind: kindNumber, value: "16777216", min: 1},
	{name: "berkeley_db_read_buffer_size", kind: kindNumber, value: "131072", min: 1},
	{name: "header_size_limit", kind: kindNumber, value: "102400", min: 1},
	{name: "header_address_token_limit", kind: kindNumber, value: "10240", min: 1},
	{name: "mime_nesting_limit", kind: kindNumber, value: "100", min: 1},
	{name: "mime_boundary_length_limit", kind: kindNumber, value: "2048", min: 1},
	{name: "delay_logging_resolution_limit", kind: kindNumber, value: "2", max: 6},
	{name: "tcp_windowsize", kind: kindNumber, value: "0"},
	{name: "message_size_limit", kind: kindLong, value: "10240000"},
	{name: "lmdb_map_size", kind: kindLong, value: "16777216", min: 1},
	{name: "disable_dns_lookups", kind: kindBool, value: "no"},
	{name: "soft_bounce", kind: kindBool, value: "no"},
	{name: "owner_request_special", kind: kindBool, value: "yes"},
	{name: "strict_8bitmime", kind: kindBool, value: "no"},
	{name: "strict_7bit_headers", kind: kindBool, value: "no"},
	{name: "strict_8bitmime_body", kind: kindBool, value: "no"},
	{name: "strict_mime_encoding_domain", kind: kindBool, value: "no"},
	{name: "disable_mime_input_processing", kind: kindBool, value: "no"},
	{name: "disable_mime_output_conversion", kind: kindBool, value: "no"},
	{name: "address_verify_negative_cache", kind: kindBool, value: "yes"},
	{name: "backwards_bounce_logfile_compatibility", kind: kindBool, value: "yes"},
	{name: "helpful_warnings", kind: kindBool, value: "yes"},
	{name: "send_cyrus_sasl_authzid", kind: kindBool, value: "no"},
	{name: "multi_instance_enable", kind: kindBool, value: "no"},
	{name: "enable_long_queue_ids", kind: kindBool, value: "no"},
	{name: "strict_smtputf8", kind: kindBool, value: "no"},
	{name: "enable_original_recipient", kind: kindBool, value: "yes"},
	{name: "application_event_drain_time", kind: kindTime, value: "100s", min: 1},
	{name: "max_idle", kind: kindTime, value: "100s", min: 1},
	{name: "ipc_timeout", kind: kindTime, value: "3600s", min: 1},
	{name: "ipc_idle", kind: kindTime, value: "5s", min: 1},
	{name: "ipc_ttl", kind: kindTime, value: "1000s", min: 1},
	{name: "trigger_timeout", kind: kindTime, value: "10s", min: 1},
	{name: "fork_delay", kind: kindTime, value: "1s", min: 1},
	{name: "deliver_lock_delay", kind: kindTime, value: "1s", min: 1},
	{name: "stale_lock_time", kind: kindTime, value: "500s", min: 1},
	{name: "daemon_timeout", kind: kindTime, value: "18000s", min: 1},
	{name: "in_flow_delay", kind: kindTime, value: "1s", max: 10},
	{name: "mynetworks", kind: kindText},
	{name: "master_service_disable", kind: kindText},
	{name: "service_throttle_time", kind: kindTime, value: "60s", min: 1},
}

// ownRows are parameters that the master reads at another time, and
// stationmaster's own.
var ownRows = [...]row{
	{name: "debugger_command", kind: kindText},
	{name: "master_reload_clears_throttle", kind: kindBool, value: "no"},
	{name: "master_journal_file", kind: kindText},
	{name: "master_journal_size_limit", kind: kindNumber, value: "67108864", min: 65536},
}

// IsOwn reports whether a parameter is one of stationmaster's own: Postfix does
// not know it.
func IsOwn(name string) bool {
	return name != "debugger_command" && slices.ContainsFunc(ownRows[:], func(r row) bool { return r.name == name })
}

// ownNames lists stationmaster's own parameters in a sentence.
func ownNames() string {
	text := ""
	for i := range ownRows {
		switch name := ownRows[i].name; {
		case !IsOwn(name):
		case text == "":
			text = name
		case i+1 < len(ownRows):
			text += ", " + name
		default:
			text += " and " + name
		}
	}
	return text
}

// rowIndex maps names to rows.
var rowIndex = func() map[string]*row {
	index := make(map[string]*row, len(rows)+len(ownRows))
	for i := range rows {
		index[rows[i].name] = &rows[i]
	}
	for i := range ownRows {
		index[ownRows[i].name] = &ownRows[i]
	}
	return index
}()

func builtin(name string) (*row, bool) {
	r, ok := rowIndex[name]
	return r, ok
}
