package facts

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// interfaces gives the addresses of the interfaces that are up, in the
// kernel's order. An error of the kernel leaves the list empty, which the
// configuration reports when it needs one.
func interfaces() []netip.Prefix {
	up := interfacesUp()
	table, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		return nil
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return nil
	}
	var list []netip.Prefix
	for i := range messages {
		m := &messages[i]
		if m.Header.Type != syscall.RTM_NEWADDR || len(m.Data) < unix.SizeofIfAddrmsg {
			continue
		}
		header := (*unix.IfAddrmsg)(unsafe.Pointer(&m.Data[0]))
		attributes, err := syscall.ParseNetlinkRouteAttr(m)
		if err != nil || !up[header.Index] {
			continue
		}
		if a, ok := localAddress(attributes); ok {
			list = append(list, netip.PrefixFrom(a, int(header.Prefixlen)))
		}
	}
	return list
}

// localAddress picks our own end of a connection between two points over the
// address of the other end.
func localAddress(attributes []syscall.NetlinkRouteAttr) (a netip.Addr, ok bool) {
	for _, attribute := range attributes {
		switch attribute.Attr.Type {
		case syscall.IFA_LOCAL:
			return netip.AddrFromSlice(attribute.Value)
		case syscall.IFA_ADDRESS:
			a, ok = netip.AddrFromSlice(attribute.Value)
		}
	}
	return a, ok
}

// interfacesUp tells by index which interfaces are up.
func interfacesUp() map[uint32]bool {
	up := make(map[uint32]bool)
	table, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return up
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return up
	}
	for i := range messages {
		m := &messages[i]
		if m.Header.Type == syscall.RTM_NEWLINK && len(m.Data) >= unix.SizeofIfInfomsg {
			header := (*unix.IfInfomsg)(unsafe.Pointer(&m.Data[0]))
			up[uint32(header.Index)] = header.Flags&unix.IFF_UP != 0
		}
	}
	return up
}
