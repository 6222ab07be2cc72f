//go:build linux && !386 && !arm

package sys

import "golang.org/x/sys/unix"

// The calls that take 32-bit IDs.
const (
	setgroups = unix.SYS_SETGROUPS
	setresgid = unix.SYS_SETRESGID
	setresuid = unix.SYS_SETRESUID
)
