package boot

import "time"

// The kernel's watchdog ends the process when it was not fed for watchdogTicks ticks
// in a row (spec runtime, 13). It comes after the loop's own watchdog, which says why
// it ends the process, but needs a Go runtime that works.
const (
	watchdogTick  = 340 * time.Second
	watchdogTicks = 3 // the assembly knows it
)
