package boot

import "runtime/debug"

// How far the heap may grow before it is collected, in percent of what is live and
// of 4 MB at least.
const (
	// At rest it stays near what is live: 4 MB are more than the whole daemon needs.
	restPercent = 25
	// While a configuration is read and put in force next to nothing is collected:
	// that takes longer than to do without, and services wait for it.
	workPercent = 400
)

// MakeRoom lets the heap grow, until SettleMemory. NeutralizeRuntime does the same.
func MakeRoom() { debug.SetGCPercent(workPercent) }

// SettleMemory gives back what only the start or a reload needed, free pages of the
// heap and pages of the program, which come back when they are needed, and keeps the
// heap small from now on. Services are there already when it is called: it takes
// about a millisecond, most of it beside everybody else. Any goroutine may call it.
func SettleMemory() {
	debug.SetGCPercent(restPercent)
	debug.FreeOSMemory()
	dropImage()
}
