//go:build !linux

package boot

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const mostDescriptors = 1 << 16

// CloseInherited closes every descriptor from 3 up that is not close-on-exec: a
// careless parent left it open (spec go-traps, G7).
func CloseInherited() {
	bound := mostDescriptors
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && uint64(limit.Max) < mostDescriptors {
		bound = int(limit.Max)
	}
	for fd := firstOwnFD; fd < bound; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// closeChannels does nothing: the daemon does not run on this system.
func closeChannels() {}
