package boot

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Refusals of a start, in the original's words.
var (
	ErrNotSuperuser = errors.New("the master command is reserved for the superuser")
	ErrSetUID       = errors.New("the master command must not run as a set-uid process")
)

// Credentials are the identities of this process.
type Credentials struct {
	UID, EUID int
	GID, EGID int
}

// CurrentCredentials asks the kernel.
func CurrentCredentials() Credentials {
	return Credentials{UID: unix.Getuid(), EUID: unix.Geteuid(), GID: unix.Getgid(), EGID: unix.Getegid()}
}

// Root reports whether the process was started by the superuser.
func (c Credentials) Root() bool { return c.UID == 0 }

// CheckStart is asked before the options are read: the process must run as who
// started it. Another user than root passes here, unlike with the original, and
// is judged by CheckOwner when main.cf has been read.
func (c Credentials) CheckStart() error {
	if c.UID != 0 && c.EUID != c.UID {
		return ErrNotSuperuser
	}
	if c.EUID != c.UID || c.EGID != c.GID {
		return ErrSetUID
	}
	return nil
}

// CheckOwner is asked when mail_owner is known. Root may go on, and identities
// are switched where the contract says so. Another user may go on only as the
// mail owner itself; no identity is switched then.
func (c Credentials) CheckOwner(owner uint32) (switchIdentity bool, err error) {
	if c.UID == 0 {
		return true, nil
	}
	if uint64(c.UID) != uint64(owner) {
		return false, ErrNotSuperuser
	}
	return false, nil
}

// SetRootGroups makes group 0 the group and the only supplementary group of the
// process and so of all its children (spec runtime, 7.1). For root alone.
func SetRootGroups() error {
	if err := syscall.Setgroups([]int{0}); err != nil {
		return &failure{"set supplementary groups", err}
	}
	if err := syscall.Setgid(0); err != nil {
		return &failure{"set group", err}
	}
	return nil
}
