//go:build linux && (386 || arm)

package sys

import "golang.org/x/sys/unix"

// The calls that take 32-bit IDs; the plain ones take 16 bits here.
const (
	setgroups = unix.SYS_SETGROUPS32
	setresgid = unix.SYS_SETRESGID32
	setresuid = unix.SYS_SETRESUID32
)
