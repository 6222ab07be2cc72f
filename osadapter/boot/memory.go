package boot

import "runtime/debug"

// gcPercent keeps the heap near what is live: the runtime's own default lets it
// grow to 4 MB before it collects for the first time, which is more than the
// whole daemon needs.
const gcPercent = 25

// SettleMemory gives back what only the start needed, and keeps the heap small
// from now on. Before it nothing is collected in a start of usual size, which
// takes less time than it costs to collect. Services are there already when it
// is called: it takes about a millisecond.
func SettleMemory() {
	debug.SetGCPercent(gcPercent)
	GiveBackMemory()
}

// GiveBackMemory gives back what nobody uses: free pages of the heap, and pages of
// the program, which come back when they are needed. It takes about a millisecond,
// most of it beside everybody else. Any goroutine may call it.
func GiveBackMemory() {
	debug.FreeOSMemory()
	dropImage()
}
