package advice

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/core/config"
)

// Listener is a TCP socket of this host that takes connections.
type Listener struct {
	Address  netip.AddrPort
	IPv6Only bool   // of the unspecified address of IPv6: it leaves IPv4 alone
	Holder   string // who has it, for people
	Own      bool   // the running master of this configuration has it
}

// takes reports whether a listener is in the way of another.
func (l *Listener) takes(a netip.AddrPort) bool {
	theirs, ours := l.Address.Addr().Unmap(), a.Addr()
	switch {
	case l.Own || l.Address.Port() != a.Port():
		return false
	case theirs.Is4() == ours.Is4():
		return theirs == ours || theirs.IsUnspecified() || ours.IsUnspecified()
	}
	return theirs.Is6() && theirs.IsUnspecified() && !l.IPv6Only // ours are of one family each
}

// taken looks for addresses that others listen on.
func (c *check) taken() {
	for i := range c.entries {
		e := &c.entries[i]
		if e.off || e.resolved == nil || e.resolved.Type != core.Inet {
			continue
		}
		for _, endpoint := range e.resolved.Endpoints {
			if l := c.taker(endpoint.Address); l != nil {
				c.inMaster(PortTaken, e.place(config.ColumnName), "the address "+endpoint.Address.String()+" is taken: "+l.Holder+" listens on "+
					l.Address.String()+"; the start fails, or each of the two receives some of the clients",
					"stop the other program, or give one of them another address or port")
			}
		}
	}
}

func (c *check) taker(a netip.AddrPort) *Listener {
	if a.Port() == 0 {
		return nil
	}
	for i := range c.in.Listeners {
		if l := &c.in.Listeners[i]; l.takes(a) {
			return l
		}
	}
	return nil
}
