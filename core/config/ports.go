package config

import (
	"strconv"
	"strings"
)

// knownPorts parses known_tcp_ports (spec config, 5.5): names followed by a
// port. Of a bad item only the names before the mistake count.
func (e *evaluation) knownPorts() {
	const param = "known_tcp_ports"
	known := make(map[string]string)
	e.p.result.knownPorts = known
	for item := range strings.SplitSeq(e.texts[param], ",") {
		if item == "" {
			continue
		}
		if fault := addKnownPorts(known, item); fault != "" && !e.limitReached(param) {
			e.warnIn(param, strings.TrimLeft(item, " \t\r\n"), param+": in \""+item+"\""+fault, "write name = port, with commas between the items")
		}
	}
}

// addKnownPorts adds the names of one item. fault is the warning's text after
// the item.
func addKnownPorts(known map[string]string, item string) (fault string) {
	last := strings.LastIndexByte(item, '=')
	if last < 0 {
		return " is not in \"name = value\" form"
	}
	port := trimSpaceBlank(item[last+1:])
	switch {
	case port == "":
		return ": missing port value after \"=\""
	case strings.ContainsAny(port, " \t\r\n"):
		return ": whitespace in port number"
	}
	for name := range strings.SplitSeq(item[:last], "=") {
		name = trimSpaceBlank(name)
		switch {
		case name == "":
			return ": missing service name before \"=\""
		case strings.ContainsAny(name, " \t\r\n"):
			return ": whitespace in service name"
		case allDigits(name):
			return ": numerical service name"
		case !allDigits(port):
			return ": non-numerical service port"
		case known[name] != "":
			return ": duplicate service name"
		}
		known[name] = port
	}
	return ""
}

func trimSpaceBlank(s string) string { return strings.Trim(s, " \t\r\n") }

// port returns the number of a TCP port as the C library does: a number modulo
// 65536, or a name. ok is false when there is no such port, or when it must
// still be looked up. overflow reports that the number did not fit (quirk Q14).
func (r *resolver) port(text string) (n uint16, ok, overflow bool) {
	if mapped := r.p.result.knownPorts[text]; mapped != "" {
		text = mapped
	}
	value, numeric := unsigned(text)
	if numeric && int32(value) >= 0 {
		return uint16(value), true, value > 65535 || text[0] == '-'
	}
	answer, known := r.q.port(text)
	return answer.Number, answer.Found || !known, false
}

// unsigned parses a whole text as strtoul does: an optional sign and digits,
// negated by a minus, saturated at 64 bits.
func unsigned(text string) (value uint64, ok bool) {
	digits, minus := text, false
	if text != "" && (text[0] == '+' || text[0] == '-') {
		digits, minus = text[1:], text[0] == '-'
	}
	if !allDigits(digits) {
		return 0, false
	}
	value, err := strconv.ParseUint(digits, 10, 64)
	if minus && err == nil {
		value = -value
	}
	return value, true
}
