package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// unlockTerminal makes the other end of a pseudo-terminal usable and returns its
// path.
func unlockTerminal(fd int) (path string, err error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return "", err
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	return fmt.Sprintf("/dev/pts/%d", number), err
}
