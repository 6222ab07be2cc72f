package boot

import "runtime/debug"

// How far the heap may grow before a collection, in percent of the live heap and of
// 4 MB at least.
const (
	// At rest the heap stays close to its live size: 4 MB are more than the whole
	// daemon needs.
	restPercent = 25
	// While a configuration is read and put in force almost nothing is collected:
	// collecting takes longer than doing without, and services wait for it.
	workPercent = 400
)

// MakeRoom lets the heap grow, until ReleaseMemory. NeutralizeRuntime does the same.
func MakeRoom() { debug.SetGCPercent(workPercent) }

// ReleaseMemory returns the memory that only the start or a reload needed, free
// pages of the heap and pages of the program (which are read again when needed),
// and keeps the heap small from now on. It is called when the services are up: it
// takes about a millisecond, mostly beside other threads. Any goroutine may call
// it.
func ReleaseMemory() {
	debug.SetGCPercent(restPercent)
	debug.FreeOSMemory()
	dropImage()
}
