package known

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// alike are parameters whose defaults look like those of a kind, but whose
// values are not refused as such by every server that may read them: they are
// texts, or are read only when needed, or not at all. Sorted.
var alike = [...]string{
	"allow_min_user", "default_destination_concurrency_negative_feedback", "default_destination_concurrency_positive_feedback",
	"hopcount_limit", "ignore_mx_lookup_error", "lmtp_lhlo_timeout", "lmtp_tcp_port", "lmtp_tls_loglevel", "local_destination_concurrency_limit",
	"local_destination_recipient_limit", "milter_protocol", "qmgr_fudge_factor", "smtp_tls_loglevel",
	"smtp_tls_session_cache_timeout", "smtpd_forbid_bare_newline", "smtpd_tls_loglevel", "tls_append_default_CA",
	"tls_daemon_random_bytes", "tls_fast_shutdown_enable", "tls_legacy_public_key_fingerprints", "tls_preempt_cipherlist",
	"tls_wildcard_matches_multiple_labels",
}

// Kind returns the kind of a parameter that servers, but not the master, read.
// Kinds are derived from the defaults; each was verified by starting a server
// that reads the parameter with a bad value, which it refused.
func Kind(name string) (kind config.ValueKind, ok bool) {
	text, ok := find(name)
	if _, found := slices.BinarySearch(alike[:], name); !ok || found {
		return 0, false
	}
	number := strings.TrimRight(text, "smhdw")
	switch {
	case text == "yes" || text == "no":
		return config.Boolean, true
	case number == "" || strings.Trim(number, "0123456789") != "" || len(text)-len(number) > 1:
		return 0, false
	case number == text:
		return config.Number, true
	}
	return config.Span, true
}
