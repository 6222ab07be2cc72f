package sys

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// IdentitySwitch changes the effective identity of the calling thread. Callers
// have locked their goroutine to its thread.
type IdentitySwitch interface {
	// Assume takes the effective user and group, and the group alone as
	// supplementary group. After an error, which comes with the step that failed,
	// the identity may be half changed.
	Assume(uid, gid uint32) (core.ListenStep, core.Errno)
	// Resume is root again, with the groups {0}.
	Resume() core.Errno
}

// resumeTries bounds the attempts to be root again.
const resumeTries = 3

// AsOwner runs act with the effective identity of owner, on this thread alone
// (spec runtime, 6; spec go-traps, G4). When the identity cannot be had, act is
// not run, and the step and the error say why. The thread is root again before AsOwner returns
// and also before a panic of act reaches its callers: what they log and save then
// is done as root.
//
// A kernel that refuses to give root back, although the real and the saved
// user still are root, leaves no safe way on: children would be started, and
// files opened, as somebody else. That panics with an *IdentityLost, which is
// no bug of ours: the process is to end with its text. A panic of act itself says
// more and goes on in its place.
func AsOwner(k IdentitySwitch, owner core.Account, act func()) (step core.ListenStep, e core.Errno) {
	panicked := true
	defer func() {
		if again := resume(k); again != 0 && !panicked {
			panic(&IdentityLost{Owner: owner, Errno: again, Step: step, Refused: e})
		}
	}()
	if step, e = k.Assume(owner.UID, owner.GID); e == 0 {
		act()
	}
	panicked = false
	return step, e
}

// resume makes the thread root again.
func resume(k IdentitySwitch) (e core.Errno) {
	for range resumeTries {
		if e = k.Resume(); e == 0 {
			break
		}
	}
	return e
}

// IdentityLost says that the kernel does not give root back to a thread that
// acted as Owner, or that was to and could not.
type IdentityLost struct {
	Owner   core.Account
	Errno   core.Errno
	Step    core.ListenStep // with Refused: what could not be had of Owner's identity
	Refused core.Errno      // 0: all was had
}

func (e *IdentityLost) Error() string {
	if e.Refused != 0 { // the first error is the one to mend
		return core.IdentityFailure(e.Step, e.Owner, e.Refused)
	}
	return fmt.Sprintf("cannot become root again after acting as %s: %s", e.Owner.Name, e.Errno)
}
