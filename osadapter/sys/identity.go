package sys

import (
	"fmt"

	"github.com/stationmaster/stationmaster/core"
)

// IdentitySwitch changes the effective identity of the calling thread. Callers must
// have locked their goroutine to its thread.
type IdentitySwitch interface {
	// Assume takes the effective user and group, and the group alone as
	// supplementary group. An error comes with the step that failed; the identity
	// may be half changed then.
	Assume(uid, gid uint32) (core.ListenStep, core.Errno)
	// Resume becomes root again, with the groups {0}.
	Resume() core.Errno
}

// resumeTries bounds the attempts to become root again.
const resumeTries = 3

// AsOwner runs act with the effective identity of owner, on this thread alone (spec
// runtime, 6; spec go-traps, G4). If the identity cannot be assumed, act is not
// run, and the step and the error say why. The thread is root again before AsOwner
// returns, and also before a panic of act reaches its callers, so that what they
// log and save is written as root.
//
// If the kernel refuses to make the thread root again, although its real and saved
// user are root, there is no safe way to continue: children would be started, and
// files opened, with the wrong identity. AsOwner panics with an *IdentityLost then,
// which is no bug of ours: the process must end with its text. If act itself
// panicked, that panic continues instead, since it says more.
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

// IdentityLost says that the kernel does not make a thread root again that acted as
// Owner, or that failed to.
type IdentityLost struct {
	Owner   core.Account
	Errno   core.Errno
	Step    core.ListenStep // with Refused: the step of Owner's identity that failed
	Refused core.Errno      // 0: the identity was assumed
}

func (e *IdentityLost) Error() string {
	if e.Refused != 0 { // the first error is the one to fix
		return core.IdentityFailure(e.Step, e.Owner, e.Refused)
	}
	return fmt.Sprintf("cannot become root again after acting as %s: %s", e.Owner.Name, e.Errno)
}
