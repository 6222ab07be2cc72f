package core

import (
	"math"
	"strconv"
)

// Time is an instant in nanoseconds on a monotonic scale whose origin means
// nothing. It never goes back; it may stop and may leap forward.
type Time int64

// Duration is a span of Time in nanoseconds.
type Duration int64

// Units of Duration.
const (
	Nanosecond  Duration = 1
	Microsecond          = 1000 * Nanosecond
	Millisecond          = 1000 * Microsecond
	Second               = 1000 * Millisecond
)

// Add returns the instant d after t, saturating at the ends of the scale: a
// deadline that does not fit must not expire at once.
func (t Time) Add(d Duration) Time {
	sum := t + Time(d)
	switch {
	case d >= 0 && sum < t:
		return math.MaxInt64
	case d < 0 && sum > t:
		return math.MinInt64
	}
	return sum
}

// Sub returns the duration from u to t, saturating if it does not fit.
func (t Time) Sub(u Time) Duration {
	span := t - u
	switch {
	case t >= u && span < 0:
		return math.MaxInt64
	case t < u && span > 0:
		return math.MinInt64
	}
	return Duration(span)
}

// Seconds returns the whole seconds of d.
func (d Duration) Seconds() int64 { return int64(d / Second) }

// ServiceID identifies one service from the moment the machine accepts it. It is
// never reused; zero is invalid.
type ServiceID uint32

// Generation is the number of one start of a child, never reused; zero is
// invalid. The wire carries its low 32 bits.
type Generation uint64

// Epoch is the number of an accepted configuration; zero means none yet.
type Epoch uint64

// Request ties an action to its later answer.
type Request uint64

// PID is a process ID. Kernels reuse it: it is an attribute of a child, never
// its identity.
type PID int32

// Signal is a signal in Linux numbering.
type Signal uint8

// Signals that the core names.
const (
	SIGHUP  Signal = 1
	SIGINT  Signal = 2
	SIGQUIT Signal = 3
	SIGILL  Signal = 4
	SIGBUS  Signal = 7
	SIGKILL Signal = 9
	SIGSEGV Signal = 11
	SIGTERM Signal = 15
)

// ExitStatus is how a process ended: by exit with a code, or by a signal.
type ExitStatus uint16

const endedBySignal ExitStatus = 1 << 8

// ExitedWith returns the status of a process that called exit with code.
func ExitedWith(code uint8) ExitStatus { return ExitStatus(code) }

// KilledBy returns the status of a process that signal s ended.
func KilledBy(s Signal) ExitStatus { return endedBySignal | ExitStatus(s) }

// Signaled returns the signal that ended the process, and whether one did.
func (s ExitStatus) Signaled() (Signal, bool) { return Signal(s), s&endedBySignal != 0 }

// Code returns the exit code; it is meaningless after a signal.
func (s ExitStatus) Code() uint8 { return uint8(s) }

// Normal reports whether the process exited with code 0.
func (s ExitStatus) Normal() bool { return s == 0 }

// String returns "exit status N" or "killed by signal N".
func (s ExitStatus) String() string {
	if sig, ok := s.Signaled(); ok {
		return "killed by signal " + strconv.Itoa(int(sig))
	}
	return "exit status " + strconv.Itoa(int(s.Code()))
}

// ListenStep is the step that failed when a listener could not be opened.
type ListenStep uint8

// The steps of opening a listener (spec runtime, 6).
const (
	StepNone ListenStep = iota
	StepName            // build the socket address: the path is too long
	StepSocket
	StepOption // setsockopt
	StepRemove // unlink the file at the path
	StepAside  // rename the file at the path, at reload
	StepBind
	StepMode // chmod
	StepListen
	StepCreate // mkfifo
	StepOpen
	StepStat
	StepNotFIFO
	StepGroup // set the owner's group
	StepDescriptors
	StepGroups // set it as the only supplementary group
	StepUser   // set the owner's user
	numListenSteps
)

// StartStep is the step that failed when a child could not be started.
type StartStep uint8

// The steps of starting a child.
const (
	StartNone    StartStep = iota
	StartChannel           // the status channel
	StartFork
	StartExec
	numStartSteps
)
