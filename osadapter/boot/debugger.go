package boot

import (
	"errors"
	"syscall"
)

// RunDebugger runs command with /bin/sh -c in the given environment and waits until
// it ends, however long that takes (option -D; spec runtime, 15). It ignores the
// command's exit status; the error says that the command could not be started or
// waited for. Nothing else may reap children meanwhile.
func RunDebugger(command string, environ []string) error {
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", command}, &syscall.ProcAttr{
		Env:   environ,
		Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return &failure{"run /bin/sh", err}
	}
	for {
		_, err := syscall.Wait4(pid, nil, 0, nil)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return &failure{"wait for the debugger command", err}
		}
	}
}
