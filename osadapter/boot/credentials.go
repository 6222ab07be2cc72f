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

// Credentials are the user IDs of this process.
type Credentials struct {
	UID, EUID int
	GID, EGID int
}

// CurrentCredentials returns the credentials of this process.
func CurrentCredentials() Credentials {
	return Credentials{UID: unix.Getuid(), EUID: unix.Geteuid(), GID: unix.Getgid(), EGID: unix.Getegid()}
}

// Root reports whether the process was started by the superuser.
func (c Credentials) Root() bool { return c.UID == 0 }

// CheckStart is called before the options are read: the process must run as the
// user who started it. A user other than root passes, unlike in the original;
// CheckOwner decides when main.cf has been read.
func (c Credentials) CheckStart() error {
	if c.UID != 0 && c.EUID != c.UID {
		return ErrNotSuperuser
	}
	if c.EUID != c.UID || c.EGID != c.GID {
		return ErrSetUID
	}
	return nil
}

// CheckOwner is called when mail_owner is known. Root may continue, and switches
// identities where the contract says so. Another user may continue only as the mail
// owner itself; no identity is switched then.
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
// process, and so of all its children (spec runtime, 7.1). Only root may call it.
func SetRootGroups() error {
	if err := syscall.Setgroups([]int{0}); err != nil {
		return &failure{"set supplementary groups", err}
	}
	if err := syscall.Setgid(0); err != nil {
		return &failure{"set group", err}
	}
	return nil
}
