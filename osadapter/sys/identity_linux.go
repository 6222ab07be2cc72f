package sys

import (
	"runtime"
	"unsafe"

	"github.com/stationmaster/stationmaster/core"
	"golang.org/x/sys/unix"
)

// keep is the argument that leaves an identity unchanged.
const keep = ^uintptr(0)

// Assume sets the effective user and group of the calling thread, and of no other,
// and makes the group its only supplementary one. Real and saved identity stay, so
// that Resume can undo it. The goroutine must be locked to its thread. The
// functions of package syscall would change all threads at once (spec go-traps,
// G4). After an error the identity may be half changed; call Resume.
func (Linux) Assume(uid, gid uint32) (core.ListenStep, core.Errno) {
	// The user last: only root may change groups.
	if step, e := setGroup(gid); e != 0 {
		return step, e
	}
	_, _, e := unix.RawSyscall(setresuid, keep, uintptr(uid), keep)
	return core.StepUser, core.Errno(e)
}

// Resume makes the calling thread root again, with the groups {0}.
func (Linux) Resume() core.Errno {
	// The user first: only root may change groups.
	if _, _, e := unix.RawSyscall(setresuid, keep, 0, keep); e != 0 {
		return core.Errno(e)
	}
	_, e := setGroup(0)
	return e
}

// setGroup sets the effective group and the supplementary groups, in the original's
// order.
func setGroup(gid uint32) (core.ListenStep, core.Errno) {
	if _, _, e := unix.RawSyscall(setresgid, keep, uintptr(gid), keep); e != 0 {
		return core.StepGroup, core.Errno(e)
	}
	groups := [1]uint32{gid}
	_, _, e := unix.RawSyscall(setgroups, 1, uintptr(unsafe.Pointer(&groups[0])), 0)
	runtime.KeepAlive(&groups)
	return core.StepGroups, core.Errno(e)
}
