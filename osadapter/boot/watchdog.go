package boot

import "time"

// The kernel's watchdog ends the process if it was not fed for watchdogTicks ticks
// in a row (spec runtime, 13). It acts later than the loop's own watchdog, which
// says why it ends the process but needs a working Go runtime.
const (
	watchdogTick  = 340 * time.Second
	watchdogTicks = 3 // the assembly depends on it
)
