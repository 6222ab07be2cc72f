package boot

import (
	"math"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// steeringVariables are read by the Go runtime and its libraries. A careless
// parent must not steer a mail system with them (spec go-traps, G23).
var steeringVariables = []string{
	"GODEBUG", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOMAXPROCS", "GORACE", "GOCOVERDIR", "ZONEINFO",
}

// gcPercent keeps the heap near what is live: the runtime's own default lets it
// grow to 4 MB before it collects for the first time, which is more than the
// whole daemon needs.
const gcPercent = 25

// NeutralizeRuntime undoes what environment variables may have told the Go
// runtime, as far as a running process can, and makes a crash of the runtime end
// by SIGABRT as the original's panics do. After CleanImage only the last matters.
func NeutralizeRuntime() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetTraceback("crash")
	runtime.SetDefaultGOMAXPROCS()
	for _, name := range steeringVariables {
		_ = syscall.Unsetenv(name) // fails for impossible names only
	}
	// The first timer makes the runtime open its poller. Now there are
	// descriptors for it; when there are none the runtime crashes, and want of
	// descriptors must end a start with the original's line and exit status.
	time.Sleep(time.Nanosecond)
}

// withoutSteering gives environ less what steers the runtime.
func withoutSteering(environ []string) []string {
	for _, name := range steeringVariables {
		environ = removeVariable(environ, name)
	}
	return environ
}
