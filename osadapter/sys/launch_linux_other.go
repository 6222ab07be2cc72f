//go:build linux && !amd64 && !arm64

package sys

import "github.com/stationmaster/stationmaster/core"

// plan is not used here.
type plan struct{}

// start leaves the start to ForkExec: there is no assembly for this processor.
func start(*Process) (l Launch, step core.StartStep, e core.Errno, tried bool) {
	return Launch{}, core.StartFork, ENOSYS, false
}

// Launched is never called: ForkExec waits for the exec itself.
func (Linux) Launched(*Launch, core.Duration) (core.StartStep, core.Errno) {
	return core.StartNone, 0
}
