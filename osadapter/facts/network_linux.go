package facts

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// interfaces returns the addresses of the interfaces that are up, in the kernel's
// order. An error of the kernel leaves the list empty, which the configuration
// reports if it needs one.
func interfaces() ([]netip.Prefix, core.Errno) {
	up, err := interfacesUp()
	if err != nil {
		return nil, errorNumber(err)
	}
	messages, err := ask(syscall.RTM_GETADDR)
	if err != nil {
		return nil, errorNumber(err)
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
	return list, 0
}

// ask requests one of the kernel's tables, again if a signal or a change of the
// table interrupts.
func ask(what int) (messages []syscall.NetlinkMessage, err error) {
	const tries = 3
	for range tries {
		var table []byte
		if table, err = syscall.NetlinkRIB(what, syscall.AF_UNSPEC); err == nil {
			return syscall.ParseNetlinkMessage(table)
		}
	}
	return nil, err
}

// localAddress prefers our own end of a point-to-point connection to the address of
// the other end.
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

// interfacesUp returns the indexes of the interfaces that are up.
func interfacesUp() (map[uint32]bool, error) {
	up := make(map[uint32]bool)
	messages, err := ask(syscall.RTM_GETLINK)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		m := &messages[i]
		if m.Header.Type == syscall.RTM_NEWLINK && len(m.Data) >= unix.SizeofIfInfomsg {
			header := (*unix.IfInfomsg)(unsafe.Pointer(&m.Data[0]))
			up[uint32(header.Index)] = header.Flags&unix.IFF_UP != 0
		}
	}
	return up, nil
}
