package facts

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/core"
)

// Without free descriptors, the kernel does not report families and interfaces;
// that must not count as their absence.
func TestShortageOfDescriptorsIsNoAbsence(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	family := familyError(unix.AF_INET)
	list, why := interfaces()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if family != 0 {
		t.Errorf("IPv4 is taken to be absent: %v", family)
	}
	if list != nil || why != core.EMFILE {
		t.Errorf("interfaces %v, error %v; want none, and %v", list, why, core.EMFILE)
	}
}
