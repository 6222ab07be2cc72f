// Package known holds the names and built-in defaults of all parameters of the
// original (release 3.7.11), so that tools can show the value of any of them and
// suggest the right name for a misspelt one.
//
// It is for tools only: the daemon reads few parameters, which core/config has
// itself, and does not link this package. It knows which parameters are numbers,
// times, or yes or no, but no limits and nothing about texts: only the program
// that reads a text knows whether it is valid.
package known

import (
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// table has a line "name=default" for each parameter that core/config lacks,
// sorted by name in bytes. The defaults are as `postconf -d` shows them,
// unexpanded, in Debian's flavour.
const table = table2toO + tablePtoSMTP + tableSMTPDtoV

// derived are the parameters whose defaults come from the system, besides
// myhostname, mydomain and mynetworks.
var derived = [...]string{"config_directory", "process_id", "process_name"}

// Default returns the built-in default of a parameter of the original or of
// ours, unexpanded, in the flavour in force. It is empty for those that are
// derived from the system; see config.Parameters.Derived.
func Default(name string) (text string, ok bool) {
	if text, ok := config.Default(name); ok {
		return text, true
	}
	if text, ok := find(name); ok {
		return flavoured(name, text, config.Flavour()), true
	}
	return "", slices.Contains(derived[:], name)
}

// flavoured returns upstream's default where it is known to differ from
// Debian's. Others depend on the system for which the original was built.
func flavoured(name, debian, flavour string) string {
	if flavour != "upstream" {
		return debian
	}
	switch name {
	case "html_directory", "readme_directory":
		return "no"
	case "manpage_directory":
		return "/usr/local/man"
	}
	return debian
}

// find returns the table's default of a name.
func find(name string) (text string, ok bool) {
	low, high := 0, len(table) // offsets of lines
	for low < high {
		start := low + strings.LastIndexByte(table[low:low+(high-low)/2], '\n') + 1
		end := start + strings.IndexByte(table[start:], '\n')
		key, value, _ := strings.Cut(table[start:end], "=")
		switch strings.Compare(name, key) {
		case 0:
			return value, true
		case -1:
			high = start
		default:
			low = end + 1
		}
	}
	return "", false
}

// Names returns the names of all built-in parameters of the original, sorted by
// bytes.
func Names() []string {
	names := slices.Clone(derived[:])
	for name, own := range config.EachDefault {
		if !own {
			names = append(names, name)
		}
	}
	for rest := table; rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// legacy are names that the original no longer has but still reads, through the
// default of the parameter that replaced them. Sorted.
var legacy = [...]string{
	"authorized_verp_clients", "fallback_relay", "lmtp_per_record_deadline",
	"postscreen_blacklist_action", "postscreen_dnsbl_ttl", "postscreen_dnsbl_whitelist_threshold",
	"postscreen_whitelist_interfaces", "smtp_per_record_deadline",
	"smtpd_client_connection_limit_exceptions", "smtpd_per_record_deadline",
	"tlsproxy_client_level", "tlsproxy_client_policy", "virtual_maps",
}

// Is reports whether a name is known in every configuration: a built-in
// parameter, an old name that still has an effect, or a parameter of our own.
func Is(name string) bool {
	_, ok := Default(name)
	return ok || isLegacy(name)
}

// Renamed returns the current name of a parameter whose old name the original
// still reads. ok is false for all other names.
func Renamed(name string) (now string, ok bool) {
	if !isLegacy(name) {
		return "", false
	}
	for line := range strings.Lines(table) {
		now, text, _ := strings.Cut(line, "=")
		for other := range macroNames(text) {
			if other == name {
				return now, true
			}
		}
	}
	return "", false
}

func isLegacy(name string) bool {
	_, ok := slices.BinarySearch(legacy[:], name)
	return ok
}

// verbatim reports whether the programs that read a parameter expand its macros
// themselves, with their own names such as $recipient: its value is then the
// text of main.cf unchanged.
func verbatim(name string) bool {
	switch name {
	case "command_execution_directory", "default_rbl_reply", "forward_path", "luser_relay", "mailbox_command",
		"postscreen_expansion_filter", "postscreen_reject_footer", "smtpd_expansion_filter", "smtpd_reject_footer":
		return true
	}
	return false
}

// readOnly reports whether the original ignores a name's entry in main.cf.
func readOnly(name string) bool {
	return name == "process_id" || name == "process_name" || name == "service_name"
}
