package facts

import (
	"syscall"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/command"
)

// Plain runs commands for programs that have no loop of their own: it starts
// the process and waits for that pid alone.
type Plain struct{}

// Run implements Runner.
func (Plain) Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error) {
	return command.Run(argv, limit, func(argv []string, attributes *syscall.ProcAttr) (int, <-chan core.ExitStatus, error) {
		pid, err := syscall.ForkExec(argv[0], argv, attributes)
		if err != nil {
			return 0, nil, err
		}
		ended := make(chan core.ExitStatus, 1)
		go func() { ended <- reap(pid) }()
		return pid, ended, nil
	})
}

// reap waits for the end of one process.
func reap(pid int) core.ExitStatus {
	for {
		var status syscall.WaitStatus
		switch _, err := syscall.Wait4(pid, &status, 0, nil); {
		case err == syscall.EINTR:
			continue
		case err == nil && status.Signaled():
			return core.KilledBy(core.Signal(status.Signal()))
		default:
			return core.ExitedWith(uint8(status.ExitStatus()))
		}
	}
}
