//go:build !linux

package facts

import (
	"net/netip"

	"github.com/stationmaster/stationmaster/core"
)

// interfaces returns the addresses of the loopback interface only: other interfaces
// can be looked up on Linux alone, so inet_interfaces must be all or loopback-only
// on this system.
func interfaces() ([]netip.Prefix, core.Errno) {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}, 0
}
