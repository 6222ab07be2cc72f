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

// Processors is how many threads run Go code at the same time, where the system has
// as many processors: one for the loop, and one for what is done beside it. With one
// for each processor of a large machine the collector alone would start as many
// threads, at any time; see ReserveThreads.
const Processors = 2

// NeutralizeRuntime undoes what environment variables may have told the Go
// runtime, as far as a running process can, and makes a crash of the runtime end
// by SIGABRT as the original's panics do. After CleanImage only the last matters.
//
// The error says that the system has no descriptors, or no memory for them, that
// the runtime needs; the process can only end then, and with Pause alone. It
// reads "epoll_create: STRERROR" or "eventfd: STRERROR".
func NeutralizeRuntime() error {
	MakeRoom()
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetTraceback("crash")
	runtime.GOMAXPROCS(min(Processors, runtime.NumCPU())) // from now on the runtime does not change it
	for _, name := range steeringVariables {
		_ = syscall.Unsetenv(name) // fails for impossible names only
	}
	// The first timer makes the runtime open its poller. When it cannot it
	// crashes, and want of descriptors must end a start with the original's line
	// and exit status; so what it is about to open is tried before.
	if err := tryPoller(); err != nil {
		return err
	}
	time.Sleep(time.Nanosecond)
	return nil
}

// withoutSteering returns environ less what steers the runtime.
func withoutSteering(environ []string) []string {
	for _, name := range steeringVariables {
		environ = removeVariable(environ, name)
	}
	return environ
}
