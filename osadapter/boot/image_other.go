//go:build !linux

package boot

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

var errNoSelf = errors.New("this system has no /proc/self/exe: the daemon cannot start itself again (options -w and a clean start need Linux)")

func programPath() (string, error) { return "", errNoSelf }

func executeUnmasked(string, []string, []string) error { return errNoSelf }

func forkUnmasked(string, []string, []string, int) (int, error) { return 0, errNoSelf }

func reserveTable() (release func()) { return func() {} }

func nameProcess() {}

func closeOnExecPipe(ends *[2]int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(ends[:]); err != nil {
		return err
	}
	unix.CloseOnExec(ends[0])
	unix.CloseOnExec(ends[1])
	return nil
}

// tryPoller reports nothing: what the runtime opens here is not known.
func tryPoller() error { return nil }
