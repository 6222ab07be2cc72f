//go:build linux && !amd64 && !arm64

package sys

import "github.com/stationmaster/stationmaster/core"

// plan is nothing here.
type plan struct{}

// start leaves it to ForkExec: there is no assembly for this processor.
func start(*Process) (pid core.PID, step core.StartStep, e core.Errno, tried bool) {
	return 0, core.StartFork, ENOSYS, false
}
