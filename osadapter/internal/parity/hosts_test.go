//go:build linux

package parity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// usualHosts is the /etc/hosts of every station: localhost differs from machine to
// machine.
const usualHosts = "127.0.0.1 localhost\n::1 localhost\n"

// privateHosts mounts the station's file hosts over /etc/hosts, for us and our
// children only. A scenario may have created it already.
func privateHosts(dir string) error {
	path := filepath.Join(dir, "hosts")
	if err := os.WriteFile(path+".usual", []byte(usualHosts), 0o644); err != nil {
		return err
	}
	if err := os.Link(path+".usual", path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := unix.Mount(path, "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount /etc/hosts: %w", err)
	}
	return nil
}

// setHosts changes the station's host names. The mounted file stays the same.
func (s *station) setHosts(text string) {
	s.require("hosts", os.WriteFile(s.path("hosts"), []byte(text), 0o644))
}
