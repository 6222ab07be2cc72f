package facts

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/stationmaster/stationmaster/core/config"
)

// elsewhere reports whether the configuration belongs to another host.
func (l *Loader) elsewhere() bool { return l.Offline || l.Root != "" }

// Assumed lists what was assumed to exist because the host of the configuration
// could not be asked. The lists are sorted.
type Assumed struct {
	Users, Groups []string
	Hosts         []string // their addresses
	Ports         []string // names of TCP services
	Files         []string // whose first line is a value
}

// Assumed returns what the last load assumed: nothing if the configuration belongs
// to this host.
func (l *Loader) Assumed() Assumed { return l.assumed }

// note adds a name to a list.
func note(list *[]string, name string) (number int) {
	if i, found := slices.BinarySearch(*list, name); !found {
		*list = slices.Insert(*list, i, name)
	}
	return len(*list)
}

// Numbers and addresses for what is not known. They differ from each other, so that
// nothing is refused for being the same as something else.
const (
	firstAssumedID   = 1 << 30
	lastAssumedPort  = 65535
	maxAssumedHosts  = 1 << 15
	unknownFirstLine = "unknown.invalid"
)

func (l *Loader) assumeUser(name string) config.User {
	n := uint32(note(&l.assumed.Users, name))
	return config.User{Found: true, UID: firstAssumedID + n, GID: firstAssumedID + n}
}

func (l *Loader) assumeGroup(name string) config.Group {
	const groups = 1 << 20 // distinct from those of the users
	return config.Group{Found: true, GID: firstAssumedID + groups + uint32(note(&l.assumed.Groups, name))}
}

func (l *Loader) assumePort(name string) config.Port {
	n := note(&l.assumed.Ports, name)
	return config.Port{Found: n < lastAssumedPort, Number: uint16(lastAssumedPort + 1 - n)}
}

// assumeHost returns a host with an address of each family, taken from those that
// are reserved for tests and for documentation.
func (l *Loader) assumeHost(name string) config.Host {
	if strings.EqualFold(name, "localhost") {
		return config.Host{Addresses: []netip.Addr{loopback[0].Addr(), loopback[1].Addr()}}
	}
	n := note(&l.assumed.Hosts, name)
	if n >= maxAssumedHosts {
		return config.Host{}
	}
	high, low := byte(n>>8), byte(n)
	return config.Host{Addresses: []netip.Addr{
		netip.AddrFrom4([4]byte{198, 18, high, low}),
		netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 14: high, 15: low}),
	}}
}

// loopback are the addresses that every host has.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}

// assumeInterfaces adds the addresses that inet_interfaces names to the facts: the
// host is assumed to have them. It reports whether there is a new one.
func (l *Loader) assumeInterfaces(p *config.Parameters) (added bool) {
	value, err := p.Value("inet_interfaces")
	if err != nil {
		return false
	}
	add := func(a netip.Addr) {
		if own := netip.PrefixFrom(a, a.BitLen()); a.IsValid() && !a.IsUnspecified() && !slices.ContainsFunc(l.facts.Interfaces, func(p netip.Prefix) bool { return p.Addr() == a }) {
			l.facts.Interfaces = append(l.facts.Interfaces, own)
			added = true
		}
	}
	for item := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) }) {
		item = strings.TrimSuffix(strings.TrimPrefix(item, "["), "]")
		if a, err := netip.ParseAddr(item); err == nil {
			add(a)
			add(a.Unmap())
		}
		for _, a := range l.facts.Hosts[item].Addresses {
			add(a)
		}
	}
	return added
}

// inRoot returns the path of a file of the configuration's host.
func (l *Loader) inRoot(path string) string {
	found, err := InRoot(l.Root, path)
	if err != nil {
		return l.Root + path // opening it fails with the same error
	}
	return found
}

// firstLine reads the first line of a file of the configuration's host.
func (l *Loader) firstLine(path string) config.File {
	if l.Offline {
		note(&l.assumed.Files, path)
		return config.File{Line: unknownFirstLine}
	}
	return firstLine(l.inRoot(path))
}

// hostnameFile holds the name of a host.
const hostnameFile = "/etc/hostname"

// hostnameElsewhere returns the name of the configuration's host, as far as it is
// known.
func (l *Loader) hostnameElsewhere() string {
	if l.Root != "" {
		if name := strings.TrimSpace(firstLine(l.inRoot(hostnameFile)).Line); name != "" {
			return name
		}
	}
	return unknownFirstLine
}
