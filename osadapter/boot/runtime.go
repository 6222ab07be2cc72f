package boot

import (
	"math"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// steeringVariables are read by the Go runtime and its libraries. A careless parent
// must not influence a mail system through them (spec go-traps, G23).
var steeringVariables = []string{
	"GODEBUG", "GOGC", "GOMEMLIMIT", "GOTRACEBACK", "GOMAXPROCS", "GORACE", "GOCOVERDIR", "ZONEINFO",
}

// Processors is the number of threads that run Go code at the same time, if the
// system has as many processors: one for the loop, and one for what runs beside it.
// With one for each processor of a large machine, the collector alone would start
// as many threads, at any time; see ReserveThreads.
const Processors = 2

// NeutralizeRuntime undoes the effect of environment variables on the Go runtime,
// as far as a running process can, and makes a crash of the runtime end by SIGABRT
// like the original's panics. After CleanImage only the latter matters.
//
// The error says that the system has no descriptors, or no memory for them, that
// the runtime needs; the process can only end then, using only Pause. It reads
// "epoll_create: STRERROR" or "eventfd: STRERROR".
func NeutralizeRuntime() error {
	MakeRoom()
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetTraceback("crash")
	runtime.GOMAXPROCS(min(Processors, runtime.NumCPU())) // the runtime does not change it by itself after this
	for _, name := range steeringVariables {
		_ = syscall.Unsetenv(name) // fails only for impossible names
	}
	// The first timer makes the runtime open its poller. It crashes if it cannot,
	// but a shortage of descriptors must end a start with the original's line and
	// exit status. So try first what it is about to open.
	if err := tryPoller(); err != nil {
		return err
	}
	time.Sleep(time.Nanosecond)
	return nil
}

// withoutSteering returns environ without what influences the runtime.
func withoutSteering(environ []string) []string {
	for _, name := range steeringVariables {
		environ = removeVariable(environ, name)
	}
	return environ
}
