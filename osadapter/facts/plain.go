package facts

import (
	"sync"
	"syscall"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/internal/command"
)

// Plain runs commands for programs that have no loop of their own: it starts the
// process and waits for that process only.
type Plain struct{}

// Run implements Runner.
func (Plain) Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error) {
	return command.Run(argv, limit, func(p *command.Program) (r *command.Running, err error) {
		lock := &sync.Mutex{}
		r, err = command.Begin(p, lock, func() { reap(r, lock) })
		return r, err
	})
}

// reap takes the status of the process if it has ended.
func reap(r *command.Running, lock sync.Locker) {
	lock.Lock()
	defer lock.Unlock()
	var status syscall.WaitStatus
	switch pid, err := syscall.Wait4(int(r.PID), &status, syscall.WNOHANG, nil); {
	case err == syscall.EINTR || err == nil && pid == 0:
	case err == nil && status.Signaled():
		r.Reaped(core.KilledBy(core.Signal(status.Signal())))
	default:
		r.Reaped(core.ExitedWith(uint8(status.ExitStatus())))
	}
}
