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
// program has ended and is to be reaped, and when somebody may have ended while a
// sweep was excluded.
func NewCommands(ended func()) *Commands {
	return &Commands{waiting: map[core.PID]chan core.ExitStatus{}, ended: ended}
}

// Run implements facts.Runner. It must not be called on the loop's goroutine.
func (c *Commands) Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error) {
	return command.Run(argv, limit, c.fork)
}

// fork holds the lock, so that the loop cannot meet the status before we know
// the number, nor that of a process which could not execute the program.
func (c *Commands) fork(argv []string, attributes *syscall.ProcAttr) (int, <-chan core.ExitStatus, error) {
	defer c.ended()
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

// exclude keeps programs from being started until admit. It does not wait: when
// one is being started just now, it gives false, and ended will be called.
func (c *Commands) exclude() bool { return c == nil || c.mu.TryLock() }

func (c *Commands) admit() {
	if c != nil {
		c.mu.Unlock()
	}
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
