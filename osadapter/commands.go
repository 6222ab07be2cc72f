package osadapter

import (
	"sync"
	"syscall"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/command"
)

// Commands runs short-lived programs, such as getent, beside the loop. The
// loop reaps every process there is, so their statuses come through it (spec
// go-traps, G13).
type Commands struct {
	mu      sync.Mutex
	waiting map[core.PID]chan core.ExitStatus
	ended   func()
}

// NewCommands gives an empty set. ended is called, on another goroutine, when a
// program has ended and is to be reaped.
func NewCommands(ended func()) *Commands {
	return &Commands{waiting: map[core.PID]chan core.ExitStatus{}, ended: ended}
}

// Run implements facts.Runner. It must not be called on the loop's goroutine.
func (c *Commands) Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error) {
	return command.Run(argv, limit, c.fork)
}

// fork holds the lock, so that the loop cannot meet the status before we know
// the number.
func (c *Commands) fork(argv []string, attributes *syscall.ProcAttr) (int, <-chan core.ExitStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pid, err := syscall.ForkExec(argv[0], argv, attributes)
	if err != nil {
		return 0, nil, err
	}
	ended := make(chan core.ExitStatus, 1)
	c.waiting[core.PID(pid)] = ended
	go func() {
		awaitEnd(pid)
		c.ended()
	}()
	return pid, ended, nil
}

// claim takes the status of a process if it is one of ours.
func (c *Commands) claim(pid core.PID, s core.ExitStatus) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ended, ok := c.waiting[pid]
	if ok {
		delete(c.waiting, pid)
		ended <- s
	}
	return ok
}
