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

// Add gives the instant d after t, or the last or first one of all where the
// scale ends: a deadline that does not fit must not come at once.
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

// Sub gives the span from u to t, or the longest one if it does not fit.
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

// Seconds gives the whole seconds of d.
func (d Duration) Seconds() int64 { return int64(d / Second) }

// ServiceID names one service from the moment the machine accepts it. It is
// never given again; zero names none.
type ServiceID uint32

// Generation is the number of one start of a child, unique for ever; zero
// names none. The wire carries its low 32 bits.
type Generation uint64

// Epoch is the number of an accepted configuration; zero means none yet.
type Epoch uint64

// Request ties an action that takes time to its answer.
type Request uint64

// PID is a process identity. Kernels reuse it: it is an attribute of a child,
// never its name.
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

// ExitStatus tells how a process ended: by exit, with a code, or by a signal.
type ExitStatus uint16

const endedBySignal ExitStatus = 1 << 8

// ExitedWith is the status of a process that called exit with the code.
func ExitedWith(code uint8) ExitStatus { return ExitStatus(code) }

// KilledBy is the status of a process that a signal ended.
func KilledBy(s Signal) ExitStatus { return endedBySignal | ExitStatus(s) }

// Signaled tells whether a signal ended the process, and which.
func (s ExitStatus) Signaled() (Signal, bool) { return Signal(s), s&endedBySignal != 0 }

// Code is the exit code; it means nothing after a signal.
func (s ExitStatus) Code() uint8 { return uint8(s) }

// Normal tells whether the process ended by exit with code 0.
func (s ExitStatus) Normal() bool { return s == 0 }

// String gives "exit status N" or "killed by signal N".
func (s ExitStatus) String() string {
	if sig, ok := s.Signaled(); ok {
		return "killed by signal " + strconv.Itoa(int(sig))
	}
	return "exit status " + strconv.Itoa(int(s.Code()))
}

// ListenStep names what was tried when a listener could not be had.
type ListenStep uint8

// The steps of making a listener (spec runtime, 6).
const (
	StepNone ListenStep = iota
	StepName            // the path does not fit a socket address
	StepSocket
	StepOption // setsockopt
	StepRemove // unlink what is at the path
	StepAside  // rename what is at the path, at reload
	StepBind
	StepMode // chmod
	StepListen
	StepCreate // mkfifo
	StepOpen
	StepStat
	StepNotFIFO
	StepGroup // take the owner's group
	StepDescriptors
	StepGroups // take it as the only supplementary group
	StepUser   // take the owner's user
	numListenSteps
)

// StartStep names what was tried when a child could not be started.
type StartStep uint8

// The steps of starting a child.
const (
	StartNone    StartStep = iota
	StartChannel           // the status channel
	StartFork
	StartExec
	numStartSteps
)
