package osadapter

import (
	"sync"
	"time"

	"github.com/stationmaster/stationmaster/core"
	"github.com/stationmaster/stationmaster/osadapter/internal/command"
	"github.com/stationmaster/stationmaster/osadapter/sys"
)

// Commands runs short-lived programs, such as getent, beside the loop. The
// loop reaps every process there is, so their statuses come through it (spec
// go-traps, G13).
type Commands struct {
	mu      sync.Mutex
	running map[core.PID]*command.Running // not reaped
	started func()
	ended   func()
}

// NewCommands returns an empty set. started is called, on another goroutine, when there is
// a process to be reaped in the end; ended when it is time for that, and when a process
// may have ended while a sweep was excluded.
func NewCommands(started, ended func()) *Commands {
	return &Commands{running: map[core.PID]*command.Running{}, started: started, ended: ended}
}

// Run implements facts.Runner. It must not be called on the loop's goroutine.
func (c *Commands) Run(argv []string, limit time.Duration) (stdout []byte, exit int, err error) {
	return command.Run(argv, limit, c.begin)
}

// begin holds the lock, so that the loop cannot meet the status before we know
// the number.
func (c *Commands) begin(p *command.Program) (r *command.Running, err error) {
	defer c.ended()
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err = command.Begin(p, &c.mu, func() { c.look(r) })
	if err != nil {
		return nil, err
	}
	c.running[r.PID] = r
	c.started()
	return r, nil
}

// look has the loop reap a program that has ended.
func (c *Commands) look(r *command.Running) {
	if hasEnded(int(r.PID)) {
		c.ended()
	}
}

// Exclude implements Programs: when it returns false, ended will be called.
func (c *Commands) Exclude() bool { return c.mu.TryLock() }

// Admit implements Programs.
func (c *Commands) Admit() { c.mu.Unlock() }

// Claim implements Programs.
func (c *Commands) Claim(r *sys.Reaped) bool {
	if r.Stopped != 0 {
		return false
	}
	program, ok := c.running[r.PID]
	if ok {
		delete(c.running, r.PID)
		program.Reaped(r.Status)
	}
	return ok
}
