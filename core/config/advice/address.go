package advice

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// addresses warns about services that compete for clients, or that listen on
// addresses that this machine does not have.
func (c *check) addresses() {
	owner := make(map[netip.AddrPort]*entry)
	for i := range c.entries {
		e := &c.entries[i]
		if e.off || e.resolved == nil || e.resolved.Type != core.Inet {
			continue
		}
		for _, endpoint := range e.resolved.Endpoints {
			a := endpoint.Address
			if a.Port() == 0 {
				continue
			}
			if first := owner[a]; first != nil {
				c.inMaster(SameAddress, e.place(config.ColumnName), "the service of line "+decimal(int64(first.Line))+" has the address "+
					a.String()+" too: the system distributes the clients over both at random",
					"give one of them another address or port, or remove it")
				continue
			}
			owner[a] = e
			c.foreign(e, a)
		}
	}
	for i := range c.entries {
		c.covered(&c.entries[i], owner)
	}
}

// covered warns about a service on one address of a port when another service
// listens on all addresses of that port.
func (c *check) covered(e *entry, owner map[netip.AddrPort]*entry) {
	if e.off || e.resolved == nil || e.resolved.Type != core.Inet {
		return
	}
	for _, endpoint := range e.resolved.Endpoints {
		a := endpoint.Address
		if a.Port() == 0 || owner[a] != e {
			continue
		}
		all := netip.IPv4Unspecified()
		if a.Addr().Is6() {
			all = netip.IPv6Unspecified()
		}
		other := owner[netip.AddrPortFrom(all, a.Port())]
		if other == nil || other == e {
			continue
		}
		c.inMaster(CoveredAddress, e.place(config.ColumnName), "the service \""+other.name()+"\" of line "+decimal(int64(other.Line))+
			" listens on port "+decimal(int64(a.Port()))+" of all addresses; clients of "+a.Addr().String()+
			" come here and never there, and systems without SO_REUSEPORT refuse the second of the two",
			"give one of them another port, or name the addresses of each, as in [address]:port or inet_interfaces")
		return
	}
}

// foreign warns about an address that no interface has.
func (c *check) foreign(e *entry, a netip.AddrPort) {
	local := c.p.Facts().Interfaces
	address := a.Addr()
	if c.in.Elsewhere || !e.resolved.HostInName || len(local) == 0 || address.IsUnspecified() || address.IsLoopback() || address.IsLinkLocalUnicast() {
		return
	}
	for _, p := range local {
		if p.Addr() == address || p.Addr().IsLoopback() && p.Contains(address) {
			return
		}
	}
	c.inMaster(ForeignAddress, e.place(config.ColumnName), "no interface that is up has the address "+address.String()+
		": the start fails, unless the system lets programs listen on addresses of others",
		"write an address of this machine, or none for those of inet_interfaces")
}
