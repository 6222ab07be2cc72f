package boot

import "golang.org/x/sys/unix"

// NewSession makes this process the leader of a session and a process group of
// its own, which ends with one signal to the group (spec go-traps, G9). A
// process that leads its session already is left as it is. The error reads
// "unable to set session and process group ID: STRERROR"; it happens to the
// leader of a process group, as an interactive shell starts it.
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
