package config

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stationmaster/stationmaster/core"
)

// splitEndpoint splits the name of an inet service into host and port (spec
// config, 5.3). fault is the original's reason when it cannot; host is set even
// if it is the part at fault.
func splitEndpoint(name string, unicode bool) (host, port, fault string) {
	bracket := strings.HasPrefix(name, "[")
	switch {
	case bracket:
		end := strings.IndexByte(name, ']')
		if end < 0 {
			return "", "", "missing \"]\""
		}
		host, port = name[1:end], name[end+1:]
		if port != "" && port[0] != ':' {
			return "", "", "garbage after \"]\""
		}
		port = strings.TrimPrefix(port, ":")
		if len(host) >= 5 && equalFold(host[:5], "IPv6:") {
			if host = host[5:]; !validIPv6(host) {
				return "", "", "malformed IPv6 address"
			}
		}
	default:
		colon := strings.LastIndexByte(name, ':')
		host, port = name[:max(colon, 0)], name[colon+1:]
	}
	switch {
	case port == "":
		return "", "", "missing service information"
	case (bracket || host != "") && !validHost(host, unicode):
		return host, "", "valid hostname or network address required"
	case isDigit(port[0]) && !allDigits(port):
		return "", "", "garbage after numerical service"
	}
	return host, port, ""
}

// inetName is the name column of an inet entry, resolved.
type inetName struct {
	host, port string
	addresses  []netip.Addr
}

// inetName resolves the name column of an inet entry, before the next column is
// read. ok is false when the entry is refused or a name is unknown.
func (r *resolver) inetName(e *MasterEntry) (name inetName, ok bool) {
	field := e.Fields[ColumnName]
	host, port, fault := splitEndpoint(field.Text, r.p.result.log.AllowUnicode)
	if fault != "" {
		if r.p.result.log.AllowUnicode && !utf8.ValidString(host) {
			r.say(core.Warning, e.At(field), "midna_domain_to_ascii_create: Problem translating domain \""+host+"\" to ASCII form: malformed UTF-8",
				"write the name in UTF-8")
		}
		r.refuse(e, field, fault+" in \""+field.Text+"\"", "write port, host:port or [address]:port")
		return name, false
	}
	n := &r.p.result.network
	name = inetName{host: host, port: port, addresses: n.own}
	if host == "" {
		return name, true
	}
	found, answer, known := lookup(&r.q, n, host)
	if known && len(found) == 0 {
		r.refuse(e, field, "bad hostname or network address: "+field.Text,
			because(answer.Trouble, "use a host with an address of a family in inet_protocols"))
		return name, false
	}
	name.addresses = sortAddresses(found)
	return name, known
}

// portOf returns the port at the end of the name column.
func portOf(e *MasterEntry, port string) Field {
	f := e.Fields[ColumnName]
	f.offset += len(f.Text) - len(port)
	f.Text = port
	return f
}

// bind sets the endpoints and the identity of an inet entry. fault is the
// original's reason when there is no such port.
func (r *resolver) bind(s *core.ServiceConfig, e *MasterEntry, name inetName) (fault string) {
	port, found, overflow := r.port(name.port)
	s.HostInName, s.LocalOnly = name.host != "", true
	s.Endpoints = make([]core.Endpoint, len(name.addresses))
	for i, a := range name.addresses {
		s.Endpoints[i].Address = netip.AddrPortFrom(a, port)
		s.LocalOnly = s.LocalOnly && isLoopback(a)
	}
	s.Canonical = s.Name
	first := formatAddress(name.addresses[0]) + ":" + name.port
	if _, _, bad := splitEndpoint(first, r.p.result.log.AllowUnicode); bad != "" {
		fault = first + ": " + bad
	}
	if !found {
		if fault == "" {
			fault = first + ": Servname not supported for ai_socktype"
		}
		return fault
	}
	s.Canonical = strconv.Itoa(int(port))
	if a, numeric := r.p.result.network.address(name.host); numeric {
		s.Canonical = "[" + formatAddress(a) + "]:" + s.Canonical
	} else if name.host != "" {
		s.Canonical = "[" + name.host + "]:" + s.Canonical
	}
	if overflow {
		r.advise(e, portOf(e, name.port), "port "+name.port+" is taken modulo 65536, as "+strconv.Itoa(int(port)),
			"write a port from 1 to 65535")
	}
	return fault
}
