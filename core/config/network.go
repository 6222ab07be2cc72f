package config

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core"
)

// network is the meaning of inet_protocols and inet_interfaces.
type network struct {
	ipv4, ipv6 bool
	own        []netip.Addr // where entries without a host listen, sorted
}

// enabled reports whether addresses of a's family may be used.
func (n *network) enabled(a netip.Addr) bool { return a.Is4() && n.ipv4 || a.Is6() && n.ipv6 }

// protocols evaluates inet_protocols (spec config, 5.4). Differs: Q9, at a
// reload the families of the start stay in force everywhere.
func (e *evaluation) protocols() {
	const param = "inet_protocols"
	n, whole := &e.p.result.network, e.texts[param]
	for rest := whole; rest != "" && !e.limitReached(param); {
		var word string
		if word, rest = cutPlain(rest); word == "" {
			continue
		}
		switch word {
		case "all":
			n.ipv4, n.ipv6 = true, true
		case "ipv4":
			n.ipv4 = true
		case "ipv6":
			n.ipv6 = true
		default:
			e.refuseIn(param, word, "unknown inet_protocols value \""+word+"\" in \""+whole+"\"",
				"use all, ipv4 or ipv6, in lower case")
		}
	}
	if e.bad[param] { // use all, so that nothing else is refused because of it
		n.ipv4, n.ipv6 = true, true
	}
	e.p.result.inetProtocols = whole
	if old := e.p.frozen; old != nil {
		n.ipv4, n.ipv6 = old.IPv4, old.IPv6
		e.p.result.inetProtocols = old.InetProtocols
		return
	}
	drop := func(on *bool, family string, why core.Errno) {
		if *on && why != 0 {
			*on = false
			e.warn(param, "inet_protocols: disabling "+family+" name/address support: "+why.String(),
				"the kernel does not have "+family+"; leave it out of inet_protocols")
		}
	}
	drop(&n.ipv6, "IPv6", e.p.inquiry.facts.IPv6)
	drop(&n.ipv4, "IPv4", e.p.inquiry.facts.IPv4)
}

// interfaces evaluates inet_interfaces (spec config, 5.4). As in Q10, the
// addresses of the start stay in force at a reload.
func (e *evaluation) interfaces() {
	const param = "inet_interfaces"
	if e.local { // already done for the default of mynetworks
		return
	}
	e.local = true
	r := &e.p.result
	n, value := &r.network, e.texts[param]
	r.inetInterfaces, r.interfacesNow = value, value
	if old := e.p.frozen; old != nil {
		n.own, r.inetInterfaces = old.Addresses, old.InetInterfaces
		return
	}
	if !n.ipv4 && !n.ipv6 {
		return
	}
	if !e.bad[param] {
		e.listed(value)
	}
	if e.bad[param] { // use all, so that no entry is refused because of it
		n.own = n.wildcards()
	}
}

// wildcards returns the addresses of inet_interfaces = all.
func (n *network) wildcards() (list []netip.Addr) {
	if n.ipv4 {
		list = append(list, netip.IPv4Unspecified())
	}
	if n.ipv6 {
		list = append(list, netip.IPv6Unspecified())
	}
	return list
}

// listed evaluates the value of inet_interfaces.
func (e *evaluation) listed(value string) {
	const param = "inet_interfaces"
	n := &e.p.result.network
	local := e.localAddresses()
	switch value {
	case "all":
		n.own = n.wildcards()
	case "loopback-only":
		for _, a := range local {
			if isLoopback(a) {
				n.own = append(n.own, a)
			}
		}
	default:
		e.namedInterfaces(value)
	}
	n.own = sortAddresses(n.own)
	if why := e.p.inquiry.facts.InterfacesError; why != 0 {
		e.refuse(param, "could not list the network interfaces ("+why.String()+")", "the system is out of file descriptors or memory; try again")
		return
	}
	if len(local) == 0 {
		e.refuse(param, "could not find any active network interfaces", "bring a network interface up, such as lo")
		return
	}
	for _, a := range n.own {
		if e.limitReached(param) {
			return
		}
		if !a.IsUnspecified() && !slices.Contains(local, a) || a.IsUnspecified() && value != "all" {
			e.refuseIn(param, formatAddress(a), "parameter inet_interfaces: no local interface found for "+formatAddress(a),
				"name addresses of this machine, or use all or loopback-only")
		}
	}
}

// namedInterfaces looks up the hosts of inet_interfaces.
func (e *evaluation) namedInterfaces(list string) {
	const param = "inet_interfaces"
	n := &e.p.result.network
	for item := range strings.FieldsFuncSeq(list, func(c rune) bool { return c == ' ' || c == '\t' || c == ',' }) {
		host := item
		if len(item) > 1 && item[0] == '[' && item[len(item)-1] == ']' {
			host = item[1 : len(item)-1]
		}
		found, answer, known := lookup(&e.p.inquiry, n, host)
		if !known {
			continue
		}
		if len(found) == 0 {
			e.refuseIn(param, item, "config variable inet_interfaces: host not found: "+item,
				because(answer.Trouble, "name hosts or addresses of the families in inet_protocols; write all and loopback-only alone and in lower case"))
		}
		n.own = append(n.own, found...)
	}
}

