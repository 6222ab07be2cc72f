package config

import (
	"net/netip"
	"slices"
	"strings"
)

// networks returns the default of mynetworks in a style: the networks of the
// inet_interfaces addresses, each once and followed by a blank, as in the
// original. With "all" they are in the kernel's order, otherwise in that of the
// listening sockets.
func (e *evaluation) networks(style string) string {
	const param = "inet_interfaces"
	e.interfaces()
	if e.bad[param] {
		return ""
	}
	var out strings.Builder
	for _, p := range e.ownPrefixes() {
		text := networkText(style, p) + " "
		if !strings.HasPrefix(out.String(), text) && !strings.Contains(out.String(), " "+text) {
			out.WriteString(text)
		}
	}
	return out.String()
}

// ownPrefixes returns the inet_interfaces addresses with the prefix lengths of
// their interfaces.
func (e *evaluation) ownPrefixes() (list []netip.Prefix) {
	n, interfaces := &e.p.result.network, e.p.inquiry.facts.Interfaces
	if e.texts["inet_interfaces"] == "all" {
		for _, p := range interfaces {
			if n.enabled(p.Addr()) {
				list = append(list, p)
			}
		}
		return list
	}
	for _, a := range n.own {
		i := slices.IndexFunc(interfaces, func(p netip.Prefix) bool { return p.Addr() == a })
		if i >= 0 {
			list = append(list, interfaces[i])
		}
	}
	return list
}
