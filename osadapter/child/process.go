package child

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	machine "github.com/stationmaster/stationmaster/core/child"
	"github.com/stationmaster/stationmaster/core/config"
	"github.com/stationmaster/stationmaster/osadapter/logs"
)

// Process is the running server, for use by its functions. It is safe for
// concurrent use.
type Process struct {
	server     *Server
	kind       machine.Skeleton
	argv       []string
	pid        int
	options    options
	generation uint32
	log        *logs.Log
	errors     atomic.Int32
	watchdog   watchdog

	mu         sync.Mutex // guards the rest
	parameters *config.Parameters
}

// Service returns the name of the service: -n, or the base name of argv[0].
func (p *Process) Service() string { return p.options.service }

// Transport returns inet, unix, fifo, pass or unix-dgram; "" with -S.
func (p *Process) Transport() string { return p.options.transport }

// Args returns the server's own arguments, which follow the options.
func (p *Process) Args() []string { return p.options.args }

// Verbose returns the number of -v options.
func (p *Process) Verbose() int { return p.options.verbose }

// PID returns the process ID, which the process also reports to the master.
func (p *Process) PID() int { return p.pid }

// Alive tells the watchdog that a long session makes progress. Servers of many
// clients need not call it: their sessions do not block the main loop.
func (p *Process) Alive() {
	if p.kind != machine.Multi && p.kind != machine.EventDriven {
		p.watchdog.restart()
	}
}

// Parameter returns a parameter of main.cf, with its macros expanded and -o options
// applied; fallback is its built-in default, which may contain macros. The error
// has the words of the original's fatal line.
func (p *Process) Parameter(name, fallback string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parameters.String(name, fallback, 0, 0)
}

// Number returns a parameter that is a number from min to max; max 0 means no
// limit.
func (p *Process) Number(name string, fallback, min, max int32) (int32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parameters.Int(name, fallback, min, max)
}

// Span returns a parameter that is a time of min to max seconds; max 0 means no
// limit. The unit of the fallback, such as "100s", is that of a number without one.
func (p *Process) Span(name, fallback string, min, max int32) (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := p.parameters.Time(name, fallback, min, max)
	return time.Duration(d), err
}

// Flag returns a parameter that is yes or no.
func (p *Process) Flag(name string, fallback bool) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parameters.Bool(name, fallback)
}

// Infof logs a line.
func (p *Process) Infof(format string, args ...any) { p.write(logs.Info, format, args) }

// Warnf logs a warning.
func (p *Process) Warnf(format string, args ...any) { p.write(logs.Warning, format, args) }

// maxErrors is the number of errors after which a process ends (spec runtime,
// 14.1).
const maxErrors = 13

// Errorf logs an error; the 13th ends the process.
func (p *Process) Errorf(format string, args ...any) {
	p.write(logs.Error, format, args)
	if p.errors.Add(1) >= maxErrors {
		p.Fatalf("too many errors")
	}
}

// fatalDelay keeps a server that cannot start from being restarted at once.
const fatalDelay = time.Second

// Fatalf logs a fatal line, waits a second and ends the process with exit status 1.
// A master throttles the service for it if the process never reported itself
// available.
func (p *Process) Fatalf(format string, args ...any) {
	p.write(logs.Fatal, format, args)
	time.Sleep(fatalDelay)
	p.log.Finish()
	os.Exit(1)
}

// verbosef logs a line if -v was given.
func (p *Process) verbosef(format string, args ...any) {
	if p.options.verbose > 0 {
		p.Infof(format, args...)
	}
}

// crashed is deferred once in each goroutine that calls the server's functions:
// standard error is usually /dev/null, so the cause of a panic and its place would
// be lost. reportCrashes covers other goroutines.
func (p *Process) crashed() {
	r := recover()
	if r == nil {
		return
	}
	p.write(logs.Panic, "%v", []any{r})
	for _, call := range callsToPanic() {
		p.Infof("%s", call)
	}
	p.log.Finish()
	stopReportingCrashes() // they were just logged
	panic(r)
}

// maxCalls bounds the number of calls that are logged for a panic.
const maxCalls = 20

// callsToPanic returns the calls that led to the panic of which a deferred function
// has just recovered, the innermost first, each as one line, without the frames of
// the panic itself.
func callsToPanic() []string {
	const machinery = 12 // this function, crashed, and what raises a runtime error
	var counters [maxCalls + machinery]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters[:])])
	var calls []string
	raised := false
	for range counters {
		f, more := frames.Next()
		switch ofRuntime := strings.HasPrefix(f.Function, "runtime."); {
		case f.Function == "runtime.gopanic":
			raised = true
		case raised && f.Function != "" && (!ofRuntime || len(calls) > 0):
			calls = append(calls, fmt.Sprintf("at %s (%s:%d)", f.Function, f.File, f.Line))
		}
		if !more || len(calls) == maxCalls {
			break
		}
	}
	return calls
}

// write logs one line, and with -V writes it to standard error, too.
func (p *Process) write(level logs.Level, format string, args []any) {
	text := fmt.Sprintf(format, args...)
	p.log.Log(level, text)
	if p.options.toStderr {
		// A reader that went away does not matter.
		_, _ = unix.Write(2, []byte(p.name()+": "+level.Prefix()+text+"\n"))
	}
}

// name returns the process's name in the log.
func (p *Process) name() string {
	if p.server.Name != "" {
		return p.server.Name
	}
	if len(p.argv) == 0 {
		return "server"
	}
	return filepath.Base(p.argv[0])
}
