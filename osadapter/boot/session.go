package boot

import "golang.org/x/sys/unix"

// NewSession makes this process the leader of a new session and process group,
// which one signal to the group can end (spec go-traps, G9). If the process already
// leads its session, nothing changes. The error reads "unable to set session and
// process group ID: STRERROR"; it happens if the process leads a process group, as
// when an interactive shell starts it.
func NewSession() error {
	_, err := unix.Setsid()
	if err == nil {
		return nil
	}
	if session, sidErr := unix.Getsid(0); sidErr == nil && session == unix.Getpid() {
		return nil
	}
	return &failure{"unable to set session and process group ID", err}
}