// address parses a numeric address. With IPv4 alone, the C library treats an
// IPv4 address in IPv6 form as the IPv4 address.
func (n *network) address(text string) (netip.Addr, bool) {
	a, ok := parseAddress(text)
	if !n.ipv6 {
		a = a.Unmap()
	}
	return a, ok
}

// lookup returns the addresses of a host in the enabled families, in the
// resolver's order. known is false when the name must still be looked up.
func lookup(q *inquiry, n *network, host string) (found []netip.Addr, answer Host, known bool) {
	if a, ok := n.address(host); ok {
		if n.enabled(a) {
			found = []netip.Addr{a}
		}
		return found, answer, true
	}
	if host == "" || strings.IndexByte(host, ':') >= 0 {
		return nil, answer, true
	}
	if answer, known = q.host(host); !known {
		return nil, answer, false
	}
	for _, a := range answer.Addresses {
		if a == netip.IPv6Loopback() && !n.ipv6 {
			// With IPv4 alone, the C library reads ::1 in the hosts file this way.
			a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		if n.enabled(a) {
			found = append(found, a)
		}
	}
	return found, answer, true
}

// localAddresses returns the addresses of the interfaces that are up, in the
// enabled families.
func (e *evaluation) localAddresses() []netip.Addr {
	var list []netip.Addr
	for _, p := range e.p.inquiry.facts.Interfaces {
		if e.p.result.network.enabled(p.Addr()) {
			list = append(list, p.Addr())
		}
	}
	return list
}

// isLoopback reports whether only this host can reach an address (spec config,
// 5.4).
func isLoopback(a netip.Addr) bool {
	return a.Is4() && a.As4()[0] == 127 || a == netip.IPv6Loopback()
}

// sortAddresses sorts addresses in the order of their sockets and removes
// duplicates: IPv4 first, by the signed difference of the numbers as a
// little-endian machine stores them; IPv6 by bytes (spec config, 5.4). The
// difference can overflow, so the order is that of the C library's merge sort.
func sortAddresses(list []netip.Addr) []netip.Addr {
	mergeSort(list, make([]netip.Addr, len(list)))
	return slices.Compact(list)
}

// mergeSort halves the list recursively; the depth is logarithmic in its length.
func mergeSort(list, spare []netip.Addr) {
	if len(list) < 2 {
		return
	}
	middle := len(list) / 2
	mergeSort(list[:middle], spare)
	mergeSort(list[middle:], spare)
	a, b, out := 0, middle, 0
	for ; a < middle && b < len(list); out++ {
		if addressOrder(list[a], list[b]) <= 0 {
			spare[out] = list[a]
			a++
		} else {
			spare[out] = list[b]
			b++
		}
	}
	out += copy(spare[out:], list[a:middle])
	copy(list, spare[:out])
}

func addressOrder(a, b netip.Addr) int {
	switch {
	case a.Is4() != b.Is4():
		if a.Is4() {
			return -1
		}
		return 1
	case a.Is4():
		return int(littleEndian(a) - littleEndian(b))
	}
	return a.Compare(b)
}

func littleEndian(a netip.Addr) int32 {
	b := a.As4()
	return int32(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
}

// ownNetworks returns the default of mynetworks, from mynetworks_style.
func (e *evaluation) ownNetworks() string {
	const param = "mynetworks_style"
	n, whole := &e.p.result.network, e.texts[param]
	_, given := e.p.table["mynetworks"]
	if given || e.bad[param] || !n.ipv4 && !n.ipv6 || e.p.frozen != nil {
		return "" // at a reload the original keeps the value of the start, which nothing here uses
	}
	var styles []string
	for rest := whole; rest != ""; {
		var word string
		if word, rest = cutPlain(rest); word == "" {
			continue
		}
		if word != "class" && word != "subnet" && word != "host" {
			e.refuseIn(param, word, "unknown mynetworks mask style value \""+word+"\" in \""+whole+"\"", "use host, subnet or class")
			return ""
		}
		styles = append(styles, word)
	}
	if len(styles) != 1 {
		e.refuse(param, "bad mynetworks_style value: "+whole+"; specify exactly one value", "use host, subnet or class")
		return ""
	}
	return e.networks(styles[0])
}

// networkText returns the network of an interface address in a style.
func networkText(style string, p netip.Prefix) string {
	a := p.Addr()
	switch {
	case style == "host":
		p = netip.PrefixFrom(a, a.BitLen())
	case style == "class" && a.Is4():
		bits := 24
		if first := a.As4()[0]; first < 128 {
			bits = 8
		} else if first < 192 {
			bits = 16
		}
		p = netip.PrefixFrom(a, bits)
	}
	p = p.Masked()
	if a.Is4() {
		return p.String()
	}
	return "[" + formatAddress(p.Addr()) + "]/" + number(p.Bits())
}
