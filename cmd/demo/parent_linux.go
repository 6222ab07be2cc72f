package main

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeParent makes processes whose parent ends ours to wait for, so that no
// server of a daemon that has died is lost sight of.
func becomeParent() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of what the daemon leaves: %w", err)
	}
	return nil
}

// daemonAttributes: a session of its own, away from our terminal, and an end in
// order should we be killed (the kernel forgets the latter for a daemon that
// switches identities, as it does for root). The calling thread must be one
// that lives as long as we.
func daemonAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
}
