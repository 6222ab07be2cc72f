package config

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of host names in bytes (spec config, 5.3).
const (
	maxHostname = 255
	maxLabel    = 63
)

// checkHostname returns what is wrong with a host name, in the original's words,
// or "". With unicode set, bytes outside ASCII are letters.
func checkHostname(name string, unicode bool) string {
	if name == "" {
		return "empty hostname"
	}
	label, numeric := 0, true
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case isNameByte(c) || unicode && c >= 0x80:
			if label++; label > maxLabel {
				return "hostname label too long: " + clip(name)
			}
			numeric = numeric && isDigit(c)
		case c == '.':
			if label == 0 || i+1 == len(name) {
				return "misplaced delimiter: " + clip(name)
			}
			label = 0
		case c == '-':
			label++
			numeric = false
			if label == 1 || i+1 == len(name) || name[i+1] == '.' {
				return "misplaced hyphen: " + clip(name)
			}
		default:
			return "invalid character " + strconv.Itoa(int(c)) + "(decimal): " + clip(name)
		}
	}
	switch {
	case numeric:
		return "numeric hostname: " + clip(name)
	case len(name) > maxHostname:
		return "bad length " + strconv.Itoa(len(name)) + " for " + clip(name) + "..."
	}
	return ""
}

// clip truncates a name for a message.
func clip(name string) string {
	if len(name) > 100 {
		return name[:100]
	}
	return name
}

// validHost reports whether a text can be the host part of a service name: a
// host name or an address.
func validHost(text string, unicode bool) bool {
	if strings.IndexByte(text, ':') >= 0 {
		return validIPv6(text)
	}
	return validIPv4(text) || checkHostname(text, unicode && utf8.ValidString(text)) == ""
}

// validIPv4 makes the original's check: four decimal numbers up to 255, and a
// first number of 0 only in 0.0.0.0. Leading zeros are allowed.
func validIPv4(text string) bool {
	var octets [4]int
	n := 0
	for rest, more := text, true; more; n++ {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		if n == len(octets) || !allDigits(part) {
			return false
		}
		for i := 0; i < len(part); i++ {
			if octets[n] = octets[n]*10 + int(part[i]-'0'); octets[n] > 255 {
				return false
			}
		}
	}
	return n == len(octets) && (octets[0] != 0 || octets == [4]int{})
}

// validIPv6 makes the original's loose check (spec config, 5.3): a text that
// passes may still not be an address.
func validIPv6(text string) bool {
	colons, double := 0, false
	for field, rest, more := "", text, true; more; {
		field, rest, more = strings.Cut(rest, ":")
		if more {
			colons++
		}
		switch first, last := colons <= 1 && more, !more; {
		case field == "" && first:
			if !strings.HasPrefix(rest, ":") {
				return false
			}
		case field == "" && last:
			if !strings.HasSuffix(text, "::") {
				return false
			}
		case field == "":
			if double {
				return false
			}
			double = true
		case last && strings.IndexByte(field, '.') >= 0:
			return colons >= 2 && colons <= 6 && validIPv4(field)
		case len(field) > 4 || strings.Trim(field, "0123456789abcdefABCDEF") != "":
			return false
		}
	}
	return colons >= 2 && colons <= 7
}

// parseAddress parses an address in any form that the C library's resolver
// accepts: IPv6, or one to four numbers in decimal, octal or hexadecimal.
func parseAddress(text string) (netip.Addr, bool) {
	if strings.IndexByte(text, ':') >= 0 {
		a, err := netip.ParseAddr(text)
		return a, err == nil && a.Zone() == ""
	}
	var value uint64
	parts := 0
	for rest, more := text, true; more; parts++ {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		if part == "" || !isDigit(part[0]) || strings.IndexByte(part, '_') >= 0 || parts == 4 {
			return netip.Addr{}, false
		}
		n, err := strconv.ParseUint(cNumber(part), 0, 32)
		if err != nil {
			return netip.Addr{}, false
		}
		limit := uint64(255)
		if !more {
			limit = 1<<(8*(4-parts)) - 1
		}
		if n > limit {
			return netip.Addr{}, false
		}
		if more {
			value |= n << (8 * (3 - parts))
		} else {
			value |= n
		}
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// cNumber converts a number from C notation to Go notation: in Go, a leading 0
// may be followed by a letter other than x.
func cNumber(text string) string {
	if len(text) > 1 && text[0] == '0' && text[1]|0x20 != 'x' {
		return "0o" + text[1:]
	}
	return text
}

// formatAddress prints an address as the C library does: unlike Go, it prints
// the last four bytes of an IPv4-compatible address in decimal.
func formatAddress(a netip.Addr) string {
	if b := a.As16(); a.Is6() && [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0) {
		return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
	}
	return a.String()
}
