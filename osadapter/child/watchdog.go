package child

import (
	"time"

	machine "github.com/stationmaster/stationmaster/core/child"
)

// eventWatchdog is the limit where daemon_timeout does not count: for Sessions,
// Trigger and Datagram (spec child, 5).
const eventWatchdog = 1000 * time.Second

// watchdog ends a process whose main loop makes no turn for too long. It
// sleeps while the loop waits for events: waiting is no fault.
type watchdog struct {
	limit time.Duration
	timer *time.Timer
}

func (p *Process) watchdogLimit(daemonTimeout time.Duration) time.Duration {
	switch {
	case p.server.Watchdog > 0:
		return p.server.Watchdog
	case p.kind == machine.Single || p.kind == machine.Multi:
		return daemonTimeout
	default:
		return eventWatchdog
	}
}

func (w *watchdog) set(limit time.Duration, p *Process) {
	w.limit = limit
	w.timer = time.AfterFunc(limit, func() { p.Fatalf("watchdog timeout") })
	w.timer.Stop()
}

func (w *watchdog) restart() { w.timer.Reset(w.limit) }

func (w *watchdog) stop() { w.timer.Stop() }
