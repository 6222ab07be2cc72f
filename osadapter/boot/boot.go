// Package boot brings a process into the state that the master and its children
// need before the event loop runs, and ends it the way its observers expect
// (spec runtime, 2, 3 and 12; spec go-traps).
//
// Every function does one thing and is independent of the others; their order
// is the caller's. Nothing here logs, reads the configuration, or knows what a
// service is.
//
// The order of a start that the functions were made for:
//
//	SetUmask
//	s := Enter()                        who started us, with which ready descriptor
//	RaiseOpenFiles
//	CloseInherited, OpenStandard
//	if !s.Clean { CleanImage }          the same program again, in place; returns on failure only
//	NeutralizeRuntime, DefaultSignals
//	... options; with -w and no s.Ready: Detach and Wait ...
//	DetachStandard, NewSession, SetRootGroups
//	... configuration, locks, environment ...
//	Catch, s.Ready.Announce
//	RelaxMonitor, ReleaseMemory
package boot

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/stationmaster/stationmaster/osadapter/lock"
)

// umask is the umask of this process and its children (spec go-traps, G16).
const umask = 0o077

// SetUmask sets the umask to 077. A start calls it first.
func SetUmask() { unix.Umask(umask) }

// failurePause is how long a process that failed waits before it ends, so that a
// caller that restarts it forever does so slowly (spec runtime, 3).
const failurePause = time.Second

// failure is an error number and what was tried, in the original's words.
type failure struct {
	doing string
	err   error
}

func (f *failure) Error() string { return f.doing + ": " + lock.ErrorText(f.err) }
func (f *failure) Unwrap() error { return f.err }
